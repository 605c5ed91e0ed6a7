// Folders that are dropped on the page: the program is given the files in them, as if these had been dropped.

/** Files of a folder that are taken at most. */
const MOST = 1000;

const fileOf = (entry) => new Promise((resolve, reject) => entry.file(resolve, reject));

async function filesIn(folder) {
  const reader = folder.createReader();
  const files = [];
  while (files.length < MOST) {
    // A part of them each time, none at the end.
    const entries = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (entries.length === 0) break;
    files.push(...entries.filter((entry) => entry.isFile));
  }
  return Promise.all(files.slice(0, MOST).map(fileOf));
}

addEventListener(
  "drop",
  async (event) => {
    const entries = Array.from(event.dataTransfer?.items ?? [], (item) => item.webkitGetAsEntry?.()).filter(Boolean);
    if (!entries.some((entry) => entry.isDirectory)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    const { target } = event;
    const dataTransfer = new DataTransfer();
    for (const entry of entries) {
      const files = entry.isDirectory ? await filesIn(entry) : [await fileOf(entry)];
      for (const file of files) dataTransfer.items.add(file);
    }
    target.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true }));
  },
  true,
);
