"""How long an answer takes, as multiples of one encoder pass plus one index look-up measured in the same run.

python bench/answer.py [--index DIR] [--questions FILE.jsonl] [--most N]

Without --index, corpus/ is published into .advisor/bench first.

Prints the median and 95th percentile of an answer with the query cache emptied before each question, the same
for a question asked again, the share of each stage, the memory of a serving process after the questions, and
the wall time of a cold `ask` against importing sentence-transformers. Run it on a quiet machine; ratios are
what to compare, since both sides of each are measured in one run.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from question_sets import ROOT, WORK, published

from advisor_bot import evaluate
from advisor_bot.assemble import advisor
from advisor_bot.errors import AdvisorError
from advisor_bot.retrieval.evidence import weigh
from advisor_bot.retrieval.question import read_question
from advisor_bot.retrieval.search import make_query, search
from advisor_bot.settings import Settings


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    found = work()
    return (time.perf_counter() - start) * 1000, found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--index", type=pathlib.Path, default=WORK / "guide")
    parser.add_argument("--questions", type=pathlib.Path, default=ROOT / "corpus" / evaluate.CASE_FILE)
    parser.add_argument("--most", type=int, default=100)
    args = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    settings = Settings(index=args.index)
    try:
        built = published("guide", ROOT / "corpus", WORK) if args.index == WORK / "guide" else advisor(settings)
        questions = [json.loads(line) for line in args.questions.open(encoding="utf-8")]
        with built.versions.lease():
            pass
    except (AdvisorError, OSError) as error:
        sys.exit(str(error))
    questions = [row["question"] for row in questions if not (row.get("history") or row.get("conversation"))]
    questions = questions[:: max(1, len(questions) // args.most)][: args.most]
    for question in questions[:5]:
        built.ask(question)
    fresh = [timed(lambda q=question: built.ask(q))[0] for question in questions[5:25]]
    built.warm()
    base, whole, again, stages = [], [], [], {"embed and read": [], "weigh": [], "the rest": []}
    with built.versions.lease() as index:
        for question in questions:
            index.encoder.forget_queries()
            encoding, vector = timed(lambda q=question: index.encoder.query(q))
            looking, _ = timed(lambda v=vector: index.dense(v, 20))
            base.append(encoding + looking)
            index.encoder.forget_queries()
            took, _ = timed(lambda q=question: built.ask(q))
            whole.append(took)
            again.append(timed(lambda q=question: built.ask(q))[0])
            index.encoder.forget_queries()
            read = read_question(question)
            reading, (query, passages) = timed(lambda r=read: _read(r, index, settings))
            weighing, _ = timed(lambda r=read, q=query, p=passages: weigh(r, q, p, index))
            stages["embed and read"].append(reading)
            stages["weigh"].append(weighing)
            stages["the rest"].append(max(0.0, took - reading - weighing))
    unit = statistics.median(base)
    print(f"{len(questions)} questions, {len(index.chunks)} passages in {len(index.documents)} documents")
    print(f"one encoder pass + one look-up: median {unit:.1f} ms, p95 {_p95(base):.1f} ms")
    for name, times in (("an answer", whole), ("asked again (vectors remembered)", again)):
        print(
            f"{name}: median {statistics.median(times):.1f} ms = {statistics.median(times) / unit:.1f} x, "
            f"p95 {_p95(times):.1f} ms = {_p95(times) / unit:.1f} x"
        )
    print(
        f"before the guide's sentences were read closely (a server does that when it opens a version): "
        f"median {statistics.median(fresh):.1f} ms = {statistics.median(fresh) / unit:.1f} x"
    )
    total = sum(map(sum, stages.values()))
    print("shares: " + ", ".join(f"{name} {sum(times) / total:.0%}" for name, times in stages.items()))
    print(f"memory of this process: {_resident()} MB")
    cold(args.index)


def _read(question: Any, index: Any, settings: Settings) -> tuple[Any, Any]:
    query = make_query(question, (), index)
    return query, search(query, index, k=8, budget=settings.read_chars)


def cold(index: pathlib.Path) -> None:
    """Time whole processes in turn, three times each, and compare the medians."""
    ask = [sys.executable, "-m", "advisor_bot", "ask", "Which specializations pay the most?", "--index", str(index)]
    load = [sys.executable, "-c", "import sentence_transformers"]
    times: dict[str, list[float]] = {"ask": [], "import": []}
    for _ in range(3):
        for name, command in (("ask", ask), ("import", load)):
            times[name].append(timed(lambda c=command: subprocess.run(c, check=True, capture_output=True))[0])
    a, b = statistics.median(times["ask"]), statistics.median(times["import"])
    print(f"cold ask {a / 1000:.2f} s, importing sentence-transformers {b / 1000:.2f} s: {a / b:.2f} x")


def _p95(values: list[float]) -> float:
    return sorted(values)[int(0.95 * (len(values) - 1))]


def _resident() -> int:
    status = pathlib.Path("/proc/self/status")
    if not status.exists():
        return 0
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) // 1024


if __name__ == "__main__":
    main()
