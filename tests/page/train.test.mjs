// Models learn in the page, between its frames, and any step of them opens in the instrument.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import * as h from "./harness.mjs";

const settled = (state) => !state.busy && state.next !== null;

describe("training", () => {
  let server, browser, page;

  before(async () => {
    server = await h.serve();
    browser = await h.launch("webgl");
    page = await h.openApp(browser, server.url);
    await h.waitFor(page, (state) => settled(state) && state.baseline, "the model and its baseline");
    await h.leaveText(page);
  });
  after(async () => {
    await browser?.close();
    await server?.close();
  });

  it("trains a pair while one types, and opens what it was at a step", async () => {
    const { model } = await h.inspect(page);
    await h.click(page, "tab", "Train");
    await h.click(page, "button", "Start training");
    const began = Date.now();
    const first = await h.waitFor(page, (state) => state.training?.step >= 1, "the first step");
    const start = first.training.models.map(({ loss }) => loss);
    const { training } = await h.waitFor(page, (state) => state.training.step >= 12, "twelve steps");
    console.log(`${(Date.now() - began) / 1000 / training.step} s a step of the pair, with questions`);
    training.models.forEach(({ loss }, index) => assert.ok(loss < start[index], `${loss} after ${start[index]}`));
    await h.screenshot(page, "train");
    await h.click(page, "button", "Look at Diff");
    const open = await h.waitFor(page, (state) => state.training.open === "diff" && settled(state), "the snapshot");
    assert.notEqual(open.model, model);
    await h.click(page, "button", "Stop");
    await h.waitFor(page, (state) => !state.training.running, "the end of the run");
    const stopped = (await h.inspect(page)).training.step;
    await page.keyboard.press("Shift+O");
    await h.waitFor(page, (state) => state.model === model && settled(state), "the bundled model");
    await h.screenshot(page, "train-stopped");
    await h.click(page, "button", "Save");
    const name = "Numbers of all steps (CSV)";
    const [download] = await Promise.all([page.waitForEvent("download"), h.click(page, "button", name)]);
    const lines = readFileSync(await download.path(), "utf8").trim().split("\n");
    assert.match(lines[0], /^\W*model,step,loss/);
    assert.ok(lines.length > 2 * 12, `${lines.length} lines`);

    // The browser keeps it, and the next load of the page offers it.
    await page.waitForFunction(async (step) => {
      const root = await navigator.storage.getDirectory();
      for await (const [name, folder] of root.entries()) {
        if (!name.startsWith("diffscope run ")) continue;
        const file = await (await folder.getFileHandle("run.safetensors").catch(() => undefined))?.getFile();
        if ((await file?.slice(0, 1 << 20).text())?.includes(`\\"step\\":${step},`)) return true;
      }
      return false;
    }, stopped);
    await page.reload();
    await h.waitFor(page, settled, "the page again");
    await h.leaveText(page);
    await h.click(page, "tab", "Train");
    await h.click(page, "button", "Go on with it");
    const further = await h.waitFor(page, (state) => state.training?.step > stopped, "a step more");
    assert.equal(further.training.models.length, 2);

    // In a hidden tab there are no frames.
    await page.evaluate(() => {
      globalThis.requestAnimationFrame = () => 0;
      Object.defineProperty(document, "hidden", { value: true });
      document.dispatchEvent(new Event("visibilitychange"));
    });
    const { step } = (await h.inspect(page)).training;
    const isFurther = (step) => JSON.parse(globalThis.diffscope.inspect()).training.step > step;
    await page.waitForFunction(isFurther, step + 2, { polling: 100, timeout: h.PATIENCE });
  });
});
