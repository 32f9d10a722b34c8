"""How long an answer takes, stage by stage, how that grows with the guide, and how it stands beside other programs."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from performance import generated
from performance.common import ROOT, WORK, Figures, Sizes, evenly, published, questions, say, spread
from performance.workers import Worker, install_others, working

OTHERS = ("newcomer", "txtai")
ENOUGH = 660  # seconds, after which no further guide is generated
MISSING = {
    "haiku-rag": "asks for Python 3.12 or newer",
    "raglite": "when first used, it fetches a model that splits sentences and extensions of DuckDB from the network",
}


def measure(sizes: Sizes) -> Figures:
    most, began = 15 if sizes.quick else 100, time.monotonic()
    guide = published("guide", ROOT / "corpus")
    asked = questions()
    found: Figures = {"guides": {"the project's guide": answers(guide, evenly(asked, most))}}
    found["beside"], found["missing"] = {}, dict(MISSING)
    docs = taken(ROOT / "corpus", 0)
    found["beside"]["the project's guide"] = beside(
        "guide", docs, guide, rows_of(asked[: 2 * most]), None, found["missing"]
    )
    found["left out"] = {}
    if sizes.data and (sizes.data / "doc2dial" / "docs").exists():
        with noted("doc2dial", found["left out"]):
            found["guides"] |= public(sizes, most, found)
    for size in sizes.passages:
        name = f"{size:,} generated passages"
        say(name)
        with noted(name, found["left out"]):
            index, made = generated.published(size, ENOUGH - (time.monotonic() - began))
            found["guides"][name] = answers(index, evenly(asked, most // 2)) | {"publishing": made}
    return found


@contextmanager
def noted(name: str, left_out: Figures) -> Iterator[None]:
    """Note why something could not be measured, and go on."""
    try:
        yield
    except (RuntimeError, OSError, ValueError, KeyError) as error:
        say(f"{name} is left out: {error}")
        left_out[name] = str(error)


def public(sizes: Sizes, most: int, found: Figures) -> Figures:
    """Measure on the public pages; put the comparison into ``found``."""
    assert sizes.data
    folder = sizes.data / "doc2dial"
    rows = [json.loads(line) for line in (folder / "questions.jsonl").open(encoding="utf-8")]
    rows = [row for row in rows if row.get("answerable", True) and row.get("gold")]
    name = "doc2dial"
    docs = folder / "docs"
    if sizes.quick:
        name, docs = "doc2dial-few", taken(folder / "docs", 12)
        kept = {path.relative_to(docs).as_posix() for path in docs.rglob("*") if path.is_file()}
        rows = [row for row in rows if all(gold.get("doc") in kept for gold in row["gold"])]
    index = published(name, docs)
    asked = [row["question"] for row in rows if not row.get("conversation")] or [row["question"] for row in rows]
    measured = {"doc2dial": answers(index, evenly(asked, most))}
    chosen = evenly(rows, 40 if sizes.quick else 300)
    scorer = sizes.data / "score_search.py"
    found["beside"]["doc2dial"] = beside(name, docs, index, chosen, scorer, found["missing"])
    return measured


def rows_of(asked: Sequence[str]) -> list[dict[str, Any]]:
    return [{"id": str(number), "question": question} for number, question in enumerate(asked)]


def taken(docs: Path, files: int) -> Path:
    """Return a folder with the first so many text files of ``docs`` (0: all), and nothing else."""
    target = WORK / f"docs-{docs.name}-{files}"
    every = sorted(path for path in docs.rglob("*") if path.suffix in (".md", ".txt"))
    shutil.rmtree(target, ignore_errors=True)
    for path in every[: files or None]:
        copy = target / path.relative_to(docs)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copy)
    return target


def answers(index: Path, asked: list[str]) -> Figures:
    """Return the times of the stages, of whole answers and of what one encoder pass and one look-up take."""
    with working("ours", index) as ours:
        for question in asked[:3]:
            ours.ask(do="answer", question=question)
        rows = [ours.ask(do="answer", question=question) for question in asked]
        memory = {"opened": ours.ready["memory"], "after": rows[-1]["memory"]}
        size = {name: ours.ready[name] for name in ("passages", "sentences")} | {"disk, MB": on_disk(index)}
    unit = [row["encoder pass"] + row["look-up"] for row in rows]
    simple = ("encoder pass", "look-up", "whole", "again")
    figures = {name: spread([row[name] for row in rows]) for name in simple}
    stages = {name: spread([row["stages"][name] for row in rows]) for name in rows[0]["stages"]}
    base = spread(unit)
    ratio = {name: figures[name]["median"] / base["median"] for name in ("whole", "again")}
    return {**size, **figures, "unit": base, "stages": stages, "ratio": ratio, "memory": memory}


def on_disk(index: Path) -> float:
    """Return the size of the live version."""
    live = index / "versions" / (index / "LIVE").read_text("utf-8").strip()
    return sum(file.stat().st_size for file in live.rglob("*") if file.is_file()) / 1e6


def beside(
    name: str, docs: Path, index: Path, rows: list[dict[str, Any]], scorer: Path | None, missing: Figures
) -> Figures:
    """Ask ours and the others in turn, a question at a time; return times and, with a scorer, how much they found."""
    with ExitStack() as stack:
        workers = [stack.enter_context(working("ours", index))]
        for other in OTHERS:
            say(f"{other} on {name}")
            try:
                install_others()
                workers.append(stack.enter_context(working(other, docs, WORK / f"{other}-{name}")))
            except RuntimeError as error:
                missing[other] = str(error)
        for row in rows[:3]:
            for worker in workers:
                worker.ask(do="search", question=row["question"])
        say(f"asking {len(rows)} questions of each")
        replies: dict[str, list[Figures]] = {worker.name: [] for worker in workers}
        for number, row in enumerate(rows):
            for worker in turned(workers, number):
                replies[worker.name].append({"id": row["id"], **worker.ask(do="search", question=row["question"])})
        ready = {worker.name: worker.ready for worker in workers}
    found = {name: ready[name] | spread([reply["ms"] for reply in said]) for name, said in replies.items()}
    for name, said in replies.items():
        found[name]["times ours"] = found[name]["median"] / found["ours"]["median"]
        if scorer:
            found[name] |= scored(rows, said, scorer)
    return found


def turned(workers: list[Worker], number: int) -> list[Worker]:
    """Return the workers with another one first each time."""
    first = number % len(workers)
    return workers[first:] + workers[:first]


def scored(rows: list[dict[str, Any]], said: list[Figures], scorer: Path) -> Figures:
    """Let the scorer of the data judge what the first 2,000 characters read hold of what answers."""
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        lines = [json.dumps({"answerable": True, **row}) + "\n" for row in rows]
        (place / "questions.jsonl").write_text("".join(lines), encoding="utf-8")
        keys = ("document", "start", "end")
        replies = [
            {"id": one["id"], "passages": [dict(zip(keys, p, strict=True)) for p in one["passages"]]} for one in said
        ]
        (place / "found.jsonl").write_text("".join(json.dumps(one) + "\n" for one in replies), encoding="utf-8")
        command = [sys.executable, str(scorer), str(place), str(place / "found.jsonl")]
        done = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return {name: done[name] for name in ("coverage", "hit", "mrr")}
