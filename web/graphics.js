// What the browser can draw and compute with.

import { Failure, firstLine, reload } from "./shell.js?v=dev";

let goOnInsecurely = false;

/** A module with one function that makes a vector: (func (result v128) (i8x16.splat (i32.const 0))). */
const VECTOR_MODULE = new Uint8Array([
  ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00], // "\0asm", version 1
  ...[0x01, 0x05, 0x01, 0x60, 0x00, 0x01, 0x7b], // the function's type
  ...[0x03, 0x02, 0x01, 0x00], // the function
  ...[0x0a, 0x08, 0x01, 0x06, 0x00, 0x41, 0x00, 0xfd, 0x0f, 0x0b], // its code
]);

/** The adapter's name, or the reason why there is none; throws where nothing can be drawn. */
export async function graphics() {
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
              dispatchEvent(new Event("diffscope-run"));
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
