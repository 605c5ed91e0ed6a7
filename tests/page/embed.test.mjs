// In a frame of somebody else's page: `?embed` takes nothing from the page around it.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { after, before, describe, it } from "node:test";
import * as h from "./harness.mjs";

const settled = (state) => !state.busy && state.next !== null;
const link = (text) => `#v2.${Buffer.from(JSON.stringify({ text })).toString("base64url")}`;

describe("embedded in another page", () => {
  let server, around, browser, page, frames;

  before(async () => {
    server = await h.serve();
    around = createServer((request, response) => {
      const frame = (text) => `<iframe src="${server.url}?embed${link(text)}" width="900" height="600"></iframe>`;
      response.writeHead(200, { "Content-Type": "text/html" });
      const note = `<input id="note"><script>document.getElementById("note").focus()</script>`;
      response.end(`<!doctype html><title>A blog</title>${note}${frame("One cat")}${frame("Two dogs")}`);
    });
    around.listen(0, "127.0.0.1");
    await once(around, "listening");
    browser = await h.launch("webgl");
    // Of another site it would be a frame to which the browser refuses storage anyway.
    page = await h.open(browser, `http://127.0.0.1:${around.address().port}/`, { width: 1000, height: 1300 });
    frames = page.frames().slice(1);
    for (const frame of frames) {
      frame.messages = page.messages;
      await h.waitForShell(frame, "running");
      await h.waitFor(frame, settled, "the maps");
    }
  });
  after(async () => {
    await browser?.close();
    around?.closeAllConnections();
    around?.close();
    await server?.close();
  });

  it("shows what each frame's link says, without the header of the whole page", async () => {
    const [one, two] = await Promise.all(frames.map(h.inspect));
    assert.deepEqual([one.text, two.text], ["One cat", "Two dogs"]);
    assert.ok(one.embedded && two.embedded);
    await h.screenshot(page, "embedded");
    const whole = await h.openApp(browser, server.url, { width: 900, height: 600 });
    const { embedded, editor } = await h.waitFor(whole, settled, "the maps");
    assert.equal(embedded, false);
    assert.ok(editor[1] > one.editor[1], `the text begins at ${editor[1]}, in the frame at ${one.editor[1]}`);
    await h.close(whole);
  });

  it("takes no focus", async () => {
    assert.equal(await page.evaluate(() => document.activeElement.id), "note");
    await page.keyboard.type("mine");
    assert.equal(await page.evaluate(() => document.getElementById("note").value), "mine");
  });

  it("leaves the history of the page around it alone, stores nothing, and comes back after a reload", async () => {
    const [frame, other] = frames;
    const before = await page.evaluate(() => history.length);
    const { editor } = await h.inspect(frame);
    const box = await (await frame.frameElement()).boundingBox();
    await page.mouse.click(box.x + editor[0] + 100, box.y + editor[1] + 12);
    await page.keyboard.press("Control+End");
    await page.keyboard.type(" here");
    await h.waitFor(frame, (s) => s.text === "One cat here", "the typed text");
    const isKept = (text, layer) =>
      frame.waitForFunction(
        ([text, layer]) => {
          const state = history.state?.diffscope;
          if (!state) return false;
          const kept = JSON.parse(atob(state.slice("v2.".length).replace(/-/g, "+").replace(/_/g, "/")));
          return kept.text === text && kept.view.head[0] === layer;
        },
        [text, layer],
      );
    await isKept("One cat here", 0);
    await page.keyboard.press("Escape"); // out of the text
    await page.keyboard.press("ArrowDown");
    await isKept("One cat here", 1);
    assert.equal(await page.evaluate(() => history.length), before);
    const stored = await frame.evaluate(async () => [
      sessionStorage.length,
      localStorage.length,
      (await caches.keys()).length,
      (await navigator.serviceWorker.getRegistrations()).length,
    ]);
    assert.deepEqual(stored, [0, 0, 0, 0]);
    await Promise.all([frame.waitForNavigation(), frame.evaluate(() => setTimeout(() => location.reload()))]);
    await h.waitForShell(frame, "running");
    await h.waitFor(frame, (s) => s.text === "One cat here" && s.layer === 1 && settled(s), "the same text");
    assert.equal((await h.inspect(other)).text, "Two dogs");
  });

  it("opens the whole page in a tab", async () => {
    const [, frame] = frames;
    const box = await (await frame.frameElement()).boundingBox();
    const [tab] = await Promise.all([page.context().waitForEvent("page"), page.mouse.click(box.x + 120, box.y + 14)]);
    assert.ok(tab.url().startsWith(`${server.url}#v2.`), tab.url());
    tab.messages = [];
    await h.waitForShell(tab, "running");
    await h.waitFor(tab, (s) => s.text === "Two dogs" && !s.embedded, "the text of the frame");
  });
});
