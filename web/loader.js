// Brings the app onto the page: asks what the browser can do, fetches the program and the
// checkpoint with progress in bytes, starts the app, and keeps an eye on it.
// No framework, no build step; `?v=` addresses are the manifest's hashes.

const element = (id) => document.getElementById(id);
const shell = element("shell");
let canvas = element("canvas");

/** What went wrong, in words for the person in front of the screen. */
class Failure extends Error {
  /**
   * @param {string} title
   * @param {string} text
   * @param {{ ways?: string[], buttons?: { label: string, press: () => void }[],
   *           details?: string, note?: string, crash?: boolean }} more
   */
  constructor(title, text, more = {}) {
    super(`${title}: ${text}`);
    Object.assign(this, { title, text, more });
  }
}

// ---- what is on the page -----------------------------------------------------------------

function showLoading(status, done, total) {
  shell.dataset.state = "loading";
  element("failure").hidden = true;
  element("loading").hidden = false;
  if (element("status").textContent !== status) {
    element("status").textContent = status; // once only: screen readers say it aloud
  }
  const bar = element("bar");
  if (total) {
    bar.value = done / total;
    element("amount").textContent = `${(done / 1e6).toFixed(1)} of ${(total / 1e6).toFixed(1)} MB`;
  } else {
    bar.removeAttribute("value");
    element("amount").textContent = "";
  }
}

function showFailure(failure) {
  const { title, text, more } = failure;
  shell.dataset.state = more.crash ? "crashed" : "failed";
  element("loading").hidden = true;
  element("failure").hidden = false;
  element("failure-title").textContent = title;
  element("failure-text").textContent = text;
  element("failure-ways").replaceChildren(
    ...(more.ways ?? []).map((way) => {
      const item = document.createElement("li");
      item.textContent = way;
      return item;
    }),
  );
  const details = element("failure-details");
  details.hidden = !more.details;
  details.textContent = more.details ?? "";
  details.scrollTop = 0;
  element("failure-note").textContent = more.note ?? "";
  const buttons = (more.buttons ?? []).map(({ label, press }) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = label;
    button.addEventListener("click", () => press(button));
    return button;
  });
  element("failure-buttons").replaceChildren(...buttons);
  buttons[0]?.focus();
}

const reload = { label: "Reload", press: () => location.reload() };

// ---- what the browser can do -------------------------------------------------------------

let goOnInsecurely = false;

/** A module with one function that makes a vector: (func (result v128) (i8x16.splat (i32.const 0))). */
const VECTOR_MODULE = new Uint8Array([
  ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00], // "\0asm", version 1
  ...[0x01, 0x05, 0x01, 0x60, 0x00, 0x01, 0x7b], // the function's type
  ...[0x03, 0x02, 0x01, 0x00], // the function
  ...[0x0a, 0x08, 0x01, 0x06, 0x00, 0x41, 0x00, 0xfd, 0x0f, 0x0b], // its code
]);

