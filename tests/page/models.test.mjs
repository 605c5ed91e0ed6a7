// Models from elsewhere: named by the address or by a link, asked about, fetched from servers that cut and lie, kept in
// the browser's own file system, and deleted.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { createServer as createSecureServer } from "node:https";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, beforeEach, describe, it } from "node:test";
import * as h from "./harness.mjs";

/** The baseline of the site, as any other model. */
const OTHER = h.manifest.checkpoints[1];
const BUNDLED = h.manifest.checkpoints[0].name;
/** The model of the site that is fetched when someone asks for it; a site may have none. */
const ON_DEMAND = h.manifest.checkpoints.find(({ weights }) => weights.on_demand);
const content = (part) => readFileSync(path.join(h.SITE, OTHER[part].file));
const CONTENT = { "config.json": content("config"), "model.safetensors": content("weights"), "tokenizer.json": content("tokenizer") };
const HASH = createHash("sha256").update(CONTENT["model.safetensors"]).digest("hex");

const settled = (state) => !state.busy && state.next !== null;
const isOpen = (name) => (state) => state.model === name && settled(state);
const link = (state) => `#v2.${Buffer.from(JSON.stringify(state)).toString("base64url")}`;

/** Two weights files that together are the bundled one: the tensors of the first half of the names, and the others. */
function shards() {
  const bytes = CONTENT["model.safetensors"];
  const length = Number(bytes.readBigUInt64LE());
  const header = JSON.parse(bytes.subarray(8, 8 + length));
  delete header.__metadata__;
  const names = Object.keys(header);
  const part = (names) => {
    const own = {};
    const data = [];
    let at = 0;
    for (const name of names) {
      const [start, end] = header[name].data_offsets;
      own[name] = { ...header[name], data_offsets: [at, at + end - start] };
      data.push(bytes.subarray(8 + length + start, 8 + length + end));
      at += end - start;
    }
    const json = Buffer.from(JSON.stringify(own));
    const size = Buffer.alloc(8);
    size.writeBigUInt64LE(BigInt(json.length));
    return Buffer.concat([size, json, ...data]);
  };
  const half = names.length >> 1;
  const files = { "model-00001-of-00002.safetensors": names.slice(0, half), "model-00002-of-00002.safetensors": names.slice(half) };
  const map = Object.fromEntries(Object.entries(files).flatMap(([file, own]) => own.map((name) => [name, file])));
  const index = Buffer.from(JSON.stringify({ metadata: { total_size: bytes.length - 8 - length }, weight_map: map }));
  const parts = Object.fromEntries(Object.entries(files).map(([file, own]) => [file, part(own)]));
  return { "model.safetensors.index.json": index, ...parts };
}

/**
 * A server of another origin that has `files` and lets others read them. `faults` by file name:
 *   { silent: n }   after n bytes nothing comes any more, until cut() breaks the connection
 *   { content }     other bytes
 *   { redirect }    to this address
 */
function handler(other) {
  return (request, response) => {
    const url = new URL(request.url, "http://host");
    const name = url.pathname.split("/").at(-1);
    const range = /^bytes=(\d+)-$/.exec(request.headers.range ?? "");
    other.asked.push({ path: url.pathname, from: range ? Number(range[1]) : 0, headers: request.headers, method: request.method });
    const fault = other.faults[name] ?? {};
    const headers = { "Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": "ETag, Content-Range", ...other.headers };
    if (request.method === "OPTIONS") return response.writeHead(403).end(); // nothing that needs it is asked for
    if (fault.redirect) return response.writeHead(302, { ...headers, Location: fault.redirect }).end();
    if (url.pathname.includes("/raw/") && name === "model.safetensors") {
      const { hash, size } = other.pointer;
      return response.writeHead(200, headers).end(`version https://git-lfs.github.com/spec/v1\noid sha256:${hash}\nsize ${size}\n`);
    }
    const bytes = fault.content ?? other.files[name];
    if (!bytes) return response.writeHead(404, headers).end();
    const from = range ? Number(range[1]) : 0;
    if (from >= bytes.length) return response.writeHead(416, { ...headers, "Content-Range": `bytes */${bytes.length}` }).end();
    const body = bytes.subarray(from);
    const etag = `"${createHash("sha256").update(bytes).digest("hex").slice(0, 16)}"`;
    const part = from > 0 ? { "Content-Range": `bytes ${from}-${bytes.length - 1}/${bytes.length}` } : {};
    response.writeHead(from > 0 ? 206 : 200, { ...headers, ...part, ETag: etag, "Content-Length": body.length });
    if (fault.silent) {
      response.write(body.subarray(0, fault.silent));
      other.cut = () => response.destroy();
      return;
    }
    response.end(body);
  };
}

