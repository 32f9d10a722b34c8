"""Fit the coefficients of the confidence and report how well it parts answerable questions from the others.

python bench/calibrate.py EVALDATA [--work DIR] [--again] [--write]

EVALDATA is a folder of question sets: SET/questions.jsonl (or abstain.jsonl) with SET/docs or SET/passages.jsonl.
Beside them stand the project's own cases and, under bench/guides, invented guides with cases. Every text is
published into DIR once. Half a of the own and the invented sets in ``FITTED`` and all of the public ones are fitted
together, both answers of a set weighing the same, sets by their weight; their halves b and the sets in ``CHECKED``
only check. AUROC is given as fitted, and with the set held out ("transfer"), next to the best cosine alone.
"""

from __future__ import annotations

import argparse
import datetime
import json
import pathlib
import warnings
from collections.abc import Callable

import numpy as np
from question_sets import ROOT, WORK, Row, own_rows, published, rows_of, texts_of

from advisor_bot import evaluate
from advisor_bot.answers.chain import Advisor
from advisor_bot.answers.evidence import weigh
from advisor_bot.retrieval.question import read_question
from advisor_bot.retrieval.search import make_query, search

DATA = ROOT / "src" / "advisor_bot" / "data" / "evidence.json"
GUIDES = ROOT / "bench" / "guides"
PUBLIC = {
    "squad2": ("squad2", "questions.jsonl"),
    "studentaid": ("doc2dial", "abstain.jsonl"),
    "mtrag": ("mtrag", "questions.jsonl"),
}
# Encyclopedia questions turned by one word are the hardest to tell: they weigh most. The student-aid pages have
# fifteen answerable questions: as heavy as the others, they would be learned by heart.
FITTED = {"guide": 4.0, "nursing": 2.0, "aid": 2.0, "campus": 2.0, "squad2": 16.0, "studentaid": 0.3, "mtrag": 12.0}
CHECKED = ("check", "law", "trades")
OWN = {
    "guide": (ROOT / "corpus", ROOT / "corpus" / "cases.jsonl"),
    "check": (ROOT / "corpus", ROOT / "bench" / "check.jsonl"),
    **{folder.name: (folder, folder / "cases.jsonl") for folder in sorted(GUIDES.iterdir()) if folder.is_dir()},
}


def rows_and_advisor(name: str, data: pathlib.Path, work: pathlib.Path) -> tuple[list[Row], Callable[[], Advisor]]:
    """Return the questions of a set and what opens its texts, published into WORK once."""
    if name in OWN:
        source, cases = OWN[name]
        return own_rows(cases), lambda: published("guide" if name == "check" else name, source, work)
    folder, file = PUBLIC[name]
    texts = texts_of(data / folder)
    source = texts / "studentaid" if name == "studentaid" else texts
    return rows_of(data / folder / file), lambda: published(name, source, work)


def signals_of(built: Advisor, rows: list[Row]) -> list[dict[str, float]]:
    found = []
    with built.versions.lease() as index:
        for row in rows:
            question = read_question(row.question)
            query = make_query(question, row.history, index)
            passages = search(query, index, k=8 + 4 * len(row.exclude))
            passages = [p for p in passages if not any(x.endswith(p.document) for x in row.exclude)][:8]
            chunks = [index.chunk_rows[index.row(name)] for passage in passages for name in passage.chunk_ids]
            signals = weigh(question, query, passages, index).signals
            found.append({**signals, "cosine": float(np.max(index.vectors[chunks] @ query.alone))})
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=pathlib.Path)
    parser.add_argument("--work", type=pathlib.Path, default=WORK)
    parser.add_argument("--again", action="store_true", help="measure the signals again after a change of the code")
    parser.add_argument("--write", action="store_true", help="write the coefficients into the package")
    args = parser.parse_args()
    warnings.filterwarnings("ignore")
    table = {}
    for name in (*FITTED, *CHECKED):
        rows, opened = rows_and_advisor(name, args.data, args.work)
        kept = args.work / f"{name}.signals.json"
        if kept.exists() and not args.again:
            table[name] = (rows, json.loads(kept.read_text()))
            continue
        table[name] = (rows, signals_of(opened(), rows))
        kept.write_text(json.dumps(table[name][1]))
        print(f"{name}: {len(rows)} questions", flush=True)
    names = sorted({key for _, found in table.values() for one in found for key in one} - {"cosine"})
    fit = fitted(table, names)
    report(table, names, fit)
    folds(table, names)
    if args.write:
        write(table, names, fit)


