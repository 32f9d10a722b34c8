// What a student says of themselves: four short things, optional, kept in this browser alone.

import { keep, kept } from "./store.js";

const PARTS = ["background", "aims", "time", "worries"];

/** The profile as the API takes it; every part may be empty. */
export function profile() {
  const saved = kept("profile") ?? {};
  return Object.fromEntries(PARTS.map((part) => [part, typeof saved[part] === "string" ? saved[part] : ""]));
}

/** Wire the card: `ask()` is called when the student wants to know what fits. */
export function wireProfile(dialog, opener, { ask, tell, say }) {
  const fields = () => PARTS.map((part) => dialog.querySelector(`[name="${part}"]`));
  const show = () => opener.classList.toggle("set", Object.values(profile()).some(Boolean));
  const save = (values) => {
    keep("profile", values.some(Boolean) ? Object.fromEntries(PARTS.map((part, at) => [part, values[at]])) : null);
    show();
  };
  opener.addEventListener("click", () => {
    fields().forEach((field, at) => (field.value = profile()[PARTS[at]]));
    dialog.returnValue = "";
    dialog.showModal();
  });
  dialog.querySelector("[data-empty]").addEventListener("click", () => {
    fields().forEach((field) => (field.value = ""));
    save([]);
    tell(say("profile_emptied"));
    fields()[0].focus();
  });
  dialog.addEventListener("close", () => {
    if (!dialog.returnValue) return; // left with Escape: nothing changes
    save(fields().map((field) => field.value.trim()));
    if (dialog.returnValue === "ask") ask();
  });
  show();
}