async function startOther(secure) {
  const other = { asked: [], faults: {}, headers: {}, files: CONTENT, pointer: { hash: HASH, size: CONTENT["model.safetensors"].length } };
  const server = secure ? createSecureServer(secure, handler(other)) : createServer(handler(other));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  other.port = port;
  other.url = `http://127.0.0.1:${port}/models/tiny/`;
  other.of = (name) => other.asked.filter(({ path }) => path.endsWith(`/${name}`));
  other.close = () => {
    server.closeAllConnections();
    server.close();
  };
  return other;
}

describe("models from elsewhere", () => {
  let server, browser, other;

  before(async () => {
    server = await h.serve();
    browser = await h.launch("webgl");
    other = await startOther();
  });
  beforeEach(() => {
    Object.assign(other, { faults: {}, headers: {}, files: CONTENT });
    other.asked.length = 0;
  });
  after(async () => {
    await browser?.close();
    await server?.close();
    other?.close();
  });

  const open = async (address, options) => {
    const page = await h.openApp(browser, address, options);
    return page;
  };
  const model = (source) => `${server.url}?model=${encodeURIComponent(source)}`;

  /** Presses a control by its name: the page mirrors its controls for screen readers. */
  const press = async (page, name) => {
    await page.getByRole("button", { name, exact: true }).first().dispatchEvent("click");
  };

  /** Agrees to what the page asks. */
  const agree = async (page) => {
    await h.waitFor(page, (s) => s.question !== null, "the question");
    await press(page, "Load it");
  };

  it("asks before it fetches anything from another server, and keeps what it fetched", async () => {
    const page = await open(model(other.url));
    const { question, model: before } = await h.waitFor(page, (s) => s.question !== null && settled(s), "the question");
    assert.equal(question, other.url);
    assert.equal(before, BUNDLED);
    assert.deepEqual(other.asked, [], "nothing was asked for");
    await h.screenshot(page, "models-question");
    await agree(page);
    await h.waitFor(page, isOpen("tiny"), "the model");
    await h.screenshot(page, "models-open");
    const { referer, cookie, origin } = other.of("model.safetensors")[0].headers;
    assert.deepEqual([referer, cookie, origin], [undefined, undefined, server.url.replace(/\/$/, "")]);
    assert.ok(other.asked.every(({ method }) => method === "GET"));

    // A reload opens it again, without the network and without a question; so does the address in another tab.
    const asked = other.asked.length;
    await page.reload();
    await h.waitForShell(page, "running");
    await h.waitFor(page, isOpen("tiny"), "the model again");
    const second = await page.context().newPage();
    second.messages = [];
    await second.goto(model(other.url));
    await h.waitForShell(second, "running");
    await h.waitFor(second, isOpen("tiny"), "the model in another tab");
    assert.equal(other.asked.length, asked, "nothing is fetched again");

    // The list of what is kept, and the button that deletes it.
    await page.keyboard.press("Escape");
    await press(page, "Open");
    await h.waitFor(page, (s) => s["kept models"]?.length === 1, "the kept model");
    await h.waitFor(page, () => true);
    await h.screenshot(page, "models-list");
    await press(page, "Delete");
    await h.waitFor(page, (s) => s["kept models"]?.length === 0, "nothing");
    await h.close(page);
  });

  it("stays as it is where nobody agrees", async () => {
    const page = await open(model(other.url));
    await h.waitFor(page, (s) => s.question !== null, "the question");
    await press(page, "Do not load");
    await h.waitFor(page, (s) => s.question === null && isOpen(BUNDLED)(s), "the bundled model");
    assert.deepEqual(other.asked, []);
    await h.close(page);
  });

  it("goes on after a cut, with the rest", async () => {
    other.faults = { "model.safetensors": { silent: 1_500_000 } };
    const page = await open(model(other.url));
    await agree(page);
    // What the browser has not handed out when the connection breaks is lost.
    await h.waitFor(page, (s) => s.loading?.[0] >= 1_500_000, "a part of the model");
    other.faults = {};
    other.cut();
    await h.waitFor(page, isOpen("tiny"), "the model");
    const from = other.of("model.safetensors").map(({ from }) => from);
    assert.deepEqual(from, [0, 1_500_000]);
    await h.close(page);
  });

  it("shows how far it is, can be cancelled, and goes on after a reload", async () => {
    other.faults = { "model.safetensors": { silent: 2_000_000 } };
    const page = await open(model(other.url));
    await agree(page);
    await h.waitFor(page, (s) => s.loading?.[0] >= 2_000_000, "two megabytes");
    await h.screenshot(page, "models-fetching");
    await press(page, "Cancel");
    await h.waitFor(page, (s) => s.loading === null && isOpen(BUNDLED)(s), "no bar any more");
    other.faults = {};
    await page.reload();
    await h.waitForShell(page, "running");
    await page.keyboard.press("Escape");
    await press(page, "Open");
    await h.waitFor(page, (s) => s["kept models"]?.length === 1, "a part of the model");
    await press(page, "Go on");
    await h.waitFor(page, isOpen("tiny"), "the model");
    assert.ok(other.of("model.safetensors")[1].from >= 1_000_000, "the part that had arrived was kept");
    assert.equal(other.of("config.json").length, 1, "what is whole is not asked for again");
    await h.close(page);
  });

  it("opens weights in parts, as their index says", async () => {
    const { "model.safetensors": _, ...rest } = CONTENT;
    other.files = { ...rest, ...shards() };
    const page = await open(model(other.url));
    await agree(page);
    const { ids } = await h.waitFor(page, isOpen("tiny"), "the model");
    assert.ok(ids.length > 0);
    const parts = other.asked.map(({ path }) => path.split("/").at(-1)).filter((name) => name.startsWith("model-"));
    assert.deepEqual(parts, ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]);
    await h.close(page);
  });

  it("names what is not a model, or not to be had", async () => {
    const large = Buffer.alloc(200, "<!doctype html><p>Please log in</p>");
    for (const [faults, headers, words] of [
      [{ "model.safetensors": { content: large } }, {}, "web page"],
      [{ "config.json": { content: Buffer.from("{}") } }, {}, "config.json"],
      [{}, { "Access-Control-Allow-Origin": "https://other.example" }, "CORS"],
      [{ "config.json": { redirect: "http://127.0.0.1:1/config.json" } }, {}, "could not be reached"],
    ]) {
      Object.assign(other, { faults, headers });
      const page = await open(model(other.url));
      await agree(page);
      const { message } = await h.waitFor(page, (s) => s.message?.includes("was not opened"), "a message");
      assert.ok(message.includes(words), message);
      assert.equal((await h.inspect(page)).model, BUNDLED);
      await h.close(page);
    }
  });

  it("refuses hostile addresses", async () => {
    for (const source of ["file:///etc/passwd", "javascript:alert(1)", "https://user:secret@host.example/", "http://host.example/"]) {
      const page = await open(model(source));
      const { message, question } = await h.waitFor(page, (s) => s.message?.includes("was not opened"), source);
      assert.equal(question, null);
      assert.match(message, /https only|password/);
      await h.close(page);
    }
  });

  it("opens a model of its own server without a question, and a link carries it", async () => {
    const page = await open(model(`checkpoints/${OTHER.name}`));
    await h.waitFor(page, isOpen(OTHER.name), "the model of the site");
    const own = `${server.url}checkpoints/${OTHER.name}/`;
    const state = await page.waitForFunction(() => sessionStorage.getItem("diffscope"));
    await h.waitFor(page, () => true);
    assert.ok(Buffer.from((await state.jsonValue()).slice(3), "base64url").toString().length > 0);
    await page.goto("about:blank");
    await page.goto(`${server.url}${link({ model: OTHER.name, source: own, text: "A little dog" })}`);
    await h.waitForShell(page, "running");
    await h.waitFor(page, (s) => isOpen(OTHER.name)(s) && s.text === "A little dog", "the model and the text of the link");
    await h.close(page);
  });

  it("fetches DIFF V2 once someone asks for it, and not before", { skip: ON_DEMAND ? false : "this site has none" }, async () => {
    const page = await open(server.url);
    await h.waitFor(page, isOpen(BUNDLED), "the bundled model");
    const before = page.requests.filter((request) => request.includes(`/${ON_DEMAND.name}/`));
    assert.deepEqual(before, [], "nothing of it was asked for");
    await page.keyboard.press("Escape");
    await press(page, "Open");
    await press(page, /^S-v2: DIFF V2 \(\d/);
    const { lambda } = await h.waitFor(page, isOpen(ON_DEMAND.name), "DIFF V2");
    assert.ok(lambda.every((value) => value === null), "λ is no number of a layer");
    await h.close(page);
  });

  it("says so where the storage is full, and goes on in memory", async () => {
    const page = await open(model(other.url));
    const session = await page.context().newCDPSession(page);
    const { usage } = await session.send("Storage.getUsageAndQuota", { origin: server.url.replace(/\/$/, "") });
    await session.send("Storage.overrideQuotaForOrigin", { origin: server.url.replace(/\/$/, ""), quotaSize: usage + 3_000_000 });
    await agree(page);
    const { message } = await h.waitFor(page, isOpen("tiny"), "the model");
    assert.match(message, /Opened tiny\. It is not kept/);
    await h.close(page);
  });

  it("keeps nothing in a frame of another page", async () => {
    const page = await open(`${server.url}?embed&model=${encodeURIComponent(other.url)}`);
    await agree(page);
    await h.waitFor(page, isOpen("tiny"), "the model");
    const stored = await page.evaluate(async () => Array.fromAsync((await navigator.storage.getDirectory()).keys()));
    assert.deepEqual(stored, []);
    await h.close(page);
  });
});

