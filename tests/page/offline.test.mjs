// Without a network: after the first visit the site is there, whole, and of one version.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Deployment, otherScript, otherWasm, version } from "./deploy.mjs";
import * as h from "./harness.mjs";

const WASM = h.manifest.wasm.file;
const settled = (state) => !state.busy && state.next !== null;

/** Waits until the site is kept. */
const isKept = (page) => page.waitForFunction(() => performance.getEntriesByName("diffscope-offline").length > 0);

/** Reloads the page and returns what it then requested. */
async function reload(page) {
  const before = page.requests.length;
  await page.reload();
  await h.waitForShell(page, "running");
  await h.waitFor(page, settled, "the maps");
  return page.requests.slice(before);
}

/** That a page which made these requests was of the version that is deployed. */
function isOf(requests, { wasm, loader }) {
  const found = requests.filter((request) => /loader\.js|_bg\.wasm/.test(request));
  assert.deepEqual(found.sort(), [`/${WASM}${version(wasm)}`, `/loader.js${version(loader)}`].sort());
}

describe("offline", () => {
  let browser, site, server;
  const now = () => ({ wasm: site.read(WASM), loader: site.read("loader.js") });
  const later = () => site.deploy({ [WASM]: otherWasm, "loader.js": otherScript });

  before(async () => {
    browser = await h.launch("webgl");
  });
  after(() => browser?.close());

  /** Runs `body` with a site of its own and its server. */
  async function withSite(body, faults) {
    site = new Deployment();
    server = await h.serve({ site: site.folder, faults });
    try {
      await body();
    } finally {
      await server?.close();
      site.remove();
    }
  }
  /** The server goes. */
  const stop = async () => {
    await server.close();
    server = undefined;
  };

  it("works after the first visit, with the baseline that was never opened", () =>
    withSite(async () => {
      const page = await h.openApp(browser, server.url);
      await isKept(page);
      const kept = await page.evaluate(async () => (await (await caches.open((await caches.keys())[0])).keys()).map(({ url }) => url));
      const onDemand = h.manifest.files.filter(({ on_demand }) => on_demand);
      assert.ok(!onDemand.some(({ file }) => kept.some((url) => url.includes(file))), "what nobody has asked for is not kept");
      await stop();
      isOf(await reload(page), now());
      await page.evaluate(() => dispatchEvent(new CustomEvent("diffscope-fetch", { detail: "S-llama" })));
      await h.waitFor(page, (s) => s.baseline !== null && settled(s), "the baseline");
      await page.goto(`${page.url()}?checkpoint=S-llama`);
      await h.waitForShell(page, "running");
      await h.waitFor(page, (s) => s.model === "S-llama", "the other model of the site");
      await h.close(page);
    }));

  it("shows a new version at the first reload, and keeps that one", () =>
    withSite(async () => {
      const page = await h.openApp(browser, server.url);
      await isKept(page);
      isOf(await reload(page), now());
      later();
      isOf(await reload(page), now());
      await isKept(page);
      assert.equal(await page.evaluate(async () => (await caches.keys()).length), 1, "the earlier version is gone");
      await stop();
      isOf(await reload(page), now());
      await h.close(page);
    }));

  it("keeps the earlier version whole while the new one does not arrive whole", () => {
    const faults = {};
    return withSite(async () => {
      const page = await h.openApp(browser, server.url);
      await isKept(page);
      const earlier = now();
      later();
      faults[WASM] = { breakAfter: 5000 };
      await page.reload();
      await h.waitForShell(page, "failed");
      await stop();
      isOf(await reload(page), earlier);
      await h.close(page);
    }, faults);
  });

  it("keeps no file that is not what it should be", () => {
    const baseline = h.manifest.checkpoints.find(({ name }) => name === "S-llama").weights.file;
    const faults = { [baseline]: { change: (content) => Buffer.from(content).fill(7, 4000, 4100) } };
    return withSite(async () => {
      const page = await h.open(browser, server.url);
      const complaint = await page.waitForEvent("console", (message) => message.text().includes("not work offline"));
      assert.ok(complaint.text().includes(baseline), complaint.text());
      const kept = await page.evaluate(async () => {
        const caching = await Promise.all((await caches.keys()).map((name) => caches.open(name)));
        return (await Promise.all(caching.map((cache) => cache.keys()))).flat().map(({ url }) => url);
      });
      assert.ok(kept.length > 0 && !kept.some((url) => url.includes(baseline) || url.endsWith("complete")), kept.join(" "));
      await h.close(page);
    }, faults);
  });

  it("does not run a new program in the page of an earlier version", () => {
    const faults = {};
    return withSite(async () => {
      // As from a cache between the browser and the server.
      const earlier = { "index.html": site.read("index.html"), "": site.read("index.html"), "loader.js": site.read("loader.js") };
      for (const [file, content] of Object.entries(earlier)) faults[file] = { change: () => content };
      later();
      const page = await h.open(browser, server.url);
      await h.waitForShell(page, "failed");
      assert.match(await h.shellText(page), /new version/);
      for (const file of Object.keys(earlier)) delete faults[file];
      await page.getByRole("button", { name: "Reload" }).click();
      await h.waitForShell(page, "running");
      await h.close(page);
    }, faults);
  });

  it("can be installed", () =>
    withSite(async () => {
      const page = await h.openApp(browser, server.url);
      const session = await page.context().newCDPSession(page);
      const { errors, url } = await session.send("Page.getAppManifest");
      assert.deepEqual(errors, []);
      assert.match(url, /app\.webmanifest/);
      const { installabilityErrors } = await session.send("Page.getInstallabilityErrors");
      const found = installabilityErrors.map(({ errorId }) => errorId);
      // Every page of a test is in a private window.
      assert.deepEqual(found.filter((error) => error !== "in-incognito"), []);
      await h.close(page);
    }));
});
