// What the page keeps: in this browser alone. One entry a turn, so that a long conversation stays quick and
// two tabs do not overwrite each other. Where the browser refuses storage, it stays in memory.

const guide = new URL(import.meta.url).pathname.match(/\/g\/([a-z0-9-]+)\/ui[^/]*\//)?.[1]; // one of several on this server
const PREFIX = (document.documentElement.dataset.store ?? "advisor.") + (guide ? `${guide}.` : ""); // the widget keeps its own conversation
const TURN = `${PREFIX}turn.`;

const memory = new Map();
const memoryStore = {
  getItem: (key) => memory.get(key) ?? null,
  setItem: (key, value) => memory.set(key, value),
  removeItem: (key) => memory.delete(key),
  keys: () => [...memory.keys()],
};

function openStore() {
  try {
    const store = window.localStorage;
    store.setItem(`${PREFIX}probe`, "1");
    store.removeItem(`${PREFIX}probe`);
    return {
      getItem: (key) => store.getItem(key),
      setItem: (key, value) => store.setItem(key, value),
      removeItem: (key) => store.removeItem(key),
      keys: () => Object.keys(store),
    };
  } catch {
    return memoryStore;
  }
}

const store = openStore();
const ours = (prefix) => [...new Set([...store.keys(), ...memory.keys()])].filter((key) => key.startsWith(prefix));

function read(key) {
  try {
    return JSON.parse(memory.get(key) ?? store.getItem(key));
  } catch {
    return null;
  }
}

function write(key, value) {
  try {
    store.setItem(key, JSON.stringify(value));
    if (store !== memoryStore) memory.delete(key);
  } catch {
    memoryStore.setItem(key, JSON.stringify(value)); // the browser's space is full: this one will not survive a reload
  }
}

function remove(key) {
  memory.delete(key);
  store.removeItem(key);
}

/** A new turn; its id sorts by time. */
export function newTurn(question) {
  const id = `${Date.now().toString(36).padStart(9, "0")}-${Math.random().toString(36).slice(2, 8)}`;
  return { id, question, answer: null };
}

/** Every kept turn, oldest first. */
export const turns = () => ours(TURN).sort().map(read).filter((turn) => turn?.id && typeof turn.question === "string");

/** Keep a turn; of the passages that were read only the cited words stay. */
export function keepTurn(turn) {
  const answer = turn.answer && { ...turn.answer, passages: [] };
  write(TURN + turn.id, { ...turn, answer });
}

export const dropTurn = (id) => remove(TURN + id);

/** A small value of the page (profile, theme, draft): null where there is none. */
export const keep = (name, value) => (value == null ? remove(PREFIX + name) : write(PREFIX + name, value));
export const kept = (name) => read(PREFIX + name);

/** Forget everything this page ever kept here. */
export const forgetAll = () => ours(PREFIX).forEach(remove);

/** Call `changed()` when another tab of this browser changed the conversation. */
export function onOtherTab(changed) {
  window.addEventListener("storage", (event) => {
    if (event.key === null || event.key.startsWith(TURN)) changed();
  });
}
