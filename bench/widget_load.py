"""How many visitors of the widget one server bears: errors, and the time to the first checked sentence.

python bench/widget_load.py [--index DIR] [--visitors 100] [--every 15] [--seconds 300]
python bench/widget_load.py --knee [--seconds 45]

Starts the server as a process and sends it, over the loopback address, what the page in the frame sends: the guide once
for each visitor, then a question every so many seconds, streamed, with the conversation so far. Visitors begin spread
over one interval. ``--knee`` raises the number of visitors, by a half each time, until one in twenty waits more than a
second for the first sentence or something fails; the limit per address is off then, as all come from one.
The load is made on the same machine, so it takes its share of the processors.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import pathlib
import random
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx

ROOT = pathlib.Path(__file__).resolve().parents[1]
BEARABLE = 1.0  # seconds to the first sentence, for nineteen in twenty


@dataclass
class Tally:
    """What a run has seen: seconds to the first sentence and to the whole answer, and what went wrong."""

    first: list[float] = field(default_factory=list)
    whole: list[float] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)

    @property
    def slow(self) -> float:
        return statistics.quantiles(self.first, n=20)[-1] if len(self.first) > 1 else float("inf")

    def line(self, visitors: int) -> str:
        if len(self.first) < 2:
            return f"{visitors:5} visitors: {dict(self.errors)}"
        cuts = statistics.quantiles(self.first, n=100)
        first = f"first sentence {cuts[49] * 1000:.0f} ms, 95 % {cuts[94] * 1000:.0f}, 99 % {cuts[98] * 1000:.0f}"
        whole, errors = statistics.quantiles(self.whole, n=20)[-1] * 1000, f"{dict(self.errors)}" if self.errors else ""
        return (
            f"{visitors:5} visitors: {len(self.first):5} answers, {self.errors.total()} errors {errors}; "
            f"{first}, longest {max(self.first) * 1000:.0f}; whole answer 95 % {whole:.0f} ms"
        )


@contextmanager
def server(index: pathlib.Path, rate: str | None) -> Iterator[str]:
    environ = os.environ | ({"ADVISOR_RATE": rate} if rate is not None else {})
    command = [sys.executable, "app.py", "--port", "0", "--index", str(index)]
    with subprocess.Popen(command, cwd=ROOT, env=environ, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            yield process.stdout.readline().split()[2]
        finally:
            process.terminate()


async def visit(client: httpx.AsyncClient, questions: list[str], every: float, until: float, tally: Tally) -> None:
    """Be one visitor until the time is over."""
    choice = random.Random(id(client) + random.getrandbits(32))
    await asyncio.sleep(choice.uniform(0, every))
    history: list[dict[str, str]] = []
    try:
        (await client.get("/api/guide")).raise_for_status()
    except httpx.HTTPError as error:
        tally.errors[str(error) or type(error).__name__] += 1
    while time.perf_counter() < until:
        began = time.perf_counter()
        question = choice.choice(questions)
        try:
            answer = await ask(client, question, history, tally)
            history = [*history, {"role": "user", "text": question}, {"role": "assistant", "text": answer[:4000]}][-16:]
        except (httpx.HTTPError, ValueError) as error:
            tally.errors[str(error) or type(error).__name__] += 1
        await asyncio.sleep(max(0.0, every - (time.perf_counter() - began)))


async def ask(client: httpx.AsyncClient, question: str, history: list[dict[str, str]], tally: Tally) -> str:
    began, first, kind = time.perf_counter(), 0.0, ""
    body = {"question": question, "history": history}
    async with client.stream("POST", "/api/ask/stream", json=body) as response:
        if response.status_code != 200:
            raise ValueError(f"status {response.status_code}")
        async for line in response.aiter_lines():
            if line.startswith("event: "):
                kind = line.removeprefix("event: ")
                if kind == "delta" and not first:
                    first = time.perf_counter() - began
            elif kind == "answer" and line.startswith("data: "):
                tally.first.append(first or time.perf_counter() - began)
                tally.whole.append(time.perf_counter() - began)
                return str(json.loads(line.removeprefix("data: "))["text"])
    raise ValueError(f"the stream ended with {kind or 'nothing'}")


async def load(url: str, visitors: int, questions: list[str], every: float, seconds: float) -> Tally:
    tally = Tally()
    until = time.perf_counter() + seconds
    # A browser opens a connection anew when the server has closed an idle one (after five seconds); this client cannot.
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None, keepalive_expiry=2)
    async with httpx.AsyncClient(base_url=url, timeout=60, limits=limits) as client:
        await asyncio.gather(*(visit(client, questions, every, until, tally) for _ in range(visitors)))
    return tally


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--index", type=pathlib.Path, default=ROOT / ".advisor")
    parser.add_argument("--questions", type=pathlib.Path, default=ROOT / "corpus" / "cases.jsonl")
    parser.add_argument("--visitors", type=int, default=100)
    parser.add_argument("--every", type=float, default=15, help="seconds between one visitor's questions")
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--knee", action="store_true", help="raise the number of visitors until it is too many")
    args = parser.parse_args()
    rows = map(json.loads, args.questions.read_text(encoding="utf-8").splitlines())
    questions = [row["question"] for row in rows if row.get("question")]
    with server(args.index, "0" if args.knee else None) as url:
        asyncio.run(load(url, 5, questions, 1, 5))  # warm
        visitors = args.visitors
        while True:
            tally = asyncio.run(load(url, visitors, questions, args.every, args.seconds))
            print(tally.line(visitors), flush=True)
            if not args.knee or tally.errors or tally.slow > BEARABLE:
                return
            visitors += visitors // 2


if __name__ == "__main__":
    main()
