"""Is a sentence supported by the text cited for it? A proof that asks no model and trusts none.

``check`` holds a claim against the sentences of one cited passage: its numerals and names must stand there,
nothing may be turned round (a not, all for some, more for less, must for may), and its words must be found there,
as they are or in other words. Every rule can only refuse; a claim passes when none does. The words the rules look
for stand in ``data/relations.json``; the limits were set on one half of ``tests/claims.jsonl`` (docs/quality.md).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from advisor_bot.index.guide import Guide
from advisor_bot.llm.relations import GRADES, Grade, Reading, Word, light, read, relations, scales
from advisor_bot.retrieval.rank import word_states

Reason = Literal["", "empty", "numeral", "name", "negation", "quantifier", "modality", "comparative", "wording"]
Matrix = NDArray[np.float64]
States = Mapping[str, NDArray[np.float32]]

SAID = 0.45  # cosine of two words' states above which one says the other
LEAST = 0.6  # share of a claim's content that must be said
STRANGE = 0.37  # a word whose state comes no nearer than this to any word of the source is new
NEARLY = 0.05  # only sentences that say nearly as much of the claim as the best ones may carry it
NAMED = 0.99  # what a name must reach: itself, or a form of it


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found: ``reason`` is "" where the claim is supported.

    ``score`` (0..1) is how much of the claim is said; ``paragraph`` and ``sentences`` are where: numbers into
    the source that was given. ``word`` is the word the reason is about.
    """

    reason: Reason
    score: float
    paragraph: int = -1
    sentences: tuple[int, ...] = ()
    word: str = ""

    @property
    def ok(self) -> bool:
        """Whether the claim may be shown."""
        return self.reason == ""


@dataclass(frozen=True)
class Pair:
    """A claim beside the words it may rest on. ``near`` is (content of the claim, content of the source)."""

    claim: Reading
    source: tuple[Reading, ...]
    heading: Reading
    near: Matrix
    heads: Matrix

    @property
    def words(self) -> list[Word]:
        """The content words of the source sentences, one after another."""
        return [word for reading in self.source for word in reading.content]


def check(claim: str, source: Sequence[Sequence[str]], guide: Guide, heading: str = "") -> Verdict:
    """Return whether ``claim`` is supported by one paragraph of ``source`` (paragraphs of sentences).

    One to three neighbouring sentences of one paragraph may carry it together. ``heading`` says what the whole
    source is about. No marker and no Markdown is expected in ``claim``.
    """
    said = read(claim)
    if not said.content and not said.numerals:
        return Verdict("empty", 0.0)
    mine = dict(word_states(claim, guide.encoder.tokens(claim)))
    headed = read(heading)
    heads = nearness(said.content, mine, headed.content, _states(heading, guide))
    found = []
    for number, sentences in enumerate(source):
        runs = list(_runs(claim, sentences, guide))
        used = sorted({place for first, last in runs for place in range(first, last)})
        readings = {place: read(sentences[place]) for place in used}
        near = {
            place: nearness(said.content, mine, readings[place].content, _states(sentences[place], guide))
            for place in used
        }
        for first, last in dict.fromkeys(runs):
            places = tuple(range(first, last))
            joined = np.hstack([near[place] for place in places])
            pair = Pair(said, tuple(readings[place] for place in places), headed, joined, heads)
            reason, word = _verdict(pair)
            found.append(Verdict(reason, _said(pair), number, places, word))
    if not found:
        return Verdict("wording", 0.0)
    most = max(verdict.score for verdict in found)
    best = [verdict for verdict in found if verdict.score >= most - NEARLY]
    return max(best, key=lambda verdict: (verdict.ok, verdict.score, -len(verdict.sentences)))


def _runs(claim: str, sentences: Sequence[str], guide: Guide) -> Iterator[tuple[int, int]]:
    """Yield the runs of sentences worth a look: the nearest ones alone, then with a neighbour or two."""
    vector = guide.encoder.query(claim)
    near = [float(guide.tokens([s])[0].vector @ vector) for s in sentences]
    for place in sorted(range(len(sentences)), key=lambda i: -near[i])[:2]:
        yield place, place + 1
        yield max(0, place - 1), place + 1
        yield place, min(len(sentences), place + 2)
        yield max(0, place - 1), min(len(sentences), place + 2)


