// Making elements. Text always becomes text nodes: nothing a guide, a model or a visitor wrote can turn into markup.

/** An element with attributes (a function value is a listener for that event) and children (strings become text). */
export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") node.addEventListener(name, value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value != null) node.setAttribute(name, value);
  }
  node.append(...children.flat(Infinity).filter((child) => child != null && child !== false));
  return node;
}

/** Scroll the conversation so that `node` stands at its top. Nothing around is moved, a page that frames us least of all. */
export function toTop(node) {
  const box = node.closest(".log-scroll");
  box.scrollTop += node.getBoundingClientRect().top - box.getBoundingClientRect().top;
}

const PATHS = {
  copy: "M8 8h11v12H8zM5 16V4h11",
  retry: "M19 12a7 7 0 1 1-2-5M19 4v4h-4",
  undo: "M9 7 4.5 11.5 9 16M5 11.5h9a5 5 0 0 1 0 10h-2",
  up: "M7 11v9H4v-9zM7 11l4-8c2 0 2.5 1.5 2 3.5L12.5 10H19l-1.5 8.5c-.2 1-.8 1.5-1.8 1.5H7",
  down: "M7 13V4H4v9zM7 13l4 8c2 0 2.5-1.5 2-3.5L12.5 14H19l-1.5-8.5c-.2-1-.8-1.5-1.8-1.5H7",
  close: "M6 6l12 12M18 6 6 18",
  previous: "M15 5l-7 7 7 7",
  next: "M9 5l7 7-7 7",
  link: "M10 14a4 4 0 0 0 6 .4l3-3a4 4 0 0 0-5.7-5.7l-1.2 1.2M14 10a4 4 0 0 0-6-.4l-3 3a4 4 0 0 0 5.7 5.7l1.2-1.2",
  open: "M14 5h5v5M19 5l-8 8M17 14v5H5V7h5",
  send: "M4 12h15M13 6l6 6-6 6",
  forget: "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13M10.5 11v5M13.5 11v5",
  list: "M4 6h2M9 6h11M4 12h2M9 12h11M4 18h2M9 18h11",
};

/** A line icon of ours, invisible to assistive technology: the control that holds it has the name. */
export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  for (const [key, value] of Object.entries({ viewBox: "0 0 24 24", class: "icon", "aria-hidden": "true" })) {
    svg.setAttribute(key, value);
  }
  const path = document.createElementNS(svg.namespaceURI, "path");
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  return svg;
}

/** A button that shows an icon and says `label`, as its name and on hover. */
export function iconButton(name, label, click, attributes = {}) {
  return el("button", { type: "button", class: "icon-button", "aria-label": label, title: label, click, ...attributes }, icon(name));
}

/** Put `text` on the clipboard; resolves to false where the browser does not allow it. */
export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = el("textarea", { class: "offscreen", "aria-hidden": "true" });
    area.value = text;
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy"); // the only way on a page served without TLS
    area.remove();
    return done;
  }
}
