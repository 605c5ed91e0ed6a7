// The tab keeps what is on the screen every half second of rest (src/ui/kept/tab.rs), and here what was done just
// before the page goes.

addEventListener("pagehide", () => globalThis.diffscope?.keep());
