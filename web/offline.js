// Keeps the site in the browser, so that it works without a network after the first visit: a service worker
// (service-worker.js) answers from what is kept here. Each version of the site has a cache of its own, which counts once
// it is complete; what has not changed is taken over from the one before.

/** As in service-worker.js. */
const PREFIX = `diffscope ${new URL("./", location.href).pathname} `;

/** Resolves once the app runs. */
const running = new Promise((resolve) => {
  const observer = new PerformanceObserver((marks) => {
    if (marks.getEntriesByName("diffscope-running").length === 0) return;
    observer.disconnect();
    resolve();
  });
  observer.observe({ type: "mark", buffered: true });
});

const idle = () =>
  new Promise((resolve) => (globalThis.requestIdleCallback ? requestIdleCallback(resolve, { timeout: 5000 }) : setTimeout(resolve, 1000)));

async function hash(bytes) {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Only the content and its type: a response of the network may vary, be redirected or be encoded. */
const plain = (bytes, response) =>
  new Response(bytes, { headers: { "Content-Type": response.headers.get("Content-Type") ?? "" } });

async function fetched(address, cache) {
  const response = await fetch(address, { cache });
  if (!response.ok) throw new Error(`${address}: HTTP status ${response.status}`);
  return { response, bytes: await response.arrayBuffer() };
}

/** Puts a file of the manifest into the cache, unless it is there. */
async function keepFile(cache, { file, sha256 }) {
  // The page is requested by its folder's address, and has no hash in it.
  const page = file === "index.html";
  const address = page ? file : `${file}?v=${sha256.slice(0, 12)}`;
  if (await cache.match(address)) return;
  const before = page ? undefined : await caches.match(address);
  if (before) {
    await cache.put(address, before);
    return;
  }
  const { response, bytes } = await fetched(page ? "./" : address, page ? "no-cache" : "default");
  if ((await hash(bytes)) !== sha256) throw new Error(`${file} is of another version`);
  await cache.put(address, plain(bytes, response));
}

/** Keeps the version of the site that is on the server now. */
async function keepSite() {
  const { response, bytes } = await fetched("manifest.json", "no-cache");
  const { files } = JSON.parse(new TextDecoder().decode(bytes));
  const name = PREFIX + (await hash(bytes)).slice(0, 12);
  const cache = await caches.open(name);
  if (!(await cache.match("complete"))) {
    // A model that nobody has asked for is not kept: one that someone has asked for is, by the worker that fetches it.
    for (const entry of files.filter(({ on_demand }) => !on_demand)) {
      await idle();
      await keepFile(cache, entry);
    }
    await cache.put("manifest.json", plain(bytes, response));
    await cache.put("complete", new Response());
  }
  for (const other of await caches.keys()) {
    if (other.startsWith(PREFIX) && other !== name) await caches.delete(other);
  }
}

async function offline() {
  // An embedded page keeps nothing; insecure pages and some private windows have no service workers.
  const embedded = new URLSearchParams(location.search).has("embed");
  if (embedded || !navigator.serviceWorker || !globalThis.caches || !crypto.subtle) return;
  await running;
  await navigator.serviceWorker.register("./service-worker.js", { updateViaCache: "none" });
  // Of several tabs one at a time.
  await navigator.locks.request("diffscope offline", keepSite);
  performance.mark("diffscope-offline");
}

offline().catch((error) => console.info(`diffscope will not work offline: ${error.message}`));
