"""What speaks for or against the guide answering a question: the signals behind an answer's confidence.

A threshold on a cosine cannot tell "how old is Julian?" from "what did Julian say?". So the question is
held word by word against what was read: how well its words are matched there, and the worst of them; whether some
sentence comes nearer when a word is taken away, as it does where the guide speaks of all the rest; which words the
guide never uses and how near anything comes to those; whether the figures it names and the kind of thing it asks for
(a number, a sum, a date, a name) are there; and whether what was read is what was talked of before, and what its
document is about. Of three hundred signals tried, these carried what all of them did (docs/quality.md).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from advisor_bot.index.guide import Guide
from advisor_bot.models.encoder import Tokens
from advisor_bot.retrieval.answer_type import looked_for
from advisor_bot.retrieval.question import Question
from advisor_bot.retrieval.rank import Sentence, Word, content_words, states_of
from advisor_bot.retrieval.search import Query, Vector
from advisor_bot.retrieval.spelling import spelling
from advisor_bot.retrieval.topics import topics
from advisor_bot.text import STOPWORDS, stem, words
from advisor_bot.types import Passage

COMMON = 4000  # number in the encoder's vocabulary, which is sorted by frequency, below which a word is an everyday one
NEAR = 0.6  # the usual best cosine of a word with some token of an unrelated sentence (MiniLM)
WITHOUT = 0.5  # of a word's state, taken from the question's vector
CLOSEST = 3  # sentences in which each word and each figure is looked for
LOOKED_THROUGH = 16  # sentences that may come nearer without a word, or hold the kind of thing asked for
NO_KIND = 0.3  # as far as a sentence is that has nothing to do with the question
FIT = 0.45  # the usual cosine of a question's best passage with the question asked before it
# A year, a percentage, a sum: an age or a count of years tells of the student, and is not looked for.
_FIGURE = re.compile(r"\d+(?:[.,]\d+)*(?=\s?%)|\d+(?:,\d{3})+|\d{3,}")
# How the student feels about it, which no guide needs to speak of to have an answer.
_FEELINGS = frozenset(
    """afraid annoyed annoying anxious ashamed awful clueless confused confusing crazy desperate dumb embarrassed
    excited freaked freaking frustrated frustrating hopeless horrible insane mad miserable nervous nightmare
    overwhelmed overwhelming panicking sad scared scary stressed stressful stuck stupid suck sucks terrible
    terrified terrifying unhappy upset useless weird worried worry worrying""".split()
)
_OF_ONESELF = re.compile(r"\b(?:i|me|my|i'?m|i'?ve)\b", re.I)


def measure(
    question: Question,
    query: Query,
    passages: Sequence[Passage],
    sentences: Sequence[Sentence],
    guide: Guide,
    asked: Tokens,
    read: Sequence[Tokens],
) -> dict[str, float]:
    """Return the signals by name, none where nothing was read.

    ``asked`` are the tokens of the question, ``read`` those of the first sentences.
    """
    if not sentences:
        return {}
    closest = " ".join(sentence.text for sentence in sentences[:CLOSEST])
    scores = [passage.score for passage in passages]
    content = content_words(query.resolved.text, asked)
    states = [states_of(one) for one in read]
    return {
        "topic": max(float(guide.topic(passage.document) @ query.alone) for passage in passages),
        "gap": scores[0] - float(np.mean(scores[1:6])) if len(scores) > 2 else 0.0,
        "match_first": _matched(states_of(asked), states[0]),
        "match_weakest": _weakest(content, np.concatenate(states[:CLOSEST])),
        "match_unknown": _nearest_to_unknown(question, guide, content, np.concatenate(states)),
        "without_word": _gain_without_a_word(query, content, sentences, guide),
        "figure_missing": float(any(figure not in closest for figure in _FIGURE.findall(question.text))),
        "kind_gap": _kind_gap(question, query, sentences, guide),
        "talked_of": _talked_of(query, passages[0], guide),
        "comparison": float(question.wanted == "compare"),
        "personal": float(bool(_OF_ONESELF.search(f"{question.background} {question.text}"))),
    }


def unknown_words(text: str, guide: Guide) -> list[str]:
    """Return the content words of ``text`` that the guide never uses, in any form, slips mended.

    Figures are looked at apart; a short form of something the guide speaks of is known; feelings are the student's.
    """
    return [
        word
        for word in dict.fromkeys(words(spelling(guide).corrected(text)))
        if word not in STOPWORDS
        and word not in _FEELINGS
        and not word.isdigit()
        and stem(word) not in spelling(guide).stems
        and word not in topics(guide).initials
    ]


def is_everyday(word: str, guide: Guide) -> bool:
    """Tell whether ``word`` is one of the commonest of the encoder's vocabulary."""
    return guide.encoder.dictionary.get(word, COMMON) < COMMON


