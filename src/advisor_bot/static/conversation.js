// The conversation: asks, shows, keeps. Every turn lives in this browser; the server sees one question at a time.

import { bare } from "./answer.js";
import { ask, Away, Refusal, untilReady } from "./api.js";
import { el, toTop } from "./dom.js";
import { dropTurn, keepTurn, newTurn, onOtherTab, turns } from "./store.js";
import { showAnswer, showNote, showProgress, turnElement } from "./turn.js";
import { say } from "./words.js";

const SLOW = 10_000; // ms until an answer is called slow
const LONGEST = 180_000; // ms after which a request is given up, whatever the server says
const MOST_TRIES = 5; // of a question, while the server says that it is ready and does not answer
const HISTORY_TURNS = 8; // turns sent along with a question
const HISTORY_CHARS = 4000; // of each of their texts

/** The conversation in `root`. */
export class Conversation {
  constructor(root, { reader, profile, tell, fill, live, contact, version, busy, own = false }) {
    Object.assign(this, { root, reader, profile, tell, fill, live, contact, version, busy, running: new Map() });
    this.on = {
      open: (answer, citation) => reader.openCitation(answer, citation),
      section: (answer, citation) => (reader.openSection ?? reader.openCitation).call(reader, answer, citation),
      ask: (question) => this.ask(question),
      retry: (turn) => this.retry(turn),
      undo: (turn) => this.undo(turn),
      changed: (turn) => keepTurn(turn),
      isOlder: (answer) => answer.guide_version !== this.version,
      tell,
      own,
    };
    onOtherTab(() => this.restore());
    this.restore();
  }

  get turns() {
    return [...this.root.children].map((node) => node.turn);
  }

  /** Show what the browser kept, without touching what is already shown or under way. */
  restore() {
    const kept = turns();
    const ids = new Set(kept.map((turn) => turn.id));
    for (const node of [...this.root.children]) if (!ids.has(node.turn.id) && !this.running.has(node.turn.id)) node.remove();
    const fragment = document.createDocumentFragment();
    for (const turn of kept) {
      const node = this.#node(turn);
      if (!node) fragment.append(turnElement(turn, this.on, this.contact));
      else if (turn.answer && !node.turn.answer && !this.running.has(turn.id)) {
        node.turn = turn;
        showAnswer(node, this.on, this.contact);
      }
    }
    const first = this.root.children.length === 0;
    this.root.append(fragment);
    this.#note();
    if (first && kept.length) toTop(this.root.lastElementChild);
  }

  /** Ask `question` as a new turn. */
  async ask(question) {
    const turn = newTurn(question.trim());
    keepTurn(turn);
    const node = turnElement(turn, this.on, this.contact);
    this.root.append(node);
    this.#note();
    await this.#run(node);
  }

  /** Ask a turn's question once more, with the turns that stood before it. */
  async retry(turn) {
    turn.answer = null;
    delete turn.verdict;
    await this.#run(this.#node(turn));
  }

  /** Take a turn back: its question returns to the input. */
  undo(turn) {
    this.running.get(turn.id)?.abort();
    this.#node(turn)?.remove();
    dropTurn(turn.id);
    this.fill(turn.question);
    this.tell(say("undone"));
    this.#note();
  }

  /** Another version of the guide is live: answers from older ones say so. */
  setVersion(version) {
    const changed = this.version !== version;
    this.version = version;
    const done = [...this.root.children].filter((node) => node.turn.answer && !this.running.has(node.turn.id));
    if (changed) done.forEach((node) => showAnswer(node, this.on, this.contact));
  }

  /** Stop, and empty everything shown and kept. */
  clear() {
    for (const control of this.running.values()) control.abort();
    for (const { id } of this.turns) dropTurn(id);
    this.root.replaceChildren();
    this.#note();
  }

