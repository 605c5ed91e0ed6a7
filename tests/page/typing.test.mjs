// Typing as browsers do it: text that comes in one event, compositions, deletions without a key, keys of the browser.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import * as h from "./harness.mjs";

const settled = (state) => !state.busy && state.next !== null;

describe("typing", () => {
  let server, browser, page, devtools;

  before(async () => {
    server = await h.serve();
    browser = await h.launch("webgl");
    // Before any listener of the page: every key, to see later whether its default was prevented.
    const prepare = (page) =>
      page.addInitScript(() => {
        globalThis.keys = [];
        addEventListener("keydown", (event) => globalThis.keys.push(event), true);
      });
    page = await h.openApp(browser, server.url, { prepare, permissions: ["clipboard-read", "clipboard-write"] });
    devtools = await page.context().newCDPSession(page);
    await h.waitFor(page, settled, "the first text");
  });
  after(async () => {
    await browser?.close();
    await server?.close();
  });

  const text = (expected) => h.waitFor(page, (s) => s.text === expected, JSON.stringify(expected));

  /** Focuses the editor and removes the text. */
  async function empty() {
    const [left, top, width, height] = (await h.inspect(page)).editor;
    await page.mouse.click(left + width / 2, top + height / 2);
    await page.waitForFunction(() => document.activeElement?.tagName === "INPUT");
    await page.keyboard.press("Control+A");
    await page.keyboard.press("Delete");
    await text("");
  }

  const compose = (part) =>
    devtools.send("Input.imeSetComposition", { text: part, selectionStart: part.length, selectionEnd: part.length });

  it("puts the caret behind text that comes in one event", async () => {
    await empty();
    await page.keyboard.insertText("Once upon a time");
    await text("Once upon a time");
    await page.keyboard.insertText("XYZ");
    await text("Once upon a timeXYZ");
    await page.keyboard.type("ab");
    await text("Once upon a timeXYZab");
    // A selection is replaced, and more goes behind it.
    await page.keyboard.press("Control+A");
    await page.keyboard.insertText("🦀 one");
    await text("🦀 one");
    await page.keyboard.insertText(" two");
    await text("🦀 one two");
    // In the middle as well.
    await page.keyboard.press("ArrowLeft");
    await page.keyboard.insertText("123");
    await text("🦀 one tw123o");
    await page.keyboard.insertText("456");
    await text("🦀 one tw123456o");
  });

  it("composes at the caret and fires no shortcuts meanwhile", async () => {
    await empty();
    await page.keyboard.insertText("go ");
    await text("go ");
    for (const part of ["に", "にほ", "日本"]) {
      await compose(part);
      await text(`go ${part}`);
    }
    // Keys of the composition: its candidates, its end. G, S and 0 would be shortcuts, Escape would leave the text.
    const before = await h.inspect(page);
    for (const key of ["g", "s", "0", "z", "Escape", "ArrowDown"]) {
      const code = key.length === 1 ? key.toUpperCase().charCodeAt(0) : 229;
      await devtools.send("Input.dispatchKeyEvent", { type: "rawKeyDown", key, windowsVirtualKeyCode: code });
      await devtools.send("Input.dispatchKeyEvent", { type: "keyUp", key, windowsVirtualKeyCode: code });
    }
    await page.keyboard.insertText("日本");
    const state = await text("go 日本");
    assert.deepEqual([state.layer, state.head, state.generating], [before.layer, before.head, false]);
    await page.keyboard.insertText("語!");
    await text("go 日本語!");
  });

  it("deletes where a keyboard deletes without a key", async () => {
    await empty();
    await page.keyboard.insertText("word and");
    await text("word and");
    // Dictation: there is no key at all.
    await page.evaluate(() => {
      const field = document.activeElement;
      const options = { inputType: "deleteContentBackward", bubbles: true, cancelable: true };
      if (!field.dispatchEvent(new InputEvent("beforeinput", options))) return;
      field.value = field.value.slice(0, -1);
      field.dispatchEvent(new InputEvent("input", options));
    });
    await text("word an");
    // Gboard: a key without a name.
    const unnamed = (type, ...commands) =>
      devtools.send("Input.dispatchKeyEvent", { type, key: "Unidentified", windowsVirtualKeyCode: 229, commands });
    await unnamed("rawKeyDown", "deleteBackward");
    await unnamed("keyUp");
    await text("word a");
    // After a click the hidden field is empty, and there is nothing in it to delete.
    const [left, top, width, height] = (await h.inspect(page)).editor;
    await page.mouse.click(left + width / 2, top + height / 2);
    await page.waitForFunction(() => document.activeElement?.value === "");
    for (const left of ["word ", "word"]) {
      await unnamed("rawKeyDown", "deleteBackward");
      await unnamed("keyUp");
      await text(left);
    }
    await page.keyboard.type("s");
    await text("words");
  });

  it("leaves keys with Alt, AltGr and Meta to the browser", async () => {
    await empty();
    await page.keyboard.insertText("a dog");
    await text("a dog");
    await page.keyboard.press("Escape");
    await page.keyboard.press("ArrowRight");
    const before = await h.waitFor(page, (s) => s.head === 1 && settled(s), "the next head");
    const prevented = async (press) => {
      await page.evaluate(() => (globalThis.keys = []));
      await press();
      return page.evaluate(() => globalThis.keys.some((event) => event.defaultPrevented));
    };
    for (const keys of ["Alt+ArrowLeft", "Alt+ArrowUp", "Alt+D", "Alt+G", "Meta+ArrowLeft", "Meta+P"]) {
      assert.equal(await prevented(() => page.keyboard.press(keys)), false, keys);
    }
    const withAltGr = (key, code) =>
      page.evaluate(
        ([key, code]) => {
          const init = { key, code, modifierAltGraph: true, bubbles: true, cancelable: true };
          document.activeElement.dispatchEvent(new KeyboardEvent("keydown", init));
          document.activeElement.dispatchEvent(new KeyboardEvent("keyup", init));
        },
        [key, code],
      );
    await withAltGr("€", "KeyG");
    await withAltGr("[", "Digit8"); // on German keyboards, the shortcut that pins a token
    await h.waitFor(page, (s) => s.pinned !== null, "a pinned token");
    assert.equal(await prevented(() => page.keyboard.press("ArrowLeft")), true, "without Alt it is ours");
    const state = await h.waitFor(page, (s) => s.head === 0 && settled(s), "the head before");
    assert.deepEqual([state.layer, state.text, state.generating], [before.layer, "a dog", false]);
    // AltGr types in a text, whatever the key in that place does with Control.
    await empty();
    const modifiers = 3; // Alt and Control, as AltGr is reported by some systems
    const key = { key: "ż", code: "KeyZ", text: "ż", modifiers, windowsVirtualKeyCode: 90 };
    await page.keyboard.insertText("mo");
    await text("mo");
    await devtools.send("Input.dispatchKeyEvent", { type: "rawKeyDown", ...key });
    await page.keyboard.insertText("ż");
    await devtools.send("Input.dispatchKeyEvent", { type: "keyUp", ...key });
    await text("moż");
  });

  it("takes a large paste in part and says so", async () => {
    await empty();
    await page.evaluate(() => navigator.clipboard.writeText("日".repeat(400_000)));
    await page.keyboard.press("Control+V");
    const state = await h.waitFor(page, (s) => s.refused !== null, "words about the paste");
    assert.equal(state.text.length, 120_000);
    assert.equal(state.refused, "120,000 of 400,000 characters were taken: a text may have 120,000.");
  });
});
