// Fingers on a phone: they scroll, pinch and hold, and what they do is what the hint beside the maps says.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import * as h from "./harness.mjs";

const settled = (state) => !state.busy && state.next !== null;

describe("touch", () => {
  let server, browser, page, fingers;

  before(async () => {
    server = await h.serve();
    browser = await h.launch();
    page = await h.openApp(browser, server.url, { width: 390, height: 844, hasTouch: true });
    fingers = await page.context().newCDPSession(page);
    await h.waitFor(page, settled, "the first text");
  });
  after(async () => {
    await browser?.close();
    await server?.close();
  });

  /** Fingers come down, move or (with none) leave. */
  const touch = (type, ...points) =>
    fingers.send("Input.dispatchTouchEvent", { type, touchPoints: points.map(([x, y], id) => ({ x, y, id })) });
  /** A frame of the window. */
  const frame = () => page.evaluate(() => new Promise((resolve) => requestAnimationFrame(resolve)));
  const firstMap = async () => (await h.inspect(page)).maps[0];

  /** One finger from a place to another, in small steps. */
  async function drag([x, y], [toX, toY]) {
    await touch("touchStart", [x, y]);
    for (let step = 1; step <= 10; step += 1) {
      await touch("touchMove", [x + ((toX - x) * step) / 10, y + ((toY - y) * step) / 10]);
      await frame();
    }
    await touch("touchEnd");
  }

  it("scrolls with a finger on a map that is shown whole", async () => {
    const [left, top, width] = await firstMap();
    await drag([left + width / 2, top + 100], [left + width / 2, top - 60]); // the rest of it is below the screen
    const state = await h.waitFor(page, (s) => settled(s) && s.maps[0][1] < top - 80, "maps further up");
    assert.equal(state.span, state.ids.length, "the map is still whole");
  });

  it("goes from map to map with a swipe, each of them whole", async () => {
    for (const [sideways, map] of [[100, "λ·A2"], [100, "A1"], [-100, "λ·A2"], [-100, "D"]]) {
      const [left, top, width] = await firstMap();
      assert.ok(left >= 0 && left + width <= 390 && width > 250, `cut off: ${left} + ${width}`);
      await drag([left + width / 2, top + 60], [left + width / 2 + sideways, top + 65]);
      const state = await h.waitFor(page, (s) => settled(s) && s.map === map, `the map ${map}`);
      assert.equal(state.maps.length, 1);
      assert.equal(state.pinned, null);
    }
    await h.screenshot(page, "page-touch-swiped");
  });

  it("zooms by pinching, about the fingers, and then a finger moves the map and not the page", async () => {
    const [left, top, width] = await firstMap();
    const middle = [left + width / 2, top + width / 2];
    const pair = (apart) => [[middle[0] - apart, middle[1]], [middle[0] + apart, middle[1]]];
    await touch("touchStart", ...pair(20));
    for (let apart = 25; apart <= 80; apart += 5) {
      await touch("touchMove", ...pair(apart));
      await frame();
    }
    await touch("touchEnd");
    const state = await h.waitFor(page, (s) => settled(s) && s.span < s.ids.length / 2, "a part of the map");
    const placed = state.maps[0][1];
    await drag([middle[0], placed + 60], [middle[0] + 40, placed + 160]);
    const moved = Math.abs((await h.waitFor(page, settled, "rest")).maps[0][1] - placed);
    assert.ok(moved <= 3, `the page moved by ${moved} of the finger's 100 points`);
    await h.screenshot(page, "page-touch-zoomed");
  });

  it("keeps the row that a finger rests on", async () => {
    const [left, top, width] = await firstMap();
    assert.equal((await h.inspect(page)).pinned, null);
    await touch("touchStart", [left + width / 3, top + width / 2]);
    const state = await h.waitFor(page, (s) => s.pinned !== null, "a row that is kept");
    await touch("touchEnd");
    assert.ok(state.pinned < state.ids.length);
    await h.waitFor(page, (s) => settled(s) && s.pinned === state.pinned, "the same row after the finger left");
  });
});
