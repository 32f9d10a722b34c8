"""What a question says, seen from its words alone: small talk, its parts, the language it is in."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Literal

from advisor_bot.errors import QuestionError
from advisor_bot.text import STOPWORDS, fold, stem, words

SmallTalk = Literal["greeting", "thanks", "bye", "who", "how", ""]
MOST_PARTS = 3

_GREETING = re.compile(
    r"^(?:(?:hi+|hello+|hey+|hiya|yo|howdy|greetings|good (?:morning|afternoon|evening|day)|sup|what'?s up)"
    r"(?: there| all| everyone| bot| advisor)?(?:[\s,.!]+|$))+",
    re.I,
)
_THANKS = re.compile(
    r"^(?:(?:ok(?:ay)?|great|cool|nice|perfect|awesome|alright|all right|got it|good|well)[\s,.!]*)*"
    r"(?:thanks?(?: you| u)?|thx|thnx|tysm|ty|cheers|much appreciated|many thanks|(?:i )?appreciate (?:it|that))\b"
    r"(?!.*(?:\?|\b(?:but|what|which|how|why|when|where|can|could|does|tell|compare)\b))"
    r"(?!\W+(?:(?:and|so)\W+)?(?:is|are|do|did|will|would|should|has|have|any)\b)(?:\W+\w+){0,8}\W*$",
    re.I,
)
_OKAY = re.compile(
    r"^(?:(?:ok(?:ay)?|great|cool|nice|perfect|awesome|alright|got it|i see|good|lol|haha)[\s,.!]*)+$", re.I
)
_BYE = re.compile(
    r"^(?:(?:ok(?:ay)?|well|alright)[\s,.!]*)?"
    r"(?:good ?bye|bye+(?: bye)?|see (?:you|ya)(?: later)?|good night|cya)[\s,.!]*$",
    re.I,
)
_WHO = re.compile(
    r"^(?:so )?(?:who|what) are you(?: (?:exactly|really|anyway))?\W*$|"
    r"^are you (?:a |an )?(?:human|bot|robot|ai|real|person|chatgpt|chat ?bot|machine)\b[^?]*\??$|"
    r"^what(?:'s| is) your name\W*$|^(?:who|what) (?:made|built|created) you\W*$|^introduce yourself\W*$",
    re.I,
)
_HOW = re.compile(
    r"^(?:what|how) (?:can|do|could) (?:you|u) (?:do|help|answer|work|know)\b[^?]{0,40}\??$|^help(?: me)?\W*$|"
    r"^what can i ask\b[^?]*\??$|^how does this (?:chat|bot|thing )?\s*work\W*$|^(?:test|testing)\W*$",
    re.I,
)
_HOW_ARE_YOU = re.compile(r"^how (?:are|r) (?:you|u)\b[^?]{0,20}\??$|^how(?:'s| is) it going\W*$", re.I)
_ASKS = re.compile(r"(?:what|which|how|why|when|where|who|is|are|do|does|can|could|should|will|would)\b", re.I)
_PARTS = re.compile(
    r"(?<=[.?!])\s+(?=\S)|[,;]?\s+(?:and|&|plus|also|or)\s+(?:also\s+)?"
    r"(?=(?:what|which|how|why|when|where|who|is|are|do|does|can|could|should|will|would)\b)",
    re.I,
)


def clean_question(text: str, longest: int) -> str:
    """Return ``text`` without control characters, white space folded. Raises ``QuestionError``."""
    clean = " ".join("".join(c if c.isprintable() else " " for c in fold(text)).split())
    if not clean:
        raise QuestionError("The question is empty. Write what you would like to know.")
    if len(clean) > longest:
        raise QuestionError(
            f"The question has {len(clean):,} characters; {longest:,} are allowed. Shorten it to the point."
        )
    return clean


def small_talk(text: str) -> SmallTalk:
    """Return the kind of small talk where ``text`` is nothing else, "" where something is asked."""
    typed = _typed_out(text)
    rest = _GREETING.sub("", typed).strip(" ,.!")
    if not rest:
        return "greeting" if _GREETING.match(typed) else ""
    kinds: tuple[tuple[SmallTalk, re.Pattern[str]], ...] = (
        ("thanks", _THANKS), ("bye", _BYE), ("thanks", _OKAY), ("who", _WHO), ("how", _HOW), ("greeting", _HOW_ARE_YOU),
    )  # fmt: skip
    return next((kind for kind, pattern in kinds if pattern.match(rest)), "")


def parts_of(text: str) -> tuple[str, ...]:
    """Return the questions that ``text`` asks in one breath, three at most; itself where it asks one."""
    parts = [part.strip(" ,;") for part in _PARTS.split(text) if len(words(part)) >= 2]
    asking = tuple(part for part in parts if part.endswith("?") or _ASKS.match(part))
    return asking[:MOST_PARTS] if len(asking) > 1 else (text,)


def _typed_out(text: str) -> str:
    """Return ``text`` with drawn-out letters and the shorthand of messages written plainly."""
    plain = re.sub(r"(\w)\1{2,}", r"\1", text)
    return re.sub(r"\bu\b", "you", re.sub(r"\br\b(?= (?:u|you)\b)", "are", plain, flags=re.I), flags=re.I)


# --- language -------------------------------------------------------------------------------------------------------


@cache
def _language_model() -> Any:
    from py3langid.langid import MODEL_DIR, MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_modelpath(str(Path(MODEL_DIR) / MODEL_FILE), norm_probs=True)


def foreign_language(text: str, known: Callable[[str], bool], candidates: tuple[str, ...]) -> str:
    """Return the ISO code of the language ``text`` is in when it is surely not English, else "".

    ``known`` tells whether the guide uses a (stemmed) term: a question half of whose words are English
    function words or words of the guide is English, whatever a statistical model thinks of so short a text.
    """
    spoken = [word for word in words(text) if not word.isdigit()]
    if not spoken:
        return ""
    latin = sum(word[0] < "\u0370" for word in spoken) / len(spoken) >= 0.5
    english = sum(word in STOPWORDS or known(stem(word)) for word in spoken) / len(spoken)
    if latin and (english >= 0.5 or len(spoken) < 2):
        return ""
    code, probability = _best_language(text, candidates)
    return code if code != "en" and (not latin or probability >= 0.5) else ""


def _best_language(text: str, candidates: tuple[str, ...]) -> tuple[str, float]:
    ranked = [(code, float(p)) for code, p in _language_model().rank(text) if code in candidates or code == "en"]
    total = sum(p for _, p in ranked) or 1.0
    code, probability = max(ranked, key=lambda pair: pair[1], default=("en", 1.0))
    return code, probability / total
