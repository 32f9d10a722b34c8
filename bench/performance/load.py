"""How many questions a second one server bears, and what happens past that.

Open loop: questions come when they come (at random, at a mean rate), whether or not the ones before are answered, as
visitors do; so a server that falls behind is seen to fall behind. The visitors run on the same machine, in this
process, and take their share of its cores; the share is told.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httpx

from performance.common import ROOT, Figures, Sizes, handles, megabytes, published, questions, say, serving, spread

BEARABLE = 1_000  # ms to the first sentence, for 95 in 100
KEPT = 0.9  # of the questions a second that come, the least that must be answered
STEP = 1.4


@dataclass
class Tally:
    """Milliseconds to the first sentence and to the whole answer, and what went wrong."""

    first: list[float] = field(default_factory=list)
    whole: list[float] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)
    ended: float = 0.0

    def figures(self) -> Figures:
        return {"first": spread(self.first), "whole": spread(self.whole), "errors": dict(self.errors)}


def measure(sizes: Sizes) -> Figures:
    index = published("guide", ROOT / "corpus")
    seconds = 4.0 if sizes.quick else 12.0
    with serving(index) as (url, pid):
        visits = Visits(url, questions())
        httpx.get(url, timeout=120).raise_for_status()  # the page is drawn: nothing is loaded any more
        asyncio.run(visits.rate(2, 6))
        steps, knee = climb(visits, seconds, 4 if sizes.quick else 12)
        calm = max(1.0, knee / 2)
        bad = asyncio.run(among_bad(visits, calm, seconds))
        bad["handles before and after"] = settled(pid)
        run = long_run(visits, pid, sizes.asks)
    return {"steps": steps, "knee": knee, "seconds a step": seconds, "bad connections": bad, "long run": run}


def climb(visits: Visits, seconds: float, most: int) -> tuple[list[Figures], float]:
    """Raise the rate until it is not borne twice; return every step, and the highest rate that was borne."""
    steps: list[Figures] = []
    rate, knee, failed = 4.0, 0.0, 0
    while len(steps) < most:
        found = asyncio.run(visits.rate(rate, seconds))
        steps.append(found)
        borne = not found["errors"] and found["first"]["p95"] <= BEARABLE and found["answered"] >= KEPT * found["came"]
        first, errors = found["first"], sum(found["errors"].values())
        say(
            f"{found['came']:.1f} questions a second: {found['answered']:.1f} answered, first sentence after "
            f"{first['median']:.0f} ms, 95 % {first['p95']:.0f}, errors {errors}"
        )
        if borne:
            knee, rate, failed = found["came"], rate * STEP, 0
        elif failed:
            break
        else:
            failed = 1
    return steps, knee


class Visits:
    """Visitors of one server."""

    def __init__(self, url: str, asked: list[str]) -> None:
        self.url, self.asked = url, asked
        self.chance = random.Random(20)

    async def rate(self, rate: float, seconds: float) -> Figures:
        """Send questions for so many seconds at a mean rate; return what came of them."""
        tally, coming, busy = Tally(), [], time.process_time()
        began = time.perf_counter()
        async with self.client() as client:
            due = began
            while (due := due + self.chance.expovariate(rate)) < began + seconds:
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                coming.append(asyncio.create_task(self.ask(client, tally, due)))
            await asyncio.gather(*coming)
        took = max(tally.ended - began, seconds)
        share = (time.process_time() - busy) / (time.perf_counter() - began)
        return {
            **tally.figures(),
            "came": len(coming) / seconds,
            "answered": len(tally.whole) / took,
            "visitors' share of a core": share,
        }

    def client(self) -> httpx.AsyncClient:
        # A browser opens a connection anew where the server has closed an idle one; this client would report it.
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=None, keepalive_expiry=2)
        return httpx.AsyncClient(base_url=self.url, timeout=60, limits=limits)

    async def ask(self, client: httpx.AsyncClient, tally: Tally, due: float) -> None:
        """Ask one question and read the stream to its end; ``due`` is when it should have been sent."""
        first, kind = 0.0, ""
        try:
            body = {"question": self.chance.choice(self.asked), "history": []}
            async with client.stream("POST", "/api/ask/stream", json=body) as response:
                response.raise_for_status()
                async for line in response.aiter_lines():
                    if line.startswith("event: "):
                        kind = line.removeprefix("event: ")
                        first = first or (time.perf_counter() if kind == "delta" else 0.0)
            if kind != "answer":
                tally.errors[f"the stream ended with {kind or 'nothing'}"] += 1
                return
        except httpx.HTTPError as error:
            tally.errors[str(error) or type(error).__name__] += 1
            return
        tally.ended = time.perf_counter()
        tally.first.append(((first or tally.ended) - due) * 1000)
        tally.whole.append((tally.ended - due) * 1000)


# --- slow and dropped connections ------------------------------------------------------------------------------


async def among_bad(visits: Visits, rate: float, seconds: float) -> Figures:
    """Ask at a rate that is borne well, alone and then among connections that are slow or dropped."""
    alone = await visits.rate(rate, seconds)
    stop = asyncio.Event()
    bad = [asyncio.create_task(one(visits, stop)) for one in (never_asks, reads_slowly, goes_away) for _ in range(20)]
    among = await visits.rate(rate, seconds)
    stop.set()
    await asyncio.gather(*bad)
    say(f"first sentence, 95 %: alone {alone['first']['p95']:.0f} ms, among 60 bad ones {among['first']['p95']:.0f} ms")
    return {"alone": alone, "among": among}


async def dialled(visits: Visits) -> tuple[asyncio.StreamReader, asyncio.StreamWriter, bytes]:
    """Open a connection; return it with a question as it goes over the wire."""
    host = urlsplit(visits.url)
    reader, writer = await asyncio.open_connection(host.hostname, host.port, limit=1024)
    body = b'{"question": "Which specializations pay the most?", "history": []}'
    head = f"POST /api/ask/stream HTTP/1.1\r\nHost: {host.netloc}\r\nContent-Type: application/json\r\n"
    return reader, writer, head.encode() + f"Content-Length: {len(body)}\r\n\r\n".encode() + body


async def never_asks(visits: Visits, stop: asyncio.Event) -> None:
    """Send half of the head, and nothing more."""
    _, writer, request = await dialled(visits)
    writer.write(request[:40])
    await stop.wait()
    writer.close()


async def reads_slowly(visits: Visits, stop: asyncio.Event) -> None:
    """Ask, and read ten bytes a second."""
    reader, writer, request = await dialled(visits)
    writer.write(request)
    while not stop.is_set():
        with suppress(ConnectionError):
            await reader.read(10)
        await asyncio.sleep(1)
    writer.close()


async def goes_away(visits: Visits, stop: asyncio.Event) -> None:
    """Ask and hang up at once, every ten seconds or so."""
    while not stop.is_set():
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), visits.chance.uniform(0, 20))
            return
        _, writer, request = await dialled(visits)
        writer.write(request)
        with suppress(ConnectionError):
            await writer.drain()
        writer.close()


def settled(pid: int) -> Figures:
    """Return how many files the server holds open now and after some rest."""
    now = handles(pid)
    time.sleep(6)
    return {"at once": now, "after 6 s": handles(pid)}


# --- a long run ------------------------------------------------------------------------------------------------


def long_run(visits: Visits, pid: int, asks: int) -> Figures:
    """Ask so many questions, four at a time, and note the server's memory along the way."""
    points: list[tuple[int, float]] = []
    tally = asyncio.run(_many(visits, asks, lambda done: points.append((done, megabytes(pid)))))
    half = [memory for done, memory in points if done >= asks / 2]
    say(f"{asks} asks: {sum(tally.errors.values())} errors, memory {points[0][1]:.0f} to {points[-1][1]:.0f} MB")
    growth = (half[-1] - half[0]) if half else 0.0
    return {**tally.figures(), "asks": asks, "memory": points, "growth in the second half, MB": growth}


async def _many(visits: Visits, asks: int, note: Callable[[int], None]) -> Tally:
    tally, done = Tally(), 0
    every = max(1, asks // 100)

    async def visitor(client: httpx.AsyncClient) -> None:
        nonlocal done
        while done < asks:
            done += 1
            if done % every == 1 or every == 1:
                note(done)
            await visits.ask(client, tally, time.perf_counter())

    async with visits.client() as client:
        await asyncio.gather(*(visitor(client) for _ in range(4)))
    note(done)
    return tally