def _states(sentence: str, guide: Guide) -> States:
    return dict(word_states(sentence, guide.tokens([sentence])[0]))


def nearness(claimed: Sequence[Word], mine: States, said: Sequence[Word], theirs: States) -> Matrix:
    """Return how much each of ``said`` says each of ``claimed``, about 0..1, shape (claimed, said)."""
    out = np.zeros((len(claimed), len(said)))
    for i, a in enumerate(claimed):
        for j, b in enumerate(said):
            one, other = mine.get(a.text), theirs.get(b.text)
            cosine = 0.0 if one is None or other is None else float(one @ other)
            out[i, j] = _known(a, b, cosine)
    return out


def _known(a: Word, b: Word, cosine: float) -> float:
    if a.stem == b.stem:
        return 1.0
    ends = dict(scales().get(a.stem, ()))
    for number, end in scales().get(b.stem, ()):
        if number in ends:
            return 0.9 if ends[number] == end else 0.0
    shared = len(_common(a.text, b.text))
    if shared >= 5 and max(len(a.text), len(b.text)) - shared <= 4:
        return max(0.9, cosine)
    return min(cosine, 0.89)


def _common(a: str, b: str) -> str:
    n = 0
    while n < min(len(a), len(b)) and a[n] == b[n]:
        n += 1
    return a[:n]


def _said(pair: Pair) -> float:
    best = _best(pair) if pair.claim.content else np.ones(1)
    return float(np.clip((best - 0.2) / 0.4, 0, 1).mean())


def _verdict(pair: Pair) -> tuple[Reason, str]:
    for rule in (_numerals, _names, _negation, _quantifiers, _modality, _comparatives, _wording):
        found = rule(pair)
        if found is not None:
            return found
    return "", ""


Found = tuple[Reason, str] | None


def _numerals(pair: Pair) -> Found:
    sources = [pair.heading, *pair.source]
    for figure in sorted(pair.claim.numerals):
        if not any(figure in reading.numerals for reading in sources):
            return "numeral", figure
    for figure, bound in pair.claim.bounds:
        if not any((figure, bound) in reading.bounds for reading in sources):
            return "comparative", figure
    return None


def _best(pair: Pair) -> Matrix:
    best: Matrix = np.maximum(pair.near.max(axis=1, initial=0.0), pair.heads.max(axis=1, initial=0.0))
    return best


def _names(pair: Pair) -> Found:
    for word, best in zip(pair.claim.content, _best(pair), strict=True):
        if word.name and best < NAMED and not _spelled_out(word, [pair.claim, pair.heading, *pair.source]):
            return "name", word.text
    return None


def _spelled_out(word: Word, readings: Sequence[Reading]) -> bool:
    """Tell whether ``word`` is made of the initials of words that follow one another somewhere."""
    short = word.text.removesuffix("s") if len(word.text) > 3 else word.text
    initials = ("".join(w.text[0] for w in reading.words) for reading in readings)
    return 2 <= len(short) <= 6 and any(short in line for line in initials)


def _wording(pair: Pair) -> Found:
    best = _best(pair)
    for word, near in zip(pair.claim.content, best, strict=True):
        closed = word.name or word.text in _COMPARED or word.text in relations("near_negation")
        least = SAID if word.stem in scales() else STRANGE
        if near < least and not closed and word.stem not in light():
            return "wording", word.text
    return ("wording", "") if _said(pair) < LEAST else None


def _aligned(pair: Pair) -> list[tuple[int, Word] | None]:
    """Return for each content word of the claim the source word that says it: (number of the sentence, word)."""
    flat = [(number, word) for number, reading in enumerate(pair.source) for word in reading.content]
    if not flat or not pair.claim.content:
        return [None] * len(pair.claim.content)
    best = pair.near.argmax(axis=1)
    return [flat[j] if pair.near[i, j] >= SAID else None for i, j in enumerate(best)]