def _matched(asked: Vector, read: Vector) -> float:
    """Return the mean over the question's tokens of the best cosine with a token of the sentence (ColBERT's MaxSim)."""
    return float(np.mean(np.max(read @ asked.T, axis=0))) if len(read) and len(asked) else 0.0


def _weakest(content: Sequence[Word], states: Vector) -> float:
    """Return the cosine of the content word of the question that what was read comes least near to.

    A near miss names what the guide treats and asks for what it does not say of it.
    """
    return min((float(np.max(states @ word.state)) for word in content), default=NEAR) if len(states) else NEAR


def _gain_without_a_word(query: Query, content: Sequence[Word], sentences: Sequence[Sentence], guide: Guide) -> float:
    """Return how much nearer some sentence comes to the question when one of its content words is taken away.

    The guide then says something of the rest and little of that word: a near miss. Half the word's state is taken
    from the question's vector, which is the mean of such states: as good as embedding the shorter question anew, and
    as cheap as a cosine. Below 0 where every word is needed; 0 for a model whose states are of another length.
    """
    states = [word.state for word in content]
    if not states or states[0].shape != query.alone.shape:
        return 0.0
    numbers = [sentence.row for sentence in sentences[:LOOKED_THROUGH]]
    vectors = guide.vectors[np.concatenate([guide.context_rows[numbers], guide.sentence_rows[numbers]])]
    shorter = query.alone - WITHOUT * np.array(states)
    shorter /= np.linalg.norm(shorter, axis=1, keepdims=True)
    return float(np.max(vectors @ shorter.T) - np.max(vectors @ query.alone))


def _kind_gap(question: Question, query: Query, sentences: Sequence[Sentence], guide: Guide) -> float:
    """Return how much farther from the question the nearest sentence that holds the kind of thing asked for is.

    0 where the nearest of all holds one, or where things of that kind have no form of their own; ``NO_KIND`` where
    none holds one.
    """
    holds = looked_for(question.text)
    if holds is None:
        return 0.0
    near = sentences[:LOOKED_THROUGH]
    holding = np.array([holds(sentence.text) for sentence in near])
    cosines = guide.vectors[guide.context_rows[[sentence.row for sentence in near]]] @ query.alone
    return float(np.max(cosines) - np.max(cosines[holding])) if holding.any() else NO_KIND


def _nearest_to_unknown(question: Question, guide: Guide, content: Sequence[Word], states: Vector) -> float:
    """Return how near what was read comes to the word it comes least near to of those the guide never uses.

    Everyday words are left out. 0 is as near as chance, or that there is no such word; below, the guide has
    nothing like it.
    """
    unknown = {word for word in unknown_words(question.text, guide) if not is_everyday(word, guide)}
    strange = [word.state for word in content if word.text in unknown]
    return min((float(np.max(states @ state)) for state in strange), default=NEAR) - NEAR if len(states) else 0.0


def _talked_of(query: Query, best: Passage, guide: Guide) -> float:
    """Return the cosine of the best passage with what the student said before.

    ``FIT`` where that was nothing, and for a follow-up, which was looked up with what it lacked from there.
    """
    earlier = [turn.text for turn in query.history if turn.role == "user"]
    if not earlier or query.resolved.carried:
        return FIT
    row = guide.row(best.chunk_ids[0])
    return FIT if row is None else float(guide.vectors[guide.chunk_rows[row]] @ guide.encoder.query(earlier[-1]))
