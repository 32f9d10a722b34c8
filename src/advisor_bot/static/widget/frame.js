// The page in the widget's frame: what the owner asked for, the conversation, and the talk with the host page.

import { bare } from "../answer.js";
import { address, Away, guide as fetchGuide, untilReady } from "../api.js";
import { Conversation } from "../conversation.js";
import { el, icon, iconButton } from "../dom.js";
import { forgetAll } from "../store.js";
import { contactLine } from "../turn.js";
import { day, edition, loadWords, say } from "../words.js";
import { makeSheet } from "./sheet.js";

const root = document.documentElement;
const framed = parent !== window;
const options = readOptions();
const trusted = [location.origin, ...root.dataset.origins.split(" ")];
const PARTS = ["background", "aims", "time", "worries"];
let context = {}; // what the host page told of the visitor
let built = () => {};
const ready = new Promise((resolve) => (built = resolve));

/** What the loader was told, from the frame's name or the address; whatever is not text there is ignored. */
function readOptions() {
  let given = {};
  try {
    given = JSON.parse((framed && name) || decodeURIComponent(location.hash.slice(1))) ?? {};
  } catch {
    // none, or not ours
  }
  const text = (name) => (typeof given[name] === "string" ? given[name] : "");
  const names = ["origin", "dir", "lang", "title", "accent", "theme", "greeting", "starters"];
  return { ...Object.fromEntries(names.map((name) => [name, text(name)])), inline: given.inline === true, guide: given.guide === true };
}

/** Tell the host page; only one that the server lets frame us hears it. */
function post(type, value) {
  if (framed && trusted.includes(options.origin)) parent.postMessage({ advisor: type, value }, options.origin);
}

addEventListener("message", async ({ data, origin, source }) => {
  if (source !== parent || !trusted.includes(origin) || typeof data?.advisor !== "string") return;
  const page = await ready;
  const { advisor: type, value } = data;
  if (type === "open") page.input.focus({ preventScroll: true });
  if (type === "ask" && typeof value === "string") page.ask(value);
  if (type === "context" && value) {
    context = Object.fromEntries(PARTS.map((part) => [part, String(value[part] ?? "").slice(0, 300)]));
  }
});
post("ready");

function dress() {
  const language = options.lang === "es" ? "es" : "en";
  root.lang = language;
  root.dir = options.dir === "rtl" ? "rtl" : "ltr";
  root.style.colorScheme = ["light", "dark"].includes(options.theme) ? options.theme : "light dark";
  if (CSS.supports("color", options.accent)) {
    root.style.setProperty("--brand", options.accent);
    root.classList.add("branded");
  }
  return loadWords(language);
}

/** Every part of the page, empty of the guide. */
function build() {
  const tell = (text) => {
    if (spoken.children.length > 20) spoken.replaceChildren();
    spoken.append(el("p", {}, text));
  };
  const spoken = el("div", { class: "offscreen", "aria-live": "polite" });
  const title = el("h1", { dir: "auto" }, options.title || say("app_name"));
  const about = el("p");
  const log = el("div", { id: "log" });
  const starters = el("ul", { class: "starters" });
  const greeting = options.greeting
    ? [el("h2", { dir: "auto" }, options.greeting)]
    : [el("h2", {}, say("welcome_title")), el("p", {}, say("welcome_text"))];
  const input = el("textarea", { id: "question", rows: 1, dir: "auto", placeholder: say("question_placeholder"), "aria-label": say("question_label"), enterkeyhint: "send" });
  const send = iconButton("send", say("ask"), () => page.ask(input.value), { class: "icon-button send" });
  const revised = el("span");
  const adviser = el("div");
  const sheet = makeSheet(tell);
  const forget = makeForget(() => {
    forgetAll();
    page.conversation?.clear();
    tell(say("forgotten"));
    input.focus();
  });
  const fill = (text) => ((input.value = text), input.focus({ preventScroll: true }));
  const page = {
    tell, title, about, log, starters, input, revised, adviser, sheet, fill, conversation: null,
    ask(text) {
      if (!text.trim()) return input.focus();
      input.value = "";
      if (page.conversation) page.conversation.ask(text);
      else page.early = text; // the server is away: asked as soon as it is back
    },
  };
  input.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return; // Safari: 229
    event.preventDefault();
    page.ask(input.value);
  });
  addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !event.isComposing && !document.querySelector("dialog[open]")) post("close");
  });
  document.body.append(
    el("header", {},
      document.getElementById("logo")?.content.cloneNode(true) ?? "",
      el("div", {}, title, about),
      iconButton("forget", say("widget_forget"), () => forget.showModal()),
      el("a", { class: "icon-button", href: address(""), target: "_blank", rel: "noopener", "aria-label": say("widget_own_page"), title: say("widget_own_page") }, icon("open")),
      framed && !options.inline && iconButton("close", say("widget_close"), () => post("close"))),
    el("main", {},
      el("div", { class: "log-scroll", role: "region", "aria-label": say("conversation"), tabindex: "0" },
        el("section", { class: "welcome" }, greeting, starters), log),
      el("div", { class: "composer" }, input, send)),
    el("footer", {}, el("p", {}, `${say("not_advice")} `, revised), adviser),
    spoken, sheet.dialog, forget);
  return page;
}

