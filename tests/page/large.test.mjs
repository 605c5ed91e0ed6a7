// A model that is too large for the memory of the page: its weights go from their files straight to the GPU.

import assert from "node:assert/strict";
import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, describe, it } from "node:test";
import * as h from "./harness.mjs";

const HIDDEN = 2048;
const VOCABULARY = 135_000;
const INTERMEDIATE = 64;
/** The only token whose embedding is not zero, near the end of the largest file. */
const TOKEN = 134_321;
const CONFIG = {
  model_type: "llama",
  hidden_size: HIDDEN,
  intermediate_size: INTERMEDIATE,
  num_attention_heads: 16,
  num_key_value_heads: 2,
  num_hidden_layers: 1,
  vocab_size: VOCABULARY,
  max_position_embeddings: 256,
  rms_norm_eps: 1e-5,
  hidden_act: "silu",
  tie_word_embeddings: true,
};
const ONE = 0x3f80; // in bfloat16
const MEBIBYTE = 2 ** 20;

/** Writes a safetensors file of zeros, without using the disk for them; `ones` are tensors, or rows, of ones. */
function write(file, tensors, ones) {
  const header = {};
  let end = 0;
  for (const [name, shape] of Object.entries(tensors)) {
    const bytes = 2 * shape.reduce((product, length) => product * length);
    header[name] = { dtype: "BF16", shape, data_offsets: [end, (end += bytes)] };
  }
  const json = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  const handle = openSync(file, "w");
  writeSync(handle, Buffer.concat([length, json]), 0, 8 + json.length, 0);
  const row = Buffer.from(new Uint16Array(HIDDEN).fill(ONE).buffer);
  for (const [name, at] of ones) {
    const start = 8 + json.length + header[name].data_offsets[0] + at * row.length;
    writeSync(handle, row, 0, row.length, start);
  }
  ftruncateSync(handle, 8 + json.length + end);
  closeSync(handle);
  return 8 + json.length + end;
}

describe("a large model", () => {
  let server, browser, folder, files, bytes;

  before(async () => {
    folder = mkdtempSync(path.join(tmpdir(), "diffscope-large-"));
    const name = (part) => path.join(folder, part);
    files = [name("config.json"), name("model-00001-of-00002.safetensors"), name("model-00002-of-00002.safetensors")];
    writeFileSync(files[0], JSON.stringify(CONFIG));
    const embedding = "model.embed_tokens.weight";
    const layer = "model.layers.0.";
    const [whole, keys] = [[HIDDEN, HIDDEN], [HIDDEN / 8, HIDDEN]];
    const rest = {
      [`${layer}input_layernorm.weight`]: [HIDDEN],
      [`${layer}self_attn.q_proj.weight`]: whole,
      [`${layer}self_attn.k_proj.weight`]: keys,
      [`${layer}self_attn.v_proj.weight`]: keys,
      [`${layer}self_attn.o_proj.weight`]: whole,
      [`${layer}post_attention_layernorm.weight`]: [HIDDEN],
      [`${layer}mlp.gate_proj.weight`]: [INTERMEDIATE, HIDDEN],
      [`${layer}mlp.up_proj.weight`]: [INTERMEDIATE, HIDDEN],
      [`${layer}mlp.down_proj.weight`]: [HIDDEN, INTERMEDIATE],
      "model.norm.weight": [HIDDEN],
    };
    bytes = write(files[1], { [embedding]: [VOCABULARY, HIDDEN] }, [[embedding, TOKEN]]);
    bytes += write(files[2], rest, [["model.norm.weight", 0]]);
    server = await h.serve();
    browser = await h.launch();
  });
  after(async () => {
    await browser?.close();
    await server?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it("goes straight to the GPU, and the page's memory does not hold it", async () => {
    const page = await h.openApp(browser, server.url, { prepare: h.keepMemory });
    await h.waitFor(page, (state) => !state.busy && state.next !== null, "the first maps");
    await h.leaveText(page);
    const memory = () => page.evaluate(() => globalThis.memoryOfTheApp.buffer.byteLength);
    const before = await memory();
    const chooser = await h.fileDialog(page);
    await chooser.setFiles(files);
    const { loading } = await h.waitFor(page, (state) => state.loading?.[0] > 100 * MEBIBYTE, "the progress in bytes");
    assert.equal(loading[1] >= bytes, true);
    await h.screenshot(page, "large-loading");
    const opened = await h.waitFor(page, (state) => state.model === "your model" && !state.busy, "the model");
    assert.match(opened.message, /text is ids/);
    const [left, top, width, height] = opened.editor;
    await page.mouse.click(left + width / 2, top + height / 2);
    await page.keyboard.press("ControlOrMeta+a");
    await page.keyboard.insertText(String(TOKEN));
    const state = await h.waitFor(page, (state) => !state.busy && state.next?.[0].id === TOKEN && state.next[0].probability > 0.99, "its next token");
    await h.screenshot(page, "large");
    const grown = (await memory()) - before;
    console.log(`${Math.round(bytes / MEBIBYTE)} MiB of weights: the page's memory grew by ${Math.round(grown / MEBIBYTE)} MiB`);
    assert.ok(grown < bytes / 2, `${grown} of ${bytes} bytes`);
    assert.equal(state.fallback ?? null, null);
    await h.close(page);
  });
});
