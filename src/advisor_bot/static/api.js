// The public HTTP API, as the page uses it.

const PASSING = [502, 503, 504]; // the server, or what stands before it, says that it is away
const ROOT = new URL("..", import.meta.url); // the server's root, whatever path it is served under

/** The absolute address of a path of the server. */
export const address = (path) => new URL(path, ROOT).href;

/** What the server said no to; `code`, `field` and `status` as its JSON names them. */
export class Refusal extends Error {
  constructor(problem, status) {
    super(problem.message);
    Object.assign(this, { code: problem.code, field: problem.field, status });
  }
}

/** The server cannot be reached, or is not ready. */
export class Away extends Error {}

async function call(path, options) {
  let response;
  try {
    response = await fetch(address(path), options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Away(error.message);
  }
  if (response.ok) return response;
  const problem = await response.json().catch(() => null);
  if (PASSING.includes(response.status)) throw new Away(problem?.error?.message ?? response.statusText);
  if (!problem?.error) throw new Error(`${response.status} ${response.statusText}`);
  throw new Refusal(problem.error, response.status);
}

const post = (path, body, signal) =>
  call(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body), signal });

/** The live guide: version, date, documents, starter questions, contact. */
export const guide = async () => (await call("api/guide")).json();

/** A passage of `version` with its surroundings. */
export const passage = async (id, version) =>
  (await call(`api/passages/${encodeURIComponent(id)}?version=${encodeURIComponent(version)}`)).json();

/** A document as the reader shows it, with `marks` highlighted: the parsed page. */
export async function readerPage(path) {
  let response;
  try {
    response = await fetch(address(path));
  } catch (error) {
    throw new Away(error.message);
  }
  const page = new DOMParser().parseFromString(await response.text(), "text/html"); // inert: runs nothing
  return { found: response.ok, page };
}

/** The reader's address of `quotes` (of one document) in `version`; the passage of the first one is its target. */
export function readAddress(version, name, quotes = []) {
  const query = new URLSearchParams({ v: version });
  for (const quote of quotes) {
    query.append("s", quote.start);
    query.append("e", quote.end);
  }
  const target = quotes.length ? `#${encodeURIComponent(quotes[0].passage_id.split("~")[0])}` : "";
  return `read/${name.split("/").map(encodeURIComponent).join("/")}?${query}${target}`;
}

/** Count a thumb; that it could not be counted is no trouble to the student. */
export async function feedback(answer, verdict, reason = "") {
  const passages = [...new Set(answer.citations.map((citation) => citation.passage_id))];
  const { status, guide_version, request = "" } = answer;
  await post("api/feedback", { verdict, reason, status, guide_version, passages, request });
}

/** Ask; `on(kind, data)` hears status, passages and delta as they come. Resolves to the final Answer. */
export async function ask({ question, history, profile }, on = () => {}, signal = undefined) {
  const response = await post("api/ask/stream", { question, history, profile }, signal);
  for await (const { kind, data } of events(response.body)) {
    if (kind === "answer") return { ...data, request: response.headers.get("x-request-id") ?? "" };
    if (kind === "error") throw new Refusal(data, 200);
    on(kind, data);
  }
  throw new Away("the answer broke off");
}

async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const parts = (rest + value).split("\n\n");
      rest = parts.pop();
      for (const part of parts) {
        const fields = Object.fromEntries(part.split("\n").map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 2)]));
        if (fields.data) yield { kind: fields.event, data: JSON.parse(fields.data) };
      }
    }
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Away(error.message);
  }
}

/** Wait until the server is ready again: 1, 2, 4… at most 15 seconds apart; `signal` ends the wait. */
export async function untilReady(signal) {
  for (let wait = 1000; !signal.aborted; wait = Math.min(wait * 2, 15000)) {
    await new Promise((resolve) => {
      const timer = setTimeout(resolve, wait);
      signal.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
    });
    try {
      await call("ready");
      return;
    } catch (error) {
      if (!(error instanceof Away)) throw error;
    }
  }
}
