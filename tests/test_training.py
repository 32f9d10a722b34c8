"""The training code reads as the program reads, packs weights without loss that matters, and asks what it should."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from advisor_bot.models.opening import card
from advisor_bot.models.reader import Reader, Sentence

ROOT = Path(__file__).resolve().parents[1]
LONG = "word " * 300


@pytest.fixture(scope="module")
def training() -> Any:
    """The modules of ``training/``, which import torch and each other by bare names."""
    sys.path.insert(0, str(ROOT / "training"))
    try:
        import calibrate
        import data
        import export
        import measure
        import train
    finally:
        sys.path.pop(0)

    class Modules:
        pass

    found: Any = Modules()
    found.calibrate, found.data, found.export, found.measure, found.train = calibrate, data, export, measure, train
    return found


@pytest.mark.parametrize(("heading", "text"), [("Costs", "It is due in May."), ("Why?", LONG), ("", "x"), (LONG, "x")])
def test_a_sentence_is_trained_on_as_it_is_read(training: Any, heading: str, text: str) -> None:
    tokens = training.data.tokenizer()
    reader: Any = Reader("", {"dimension": 384}, tokens, None, None, None)  # type: ignore[arg-type]
    assert training.data.sentence_ids(tokens, heading, text) == reader._sentence_tokens(Sentence(text, heading))
    assert training.data.question_ids(tokens, text) == reader._question_tokens(text)


def test_guides_kept_apart_exist_and_the_card_names_them(training: Any) -> None:
    names = {file.stem for file in training.data.GUIDES.glob("*.json")}
    assert set(training.data.KEPT_APART) < names
    assert set(card()["kept_apart"]) < names


def test_every_marked_sentence_stands_in_its_guide(training: Any) -> None:
    for file in training.data.GUIDES.glob("*.json"):
        found = json.loads(file.read_text("utf-8"))
        names = {f"{i}.{j}" for i, s in enumerate(found["sections"], 1) for j, _ in enumerate(s["sentences"], 1)}
        assert all({*row["best"], *row["help"]} <= names for row in found["questions"]), file.name


def test_eight_bits_keep_a_weight_within_half_a_step(training: Any) -> None:
    import torch

    weights = {"m.weight": torch.randn(5, 40), "m.bias": torch.randn(5), "zero.weight": torch.zeros(2, 3)}
    again = training.export.whole_again(training.export.in_eight_bits(weights))
    for name, tensor in weights.items():
        step = tensor.abs().max() / 127 if tensor.ndim == 2 else 2e-3
        assert (again[name] - tensor).abs().max() <= 0.6 * step + 1e-6


@pytest.mark.parametrize(("best", "help_"), [((), ()), ((3,), (7, 9)), (tuple(range(9)), ())])
def test_as_many_sentences_are_read_whatever_the_verdict(
    training: Any, best: tuple[int, ...], help_: tuple[int, ...]
) -> None:
    import torch

    question = training.data.Question("?", "answered", best, help_)
    chosen = training.train.candidates(question, torch.linspace(1, 0, 50))
    assert len(chosen) == len(set(chosen)) == training.train.CANDIDATES
    assert {*best, *help_} & set(chosen) == set([*best, *help_][:6])


def test_calibration_finds_what_tells_and_keeps_wrong_answers_few(training: Any) -> None:
    numbers = np.random.default_rng(0)
    rows = []
    for place in range(400):
        verdict = ("answered", "no")[place % 2]
        seen = numbers.normal(size=11) + (2.0 if verdict == "answered" else 0.0)
        question = training.data.Question("?", verdict, (0,) if verdict == "answered" else (), ())
        right = np.array([verdict == "answered"] * 3)
        rows.append(training.measure.Seen(str(place % 10), question, seen, right, right))
    found = training.calibrate.calibrate(rows)
    assert found["calibrated"]["auroc"] > 0.95
    assert found["at_limits"]["no_answered"] <= training.calibrate.WRONG
    assert found["at_limits"]["useful"] > 0.8
