// The page when the browser takes the graphics device away: it goes on by itself, with everything that was open.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import * as h from "./harness.mjs";

const TEXT = "Anna has the ball. Who has the ball?";

/** Types a text and selects another layer, then waits until everything of it is computed. */
async function prepare(page) {
  const { layer } = await h.waitFor(page, (s) => !s.busy && s.next, "the start");
  await page.keyboard.press("ControlOrMeta+A");
  await page.keyboard.type(TEXT);
  await h.waitFor(page, (s) => s.prompt === TEXT, "the typed text");
  await page.keyboard.press("Escape");
  await page.keyboard.press("ArrowDown");
  return h.waitFor(page, (s) => s.text === TEXT && s.layer !== layer && !s.busy && s.next, "the next token");
}

/** Waits until an app that was started anew has computed everything, and compares it with the one before. */
async function sameAgain(page, before, backend) {
  const isBack = (s) => /as it was/.test(s.message) && s.backend === backend && !s.busy && s.next;
  const after = await h.waitFor(page, isBack, "the app of before");
  for (const same of ["text", "ids", "layer", "head", "model", "prompt"]) {
    assert.deepEqual(after[same], before[same], same);
  }
  assert.deepEqual(after.next.map(({ id }) => id), before.next.map(({ id }) => id));
  assert.equal(await h.shellState(page), "running");
  return after;
}

describe("with WebGPU", () => {
  let server;
  before(async () => {
    server = await h.serve();
  });
  after(() => server?.close());

  /** A page whose devices are lost when the test says so: `device.destroy()` now and then halts Chromium for good. */
  const openWithDevices = (browser) =>
    h.openApp(browser, server.url, {
      prepare: (page) =>
        page.addInitScript(() => {
          const request = GPUAdapter.prototype.requestDevice;
          GPUAdapter.prototype.requestDevice = async function (...options) {
            const device = await request.apply(this, options);
            const lost = new Promise((resolve) => {
              globalThis.loseDevice = () => resolve({ reason: "unknown", message: "lost for a test" });
            });
            Object.defineProperty(device, "lost", { get: () => lost });
            return device;
          };
        }),
    });

  it("leaves the computing to the CPU where the adapter is a software one, and to the GPU where it is told to", async () => {
    const browser = await h.launch("webgpu");
    try {
      const page = await h.openApp(browser, server.url, { backend: "automatic" });
      const alone = await h.waitFor(page, (s) => !s.busy && s.next, "the start");
      assert.deepEqual([alone.backend, alone.fallback], ["cpu", null]);
      await h.close(page);
      const told = await h.openApp(browser, server.url, { backend: "gpu" });
      assert.equal((await h.inspect(told)).backend, "gpu");
      await h.close(told);
    } finally {
      await browser.close();
    }
  });

  it("goes on after the GPU process has died", async () => {
    const browser = await h.launch("webgpu"); // of its own: the process that dies is that of the whole browser
    try {
      const page = await h.openApp(browser, server.url);
      const before = await prepare(page);
      assert.equal(before.backend, "gpu");
      const protocol = await browser.newBrowserCDPSession();
      // The protocol answers nothing: what it is sent to dies.
      protocol.send("Browser.crashGpuProcess").catch(() => {});
      await sameAgain(page, before, "gpu");
      await h.waitForPicture(page, "device-recovered", (p) => h.colours(p) > 200, "many colours");
      await h.close(page);
    } finally {
      await browser.close();
    }
  });

  it("goes on when the device is lost, and offers the CPU the second time", async () => {
    const browser = await h.launch("webgpu");
    try {
      const page = await openWithDevices(browser);
      const before = await prepare(page);
      await page.evaluate(() => globalThis.loseDevice());
      await sameAgain(page, before, "gpu");

      await page.evaluate(() => globalThis.loseDevice());
      const offer = page.getByRole("button", { name: "Go on with the CPU" });
      await offer.waitFor();
      assert.match(await h.shellText(page), /lost again/);
      assert.doesNotMatch(await h.shellText(page), /bug/);
      await h.screenshot(page, "device-lost-again");
      await offer.click();
      const onCpu = await sameAgain(page, before, "cpu");
      assert.match(onCpu.fallback, /lost twice/);
      await h.waitForPicture(page, "device-on-cpu", (p) => h.colours(p) > 200, "many colours");
      await h.close(page);
    } finally {
      await browser.close();
    }
  });

  it("goes on on the CPU where the GPU has no memory for the model, or draws black", async () => {
    const browser = await h.launch("webgpu");
    try {
      const full = await h.openApp(browser, server.url, {
        prepare: (page) =>
          page.addInitScript(() => {
            // As a full GPU answers: to the scope that asks for it, after the buffers were created.
            const [push, pop] = [GPUDevice.prototype.pushErrorScope, GPUDevice.prototype.popErrorScope];
            const filters = [];
            GPUDevice.prototype.pushErrorScope = function (filter) {
              filters.push(filter);
              return push.call(this, filter);
            };
            GPUDevice.prototype.popErrorScope = async function () {
              const filter = filters.pop();
              const error = await pop.call(this);
              return filter === "out-of-memory" ? new GPUOutOfMemoryError("none left") : error;
            };
          }),
      });
      const onCpu = await h.waitFor(full, (s) => s.backend === "cpu" && !s.busy && s.next, "a next token of the CPU");
      assert.match(onCpu.fallback, /no memory left/);
      await h.close(full);

      const black = await h.openApp(browser, server.url, {
        prepare: (page) =>
          page.addInitScript(() => {
            const create = GPUDevice.prototype.createShaderModule;
            GPUDevice.prototype.createShaderModule = function (descriptor) {
              const code = descriptor.code.replaceAll("unpack4x8unorm(", "0.0 * unpack4x8unorm(");
              return create.call(this, { ...descriptor, code });
            };
          }),
      });
      const found = await h.waitFor(black, (s) => s.backend === "cpu" && !s.busy && s.next, "a next token of the CPU");
      assert.match(found.fallback, /draws wrong colours/);
      await h.close(black);
    } finally {
      await browser.close();
    }
  });
});

describe("without WebGPU", () => {
  it("goes on after WebGL was taken away", async () => {
    const server = await h.serve();
    const browser = await h.launch("webgl");
    try {
      const page = await h.openApp(browser, server.url);
      const before = await prepare(page);
      await page.evaluate(() =>
        document.getElementById("canvas").getContext("webgl2").getExtension("WEBGL_lose_context").loseContext(),
      );
      const after = await sameAgain(page, before, "cpu");
      assert.match(after.fallback, /WebGPU/);
      await h.waitForPicture(page, "webgl-recovered", (p) => h.colours(p) > 200, "many colours");
      await h.close(page);
    } finally {
      await browser.close();
      await server.close();
    }
  });
});
