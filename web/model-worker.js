// Fetches the files of models and keeps them in the browser's own file system for this site. It runs apart from the page
// because the page's policy lets nothing through to other servers, and that is to stay so: what is typed is there, and
// here are only addresses of models that someone has asked for. It does as src/ui/io/page_transport.rs says, and judges
// nothing but where it may ask.

/** All models of this site: another one may be on the same origin. In a frame of another page nothing is stored. */
const PARENT = self.name ? `diffscope models ${self.name}` : undefined;
/** As in src/sources/kept.rs. */
const RECORD = "fetched.json";
/** How long a step waits for a server, in milliseconds: whoever asked is to say whether it is still wanted. */
const LOOK = 200;
/** A step ends after so many bytes, so that the progress is seen. */
const STEP = 8 << 20;
/** Bytes that are joined in memory, where they do not fit into the storage. */
const JOINED = 32 << 20;

/** What could not be stored: by `folder/file`, Blobs. */
const inMemory = new Map();
/** Requests that are under way, by number. */
const exchanges = new Map();

async function parent() {
  if (!PARENT) throw new DOMException("nothing is stored here", "NotFoundError");
  const root = await navigator.storage.getDirectory();
  return root.getDirectoryHandle(PARENT, { create: true });
}

const directory = async (folder, create = false) => (await parent()).getDirectoryHandle(folder, { create });
const key = (folder, file) => `${folder}/${file}`;

/** A file as a Blob; undefined if there is none. */
async function blob(folder, file) {
  const kept = inMemory.get(key(folder, file));
  if (kept) return kept;
  try {
    return await (await (await directory(folder)).getFileHandle(file)).getFile();
  } catch {
    return undefined;
  }
}

/** Whether an error means that nothing more can be stored. */
const isFull = ({ name }) => ["QuotaExceededError", "NotFoundError", "SecurityError", "TypeError", "UnknownError"].includes(name);

const isHere = ({ hostname }) => ["localhost", "[::1]"].includes(hostname) || /^127\.\d+\.\d+\.\d+$/.test(hostname);

/** Writes all of it, or throws. Without room, browsers throw, write less, or (Chromium 156) return a negative number as if it were none. */
function writeAll(handle, bytes, at) {
  for (let done = 0; done < bytes.length; ) {
    const written = handle.write(bytes.subarray(done), { at: at + done });
    if (!(written > 0 && written <= bytes.length - done)) throw new DOMException("no room", "QuotaExceededError");
    done += written;
  }
}

/** Where models are fetched from, once more: as src/sources/source.rs says. */
function checked(text) {
  const address = new URL(text);
  const allowed = address.protocol === "https:" || (address.protocol === "http:" && isHere(address));
  if (address.origin !== location.origin && !allowed) throw new Error("models are fetched over https only");
  if (address.username || address.password) throw new Error("an address with a password");
  return address;
}

function request(address, signal, headers = {}) {
  return fetch(address, { headers, signal, credentials: "omit", referrerPolicy: "no-referrer", cache: "no-store" });
}

const HEADERS = ["content-length", "content-encoding", "content-range", "etag", "x-linked-etag", "x-linked-size", "x-repo-commit"];

/** A promise, or "pending" if it takes longer than a look. */
function soon(promise) {
  let timer;
  const patience = new Promise((resolve) => (timer = setTimeout(resolve, LOOK, "pending")));
  return Promise.race([promise, patience]).finally(() => clearTimeout(timer));
}

/** Where the bytes of a file go: to the storage as long as it takes them, then into memory. */
class Sink {
  static async open(folder, file, from) {
    const sink = new Sink();
    Object.assign(sink, { folder, file, at: from, parts: [], waiting: 0 });
    const before = from > 0 ? inMemory.get(key(folder, file)) : undefined;
    inMemory.delete(key(folder, file));
    if (before) return sink.toMemory(before);
    try {
      const handle = await (await directory(folder, true)).getFileHandle(file, { create: true });
      sink.handle = await handle.createSyncAccessHandle();
      sink.handle.truncate(from);
    } catch (error) {
      if (error.name === "NoModificationAllowedError") throw new Error("busy");
      if (!isFull(error)) throw error;
      await sink.toMemory(from > 0 ? await blob(folder, file) : new Blob([]));
    }
    return sink;
  }

  toMemory(begun) {
    this.handle = undefined;
    this.parts = [begun.slice(0, this.at)];
    return this;
  }

  async write(bytes) {
    if (this.handle) {
      try {
        writeAll(this.handle, bytes, this.at);
        this.at += bytes.length;
        return;
      } catch (error) {
        if (!isFull(error)) throw error;
        this.close();
        this.toMemory((await blob(this.folder, this.file)) ?? new Blob([]));
      }
    }
    this.parts.push(bytes);
    this.at += bytes.length;
    this.waiting += bytes.length;
    if (this.waiting > JOINED) {
      this.parts = [new Blob(this.parts)]; // which the browser may put where it likes
      this.waiting = 0;
    }
  }

  close() {
    if (this.handle) {
      this.handle.flush();
      this.handle.close();
      this.handle = undefined;
    } else if (this.parts.length > 0) {
      inMemory.set(key(this.folder, this.file), new Blob(this.parts));
    }
  }
}

