// The chat page: wires conversation, reader and menu to what the server sent.

import { address, Away, guide as fetchGuide, untilReady } from "./api.js";
import { backCloses } from "./back.js";
import { gradioControls } from "./controls.js";
import { Conversation } from "./conversation.js";
import { el } from "./dom.js";
import { conversationMarkdown, printable, save } from "./export.js";
import { previewMarkers } from "./preview.js";
import { profile, wireProfile } from "./profile.js";
import { Reader } from "./reader.js";
import { forgetAll, keep, kept } from "./store.js";
import { contactLine } from "./turn.js";
import { day, edition, say, useWords } from "./words.js";

const LATER = 1000; // ms after the first answer until Gradio's controls are fetched
const byId = (id) => document.getElementById(id);

const input = () => document.querySelector("#question textarea");
const sent = JSON.parse(byId("page-data").textContent); // the words, and the guide where one was live

/** Put `text` into the question field, through the event that it is listened to by. */
function write(text) {
  input().value = text;
  input().dispatchEvent(new Event("input", { bubbles: true }));
}

function fill(text) {
  const field = input();
  write(text);
  field.focus();
  field.setSelectionRange(text.length, text.length);
}

/** Let assistive technology read a whole sentence. */
function tell(text) {
  const region = byId("announce");
  if (region.children.length > 20) region.replaceChildren();
  region.append(el("p", {}, text));
}

async function guideWhenReady() {
  if (sent.guide) return sent.guide;
  for (;;) {
    try {
      return await fetchGuide();
    } catch (error) {
      if (!(error instanceof Away)) throw error;
      if (byId("away")) byId("away").textContent = say("server_away_short");
      await untilReady(new AbortController().signal);
    }
  }
}

function showGuide(guide) {
  byId("guide-title").textContent = guide.title || say("app_name");
  document.title = guide.title ? `${guide.title} – ${say("app_name")}` : say("app_name");
  byId("edition").textContent = say("guide_of", { created: day(guide.created), version: edition(guide.version) });
  byId("edition").title = guide.version;
  byId("away").textContent = "";
  byId("about-name").textContent = guide.title;
  const figures = guide.documents.map((one) => one.figures).find(Boolean);
  byId("figures").textContent = figures ? say("figures", { figures }) : "";
  const kept = guide.kept_days ? say("kept", { days: guide.kept_days }) : "";
  byId("revised").textContent = `${guide.revised ? say("revised", { date: day(guide.revised) }) : ""} ${kept}`.trim();
  byId("adviser").replaceChildren(...(guide.contact ? [contactLine(guide.contact)] : []));
}

function showStarters(guide, conversation) {
  byId("starters").replaceChildren(...guide.starters.slice(0, 6).map((question) =>
    el("li", {}, el("button", { type: "button", class: "starter", dir: "auto", click: () => conversation.ask(question) }, question))));
}

function wireMenu(conversation, reader, guide) {
  const menu = byId("menu");
  const items = {
    "menu-print": () => window.print(),
    "menu-save": () => save("conversation.md", conversationMarkdown(guide(), conversation.turns)),
    "menu-theme": () => setTheme(!document.body.classList.contains("dark")),
    "menu-about": () => byId("about-dialog").showModal(),
    "menu-forget": () => forget(conversation),
  };
  for (const [id, action] of Object.entries(items)) byId(id)?.addEventListener("click", () => ((menu.open = false), action()));
  document.addEventListener("click", (event) => !menu.contains(event.target) && (menu.open = false));
  menu.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    menu.open = false;
    menu.querySelector("summary").focus();
  });
  byId("open-guide").addEventListener("click", () => reader.reveal());
  byId("new-chat").addEventListener("click", () => confirmed("new-dialog", () => (conversation.clear(), fill(""))));
  byId("tell-about-you").addEventListener("click", () => byId("open-profile").click());
}

