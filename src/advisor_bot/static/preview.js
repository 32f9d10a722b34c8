// The quote behind a marker, shown while the pointer rests on it or the keyboard is at it.

import { bare, headingPath } from "./answer.js";
import { el } from "./dom.js";

const card = el("div", { id: "preview", class: "preview", role: "tooltip", hidden: true });
let timer = 0;
let awaited = null; // the marker whose quote will be shown when the timer ends
let shown = null; // the marker whose quote the card holds

/** Watch the markers inside `root`. */
export function previewMarkers(root) {
  document.body.append(card);
  root.addEventListener("pointerover", (event) => event.pointerType !== "touch" && soon(event.target, 150));
  root.addEventListener("focusin", (event) => event.target.matches(":focus-visible") && soon(event.target, 0));
  // A page that scrolls under a resting pointer sends pointerout from whatever slides away: only the marker's own counts.
  const left = ({ target }) => [shown, awaited].includes(target.closest?.(".marker") ?? "none") && hide();
  for (const leaving of ["pointerout", "focusout", "click"]) root.addEventListener(leaving, left);
  document.addEventListener("keydown", (event) => event.key === "Escape" && hide());
  // Focus on a marker out of sight scrolls to it: the card follows, and waits while its marker is not in view.
  document.addEventListener("scroll", () => shown && place(), { capture: true, passive: true });
}

function soon(target, wait) {
  const marker = target.closest?.(".marker");
  if (!marker?.citation) return;
  clearTimeout(timer);
  awaited = marker;
  timer = setTimeout(() => show(marker), wait);
}

function show(marker) {
  hide();
  const quote = bare(marker.citation.quote);
  card.replaceChildren(
    el("p", { class: "preview-path" }, headingPath(marker.citation)),
    el("p", { class: "preview-quote", dir: "auto" }, quote.length > 420 ? `${quote.slice(0, 420)}…` : quote),
  );
  shown = marker;
  marker.setAttribute("aria-describedby", card.id);
  place();
}

function place() {
  if (!shown.isConnected) return hide();
  const at = shown.getBoundingClientRect();
  const log = shown.closest(".log-scroll").getBoundingClientRect();
  card.hidden = at.bottom < Math.max(0, log.top) || at.top > Math.min(innerHeight, log.bottom);
  if (card.hidden) return;
  const { width, height } = card.getBoundingClientRect();
  const left = Math.min(Math.max(8, at.left - 24), innerWidth - width - 8);
  const above = at.top - height - 8;
  card.style.translate = `${left}px ${above > 8 ? above : at.bottom + 8}px`;
}

function hide() {
  clearTimeout(timer);
  card.hidden = true;
  shown?.removeAttribute("aria-describedby");
  shown = awaited = null;
}
