"""What a language model may say: numbers of the guide's sentences, and few words that are not its own.

A choice comes as lines (``SAY: 12``). What is not such a line, or names no sentence, is dropped. A label, a frame, a
question back or what is missing is let through only where its words are the student's, a heading's of the guide, or
function words; labels and frames besides only as phrases that stood there so, without pronoun or auxiliary that would
make a sentence of them: so nothing that is shown can state anything the guide does not.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from advisor_bot.answers.stages import Brief
from advisor_bot.index.guide import Guide
from advisor_bot.text import STOPWORDS, numerals, plain, stem, words
from advisor_bot.types import Status

MOST = {"SAY": 6, "WRITE": 6, "LABEL": 6, "NEXT": 3, "ROW": 6}  # lines of a kind; of others one
MOST_SIDES = 4
LONGEST = {"FRAME": 12, "LABEL": 8, "MISSING": 10, "ASK": 30, "NEXT": 20, "WRITE": 60}  # words
LONGEST_LINE = 500  # characters
MOST_LINES = 60  # a model that goes on and on is heard no further
STATUSES: tuple[Status, ...] = ("answered", "partial", "not_covered", "clarify", "chat")
_ASKS = re.compile(r"(?:what|which|how|when|where|who|why|do|did|are|is|have|would)\b.*\byour?\b.*\?$", re.I)
_BROKEN = re.compile(r"[.!?:;\"“”]")  # more than one plain phrase
_OWN = re.compile(r"^\W{0,2}(\d[\d,; \[\]]*)\]\W{0,2}(\S.*)$")  # the opening bracket may be gone
_LINE = re.compile(r"^\W*(STATUS|FRAME|SAY|WRITE|LABEL|MISSING|ASK|NEXT|TABLE|ROW)\b\W{0,3}\s*(.*)$")

_THINKING = r"(?:think|thinking|thought|reasoning|reflection|analysis|scratchpad)"
_OPEN = re.compile(rf"<\s*{_THINKING}\s*>", re.I)
_CLOSE = re.compile(rf"<\s*/\s*{_THINKING}\s*>", re.I)
_MAYBE_TAG = re.compile(r"<[^<>\n]{0,20}$")  # a tag that may still be coming

_IMAGE = re.compile(r"!\[[^\]]*\](?:\([^)]*\)?|\[[^\]]*\])?")
_LINK = re.compile(r"\[([^\]]*)\]\((?:[^()]|\([^()]*\))*\)?")
_TAG = re.compile(r"<[^<>]*>")
_ADDRESS = re.compile(
    r"\b[a-z][a-z0-9+.-]{1,15}://\S*|"
    r"\b(?:https?|ftp|data|javascript|mailto|file|tel|sms|blob|wss?|vbscript):\S+|"
    r"\bwww\.\S+|\b[\w.+-]+@[\w-]+\.[\w.]+|"
    r"\b(?:[a-z0-9-]+\.)+(?:com|org|net|io|ai|co|me|info|biz|xyz|dev|app|edu|gov|eu|de|uk|ru|cn)\b(?:/\S*)?",
    re.I,
)


@dataclass(frozen=True, slots=True)
class Chosen:
    """One line of a choice: its ``kind`` as the prompt names it, its words, the sentences it numbers (-1: none)."""

    kind: str
    text: str = ""
    numbers: tuple[int, ...] = ()


def chosen(pieces: Iterable[str], numbers: dict[int, int], known: Vocabulary) -> Iterator[Chosen]:
    """Yield the lines of a streamed choice as soon as each is complete, those that may be shown.

    ``numbers`` are the guide's sentences by the numbers the model was given.
    """
    said: set[int] = set()
    count = {"SAY": 0, "NEXT": 0, "ROW": 0}
    for place, raw in enumerate(_lines(pieces)):
        if place >= MOST_LINES:
            return
        found = _LINE.match(raw)
        line = _read(found[1], found[2].strip(), numbers, known) if found else None
        if line is None or (line.kind == "SAY" and said.issuperset(line.numbers)):
            continue
        said |= set(line.numbers) if line.kind == "SAY" else set()
        count[line.kind] = count.get(line.kind, 0) + 1
        if count[line.kind] <= MOST.get(line.kind, 1):
            yield line


def _lines(pieces: Iterable[str]) -> Iterator[str]:
    buffer = ""
    for piece in spoken(pieces):
        if piece == "\0":
            buffer = ""
            continue
        buffer += piece
        *done, buffer = buffer.split("\n")
        yield from (line for line in done if len(line) <= LONGEST_LINE)
        buffer = buffer[: LONGEST_LINE + 1]
    if len(buffer) <= LONGEST_LINE:
        yield buffer


def _read(kind: str, rest: str, numbers: dict[int, int], known: Vocabulary) -> Chosen | None:
    if kind == "STATUS":
        status = next((name for name in STATUSES if name in rest.lower().replace(" ", "_")), "")
        return Chosen(kind, status) if status else None
    if kind == "SAY":
        listed = _numbered(rest, numbers)
        return Chosen(kind, numbers=(listed[0],)) if listed else None
    if kind == "WRITE":
        return _own_words(rest, numbers)
    if kind == "ROW":
        label, *cells = rest.split("|")
        found = tuple(
            next((numbers[int(n)] for n in re.findall(r"\d{1,5}", c) if int(n) in numbers), -1) for c in cells
        )
        text = clean(without_addresses(label))
        fits = 0 < len(found) <= MOST_SIDES and max(found) >= 0 and known.names(text, LONGEST["LABEL"])
        return Chosen(kind, text, found) if fits else None
    if kind == "TABLE":
        names = [clean(without_addresses(name)) for name in rest.split("|")]
        text = "|".join(names)
        fits = 2 <= len(names) <= MOST_SIDES and all(known.names(name, LONGEST["LABEL"]) for name in names)
        return Chosen(kind, text) if fits else None
    text = clean(without_addresses(rest))
    if kind == "NEXT":
        return Chosen(kind, text) if text.endswith("?") and known.has(text, LONGEST[kind], asking=True) else None
    if _BROKEN.search(text.rstrip(".?!:")) or (kind == "ASK" and not _ASKS.match(text)):
        return None
    return Chosen(kind, text) if known.admits(kind, text) else None


def _own_words(rest: str, numbers: dict[int, int]) -> Chosen | None:
    """Read ``[3, 4] A sentence.``: what it rests on, and what it says."""
    found = _OWN.match(rest)
    listed = tuple(dict.fromkeys(_numbered(found[1], numbers))) if found else ()
    said = clean(without_addresses(found[2])) if found else ""
    return Chosen("WRITE", said, listed) if listed and 0 < len(said.split()) <= LONGEST["WRITE"] else None


def _numbered(text: str, numbers: dict[int, int]) -> list[int]:
    return [numbers[n] for n in map(int, re.findall(r"\d{1,5}", text)) if n in numbers]


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The words that may be shown although a model wrote them: stems of ``said``, further ones in a question back.

    ``own`` are the student's alone. ``told`` are the phrases of headings and of what the student told, not asked: stems
    with a space around each.
    """

    own: frozenset[str]
    said: frozenset[str]
    asking: frozenset[str]
    figures: frozenset[str]
    told: str

    def has(self, text: str, most: int, *, asking: bool = False) -> bool:
        """Tell whether every word of ``text``, at most ``most``, is known; a question back may use the guide's too."""
        spoken_words = words(text)
        allowed = self.said | self.asking if asking else self.said
        plain_words = all(word in STOPWORDS or stem(word) in allowed for word in spoken_words if not word.isdigit())
        return 0 < len(spoken_words) <= most and plain_words and set(numerals(text)) <= self.figures

    def admits(self, kind: str, text: str) -> bool:
        """Tell whether ``text`` may be shown as a line of that ``kind``."""
        if kind == "ASK":
            return self.has(text, LONGEST[kind], asking=True)
        return self.is_own(text, LONGEST[kind]) if kind == "MISSING" else self.names(text, LONGEST[kind])

    def is_own(self, text: str, most: int) -> bool:
        """Tell whether every word of ``text`` that tells something is the student's."""
        return self.has(text, most) and all(stem(word) in self.own for word in words(text) if word not in STOPWORDS)

    def names(self, text: str, most: int) -> bool:
        """Tell whether ``text`` only names something: known words, or phrases told, and joining words between them.

        Phrases of a question are none of these, lest "do I need the GRE" comes back as "need the GRE".
        """
        return self.has(text, most) and all(
            f" {run} " in self.told if " " in run else run not in STOPWORDS for run in _runs(text)
        )


