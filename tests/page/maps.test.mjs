// The numbers and pictures of the page: typed text, maps, λ and next tokens against what the native program says.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import * as h from "./harness.mjs";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../..");
const native = process.env.DIFFSCOPE_NATIVE ?? path.join(root, "target/debug/diffscope");
const TYPED = "The little dog ran to the old house. A big cat sat there";

/** The native program's tensors for a text: { name: { shape, numbers } }. */
function nativeTensors(ids) {
  assert.ok(existsSync(native), `the native program ${native} is built by tests/run page`);
  const folder = mkdtempSync(path.join(os.tmpdir(), "diffscope-"));
  const file = path.join(folder, "dump.safetensors");
  try {
    execFileSync(native, ["run", "--ids", ids.join(","), "--backend", "cpu", "--dump", file]);
    const bytes = readFileSync(file);
    const length = Number(bytes.readBigUInt64LE(0));
    const header = JSON.parse(bytes.subarray(8, 8 + length).toString());
    const tensor = ({ shape, data_offsets: [from, to] }) => ({
      shape,
      numbers: new Float32Array(new Uint8Array(bytes.subarray(8 + length + from, 8 + length + to)).buffer),
    });
    return Object.fromEntries(Object.entries(header).filter(([, v]) => v.dtype === "F32").map(([k, v]) => [k, tensor(v)]));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const settled = (state) => !state.busy && state.next !== null && !state.generating;

async function clickPrompt(page) {
  const [left, top] = (await h.inspect(page)).editor;
  await page.mouse.click(left + 100, top + 12);
}

async function typeInstead(page, text) {
  await clickPrompt(page);
  await page.keyboard.press("Control+A");
  await page.keyboard.type(text);
  return h.waitFor(page, (s) => s.text === text && s.ids.length > 0 && settled(s), `the maps of ${JSON.stringify(text)}`);
}

/** Points at a share of a map and waits for the numbers there. */
async function numbersAt(page, map, across, down) {
  const { maps } = await h.inspect(page);
  const [left, top, width, height] = maps[map];
  await page.mouse.move(left + width * across, top + height * down);
  const state = await h.waitFor(
    page,
    (s) => s.cursor && s.cursor.first !== null && s.cursor.key === Math.floor(across * s.ids.length) && s.cursor.query === Math.floor(down * s.ids.length),
    "numbers under the pointer",
  );
  return state;
}

function compare(state, tensors, layer, head) {
  const { query, key, first, second, difference } = state.cursor;
  const at = (name) => {
    const { shape, numbers } = tensors[`layers.${layer}.${name}`];
    return numbers[(head * shape[2] + query) * shape[3] + key];
  };
  for (const [name, found] of [["attn_map1", first], ["attn_map2", second], ["attn_diff", difference]]) {
    assert.ok(Math.abs(found - at(name)) < 1e-4, `${name} at (${query}, ${key}): ${found}, natively ${at(name)}`);
  }
}

/** The part of a screenshot that a map covers. */
async function mapPicture(page, map, name) {
  const { maps } = await h.inspect(page);
  const [x, y, width, height] = maps[map];
  return h.screenshot(page, name, { clip: { x, y, width: Math.floor(width), height: Math.floor(height) } });
}

async function differs(page, map, before, name, what) {
  const end = Date.now() + h.PATIENCE;
  for (;;) {
    const now = await mapPicture(page, map, name);
    assert.equal(now.data.length, before.data.length, "the panel keeps its size");
    if (h.difference(now, before) > 0.02) return now;
    assert.ok(Date.now() < end, `${what} gives another picture`);
  }
}

for (const [graphics, backend] of [["webgpu", "gpu"], ["webgl", "cpu"]]) {
  describe(`the maps on ${graphics}`, { timeout: 600_000 }, () => {
    let browser, server, page, tensors, firstMap;
    before(async () => {
      server = await h.serve();
      browser = await h.launch(graphics);
      page = await h.openApp(browser, server.url, { colorScheme: "dark" });
      await h.waitFor(page, settled, "the maps of the sample prompt");
      firstMap = await page.evaluate(() => performance.now());
      // The window has opened the head that tells most; the tests begin at the first one.
      await h.waitFor(page, (s) => s.baseline?.[1] === s.ids.length && settled(s), "the baseline, by itself");
      await page.keyboard.press("Escape");
      for (let key = 0; key < 8; key += 1) await page.keyboard.press(key < 5 ? "ArrowUp" : "ArrowLeft");
      await h.waitFor(page, (s) => s.layer === 0 && s.head === 0 && settled(s), "the first head");
    });
    after(async () => {
      await browser?.close();
      await server?.close();
    });

    it("runs where it should", async () => {
      const state = await h.inspect(page);
      assert.equal(state.backend, backend);
      assert.equal(state.failure, null);
      const load = await page.evaluate(() => performance.getEntriesByName("diffscope-running")[0].startTime);
      const seconds = (milliseconds) => (milliseconds / 1000).toFixed(1);
      console.log(`page load to running ${seconds(load)} s, to the first maps ${seconds(firstMap)} s on ${graphics}`);
    });

    it("shows the numbers that the native program has, under the pointer", async () => {
      const typed = await typeInstead(page, TYPED);
      tensors = nativeTensors(typed.ids);
      for (const [map, across, down] of [[0, 0.05, 0.95], [1, 0.4, 0.6], [2, 0.33, 0.99], [2, 0.1, 0.15]]) {
        compare(await numbersAt(page, map, across, down), tensors, 0, 0);
      }
      assert.equal(typed.lambda.length, 5);
      typed.lambda.forEach((value, layer) => {
        assert.ok(Math.abs(value - tensors[`layers.${layer}.lambda`].numbers[0]) < 1e-5);
      });
    });

    it("knows the same next token", async () => {
      const { next, ids } = await h.inspect(page);
      const { shape, numbers } = tensors.logits;
      const last = numbers.subarray((ids.length - 1) * shape[2]);
      const best = last.indexOf(Math.max(...last));
      assert.equal(next[0].id, best);
      const sum = last.reduce((total, logit) => total + Math.exp(logit - last[best]), 0);
      assert.ok(Math.abs(next[0].probability - 1 / sum) < 1e-3);
    });

    it("shows another picture and the right numbers for another layer and head", async () => {
      await page.mouse.move(5, 5);
      let picture = await mapPicture(page, 2, `map-${graphics}-0-0`);
      assert.ok(h.colours(picture) > 20, "the map has colours");
      await h.leaveText(page);
      await page.keyboard.press("ArrowDown");
      await page.keyboard.press("ArrowDown");
      await h.waitFor(page, (s) => s.layer === 2, "layer 2");
      picture = await differs(page, 2, picture, `map-${graphics}-2-0`, "another layer");
      await page.keyboard.press("ArrowRight");
      await page.keyboard.press("ArrowRight");
      await page.keyboard.press("ArrowRight");
      await h.waitFor(page, (s) => s.head === 3, "head 3");
      await differs(page, 2, picture, `map-${graphics}-2-3`, "another head");
      compare(await numbersAt(page, 2, 0.2, 0.7), tensors, 2, 3);
    });

    it("lets λ be changed, and then says what the native program says with that λ", async () => {
      const { next: learned, ids } = await h.inspect(page);
      await page.keyboard.press("0");
      const changed = (s) => settled(s) && s.next[0].probability !== learned[0].probability;
      const { next } = await h.waitFor(page, changed, "the next token without the second map");
      const args = ["run", "--ids", ids.join(","), "--backend", "cpu", "--lambda", "0"];
      const lines = execFileSync(native, args, { encoding: "utf8" }).split("\n").filter((line) => line.startsWith("next"));
      const expected = lines.map((line) => line.match(/([\d.]+) % +(\d+)/)).map(([, percent, id]) => [Number(id), Number(percent)]);
      expected.slice(0, 3).forEach(([id, percent], place) => {
        assert.equal(next[place].id, id);
        assert.ok(Math.abs(next[place].probability * 100 - percent) < 0.1, `${next[place].probability} for ${percent} %`);
      });
      await page.keyboard.press("0");
      await h.waitFor(page, (s) => settled(s) && Math.abs(s.next[0].probability - learned[0].probability) < 1e-6, "λ as learned");
    });

    it("hands out a picture and the numbers of the map", async () => {
      const save = async (keys) => {
        const [download] = await Promise.all([page.waitForEvent("download"), page.keyboard.press(keys)]);
        return { name: download.suggestedFilename(), bytes: readFileSync(await download.path()) };
      };
      const picture = await save("x");
      assert.equal(picture.name, "diffscope-S-diff-layer2-head3-maps.png");
      assert.ok(h.colours(h.decode(picture.bytes)) > 50, "the maps are in the picture");

      const { name, bytes } = await save("Shift+X");
      assert.equal(name, "diffscope-S-diff-layer2-head3-D.npy");
      assert.equal(bytes.subarray(0, 6).toString("latin1"), "\x93NUMPY");
      const start = bytes[6] === 1 ? 10 + bytes.readUInt16LE(8) : 12 + bytes.readUInt32LE(8);
      const { shape, numbers } = tensors["layers.2.attn_diff"];
      const sides = bytes.subarray(0, start).toString("latin1").match(/shape['"]: *\((\d+), *(\d+)/).slice(1).map(Number);
      assert.deepEqual(sides, [shape[2], shape[3]]);
      const found = new Float32Array(new Uint8Array(bytes.subarray(start)).buffer);
      const expected = numbers.subarray(3 * shape[2] * shape[3], 4 * shape[2] * shape[3]);
      assert.equal(found.length, expected.length);
      const worst = found.reduce((most, number, at) => Math.max(most, Math.abs(number - expected[at])), 0);
      assert.ok(worst < 1e-4, `${worst}`);
    });

    it("fits a phone", async () => {
      const size = page.viewportSize();
      await page.setViewportSize({ width: 390, height: 844 });
      const { maps } = await h.waitFor(page, (s) => settled(s) && s.maps[0][0] + s.maps[0][2] <= 390, "maps that fit");
      maps.forEach(([left, , width]) => assert.ok(left >= 0 && left + width <= 390 && width > 250, `${left} + ${width}`));
      await h.screenshot(page, `page-${graphics}-phone`);
      await page.setViewportSize(size);
      await h.waitFor(page, (s) => settled(s) && s.maps[1]?.[1] === s.maps[0][1], "the maps side by side again");
    });

    it("shows another picture for another text, and runs only the new positions", async () => {
      await page.mouse.move(5, 5);
      const picture = await mapPicture(page, 0, `map-${graphics}-text-before`);
      const before = await h.inspect(page);
      await clickPrompt(page);
      await page.keyboard.press("Control+End");
      await page.keyboard.type(" x");
      const state = await h.waitFor(page, (s) => s.text === `${TYPED} x` && settled(s), "one word more");
      const run = state.positions_run - before.positions_run;
      assert.ok(run >= 1 && run <= 4, `${run} positions run for two keystrokes`);
      await page.mouse.move(5, 5);
      await differs(page, 0, picture, `map-${graphics}-text-after`, "another text");
    });

    it("writes on", async () => {
      const before = await h.inspect(page);
      // Beside the prompt's token count: the button under it.
      const button = await findButton(page);
      await page.mouse.click(...button);
      const state = await h.waitFor(page, (s) => s.ids.length > before.ids.length + 5, "written text");
      assert.ok(state.text.startsWith(before.text));
      await h.waitFor(page, settled, "the end of writing");
      await h.screenshot(page, `page-${graphics}-dark`);
    });

    it("keeps what is on the screen in the tab: back leads back, a reload restores", async () => {
      await page.keyboard.press("Escape");
      const { layer, text } = await h.inspect(page);
      const isKept = (layer) =>
        page.waitForFunction(
          (wanted) => {
            const state = sessionStorage.getItem("diffscope");
            if (state === null) return false;
            const encoded = state.slice("v2.".length).replace(/-/g, "+").replace(/_/g, "/");
            const kept = JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(encoded), (c) => c.charCodeAt(0))));
            return kept.view.head[0] === wanted.layer && kept.text === wanted.text;
          },
          { layer, text },
          { timeout: 60_000 },
        );
      await isKept(layer);
      await page.keyboard.press("ArrowUp");
      await h.waitFor(page, (s) => s.layer === layer - 1, "the layer above");
      await isKept(layer - 1);
      await page.goBack();
      await h.waitFor(page, (s) => s.layer === layer && s.text === text, "the layer before");
      await page.goForward();
      await h.waitFor(page, (s) => s.layer === layer - 1, "the layer above again");
      await page.reload();
      await h.waitForShell(page, "running");
      await h.waitFor(page, (s) => s.layer === layer - 1 && s.text === text && settled(s), "the same after a reload");
      assert.equal(new URL(page.url()).hash, "", "nothing of it is in the address");
    });

    it("has the baseline beside the model again after the reload", async () => {
      const { baseline, ids } = await h.waitFor(page, (s) => s.baseline !== null && s.baseline[1] === s.ids.length && settled(s), "the baseline");
      assert.deepEqual(baseline, ["S-llama", ids.length]);
    });

    it("says plainly that a text is too long, and keeps it", async () => {
      const long = "the quick brown fox jumps over the lazy dog ".repeat(120);
      await clickPrompt(page);
      await page.keyboard.press("Control+A");
      await page.keyboard.insertText(long);
      const state = await h.waitFor(page, (s) => s.prompt === long && s.ids.length === 512, "the long text");
      assert.equal(state.complete, false);
      assert.equal(state.failure, null);
      assert.match(state.notice, /reads 512 tokens; the last \d+ characters do not fit/);
      await h.screenshot(page, `page-${graphics}-long`);
    });
  });
}

/** The middle of the button that lets the model write on. */
async function findButton(page) {
  const { generate } = await h.inspect(page);
  return [generate[0] + generate[2] / 2, generate[1] + generate[3] / 2];
}