def matrix(found, names):
    return np.array([[one.get(name, 0.0) for name in names] for one in found])


def fitted(table, names, leave_out=""):
    """Return (weights, intercept) of a logistic regression, both answers of a set weighing the same."""
    from sklearn.linear_model import LogisticRegression

    inputs, y, w = [], [], []
    for name, (rows, found) in table.items():
        if name == leave_out or name not in FITTED:
            continue
        use = [i for i, row in enumerate(rows) if row.half == "a"]
        answers = np.array([rows[i].answerable for i in use])
        inputs.append(matrix([found[i] for i in use], names))
        y.append(answers)
        share = np.where(answers, answers.mean(), 1 - answers.mean())
        w.append(FITTED[name] / share / len(use))
    x, y, w = np.concatenate(inputs), np.concatenate(y), np.concatenate(w)
    w = w / w.mean()
    mean, spread = np.average(x, axis=0, weights=w), x.std(axis=0) + 1e-9
    model = LogisticRegression(C=0.1, max_iter=2000).fit((x - mean) / spread, y, sample_weight=w)
    weights = model.coef_[0] / spread
    return weights, float(model.intercept_[0] - (weights * mean).sum())


def chances(found, names, fit):
    return 1 / (1 + np.exp(-(matrix(found, names) @ fit[0] + fit[1])))


def report(table, names, fit):
    print(f"{'set':12} {'n':>5} {'cosine':>7} {'AUROC':>7} {'transfer':>9} {'at the limit':>13} {'best':>6}")
    limit = json.loads(DATA.read_text())["limits"]["partial"]
    for name, (rows, found) in table.items():
        away = fitted(table, names, leave_out=name)
        for half in ("a", "b") if name in OWN and name not in CHECKED else ("ab",):
            use = [i for i, row in enumerate(rows) if row.half in half]
            y = np.array([rows[i].answerable for i in use])
            part = [found[i] for i in use]
            p, q = chances(part, names, fit), chances(part, names, away)
            cosine = np.array([one.get("cosine", 0.0) for one in part])
            best = max(balanced(y, p, t) for t in np.linspace(0.05, 0.95, 91))
            label = f"{name} {half}" if len(half) == 1 else name
            print(
                f"{label:12} {len(use):5} {auroc(y, cosine):7.3f} {auroc(y, p):7.3f} {auroc(y, q):9.3f} "
                f"{balanced(y, p, limit):13.3f} {best:6.3f}"
            )


def folds(table, names, times=6, parts=5):
    """Print the mean AUROC of each set over questions that were left out of the fit, ``times`` random ways."""
    import dataclasses

    table = {name: values for name, values in table.items() if name in FITTED}
    found = {name: [] for name in table}
    for seed in range(times):
        drawn = {name: np.random.default_rng(seed).integers(0, parts, len(rows)) for name, (rows, _) in table.items()}
        chance = {name: np.zeros(len(rows)) for name, (rows, _) in table.items()}
        for part in range(parts):
            kept = {
                name: (
                    [
                        dataclasses.replace(r, half="b" if n == part else "a")
                        for r, n in zip(rows, drawn[name], strict=True)
                    ],
                    sig,
                )
                for name, (rows, sig) in table.items()
            }
            fit = fitted(kept, names)
            for name, (_, sig) in table.items():
                out = drawn[name] == part
                chance[name][out] = chances([one for one, is_out in zip(sig, out, strict=True) if is_out], names, fit)
        for name, (rows, _) in table.items():
            found[name].append(auroc(np.array([row.answerable for row in rows]), chance[name]))
    said = ", ".join(f"{name} {np.mean(values):.3f}" for name, values in found.items())
    print(f"AUROC on questions left out of the fit ({parts} folds, {times} ways): {said}")


def auroc(y, p):
    return evaluate.auroc(list(p[y]), list(p[~y])) or float("nan")


def balanced(y, p, limit):
    return (np.mean(p[y] >= limit) + np.mean(p[~y] < limit)) / 2


def write(table, names, fit):
    old = json.loads(DATA.read_text())
    found = {
        "fitted_on": "bench/calibrate.py: "
        + ", ".join(
            f"{name} ({sum(row.half == 'a' for row in rows)} questions)"
            for name, (rows, _) in table.items()
            if name in FITTED
        ),
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "intercept": round(fit[1], 4),
        "weights": {name: round(float(weight), 4) for name, weight in zip(names, fit[0], strict=True)},
        "limits": old["limits"],
    }
    DATA.write_text(json.dumps(found, indent=1) + "\n")
    print(f"wrote {DATA.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