function makeForget(forgetIt) {
  const words = el("p", { id: "forget-words" }, say("widget_forget_question"));
  const dialog = el("dialog", { class: "dialog", "aria-labelledby": "forget-words" }, words, el("div", { class: "dialog-buttons" },
    el("button", { type: "button", class: "chip", click: () => dialog.close() }, say("cancel")),
    el("button", { type: "button", class: "chip main", click: () => (dialog.close(), forgetIt()) }, say("forget_yes"))));
  return dialog;
}

async function guideWhenReady(page) {
  for (;;) {
    try {
      return await fetchGuide();
    } catch (error) {
      if (!(error instanceof Away)) throw error;
      page.about.textContent = say("server_away_short");
      await untilReady(new AbortController().signal);
    }
  }
}

function showGuide(page, guide) {
  if (!options.title) page.title.textContent = guide.title || say("app_name");
  document.title = page.title.textContent;
  const how = guide.writer === "quotes" ? say("how_it_answers") : `${say(guide.own_words ? "model_writes_own" : "model_writes", { model: guide.writer })} ${guide.sent}`;
  page.about.textContent = `${how} ${say("guide_of", { created: day(guide.created), version: edition(guide.version) })}`;
  const kept = guide.kept_days ? say("kept", { days: guide.kept_days }) : "";
  page.revised.textContent = `${guide.revised ? say("revised", { date: day(guide.revised) }) : ""} ${kept}`.trim();
  page.adviser.replaceChildren(...(guide.contact ? [contactLine(guide.contact)] : []));
  page.input.maxLength = guide.max_question_chars;
  const questions = options.starters.split("|").map((text) => text.trim()).filter(Boolean);
  page.starters.replaceChildren(...(questions.length ? questions : guide.starters).slice(0, 4).map((question) =>
    el("li", {}, el("button", { type: "button", class: "chip", dir: "auto", click: () => page.ask(question) }, question))));
}

await dress();
const page = build();
built(page);
let guide = await guideWhenReady(page);
showGuide(page, guide);
page.conversation = new Conversation(page.log, {
  ...page,
  contact: guide.contact,
  version: guide.version,
  own: guide.own_words,
  profile: () => context,
  reader: {
    openCitation(answer, citation) {
      page.sheet.open(answer, citation);
      if (options.guide) post("cite", bare(citation.quote));
    },
  },
  async live(version, answer) {
    post("answer", { status: answer.status, citations: answer.citations.length });
    if (version === guide.version) return;
    guide = await fetchGuide().catch(() => guide);
    showGuide(page, guide);
    page.conversation.setVersion(guide.version);
  },
});
if (page.early) page.conversation.ask(page.early);
root.classList.add("advisor-ready");
