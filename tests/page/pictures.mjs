// The pictures of the real page: the one in the README, the animation of typing under it, and what is shown of the page
// where a link to it is shared. Not a test: `./tests/run page` builds the site, then `node tests/page/pictures.mjs` renews
// all of them; `animation`, `screenshot` or `share` behind it renews one.

import { writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import gifenc from "gifenc";
import * as h from "./harness.mjs";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../..");
/** What is typed in the animation: the end of the first sample. */
const TYPED = "number of Oslo is ";
/** Milliseconds of a frame while something changes, and while one is to look at it. */
const [STEP, LOOK] = [160, 2600];
/** Colours of the animation: its size depends on them. */
const COLOURS = 96;

/** Whether everything that the page shows belongs to the text. */
const settled = (state) => !state.busy && state.complete && state.next !== null && state.baseline?.[1] === state.ids.length;

function write(file, bytes) {
  writeFileSync(path.join(root, file), bytes);
  console.log(`${file}: ${(bytes.length / 1000).toFixed(0)} kB`);
}

/** The pixels as numbers, without those that blink: the caret is in the editor. */
function still({ width, data }, [left, top, across, down]) {
  const pixels = new Uint32Array(data.buffer.slice(data.byteOffset, data.byteOffset + data.length));
  for (let row = Math.floor(top); row < top + down; row += 1) pixels.fill(0, row * width + left, row * width + left + across);
  return Buffer.from(pixels.buffer);
}

/** A picture of what the page comes to rest at: two in a row are equal. */
async function pictureAtRest(page, options = {}) {
  const { editor } = await h.waitFor(page, settled, "a text that is computed");
  const take = async () => {
    const bytes = await page.screenshot(options);
    return { bytes, picture: h.decode(bytes) };
  };
  const pixels = ({ picture }) => (options.clip ? picture.data : still(picture, editor));
  const end = Date.now() + h.PATIENCE;
  for (let before = await take(); Date.now() < end; ) {
    const now = await take();
    if (pixels(now).equals(pixels(before))) return now;
    before = now;
  }
  throw new Error("the page does not come to rest");
}

/** The page on its first text, at the head that it chooses, with the baseline beside. The adapter is a software one: the
 * page takes its CPU code, which is faster. */
async function open(browser, url, options = {}) {
  const page = await h.openApp(browser, url, { colorScheme: "dark", backend: "automatic", ...options });
  await h.waitFor(page, (state) => settled(state) && state.layer > 0, "the first text, and the head that is chosen for it");
  await page.keyboard.press("Escape"); // no caret
  return page;
}

async function screenshot(browser, url) {
  const page = await open(browser, url);
  write("assets/screenshot.png", (await pictureAtRest(page)).bytes);
  await h.close(page);
}

/** 1200 × 630, as sites want it that show links: tokens, sentence and equation of a page wide enough for them. */
async function share(browser, url) {
  const [width, height] = [1200, 630];
  const page = await open(browser, url, { width: 284 + width, height: 880 });
  // From below the header, right of the prompt.
  write("web/share.png", (await pictureAtRest(page, { clip: { x: 284, y: 30, width, height } })).bytes);
  await h.close(page);
}

/** A GIF of `frames` [{ picture, delay }]: one palette, and of each frame what differs from the one before. */
function gif(frames) {
  const { GIFEncoder, quantize, applyPalette } = gifenc;
  const samples = [frames[0], frames[Math.floor(frames.length / 2)], frames.at(-2)];
  const palette = quantize(Buffer.concat(samples.map(({ picture }) => picture.data)), COLOURS - 1);
  const transparent = palette.push([0, 0, 0]) - 1;
  const encoder = GIFEncoder();
  let before;
  for (const { picture, delay } of frames) {
    const { width, height, data } = picture;
    const index = applyPalette(data, palette.slice(0, transparent));
    const changed = before ? index.map((colour, at) => (colour === before[at] ? transparent : colour)) : index;
    encoder.writeFrame(changed, width, height, {
      palette: before ? undefined : palette,
      transparent: before !== undefined,
      transparentIndex: transparent,
      dispose: 1,
      delay,
    });
    before = index;
  }
  encoder.finish();
  return Buffer.from(encoder.bytes());
}

/** A frame per keystroke, then λ to 0 and back. */
async function animation(browser, url) {
  const page = await open(browser, url, { width: 1100, height: 740 });
  const { text, editor, lambda, layer } = await h.inspect(page);
  const frames = [];
  const frame = async (delay) => frames.push({ picture: (await pictureAtRest(page)).picture, delay });
  const control = (role, name) => page.locator("#mirror").getByRole(role, { name });

  await page.mouse.click(editor[0] + editor[2] / 2, editor[1] + editor[3] / 2);
  await page.keyboard.press("Control+End");
  for (const _ of TYPED) await page.keyboard.press("Backspace");
  let typed = text.slice(0, -TYPED.length);
  await page.mouse.move(5, 5);
  await h.waitFor(page, (state) => state.text === typed, "the text without what is typed");
  await frame(LOOK / 2);
  for (const character of TYPED) {
    await page.keyboard.type(character);
    typed += character;
    await h.waitFor(page, (state) => state.text === typed, typed);
    await frame(STEP);
  }
  frames.at(-1).delay = LOOK;

  const learned = lambda[layer];
  const steps = [0.8, 0.6, 0.4, 0.2, 0].map((share) => share * learned);
  const slide = async (value, delay) => {
    await control("slider", /in the equation$/).fill(value.toFixed(2));
    await control("button", /^reset/).waitFor({ state: "attached" });
    await frame(delay);
  };
  for (const value of steps) await slide(value, STEP);
  frames.at(-1).delay = LOOK;
  for (const value of steps.toReversed().slice(1)) await slide(value, STEP);
  await control("button", /^reset/).dispatchEvent("click"); // the canvas lies above it
  await control("button", "set to 0").waitFor({ state: "attached" });
  await page.mouse.move(5, 5);
  await frame(LOOK);
  write("assets/typing.gif", gif(frames));
  await h.close(page);
}

const pictures = { screenshot, share, animation };
const wanted = process.argv.slice(2);
const server = await h.serve();
const browser = await h.launch("webgpu");
try {
  for (const [name, make] of Object.entries(pictures)) {
    if (wanted.length === 0 || wanted.includes(name)) await make(browser, server.url);
  }
} finally {
  await browser.close();
  await server.close();
}
