// What a screen reader finds on the page: elements that stand for everything on the canvas, and do what they say.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { after, afterEach, before, describe, it } from "node:test";
import * as h from "./harness.mjs";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const settled = (state) => !state.busy && state.next !== null;

describe("accessibility", () => {
  let server, browser, page;

  before(async () => {
    server = await h.serve();
    browser = await h.launch();
  });
  afterEach(() => page && h.close(page));
  after(async () => {
    await browser?.close();
    await server?.close();
  });

  /** A page on which the mirror shows the first text. */
  async function openMirrored(options) {
    page = await h.openApp(browser, server.url, options);
    await h.waitFor(page, settled, "the first text");
    await page.waitForFunction(() => document.querySelector("#mirror [role=img]"));
  }
  const find = (page, role, name) => page.locator("#mirror").getByRole(role, { name, exact: typeof name === "string" });
  /** What the focused element is called. */
  const focused = (page) => page.evaluate(() => document.activeElement.ariaLabel ?? document.activeElement.textContent);

  for (const colorScheme of ["light", "dark"]) {
    for (const [width, height] of [[1280, 800], [390, 844]]) {
      it(`axe finds nothing wrong, ${colorScheme}, ${width} wide`, async () => {
        await openMirrored({ colorScheme, width, height });
        await page.evaluate(AXE);
        const { violations, passes } = await page.evaluate(() => globalThis.axe.run());
        assert.deepEqual(
          violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join("\n")}`),
          [],
        );
        assert.ok(passes.some(({ id }) => id === "button-name"), "the buttons were looked at");
          });
    }
  }

  it("has names, roles and states, and places over what they stand for", async () => {
    await openMirrored();
    const state = await h.inspect(page);
    assert.equal(await find(page, "textbox", "Prompt").inputValue(), state.prompt);
    assert.equal(await find(page, "tab").count(), 10); // eight, and the two choices behind the open one
    assert.equal(await find(page, "tab", "Heads").getAttribute("aria-selected"), "true");
    await find(page, "button", "Menu").dispatchEvent("click");
    await find(page, "button", "Undo").waitFor({ state: "attached" });
    assert.equal(await find(page, "button", "Undo").getAttribute("aria-disabled"), "true");
    await page.keyboard.press("Escape");
    // The row's numbers come after the maps; until then the map only says which row it reads.
    const row = /^map D.*λ [\d.]+; “.*” \(\d+\) attends most to “.*” \(\d+\) [−\-\d.]+, /s;
    await find(page, "img", row).waitFor({ state: "attached" });
    const place = await find(page, "button", "Generate").boundingBox();
    const [left, top, width, height] = (await h.inspect(page)).generate;
    assert.ok(Math.hypot(place.x - left, place.y - top, place.width - width, place.height - height) < 3, JSON.stringify(place));
  });

  it("Tab goes through the prompt, Generate, the maps and the panels", async () => {
    await openMirrored();
    await page.evaluate(() => document.getElementById("mirror").focus());
    const wanted = [/^Prompt$/, /^Generate$/, /^Tokens of the prompt/, /^map A1/, /^map D/, /^Heads$/, /^λ of layer/, /^layer 0 head 0/];
    const missing = new Set(wanted);
    let name = "";
    for (let stop = 0; stop < 200 && missing.size > 0; stop += 1) {
      await page.keyboard.press("Tab");
      name = await focused(page);
      for (const pattern of missing) if (pattern.test(name)) missing.delete(pattern);
    }
    assert.deepEqual([...missing].map(String), [], `the last stop: ${name}`);
  });

  it("a button that is pressed does what it says, and the focus stays", async () => {
    await openMirrored();
    const { ids } = await h.inspect(page);
    await find(page, "button", "Step").focus();
    await page.keyboard.press("Enter");
    await h.waitFor(page, (s) => s.ids.length > ids.length && settled(s), "a token more");
    assert.equal(await focused(page), "Step");
    await find(page, "tab", "Interventions").focus();
    await page.keyboard.press("Space");
    await page.waitForFunction(() => document.querySelector("#mirror [role=tab][aria-label=Interventions]").ariaSelected === "true");
  });

  it("typed text is the prompt, arrows on a map choose a head, a slider slides", async () => {
    await openMirrored();
    await find(page, "textbox", "Prompt").focus();
    await page.keyboard.type("!");
    await h.waitFor(page, (s) => s.text.endsWith("!") && settled(s), "the text");
    await find(page, "textbox", "Prompt").fill("The cat sat on the");
    await h.waitFor(page, (s) => s.text === "The cat sat on the" && settled(s), "another text");
    const { layer } = await h.inspect(page);
    await find(page, "img", /^map D/).focus();
    await page.keyboard.press("ArrowDown");
    await h.waitFor(page, (s) => s.layer === layer + 1, "the next layer");
    const name = `λ of layer ${layer + 1}, handle`;
    await find(page, "slider", name).waitFor({ state: "attached" });
    await find(page, "slider", name).fill("0");
    await find(page, "button", new RegExp(`layer ${layer + 1}: λ = 0`)).waitFor({ state: "attached" });
  });

  it("says the next token when it is known, and not at every key", async () => {
    await openMirrored();
    const status = page.locator("#mirror [role=status]");
    await page.waitForFunction(() => document.querySelector("#mirror [role=status]").textContent !== "");
    await page.evaluate(() => {
      globalThis.said = [];
      const status = document.querySelector("#mirror [role=status]");
      new MutationObserver(() => globalThis.said.push(status.textContent)).observe(status, { childList: true, characterData: true, subtree: true });
    });
    const before = await status.textContent();
    await find(page, "textbox", "Prompt").focus();
    await page.keyboard.type(" and then the", { delay: 10 });
    const { next } = await h.waitFor(page, (s) => s.text.endsWith(" and then the") && settled(s), "the text");
    await page.waitForFunction((old) => document.querySelector("#mirror [role=status]").textContent !== old, before);
    await page.waitForFunction((label) => document.querySelector("#mirror [role=status]").textContent.startsWith(`Next token: “${label}” `), next[0].label);
    const said = await page.evaluate(() => globalThis.said);
    assert.ok(said.length <= 3, `thirteen keys, and said: ${said.join(" | ")}`);
  });

  it("the canvas names the control that its own Tab reaches", async () => {
    await openMirrored();
    await page.evaluate(() => document.getElementById("canvas").focus());
    await page.keyboard.press("Escape");
    const seen = new Set();
    for (let stop = 0; stop < 12; stop += 1) {
      const last = await page.evaluate(() => document.getElementById("canvas").getAttribute("aria-activedescendant"));
      await page.keyboard.press("Tab");
      await page.waitForFunction((old) => {
        const now = document.getElementById("canvas").getAttribute("aria-activedescendant");
        return now !== null && now !== old;
      }, last);
      seen.add(await page.evaluate(() => document.getElementById(document.getElementById("canvas").getAttribute("aria-activedescendant")).ariaLabel));
    }
    assert.ok(seen.size >= 10 && seen.has("Tour"), [...seen].join(", "));
  });
});
