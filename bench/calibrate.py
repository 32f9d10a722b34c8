"""Fit the coefficients of the confidence and report how well it parts answerable questions from the others.

python bench/calibrate.py EVALDATA [--work DIR] [--sets guide squad2 …] [--write]

EVALDATA is a folder of question sets: SET/questions.jsonl (or abstain.jsonl) with SET/docs or SET/passages.jsonl.
Each set is published into DIR once. Half a of the project's own cases and all of the public sets are fitted
together, every set and both answers weighing the same; half b of the own cases only checks. AUROC on a public
set is given twice: with that set fitted, and with it held out ("transfer"), next to the best cosine alone.
"""

from __future__ import annotations

import argparse
import datetime
import json
import pathlib
import warnings
from dataclasses import dataclass

import numpy as np

from advisor_bot import evaluate, publish
from advisor_bot.answer import Advisor
from advisor_bot.assemble import advisor
from advisor_bot.evidence import score_sentences
from advisor_bot.question import read_question
from advisor_bot.retrieve import make_query, search
from advisor_bot.settings import Settings
from advisor_bot.signals import measure
from advisor_bot.types import Turn

ROOT = pathlib.Path(__file__).resolve().parents[1]
SETS = {
    "guide": (None, None),
    "squad2": ("squad2", "questions.jsonl"),
    "studentaid": ("doc2dial", "abstain.jsonl"),
    "mtrag": ("mtrag", "questions.jsonl"),
}


@dataclass
class Row:
    question: str
    history: tuple[Turn, ...]
    answerable: bool
    half: str
    exclude: tuple[str, ...] = ()


def rows_of(name: str, data: pathlib.Path) -> list[Row]:
    folder, file = SETS[name]
    if folder is None:
        cases = evaluate.read_cases(ROOT / "corpus" / "cases.jsonl")
        kept = [c for c in cases if c.expected != "chat" and "other-language" not in c.tags]
        return [Row(c.question, c.history, c.answerable, c.half) for c in kept]
    found = []
    for line in (data / folder / file).open(encoding="utf-8"):
        row = json.loads(line)
        if row["expected"] in ("clarify", "chat"):
            continue
        turns = tuple(Turn(turn["role"], turn["text"]) for turn in row["conversation"])
        exclude = tuple(row["meta"].get("exclude_docs") or ())
        found.append(Row(row["question"], turns, row["answerable"], "a", exclude))
    return found


def published(name: str, data: pathlib.Path, work: pathlib.Path) -> Advisor:
    """Publish the texts of a set into WORK/SET once, and open it."""
    settings = Settings(index=work / name)
    if not (work / name / "LIVE").exists():
        folder, _ = SETS[name]
        source = ROOT / "corpus" if folder is None else data / folder / "docs"
        if name == "studentaid":
            source = source / "studentaid"
        if not source.exists():
            source = as_files(data / folder / "passages.jsonl", work / f"{name}-docs")
        print(f"publishing {source.name} for {name}", flush=True)
        publish.publish(publish.read_guide([source], settings).documents, settings)
    return advisor(settings)


def as_files(passages: pathlib.Path, folder: pathlib.Path) -> pathlib.Path:
    folder.mkdir(parents=True, exist_ok=True)
    for line in passages.open(encoding="utf-8"):
        row = json.loads(line)
        heading = f"# {row['title']}\n\n" if row.get("title") else ""
        (folder / f"{row['id']}.md").write_text(heading + row["text"], encoding="utf-8")
    return folder


