"""What a question asks, seen from its words alone: small talk, its parts, the kind of thing wanted."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from advisor_bot.retrieval.answer_type import Wanted, wanted
from advisor_bot.text import STOPWORDS, stem, words

Chat = Literal["greeting", "thanks", "bye", "who", "how", ""]

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
_NEW_TOPIC = (
    r"(?:forget (?:about )?(?:that|it|this)|never ?mind(?: that)?|chang(?:e|ing) (?:of |the )*(?:topic|subject)s?|"
    r"(?:(?:a|an|on|to|totally|completely) )*(?:different|new|other|another|unrelated|separate) "
    r"(?:question|topic|subject|note))"
)
_FILLER = re.compile(
    r"^(?:(?:ok(?:ay)?|so|well|um+|uh+|oh|yeah|yes|no|alright|great|thanks?(?: you)?|thx|right|sorry|please|"
    r"i see|got it|sure|and|also|but|actually|anyway|btw|by the way|lol|haha|hm+|(?:one more|quick|next|last) (?:thing|"
    rf"question)|{_NEW_TOPIC})\b[\s,.!:;…-]*)+",
    re.I,
)
_CHANGES_TOPIC = re.compile(rf"\b{_NEW_TOPIC}\b", re.I)
_SPLIT = re.compile(
    r"(?<=[?!])\s+(?=\S)|[,;]?\s+(?:and|&|plus|also|or)\s+(?:also\s+)?(?=(?:what|which|how|why|when|where|who|is|are|do|does|"
    r"can|could|should|will|would)\b)",
    re.I,
)
LEAST_ASKED = 3  # content words of a question that can be understood without the story around it
_ASKING = (
    r"(?:what|which|how|why|when|where|who|is|are|do|does|did|can|could|should|will|would|has|have|any(?:thing|one|body)?|"
    r"tell me|please|compare|explain|describe|list|name|give|show|help|recommend|suggest|only|just|without|not|more|"
    r"i (?:want|need|would like|wanna) to (?:know|understand|ask)|i(?:'m| am)? wonder(?:ing)?|looking for)"
)
_SENTENCE = re.compile(r"(?<=[.?!…])\s+(?=\S)")
_ASKS = re.compile(rf"(?:(?:and|so|but|ok|okay|also|then|please|pls|well|btw)\W+)*{_ASKING}\b", re.I)
_TELLS = re.compile(
    rf"^(?:(?:so|ok|well|hi|hey)\W+)*(?:i|i'?m|i'?ve|my|we|as an?|being|since|because|everyone|got|single)\b"
    rf"[^?]{{8,}}?[,;]\s+(?:(?:and|so|but)\s+)?(?={_ASKING}\b)",
    re.I,
)


@dataclass(frozen=True, slots=True)
class Question:
    """A question read: ``text`` without greeting, filler and story, the kind of thing ``wanted``, its ``parts``.

    ``background`` is what the student told before and after asking. ``changes_topic``: what was said before is
    done with ("forget that").
    """

    text: str
    chat: Chat
    wanted: Wanted
    parts: tuple[str, ...]
    background: str = ""
    changes_topic: bool = False


def read_question(asked: str) -> Question:
    """Read ``asked``; ``chat`` is set only where nothing but small talk was said."""
    asked = " ".join(asked.split())
    text = _FILLER.sub("", _GREETING.sub("", asked)).strip() or asked
    chat = _chat(asked)
    text, background = ("", "") if chat else _asked_and_told(text)
    text = text or asked
    parts = tuple(part.strip(" ,;") for part in _SPLIT.split(text) if len(words(part)) >= 2) or (text,)
    return Question(text, chat, wanted(text), parts[:3], background, bool(_CHANGES_TOPIC.search(asked)))


def _asked_and_told(text: str) -> tuple[str, str]:
    """Part the sentences that ask from those that tell, where both are there and the asking ones say enough."""
    pieces = [piece for piece in _SENTENCE.split(text) if words(piece)]
    asking = [piece for piece in pieces if piece.rstrip().endswith("?") or _ASKS.match(piece)]
    if not asking or len(asking) == len(pieces):
        asking, told = pieces, []
    else:
        told = [piece for piece in pieces if piece not in asking]
    first = _TELLS.match(asking[0]) if asking else None
    if first:
        told.append(first[0].strip(" ,;"))
        asking = [asking[0][first.end() :], *asking[1:]]
    if sum(word not in STOPWORDS for piece in asking for word in words(piece)) < LEAST_ASKED:
        return text, ""
    return " ".join(asking).strip(), " ".join(told).strip()


def _chat(asked: str) -> Chat:
    asked = _typed_out(asked)
    rest = _GREETING.sub("", asked).strip(" ,.!")
    if not rest:
        return "greeting" if _GREETING.match(asked) else ""
    for kind, pattern in (("thanks", _THANKS), ("bye", _BYE), ("thanks", _OKAY), ("who", _WHO), ("how", _HOW)):
        if pattern.match(rest):
            return kind  # type: ignore[return-value]
    if re.match(r"^how (?:are|r) (?:you|u)\b[^?]{0,20}\??$|^how(?:'s| is) it going\W*$", rest, re.I):
        return "greeting"
    return ""


def _typed_out(asked: str) -> str:
    """Return ``asked`` with drawn-out letters and the shorthand of messages written plainly."""
    plain = re.sub(r"(\w)\1{2,}", r"\1", asked)
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