/** While an answer is made, Ask is Stop. */
function busy(running) {
  const button = byId("ask");
  document.body.classList.toggle("answering", running);
  if (button) button.textContent = say(running && !input().value.trim() ? "stop" : "ask");
  if (!running) setTimeout(wireGradio, LATER);
}

/** Ask asks, Stop stops, and what is written but not sent survives a reload. */
function wireComposer(conversation) {
  document.addEventListener("click", (event) => {
    if (!event.target.closest("#ask") || !document.body.classList.contains("answering") || input().value.trim()) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    conversation.stop();
  }, { capture: true });
  document.addEventListener("input", ({ target }) => {
    if (target !== input()) return;
    keep("draft", target.value || null);
    byId("ask").textContent = say(document.body.classList.contains("answering") && !target.value.trim() ? "stop" : "ask");
    if (target.form) grow(target);
  });
  byId("composer").addEventListener("submit", () => write(window.advisor.ask(input().value)));
  if (kept("draft") && !input().value) write(kept("draft"));
}

/** Make the field as high as its text, six lines at most. */
function grow(field) {
  field.style.blockSize = "auto";
  field.style.blockSize = `${Math.min(field.scrollHeight, 168)}px`;
}

function setTheme(dark) {
  document.body.classList.toggle("dark", dark);
  byId("menu-theme").setAttribute("aria-pressed", String(dark));
  keep("theme", dark ? "dark" : "light");
}

function forget(conversation) {
  confirmed("forget-dialog", () => {
    forgetAll();
    conversation.clear();
    byId("open-profile").classList.remove("set");
    fill("");
    tell(say("forgotten"));
  });
}

/** Ask in the dialog `id`, and do `action` on yes. */
function confirmed(id, action) {
  const dialog = byId(id);
  dialog.addEventListener("close", () => dialog.returnValue === "yes" && action(), { once: true });
  dialog.returnValue = "";
  dialog.showModal();
}

async function start() {
  useWords(sent.words);
  const coming = guideWhenReady();
  byId("menu-theme").setAttribute("aria-pressed", String(document.body.classList.contains("dark")));
  const reader = new Reader(byId("reader-root"), { tell, quoteSelected: (text) => fill(say("about_selected", { text })) });
  previewMarkers(byId("log"));
  let conversation = null;
  window.advisor = {
    ask(text) {
      if (!text?.trim() || !conversation) return text;
      keep("draft", null);
      conversation.ask(text);
      return "";
    },
  };
  let guide = await coming;
  const live = async (version) => {
    if (version === guide.version) return;
    guide = await fetchGuide().catch(() => guide);
    showGuide(guide);
    conversation.setVersion(guide.version);
    reader.start(guide);
  };
  conversation = new Conversation(byId("log"), { reader, profile, tell, fill, live, contact: guide.contact, version: guide.version, own: guide.own_words, busy });
  wireComposer(conversation);
  showGuide(guide);
  showStarters(guide, conversation);
  wireMenu(conversation, reader, () => guide);
  document.querySelectorAll("dialog").forEach(backCloses);
  wireProfile(byId("profile-dialog"), byId("open-profile"), { ask: () => conversation.ask(say("which_fits")), tell, say });
  printable(byId("print-extra"), () => guide, () => conversation.turns);
  catchUp(conversation);
  await reader.start(guide);
  document.body.classList.add("advisor-ready");
}

/** Ask what was asked before this script was there. */
function catchUp(conversation) {
  const { early } = window;
  window.early = null; // from now on what is asked is heard
  if (!early.trim()) return;
  if (input().value === early) write("");
  conversation.ask(early);
}

/** Gradio draws the controls once something was asked; until then a slow line carries nothing of it. */
function wireGradio() {
  if (wireGradio.begun || !document.body.classList.contains("has-turns")) return;
  wireGradio.begun = true;
  gradioControls(byId("composer"), byId("controls"), (text) => {
    write(text);
    busy(document.body.classList.contains("answering"));
  }).catch(console.error);
}

start().catch((error) => {
  console.error(error);
  byId("away")?.append(` ${address("")}`);
});
