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
  let opened = null;
  const open = async (answer, citation) => {
    opened = citation;
    title.textContent = headingPath(citation) + (citation.page ? ` · ${say("source_page", { page: citation.page })}` : "");
    full.href = citationAddress(answer, citation);
    text.replaceChildren(el("p", {}, el("mark", {}, bare(citation.quote)))); // until the rest is here, and if it never comes
    dialog.showModal();
    tell(say("reader_at", { heading: headingPath(citation) }));
    const found = await passage(citation.passage_id, answer.guide_version).catch((error) => error);
    if (opened !== citation) return; // another one was opened meanwhile
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
  const shown = [];
  let at = 0;
  for (const line of all.join("").split("\n")) {
    const end = at + [...line].length;
    if (line.trim()) shown.push(lineElement(all.slice(at, end), from - at, to - at));
    at = end + 1;
  }
  return listed(shown);
}

/** Items that follow each other as one list. */
function listed(elements) {
  const out = [];
  for (const one of elements) {
    const list = one.numbered ? "OL" : "UL";
    if (one.tagName !== "LI") out.push(one);
    else if (out.at(-1)?.tagName === list) out.at(-1).append(one);
    else out.push(el(list.toLowerCase(), one.numbered ? { start: one.numbered } : {}, one));
  }
  return out;
}

/** One line of the guide, as its Markdown means it. */
function lineElement(characters, from, to) {
  const [sign = "", mark = ""] = characters.join("").match(/^\s*(#{1,6}|[-*]|\d+[.)])\s+/) ?? [];
  const tag = mark.startsWith("#") ? "h3" : mark ? "li" : "p";
  const line = el(tag, { dir: "auto" }, runs(characters, [...sign].length, from, to));
  line.numbered = parseInt(mark, 10) || 0;
  return line;
}

/** The words from `start` on: bold as bold, escapes and the bars of tables gone, the characters from..to marked. */
function runs(characters, start, from, to) {
  const found = [];
  let strong = false;
  for (let at = start; at < characters.length; at += 1) {
    const two = characters[at] + (characters[at + 1] ?? "");
    if (two === "**" || two === "__") {
      strong = !strong;
      at += 1;
      continue;
    }
    if (two.match(/^\\[^\w\s]$/)) at += 1;
    const marked = at >= from && at < to;
    const last = found.at(-1);
    if (last && last.strong === strong && last.marked === marked) last.text += characters[at];
    else found.push({ strong, marked, text: characters[at] });
  }
  const plain = (text) => text.replace(/\s*\|\s*/g, " · ").replace(/^ · | · $/g, "");
  return found.map((run) => {
    const words = run.strong ? el("strong", {}, plain(run.text)) : plain(run.text);
    return run.marked ? el("mark", {}, words) : words;
  });
}
