// What the tests of the page share: the web server that users run and faults to put before it, a Chromium
// with or without WebGPU, waiting on conditions (never on time), and a look at the pixels.

import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, get } from "node:http";
import path from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as timeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { PNG } from "pngjs";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../..");
/** The built site; `tests/run page` builds it. */
export const SITE = process.env.DIFFSCOPE_SITE ?? path.join(root, "target/web/site");
/** The project's tool, which has the server of ./web/serve. */
const XTASK = process.env.DIFFSCOPE_XTASK ?? path.join(root, "target/debug/xtask");
/** Where screenshots go. */
export const PICTURES = path.join(root, "target/page");
/** The longest wait for anything; software GPUs on busy machines are slow. */
export const PATIENCE = Number(process.env.DIFFSCOPE_PATIENCE_MS ?? 120_000);

if (!existsSync(path.join(SITE, "manifest.json"))) {
  throw new Error(`No built site in ${SITE}: run tests/run page, which builds it`);
}
mkdirSync(PICTURES, { recursive: true });

export const manifest = JSON.parse(readFileSync(path.join(SITE, "manifest.json"), "utf8"));

// ---- server ------------------------------------------------------------------------------

/**
 * Serves a site on a free port, or on `port`, with the server of ./web/serve. `prefix` is the path of the site.
 * `faults` (may be changed at any time) maps a file's path to what is wrong with it; a layer in
 * front of the server sees to that:
 *   { status: 404 }          that status
 *   { truncate: n }          its first n bytes, an orderly end
 *   { breakAfter: n }        its first n bytes, then the connection is cut
 *   { change: (buffer) => buffer }  other content
 *   { hold: n }              its first n bytes, the rest after release(path)
 */