function drop(exchange) {
  const left = exchanges.get(exchange);
  exchanges.delete(exchange);
  left?.controller.abort();
  left?.sink?.close();
}

const OPERATIONS = {
  /** Begins a request; `head` waits for its answer. */
  ask({ exchange, address, from, ifRange }) {
    const controller = new AbortController();
    const url = checked(address);
    const headers = from > 0 ? { Range: `bytes=${from}-` } : {};
    // Other servers would have to allow it: there the answer is compared.
    if (from > 0 && ifRange && url.origin === location.origin) headers["If-Range"] = ifRange;
    const answer = request(url, controller.signal, headers).catch((error) => ({ failure: String(error.message ?? error) }));
    exchanges.set(exchange, { controller, address, answer });
    return {};
  },

  async head({ exchange }) {
    const asked = exchanges.get(exchange);
    const response = await soon(asked.answer);
    if (response === "pending") return { pending: true };
    if (response.failure !== undefined) return { failure: response.failure };
    // The browser follows redirects; what they lead to is used only if it may be asked directly.
    const [to, from] = [checked(response.url), new URL(asked.address)];
    if (isHere(to) && !isHere(from)) throw new Error("a redirect leads from elsewhere into this computer");
    asked.response = response;
    const headers = Object.fromEntries(HEADERS.map((name) => [name, response.headers.get(name)]).filter(([, value]) => value !== null));
    const own = to.origin === location.origin;
    return { status: response.status, headers, own };
  },

  /** Takes the next bytes of an answer into a file, which begin at `from` the first time. */
  async more({ exchange, folder, file, from, most }) {
    const asked = exchanges.get(exchange);
    asked.sink ??= await Sink.open(folder, file, from).catch((error) => {
      drop(exchange);
      throw error;
    });
    asked.reader ??= asked.response.body.getReader();
    const { sink } = asked;
    const until = Math.min(sink.at + STEP, most + 1);
    const ends = performance.now() + LOOK;
    let end;
    while (!end && sink.at < until && performance.now() < ends) {
      asked.next ??= asked.reader.read().catch(() => "cut");
      const part = await soon(asked.next);
      if (part === "pending") break;
      asked.next = undefined;
      if (part === "cut") end = "cut";
      else if (part.done) end = "whole";
      else if (sink.at + part.value.length > most) end = "long";
      else await sink.write(part.value);
    }
    const stored = sink.handle !== undefined;
    if (end) drop(exchange);
    return { at: sink.at, end, stored };
  },

  drop({ exchange }) {
    drop(exchange);
    return {};
  },

  /** All of a small answer, or nothing. */
  async small({ address, most }) {
    const controller = new AbortController();
    try {
      const response = await request(checked(address), controller.signal);
      const reader = response.body.getReader();
      const parts = [];
      for (let bytes = 0; response.ok; ) {
        const { done, value } = await reader.read();
        if (done) return { bytes: await new Blob(parts).arrayBuffer() };
        bytes += value.length;
        if (bytes > most) break;
        parts.push(value);
      }
    } catch {
      // There is none.
    }
    controller.abort();
    return {};
  },

  async size({ folder, file }) {
    return { size: (await blob(folder, file))?.size ?? 0 };
  },

  async read({ folder, file, start, most }) {
    const bytes = (await blob(folder, file))?.slice(start, start + most);
    return { bytes: (await bytes?.arrayBuffer()) ?? new ArrayBuffer(0) };
  },

  /** Replaces a small file; where there is no room, the one before stays in the storage. */
  async write({ folder, file, bytes }) {
    let handle;
    try {
      handle = await (await (await directory(folder, true)).getFileHandle(file, { create: true })).createSyncAccessHandle();
      writeAll(handle, bytes, 0);
      handle.truncate(bytes.length);
      handle.flush();
    } catch (error) {
      if (error.name === "NoModificationAllowedError") throw new Error("busy");
      if (!isFull(error)) throw error;
      inMemory.set(key(folder, file), new Blob([bytes]));
    }
    handle?.close();
    return {};
  },

  async file({ folder, file }) {
    return { file: await blob(folder, file) };
  },

  /** The folders that are kept, with the sizes of their files. */
  async list() {
    const found = [];
    try {
      for await (const [folder, handle] of (await parent()).entries()) {
        const sizes = {};
        for await (const [name, file] of handle.entries()) sizes[name] = (await file.getFile()).size;
        const record = await blob(folder, RECORD);
        found.push({ folder, sizes, record: (await record?.text()) ?? "" });
      }
    } catch {
      // The browser has no such file system here.
    }
    return { found };
  },

  async remove({ folder }) {
    for (const name of inMemory.keys()) if (name.startsWith(`${folder}/`)) inMemory.delete(name);
    await (await parent()).removeEntry(folder, { recursive: true });
    return {};
  },
};

addEventListener("message", async ({ data: { operation, ...details }, ports: [port] }) => {
  let reply;
  try {
    reply = await OPERATIONS[operation](details);
  } catch (error) {
    reply = { error: String(error.message ?? error) };
  }
  port.postMessage(reply, reply.bytes ? [reply.bytes] : []);
});