def _close(reading: Reading, place: int, wanted: frozenset[str], reach: int = 5) -> bool:
    return any(w.text in wanted and abs(w.place - place) <= reach for w in reading.words)


def _negation(pair: Pair) -> Found:
    """Refuse a claim that adds a negation to what its source says, or leaves one out."""
    claim, soft = pair.claim, relations("near_negation")
    said = {w.place: hit for w, hit in zip(claim.content, _aligned(pair), strict=True) if hit}
    for cue, scope in claim.negations:
        held = [said[place] for place in scope if place in said]
        denied = any(pair.source[n].negated(w.place) or _close(pair.source[n], w.place, soft) for n, w in held)
        unplaced = not held and any(r.negations or r.any_of("near_negation") for r in pair.source)
        if not denied and not unplaced:
            return "negation", claim.words[cue].text
    back = {(n, w.place): place for place, (n, w) in said.items()}
    for number, reading in enumerate(pair.source):
        for cue, scope in reading.negations:
            if any(other in scope for other, _ in reading.negations) or reading.negated(cue):
                continue  # "not without" is no negation at all
            places = [back[number, place] for place in scope if (number, place) in back]
            if places and not any(claim.negated(place) or _close(claim, place, soft) for place in places):
                return "negation", reading.words[cue].text
    return None


def _grade(word: Word, reading: Reading) -> Grade | None:
    for grade in GRADES[1:]:
        if word.text in relations(grade):
            before = reading.words[word.place - 1].text if word.place else ""
            after = reading.words[word.place + 1].text if word.place + 1 < len(reading.words) else ""
            listed = word.clause > 0 and after not in ("of", "the") and before in {w.text for w in reading.content}
            floats = word.text == "all" and listed
            return None if floats or (grade == "most" and before == "the") else grade
    return None


def _graded(reading: Reading) -> Iterator[tuple[Grade, Word, Word | None]]:
    """Yield the quantifiers of a sentence with the word each is about (the next content word)."""
    for word in reading.words:
        grade = _grade(word, reading)
        if grade:
            yield grade, word, next((w for w in reading.content if 0 < w.place - word.place <= 3), None)


def _quantifiers(pair: Pair) -> Found:
    aligned = dict(zip((w.place for w in pair.claim.content), _aligned(pair), strict=True))
    sources = [
        (n, grade, word, head)
        for n, reading in enumerate(pair.source)
        for grade, word, head in _graded(reading)
        if pair.claim.negations or grade != "universal" or not reading.negated(word.place)
    ]
    negative = any(r.negations or r.texts & {"limited", "lack", "little", "rare"} for r in pair.source)
    for grade, word, head in _graded(pair.claim):
        hit = aligned.get(head.place) if head else None
        about = [g for n, g, _, h in sources if hit and h and (n, h.place) == (hit[0], hit[1].place)]
        grades = about or [g for _, g, _, _ in sources]
        if grade == "few" and about and "few" not in about:
            return "quantifier", word.text
        if not _allowed(grade, grades, generic=bool(hit) and not about, negative=negative):
            return "quantifier", word.text
    claimed = {g for g, _, _ in _graded(pair.claim)}
    if any(g == "few" for _, g, _, _ in sources) and "few" not in claimed and not pair.claim.negations:
        return "quantifier", "few"
    if pair.claim.any_of("exclusive") and not any(reading.any_of("exclusive_like") for reading in pair.source):
        return "quantifier", "only"
    return None


def _allowed(grade: Grade, grades: Sequence[Grade], *, generic: bool, negative: bool) -> bool:
    """Tell whether the source grants a quantifier: never more than it says, and not few for many."""
    if grade in ("universal", "most"):
        return any(GRADES.index(g) >= GRADES.index("universal" if grade == "universal" else "many") for g in grades)
    if grade == "few":
        return "few" in grades or negative  # "limited" and the like count as negative
    if generic:
        return True
    return not grades or max(GRADES.index(g) for g in grades) >= GRADES.index(grade)