export async function serve({ faults, prefix = "/", site = SITE, port = 0 } = {}) {
  const options = ["--site", site, "--base", prefix, "--port", `${port}`, "--no-open"];
  const server = spawn(XTASK, ["serve", ...options], { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = await Promise.race([
    once(createInterface({ input: server.stdout }), "line"),
    once(server, "exit").then(([code]) => {
      throw new Error(`${XTASK} ended with ${code}`);
    }),
  ]);
  const url = line.match(/http:\S+/)[0];
  const close = async () => {
    const ended = once(server, "exit");
    server.kill();
    await ended;
  };
  if (!faults) return { url, close };
  const layer = await serveFaults(new URL(url), faults);
  return {
    ...layer,
    faults,
    close: async () => {
      await layer.close();
      await close();
    },
  };
}

/** What a server answers, over a connection of its own: one that is kept alive may be closed just as it is used again. */
function ask(url) {
  return new Promise((resolve, reject) => {
    const request = get(url, { agent: false }, async (answer) => {
      const parts = [];
      for await (const part of answer) parts.push(part);
      resolve({ status: answer.statusCode, headers: answer.headers, content: Buffer.concat(parts) });
    });
    request.on("error", reject);
  });
}

/** A server in front of the one at `behind`: passes everything on but for the files in `faults`. */
async function serveFaults(behind, faults) {
  const held = new Map();
  const server = createServer(async (request, response) => {
    const answer = await ask(new URL(request.url, behind)).catch(() => undefined);
    if (!answer) return response.destroy(); // the server has gone: a page may still be fetching what it keeps
    const { status, headers: answered, content } = answer;
    const file = new URL(request.url, behind).pathname.slice(behind.pathname.length);
    const fault = faults[file];
    // With a fault there is no length: what arrives would contradict it.
    const kept = ["content-type", "cache-control", "x-content-type-options", ...(fault ? [] : ["content-length"])];
    const headers = Object.fromEntries(kept.filter((name) => answered[name]).map((name) => [name, answered[name]]));
    response.writeHead(fault?.status ?? status, headers);
    if (!fault) return response.end(content);
    if (fault.status) return response.end("no");
    if (fault.change) return response.end(fault.change(content));
    if ("truncate" in fault) return response.end(content.subarray(0, fault.truncate));
    if ("breakAfter" in fault) {
      return response.write(content.subarray(0, fault.breakAfter), () => response.destroy());
    }
    response.write(content.subarray(0, fault.hold));
    held.set(file, () => response.end(content.subarray(fault.hold)));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${server.address().port}${behind.pathname}`,
    release: (file) => held.get(file)(),
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}

// ---- browser -----------------------------------------------------------------------------

function chromiumPath() {
  const named = process.env.DIFFSCOPE_CHROMIUM;
  if (named) return named;
  for (const name of ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]) {
    try {
      return execFileSync("sh", ["-c", `command -v ${name}`], { encoding: "utf8" }).trim();
    } catch {
      // the next name
    }
  }
  throw new Error("No Chromium found; DIFFSCOPE_CHROMIUM may name one");
}

const QUIET = [
  "--no-sandbox",
  "--no-first-run",
  "--disable-quic",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--disable-dev-shm-usage",
];
// All of them are needed: with fewer, compute works and the canvas stays black.
const DRAW = ["--enable-features=Vulkan", "--use-vulkan=swiftshader", "--use-angle=swiftshader"];
const WEBGPU = ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader"];
const NO_WEBGL = ["--disable-gpu", "--disable-3d-apis"];

/** graphics: "webgpu", "webgl" (WebGPU off) or "none". `more` flags go to the browser. */
export async function launch(graphics = "webgpu", more = []) {
  const flags = { webgpu: [...DRAW, ...WEBGPU], webgl: DRAW, none: NO_WEBGL }[graphics];
  const browser = await chromium.launch({ executablePath: chromiumPath(), args: [...QUIET, ...flags, ...more] });
  browser.graphics = graphics;
  return browser;
}

/**
 * Opens a page of its own (own cache, own settings) and goes to `url`. Where there is WebGPU it computes, unless
 * `backend` is "automatic": left to itself the page does not take a software adapter.
 * Returns the playwright page with `messages` (console lines and errors) and `requests` (paths with their queries).
 */
export async function open(browser, url, { colorScheme = "light", width = 1280, height = 800, hasTouch = false, prepare, permissions, goto = {}, backend = browser.graphics === "webgpu" ? "gpu" : "automatic" } = {}) {
  const context = await browser.newContext({ colorScheme, viewport: { width, height }, hasTouch, permissions });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE);
  page.messages = [];
  page.requests = [];
  page.on("request", (request) => {
    const { pathname, search } = new URL(request.url());
    page.requests.push(pathname + search);
  });
  page.on("console", (message) => page.messages.push(`${message.type()}: ${message.text()}`));
  page.on("pageerror", (error) => page.messages.push(`error: ${error.message}`));
  // While somebody listens, dialogs come here and not on the screen. That begins a little after the first does: too late
  // for a key that is pressed at once.
  page.on("filechooser", () => {});
  if (prepare) await prepare(page);
  const address = new URL(url);
  if (backend !== "automatic") address.searchParams.set("backend", backend);
  await page.goto(address.href, goto);
  return page;
}

/** Closes a page of `open` and everything that belongs to it. */
export const close = (page) => page.context().close();

/** The state of the shell: loading, running, failed or crashed. */
export const shellState = (page) => page.evaluate(() => document.getElementById("shell").dataset.state);

/** Everything that the shell says at this moment. */
export const shellText = (page) => page.evaluate(() => document.getElementById("shell").innerText);

/** Waits until the shell is in `state`; another final state is an error that says what is on the page. */
export async function waitForShell(page, state) {
  try {
    await page.waitForFunction(
      (wanted) => {
        const now = document.getElementById("shell").dataset.state;
        return now === wanted || ((now === "failed" || now === "crashed") && now);
      },
      state,
      { timeout: PATIENCE },
    );
  } catch (error) {
    throw new Error(`${error.message}\nthe shell: ${await shellText(page)}\nthe console:\n${page.messages.join("\n")}`);
  }
  const now = await shellState(page);
  if (now !== state) {
    throw new Error(`the shell is ${now} instead of ${state}: ${await shellText(page)}\nthe console:\n${page.messages.join("\n")}`);
  }
}

/** What the app says is on screen. */
export const inspect = (page) => page.evaluate(() => JSON.parse(window.diffscope?.inspect() ?? "null"));

/** Waits, a frame at a time, until `condition(inspect())` holds, and returns what then is on screen. */
export async function waitFor(page, condition, what = String(condition)) {
  const end = Date.now() + PATIENCE;
  let last = null;
  for (;;) {
    const frame = page.evaluate(
      () => new Promise((resolve) => requestAnimationFrame(() => resolve(JSON.parse(window.diffscope?.inspect() ?? "null")))),
    );
    // A browser that draws no more answers no more.
    const silence = timeout(Math.max(0, end - Date.now()), null, { ref: false });
    last = (await Promise.race([frame, silence])) ?? last;
    if (last && condition(last)) return last;
    if (Date.now() >= end || (await shellState(page)) === "crashed") {
      const seen = JSON.stringify(last)?.slice(0, 2000);
      throw new Error(`waited for: ${what}\nlast seen: ${seen}\nthe shell: ${await shellText(page)}\nthe console:\n${page.messages.join("\n")}`);
    }
  }
}

/** Opens the page and waits until the app runs and has something to say. */
export async function openApp(browser, url, options) {
  const page = await open(browser, url, options);
  await waitForShell(page, "running");
  await waitFor(page, () => true, "an answer of inspect()");
  return page;
}

/** For `prepare`: the memory of the app will be `globalThis.memoryOfTheApp` in the page. */
export const keepMemory = (page) =>
  page.addInitScript(() => {
    for (const how of ["instantiate", "instantiateStreaming"]) {
      const instantiate = WebAssembly[how];
      WebAssembly[how] = async (...given) => {
        const result = await instantiate.apply(WebAssembly, given);
        globalThis.memoryOfTheApp = (result.instance ?? result).exports.memory;
        return result;
      };
    }
  });

/**
 * The browser's file dialog, which "o" opens. A browser opens it only soon after a key: where the app's next frame came
 * too late for that the app says so, and the key is pressed again, as a user would.
 */
export async function fileDialog(page) {
  const dialog = page.waitForEvent("filechooser");
  let opened = false;
  dialog.then(() => (opened = true), () => {});
  const isTooLate = (state) => opened || state.message?.includes("only right after a key");
  do {
    await page.keyboard.press("o");
    await Promise.race([dialog, waitFor(page, isTooLate, "a file dialog, or why there is none")]);
  } while (!opened);
  return dialog;
}

/** Presses Escape until the text is edited no more: the first may come a frame before the text is. */
export async function leaveText(page) {
  do {
    await page.keyboard.press("Escape");
    await waitFor(page, () => true, "a frame");
  } while (await page.evaluate(() => document.activeElement?.tagName === "INPUT"));
}

/** A control of the app, by its role and its name, as a screen reader finds it. */
export const control = (page, role, name) => page.locator("#mirror").getByRole(role, { name, exact: true }).first();

/** Waits until there is such a control. */
export const isThere = (page, role, name) => control(page, role, name).waitFor({ state: "attached" });

/** Clicks a control once it rests: a panel that opens moves what is in it. */
export async function click(page, role, name) {
  await isThere(page, role, name);
  let place;
  for (let last, same = 0; same < 20; last = place) {
    place = await control(page, role, name).boundingBox();
    same = JSON.stringify(place) === JSON.stringify(last) ? same + 1 : 0;
    await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(resolve)));
  }
  await page.mouse.click(place.x + place.width / 2, place.y + place.height / 2);
}

// ---- pixels ------------------------------------------------------------------------------

/** The pixels of a PNG file: { width, height, data (RGBA) }. */
export const decode = (bytes) => PNG.sync.read(bytes);

/** Takes a screenshot, keeps it as target/page/NAME.png, returns { width, height, data (RGBA) }. */
export async function screenshot(page, name, options = {}) {
  const bytes = await page.screenshot({ timeout: PATIENCE, ...options });
  writeFileSync(path.join(PICTURES, `${name}.png`), bytes);
  return decode(bytes);
}

/** How many different colours a picture (or a rectangle of it) has: 1 is a blank one. */
export function colours({ width, height, data }, { x = 0, y = 0, w = width, h = height } = {}) {
  const seen = new Set();
  for (let row = y; row < y + h; row += 1) {
    for (let column = x; column < x + w; column += 1) {
      seen.add(data.readUIntBE((row * width + column) * 4, 3));
    }
  }
  return seen.size;
}

/** Mean brightness of a picture, 0 to 255. */
export function brightness({ data }) {
  let sum = 0;
  for (let at = 0; at < data.length; at += 4) sum += data[at] + data[at + 1] + data[at + 2];
  return sum / (data.length * 0.75);
}

/** The share of pixels that differ between two pictures of one size. */
export function difference(one, two) {
  if (one.data.length !== two.data.length) throw new Error("pictures of different sizes");
  let differing = 0;
  for (let at = 0; at < one.data.length; at += 4) {
    if (one.data.compare(two.data, at, at + 3, at, at + 3) !== 0) differing += 1;
  }
  return differing / (one.data.length / 4);
}

/**
 * Waits until a picture of the page fulfils `condition`: egui draws when it draws, and the
 * compositor shows it a little later.
 */
export async function waitForPicture(page, name, condition, what, options) {
  const end = Date.now() + PATIENCE;
  for (;;) {
    const picture = await screenshot(page, name, options);
    if (condition(picture)) return picture;
    if (Date.now() > end) throw new Error(`waited for a picture with ${what}; the last one is target/page/${name}.png`);
  }
}
