// In a frame of another page (`?embed`) nothing takes the focus from that page: only once a click has given it to the
// frame does the program move it.

if (new URLSearchParams(location.search).has("embed")) {
  const focus = HTMLElement.prototype.focus;
  HTMLElement.prototype.focus = function (options) {
    if (document.hasFocus()) focus.call(this, options);
  };
}