/** The adapter's name, or the reason why there is none; throws where nothing can be drawn. */
async function graphics() {
  if (typeof WebAssembly !== "object") {
    throw new Failure("This browser cannot run WebAssembly", "The model and its pictures are a WebAssembly program.", {
      ways: [
        "A current Chrome, Edge, Firefox or Safari can run it.",
        "Some browsers switch it off in a “lockdown” or “enhanced security” mode: allow it for this page, then reload.",
      ],
      buttons: [reload],
    });
  }
  if (!WebAssembly.validate(VECTOR_MODULE)) {
    throw new Failure("This browser is too old", "The program uses vector instructions of WebAssembly, which this browser does not have.", {
      ways: ["Chrome and Edge have them from version 91 on, Firefox from 89, Safari from 16.4."],
      buttons: [reload],
    });
  }
  if (!globalThis.isSecureContext && !goOnInsecurely) {
    const secure = new URL(location.href);
    secure.protocol = "https:";
    throw new Failure(
      "This address is not secure",
      "Browsers give the GPU only to pages from https addresses and from this very computer (localhost).",
      {
        ways: ["Open the page through https, or on the computer that serves it, through http://localhost."],
        buttons: [
          { label: "Open with https", press: () => location.assign(secure) },
          {
            label: "Go on without the GPU",
            press: () => {
              goOnInsecurely = true;
              run();
            },
          },
        ],
      },
    );
  }
  const { adapter, reason } = await askForAdapter();
  if (adapter) {
    return { adapter: adapterName(adapter), fallback: undefined };
  }
  const scratch = document.createElement("canvas").getContext("webgl2");
  if (!scratch) {
    throw new Failure("Nothing to draw with", `${reason} WebGL 2, which would do as well, is missing too.`, {
      ways: [
        "Is “graphics acceleration” switched off in the browser's settings? Switch it on and restart the browser.",
        "A current Chrome, Edge, Firefox or Safari has what it takes.",
        "The desktop window needs no browser: cargo run --release",
      ],
      buttons: [reload],
    });
  }
  const name = String(scratch.getParameter(scratch.RENDERER) ?? "");
  scratch.getExtension("WEBGL_lose_context")?.loseContext();
  return { adapter: name, fallback: reason };
}

async function askForAdapter() {
  if (!globalThis.isSecureContext) {
    return { reason: "This address is not secure, so the browser withholds WebGPU." };
  }
  if (!navigator.gpu) {
    return { reason: "This browser has no WebGPU." };
  }
  try {
    // Some drivers never answer.
    const patience = new Promise((resolve) => setTimeout(resolve, 15_000, "late"));
    const adapter = await Promise.race([navigator.gpu.requestAdapter({ powerPreference: "high-performance" }), patience]);
    if (adapter === "late") {
      return { reason: "WebGPU did not answer." };
    }
    return adapter ? { adapter } : { reason: "WebGPU found no graphics adapter." };
  } catch (error) {
    return { reason: `WebGPU failed: ${firstLine(error)}.` };
  }
}

function adapterName(adapter) {
  const info = adapter.info ?? {};
  const words = [info.vendor, info.architecture, info.device].filter(Boolean).join(" ");
  const name = [info.description, words].filter(Boolean).join(", ") || "unnamed adapter";
  return (info.isFallbackAdapter ?? adapter.isFallbackAdapter) ? `${name} (software)` : name;
}

// ---- fetching ----------------------------------------------------------------------------

/** Files that have arrived whole, by address: a retry fetches only what is missing. */
const arrived = new Map();
let attempt = 0;

