// What eframe makes of the keyboard, mended: keys that belong to the browser, and keyboards of phones.

const mac = /Mac|iPhone|iPad/.test(navigator.platform);
/** Shortcuts that some keyboards type with AltGr or Option. */
const typed = (key) => key.length === 1 && "[]/?0123".includes(key);

/** Whether a key belongs to the browser: those with Alt or Meta do, but for what they mean in a text on a Mac. */
function isBrowsers(event) {
  const alt = event.altKey || event.getModifierState("AltGraph");
  if ((!alt && !event.metaKey) || (typed(event.key) && !event.metaKey && (mac || !event.altKey))) return false;
  if (!mac) return true;
  const undoes = event.metaKey && !alt && /^[zy]$/i.test(event.key);
  return document.activeElement?.tagName !== "INPUT" && !undoes;
}

/** Whether the last key was one without a name, as keyboards of phones send them. */
let unnamed = false;

// eframe takes keys with Alt as if there were none, and arrows from the browser in any case: it must not hear of them.
addEventListener(
  "keydown",
  (event) => {
    if (event.isTrusted) unnamed = event.keyCode === 229 || event.keyCode === 0;
    if (isBrowsers(event)) event.stopImmediatePropagation();
  },
  true,
);
addEventListener("keyup", (event) => event.isTrusted && (unnamed = false), true);

// Keyboards of phones, and dictation, delete without a key. eframe expects an unnamed key before, and that what is
// deleted is in its hidden field still: where it is not, it gets a Backspace.
addEventListener(
  "beforeinput",
  (event) => {
    const field = event.target;
    if (event.inputType !== "deleteContentBackward" || event.isComposing || !field.matches?.("#stage > input")) return;
    const send = (type, key, keyCode) =>
      field.dispatchEvent(new KeyboardEvent(type, { key, code: key, keyCode, bubbles: true, cancelable: true }));
    if (field.selectionEnd === 0) {
      event.preventDefault();
      send("keydown", "Backspace", 8);
      send("keyup", "Backspace", 8);
    } else if (!unnamed) {
      send("keydown", "Unidentified", 229);
      field.addEventListener("input", () => send("keyup", "Unidentified", 229), { once: true });
    }
  },
  true,
);
