// The words of the interface, from the one catalogue.

let words = {};
let spoken = "en";

/** Load the catalogue of `language`; resolves when `say` can be used. */
export async function loadWords(language = "en") {
  const response = await fetch(new URL(`strings.${language}.json`, import.meta.url));
  useWords(await response.json(), language);
}

/** Use a catalogue that is here already. */
export function useWords(catalogue, language = "en") {
  words = catalogue;
  spoken = language;
}

/** The string `key`, with {name} filled in from `values`. */
export function say(key, values = {}) {
  return (words[key] ?? key).replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
}

/** A date in words, as in "Nov 22, 2026"; what is no date is returned as it is. */
export function day(iso) {
  const date = new Date(iso);
  return Number.isNaN(date.valueOf()) ? iso : date.toLocaleDateString(spoken, { dateStyle: "medium", timeZone: "UTC" });
}

/** The day it is, in words. */
export const today = () => day(new Date().toISOString());

/** What a version is called on the page: its number, as in "000012-3e1766f8faa2". */
export const edition = (version) => String(parseInt(version, 10) || version);
