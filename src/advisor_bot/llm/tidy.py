"""What a model streams, without what nobody shall see: thinking, links, images, HTML, invisible characters."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator

from advisor_bot.text import plain

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
