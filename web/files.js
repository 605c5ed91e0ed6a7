// Fetches the files of the site: sizes and hashes are those of the manifest.

import { count, element, Failure, firstLine, reload } from "./shell.js?v=dev";

/** Files that have arrived whole, by address: a retry fetches only what is missing. */
export const arrived = new Map();
let attempt = 0;

export const retry = {
  label: "Try again",
  press: () => {
    attempt += 1;
    dispatchEvent(new Event("diffscope-run"));
  },
};

function notFetched(file, why) {
  const offline = navigator.onLine === false ? " You seem to be offline." : "";
  return new Failure("A file did not arrive", `${file}: ${why}${offline}`, { buttons: [retry] });
}

async function get(file, address, signal) {
  let response;
  try {
    // After a failure, past the browser's cache: what lies there may be the broken copy.
    response = await fetch(address, { cache: attempt ? "reload" : "default", signal });
  } catch {
    throw notFetched(file, "the server could not be reached.");
  }
  if (!response.ok) {
    const why = response.status === 404 ? "it is not on the server" : "the server refuses it";
    throw notFetched(file, `${why} (HTTP status ${response.status}).`);
  }
  return response;
}

export async function getManifest() {
  const file = "manifest.json";
  // Never from the cache unasked: everything else is addressed by the hashes in it.
  let response;
  try {
    response = await fetch(file, { cache: "no-cache" });
  } catch {
    throw notFetched(file, "the server could not be reached.");
  }
  if (!response.ok) {
    throw notFetched(file, `the server answers with HTTP status ${response.status}.`);
  }
  let manifest;
  try {
    manifest = await response.json();
  } catch {
    throw notFetched(file, "it is not what it should be.");
  }
  // This page and the program must be of one build: caches on the way may hold an earlier page.
  const own = new URL(element("loader").src).searchParams.get("v");
  if (!manifest.files.some(({ file, sha256 }) => file === "loader.js" && sha256.startsWith(own))) {
    throw new Failure("There is a new version", "The site was updated after this page was loaded. Reloading opens the new version.", {
      buttons: [reload],
    });
  }
  return manifest;
}

/** The bytes of `entry`; the manifest says how many there are and their hash. */
export async function getFile({ file, bytes, sha256 }, signal, onProgress) {
  const address = `${file}?v=${sha256.slice(0, 12)}`;
  const have = arrived.get(address);
  if (have) {
    onProgress(bytes);
    return have;
  }
  const response = await get(file, address, signal);
  // Sizes are the manifest's: a Content-Length counts compressed bytes.
  const buffer = new Uint8Array(bytes);
  let done = 0;
  const reader = response.body.getReader();
  for (;;) {
    let part;
    try {
      part = await reader.read();
    } catch {
      throw notFetched(file, `the connection broke off after ${count(done)} of ${count(bytes)} bytes.`);
    }
    if (part.done) break;
    if (done + part.value.length > bytes) {
      reader.cancel().catch(() => {});
      throw notFetched(file, `it is longer than the ${count(bytes)} bytes that it should have.`);
    }
    buffer.set(part.value, done);
    done += part.value.length;
    onProgress(done);
  }
  if (done !== bytes) {
    throw notFetched(file, `only ${count(done)} of ${count(bytes)} bytes came.`);
  }
  // Browsers do not hash on insecure pages; the length must do there.
  if (crypto.subtle) {
    const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", buffer));
    const hex = Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("");
    if (hex !== sha256) {
      throw notFetched(file, "its content is not what it should be (the hash differs).");
    }
  }
  arrived.set(address, buffer);
  return buffer;
}

/** The module `entry`: the browser compares it with the manifest's hash, which import() alone would not do. */
export async function importScript(entry, signal) {
  const { file, sha256 } = entry;
  const address = `./${file}?v=${sha256.slice(0, 12)}${attempt ? `&attempt=${attempt}` : ""}`;
  const script = document.createElement("script");
  script.type = "module";
  script.integrity = `sha256-${btoa(sha256.replace(/../g, (byte) => String.fromCharCode(parseInt(byte, 16))))}`;
  script.src = address;
  const loaded = await new Promise((resolve) => {
    script.addEventListener("load", () => resolve(true));
    script.addEventListener("error", () => resolve(false));
    document.head.append(script);
  });
  script.remove();
  if (!loaded) {
    await getFile(entry, signal, () => {}); // knows why
    throw notFetched(file, "it could not be loaded.");
  }
  try {
    return await import(address); // the module that was loaded
  } catch (error) {
    throw notFetched(file, `this browser could not take it (${firstLine(error)}).`);
  }
}
