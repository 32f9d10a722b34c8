// The chat page: waits for Gradio to draw it, then wires conversation, reader and menu.

import { address, Away, guide as fetchGuide, untilReady } from "./api.js";
import { backCloses } from "./back.js";
import { Conversation } from "./conversation.js";
import { el } from "./dom.js";
import { conversationMarkdown, printable, save } from "./export.js";
import { previewMarkers } from "./preview.js";
import { profile, wireProfile } from "./profile.js";
import { Reader } from "./reader.js";
import { forgetAll, keep, kept } from "./store.js";
import { contactLine } from "./turn.js";
import { day, edition, loadWords, say } from "./words.js";

const byId = (id) => document.getElementById(id);

/** Resolves when the elements Gradio draws are there. */
function drawn(...ids) {
  return new Promise((resolve) => {
    const look = () => ids.every(byId) && (observer.disconnect(), resolve());
    const observer = new MutationObserver(look);
    observer.observe(document, { childList: true, subtree: true });
    look();
  });
}

const input = () => document.querySelector("#question textarea");

/** Show the page once the browser has laid out what was drawn. */
function show() {
  requestAnimationFrame(() => requestAnimationFrame(() => document.body.classList.add("advisor-drawn")));
}

/** Put `text` into the question field, through the event Gradio listens to. */
function fill(text) {
  const field = input();
  field.value = text;
  field.dispatchEvent(new Event("input", { bubbles: true }));
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
  byId("figures").textContent = guide.figures ? say("figures", { figures: guide.figures }) : "";
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
  if (button) button.textContent = say(running ? "stop" : "ask");
}

/** Stop stops, and what is written but not sent survives a reload. */
function wireComposer(conversation) {
  byId("ask").addEventListener("click", (event) => {
    if (!document.body.classList.contains("answering") || input().value.trim()) return;
    event.stopImmediatePropagation();
    conversation.stop();
  }, { capture: true });
  input().addEventListener("input", () => keep("draft", input().value || null));
  if (kept("draft")) fill(kept("draft"));
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
  const coming = guideWhenReady();
  await Promise.all([loadWords(), drawn("masthead", "log", "reader-root", "question")]);
  if (kept("theme") && !new URLSearchParams(location.search).has("__theme")) setTheme(kept("theme") === "dark");
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
  await Promise.race([coming, new Promise((resolve) => setTimeout(resolve, 1500))]); // a slow server is not waited for
  show();
  let guide = await coming;
  const live = async (version) => {
    if (version === guide.version) return;
    guide = await fetchGuide().catch(() => guide);
    showGuide(guide);
    conversation.setVersion(guide.version);
    reader.start(guide);
  };
  conversation = new Conversation(byId("log"), { reader, profile, tell, fill, live, contact: guide.contact, version: guide.version, busy });
  wireComposer(conversation);
  showGuide(guide);
  showStarters(guide, conversation);
  wireMenu(conversation, reader, () => guide);
  document.querySelectorAll("dialog").forEach(backCloses);
  wireProfile(byId("profile-dialog"), byId("open-profile"), { ask: () => conversation.ask(say("which_fits")), tell, say });
  printable(byId("print-extra"), () => guide, () => conversation.turns);
  await reader.start(guide);
  document.body.classList.add("advisor-ready");
}

start().catch((error) => {
  console.error(error);
  byId("away")?.append(` ${address("")}`);
});
