"""The proof of a sentence: true ones in other words pass, the same turned round in one place do not."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from advisor_bot.assemble import advisor as assembled
from advisor_bot.index.guide import Guide
from advisor_bot.llm.proof import source_of
from advisor_bot.llm.support import check
from advisor_bot.retrieval.search import as_passage
from advisor_bot.settings import Settings

CLAIMS = Path(__file__).parents[1] / "claims.jsonl"


@pytest.fixture(scope="module")
def opened(published: Path) -> Iterator[Guide]:
    built = assembled(Settings(index=published))
    with built.versions.lease() as guide:
        yield guide
    built.versions.close()


FEES = [
    "Many programs require a degree in a STEM field, and some accept other degrees.",
    "Few programs ask for a license.",
    "A term costs 950 euros in the first year, over 20% more than before.",
    "Part-time study may lengthen a program.",
    "Since 2020, tests are no longer required.",
    "Ada Byron values practice more than theory.",
    "Flexibility alone does not make a program good.",
    "Students must pay the fee before the term begins.",
]


@pytest.mark.parametrize(
    "claim",
    [
        "A degree in a STEM field is required by many programs.",
        "Some programs accept other degrees.",
        "A license is asked for by few programs.",
        "In the first year, you pay 950 euros a term.",
        "Studying part-time might make a program longer.",
        "Tests have not been required since 2020.",
        "Ada Byron puts more value on practice than on theory.",
        "Being flexible does not by itself make a program good.",
        "You have to pay the fee before the term starts.",
    ],
)
def test_what_is_said_in_other_words_is_supported(opened: Guide, claim: str) -> None:
    verdict = check(claim, [[line] for line in FEES], opened)
    assert verdict.ok, verdict


@pytest.mark.parametrize(
    ("claim", "reason"),
    [
        ("A term costs 590 euros in the first year.", "numeral"),
        ("A term costs nine hundred euros in the first year.", "numeral"),
        ("A term costs under 20% more than before.", "comparative"),
        ("A term costs over 20% less than before.", "comparative"),
        ("Charles Babbage values practice more than theory.", "name"),
        ("Ada Byron values theory more than practice.", "comparative"),
        ("Ada Byron values practice less than theory.", "comparative"),
        ("All programs require a degree in a STEM field.", "quantifier"),
        ("Few programs require a degree in a STEM field.", "quantifier"),
        ("Many programs ask for a license.", "quantifier"),
        ("Programs ask for a license.", "quantifier"),
        ("Only some programs accept other degrees.", "quantifier"),
        ("Many programs do not require a degree in a STEM field.", "negation"),
        ("Since 2020, tests are required.", "negation"),
        ("Flexibility alone makes a program good.", "negation"),
        ("Part-time study must lengthen a program.", "modality"),
        ("Part-time study lengthens a program.", "modality"),
        ("Part-time study may shorten a program.", "comparative"),
        ("Students may pay the fee before the term begins.", "modality"),
        ("Students must pay the fee after the term begins.", "comparative"),
        ("Part-time study may lengthen a volcano.", "wording"),
        ("…", "empty"),
    ],
)
def test_what_is_turned_round_is_refused_with_its_reason(opened: Guide, claim: str, reason: str) -> None:
    assert check(claim, [[line] for line in FEES], opened).reason == reason


def test_one_to_three_neighbouring_sentences_of_one_paragraph_may_prove_a_claim(opened: Guide) -> None:
    together = [["Rent is high in the city.", "It costs 800 euros a month."]]
    apart = [["Rent is high in the city."], ["It costs 800 euros a month."]]
    claim = "Rent in the city costs 800 euros a month."
    assert check(claim, together, opened).sentences == (0, 1)
    assert not check(claim, apart, opened).ok


def test_a_source_of_nothing_supports_nothing(opened: Guide) -> None:
    assert not check("Pay is high.", [], opened).ok
    assert not check("Pay is high.", [[]], opened).ok


def half(name: str) -> str:
    """Tell which half a claim belongs to; the rules were mended by looking at a alone."""
    return "ab"[hashlib.sha256(name.encode()).digest()[0] % 2]


def test_of_the_adversarial_set_true_sentences_pass_and_flips_are_caught(opened: Guide) -> None:
    index = opened
    rows = [json.loads(line) for line in CLAIMS.read_text(encoding="utf-8").splitlines()]
    assert len(rows) >= 100
    right: Counter[tuple[str, str]] = Counter()
    asked: Counter[tuple[str, str]] = Counter()
    for row in rows:
        sections = {chunk.heading for chunk in index.chunks if chunk.heading[-1] == row["heading"]}
        assert len(sections) == 1, row
        numbers = [n for n, chunk in enumerate(index.chunks) if chunk.heading in sections]
        source = source_of(as_passage(numbers, 0.0, index), index)
        for kind, text in [("true", row["claim"]), *(("flip", flip["text"]) for flip in row["flips"])]:
            passed = check(text, source.texts, opened, row["heading"]).ok
            asked[half(row["id"]), kind] += 1
            right[half(row["id"]), kind] += passed == (kind == "true")
    shares = {key: right[key] / asked[key] for key in asked}
    assert min(shares.values()) >= 0.9, shares
