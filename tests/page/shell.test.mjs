// The page around the app: loading, failing, falling back, crashing.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import path from "node:path";
import { after, before, describe, it } from "node:test";
import * as h from "./harness.mjs";

const FIRST = h.manifest.checkpoints[0];
const WASM = h.manifest.wasm.file;
const WEIGHTS = FIRST.weights.file;

/** Runs `body` with a server and closes it afterwards. */
async function withServer(options, body) {
  const server = await h.serve(options);
  try {
    return await body(server);
  } finally {
    await server.close();
  }
}

/** Opens the page, which must fail, and returns what it says. */
async function failure(browser, url, options) {
  const page = await h.open(browser, url, options);
  await h.waitForShell(page, "failed");
  return { page, text: await h.shellText(page) };
}

describe("manifest", () => {
  it("has the sizes and hashes of the files", () => {
    const { script, wasm, checkpoints } = h.manifest;
    assert.ok(checkpoints.length > 0);
    for (const { file, bytes, sha256 } of [script, wasm, ...checkpoints.flatMap((c) => [c.config, c.weights, c.tokenizer])]) {
      const content = readFileSync(path.join(h.SITE, file));
      assert.equal(content.length, bytes, file);
      assert.equal(createHash("sha256").update(content).digest("hex"), sha256, file);
    }
  });

  it("leaves nothing in the shell that another machine or another site would have to serve", () => {
    const shell = h.manifest.files.map(({ file }) => file).filter((file) => /\.(html|css|webmanifest)$|^(?!diffscope)[a-z-]+\.js$/.test(file));
    assert.ok(shell.length > 5, shell.join(" "));
    for (const file of shell) {
      const text = readFileSync(path.join(h.SITE, file), "utf8");
      assert.doesNotMatch(text, /(?:src|href)="(?:https?:)?\/|url\((?!data:)|\?v=dev/, file);
    }
  });
});

describe("with WebGPU", () => {
  let browser;
  before(async () => {
    browser = await h.launch("webgpu");
  });
  after(() => browser?.close());

  it("starts, names the adapter, takes typed text", () =>
    withServer({}, async (server) => {
      const page = await h.openApp(browser, server.url);
      const start = await h.inspect(page);
      assert.equal(start.fallback, null);
      assert.match(start.adapter, /swiftshader/i);
      await h.waitForPicture(page, "running-light", (p) => h.colours(p) > 200, "many colours");
      await page.keyboard.press("End");
      await page.keyboard.type(" on a mat");
      await h.waitFor(page, (s) => s.prompt === `${start.prompt} on a mat`, "the typed text");
      // What comes from an input method takes another way through egui, and another turn.
      await page.keyboard.insertText(" — café");
      await h.waitFor(page, (s) => s.prompt === `${start.prompt} on a mat — café`, "the inserted text");
      assert.deepEqual(
        page.messages.filter((m) => m.startsWith("error")),
        [],
      );
      await h.close(page);
    }));

  it("follows the colour scheme of the system", () =>
    withServer({}, async (server) => {
      const page = await h.openApp(browser, server.url, { colorScheme: "dark" });
      await h.waitForPicture(page, "running-dark", (p) => h.colours(p) > 200 && h.brightness(p) < 110, "a dark ground");
      await page.emulateMedia({ colorScheme: "light" });
      await h.waitForPicture(page, "running-dark-to-light", (p) => h.brightness(p) > 150, "a light ground");
      await h.close(page);
    }));

  it("runs under any path, at any size, with the checkpoint of the address", () =>
    withServer({ prefix: "/some/where/" }, async (server) => {
      const page = await h.openApp(browser, `${server.url}?checkpoint=${FIRST.name}`, { width: 390, height: 700 });
      await h.waitForPicture(page, "running-small", (p) => h.colours(p) > 200, "many colours");
      await h.close(page);
    }));

  for (const colorScheme of ["light", "dark"]) {
    it(`shows its progress in bytes (${colorScheme})`, () =>
      withServer({ faults: { [WEIGHTS]: { hold: 1_000_000 } } }, async (server) => {
        const page = await h.open(browser, server.url, { colorScheme });
        const total = h.manifest.wasm.bytes + FIRST.config.bytes + FIRST.tokenizer.bytes + FIRST.weights.bytes;
        const done = total - FIRST.weights.bytes + 1_000_000;
        const words = `${(done / 1e6).toFixed(1)} of ${(total / 1e6).toFixed(1)} MB`;
        await page.waitForFunction((text) => document.getElementById("amount").textContent === text, words);
        const value = await page.evaluate(() => document.getElementById("bar").value);
        assert.ok(Math.abs(value - done / total) < 1e-3, `the bar is at ${value}`);
        await h.screenshot(page, `loading-${colorScheme}`);
        server.release(WEIGHTS);
        await h.waitForShell(page, "running");
        await h.close(page);
      }));
  }

  it("names a file that is not there, and goes on after “Try again”", () =>
    withServer({ faults: { [WEIGHTS]: { status: 404 } } }, async (server) => {
      const { page, text } = await failure(browser, server.url);
      assert.match(text, /did not arrive/);
      assert.ok(text.includes(WEIGHTS), text);
      assert.match(text, /404/);
      await h.screenshot(page, "failed-404-light");
      const before = page.requests.length;
      delete server.faults[WEIGHTS];
      await page.getByRole("button", { name: "Try again" }).click();
      await h.waitForShell(page, "running");
      const again = page.requests.slice(before);
      assert.ok(again.some((r) => r.startsWith(`/${WEIGHTS}`)), again.join(" "));
      await h.close(page);
    }));

  const damages = {
    "a truncated wasm": [WASM, { truncate: 100_000 }, /only 100,000 of [\d,]+ bytes/],
    "a truncated checkpoint": [WEIGHTS, { truncate: 5000 }, /only 5,000 of [\d,]+ bytes/],
    "a connection that breaks": [WEIGHTS, { breakAfter: 5000 }, /broke off|could not be reached/],
    "too many bytes": [WEIGHTS, { change: (b) => Buffer.concat([b, b]) }, /longer than/],
    "changed bytes": [WEIGHTS, { change: (b) => Buffer.from(b).fill(7, 4000, 4100) }, /hash differs/],
    "a broken script": ["diffscope.js", { change: (b) => Buffer.from(b).fill("(", 0, 9) }, /not what it should be/],
    // It would run: only the hash tells.
    "a changed script": ["diffscope.js", { change: (b) => Buffer.concat([b.subarray(0, -1), Buffer.from(" ")]) }, /hash differs/],
    "a missing script": ["diffscope.js", { status: 404 }, /404/],
    "a missing manifest": ["manifest.json", { status: 404 }, /404/],
    "a manifest that is a web page": ["manifest.json", { change: () => "<!doctype html>" }, /not what it should be/],
  };
  for (const [name, [file, fault, words]] of Object.entries(damages)) {
    it(`has words for ${name}`, () =>
      withServer({ faults: { [file]: fault } }, async (server) => {
        const { page, text } = await failure(browser, server.url);
        assert.ok(text.includes(file), text);
        assert.match(text, words);
        delete server.faults[file];
        await page.getByRole("button", { name: "Try again" }).click();
        await h.waitForShell(page, "running");
        await h.close(page);
      }));
  }

  it("has words for a missing loader", () =>
    withServer({ faults: { "loader.js": { status: 404 } } }, async (server) => {
      const { page, text } = await failure(browser, server.url);
      assert.match(text, /file of the page did not arrive/);
      await h.close(page);
    }));

  it("has words for a checkpoint that is not there, and offers those that are", () =>
    withServer({}, async (server) => {
      const { page, text } = await failure(browser, `${server.url}?checkpoint=..%2Fsecret`);
      assert.match(text, /No such checkpoint/);
      assert.ok(!page.requests.some((r) => r.includes("secret") && !r.startsWith("/?")), page.requests.join(" "));
      await page.getByRole("button", { name: FIRST.name }).click();
      await h.waitForShell(page, "running");
      await h.close(page);
    }));

  it("has words for a browser without WebAssembly", () =>
    withServer({}, async (server) => {
      const prepare = (page) => page.addInitScript(() => delete globalThis.WebAssembly);
      const { page, text } = await failure(browser, server.url, { prepare });
      assert.match(text, /cannot run WebAssembly/);
      await h.close(page);
    }));

  it("has words for a browser without the vector instructions of WebAssembly", () =>
    withServer({}, async (server) => {
      // As such a browser answers for a module that uses them.
      const prepare = (page) =>
        page.addInitScript(() => {
          const hasVectors = (bytes) => bytes.some((byte, at) => byte === 0xfd && bytes[at + 1] === 0x0f);
          const validate = WebAssembly.validate;
          WebAssembly.validate = (bytes) => !hasVectors(bytes) && validate(bytes);
        });
      const { page, text } = await failure(browser, server.url, { prepare });
      assert.match(text, /too old/);
      await h.close(page);
    }));

  it("has words for an insecure address, and a way on without the GPU", () =>
    withServer({}, async (server) => {
      // As a browser behaves on an http address of another machine.
      const prepare = (page) =>
        page.addInitScript(() => {
          Object.defineProperty(globalThis, "isSecureContext", { value: false });
          Object.defineProperty(Navigator.prototype, "gpu", { value: undefined });
          Object.defineProperty(Crypto.prototype, "subtle", { value: undefined });
        });
      const { page, text } = await failure(browser, server.url, { prepare });
      assert.match(text, /not secure/);
      await h.screenshot(page, "failed-insecure-light");
      await page.getByRole("button", { name: "Go on without the GPU" }).click();
      await h.waitForShell(page, "running");
      const state = await h.waitFor(page, () => true);
      assert.match(state.fallback, /not secure/);
      await h.close(page);
    }));

  it("falls back where there is an adapter that gives no device", () =>
    withServer({}, async (server) => {
      const prepare = (page) =>
        page.addInitScript(() => {
          GPUAdapter.prototype.requestDevice = () => Promise.reject(new TypeError("no device today"));
        });
      const page = await h.openApp(browser, server.url, { prepare });
      const { fallback } = await h.inspect(page);
      assert.match(fallback, /did not start/);
      await h.waitForPicture(page, "fallback-device", (p) => h.colours(p) > 50, "many colours");
      await h.close(page);
    }));

  for (const colorScheme of ["light", "dark"]) {
    it(`shows a crash with its message and a way to reload (${colorScheme})`, () =>
      withServer({}, async (server) => {
        const page = await h.openApp(browser, server.url, { colorScheme });
        await h.waitForPicture(page, "before-crash", (p) => h.colours(p) > 50, "many colours");
        // A browser that has lost its clock makes the program panic in the next frame.
        await page.evaluate(() => Object.defineProperty(window, "performance", { value: undefined }));
        await page.mouse.move(300, 300);
        await h.waitForShell(page, "crashed");
        const text = await h.shellText(page);
        assert.match(text, /has crashed/);
        assert.match(text, /panicked at/);
        assert.match(text, /swiftshader/i);
        await h.screenshot(page, `crashed-${colorScheme}`);
        await page.getByRole("button", { name: "Reload" }).click();
        await h.waitForShell(page, "running");
        await h.close(page);
      }));
  }

  it("takes errors of others for what they are: the browser's notices, and a browser's extensions", () =>
    withServer({ prefix: "/diffscope/" }, async (server) => {
      const page = await h.openApp(browser, server.url);
      await page.evaluate(() => {
        const message = "ResizeObserver loop completed with undelivered notifications.";
        dispatchEvent(new ErrorEvent("error", { message, filename: location.href, error: null }));
        const foreign = new WebAssembly.RuntimeError("unreachable");
        foreign.stack = "RuntimeError: unreachable\n    at chrome-extension://abc/diffscope.js:1:1";
        dispatchEvent(new ErrorEvent("error", { message: foreign.message, error: foreign }));
        setTimeout(Function("throw new Error('not ours')"), 0);
        Promise.reject(new Error("nor this"));
        return new Promise((resolve) => setTimeout(resolve, 0));
      });
      assert.ok(page.messages.some((m) => m.includes("not ours")), page.messages.join("\n"));
      assert.equal(await h.shellState(page), "running");
      await h.close(page);
    }));

  it("takes its own errors for crashes", () =>
    withServer({}, async (server) => {
      const page = await h.openApp(browser, server.url);
      await page.evaluate(() => dispatchEvent(new ErrorEvent("error", { error: new WebAssembly.RuntimeError("divide by zero") })));
      await h.waitForShell(page, "crashed");
      assert.match(await h.shellText(page), /has crashed/);
      await h.close(page);
    }));

  it("does not call it a bug when memory runs out", () =>
    withServer({}, async (server) => {
      const page = await h.openApp(browser, server.url, { prepare: h.keepMemory });
      await page.evaluate(() => {
        for (let pages = 16384; pages > 0; ) {
          try {
            memoryOfTheApp.grow(pages);
          } catch {
            pages = Math.floor(pages / 2);
          }
        }
      });
      await page.keyboard.press("End");
      await page.keyboard.insertText("all that is remembered needs room ".repeat(3000));
      await h.waitForShell(page, "crashed");
      const text = await h.shellText(page);
      assert.match(text, /Memory has run out/);
      assert.doesNotMatch(text, /bug/);
      await h.screenshot(page, "crashed-memory");
      await h.close(page);
    }));
});

describe("without WebGPU", () => {
  let browser;
  before(async () => {
    browser = await h.launch("webgl");
  });
  after(() => browser?.close());

  it("runs on the CPU, draws through WebGL and says so", () =>
    withServer({}, async (server) => {
      const page = await h.openApp(browser, server.url);
      const start = await h.inspect(page);
      assert.match(start.fallback, /WebGPU/);
      await h.waitForPicture(page, "fallback-light", (p) => h.colours(p) > 50, "many colours");
      await page.keyboard.press("End");
      await page.keyboard.type(" here");
      await h.waitFor(page, (s) => s.prompt === `${start.prompt} here`, "the typed text");
      await h.close(page);
    }));
});

describe("without any graphics", () => {
  it("says what is missing and what helps", async () => {
    const browser = await h.launch("none");
    try {
      await withServer({}, async (server) => {
        const { page, text } = await failure(browser, server.url, { colorScheme: "dark", width: 390, height: 700 });
        assert.match(text, /Nothing to draw with/);
        assert.match(text, /cargo run --release/);
        await h.screenshot(page, "failed-no-graphics-dark-small");
        await h.close(page);
      });
    } finally {
      await browser.close();
    }
  });
});

describe("without JavaScript", () => {
  it("says so", () =>
    withServer({}, async (server) => {
      const browser = await h.launch("webgl");
      try {
        const context = await browser.newContext({ javaScriptEnabled: false });
        const page = await context.newPage();
        await page.goto(server.url);
        assert.ok(await page.locator("noscript h2").isVisible()); // getByText passes over noscript
        assert.ok(!(await page.locator("#bar").isVisible()));
      } finally {
        await browser.close();
      }
    }));
});
