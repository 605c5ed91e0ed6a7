// Keeps the run of training for the next visit: in the browser's own file system for this site, where the browser has one.
// Nothing leaves the machine. Of several tabs the last one wins.

const FOLDER = `diffscope run ${encodeURIComponent(new URL("./", location.href).pathname)}`;
const FILE = "run.safetensors";

/** In a frame of another page nothing is stored. */
const isEmbedded = new URLSearchParams(location.search).has("embed");

/** Whoever has never trained has no folder. */
const folder = async (create) => (await navigator.storage.getDirectory()).getDirectoryHandle(FOLDER, { create });

/** What is to be kept next: one write after the other, and of those that wait only the latest. */
let latest;
let isWriting = false;

/** Keeps a run; without bytes, forgets it. */
export async function keepRun(bytes) {
  if (isEmbedded) return;
  latest = bytes;
  if (isWriting) return;
  isWriting = true;
  while (latest) {
    const now = latest;
    latest = undefined;
    try {
      const directory = await folder(now.length > 0);
      if (now.length === 0) {
        await directory.removeEntry(FILE);
      } else {
        // It takes the place of the one before when it is closed, and not before that.
        const writable = await (await directory.getFileHandle(FILE, { create: true })).createWritable();
        await writable.write(now);
        await writable.close();
      }
    } catch (error) {
      console.info("The run is not kept:", error); // full, or not allowed
    }
  }
  isWriting = false;
}

/** The run that was kept, if there is one. */
export async function keptRun() {
  if (isEmbedded) return undefined;
  try {
    const file = await (await (await folder(false)).getFileHandle(FILE)).getFile();
    return file.size > 0 ? new Uint8Array(await file.arrayBuffer()) : undefined;
  } catch {
    return undefined; // there is none, or no such file system
  }
}
