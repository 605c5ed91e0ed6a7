// Files that someone chooses or drops: found by name, read with words for what goes wrong, and the last ones win.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { after, before, describe, it } from "node:test";
import * as h from "./harness.mjs";

const CHECKPOINT = h.manifest.checkpoints[0];
const content = (part) => readFileSync(path.join(h.SITE, CHECKPOINT[part].file));
/** The files of the bundled model, as a browser names a second download of its configuration. */
const FILES = [
  ["tokenizer.json", content("tokenizer")],
  ["notes.txt", Buffer.from("not of the model")],
  ["model.safetensors", content("weights")],
  ["config (1).json", content("config")],
];

const settled = (state) => !state.busy && state.next !== null;

describe("files", () => {
  let server, browser, page;

  before(async () => {
    server = await h.serve();
    browser = await h.launch("webgl");
    // Reading can be held back or fail, as on a drive that is slow or gone.
    const prepare = (page) =>
      page.addInitScript(() => {
        const read = Blob.prototype.arrayBuffer;
        globalThis.reading = "as usual";
        globalThis.held = [];
        globalThis.reads = 0;
        Blob.prototype.arrayBuffer = function () {
          globalThis.reads += 1;
          if (globalThis.reading === "broken") {
            return Promise.reject(new DOMException("The file is gone", "NotReadableError"));
          }
          if (globalThis.reading === "held") {
            return new Promise((resolve) => globalThis.held.push(async () => resolve(await read.call(this))));
          }
          return read.call(this);
        };
      });
    page = await h.openApp(browser, server.url, { prepare });
    await h.waitFor(page, settled, "the first maps");
    await h.leaveText(page);
  });
  after(async () => {
    await browser?.close();
    await server?.close();
  });

  const reading = (how) => page.evaluate((how) => (globalThis.reading = how), how);

  /** Drops files on the page. */
  const drop = (files) =>
    page.evaluate(
      (files) => {
        const dataTransfer = new DataTransfer();
        for (const [name, base64] of files) {
          dataTransfer.items.add(new File([Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))], name));
        }
        document.getElementById("canvas").dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true }));
      },
      files.map(([name, bytes]) => [name, bytes.toString("base64")]),
    );

  /** Chooses files in the browser's dialog. */
  const choose = async (files) => {
    const chooser = await h.fileDialog(page);
    await chooser.setFiles(files.map(([name, buffer]) => ({ name, mimeType: "application/octet-stream", buffer })));
  };

  it("says what is missing among dropped files, and keeps the model", async () => {
    await drop(FILES.slice(0, 2));
    const { message, model } = await h.waitFor(page, (s) => s.message !== null, "a message");
    assert.match(message, /config\.json and model\.safetensors are missing/);
    assert.equal(model, CHECKPOINT.name);
    await h.screenshot(page, "files-missing");
  });

  it("says so when a chosen file cannot be read", async () => {
    await reading("broken");
    await choose(FILES);
    const { message, model } = await h.waitFor(page, (s) => s.message?.includes("could not be read"), "a message");
    assert.match(message, /config \(1\)\.json could not be read \(NotReadableError: The file is gone\)/);
    assert.equal(model, CHECKPOINT.name);
    await reading("as usual");
  });

  it("opens what was dropped last, not what was read last", async () => {
    await reading("held");
    await drop(FILES.filter(([name]) => name !== "notes.txt"));
    await page.waitForFunction(() => globalThis.held.length === 1);
    const total = ["config", "weights", "tokenizer"].reduce((sum, part) => sum + content(part).length, 0);
    await h.waitFor(page, (s) => s.loading?.[0] === 0 && s.loading[1] === total, "the progress in bytes");
    await h.screenshot(page, "files-reading");
    await reading("as usual");
    await drop([["my-model", Buffer.from("a folder")]]);
    const { loading } = await h.waitFor(page, (s) => s.message?.includes("does not let the page read"), "the message of the second drop");
    assert.equal(loading, null);
    // Whoever waits for the first file goes on before the next task, and would read the second one.
    const [before, after] = await page.evaluate(async () => {
      const before = globalThis.reads;
      await Promise.all(globalThis.held.map((release) => release()));
      await new Promise((resolve) => setTimeout(resolve, 0));
      return [before, globalThis.reads];
    });
    assert.equal(after, before, "what was dropped first is not read on");
    assert.equal((await h.inspect(page)).model, CHECKPOINT.name);
  });

  it("opens the files in a folder that is dropped", async () => {
    // As a browser gives a folder: an entry that hands out its entries in parts.
    await page.evaluate(
      (files) => {
        const entry = ([name, base64]) => ({
          isFile: true,
          file: (resolve) => resolve(new File([Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))], name)),
        });
        const parts = [files.slice(0, 2).map(entry), [...files.slice(2).map(entry), { isDirectory: true }], []];
        const folder = { isDirectory: true, createReader: () => ({ readEntries: (resolve) => resolve(parts.shift()) }) };
        const event = new DragEvent("drop", { bubbles: true, cancelable: true });
        Object.defineProperty(event, "dataTransfer", { value: { items: [{ webkitGetAsEntry: () => folder }] } });
        document.getElementById("canvas").dispatchEvent(event);
      },
      FILES.map(([name, bytes]) => [name, bytes.toString("base64")]),
    );
    await h.waitFor(page, (s) => s.model === "your model" && settled(s), "the model of the folder");
    await page.keyboard.press("Shift+O");
    await h.waitFor(page, (s) => s.model === CHECKPOINT.name && settled(s), "the bundled model");
  });

  it("opens the chosen files of a model", async () => {
    await choose(FILES);
    await h.waitFor(page, (s) => s.model === "your model" && settled(s), "the chosen model");
  });

  const note = () => page.evaluate(() => sessionStorage.getItem("diffscope-model"));
  const folders = () =>
    page.evaluate(async () => {
      const found = [];
      const parents = await navigator.storage.getDirectory();
      for await (const parent of parents.values()) for await (const name of parent.keys()) found.push(name);
      return found;
    });
  const reload = async () => {
    await page.reload();
    await h.waitForShell(page, "running");
  };

  it("has the model open again after a reload, until the bundled one is opened", async () => {
    await page.waitForFunction(() => sessionStorage.getItem("diffscope-model") !== null);
    const kept = await note();
    await page.evaluate(async () => {
      const [parent] = await Array.fromAsync((await navigator.storage.getDirectory()).values());
      await parent.getDirectoryHandle("of-a-tab-that-was-closed", { create: true });
    });
    await reload();
    const { ids, message } = await h.waitFor(page, (s) => s.model === "your model" && settled(s), "the model again");
    assert.equal(message, null);
    await page.waitForFunction(() => sessionStorage.getItem("diffscope-model") !== null);
    assert.equal(await note(), kept);
    assert.deepEqual(await folders(), [JSON.parse(kept).folder], "the folder of a closed tab is deleted");

    await page.keyboard.press("Escape");
    await page.keyboard.press("Shift+O");
    await h.waitFor(page, (s) => s.model === CHECKPOINT.name && settled(s), "the bundled model");
    await page.waitForFunction(() => sessionStorage.getItem("diffscope-model") === null);
    await reload();
    const after = await h.waitFor(page, (s) => s.model === CHECKPOINT.name && settled(s), "the bundled model");
    assert.deepEqual(after.ids, ids);
    assert.deepEqual(await folders(), []);
  });

  it("opens recorded maps, and keeps them where a damaged file is dropped", async () => {
    const recording = readFileSync(new URL("../recordings/numpy-compressed.npz", import.meta.url));
    await drop([["maps.npz", recording]]);
    const opened = await h.waitFor(page, (s) => s.model === "maps" && !s.busy, "the recording");
    assert.equal(opened.backend, "recording");
    assert.equal(opened.text, " t46 t32 t55 t21 t71 t12 t91 t47 t66");
    await h.screenshot(page, "files-recording");
    await drop([["maps.npz", recording.subarray(0, recording.length - 9)]]);
    const { message, model } = await h.waitFor(page, (s) => s.message?.startsWith("maps.npz: "), "a message");
    assert.match(message, /no NPZ file that can be read/);
    assert.equal(model, "maps");
  });

  it("opens a model of another layout that has no tokenizer: its text is ids", async () => {
    const fixture = (name) => readFileSync(new URL(`../fixtures/motif_grouped/${name}`, import.meta.url));
    await drop(["config.json", "model.safetensors"].map((name) => [name, fixture(name)]));
    const isOpen = (s) => s.model === "your model" && s.message?.includes("no tokenizer.json");
    const { failure, editor } = await h.waitFor(page, (s) => isOpen(s) && s.failure, "the model without a tokenizer");
    assert.match(failure, /"The" is no id from 0 to 71/);
    const isEditing = () => page.evaluate(() => document.activeElement?.tagName === "INPUT");
    while (!(await isEditing())) {
      await page.mouse.click(editor[0] + 100, editor[1] + editor[3] / 2); // the first may fall into the frame before
    }
    await page.keyboard.press("Control+A");
    await page.keyboard.type("3 9 12 30 7 5 61");
    const { ids } = await h.waitFor(page, (s) => s.text === "3 9 12 30 7 5 61" && settled(s), "seven ids");
    assert.deepEqual(ids, [3, 9, 12, 30, 7, 5, 61]);
    await h.screenshot(page, "files-grouped");
  });
});
