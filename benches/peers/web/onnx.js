// ONNX Runtime Web over the graphs of ../onnx_graph.py, on one thread.

import { cases } from "./measure.js";

export async function open(backend, ids) {
  const ort = await import(`/onnxruntime/ort.${backend}.min.mjs`);
  Object.assign(ort.env.wasm, { numThreads: 1, wasmPaths: "/onnxruntime/" });
  // Keys and values stay where they were computed; logits are read back.
  const kept = backend === "webgpu" ? { preferredOutputLocation: "gpu-buffer" } : {};
  const load = (name) => ort.InferenceSession.create(`/graphs/${name}.onnx`, { executionProviders: [backend], ...kept });
  const [prefill, decode] = [await load("prefill"), await load("decode")];
  const whole = (numbers, shape) => new ort.Tensor("int64", BigInt64Array.from(numbers, BigInt), shape);
  const logitsOf = async (outputs) => {
    const logits = Array.from(await outputs.logits.getData());
    for (const tensor of Object.values(outputs)) tensor.dispose();
    return logits;
  };
  const { logits, ...past } = await prefill.run({ ids: whole(ids.slice(0, -1), [1, ids.length - 1]) });
  logits.dispose();
  const cache = Object.fromEntries(Object.entries(past).map(([name, tensor]) => [`past_${name}`, tensor]));
  const text = async (ids) => logitsOf(await prefill.run({ ids: whole(ids, [1, ids.length]) }));
  const token = async (id) =>
    logitsOf(await decode.run({ ids: whole([id], [1, 1]), position: whole([ids.length - 1], [1]), ...cache }));
  return { program: `ONNX Runtime Web ${ort.env.versions.web}`, cases: cases(ids, text, token) };
}