  async #run(node) {
    const { turn } = node;
    this.running.get(turn.id)?.abort();
    const control = new AbortController();
    this.running.set(turn.id, control);
    node.setAttribute("aria-busy", "true");
    showProgress(node, say("reading"), "");
    toTop(node);
    this.#note();
    const slow = setTimeout(() => this.#slow(node), SLOW);
    const longest = setTimeout(() => this.stop(node.turn, say("took_too_long")), LONGEST);
    try {
      const answer = await this.#persist(node, control.signal);
      await this.live(answer.guide_version, answer);
      control.signal.throwIfAborted();
      turn.answer = answer;
      showAnswer(node, this.on, this.contact);
      keepTurn(turn);
      this.reader.follow?.(turn.answer);
    } catch (error) {
      if (!control.signal.aborted) this.#failed(node, error);
    } finally {
      clearTimeout(slow);
      clearTimeout(longest);
      if (this.running.get(turn.id) === control) {
        node.removeAttribute("aria-busy");
        node.querySelector(".slow")?.remove();
        this.running.delete(turn.id);
      }
      this.#note();
    }
  }

  /** Stop the answer of `turn`, or every one under way; its question stays and can be asked again. */
  stop(turn = null, text = say("stopped")) {
    for (const [id, control] of [...this.running]) {
      const node = this.#node({ id });
      if (!node || (turn && turn.id !== id)) continue;
      control.abort();
      showNote(node, text, this.#again(node));
      this.tell(text);
    }
  }

  #slow(node) {
    const stop = el("button", { type: "button", class: "chip", click: () => this.stop(node.turn) }, say("stop"));
    node.querySelector(".slow")?.remove();
    node.append(el("div", { class: "slow", role: "status" }, el("p", {}, say("slow")), stop));
  }

  /** Ask until an answer or a refusal comes: while the server is away, say so and wait for it. */
  async #persist(node, signal) {
    for (let tries = 1; ; tries++) {
      try {
        return await this.#stream(node, signal);
      } catch (error) {
        if (!(error instanceof Away) || tries === MOST_TRIES) throw error;
        await this.#wait(node, signal);
        signal.throwIfAborted();
        showProgress(node, say("reading"), "");
      }
    }
  }

  async #stream(node, signal) {
    let text = "";
    const asked = { question: node.turn.question, history: this.#history(node), profile: this.profile() };
    const answer = await ask(asked, (kind, data) => {
      if (kind !== "delta") return;
      text += data.text;
      showProgress(node, say("reading"), text);
      if (data.text.trim()) this.tell(bare(data.text));
    }, signal);
    if (!text) this.tell(answer.segments.map((segment) => segment.text).join(" "));
    return answer;
  }

  async #wait(node, signal) {
    const now = new AbortController();
    signal.addEventListener("abort", () => now.abort(), { once: true });
    showNote(node, say("server_away"), [
      el("button", { type: "button", class: "chip", click: () => now.abort() }, say("try_now")),
      el("button", { type: "button", class: "chip", click: () => this.undo(node.turn) }, say("undo")),
    ]);
    this.tell(say("server_away"));
    await untilReady(now.signal);
  }

  #failed(node, error) {
    const text = error instanceof Refusal ? error.message : say("went_wrong");
    showNote(node, text, this.#again(node));
    this.tell(text);
  }

  #again(node) {
    return [
      el("button", { type: "button", class: "chip", click: () => this.retry(node.turn) }, say("ask_again")),
      el("button", { type: "button", class: "chip", click: () => this.undo(node.turn) }, say("edit_question")),
    ];
  }

  #history(node) {
    const before = this.turns.slice(0, [...this.root.children].indexOf(node)).filter((turn) => turn.answer);
    return before.slice(-HISTORY_TURNS).flatMap(({ question, answer }) => [
      { role: "user", text: question.slice(0, HISTORY_CHARS) },
      { role: "assistant", text: answer.text.slice(0, HISTORY_CHARS) },
    ]);
  }

  #node(turn) {
    return [...this.root.children].find((node) => node.turn.id === turn.id);
  }

  #note() {
    document.body.classList.toggle("has-turns", this.root.children.length > 0);
    this.busy?.(this.running.size > 0);
  }
}