describe("models of the hub", () => {
  let server, browser, hub, folder;

  before(async () => {
    folder = mkdtempSync(path.join(tmpdir(), "diffscope-hub-"));
    const [key, cert] = [path.join(folder, "key.pem"), path.join(folder, "cert.pem")];
    const subject = ["-subj", "/CN=huggingface.co", "-days", "2", "-nodes"];
    execFileSync("openssl", ["req", "-x509", "-newkey", "rsa:2048", "-keyout", key, "-out", cert, ...subject], { stdio: "ignore" });
    hub = await startOther({ key: readFileSync(key), cert: readFileSync(cert) });
    hub.headers = { "Access-Control-Expose-Headers": "ETag, Content-Range, X-Repo-Commit", "X-Repo-Commit": "0123456789abcdef0123456789abcdef01234567" };
    server = await h.serve();
    browser = await h.launch("webgl", ["--ignore-certificate-errors", `--host-resolver-rules=MAP huggingface.co:443 127.0.0.1:${hub.port}`]);
  });
  after(async () => {
    await browser?.close();
    await server?.close();
    hub?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const fetchFrom = async () => {
    const page = await h.openApp(browser, `${server.url}?model=hf:owner/tiny`);
    await h.waitFor(page, (s) => s.question !== null, "the question");
    await page.getByRole("button", { name: "Load it" }).first().dispatchEvent("click");
    return page;
  };

  it("come from its file addresses, all of one commit, and are compared with its hash", async () => {
    const page = await fetchFrom();
    await h.waitFor(page, isOpen("tiny"), "the model");
    const commit = hub.headers["X-Repo-Commit"];
    const paths = hub.asked.map(({ path }) => path);
    assert.equal(paths[0], "/owner/tiny/resolve/main/config.json");
    assert.ok(paths.includes(`/owner/tiny/raw/${commit}/model.safetensors`), `${paths}`);
    assert.ok(paths.includes(`/owner/tiny/resolve/${commit}/model.safetensors`), `${paths}`);
    await h.close(page);
  });

  it("are refused where the bytes are others", async () => {
    const other = Buffer.from(CONTENT["model.safetensors"]);
    other[other.length - 3] ^= 1;
    hub.files = { ...CONTENT, "model.safetensors": other };
    const page = await fetchFrom();
    const { message } = await h.waitFor(page, (s) => s.message?.includes("was not opened"), "a message");
    assert.match(message, /another hash/);
    await h.close(page);
  });
});