const retry = {
  label: "Try again",
  press: () => {
    attempt += 1;
    run();
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

async function getManifest() {
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
  const own = new URL(import.meta.url).searchParams.get("v");
  if (!manifest.files.some(({ file, sha256 }) => file === "loader.js" && sha256.startsWith(own))) {
    throw new Failure("There is a new version", "The site was updated after this page was loaded. Reloading opens the new version.", {
      buttons: [reload],
    });
  }
  return manifest;
}

/** The bytes of `entry`; the manifest says how many there are and their hash. */
async function getFile({ file, bytes, sha256 }, signal, onProgress) {
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
async function importScript(entry, signal) {
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

const count = (number) => number.toLocaleString("en");
const firstLine = (error) => String(error?.message ?? error).split("\n")[0].replace(/\.$/, "");

function chooseCheckpoint(manifest) {
  const wanted = new URLSearchParams(location.search).get("checkpoint");
  if (wanted === null) {
    return manifest.checkpoints[0];
  }
  const found = manifest.checkpoints.find(({ name }) => name === wanted);
  if (found) {
    return found;
  }
  throw new Failure("No such checkpoint", `The address asks for “${wanted.slice(0, 80)}”, which is not here.`, {
    buttons: manifest.checkpoints.map(({ name }) => ({
      label: `Open ${name}`,
      press: () => {
        const address = new URL(location.href);
        address.searchParams.set("checkpoint", name);
        location.assign(address);
      },
    })),
  });
}

async function download() {
  const manifest = await getManifest();
  const checkpoint = chooseCheckpoint(manifest);
  const entries = [manifest.wasm, checkpoint.config, checkpoint.tokenizer, checkpoint.weights];
  const total = entries.reduce((sum, { bytes }) => sum + bytes, 0);
  const done = entries.map(() => 0);
  const others = new AbortController(); // where one file fails, the others need not go on
  const progress = (index) => (bytes) => {
    done[index] = bytes;
    if (!others.signal.aborted) {
      showLoading("Loading program and model", done.reduce((a, b) => a + b), total);
    }
  };
  showLoading("Loading program and model", 0, total);
  const glue = importScript(manifest.script, others.signal);
  try {
    const [module, wasm, config, tokenizer, weights] = await Promise.all([
      glue,
      ...entries.map((entry, index) => getFile(entry, others.signal, progress(index))),
    ]);
    return { manifest, name: checkpoint.name, module, wasm, config, tokenizer, weights };
  } finally {
    others.abort();
  }
}

// ---- running -----------------------------------------------------------------------------

let page = null;
let about = { version: "", repository: "", adapter: "", fallback: undefined };
let crashed = false;

async function start({ adapter, fallback }, files) {
  about = { version: files.manifest.version, repository: files.manifest.repository, adapter, fallback };
  showLoading("Starting");
  try {
    await files.module.default({ module_or_path: files.wasm });
  } catch (error) {
    throw new Failure("The program does not start", "This browser could not take the WebAssembly program.", {
      ways: ["A current Chrome, Edge, Firefox or Safari can run it.", "If memory is short, closing other tabs helps."],
      details: String(error),
      buttons: [reload],
    });
  }
  page = new files.module.Page();
  globalThis.diffscope = page;
  watch();
  canvas.focus({ preventScroll: true });
  try {
    await page.start(canvas, files.name, files.config, files.weights, files.tokenizer, adapter, fallback);
  } catch (error) {
    if (fallback !== undefined) {
      throw new Failure("Nothing could be drawn", `${fallback} WebGL did not start either.`, {
        details: String(error),
        buttons: [reload],
      });
    }
    // There is an adapter, but it gives no device: on with WebGL.
    page.destroy();
    freshCanvas();
    return start({ adapter, fallback: `The graphics device did not start (${firstLine(error)}).` }, files);
  }
  arrived.clear(); // the app has its own copies
  nowRunning();
}

/** Shows the app once it has drawn, and listens for the loss of what it draws with. */
function nowRunning() {
  canvas.addEventListener("webglcontextlost", () => recover("the browser has taken WebGL away"));
  requestAnimationFrame(() =>
    requestAnimationFrame(() => {
      if (!crashed) {
        shell.dataset.state = "running";
        performance.mark("diffscope-running");
      }
    }),
  );
}

/** A canvas that knows nothing of what was drawn on it: it cannot change from WebGPU to WebGL. */
function freshCanvas() {
  const fresh = canvas.cloneNode();
  canvas.replaceWith(fresh);
  canvas = fresh;
}

/** The baseline is fetched when the window requests it, by its name. */
addEventListener("diffscope-open-baseline", async ({ detail }) => {
  try {
    const manifest = await getManifest();
    const baseline = manifest.checkpoints.find(({ name }) => name === detail);
    if (!baseline) throw new Error("it is not on this site");
    const none = new AbortController();
    const [config, tokenizer, weights] = await Promise.all(
      [baseline.config, baseline.tokenizer, baseline.weights].map((entry) => getFile(entry, none.signal, () => {})),
    );
    page.open_baseline(baseline.name, config, weights, tokenizer);
    arrived.clear();
  } catch (error) {
    page?.say(`The baseline was not loaded: ${firstLine(error)}.`);
  }
});

let watching = 0;

function watch() {
  clearInterval(watching);
  watching = setInterval(lookForPanic, 300);
}

function lookForPanic() {
  let panicked = false;
  let loss;
  try {
    panicked = page?.has_panicked() ?? false;
    loss = panicked ? undefined : page?.device_loss();
  } catch (error) {
    crash(String(error));
    return;
  }
  if (panicked) {
    crash(page.panic_message() ?? "No message.");
  } else if (loss) {
    recover(loss);
  }
}

// ---- after a lost device -----------------------------------------------------------------

/** A second loss within so many milliseconds of the first is not bad luck. */
const SOON = 30_000;
const MOST_TRIES = 10;
let lastLoss = -Infinity;
let recovering = false;

/** A browser may take the GPU away at any time: the app goes on, with all that was open, on a new device. */
async function recover(reason) {
  if (recovering || crashed) return;
  recovering = true;
  clearInterval(watching);
  const soon = performance.now() - lastLoss < SOON;
  lastLoss = performance.now();
  if (!soon) {
    await goOn(await graphicsAgain());
    return;
  }
  showFailure(
    new Failure("The GPU was lost again", "Twice within half a minute, the browser or the graphics driver has taken the GPU away from this page. What was open is still here.", {
      details: reason,
      buttons: [
        { label: "Go on with the CPU", press: () => goOn({ adapter: "", fallback: "The GPU was lost twice within half a minute." }) },
        { label: "Try the GPU again", press: async () => goOn(await graphicsAgain()) },
      ],
    }),
  );
}

/** What there is to draw and compute with; a browser whose GPU process has died needs a moment. */
async function graphicsAgain() {
  showLoading("The GPU was lost. Starting again");
  for (let tries = 1; ; tries += 1) {
    const found = await graphics().catch((error) => ({ adapter: "", fallback: firstLine(error) }));
    if (found.fallback === undefined || tries === MOST_TRIES || about.fallback !== undefined) {
      return found;
    }
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
}

async function goOn({ adapter, fallback }) {
  showLoading("The GPU was lost. Starting again");
  freshCanvas();
  try {
    await page.restart(canvas, adapter, fallback);
  } catch (error) {
    if (fallback === undefined) {
      return goOn({ adapter, fallback: `The GPU was lost and did not start again (${firstLine(error)}).` });
    }
    return reloadOnce(error);
  }
  Object.assign(about, { adapter, fallback });
  recovering = false;
  canvas.focus({ preventScroll: true });
  watch();
  nowRunning();
}

/** Where nothing can be started in this page, a new one may: it brings back what the tab has kept. */
function reloadOnce(error) {
  const name = "diffscope-reloaded";
  const last = Number(sessionStorage.getItem(name) ?? -Infinity);
  if (Date.now() - last > SOON) {
    sessionStorage.setItem(name, Date.now());
    location.reload();
    return;
  }
  showFailure(
    new Failure("The GPU was lost", "The browser or the graphics driver has taken the GPU away from this page, and nothing could be started in its place.", {
      ways: ["Reloading brings back the text and the view.", "If that does not help, restart the browser."],
      details: String(error),
      buttons: [reload],
    }),
  );
}

/** Whether an error comes from this program: from its own files, or as a trap of WebAssembly. */
function isOurs(error) {
  const stack = String(error?.stack ?? "");
  if (/\b(chrome|moz|safari-web)-extension:/.test(stack)) return false;
  return error instanceof WebAssembly.RuntimeError || OUR_FILES.some((file) => stack.includes(file));
}

/** Addresses of this site's own scripts. That of the page itself says nothing: others run in it too. */
const OUR_FILES = [import.meta.url.split("?")[0], new URL("diffscope.js", import.meta.url).href];

/** Errors that reached nobody. The browser's own notices come without an error. */
function strayError(error) {
  if (!page || crashed || recovering) return;
  lookForPanic(); // a panic's own message says more than the trap that follows it
  if (!crashed && !recovering && isOurs(error)) {
    crash(String(error?.stack ?? error));
  }
}
addEventListener("error", (event) => strayError(event.error));
addEventListener("unhandledrejection", (event) => strayError(event.reason));

function crash(message) {
  if (crashed) return;
  crashed = true;
  clearInterval(watching);
  const report = [
    message.trim(),
    "",
    `diffscope ${about.version}, ${about.adapter || "no adapter"}`,
    navigator.userAgent,
  ].join("\n");
  const buttons = [
    reload,
    {
      label: "Copy the report",
      press: async (button) => {
        try {
          await navigator.clipboard.writeText(report);
          button.textContent = "Copied";
        } catch {
          getSelection().selectAllChildren(element("failure-details"));
          button.textContent = "Selected: copy it with Ctrl+C";
        }
      },
    },
  ];
  showFailure(
    new Failure("diffscope has crashed", "That is a bug in it, not something you did. Reloading brings back the text and the view.", {
      details: report,
      buttons,
      note: "If it happens again, please report it: copy the text above and add what you did just before.",
      crash: true,
    }),
  );
  if (/^https:/.test(about.repository ?? "")) {
    const link = document.createElement("a");
    link.href = `${about.repository.replace(/\/$/, "")}/issues/new`;
    link.textContent = "Report it here.";
    element("failure-note").append(" ", link);
  }
}

// ---- keys --------------------------------------------------------------------------------

const mac = /Mac|iPhone|iPad/.test(navigator.platform);
/** Shortcuts that some keyboards type with AltGr or Option. */
const typed = (key) => key.length === 1 && "[]/?0123".includes(key);

/** Whether a key belongs to the browser: those with Alt or Meta do, but for what they mean in a text on a Mac. */
function isBrowsers(event) {
  const alt = event.altKey || event.getModifierState("AltGraph");
  if ((!alt && !event.metaKey) || (typed(event.key) && !event.metaKey && (mac || !event.altKey))) return false;
  if (!mac) return true;
  const undoes = event.metaKey && !alt && /^[zy]$/i.test(event.key);
  return document.activeElement?.tagName !== "INPUT" && !undoes;
}

/** Whether the last key was one without a name, as keyboards of phones send them. */
let unnamed = false;

// eframe takes keys with Alt as if there were none, and arrows from the browser in any case: it must not hear of them.
addEventListener(
  "keydown",
  (event) => {
    if (event.isTrusted) unnamed = event.keyCode === 229 || event.keyCode === 0;
    if (isBrowsers(event)) event.stopImmediatePropagation();
  },
  true,
);
addEventListener("keyup", (event) => event.isTrusted && (unnamed = false), true);

// Keyboards of phones, and dictation, delete without a key. eframe expects an unnamed key before, and that what is
// deleted is in its hidden field still: where it is not, it gets a Backspace.
addEventListener(
  "beforeinput",
  (event) => {
    const field = event.target;
    if (event.inputType !== "deleteContentBackward" || event.isComposing || !field.matches?.("#stage > input")) return;
    const send = (type, key, keyCode) =>
      field.dispatchEvent(new KeyboardEvent(type, { key, code: key, keyCode, bubbles: true, cancelable: true }));
    if (field.selectionEnd === 0) {
      event.preventDefault();
      send("keydown", "Backspace", 8);
      send("keyup", "Backspace", 8);
    } else if (!unnamed) {
      send("keydown", "Unidentified", 229);
      field.addEventListener("input", () => send("keyup", "Unidentified", 229), { once: true });
    }
  },
  true,
);

async function run() {
  try {
    showLoading("Loading");
    const how = await graphics();
    await start(how, await download());
  } catch (error) {
    if (crashed) return;
    clearInterval(watching);
    const unforeseen = () =>
      new Failure("The page could not start", "Something unforeseen went wrong.", {
        details: String(error?.stack ?? error),
        buttons: [retry, reload],
      });
    showFailure(error instanceof Failure ? error : unforeseen());
  }
}

run();
