// One turn of the conversation: the question, its answer, and what can be done with it.

import { answerBody, bare, citationAddress, headingPath, sureness, webPlace } from "./answer.js";
import { feedback } from "./api.js";
import { copyText, el, iconButton } from "./dom.js";
import { edition, say, today } from "./words.js";

/** The element of `turn`. `on`: open(answer, citation), ask(question), retry(turn), undo(turn), tell(text), changed(turn), isOlder(answer). */
export function turnElement(turn, on, contact) {
  const answer = el("div", { class: "answer" });
  const node = el("article", { class: "turn", "data-id": turn.id, "aria-label": say("turn_label") },
    el("h2", { class: "asked" }, turn.question), answer);
  node.turn = turn;
  if (turn.answer) showAnswer(node, on, contact);
  else showWaiting(node, on);
  return node;
}

/** Text in one line. */
export const oneLine = (text) => text.replace(/\s+/g, " ").trim();

/** Text of a student or a guide as Markdown that shows it as it is. */
export const asText = (text) => oneLine(text).replace(/[\\`*_[\]<>#|!~&]/g, "\\$&");

/** A turn with its sources: what "copy" gives, and a part of the whole. */
export function turnMarkdown({ question, answer }) {
  const lines = [`## ${asText(question)}`, "", answer?.text.trim() ?? say("not_answered_yet"), ""];
  for (const citation of answer?.citations ?? []) {
    const where = `<${citationAddress(answer, citation)}>`;
    lines.push(`[${citation.n}] ${asText(headingPath(citation))}: “${asText(bare(citation.quote))}” ${where}`, "");
  }
  if (answer) lines.push(say("from_version", { version: edition(answer.guide_version), day: today() }), "");
  return lines.join("\n");
}

const holder = (node) => node.querySelector(".answer");

/** "Reading the guide…", and the checked sentences as they come. */
export function showProgress(node, text, deltas) {
  const said = bare(deltas);
  holder(node).replaceChildren(
    said ? el("p", { class: "stream", dir: "auto" }, said) : el("p", { class: "progress" }, text, el("span", { class: "dots", "aria-hidden": "true" })),
  );
}

/** Nothing came yet, and nothing is under way: the question can be asked again. */
function showWaiting(node, on) {
  showNote(node, say("not_answered_yet"), [
    el("button", { type: "button", class: "chip", click: () => on.retry(node.turn) }, say("ask_again")),
    el("button", { type: "button", class: "chip", click: () => on.undo(node.turn) }, say("undo")),
  ]);
}

/** A line of ours in the place of an answer, with buttons. */
export function showNote(node, text, buttons = []) {
  holder(node).replaceChildren(el("div", { class: "trouble", role: "status" }, el("p", {}, text), el("div", { class: "chips" }, buttons)));
}

/** The finished answer with everything under it. */
export function showAnswer(node, on, contact) {
  const { turn } = node;
  const { answer } = turn;
  const named = ({ kind, text }) => kind === "note" && contact && text.includes(contact.name); // linked below instead
  const body = answer.segments.filter((segment) => !named(segment));
  const meant = sureness(answer, on.own);
  const sure = body[0]?.text.startsWith(meant) ? "" : meant;
  holder(node).replaceChildren(
    answerBody(answer, body, { open: (citation) => on.open(answer, citation), section: (citation) => on.section(answer, citation) }),
    ...[
      answer.status === "not_covered" && contact && contactLine(contact),
      sure && el("p", { class: `sure sure-${answer.status}` }, sure),
      on.isOlder(answer) && el("p", { class: "older-answer" }, say("older_answer", { version: edition(answer.guide_version) })),
      webPages(answer),
      sources(answer),
      actions(node, on),
      followUps(answer, on),
    ].filter(Boolean),
  );
}

/** The human adviser, where the guide has no answer. */
export const contactLine = ({ name, link }) =>
  el("p", { class: "contact" }, `${say("contact_before")} `, el("a", { href: link, rel: "noopener" }, name), ".");

/** Where the guide was fetched from the web: each quote's own page, opened at its words. */
function webPages(answer) {
  const fetched = answer.citations.filter((citation) => citation.address?.startsWith("http"));
  if (!fetched.length) return null;
  return el("p", { class: "web-pages" }, `${say("on_the_web")} `, fetched.map(({ n, address }) => {
    const place = webPlace(address);
    const label = say("on_the_web_label", { n, place });
    return [el("a", { href: address, target: "_blank", rel: "noopener", "aria-label": label, title: label }, `${n} ${place}`), " "];
  }));
}

/** The quotes in full: for print alone, on the screen they are behind the markers. */
function sources(answer) {
  if (!answer.citations.length) return null;
  return el("ol", { class: "print-sources" }, answer.citations.map((citation) =>
    el("li", { value: citation.n }, `${headingPath(citation)}: “${bare(citation.quote)}”`)));
}

function actions(node, on) {
  const { turn } = node;
  const copy = iconButton("copy", say("copy_with_sources"), async () => {
    const done = await copyText(turnMarkdown(turn));
    on.tell(say(done ? "copied" : "copy_failed"));
    copy.classList.add("done");
    setTimeout(() => copy.classList.remove("done"), 1500);
  });
  return el("div", { class: "actions", role: "group", "aria-label": say("answer_actions") },
    copy,
    iconButton("retry", say("retry"), () => on.retry(turn)),
    iconButton("undo", say("undo"), () => on.undo(turn), { class: "icon-button undo" }),
    turn.answer.citations.length || turn.answer.status === "not_covered" ? thumbs(node, on) : null);
}

function thumbs(node, on) {
  const { turn } = node;
  const row = el("div", { class: "reasons" });
  const buttons = ["up", "down"].map((verdict) =>
    iconButton(verdict, say(`thumb_${verdict}`), () => choose(verdict), { "aria-pressed": String(turn.verdict === verdict) }));
  const send = (verdict, reason) => {
    feedback(turn.answer, verdict, reason).catch(() => {}); // a count that is lost harms nobody
    row.replaceChildren(el("p", { class: "thanks" }, say("thanks")));
    on.tell(say("thanks"));
  };
  const choose = (verdict) => {
    turn.verdict = verdict;
    on.changed(turn);
    buttons.forEach((button, at) => button.setAttribute("aria-pressed", String((at === 0) === (verdict === "up"))));
    if (verdict === "up") return send("up", "");
    row.replaceChildren(el("span", {}, say("why")), ...["wrong", "incomplete", "unclear", "other"].map((reason) =>
      el("button", { type: "button", class: "chip", click: () => send("down", reason) }, say(`reason_${reason}`))));
  };
  return [...buttons, row];
}

function followUps(answer, on) {
  if (!answer.suggestions.length) return null;
  return el("div", { class: "follow-ups" },
    el("p", { class: "follow-title" }, say(answer.status === "not_covered" ? "guide_can_answer" : "ask_next")),
    el("ul", {}, answer.suggestions.slice(0, 3).map((question) =>
      el("li", {}, el("button", { type: "button", class: "chip", dir: "auto", click: () => on.ask(question) }, question)))));
}
