"""What a question is apart from what it asks: does it lean on the talk before, is it a cry for help, or for a person.

    python training/about.py            # fits, measures across folds, and writes data/reader/about.npz and the limits

Support vector machines with a radial kernel over the question's vector (Boser, Guyon, Vapnik 1992), their scores made
probabilities by Platt's method. Run it after ``export.py``: the vectors are those of the shipped encoder.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from data import KEPT_APART
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold
from sklearn.svm import SVC

from advisor_bot.models.export import prepare_models
from advisor_bot.models.opening import READER
from advisor_bot.settings import Settings

DATA = Path(__file__).parent / "data"
GAMMA, HOLD, FOLDS = 1.0, 10.0, 5
HEADS = ("leans", "care", "human")
WRONG = {"care": 0.013, "human": 0.01}  # share of ordinary questions taken for one, at most; missing a cry is worse
LEAST = {"care": 0.0, "human": 0.25}  # probability: "can i do this online" must never be taken for a wish to talk
Row = tuple[str, str, str]  # text, kind, group


def rows(data: Path) -> list[Row]:
    """Return the texts to learn from: kinds care, human, harmless, ordinary; and of dialogues alone, leans."""
    made: list[Row] = []
    for n, line in enumerate((data / "people.jsonl").read_text("utf-8").splitlines()):
        row = json.loads(line)
        kind = "care" if row["kind"] in ("danger", "distress") else row["kind"]
        made.append((row["text"], kind, f"people {n}"))
    for file in sorted((data / "guides").glob("*.json")):
        made += [(q["q"], "ordinary", file.stem) for q in json.loads(file.read_text("utf-8"))["questions"]]
    for line in (data / "dialogues.jsonl").read_text("utf-8").splitlines():
        talk = json.loads(line)
        turns = [(turn["q"], "alone" if turn["alone"] else "leans", talk["guide"]) for turn in talk["turns"]]
        made += turns[1:] if talk["guide"] not in KEPT_APART else []  # what follow-ups are judged by is not learned
    return made


def crossfitted(x: NDArray[np.float32], y: NDArray[np.bool_], groups: NDArray[np.str_]) -> NDArray[np.float64]:
    """Return the score (n,) of every row by a machine that saw no row of its group."""
    scores = np.zeros(len(y))
    for seen, unseen in GroupKFold(FOLDS).split(x, y, groups):
        scores[unseen] = machine().fit(x[seen], y[seen]).decision_function(x[unseen])
    return scores


def machine() -> SVC:
    """Return a machine before it has learned."""
    return SVC(C=HOLD, gamma=GAMMA, class_weight="balanced")


def main() -> None:
    """Fit, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--out", type=Path, default=Path(str(READER)))
    args = parser.parse_args()
    write(args.out, np.zeros((0, 384)), {name: np.zeros(1) for name in HEADS}, dict.fromkeys(HEADS, 1.0))
    reader = prepare_models(Settings.read(os.environ), say=print).reader
    found = rows(args.data)
    vectors = np.array([reader.question(text).vector for text, *_ in found], np.float32)
    kinds, groups = np.array([kind for _, kind, _ in found]), np.array([group for *_, group in found])
    talk = np.isin(kinds, ["alone", "leans"])
    heads: dict[str, tuple[NDArray[np.int64], NDArray[np.float64], float]] = {}
    limits: dict[str, float] = {}
    for name in HEADS:
        used = np.flatnonzero(talk | (name != "leans"))  # what is said in the middle of a talk is ordinary too
        x, y, kind = vectors[used], kinds[used] == name, kinds[used]
        scores = crossfitted(x, y, groups[used])
        platt = LogisticRegression(C=1e6).fit(scores[:, None], y)
        a, b = float(platt.coef_[0, 0]), float(platt.intercept_[0])
        whole = machine().fit(x, y)
        heads[name] = used[whole.support_], whole.dual_coef_[0] * a, float(whole.intercept_[0]) * a + b
        said = f"{name}: AUROC {roc_auc_score(y, scores):.3f}"
        if name == "leans":
            chance = 1 / (1 + np.exp(-(scores * a + b)))
            said += f", right {((chance > 0.5) == y).mean():.3f}"
        else:
            limit = float(np.quantile(scores[kind == "ordinary"], 1 - WRONG[name]))
            limits[name] = round(max(float(1 / (1 + np.exp(-(limit * a + b)))), LEAST[name]), 5)
            limit = (float(np.log(limits[name] / (1 - limits[name]))) - b) / a
            for group in dict.fromkeys(kind):
                said += f", {group} {(scores[kind == group] >= limit).mean():.3f}"
        print(said, flush=True)
    points = np.unique(np.concatenate([support for support, *_ in heads.values()]))
    weights = {}
    for name, (support, factors, intercept) in heads.items():
        weights[name] = np.zeros(len(points) + 1)
        weights[name][np.searchsorted(points, support)], weights[name][-1] = factors, intercept
    write(args.out, vectors[points], weights, limits)
    print(f"{len(points)} points, {(args.out / 'about.npz').stat().st_size} bytes")


def write(
    out: Path, points: NDArray[Any], weights: Mapping[str, NDArray[np.float64]], limits: Mapping[str, float]
) -> None:
    """Write the machines, and their limits into the card."""
    arrays = {name: value.astype(np.float32) for name, value in weights.items()}
    np.savez_compressed(out / "about.npz", points=points.astype(np.float16), **arrays)
    card = json.loads((out / "card.json").read_text("utf-8"))
    card["about"] = {"gamma": GAMMA, **limits}
    (out / "card.json").write_text(json.dumps(card, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
