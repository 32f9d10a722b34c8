// An Answer as elements: its segments, their markers, comparison tables, confidence in words.

import { address, readAddress } from "./api.js";
import { el } from "./dom.js";
import { say } from "./words.js";

/** `segments` of `answer` as its body. `on`: open(citation) when a marker is used, section(citation) when a section's name is. */
export function answerBody(answer, segments, on) {
  const body = el("div", { class: `answer-body status-${answer.status}` });
  for (const group of grouped(segments)) body.append(groupElement(group, answer, on));
  return body;
}

/** What the answer's confidence means, `own`: in a language model's words; "" for a greeting or a question back. */
export function sureness(answer, own = false) {
  const answered = own && answer.writer !== "quotes" ? say("sure_own") : say("sure_answered");
  return { answered, partial: say("sure_partly"), not_covered: say("sure_not") }[answer.status] ?? "";
}

/** The heading path of a citation, as one line. */
export function headingPath({ heading, title }) {
  const below = heading[0] === title ? heading.slice(1) : heading; // the document's title says nothing new
  return (below.length ? below : [title]).join(" › ");
}

/** Markdown as plain words: enough for a preview, and for the moment before an answer is complete. */
export const bare = (markdown) =>
  markdown.replace(/^\s*(?:#{1,6}|[-*])\s+/gm, "").replace(/(\*\*|__)/g, "").replace(/\\([\\`*_[\]<>~|&#+.)=-])/g, "$1").trim();

/** The address in the reader of one citation. */
export const citationAddress = (answer, citation) =>
  address(readAddress(answer.guide_version, citation.document, [citation]));

/** A web page's address as a person reads it: its host and path, not too long. */
export function webPlace(address) {
  const { host, pathname } = new URL(address);
  const path = pathname.replace(/\/$/, "");
  return host.replace(/^www\./, "") + (path.length > 32 ? `/…${path.slice(-28)}` : path);
}

/** Neighbours of one kind together: items make a list, rows a table. */
function grouped(segments) {
  const groups = [];
  for (const segment of segments) {
    const last = groups.at(-1);
    const joins = segment.kind === "item" || segment.kind === "row";
    if (joins && last?.kind === segment.kind) last.segments.push(segment);
    else groups.push({ kind: segment.kind, segments: [segment] });
  }
  return groups;
}

function groupElement({ kind, segments }, answer, on) {
  if (kind === "item") return el("ul", { class: "items" }, segments.map((item) => el("li", { dir: "auto" }, cited(item, answer, on))));
  if (kind === "row") return table(segments, answer, on);
  const [segment] = segments;
  if (kind === "heading") return el("h3", { dir: "auto" }, cited(segment, answer, on));
  return el("p", { class: kind, dir: "auto" }, cited(segment, answer, on));
}

/** Text and its markers; the first marker stays on the line of the last word. */
function cited({ kind, text, citations }, answer, on) {
  const [first, ...rest] = citations.map((n) => marker(answer, n, on));
  if (kind === "heading" || kind === "lead") return [withSections(kind, text, answer, on), first, rest];
  const cut = text.trimEnd().lastIndexOf(" ") + 1;
  if (!first || text.length - cut > 30) return [text, first, rest];
  return [text.slice(0, cut), el("span", { class: "nowrap" }, text.slice(cut), first), rest];
}

/** A line of ours with the section it names as a link: “Fees” in a lead, the whole of a heading. */
function withSections(kind, text, answer, on) {
  const name = ({ heading, title }) => heading.at(-1) ?? title;
  const wanted = (citation) => (kind === "heading" ? text === name(citation) : text.includes(`“${name(citation)}”`));
  const citation = answer.citations.find(wanted);
  if (!citation) return text;
  const at = text.indexOf(name(citation));
  const link = el("a", { class: "section", href: citationAddress(answer, citation), click: onPage(() => on.section(citation)) }, name(citation));
  return [text.slice(0, at), link, text.slice(at + name(citation).length)];
}

/** A click that stays on the page, unless it asks for a new tab. */
const onPage = (act) => (event) => {
  if (event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  event.preventDefault();
  act();
};

function marker(answer, n, on) {
  const citation = answer.citations.find((one) => one.n === n);
  if (!citation) return null;
  const label = say("marker_label", { n, heading: headingPath(citation) });
  const click = onPage(() => on.open(citation));
  const link = el("a", { class: "marker", href: citationAddress(answer, citation), "aria-label": label, click }, String(n));
  link.citation = citation;
  return link;
}

/** A comparison: the first row names what is compared, the first cell of every other row the facet. */
function table(rows, answer, on) {
  const cells = (row) => row.cells ?? [{ text: row.text, citations: row.citations }];
  const [head, ...facets] = rows;
  const names = cells(head).map((cell) => cell.text);
  const width = names.length;
  return el("div", { class: "compare", tabindex: "0", role: "region", "aria-label": say("comparison") },
    el("table", {},
      el("thead", {}, el("tr", {}, names.map((name, column) => column ? el("th", { scope: "col", dir: "auto" }, name) : el("td", {}, name)))),
      el("tbody", {}, facets.map((row) => el("tr", {}, Array.from({ length: width }, (_, column) => {
        const cell = cells(row)[column] ?? { text: say("guide_does_not_say"), citations: [] };
        if (column === 0) return el("th", { scope: "row", dir: "auto" }, cell.text);
        const silent = !cell.citations.length;
        return el("td", { "data-of": names[column], class: silent && "silent", dir: "auto" }, cited(cell, answer, on));
      }))))));
}
