// Stands in the chat page and runs before anything is drawn: the theme, and what is asked before chat.js is there.
(() => {
  const page = document.body;
  const guide = location.pathname.match(/\/g\/([a-z0-9-]+)\/$/); // one of several on this server
  const chosen = () => {
    try {
      return JSON.parse(localStorage.getItem(`advisor.${guide ? `${guide[1]}.` : ""}theme`));
    } catch {
      return null;
    }
  };
  const theme = new URLSearchParams(location.search).get("__theme") || chosen();
  page.classList.toggle("dark", theme ? theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches);

  window.early = ""; // null once chat.js listens
  let broken = false; // a script did not come: the form is sent as a page without scripts sends it
  addEventListener("error", ({ target }) => (broken ||= target.type === "module" && window.early !== null), true);
  addEventListener("keydown", (event) => {
    const form = event.target.form;
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229 || form?.id !== "composer") return;
    event.preventDefault();
    form.requestSubmit();
  });
  addEventListener("submit", (event) => {
    if (event.target.id !== "composer" || broken) return;
    event.preventDefault();
    if (window.early !== null) window.early = event.target.elements.question.value;
  });
  addEventListener("click", (event) => {
    const starter = event.target.closest(".starter");
    if (starter && window.early !== null) window.early = starter.textContent;
  });
})();