def _modality(pair: Pair) -> Found:
    claim = pair.claim
    needed = any(r.any_of("needed") for r in pair.source)
    weak = [(n, w) for n, r in enumerate(pair.source) for w in r.words if w.text in ("may", "might", "could")]
    strong = claim.any_of("must")
    if strong and not needed:
        return "modality", strong[0].text
    lax = [w for w in claim.words if w.text in ("may", "might", "optional")]
    if lax and needed and not any(r.any_of("may") for r in pair.source):
        return "modality", lax[0].text
    if claim.any_of("hedge"):
        return None
    held = {(n, w.place) for hit in _aligned(pair) if hit for n, w in [hit]}
    for n, word in weak:
        after = [w for w in pair.source[n].content if 0 < w.place - word.place <= 5][:2]
        if after and after[0].stem in ("suggest", "seem", "appear", "expect", "think"):
            continue
        if any((n, w.place) in held for w in after):
            return "modality", word.text
    return None


_COMPARED = frozenset(
    "more less fewer higher lower faster slower better worse longer shorter larger smaller stronger weaker "
    "easier harder most least best worst highest lowest".split()
)
_UP_OR_DOWN = frozenset((0, 1, 2, 3, 4, 5, 6, 11, 14, 32))


def _comparatives(pair: Pair) -> Found:
    """Refuse a claim that goes the other way on a scale than its source, or takes what the source puts second."""
    if not pair.claim.second and not pair.claim.negations:
        held = {(n, w.place) for hit in _aligned(pair) if hit for n, w in [hit]}
        for number, reading in enumerate(pair.source):
            about = [w for w in reading.content if w.place in reading.second]
            if about and all((number, w.place) in held for w in about):
                return "comparative", about[0].text
    if pair.claim.than and _swapped(pair):
        return "comparative", "than"
    for word in pair.claim.words:
        for scale, end in scales().get(word.stem, ()):
            mine = -end if pair.claim.negated(word.place, 4) else end
            same = [(e, n, w) for n, e, w in _ends(pair, {scale})]
            if not same and scale in _UP_OR_DOWN and (mine < 0 or word.text in _COMPARED):
                same = [(e, n, w) for n, e, w in _ends(pair, _UP_OR_DOWN)]
                if not same and word.text in _COMPARED:
                    return "comparative", word.text
            if same and _opposed(pair, word, mine, same):
                return "comparative", word.text
    return None


def _swapped(pair: Pair) -> bool:
    """Tell whether "A more than B" became "B more than A"."""
    said = {w.place: hit for w, hit in zip(pair.claim.content, _aligned(pair), strict=True) if hit}
    after = {(n, w.place) for place, (n, w) in said.items() if place in pair.claim.than}
    before = {(n, w.place) for place, (n, w) in said.items() if place not in pair.claim.than}
    second = {(n, place) for n, reading in enumerate(pair.source) for place in reading.than}
    return bool(after and second and not after & second and before & second)


def _ends(pair: Pair, wanted: set[int] | frozenset[int]) -> Iterator[tuple[int, int, Word]]:
    for number, reading in enumerate(pair.source):
        for word in reading.words:
            for scale, end in scales().get(word.stem, ()):
                if scale in wanted:
                    yield number, -end if reading.negated(word.place, 4) else end, word


def _opposed(pair: Pair, word: Word, mine: int, found: Sequence[tuple[int, int, Word]]) -> bool:
    """Tell whether the end of the scale that the source uses for the same thing is the other one."""
    ends = {end for end, _, _ in found}
    if mine not in ends:
        stems = {w.stem for w in pair.claim.words}
        return any(w.stem not in stems for _, _, w in found)
    if len(ends) == 1:
        return False
    after = [w.place for w in pair.claim.content if 0 < w.place - word.place <= 5]
    said = dict(zip((w.place for w in pair.claim.content), _aligned(pair), strict=True))
    about = {(hit[0], hit[1].place) for place in after if (hit := said.get(place))}

    def shared(number: int, at: Word) -> int:
        near = [w.place for w in pair.source[number].content if 0 < w.place - at.place <= 5]
        return len({(number, place) for place in near} & about)

    return max(shared(n, w) for e, n, w in found if e != mine) > max(shared(n, w) for e, n, w in found if e == mine)
