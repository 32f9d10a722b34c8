// The passage behind a marker: the quote highlighted in its surroundings, over the conversation.

import { bare, citationAddress, headingPath } from "../answer.js";
import { passage } from "../api.js";
import { el, iconButton } from "../dom.js";
import { say } from "../words.js";

/** The sheet: `dialog` to put into the page, `open(answer, citation)` to show a source. `tell` speaks to assistive technology. */
export function makeSheet(tell) {
  const title = el("h2", { id: "sheet-title", dir: "auto" });
  const text = el("div", { class: "passage", tabindex: "0", role: "region", "aria-label": say("guide_text") });
  const full = el("a", { target: "_blank", rel: "noopener" }, say("read_in_guide"));
  const dialog = el("dialog", { class: "sheet", "aria-labelledby": "sheet-title" },
    el("header", {}, title, iconButton("close", say("close_guide"), () => dialog.close())), text, el("footer", {}, full));
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close()); // beside the sheet
  const open = async (answer, citation) => {
    title.textContent = headingPath(citation) + (citation.page ? ` · ${say("source_page", { page: citation.page })}` : "");
    full.href = citationAddress(answer, citation);
    text.replaceChildren(el("p", {}, el("mark", {}, bare(citation.quote)))); // until the rest is here, and if it never comes
    dialog.showModal();
    tell(say("reader_at", { heading: headingPath(citation) }));
    const found = await passage(citation.passage_id, answer.guide_version).catch((error) => error);
    if (found.text) text.replaceChildren(...marked(found, citation));
    else text.append(el("p", { class: "note" }, found.status ? found.message : say("reader_away")));
    const mark = text.querySelector("mark").getBoundingClientRect();
    text.scrollTop += mark.top - text.getBoundingClientRect().top - text.clientHeight / 4;
  };
  return { dialog, open };
}

/** A passage with its surroundings as elements, the words of `quote` marked. Offsets count code points. */
function marked(found, quote) {
  const all = [...(found.before + found.text + found.after)];
  const origin = found.start - [...found.before].length;
  const [from, to] = [quote.start - origin, quote.end - origin];
  const lines = [];
  let at = 0;
  for (const line of all.join("").split("\n")) {
    const end = at + [...line].length;
    if (line.trim()) lines.push(lineElement(all.slice(at, end), from - at, to - at));
    at = end + 1;
  }
  return lines;
}

/** One line of the guide: what its Markdown means in a class, its words as text. */
function lineElement(characters, from, to) {
  const line = characters.join("");
  const [, sign] = line.match(/^\s*(#{1,6}|[-*]|\d+[.)])?(?:\s|$)/) ?? [];
  const cut = (start, end) => words(characters.slice(Math.max(0, start), Math.max(0, end)).join(""));
  const inside = cut(from, to);
  const parts = inside ? [cut(0, from), el("mark", {}, inside), cut(to, characters.length)] : [words(line)];
  return el(sign?.startsWith("#") ? "h3" : "p", { class: sign && !sign.startsWith("#") && "item", dir: "auto" }, parts);
}

const words = (markdown) => markdown.replace(/^\s*#{1,6}\s+/, "").replace(/\*\*|__|\\(?=[^\w\s])/g, "").replace(/\s*\|\s*/g, " · ").replace(/^ · | · $/g, "");
