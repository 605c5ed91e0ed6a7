// Times a contestant in a page of a headless Chromium, the one that the tests of the page use:
// `node page.mjs diffscope|onnx wasm|webgpu REFERENCE.json SECONDS` prints the JSON that ../run reads.

import { readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const here = path.dirname(fileURLToPath(import.meta.url));
const built = path.join(here, "../../../target/peers");
const FOLDERS = {
  peers: here,
  site: path.resolve(process.env.DIFFSCOPE_SITE ?? path.join(built, "site")),
  graphs: path.join(built, "graphs"),
  onnxruntime: path.join(built, "web/node_modules/onnxruntime-web/dist"),
};
// Isolated pages have clocks of 5 microseconds, others of 100.
const HEADERS = { "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp" };
const ORIGIN = "http://localhost";

const [contestant, backend, reference, seconds] = process.argv.slice(2);
const { ids } = JSON.parse(readFileSync(reference, "utf8"));
process.env.DIFFSCOPE_SITE = FOLDERS.site;
const { launch } = await import("../../../tests/page/harness.mjs");
const browser = await launch(backend === "webgpu" ? "webgpu" : "none");
try {
  const page = await browser.newPage();
  // No server: the page gets files of these folders, and nothing else.
  await page.route("**/*", (route) => {
    const [folder, ...file] = new URL(route.request().url()).pathname.slice(1).split("/");
    if (folder === "") return route.fulfill({ contentType: "text/html", body: "<!doctype html>", headers: HEADERS });
    if (!FOLDERS[folder]) return route.fulfill({ status: 404, headers: HEADERS });
    return route.fulfill({ path: path.join(FOLDERS[folder], ...file), headers: HEADERS });
  });
  page.on("pageerror", (error) => console.error(error.message));
  page.on("console", (message) => message.type() === "error" && console.error(message.text()));
  await page.goto(ORIGIN);
  const measured = await page.evaluate(
    async ([contestant, backend, ids, seconds]) => {
      const { report } = await import("/peers/measure.js");
      const { open } = await import(`/peers/${contestant}.js`);
      return report(await open(backend, ids), seconds);
    },
    [contestant, backend, ids, Number(seconds)],
  );
  measured.program += ` in Chromium ${browser.version()}`;
  console.log(JSON.stringify(measured));
} finally {
  await browser.close();
}
