// Back closes what lies over the page, as a phone's Back is expected to, and only then leaves the page.

const layers = [];
let ours = 0; // steps back that we took ourselves

addEventListener("popstate", () => {
  if (ours) ours -= 1;
  else layers.pop()?.();
});

/** Something lies over the page now; `close()` takes it away on Back. Call what is returned when it closes otherwise. */
export function overPage(close) {
  history.pushState(history.state, "");
  layers.push(close);
  return () => {
    const at = layers.lastIndexOf(close);
    if (at < 0) return; // Back has closed it
    layers.splice(at, 1);
    ours += 1;
    history.back();
  };
}

/** Let Back close a dialog, however it was opened. */
export function backCloses(dialog) {
  let closed = () => {};
  new MutationObserver(() => (dialog.open ? (closed = overPage(() => dialog.close())) : closed())).observe(dialog, { attributeFilter: ["open"] });
}
