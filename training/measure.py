"""How well encoder and reader tell what a guide answers, on guides they have not seen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from data import Guide, Question
from model import Reader, Upper, whole
from numpy.typing import NDArray
from torch import Tensor, nn

READ = 24  # sentences read for a question, the nearest by vector
SHOWN = 3  # of them shown at most


@dataclass(frozen=True, slots=True)
class Seen:
    """What the reader said of a question.

    ``numbers`` are the 11 of the whole. ``by_answers``, ``by_helps``: of the sentences read, best first by that score,
    whether each is among those wanted: what answers, and where nothing does, what helps.
    """

    guide: str
    question: Question
    numbers: NDArray[np.float64]
    by_answers: NDArray[np.bool_]
    by_helps: NDArray[np.bool_]


@torch.no_grad()
def seen(upper: Upper, reader: Reader, guides: Sequence[Guide]) -> list[Seen]:
    """Ask every question of its own guide."""
    upper.eval()
    reader.eval()
    found: list[Seen] = []
    for guide in guides:
        pv, p, pm = states_of(upper, guide.sentences)
        qv, q, qm = states_of(upper, guide.asked)
        for row, question in enumerate(guide.questions):
            near = (pv @ qv[row]).topk(min(READ, len(pv))).indices
            size, one = int(qm[row].sum()), slice(row, row + 1)
            read = reader(q[one, :size], qm[one, :size], p[near][None], pm[near][None], qv[one], pv[near][None])
            numbers = whole(read, (pv[near] @ qv[row])[None])[0].double().numpy()
            order = read.scores[0].argsort(0, descending=True)
            wanted = torch.isin(near, torch.tensor(question.best or question.help))
            found.append(Seen(guide.name, question, numbers, *(wanted[order[:, kind]].numpy() for kind in (0, 1))))
    return found


def states_of(upper: Upper, texts: Sequence[Tensor]) -> tuple[Tensor, Tensor, Tensor]:
    """Return vectors, narrow states as they are stored, and mask of texts, given their states below the layers."""
    x = nn.utils.rnn.pad_sequence([one.float() for one in texts], batch_first=True)
    there = torch.arange(x.shape[1])[None] < torch.tensor([len(one) for one in texts])[:, None]
    vectors, states = upper(x, there, there)
    scale = (states.abs().amax(-1, keepdim=True) / 127 + 1e-8).half().float()
    return vectors, (states / scale).round() * scale, there


def figures(rows: Sequence[Seen]) -> dict[str, float]:
    """Return what needs no calibration: AUROC of both verdicts, and of the best cosine; how high the answer ranks."""
    answered, helped = verdicts(rows)
    numbers = np.array([row.numbers for row in rows])
    ranks = [row.by_answers for row in rows if row.question.best]
    return {
        "n": len(rows),
        "auroc": auroc(answered, numbers[:, 0]),
        "auroc_helps": auroc(helped, numbers[:, 1]),
        "cosine": auroc(answered, numbers[:, 6]),
        "cosine_helps": auroc(helped, numbers[:, 6]),
        **{f"in{count}": mean(float(line[:count].any()) for line in ranks) for count in (1, 3, 10)},
    }


def useful(rows: Sequence[Seen], chances: NDArray[np.float64], limits: tuple[float, float]) -> dict[str, float]:
    """Return how useful ``SHOWN`` sentences and a status would be, of the probabilities (rows, 2) and their limits.

    Worth, mean over questions, as in ``bench/voices.py``: right sentences under the right status 1, an answer where
    there is none -1.
    """
    status = statuses(chances, limits)
    shown = [
        bool((row.by_answers if state == "answered" else row.by_helps)[:SHOWN].any())
        for row, state in zip(rows, status, strict=True)
    ]
    of = np.array([row.question.verdict for row in rows])
    right = np.array(shown) & (status != "refused")
    return {
        "useful": mean(map(_worth, of, status, shown)),
        "shown": mean(right[of == "answered"]),
        "answered": mean(status[of == "answered"] == "answered"),
        "refused": mean(status[of == "answered"] == "refused"),
        "no_answered": mean(status[of == "no"] == "answered"),
        "no_partial": mean(status[of == "no"] == "partial"),
        "partial_shown": mean(right[of == "partial"]),
    }


def statuses(chances: NDArray[np.float64], limits: tuple[float, float]) -> NDArray[np.str_]:
    """Return the status of each row of probabilities: answered, partial or refused."""
    return np.where(chances[:, 0] >= limits[0], "answered", np.where(chances.max(1) >= limits[1], "partial", "refused"))


def _worth(verdict: str, status: str, right: bool) -> float:
    if verdict == "answered":
        return {"answered": 1.0, "partial": 0.7}.get(status, 0.0) if right else 0.0
    if verdict == "partial":
        return {"answered": 0.5 * right, "partial": 1.0 if right else 0.3, "refused": 0.2}[status]
    return {"answered": -1.0, "partial": 0.3, "refused": 1.0}[status]


def verdicts(rows: Sequence[Seen]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which questions are answered, and which are helped with."""
    of = np.array([row.question.verdict for row in rows])
    return of == "answered", of != "no"


def auroc(yes: NDArray[np.bool_], score: NDArray[np.float64]) -> float:
    """Return how often a yes scores above a no."""
    high, low = score[yes][:, None], score[~yes]
    return mean((high > low) + 0.5 * (high == low))


def mean(of: NDArray[Any] | Iterable[float]) -> float:
    """Return a mean, rounded for reading; 0 of nothing."""
    values = of if isinstance(of, np.ndarray) else np.array(list(of))
    return round(float(values.mean()), 3) if values.size else 0.0
