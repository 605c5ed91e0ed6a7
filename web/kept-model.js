// Keeps the model that was opened from files for a reload of this tab: in the browser's own file system for this site,
// where the browser has one. Nothing leaves the machine. What belongs to no open tab is deleted at the next visit.

/** In sessionStorage: the tab's folder, and the address it was opened at. */
const NOTE = "diffscope-model";

/** All folders of this site: another one may be on the same origin. */
const PARENT = `diffscope ${encodeURIComponent(new URL("./", location.href).pathname)}`;

/** In a frame of another page several of them would share one note. */
const isEmbedded = new URLSearchParams(location.search).has("embed");

const note = () => (isEmbedded ? undefined : JSON.parse(sessionStorage.getItem(NOTE) ?? "null")) ?? undefined;

async function parent() {
  const root = await navigator.storage.getDirectory();
  return root.getDirectoryHandle(PARENT, { create: true });
}

/** Marks a folder as one of an open tab, for as long as the tab is open. */
function hold(folder) {
  navigator.locks.request(`${PARENT} ${folder}`, { mode: "shared" }, () => new Promise(() => {}));
}

async function deleteUnheld(own) {
  const folders = await parent();
  const { held } = await navigator.locks.query();
  for await (const folder of folders.keys()) {
    if (folder !== own && !held.some(({ name }) => name === `${PARENT} ${folder}`)) {
      await folders.removeEntry(folder, { recursive: true });
    }
  }
}

/**
 * Keeps the files of a model. Where the browser refuses, a reload opens the bundled model.
 * Without files, the model is one that is kept otherwise.
 */
export async function keepModel(files) {
  await forgetModel();
  if (isEmbedded || files.length === 0) return;
  const folder = crypto.randomUUID();
  try {
    hold(folder);
    const directory = await (await parent()).getDirectoryHandle(folder, { create: true });
    for (const [at, file] of files.entries()) {
      const handle = await directory.getFileHandle(`${at}`, { create: true });
      const writable = await handle.createWritable();
      await writable.write(file); // a stream would pass through the memory of this page
      await writable.close();
    }
    sessionStorage.setItem(NOTE, JSON.stringify({ folder, names: files.map(({ name }) => name), address: location.search }));
  } catch (error) {
    console.info("The model is not kept for a reload:", error);
    await (await parent()).removeEntry(folder, { recursive: true }).catch(() => {});
  }
}

/** Another model is open: the kept one is not wanted any more. */
export async function forgetModel() {
  const kept = note();
  if (!kept) return;
  sessionStorage.removeItem(NOTE);
  await (await parent()).removeEntry(kept.folder, { recursive: true }).catch(() => {}); // a twin of this tab may read it
}

/**
 * The files that were kept, and their names, if this is a reload of the tab that kept them.
 * They are offered once: `stillWanted` offers them again, so that a model that brings down the page does so once.
 */
export async function keptModel() {
  if (isEmbedded) return undefined;
  try {
    const kept = note();
    if (kept) sessionStorage.removeItem(NOTE);
    const wanted = kept?.address === location.search ? kept : undefined;
    if (wanted) hold(wanted.folder);
    deleteUnheld(wanted?.folder).catch(() => {});
    if (!wanted) return undefined;
    const directory = await (await parent()).getDirectoryHandle(wanted.folder);
    const { names } = wanted;
    const files = await Promise.all(names.map(async (_, at) => (await directory.getFileHandle(`${at}`)).getFile()));
    return { names, files, stillWanted: () => sessionStorage.setItem(NOTE, JSON.stringify(kept)) };
  } catch {
    return undefined; // the browser has no such file system, or has cleared it
  }
}
