"""What is taken out of a question before it is kept: what would tell who asked.

Names are not: nothing tells a student's from a teacher's or a town's. So the page asks visitors to write none.
"""

from __future__ import annotations

import re

from advisor_bot.answers.phrases import languages
from advisor_bot.index.guide import Guide
from advisor_bot.retrieval.question import foreign_language
from advisor_bot.text import sentences

MASK = "[…]"
_EMAIL = r"[\w.+%-]+@[\w-]+(?:\.[\w-]+)+"
_ADDRESS = r"\b(?:https?://|www\.)\S+"
# A phone number opens with +, 0 or a bracket, or has the groups of a North American one.
_PHONE = r"(?:\+|\b0|\(\d)[\d\s()./-]{6,}\d|\(?\b\d{3}\)?[\s.-]\d{3}[\s.-]\d{4}\b"
# A student's number: six digits in a row or more, letters before them perhaps.
_NUMBER = r"\b[A-Za-z]{0,3}-?\d{6,}\b"
_ALL = re.compile("|".join((_EMAIL, _ADDRESS, _PHONE, _NUMBER)))


def masked(text: str) -> str:
    """Return ``text`` with e-mail and web addresses, phone and student numbers replaced by ``[…]``."""
    return _ALL.sub(MASK, text)


def hidden(text: str, guide: Guide) -> bool:
    """Tell whether ``text`` must not be kept at all: a cry for help perhaps, or a language in which none is noticed."""
    if foreign_language(text, lambda term: guide.idf(term) is not None, tuple(languages())):
        return True
    parts = [text, *(text[start:end] for start, end in sentences(text))]
    return any(guide.models.reader.about(part).perhaps_care for part in dict.fromkeys(parts))
