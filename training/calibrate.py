"""From what the reader says of a question to probabilities: that the guide answers it, that it helps.

Logistic regressions over the 11 numbers of ``model.whole``, fitted on guides that the networks were not trained on, and
measured across folds of guides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from measure import Seen, auroc, useful, verdicts
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold
from sklearn.preprocessing import StandardScaler

FOLDS, LOOSE = 8, 0.1  # LOOSE: scikit-learn's C; smaller holds the weights closer to nothing
# Share of questions without an answer that may be shown as answered: on the guides kept apart, where half of them are
# near misses made to be mistaken (students' own voices: a third of that), and among the rows of tables.
WRONG, WRONG_ROW = 0.11, 0.06
AFTER = 0.15  # how much surer a reading has to be that leans on the talk: what it leans on may be taken wrongly
SLACK = 0.01  # of the usefulness, for fewer refusals: a hedge costs a student less than a refusal
MARGIN = 6.0  # how far below the best score another sentence is still shown
GRID = [round(0.02 * step, 2) for step in range(10, 48)]


@dataclass(frozen=True, slots=True)
class Fit:
    """A logistic regression over the numbers as they come."""

    weights: NDArray[np.float64]
    intercept: float

    def chances(self, numbers: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the probability of each row."""
        found: NDArray[np.float64] = 1 / (1 + np.exp(-(numbers @ self.weights + self.intercept)))
        return found

    def as_json(self) -> dict[str, Any]:
        """Return it as it stands in the card."""
        return {"weights": [round(float(w), 5) for w in self.weights], "intercept": round(self.intercept, 5)}


def fit(numbers: NDArray[np.float64], yes: NDArray[np.bool_]) -> Fit:
    """Fit one on standardized numbers; return it for numbers as they are."""
    scaler = StandardScaler().fit(numbers)
    model = LogisticRegression(C=LOOSE, max_iter=1_000).fit(scaler.transform(numbers), yes)
    weights = model.coef_[0] / scaler.scale_
    return Fit(weights, float(model.intercept_[0] - weights @ scaler.mean_))


def calibrate(rows: Sequence[Seen]) -> dict[str, Any]:
    """Return the card's ``calibration``, ``limits`` and ``at_limits``, and what calibration makes of the figures.

    Figures are of probabilities by fits that saw nothing of the guide; the fits that are returned saw all of them.
    """
    numbers = np.array([row.numbers for row in rows])
    sides = verdicts(rows)
    crossed = np.stack([across(numbers, yes, [row.guide for row in rows]) for yes in sides], 1)
    limits = best_limits(rows, crossed)
    return {
        "calibration": {
            name: fit(numbers, yes).as_json() for name, yes in zip(("answered", "helped"), sides, strict=True)
        },
        "limits": {
            "answered": limits[0],
            "row": row_limit(rows, crossed),
            "after": round(limits[0] + AFTER, 2),
            "helped": limits[1],
            "margin": MARGIN,
        },
        "at_limits": useful(rows, crossed, limits),
        "calibrated": {"auroc": auroc(sides[0], crossed[:, 0]), "auroc_helps": auroc(sides[1], crossed.max(1))},
    }


def across(numbers: NDArray[np.float64], yes: NDArray[np.bool_], guides: Sequence[str]) -> NDArray[np.float64]:
    """Return the probability of every row by a fit that saw no row of its guide."""
    found = np.zeros(len(yes))
    for known, unknown in GroupKFold(FOLDS).split(numbers, yes, guides):
        found[unknown] = fit(numbers[known], yes[known]).chances(numbers[unknown])
    return found


def row_limit(rows: Sequence[Seen], chances: NDArray[np.float64]) -> float:
    """Return the limit of *answered* where the row of a table answers: its neighbours look all alike."""
    tables = [place for place, row in enumerate(rows) if row.guide.startswith("rows")] or list(range(len(rows)))
    return lowest([rows[place] for place in tables], chances[tables], WRONG_ROW)


def lowest(rows: Sequence[Seen], chances: NDArray[np.float64], wrong: float) -> float:
    """Return the lowest limit of *answered* with at most the share ``wrong`` wrongly answered."""
    return next(one for one in GRID if useful(rows, chances, (one, one))["no_answered"] <= wrong)


def best_limits(rows: Sequence[Seen], chances: NDArray[np.float64]) -> tuple[float, float]:
    """Return the limits of the two probabilities.

    The lowest with at most ``WRONG`` wrongly answered, and the lowest nearly as useful as the best.
    """
    answered = lowest(rows, chances, WRONG)
    worth = {helped: useful(rows, chances, (answered, helped))["useful"] for helped in GRID}
    return answered, min(helped for helped in GRID if worth[helped] >= max(worth.values()) - SLACK)
