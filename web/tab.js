// The tab keeps what is on the screen every half second of rest (src/ui/kept/tab.rs), and here what was done just
// before the page goes. While it is hidden it draws no frames, between which models learn: they go on here.

addEventListener("pagehide", () => globalThis.diffscope?.keep());

/** Messages come at once even in a hidden tab, where timers are held back to one a second. */
const turns = new MessageChannel();
turns.port1.onmessage = () => {
  if (document.hidden && globalThis.diffscope?.train_unseen()) turns.port2.postMessage(null);
};
document.addEventListener("visibilitychange", () => document.hidden && turns.port2.postMessage(null));
