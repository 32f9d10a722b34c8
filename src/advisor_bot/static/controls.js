// Gradio's controls: they take the place of the ones the server sent, once a conversation has begun.

import { address } from "./api.js";
import { el } from "./dom.js";

/** Resolves when `look()` is true of what stands in `root`. */
function drawn(root, look) {
  return new Promise((resolve) => {
    const observer = new MutationObserver(() => look() && (observer.disconnect(), resolve()));
    observer.observe(root, { childList: true, subtree: true });
  });
}

/** Resolves when nobody writes in `form`: a field is never taken from under somebody's hands. */
async function left(form) {
  while (form.contains(document.activeElement)) {
    await new Promise((resolve) => form.addEventListener("focusout", () => setTimeout(resolve), { once: true }));
  }
}

/** Let Gradio draw into `place`, then show that instead of `form`; `handOver(text)` gets what was written. */
export async function gradioControls(form, place, handOver) {
  const answer = await fetch(address("config"));
  if (!answer.ok || !place.dataset.script) return; // the page's own controls do all that Gradio's do
  window.__gradio_mode__ = "app";
  window.gradio_config = await answer.json();
  window.gradio_api_info = { named_endpoints: {}, unnamed_endpoints: {} }; // its own API is shut
  place.setAttribute("theme_mode", document.body.classList.contains("dark") ? "dark" : "light");
  document.head.prepend(el("link", { rel: "stylesheet", href: address(place.dataset.style) })); // ours count more
  document.head.append(el("script", { type: "module", src: address(place.dataset.script) }));
  await drawn(place, () => place.querySelector("#question textarea") && place.querySelector("#ask"));
  await left(form);
  const text = form.elements.question.value;
  form.remove();
  place.hidden = false;
  handOver(text);
}
