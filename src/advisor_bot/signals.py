"""What speaks for or against the guide answering a question: the signals behind an answer's confidence.

A threshold on a cosine cannot tell "how old is Julian?" from "what did Julian say?". So the words of the
question are held one by one against what was read: which the guide never uses and how near anything
comes to them, how well each is matched inside the sentences (the late interaction of ColBERT, with the
encoder's own token states), whether a figure or year asked about stands there, whether the kind of thing
asked for is there at all.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from advisor_bot.embed import Tokens
from advisor_bot.glossary import Glossary
from advisor_bot.index import Index
from advisor_bot.question import Question
from advisor_bot.rank import RAREST, Sentence, rarity, states_of, word_states
from advisor_bot.retrieve import Query
from advisor_bot.text import STOPWORDS, numerals, stem, terms, words
from advisor_bot.types import Passage

NEAR = 0.6  # the usual best cosine of a token with some token of an unrelated sentence (MiniLM)
MATCHED = 0.75  # the cosine above which a word counts as said in other words

_PERCENT = re.compile(r"\d\s*(?:%|percent)")
_MONEY = re.compile(r"[$€£¥₹]\s?\d|\d[\d,.]*\s?(?:dollars|usd|euros?|pounds|cents)\b|\b\d{1,3},\d{3}\b|\b\d+k\b", re.I)
_DATE = re.compile(
    r"\b(?:1[89]\d\d|20\d\d|jan(?:uary)?|feb(?:ruary)?|march|april|may \d|june|july|aug(?:ust)?|sept?(?:ember)?|"
    r"oct(?:ober)?|nov(?:ember)?|dec(?:ember)?|(?:mon|tues|wednes|thurs|fri)day|days?|weeks?|months?|years?|"
    r"deadline|since|until)\b",
    re.I,
)
_COUNT = re.compile(
    r"\d|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|dozen|hundred|thousand|million|half|third|quarter|"
    r"several|few|many)\b",
    re.I,
)
_NAME = re.compile(r"(?<=[a-z,] )[A-Z][a-z]+")
_CAPITAL = re.compile(r"(?<!^)(?<![.!?] )\b[A-Z][A-Za-z]+")


def measure(
    question: Question,
    query: Query,
    passages: Sequence[Passage],
    sentences: Sequence[Sentence],
    index: Index,
    glossary: Glossary,
    asked: Tokens,
    read: Sequence[Tokens],
) -> dict[str, float]:
    """Return the signals by name, none where nothing was read.

    ``asked`` are the tokens of the question, ``read`` those of the first sentences.
    """
    if not sentences:
        return {}
    unknown = unknown_words(question.text, glossary)
    return {
        **_ranking(query, passages, sentences, index),
        **_words(query, sentences, unknown, asked),
        **_matching(query, sentences, unknown, asked, read),
        **_kinds(question, query, sentences, index),
    }


def unknown_words(text: str, glossary: Glossary) -> list[str]:
    """Return the content words of ``text`` that the guide never uses, in any form, slips mended."""
    return [
        word
        for word in dict.fromkeys(words(text))
        if word not in STOPWORDS and stem(word) not in glossary.stems and glossary.spelling(word) is None
    ]


def _ranking(
    query: Query, passages: Sequence[Passage], sentences: Sequence[Sentence], index: Index
) -> dict[str, float]:
    rows = np.array([sentence.row for sentence in sentences[:12]], dtype=np.int64)
    scores = [p.score for p in passages]
    return {
        "context": float(np.max(index.vectors[index.context_rows[rows]] @ query.alone)),
        "bare": float(np.max(index.vectors[index.sentence_rows[rows]] @ query.alone)),
        "top": sentences[0].score,
        "passage": scores[0],
        "gap": scores[0] - float(np.mean(scores[1:6])) if len(scores) > 2 else 0.0,
        "agree": float(sentences[0].passage.id == passages[0].id),
    }


def _words(query: Query, sentences: Sequence[Sentence], unknown: Sequence[str], asked: Tokens) -> dict[str, float]:
    rare = rarity(query.resolved.text, asked)
    content = [word for word in words(query.resolved.text) if word not in STOPWORDS]
    total = sum(rare.get(word, RAREST) for word in content) or 1.0

    def covered(most: int) -> float:
        held = {t for s in sentences[:most] for t in terms(s.in_context)}
        return sum(rare.get(word, RAREST) for word in content if stem(word) in held) / total

    strange = [rare.get(word, RAREST) for word in unknown]
    return {
        "covered_1": covered(1),
        "covered_3": covered(3),
        "unknown": sum(strange) / total,
        "unknown_rarest": max(strange, default=0.0),
        "unknown_name": float(any(w.lower() in unknown for w in _CAPITAL.findall(query.resolved.question))),
        "terms": min(len(content), 10) / 10,
    }


def _matching(
    query: Query, sentences: Sequence[Sentence], unknown: Sequence[str], asked: Tokens, read: Sequence[Tokens]
) -> dict[str, float]:
    """Match each word of the question with its nearest token of the sentences read."""
    spoken = word_states(query.resolved.text, asked)
    content = [(word, state) for word, state in spoken if word not in STOPWORDS]
    rare = rarity(query.resolved.text, asked)
    three, everything = (np.concatenate([states_of(one) for one in read[:most]]) for most in (3, len(read)))
    if not content or not len(everything):
        return {}
    best = np.array([float(np.max(three @ state)) for _, state in content])
    weight = np.array([rare[word] for word, _ in content])
    held = {t for s in sentences[:3] for t in terms(s.in_context)}
    unheld = [b for b, (word, _) in zip(best, content, strict=True) if stem(word) not in held]
    strange = [float(np.max(everything @ state)) for word, state in content if word in unknown]
    whole = [float(np.mean(np.max(states_of(one) @ states_of(asked).T, axis=0))) for one in read if len(one.states)]
    return {
        "match": float((best * weight).sum() / weight.sum()),
        "match_least": float(best.min()),
        "match_unsaid": min(unheld, default=1.0),
        "match_first": whole[0],
        "match_best": max(whole),
        "match_unknown": min(strange) - NEAR if strange else 0.0,
        "unmatched": sum(max(0.0, MATCHED - x) for x in strange),
    }


def _kinds(question: Question, query: Query, sentences: Sequence[Sentence], index: Index) -> dict[str, float]:
    """Tell whether the kind of thing asked for (a share, a sum, a date, a name) and the figures named are there."""
    read = " ".join(s.in_context for s in sentences[:8])
    named = [n for n in numerals(question.text) if len(n) > 1]
    kind = _kind(question)
    found = {
        "figure_missing": float(any(n.strip("%") not in read for n in named)),
        "asks_kind": float(kind is not None),
    }
    if kind is None:
        return found
    rows = [s.row for s in sentences[:12] if kind.search(s.text)]
    near = index.vectors[index.context_rows[np.array(rows, dtype=np.int64)]] @ query.alone
    return found | {
        "kind_missing": float(not any(kind.search(s.text) for s in sentences[:3])),
        "kind_nowhere": float(not rows),
        "kind_near": float(near.max()) - 0.4 if rows else 0.0,
    }


def _kind(question: Question) -> re.Pattern[str] | None:
    if re.search(r"%|percent", question.text, re.I):
        return _PERCENT
    return {"money": _MONEY, "number": _COUNT, "date": _DATE, "person": _NAME, "place": _NAME}.get(question.wanted)
