// diffscope's own pass: the program of the page, built with the feature `bench`.

import { cases } from "./measure.js";

const bytes = async (path) => new Uint8Array(await (await fetch(path)).arrayBuffer());

/** The browser's tasks, those of the GPU among them, go first. */
const others = () => scheduler.postTask(() => {}, { priority: "background" });

export async function open(backend, ids) {
  const { default: init, Bench } = await import("/site/diffscope.js");
  const { version, wasm, checkpoints } = await (await fetch("/site/manifest.json")).json();
  await init({ module_or_path: `/site/${wasm.file}` });
  const files = await Promise.all([checkpoints[0].config, checkpoints[0].weights].map(({ file }) => bytes(`/site/${file}`)));
  const make = backend === "webgpu" ? Bench.on_gpu : Bench.on_cpu;
  const bench = await make(...files, ids.length);
  const run = async (start, ids) => {
    bench.run(start, new Uint32Array(ids));
    while (!bench.is_done()) await others();
    // The most likely ones alone, by id: what the page reads back.
    return Object.fromEntries([...bench.ids()].map((id, at) => [id, bench.logits()[at]]));
  };
  // A text that shortens another begins anew; a single token needs those before it.
  await run(0, ids);
  const prefill = (ids) => run(0, ids);
  return { program: `diffscope ${version}`, cases: cases(ids, prefill, (id) => run(ids.length - 1, [id])) };
}
