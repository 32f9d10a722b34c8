// The guide beside the conversation: whole, with its outline, the quotes of one answer highlighted in steps.

import { address, readAddress, readerPage } from "./api.js";
import { headingPath } from "./answer.js";
import { overPage } from "./back.js";
import { copyText, el, icon, iconButton } from "./dom.js";
import { say } from "./words.js";

/** The reader in `root`; `tell(text)` says something to assistive technology, `quoteSelected(text)` asks about selected words. */
export class Reader {
  constructor(root, { tell, quoteSelected }) {
    this.root = root;
    this.tell = tell;
    this.guide = null;
    this.shown = ""; // address of the page in the pane
    this.quotes = [];
    this.at = -1;
    this.#build();
    this.#watchSelection(quoteSelected);
  }

  /** Show the guide from its beginning; later calls keep the place when nothing changed. */
  async start(guide) {
    this.guide = guide;
    this.#fillOutline();
    if (!this.quotes.length && guide.documents.length) await this.openDocument(guide.documents[0].name);
  }

  /** Open a document of the live guide, at the heading with the id `heading` where one is given. */
  async openDocument(name, heading = "") {
    this.quotes = [];
    this.at = -1;
    const found = await this.#load(readAddress(this.guide.version, name), name);
    this.#steps();
    if (found === null) return;
    if (!found) return this.#away();
    const target = heading && this.article.querySelector(`[id="${CSS.escape(heading)}"]`);
    if (target) target.scrollIntoView({ block: "start" });
    else this.scroller.scrollTop = 0;
  }

  /** Open the pane at `citation` of `answer`; the answer's other quotes are steps before and after it. */
  async openCitation(answer, citation) {
    this.quotes = answer.citations;
    this.answer = answer;
    this.reveal();
    await this.#step(answer.citations.indexOf(citation));
  }

  /** Open the pane at the heading of the section that `citation` stands in. */
  async openSection(answer, citation) {
    this.quotes = [];
    this.at = -1;
    this.answer = answer;
    this.reveal();
    const found = await this.#load(readAddress(answer.guide_version, citation.document), citation.document);
    this.#steps();
    if (found === null) return;
    if (!found) return this.#lost(citation);
    const name = citation.heading.at(-1) ?? citation.title;
    const heading = [...this.article.querySelectorAll("h1, h2, h3, h4, h5, h6")].find((one) => one.textContent.trim() === name);
    if (heading) heading.scrollIntoView({ block: "start" });
    this.tell(say("reader_at", { heading: headingPath(citation) }));
  }

  /** On a wide screen, stand at the first quote of a new answer: focus and voice stay where they are. */
  async follow(answer) {
    if (this.isDrawer() || !answer.citations.length) return;
    this.quotes = answer.citations;
    this.answer = answer;
    await this.#step(0, { quiet: true });
  }

  /** Make the pane visible where it is a drawer. */
  reveal() {
    this.opener = document.activeElement;
    if (this.isDrawer() && !document.body.classList.contains("reader-open")) this.closed = overPage(() => this.#hide());
    document.body.classList.add("reader-open");
    if (this.isDrawer()) this.closeButton.focus({ preventScroll: true });
  }

  close() {
    this.closed?.();
    this.#hide();
  }

  #hide() {
    document.body.classList.remove("reader-open");
    if (this.opener?.isConnected) this.opener.focus({ preventScroll: true });
  }

  isDrawer = () => matchMedia("(max-width: 899px)").matches;

