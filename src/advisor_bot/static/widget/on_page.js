// Loaded at the first marker where the host's page itself carries the guide: scrolls to the quoted words, highlights them.
(() => {
  const style = new CSSStyleSheet();
  style.replaceSync("::highlight(advisor-chat) { background-color: #ffd966; color: #1d2327; }");
  const known = /[\p{L}\p{N}]/u; // letters and digits alone are compared: markup and punctuation differ from place to place

  /** Find `quote` in the first element that `selector` names; whether it stands there. */
  window.AdvisorChat.onPage = (selector, quote) => {
    const home = document.querySelector(selector);
    if (!home || !globalThis.Highlight) return false;
    const wanted = [...quote.toLowerCase()].filter((letter) => known.test(letter)).join("");
    const places = [];
    let text = "";
    const nodes = document.createTreeWalker(home, NodeFilter.SHOW_TEXT);
    while (nodes.nextNode()) {
      const { data } = nodes.currentNode;
      for (let at = 0; at < data.length; at += 1) {
        const letter = String.fromCodePoint(data.codePointAt(at));
        if (known.test(letter)) for (const unit of letter.toLowerCase()) for (let n = 0; n < unit.length; n += 1) places.push([nodes.currentNode, at, letter.length]);
        if (known.test(letter)) text += letter.toLowerCase();
        at += letter.length - 1;
      }
    }
    const found = wanted ? text.indexOf(wanted) : -1;
    if (found < 0) return false;
    const range = new Range();
    const [last, at, length] = places[found + wanted.length - 1];
    const [stops] = last.data.slice(at + length).match(/^\p{P}*/u);
    range.setStart(places[found][0], places[found][1]);
    range.setEnd(last, at + length + stops.length);
    if (!document.adoptedStyleSheets.includes(style)) document.adoptedStyleSheets.push(style);
    CSS.highlights.set("advisor-chat", new Highlight(range));
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const box = range.getBoundingClientRect();
    scrollTo({ top: scrollY + box.top - innerHeight / 3, behavior: calm ? "auto" : "smooth" });
    return true;
  };
})();