_ARTICLES = frozenset("a an the".split())
_JOINING = frozenset(
    "about after against and as at before beside between both but by during for from in into like my of on or our over "
    "than through to under until up versus vs while with without your it".split()
)
_OPENING = frozenset(
    "am are can could did do does had has have how is may might must shall should was were what when where which who "
    "why will would".split()
)
# Of what a question back is made, and labels, besides the words of the student and of the guide.
_ASKING = "prefer interested background experience plan want tell exactly mean looking already currently option matter"
_LABELS = "pros cons first second more less"


def vocabulary(brief: Brief) -> Vocabulary:
    """Return the words that may be shown in an answer to ``brief``: the student's, and those of the headings."""
    turns = [turn.text for turn in brief.history if turn.role == "user"]
    own = [brief.question, *turns, *brief.profile.given.values()]
    headings, whole, phrases = brief.guide.once(_stems)
    said = frozenset(stem(word) for word in words(" ".join(own)))
    return Vocabulary(
        said,
        said | headings | frozenset(map(stem, words(_LABELS))),
        whole | {stem(word) for word in _ASKING.split()},
        frozenset(numerals(" ".join(own))),
        "|".join([phrases, *map(_phrase, _told(own))]),
    )


def _told(texts: Iterable[str]) -> list[str]:
    """Return the clauses in which a student tells something; a question tells nothing."""
    clauses = [clause for text in texts for clause in re.findall(r"[^,;:.!?\n]+\??", text)]
    return [one for one in clauses if not one.endswith("?") and (words(one) or ["how"])[0] not in _OPENING]


