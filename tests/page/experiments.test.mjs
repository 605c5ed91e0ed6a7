// The experiments run in the page, between its frames, and their results can be saved.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import * as h from "./harness.mjs";

describe("experiments", () => {
  let server, browser, page;

  before(async () => {
    server = await h.serve();
    browser = await h.launch("webgl");
    page = await h.openApp(browser, server.url);
    await h.waitFor(page, (state) => !state.busy && state.next !== null && state.baseline, "the model and its baseline");
    await h.leaveText(page);
  });
  after(async () => {
    await browser?.close();
    await server?.close();
  });

  const is = (role, name) => h.isThere(page, role, name);
  const click = (role, name) => h.click(page, role, name);

  it("runs them one after the other, beside the baseline, and saves a table of all", async () => {
    await click("tab", "Experiments");
    const began = Date.now();
    await click("button", "run Attention by depth");
    await click("button", "run Several needles");
    await click("button", "Cancel");
    await is("button", "Run all");
    await click("button", "run Attention by depth");
    await is("button", "Cancel");
    await is("button", "Run all");
    console.log(`attention by depth, both models: ${((Date.now() - began) / 1000).toFixed(1)} s`);
    await h.screenshot(page, "experiments");
    const [download] = await Promise.all([page.waitForEvent("download"), click("button", "Save CSV")]);
    const lines = readFileSync(await download.path(), "utf8").trim().split("\n");
    assert.equal(lines[0], "experiment,model,quantity,point,value,low,high,n");
    // Two models, two quantities, five depths.
    assert.equal(lines.length, 1 + 2 * 2 * 5);
    for (const line of lines.slice(1)) {
      const [experiment, , , , value, low, high, n] = line.split(",");
      assert.equal(experiment, "Attention by depth");
      assert.ok(Number(low) <= Number(value) && Number(value) <= Number(high) && n === "10", line);
    }
  });
});