def signals_of(built: Advisor, rows: list[Row]) -> list[dict[str, float]]:
    found = []
    with built.library.lease() as index:
        glossary = built.glossary(index)
        for row in rows:
            question = read_question(row.question)
            query = make_query(question.text, row.history, index, glossary, built.encoder)
            passages = search(query, index, k=8 + 4 * len(row.exclude))
            passages = [p for p in passages if not any(x.endswith(p.document) for x in row.exclude)][:8]
            sentences = score_sentences(query, passages, index)
            found.append(measure(question, query, passages, sentences, index, glossary, built.encoder))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=pathlib.Path)
    parser.add_argument("--work", type=pathlib.Path, default=ROOT / ".advisor" / "bench")
    parser.add_argument("--sets", nargs="+", default=list(SETS), choices=list(SETS))
    parser.add_argument("--again", action="store_true", help="measure the signals again after a change of the code")
    parser.add_argument("--write", action="store_true", help="write the coefficients into the package")
    args = parser.parse_args()
    warnings.filterwarnings("ignore")
    table = {}
    for name in args.sets:
        rows = rows_of(name, args.data)
        kept = args.work / f"{name}.signals.json"
        if kept.exists() and not args.again:
            table[name] = (rows, json.loads(kept.read_text()))
            continue
        table[name] = (rows, signals_of(published(name, args.data, args.work), rows))
        kept.write_text(json.dumps(table[name][1]))
        print(f"{name}: {len(rows)} questions", flush=True)
    names = sorted({key for _, found in table.values() for one in found for key in one})
    fit = fitted(table, names)
    report(table, names, fit)
    if args.write:
        write(table, names, fit)


def matrix(found, names):
    return np.array([[one.get(name, 0.0) for name in names] for one in found])


def fitted(table, names, leave_out=""):
    """Return (weights, intercept) of a logistic regression, every set and both answers weighing the same."""
    from sklearn.linear_model import LogisticRegression

    inputs, y, w = [], [], []
    for name, (rows, found) in table.items():
        if name == leave_out:
            continue
        use = [i for i, row in enumerate(rows) if row.half == "a"]
        answers = np.array([rows[i].answerable for i in use])
        inputs.append(matrix([found[i] for i in use], names))
        y.append(answers)
        share = np.where(answers, answers.mean(), 1 - answers.mean())
        heavy = 2.0 if name == "guide" else 1.0
        w.append(heavy / share / len(use))
    x, y, w = np.concatenate(inputs), np.concatenate(y), np.concatenate(w)
    w = w / w.mean()
    mean, spread = np.average(x, axis=0, weights=w), x.std(axis=0) + 1e-9
    model = LogisticRegression(C=0.1, max_iter=2000).fit((x - mean) / spread, y, sample_weight=w)
    weights = model.coef_[0] / spread
    return weights, float(model.intercept_[0] - (weights * mean).sum())


def chances(found, names, fit):
    return 1 / (1 + np.exp(-(matrix(found, names) @ fit[0] + fit[1])))


def report(table, names, fit):
    print(f"{'set':12} {'n':>5} {'cosine':>7} {'AUROC':>7} {'transfer':>9} {'balanced at .5':>15} {'best':>6}")
    for name, (rows, found) in table.items():
        away = fitted(table, names, leave_out=name) if len(table) > 1 else fit
        for half in ("a", "b") if name == "guide" else ("a",):
            use = [i for i, row in enumerate(rows) if row.half == half]
            y = np.array([rows[i].answerable for i in use])
            part = [found[i] for i in use]
            p, q = chances(part, names, fit), chances(part, names, away)
            cosine = np.array([one.get("context", 0.0) for one in part])
            best = max(balanced(y, p, t) for t in np.linspace(0.05, 0.95, 91))
            label = f"{name} {half}" if name == "guide" else name
            print(
                f"{label:12} {len(use):5} {auroc(y, cosine):7.3f} {auroc(y, p):7.3f} {auroc(y, q):9.3f} "
                f"{balanced(y, p, 0.5):15.3f} {best:6.3f}"
            )


def auroc(y, p):
    return evaluate.auroc(list(p[y]), list(p[~y]))


def balanced(y, p, limit):
    return (np.mean(p[y] >= limit) + np.mean(p[~y] < limit)) / 2


def write(table, names, fit):
    path = ROOT / "src" / "advisor_bot" / "data" / "evidence.json"
    old = json.loads(path.read_text())
    found = {
        "fitted_on": "bench/calibrate.py: "
        + ", ".join(f"{name} ({sum(row.half == 'a' for row in rows)} questions)" for name, (rows, _) in table.items()),
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "intercept": round(fit[1], 4),
        "weights": {name: round(float(weight), 4) for name, weight in zip(names, fit[0], strict=True)},
        "limits": old["limits"],
    }
    path.write_text(json.dumps(found, indent=1) + "\n")
    print(f"wrote {path.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
