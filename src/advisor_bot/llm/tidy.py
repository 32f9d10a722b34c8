"""What a model streams -> plain sentences with the passage numbers they name. Pure text, no judgement.

Thinking is dropped, and so are links, images, HTML and invisible characters: nothing a model writes can fetch an
address or hide. What is left is cut into sentences as it comes.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from advisor_bot.text import plain, sentences

_THINKING = r"(?:think|thinking|thought|reasoning|reflection|analysis|scratchpad)"
_OPEN = re.compile(rf"<\s*{_THINKING}\s*>", re.I)
_CLOSE = re.compile(rf"<\s*/\s*{_THINKING}\s*>", re.I)
_MAYBE_TAG = re.compile(r"<[^<>\n]{0,20}$")  # a tag that may still be coming

_MARKS = re.compile(r"\s*(?:\[\^?(?:passages?\s*)?(\d{1,3}(?:\s*[,;–-]\s*\d{1,3})*)\]|【(\d{1,3})[^】]{0,20}】)", re.I)
_LEADING_MARKS = re.compile(r"(?:\s*(?:\[\^?(?:passages?\s*)?[\d,;\s–-]{1,12}\]|【\d{1,3}[^】]{0,20}】))+[.,;]?", re.I)
_BULLET = re.compile(r"^\s*(?:[-*+•–]|\(?\d{1,2}[.)])\s+")
_HEADING = re.compile(r"^\s*(?:#{1,6}\s|\*\*[^*]+\*\*:?\s*$|[-=*_]{3,}\s*$|\|)")
_IMAGE = re.compile(r"!\[[^\]]*\](?:\([^)]*\)?|\[[^\]]*\])?")
_LINK = re.compile(r"\[([^\]]*)\]\((?:[^()]|\([^()]*\))*\)?")
_DEFINITION = re.compile(r"^\s*\[[^\]]+\]:\s*\S+.*$")
_TAG = re.compile(r"<[^<>]*>")
_ADDRESS = re.compile(
    r"\b[a-z][a-z0-9+.-]{1,15}://\S*|"
    r"\b(?:https?|ftp|data|javascript|mailto|file|tel|sms|blob|wss?|vbscript):\S+|"
    r"\bwww\.\S+|\b[\w.+-]+@[\w-]+\.[\w.]+|"
    r"\b(?:[a-z0-9-]+\.)+(?:com|org|net|io|ai|co|me|info|biz|xyz|dev|app|edu|gov|eu|de|uk|ru|cn)\b(?:/\S*)?",
    re.I,
)


@dataclass(frozen=True, slots=True)
class Said:
    """One sentence of a model: its plain words, the passage numbers after each part of it, and how it stands.

    ``parts`` are (words, numbers) in order; most sentences have one. ``raw_links`` tells that an address was taken out.
    """

    text: str
    parts: tuple[tuple[str, tuple[int, ...]], ...]
    kind: Literal["paragraph", "item", "heading"]

    @property
    def numbers(self) -> tuple[int, ...]:
        """All passage numbers the sentence names, each once."""
        return tuple(dict.fromkeys(n for _, numbers in self.parts for n in numbers))


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


def said(pieces: Iterable[str], longest: int = 1_000) -> Iterator[Said]:
    """Yield the sentences of a streamed answer as soon as each is complete.

    A run of more than ``longest`` characters without an end is dropped: it is no sentence.
    """
    buffer, kind = "", None
    for piece in spoken(pieces):
        if piece == "\0":
            buffer, kind = "", None
            continue
        buffer += piece
        while "\n" in buffer:
            line, buffer = buffer.split("\n", 1)
            yield from _of_line(line, kind)
            kind = None
        *done, buffer = _cut(buffer) or [""]
        for sentence in done:
            made = _sentence(sentence, kind)
            kind = (made.kind if made else kind) or kind
            if made:
                yield made
        if len(buffer) > longest:
            buffer = ""
    yield from _of_line(buffer, kind)


def _of_line(line: str, kind: str | None) -> Iterator[Said]:
    for sentence in _cut(line):
        made = _sentence(sentence, kind)
        if made:
            kind = made.kind
            yield made


def _cut(line: str) -> list[str]:
    """Cut a line after each sentence; markers that follow a full stop stay with the sentence before.

    The last piece may still be growing.
    """
    ends = [end for _, end in sentences(line)]
    cuts = [0]
    for end in ends[:-1]:
        marks = _LEADING_MARKS.match(line, end)
        end = marks.end() if marks else end
        if end > cuts[-1] and line[cuts[-1] : end].strip() and not _BULLET.fullmatch(line[cuts[-1] : end] + " "):
            cuts.append(end)
    pieces = [line[a:b] for a, b in zip(cuts, [*cuts[1:], len(line)], strict=True)]
    return [piece for piece in pieces if piece.strip()]


def _sentence(raw: str, before: str | None) -> Said | None:
    if _DEFINITION.match(raw):
        return None
    kind: Literal["paragraph", "item", "heading"] = "item" if before == "item" or _BULLET.match(raw) else "paragraph"
    if _HEADING.match(raw):
        kind = "heading"
    raw = _BULLET.sub("", raw)
    parts: list[tuple[str, tuple[int, ...]]] = []
    at = 0
    raw = without_addresses(raw)
    for mark in _MARKS.finditer(raw):
        words = clean(raw[at : mark.start()])
        numbers = _numbers(mark[1] or mark[2])
        if not re.search(r"\w", words) and parts:
            parts[-1] = (parts[-1][0], parts[-1][1] + numbers)
        else:
            parts.append((words, numbers))
        at = mark.end()
    rest = clean(raw[at:])
    if re.search(r"\w", rest):
        parts.append((rest, ()))
    elif parts and rest and not re.search(r"[.!?:]$", parts[-1][0]):
        parts[-1] = (parts[-1][0] + rest[:1], parts[-1][1])
    text = _joined([words for words, _ in parts])
    return Said(text, tuple(parts), kind) if re.search(r"\w", text) else None


def _joined(parts: list[str]) -> str:
    text = ""
    for part in parts:
        text += part if not text or part[:1] in ",.;:!?" else " " + part
    return text


def _numbers(listed: str) -> tuple[int, ...]:
    """Read "2", "1, 3" and "1-3"; a range of more than five is no marker."""
    found: list[int] = []
    for item in re.split(r"\s*[,;]\s*", listed):
        ends = [int(n) for n in re.findall(r"\d+", item)]
        if len(ends) == 2 and 0 < ends[1] - ends[0] <= 5:
            found += range(ends[0], ends[1] + 1)
        else:
            found += ends[:1]
    return tuple(dict.fromkeys(found))


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