def _phrase(text: str) -> str:
    """Return the stems of ``text`` without articles, a space around each."""
    return f" {' '.join(stem(word) for word in words(text) if word not in _ARTICLES)} "


def _runs(text: str) -> list[str]:
    """Return the stems of ``text`` that stand together between joining words."""
    marked = " ".join("|" if word in _JOINING else stem(word) for word in words(text) if word not in _ARTICLES)
    return [run.strip() for run in marked.split("|") if run.strip()]


def _stems(guide: Guide) -> tuple[frozenset[str], frozenset[str], str]:
    """Return the stems of the guide's headings, of all its words, and the headings as phrases."""
    headings = {stem(w) for chunk in guide.chunks for part in (*chunk.heading, chunk.label) for w in words(part)}
    whole = {stem(w) for chunk in guide.chunks for w in words(chunk.text)}
    phrases = {_phrase(part) for chunk in guide.chunks for part in (*chunk.heading, chunk.label)}
    return frozenset(headings), frozenset(headings | whole), "|".join(sorted(phrases))


# --- what nobody shall see: thinking, links, images, HTML, invisible characters


def spoken(pieces: Iterable[str]) -> Iterator[str]:
    """Yield what is said aloud in ``pieces`` of a stream: everything outside of thinking tags.

    Thinking that is closed but was never opened (some chat templates open it themselves) is dropped as far as it
    has not been passed on yet; thinking that is never closed is dropped to the end.
    """
    held, thinking = "", False
    for piece in pieces:
        held += piece
        while True:
            found = (_CLOSE if thinking else _OPEN).search(held)
            stray = None if thinking else _CLOSE.search(held)
            if stray and (not found or stray.start() < found.start()):
                held = held[stray.end() :]
                yield "\0"  # what came before was thinking, too
                continue
            if not found:
                break
            if not thinking:
                yield held[: found.start()]
            held, thinking = held[found.end() :], not thinking
        tail = _MAYBE_TAG.search(held)
        ready = held if tail is None else held[: tail.start()]
        held = "" if tail is None else held[tail.start() :]
        if not thinking:
            yield ready
    if not thinking:
        yield held


def without_addresses(text: str) -> str:
    """Return ``text`` without images, HTML and addresses; of a link its words stay."""
    text = _IMAGE.sub(" ", text)
    text = _LINK.sub(lambda m: m[0] if re.fullmatch(r"\[\d+\]", m[0]) else m[1], text)
    text = _TAG.sub(" ", text)
    return _ADDRESS.sub(" ", text)


def clean(text: str) -> str:
    """Return ``text`` as plain words: no Markdown, no invisible or control characters, white space folded."""
    visible = "".join(c if unicodedata.category(c) not in ("Cc", "Cf", "Co", "Cs", "Cn") else " " for c in text)
    words = plain(re.sub(r"[<>]", " ", visible))
    return re.sub(r"\s+([,.;:!?])", r"\1", words).strip()
