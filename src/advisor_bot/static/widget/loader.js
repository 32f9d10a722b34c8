// The widget's loader, for anybody's page: a launcher button, and the chat in a frame once it is opened.
// It adds one element, <advisor-chat>, and one name, AdvisorChat. The server fills in SETUP.
(() => {
  if (window.AdvisorChat) return;
  const SETUP = {};
  const script = document.currentScript ?? document.querySelector('script[src*="/widget"]');
  const ROOT = new URL(".", script.src);
  const language = (script.dataset.lang || document.documentElement.lang || "en").slice(0, 2).toLowerCase();
  const words = SETUP.words[language] ?? SETUP.words.en;
  const listeners = {};
  const chats = new Set();
  let profile = null;

  const emit = (type, detail) => listeners[type]?.forEach((heard) => heard(detail));
  const el = (tag, attributes = {}, ...children) => {
    const node = document.createElementNS(`http://www.w3.org/${/svg|path/.test(tag) ? "2000/svg" : "1999/xhtml"}`, tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (typeof value === "function") node.addEventListener(name, value);
      else if (value != null) node.setAttribute(name, value);
    }
    node.append(...children);
    return node;
  };
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(SETUP.style);

  class Chat extends HTMLElement {
    connectedCallback() {
      chats.add(this);
      this.inline = this.getAttribute("mode") === "inline";
      if (!this.inline) {
        this.popover = "manual"; // above everything, and outside whatever the page does to its elements
        this.showPopover?.();
      }
      if (this.shadowRoot) return; // moved within the page
      this.waiting = [];
      this.attachShadow({ mode: "open" }).adoptedStyleSheets = [sheet];
      this.dir ||= getComputedStyle(this.inline ? this : document.body).direction;
      const accent = this.option("accent");
      if (CSS.supports("color", accent)) this.style.setProperty("--advisor-accent", accent);
      this.panel = el("div", { class: "panel", role: this.inline ? "region" : "dialog", "aria-label": this.name, tabindex: "-1" });
      this.root = el("div", { class: `root ${this.inline ? "inline" : this.option("position")} ${this.option("theme")}` }, this.panel);
      this.root.addEventListener("keydown", (event) => event.key === "Escape" && this.close());
      this.shadowRoot.append(this.root);
      if (this.inline) return this.load();
      this.panel.hidden = true;
      this.launch(el("button", { "aria-haspopup": "dialog", click: () => this.open(), pointerenter: near, focus: near }));
      if (this.option("launcher") === "off") this.launcher.hidden = true;
      const selector = this.option("open");
      if (selector) document.addEventListener("click", (event) => {
        if (!event.target.closest?.(selector)) return;
        event.preventDefault();
        this.open();
      });
    }

    disconnectedCallback() {
      chats.delete(this);
    }

    option(name) {
      return this.dataset[name] ?? script.dataset[name] ?? "";
    }

    get name() {
      return this.option("title") || words.widget_launch;
    }

    launch(control) {
      const book = "M12 6.5c-2.5-2-5.5-2-8-1v12c2.5-1 5.5-1 8 1 2.5-2 5.5-2 8-1v-12c-2.5-1-5.5-1-8 1zm0 0v12";
      const icon = el("svg", { viewBox: "0 0 24 24", "aria-hidden": "true" }, el("path", { d: book }));
      control.className = "launcher";
      control.append(icon, el("span", {}, this.option("label") || words.widget_launch));
      if (this.launcher) this.launcher.replaceWith(control);
      else this.root.prepend(control);
      this.launcher = control;
    }

    load() {
      const options = {
        origin: location.origin,
        inline: this.inline,
        dir: this.dir,
        lang: language,
        guide: Boolean(this.option("guide")),
        ...Object.fromEntries(["title", "accent", "theme", "greeting", "starters"].map((name) => [name, this.option(name)])),
      };
      this.ready = false;
      const frame = (this.frame = el("iframe", {
        src: `${ROOT}widget`,
        name: JSON.stringify(options), // outlasts the password's page, which an address would not
        title: this.name,
        allow: "clipboard-write",
        loading: this.inline ? "lazy" : null,
        load: () => setTimeout(() => frame === this.frame && !this.ready && this.fail(), 3000), // a page that was refused loads as well: an empty one; a slow one says it is ready late
      }));
      this.panel.replaceChildren(el("p", { role: "status" }, words.widget_opening), this.frame);
    }

    /** The frame stays empty: a link to the chat's own page instead. Opening again tries again, unless `forGood`: the page forbids frames. */
    fail(forGood = false) {
      if (this.ready) return;
      const close = this.inline ? "" : el("button", { click: () => this.close() }, words.widget_close);
      if (SETUP.private && !forGood) { // it asks for the password, on a page without scripts
        this.panel.className = "panel ready asking";
        return this.panel.firstChild.replaceChildren(close);
      }
      this.frame = null;
      const link = (...content) => el("a", { href: ROOT, target: "_blank", rel: "noopener" }, ...content);
      this.panel.replaceChildren(el("div", { class: "away", role: "alert" }, words.widget_away, link(words.widget_own_page), close));
      if (forGood && !this.inline) this.launch(link());
      if (!this.panel.hidden) close.focus?.();
      emit("error");
    }

    open() {
      if (!this.inline) {
        if (!this.panel.hidden) return this.focusIn();
        if (this.launcher.href) return window.open(ROOT, "_blank", "noopener");
        const active = document.activeElement;
        this.opener = active === this || active === document.body ? this.launcher : active;
        this.panel.hidden = false;
        this.root.classList.add("open");
        if (!this.frame) this.load();
        fit();
      }
      this.focusIn();
      emit("open");
    }

    focusIn() {
      if (this.inline) this.scrollIntoView({ block: "nearest" });
      (this.ready ? this.frame : this.panel).focus({ preventScroll: true });
      this.post("open");
    }

    close() {
      if (this.inline || this.panel.hidden) return;
      this.panel.hidden = true;
      this.root.classList.remove("open");
      (this.opener?.isConnected ? this.opener : this.launcher).focus({ preventScroll: true });
      emit("close");
    }

    post(type, value) {
      if (this.ready) this.frame.contentWindow.postMessage({ advisor: type, value }, ROOT.origin);
      else this.waiting = [...this.waiting.filter(([other]) => other !== type), [type, value]];
    }

    heard(type, value) {
      if (type === "ready") {
        this.ready = true;
        this.panel.className = "panel ready";
        if (profile) this.post("context", profile);
        this.waiting.splice(0).forEach(([kind, what]) => this.post(kind, what));
        if (this.shadowRoot.activeElement === this.panel) this.frame.focus({ preventScroll: true });
        emit("ready");
      } else if (type === "close") this.close();
      else if (type === "answer") emit("answer", { status: String(value?.status), citations: Number(value?.citations) });
      else if (type === "cite" && typeof value === "string") this.show(value);
    }

    /** Scroll to quoted words on the host's page itself; the part that can is loaded at the first one. */
    show(quote) {
      const go = () => window.AdvisorChat.onPage?.(this.option("guide"), quote);
      if (window.AdvisorChat.onPage) return go();
      this.shadowRoot.append(el("script", { src: `${ROOT}${SETUP.assets}widget/on_page.js`, load: go }));
    }
  }

  let hinted = false;
  const near = (event) => {
    if (!hinted) event.target.before(el("link", { rel: "preconnect", href: ROOT.origin }));
    hinted = true;
  };

  /** On a phone the chat covers what the on-screen keyboard leaves. */
  const fit = () => {
    const { height, offsetTop, scale } = visualViewport;
    if (scale > 1) return; // zoomed in with two fingers: that is no keyboard
    for (const { panel } of chats) {
      panel.style.setProperty("--height", `${height}px`);
      panel.style.setProperty("--top", `${offsetTop}px`);
    }
  };
  for (const type of ["resize", "scroll"]) visualViewport?.addEventListener(type, fit);

  addEventListener("message", ({ data, origin, source }) => {
    if (origin !== ROOT.origin || typeof data?.advisor !== "string") return;
    for (const chat of chats) if (chat.frame?.contentWindow === source) chat.heard(data.advisor, data.value);
  });
  document.addEventListener("securitypolicyviolation", ({ effectiveDirective, blockedURI, disposition }) => {
    if (disposition === "enforce" && effectiveDirective === "frame-src" && blockedURI.startsWith(ROOT.origin)) chats.forEach((chat) => chat.fail(true));
  });

  const first = () => {
    start();
    return [...chats].find((chat) => !chat.inline) ?? [...chats][0];
  };
  window.AdvisorChat = {
    open: () => first().open(),
    close: () => first().close(),
    ask(question) {
      first().open();
      first().post("ask", String(question));
    },
    /** What is known of the visitor: {background, aims, time, worries}, short texts sent along with each question. */
    setContext(context) {
      profile = { ...context };
      chats.forEach((chat) => chat.post("context", profile));
    },
    /** Hear "open", "close", "ready", "answer", "error"; returns what stops it. */
    on(type, heard) {
      (listeners[type] ??= new Set()).add(heard);
      return () => listeners[type].delete(heard);
    },
  };

  customElements.define("advisor-chat", Chat);
  /** A page without an element of its own gets a launcher: on the root, so that one that swaps its body keeps it. */
  const start = () => chats.size || document.documentElement.append(document.createElement("advisor-chat"));
  dispatchEvent(new Event("advisor-chat"));
  if (document.readyState === "loading") addEventListener("DOMContentLoaded", start);
  else start();
})();