  async #step(at, { quiet = false } = {}) {
    this.at = at;
    const quote = this.quotes[at];
    const same = this.quotes.filter((other) => other.document === quote.document);
    const found = await this.#load(readAddress(this.answer.guide_version, quote.document, same), quote.document);
    this.#steps();
    if (found === null) return;
    if (!found) return this.#lost(quote);
    const place = same.indexOf(quote);
    let first = null;
    for (const mark of this.article.querySelectorAll("mark")) {
      const now = mark.dataset.n === String(place);
      mark.classList.toggle("now", now);
      first ??= now ? mark : null;
    }
    first?.scrollIntoView({ block: "center" });
    if (!quiet) this.tell(say("reader_at", { heading: headingPath(quote) }));
  }

  async #load(path, name) {
    const wanted = path.split("#")[0];
    this.title.textContent = this.guide?.documents.find((one) => one.name === name)?.title ?? name;
    this.fullPage.href = address(path);
    this.wanted = wanted;
    if (wanted === this.shown) return true;
    const { found, page } = await readerPage(path).catch(() => ({ found: false, page: null }));
    if (this.wanted !== wanted) return null; // something else was opened meanwhile
    const article = page?.querySelector("article");
    this.shown = found ? wanted : "";
    this.article.replaceChildren(...(article && found ? document.adoptNode(article).childNodes : []));
    const note = page?.querySelector(".older");
    this.note.replaceChildren(note ? say("older_version") : "");
    this.note.hidden = !note;
    this.problem = page && !found ? page.querySelector("main p")?.textContent : null;
    return found;
  }

  #away() {
    this.note.hidden = false;
    this.note.replaceChildren(this.problem ?? say("reader_away"));
    this.tell(this.problem ?? say("reader_away"));
  }

  /** The version of an old answer is gone, or the server is away: its quote is still in the answer. */
  #lost(quote) {
    this.#away();
    this.article.replaceChildren(el("h2", {}, headingPath(quote)), el("p", {}, el("mark", { class: "now" }, quote.quote)));
  }

  #steps() {
    this.stepper.hidden = this.quotes.length === 0;
    this.count.textContent = say("quote_of", { n: this.at + 1, all: this.quotes.length });
    this.previous.disabled = this.at <= 0;
    this.next.disabled = this.at >= this.quotes.length - 1;
    this.copy.hidden = this.quotes.length === 0;
  }

  async #copyAddress() {
    const quote = this.quotes[this.at];
    const link = address(readAddress(this.answer.guide_version, quote.document, [quote]));
    this.tell((await copyText(link)) ? say("address_copied") : link);
    this.copy.classList.add("done");
    setTimeout(() => this.copy.classList.remove("done"), 1500);
  }

  #build() {
    this.title = el("h2", { class: "reader-title" });
    this.outline = el("nav", { class: "outline-panel", id: "outline-panel", "aria-label": say("outline"), hidden: true });
    this.outlineButton = el("button", { type: "button", class: "text-button", "aria-expanded": "false", "aria-controls": "outline-panel", "aria-label": say("outline"), click: () => this.#toggleOutline() }, icon("list"), el("span", {}, say("outline")));
    this.previous = iconButton("previous", say("previous_quote"), () => this.#step(this.at - 1));
    this.next = iconButton("next", say("next_quote"), () => this.#step(this.at + 1));
    this.count = el("span", { class: "step-count" });
    this.stepper = el("div", { class: "stepper", role: "group", "aria-label": say("quotes"), hidden: true }, this.previous, this.count, this.next);
    this.copy = iconButton("link", say("copy_address"), () => this.#copyAddress(), { hidden: true });
    this.fullPage = el("a", { class: "icon-button", target: "_blank", rel: "noopener", "aria-label": say("open_full"), title: say("open_full"), href: address("") }, icon("open"));
    this.closeButton = iconButton("close", say("close_guide"), () => this.close(), { class: "icon-button close-reader" });
    this.note = el("p", { class: "older", role: "note", hidden: true });
    this.article = el("article", { class: "guide-text", dir: "auto" });
    this.scroller = el("div", { class: "reader-scroll", tabindex: "0", role: "region", "aria-label": say("guide_text") }, this.article);
    this.root.replaceChildren(
      el("div", { class: "reader-tools" }, this.outlineButton, this.title, this.stepper, this.copy, this.fullPage, this.closeButton),
      this.note,
      el("div", { class: "reader-body" }, this.outline, this.scroller),
    );
    document.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      if (!this.outline.hidden) this.#toggleOutline(false);
      else if (this.isDrawer() && document.body.classList.contains("reader-open")) this.close();
    });
  }

  #toggleOutline(open = this.outline.hidden) {
    this.outline.hidden = !open;
    this.outlineButton.setAttribute("aria-expanded", String(open));
    if (open) this.outline.querySelector("button")?.focus();
    else this.outlineButton.focus();
  }

  #fillOutline() {
    const several = this.guide.documents.length > 1;
    const go = (name, id) => async () => {
      this.#toggleOutline(false);
      await this.openDocument(name, id);
      this.scroller.focus({ preventScroll: true });
    };
    this.outline.replaceChildren(...this.guide.documents.map((one) => el("div", { class: "outline-document" },
      several && el("button", { type: "button", class: "outline-title", click: go(one.name, "") }, one.title),
      el("ol", {}, one.outline.filter(({ level, heading }) => level > 1 || heading !== one.title).map(({ level, heading, id }) =>
        el("li", { class: `level-${level}` }, el("button", { type: "button", click: go(one.name, id) }, heading)))))));
  }

  #watchSelection(quoteSelected) {
    const button = el("button", { type: "button", class: "ask-selected", hidden: true }, say("ask_about_this"));
    document.body.append(button);
    document.addEventListener("selectionchange", () => {
      const selection = getSelection();
      const text = selection.toString().replace(/\s+/g, " ").trim();
      const inside = selection.rangeCount && this.article.contains(selection.getRangeAt(0).commonAncestorContainer);
      button.hidden = !(inside && text.length > 2 && text.length <= 400);
      if (button.hidden) return;
      const at = selection.getRangeAt(0).getBoundingClientRect();
      button.style.translate = `${Math.min(Math.max(8, at.left), innerWidth - 180)}px ${Math.min(at.bottom + 8, innerHeight - 56)}px`;
      button.dataset.text = text;
    });
    button.addEventListener("pointerdown", (event) => event.preventDefault()); // keep the selection
    button.addEventListener("click", () => {
      button.hidden = true;
      if (this.isDrawer()) this.close();
      quoteSelected(button.dataset.text);
      getSelection().removeAllRanges();
    });
  }
}
