// The conversation to take along: as Markdown, and as what is printed. Quotes, sections, the guide's version.

import { el } from "./dom.js";
import { asText, oneLine, turnMarkdown } from "./turn.js";
import { edition, say, today } from "./words.js";

/** Questions the guide left open: not covered, or never answered. */
const openQuestions = (turns) => turns.filter(({ answer }) => !answer || answer.status === "not_covered").map(({ question }) => oneLine(question));

/** The whole conversation. */
export function conversationMarkdown(guide, turns) {
  const open = openQuestions(turns);
  return [
    `# ${asText(guide.title)}: ${say("conversation")}`, "",
    say("export_about", { day: today(), version: edition(guide.version) }), "",
    ...turns.map(turnMarkdown),
    ...(open.length ? [`## ${say("open_questions")}`, "", ...open.map((question) => `- ${asText(question)}`), ""] : []),
  ].join("\n");
}

/** Let the browser save `text` as a file. */
export function save(name, text) {
  const link = el("a", { href: URL.createObjectURL(new Blob([text], { type: "text/markdown" })), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}

/** Keep in `root` what only paper needs: open questions, date and version; whenever the page is about to be printed. */
export function printable(root, guide, turns) {
  const fill = () => {
    const open = openQuestions(turns());
    root.replaceChildren(
      ...(open.length ? [el("h2", {}, say("open_questions")), el("ul", {}, open.map((question) => el("li", {}, question)))] : []),
      el("p", {}, say("export_about", { day: today(), version: edition(guide().version) })),
    );
  };
  window.addEventListener("beforeprint", fill);
}
