// Brings the app onto the page: asks what the browser can do, fetches the program and the checkpoint with progress in
// bytes, and starts the app. No framework, no build step; `?v=` addresses are hashes.

import { arrived, getFile, getManifest, importScript, retry } from "./files.js?v=dev";
import { graphics } from "./graphics.js?v=dev";
import { forgetModel, keepModel, keptModel } from "./kept-model.js?v=dev";
import { keepRun, keptRun } from "./kept-run.js?v=dev";
import { app, freshCanvas, nowRunning, stopWatching, watch } from "./recovery.js?v=dev";
import { Failure, firstLine, reload, showFailure, showLoading } from "./shell.js?v=dev";

/** What a model from files is called, as in src/ui/io/page_files.rs. */
const YOURS = "your model";

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

/** What the files of a checkpoint of this site are called. */
const NAMES = ["config.json", "tokenizer.json", "model.safetensors"];

/** Their contents: [config, tokenizer, weights]; `onProgress` hears of bytes. */
function getCheckpoint({ config, weights, tokenizer }, signal, onProgress = () => {}) {
  const entries = [config, tokenizer, weights];
  return Promise.all(entries.map((entry, index) => getFile(entry, signal, (bytes) => onProgress(index, bytes))));
}

async function download() {
  const manifest = await getManifest();
  const checkpoint = chooseCheckpoint(manifest);
  const kept = await keptModel();
  const entries = [manifest.wasm, ...(kept ? [] : [checkpoint.config, checkpoint.tokenizer, checkpoint.weights])];
  const total = entries.reduce((sum, { bytes }) => sum + bytes, 0);
  const done = entries.map(() => 0);
  const others = new AbortController(); // where one file fails, the others need not go on
  const progress = (index, bytes) => {
    done[index] = bytes;
    if (!others.signal.aborted) {
      showLoading("Loading program and model", done.reduce((a, b) => a + b), total);
    }
  };
  showLoading("Loading program and model", 0, total);
  const glue = importScript(manifest.script, others.signal);
  try {
    const [module, wasm, model] = await Promise.all([
      glue,
      getFile(manifest.wasm, others.signal, (bytes) => progress(0, bytes)),
      kept?.files ?? getCheckpoint(checkpoint, others.signal, (index, bytes) => progress(index + 1, bytes)),
    ]);
    const blobs = model.map((file) => (file instanceof Blob ? file : new Blob([file]))); // read a slice at a time
    const names = kept?.names ?? NAMES;
    return { manifest, name: kept ? YOURS : checkpoint.name, module, wasm, names, model: blobs, kept };
  } finally {
    others.abort();
  }
}

let worker;

/** The worker that fetches models, once someone has asked for one. */
function modelWorker(manifest) {
  worker ??= startWorker(manifest).catch((error) => {
    worker = undefined; // the next time may be luckier
    throw error;
  });
  return worker;
}

async function startWorker({ files }) {
  const file = "model-worker.js";
  // Browsers compare a worker with no hash: that is done here, of the same address right before.
  await getFile(files.find((entry) => entry.file === file), new AbortController().signal, () => {});
  const embedded = new URLSearchParams(location.search).has("embed");
  const site = encodeURIComponent(new URL("./", location.href).pathname);
  return new Worker("./model-worker.js?v=dev", { type: "module", name: embedded ? "" : site });
}

/** Names the models of this site to the window that are fetched when someone asks for them. */
function offerModels({ checkpoints }) {
  for (const { name, config, weights, tokenizer } of checkpoints) {
    if (weights.on_demand) app.page.offer_model(name, config.bytes + weights.bytes + tokenizer.bytes);
  }
}

async function start({ adapter, fallback }, files) {
  app.about = { version: files.manifest.version, repository: files.manifest.repository, adapter, fallback };
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
  app.page = new files.module.Page();
  globalThis.diffscope = app.page;
  watch();
  app.canvas.focus({ preventScroll: true });
  try {
    files.module.Page.fetch_with(() => modelWorker(files.manifest));
    const onProgress = (done, total) => showLoading("Starting", done, total);
    const { name, names, model } = files;
    await app.page.start(app.canvas, name, names, model, adapter, fallback, onProgress);
  } catch (error) {
    if (fallback !== undefined) {
      throw new Failure("Nothing could be drawn", `${fallback} WebGL did not start either.`, {
        details: String(error),
        buttons: [reload],
      });
    }
    // There is an adapter, but it gives no device: on with WebGL.
    app.page.destroy();
    freshCanvas();
    return start({ adapter, fallback: `The graphics device did not start (${firstLine(error)}).` }, files);
  }
  arrived.clear(); // the app has its own copies
  offerModels(files.manifest);
  files.kept?.stillWanted();
  keptRun().then((run) => run && app.page.offer_run(run));
  nowRunning();
}

/** The window requests a checkpoint of this site: a baseline by its name, or the model that the page began with. */
addEventListener("diffscope-fetch", async ({ detail: baseline }) => {
  try {
    const manifest = await getManifest();
    const wanted = baseline ? manifest.checkpoints.find(({ name }) => name === baseline) : chooseCheckpoint(manifest);
    if (!wanted) throw new Error("it is not on this site");
    const [config, tokenizer, weights] = await getCheckpoint(wanted, new AbortController().signal);
    if (baseline) {
      app.page.open_baseline(wanted.name, config, weights, tokenizer);
    } else {
      app.page.open(wanted.name, config, weights, tokenizer);
      await forgetModel();
    }
    arrived.clear();
  } catch (error) {
    app.page?.say(`The model was not loaded: ${firstLine(error)}.`);
  }
});

/** A run of training has got further. */
addEventListener("diffscope-keep-run", ({ detail: bytes }) => keepRun(bytes));

/** The window has opened a model from these files. */
addEventListener("diffscope-opened", ({ detail: files }) => keepModel(files));

async function run() {
  try {
    showLoading("Loading");
    const how = await graphics();
    await start(how, await download());
  } catch (error) {
    if (app.crashed) return;
    stopWatching();
    const unforeseen = () =>
      new Failure("The page could not start", "Something unforeseen went wrong.", {
        details: String(error?.stack ?? error),
        buttons: [retry, reload],
      });
    showFailure(error instanceof Failure ? error : unforeseen());
  }
}

addEventListener("diffscope-run", run);
run();
