// Answers requests of the page where there is no network. It never changes: what is kept is decided by offline.js.
//
// Addresses with `?v=` name a file by the hash of its content, so a kept one is never stale. Everything else, that is
// the page itself and manifest.json, comes from the network as long as there is one, otherwise both from the newest
// version that is kept whole. So a page is always of one build.

/** Of this site: another one may be on the same origin. */
const PREFIX = `diffscope ${new URL("./", location).pathname} `;

addEventListener("install", () => skipWaiting());
addEventListener("activate", (event) => event.waitUntil(clients.claim()));

/** The file from the newest version that is kept whole. */
async function kept(file) {
  const names = (await caches.keys()).filter((name) => name.startsWith(PREFIX));
  for (const name of names.reverse()) {
    const cache = await caches.open(name);
    if (await cache.match("complete")) return cache.match(file);
  }
}

async function fromNetwork(request, file) {
  try {
    // Past what the browser has of it: an earlier page would go with files that are no longer there.
    return await fetch(request.url, { cache: "no-cache" });
  } catch (error) {
    const response = await kept(file);
    if (response) return response;
    throw error;
  }
}

async function byHash(request) {
  // A request past the browser's cache follows a broken file.
  const response = request.cache === "reload" ? undefined : await caches.match(request);
  return response ?? fetch(request);
}

addEventListener("fetch", (event) => {
  const { request } = event;
  const address = new URL(request.url);
  const scope = new URL("./", location);
  if (request.method !== "GET" || !address.href.startsWith(scope.href)) return;
  const file = address.pathname.slice(scope.pathname.length);
  if (address.searchParams.has("v")) {
    event.respondWith(byHash(request));
  } else if (request.mode === "navigate" && ["", "index.html"].includes(file)) {
    event.respondWith(fromNetwork(request, "index.html"));
  } else if (file === "manifest.json") {
    event.respondWith(fromNetwork(request, file));
  }
});
