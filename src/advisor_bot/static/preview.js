// The quote behind a marker, shown while the pointer rests on it or the keyboard is at it.

import { bare, headingPath } from "./answer.js";
import { el } from "./dom.js";

const card = el("div", { id: "preview", class: "preview", role: "tooltip", hidden: true });
let timer = 0;

/** Watch the markers inside `root`. */
export function previewMarkers(root) {
  document.body.append(card);
  root.addEventListener("pointerover", (event) => event.pointerType !== "touch" && soon(event.target, 150));
  root.addEventListener("focusin", (event) => event.target.matches(":focus-visible") && soon(event.target, 0));
  for (const leaving of ["pointerout", "focusout", "click"]) root.addEventListener(leaving, hide);
  document.addEventListener("keydown", (event) => event.key === "Escape" && hide());
  document.addEventListener("scroll", hide, { capture: true, passive: true });
}

function soon(target, wait) {
  const marker = target.closest?.(".marker");
  if (!marker?.citation) return;
  clearTimeout(timer);
  timer = setTimeout(() => show(marker), wait);
}

function show(marker) {
  const quote = bare(marker.citation.quote);
  card.replaceChildren(
    el("p", { class: "preview-path" }, headingPath(marker.citation)),
    el("p", { class: "preview-quote", dir: "auto" }, quote.length > 420 ? `${quote.slice(0, 420)}…` : quote),
  );
  card.hidden = false;
  marker.setAttribute("aria-describedby", card.id);
  place(marker.getBoundingClientRect());
}

function place(at) {
  const { width, height } = card.getBoundingClientRect();
  const left = Math.min(Math.max(8, at.left - 24), innerWidth - width - 8);
  const above = at.top - height - 8;
  card.style.translate = `${left}px ${above > 8 ? above : at.bottom + 8}px`;
}

function hide() {
  clearTimeout(timer);
  card.hidden = true;
  document.querySelector(`.marker[aria-describedby="${card.id}"]`)?.removeAttribute("aria-describedby");
}
