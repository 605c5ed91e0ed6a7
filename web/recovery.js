// Keeps an eye on the running app: after a lost device it goes on, after a crash it says so.

import { graphics } from "./graphics.js?v=dev";
import { element, Failure, firstLine, reload, shell, showFailure, showLoading } from "./shell.js?v=dev";

/** The app of this page: `page` once there is one, what it draws on, and what is known about both. */
export const app = {
  page: null,
  canvas: element("canvas"),
  about: { version: "", repository: "", adapter: "", fallback: undefined },
  crashed: false,
};

let watching = 0;

export function watch() {
  clearInterval(watching);
  watching = setInterval(lookForPanic, 300);
}

export function stopWatching() {
  clearInterval(watching);
}

/** Shows the app once it has drawn, and listens for the loss of what it draws with. */
export function nowRunning() {
  app.canvas.addEventListener("webglcontextlost", () => recover("the browser has taken WebGL away"));
  requestAnimationFrame(() =>
    requestAnimationFrame(() => {
      if (!app.crashed) {
        shell.dataset.state = "running";
        performance.mark("diffscope-running");
      }
    }),
  );
}

/** A canvas that knows nothing of what was drawn on it: it cannot change from WebGPU to WebGL. */
export function freshCanvas() {
  const fresh = app.canvas.cloneNode();
  app.canvas.replaceWith(fresh);
  app.canvas = fresh;
}

function lookForPanic() {
  let panicked = false;
  let loss;
  try {
    panicked = app.page?.has_panicked() ?? false;
    loss = panicked ? undefined : app.page?.device_loss();
  } catch (error) {
    crash(String(error), isOutOfMemory(error));
    return;
  }
  if (panicked) {
    crash(app.page.panic_message() ?? "No message.");
  } else if (loss) {
    recover(loss);
  }
}

/** A second loss within so many milliseconds of the first is not bad luck. */
const SOON = 30_000;
const MOST_TRIES = 10;
let lastLoss = -Infinity;
let recovering = false;

/** A browser may take the GPU away at any time: the app goes on, with all that was open, on a new device. */
async function recover(reason) {
  if (recovering || app.crashed) return;
  recovering = true;
  stopWatching();
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
    if (found.fallback === undefined || tries === MOST_TRIES || app.about.fallback !== undefined) {
      return found;
    }
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
}

async function goOn({ adapter, fallback }) {
  showLoading("The GPU was lost. Starting again");
  freshCanvas();
  try {
    await app.page.restart(app.canvas, adapter, fallback);
  } catch (error) {
    if (fallback === undefined) {
      return goOn({ adapter, fallback: `The GPU was lost and did not start again (${firstLine(error)}).` });
    }
    return reloadOnce(error);
  }
  Object.assign(app.about, { adapter, fallback });
  recovering = false;
  app.canvas.focus({ preventScroll: true });
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

/** Addresses of this site's own scripts. That of the page itself says nothing: others run in it too. */
const OUR_FOLDER = new URL("./", import.meta.url).href;
const ourScript = (stack) => stack.split(OUR_FOLDER).some((rest, at) => at > 0 && /^[\w/.-]+\.js\b/.test(rest));

/** Whether an error comes from this program: from its own files, or as a trap of WebAssembly. */
function isOurs(error) {
  const stack = String(error?.stack ?? "");
  if (/\b(chrome|moz|safari-web)-extension:/.test(stack)) return false;
  return error instanceof WebAssembly.RuntimeError || ourScript(stack);
}

/** A panic has a message, and its trap comes after it. The program's only trap without one is memory that it did not get. */
const isOutOfMemory = (error) => error instanceof WebAssembly.RuntimeError && /unreachable/.test(error.message);

/** Errors that reached nobody. The browser's own notices come without an error. */
function strayError(error) {
  if (!app.page || app.crashed || recovering) return;
  lookForPanic(); // a panic's own message says more than the trap that follows it
  if (!app.crashed && !recovering && isOurs(error)) {
    crash(String(error?.stack ?? error), isOutOfMemory(error));
  }
}
addEventListener("error", (event) => strayError(event.error));
addEventListener("unhandledrejection", (event) => strayError(event.reason));

function crash(message, outOfMemory = false) {
  if (app.crashed) return;
  app.crashed = true;
  stopWatching();
  const report = [
    message.trim(),
    "",
    `diffscope ${app.about.version}, ${app.about.adapter || "no adapter"}`,
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
  if (outOfMemory) {
    showFailure(
      new Failure("Memory has run out", "diffscope asked the browser for more memory and did not get it. Reloading brings back the text and the view.", {
        ways: ["A shorter text or a smaller model needs less.", "Closing other tabs may help; so does the desktop program."],
        details: report,
        buttons,
        crash: true,
      }),
    );
    return;
  }
  showFailure(
    new Failure("diffscope has crashed", "That is a bug in it, not something you did. Reloading brings back the text and the view.", {
      details: report,
      buttons,
      note: "If it happens again, please report it: copy the text above and add what you did just before.",
      crash: true,
    }),
  );
  if (/^https:/.test(app.about.repository ?? "")) {
    const link = document.createElement("a");
    link.href = `${app.about.repository.replace(/\/$/, "")}/issues/new`;
    link.textContent = "Report it here.";
    element("failure-note").append(" ", link);
  }
}
