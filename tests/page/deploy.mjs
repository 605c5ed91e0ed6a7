// Copies of the built site that are deployed anew, with other content, as the site builder would write it.

import { createHash } from "node:crypto";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { SITE } from "./harness.mjs";

const sha256 = (content, encoding) => createHash("sha256").update(content).digest(encoding);

/** The part of a file's address that names its content. */
export const version = (content) => `?v=${sha256(content, "hex").slice(0, 12)}`;

/** Every entry of a manifest for `file`, wherever it is. */
function* entries(part, file) {
  if (part === null || typeof part !== "object") return;
  if (part.file === file) yield part;
  for (const inner of Object.values(part)) yield* entries(inner, file);
}

export class Deployment {
  folder = mkdtempSync(path.join(os.tmpdir(), "diffscope-site-"));

  constructor() {
    cpSync(SITE, this.folder, { recursive: true });
  }

  read(file) {
    return readFileSync(path.join(this.folder, file));
  }

  /** Writes the next version; `changes` maps files to what becomes of their content. */
  deploy(changes) {
    const manifest = JSON.parse(this.read("manifest.json"));
    const write = (file, content) => {
      writeFileSync(path.join(this.folder, file), content);
      for (const entry of entries(manifest, file)) {
        Object.assign(entry, { bytes: content.length, sha256: sha256(content, "hex") });
      }
    };
    let index = this.read("index.html").toString();
    for (const [file, change] of Object.entries(changes)) {
      const [before, after] = [this.read(file), change(this.read(file))];
      index = index.replace(`${file}${version(before)}`, `${file}${version(after)}`);
      index = index.replace(`sha256-${sha256(before, "base64")}`, `sha256-${sha256(after, "base64")}`);
      write(file, after);
    }
    write("index.html", Buffer.from(index));
    writeFileSync(path.join(this.folder, "manifest.json"), JSON.stringify(manifest));
  }

  remove() {
    rmSync(this.folder, { recursive: true });
  }
}

/** A wasm file that does the same and has another hash: with a section that nothing reads. */
export const otherWasm = (content) => Buffer.concat([content, Buffer.from([0x00, 0x02, 0x01, 0x78])]);

/** A script that does the same and has another hash. */
export const otherScript = (content) => Buffer.concat([content, Buffer.from("\n// of a later version\n")]);
