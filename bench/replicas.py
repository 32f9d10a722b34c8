"""Two servers past one machine: what visitors notice when one dies, when Chroma dies, and when a guide is published.

python bench/replicas.py [--visitors 20] [--every 2] [--seconds 90]

Starts, all on the loopback address: a Chroma server, PostgreSQL for the journal, Redis for the limits, two servers of
the guide with caches of their own, and nginx with deploy/nginx.conf (HTTP/2, TLS). Visitors with an address each ask
through nginx, every other question streamed. Meanwhile a guide is published, a server is killed and started again, so
are Chroma and Redis, and the guide is rolled back. An ask that fails is asked once more, a second later. Needs the
Debian packages nginx, postgresql and redis-server, openssl, and h2 (in the extra `dev`).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import chromadb
import httpx
from sqlalchemy import create_engine, func, select

from advisor_bot.index.server import LOG
from advisor_bot.journal.tables import questions

ROOT = Path(__file__).resolve().parents[1]
QUESTIONS = (
    "What jobs can I get after specializing in computer vision?",
    "Which specializations pay best?",
    "Do I need a PhD for research?",
    "How much maths does natural language processing need?",
    "Is robotics hard to get into?",
)
SBIN = f"/usr/sbin:{os.environ['PATH']}"


def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


class Program:
    """A process of ours: started, killed by its own id, started again; up once its port takes connections."""

    def __init__(self, name: str, command: list[str], listens: int, log: Path, **environ: str) -> None:
        self.name, self.command, self.listens, self.log, self.environ = name, command, listens, log, environ
        self.start()

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command, env=os.environ | self.environ, stdout=log, stderr=log, cwd=ROOT
            )

    def up(self) -> Program:
        until(self.listening, f"{self.name} (see {self.log})")
        return self

    def listening(self) -> bool:
        if self.process.poll() is not None:
            raise SystemExit(f"{self.name} ended: {self.log.read_text()[-2000:]}")
        with socket.socket() as trying:
            return not trying.connect_ex(("127.0.0.1", self.listens))

    def kill(self, how: signal.Signals = signal.SIGKILL) -> None:
        self.process.send_signal(how)
        self.process.wait()


def until(true: Callable[[], object], what: str, seconds: float = 240) -> None:
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            raise SystemExit(f"{what}: not within {seconds:.0f} s")
        time.sleep(0.02)


@dataclass
class Seen:
    """What visitors saw: seconds of each answer, what failed at first, what failed twice, what was going on then."""

    took: list[float] = field(default_factory=list)
    first: Counter[str] = field(default_factory=Counter)
    twice: Counter[str] = field(default_factory=Counter)
    versions: Counter[str] = field(default_factory=Counter)
    phase: str = "all well"
    over: bool = False


async def ask(client: httpx.AsyncClient, question: str, *, streamed: bool, seen: Seen) -> None:
    """Ask once. Raises ``ValueError`` that says what a visitor would have seen instead of an answer."""
    began = time.perf_counter()
    response = await client.post(f"/api/ask{'/stream' if streamed else ''}", json={"question": question})
    text = response.text
    if response.status_code != 200:
        raise ValueError(f"{response.status_code}")
    if streamed:
        found = re.search(r"event: answer\r?\ndata: (.*)", text)
        if not found:
            raise ValueError("a stream that broke off")
        text = found[1]
    answer = json.loads(text)
    if not answer["citations"]:
        raise ValueError("an answer without a quote")
    seen.took.append(time.perf_counter() - began)
    seen.versions[answer["guide_version"]] += 1


async def visitor(number: int, address: str, every: float, seen: Seen) -> None:
    transport = httpx.AsyncHTTPTransport(http2=True, verify=False, local_address=f"127.0.1.{number + 1}")
    async with httpx.AsyncClient(transport=transport, base_url=address, timeout=60) as client:
        await asyncio.sleep(every * (number % 20) / 20)
        turn = number
        while not seen.over:
            question, turn = QUESTIONS[turn % len(QUESTIONS)], turn + 1
            for tries in (seen.first, seen.twice):
                try:
                    await ask(client, question, streamed=turn % 2 == 0, seen=seen)
                    break
                except (httpx.HTTPError, ValueError) as error:
                    tries[f"{seen.phase}: {str(error) or type(error).__name__}"] += 1
                    await asyncio.sleep(1)
            await asyncio.sleep(every)


@contextmanager
def postgresql(folder: Path) -> Iterator[str]:
    bins = [*map(str, sorted(Path("/usr/lib/postgresql").glob("*/bin"))), os.environ["PATH"]]
    found = shutil.which("initdb", path=os.pathsep.join(bins))
    if not found:
        raise SystemExit("PostgreSQL is not installed (Debian: postgresql).")
    place, data, at = Path(found).parent, folder / "postgres", port()
    data.mkdir()
    folder.chmod(0o755)
    user = ["runuser", "-u", "postgres", "--"] if not os.geteuid() else []  # it refuses to run as root
    if user:
        shutil.chown(data, "postgres")

    def run(name: str, *arguments: str) -> None:
        subprocess.run([*user, str(place / name), *arguments], check=True, stdout=subprocess.DEVNULL, cwd="/")

    run("initdb", "-D", str(data), "-A", "trust", "-U", "owner")
    options = f"-p {at} -k {data} -c listen_addresses=127.0.0.1"
    run("pg_ctl", "-D", str(data), "-o", options, "-l", str(data / "log"), "-w", "start")
    try:
        yield f"postgresql+psycopg://owner@127.0.0.1:{at}/postgres"
    finally:
        run("pg_ctl", "-D", str(data), "-m", "immediate", "-w", "stop")


def nginx_of(folder: Path, ports: list[int], at: int) -> Program:
    """Start nginx with deploy/nginx.conf, only its addresses changed."""
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-days", "1",
         "-keyout", str(folder / "tls.key"), "-out", str(folder / "tls.crt")],
        check=True, capture_output=True,
    )  # fmt: skip
    text = (ROOT / "deploy" / "nginx.conf").read_text().replace("/etc/nginx/tls", str(folder))
    text = re.sub(r"advisor-([12]):7860", lambda found: f"127.0.0.1:{ports[int(found[1]) - 1]}", text)
    text = text.replace("listen 443", f"listen 127.0.0.1:{at}").replace("listen 80;", f"listen 127.0.0.1:{port()};")
    (folder / "nginx.conf").write_text(text)
    program = shutil.which("nginx", path=SBIN)
    if not program:
        raise SystemExit("nginx is not installed (Debian: nginx).")
    own = f"daemon off; pid {folder}/nginx.pid; error_log {folder}/nginx.errors;"
    return Program("nginx", [program, "-c", str(folder / "nginx.conf"), "-g", own], at, folder / "nginx.log")


@dataclass
class Setup:
    """Everything that runs."""

    chroma: Program
    redis: Program
    replicas: list[Program]
    address: str
    journal: str
    index: str
    corpus: Path
    publisher: dict[str, str]

    def ingest(self, *arguments: str) -> None:
        command = [sys.executable, "ingest.py", *arguments, "--index", self.index]
        subprocess.run(command, cwd=ROOT, env=os.environ | self.publisher, check=True, stdout=subprocess.DEVNULL)

    def swapped(self, change: Callable[[], None]) -> list[float]:
        """Make a change go live; return how many seconds after its record each replica answered from it."""
        log = chromadb.HttpClient("127.0.0.1", self.chroma.listens).get_or_create_collection(
            LOG, embedding_function=None
        )
        before, versions = log.count(), [self.version(one) for one in self.replicas]
        changing = threading.Thread(target=change)
        changing.start()
        until(lambda: log.count() > before, "a new record")
        began, waiting, took = time.monotonic(), dict(enumerate(versions)), {}
        while waiting:
            for number, old in list(waiting.items()):
                if self.version(self.replicas[number]) != old:
                    took[number] = time.monotonic() - began
                    del waiting[number]
            if time.monotonic() - began > 60:
                raise SystemExit("a replica did not swap within a minute")
            time.sleep(0.02)
        changing.join()
        return [took[number] for number in sorted(took)]

    def version(self, replica: Program) -> str:
        return str(httpx.get(f"http://127.0.0.1:{replica.listens}/api/guide", timeout=30).json()["version"])


@contextmanager
def everything(folder: Path) -> Iterator[Setup]:
    with ExitStack() as stack:

        def started(name: str, command: list[str], at: int, **environ: str) -> Program:
            program = Program(name, command, at, folder / f"{name}.log", **environ)
            stack.callback(program.kill, signal.SIGTERM)
            return program

        chroma_port, redis_port, ports, at = port(), port(), [port(), port()], port()
        index = f"http://127.0.0.1:{chroma_port}"
        chroma = [str(Path(sys.executable).with_name("chroma")), "run", "--path", str(folder / "chroma")]
        chroma_server = started(
            "chroma", [*chroma, "--host", "127.0.0.1", "--port", str(chroma_port)], chroma_port
        ).up()
        redis = ["redis-server", "--bind", "127.0.0.1", "--port", str(redis_port), "--save", ""]
        redis_server = started("redis", redis, redis_port).up()
        journal = stack.enter_context(postgresql(folder))
        corpus = Path(shutil.copytree(ROOT / "corpus", folder / "corpus"))
        shared = {"ADVISOR_JOURNAL": journal, "ADVISOR_LIMITS": f"redis://127.0.0.1:{redis_port}"}
        shared |= {"ADVISOR_TRUSTED_PROXIES": "127.0.0.1", "ADVISOR_INDEX": index}
        publisher = {"ADVISOR_CACHE": str(folder / "publisher")}
        setup = Setup(chroma_server, redis_server, [], f"https://127.0.0.1:{at}", journal, index, corpus, publisher)
        setup.ingest(str(corpus))
        say(f"published on {index}")
        for number, listens in enumerate(ports, 1):
            cache = folder / f"replica-{number}"
            cache.mkdir()
            (cache / "encoders").symlink_to(folder / "publisher" / "encoders")  # made once a machine
            own = shared | {"ADVISOR_CACHE": str(cache)}
            command = [sys.executable, "app.py", "--port", str(listens)]
            setup.replicas.append(started(f"replica-{number}", command, listens, **own))
        for replica in setup.replicas:
            replica.up()
            until(lambda replica=replica: is_ready(replica), f"{replica.name}")  # type: ignore[misc]
        nginx = nginx_of(folder, ports, at).up()
        stack.callback(nginx.kill, signal.SIGTERM)
        yield setup


def is_ready(replica: Program) -> bool:
    if replica.process.poll() is not None:
        raise SystemExit(f"{replica.name} ended: {replica.log.read_text()[-2000:]}")
    try:
        return httpx.get(f"http://127.0.0.1:{replica.listens}/ready", timeout=30).status_code == 200
    except httpx.HTTPError:
        return False


def events(setup: Setup, seen: Seen, seconds: float) -> Iterator[str]:
    """Do one thing after the other to what runs, an eighth of the time apart; yield what came of each."""
    began, turns = time.monotonic(), iter(range(1, 9))

    def wait(phase: str) -> None:
        time.sleep(max(0.0, began + next(turns) * seconds / 9 - time.monotonic()))
        seen.phase = phase

    def killed(program: Program, away: float) -> str:
        program.kill()
        time.sleep(away)
        program.start()
        program.up()
        return f"{program.name} killed, started again after {away:.0f} s"

    wait("publishing")
    with (setup.corpus / "news.md").open("w") as news:
        news.write("# News\n\n## A new course\n\nA course on machine unlearning is taught from the autumn of 2027.\n")
    took = setup.swapped(lambda: setup.ingest(str(setup.corpus)))
    yield f"a guide published: the replicas answered from it after {took[0]:.2f} s and {took[1]:.2f} s"
    wait("a server killed")
    yield killed(setup.replicas[0], 3)
    wait("Chroma killed")
    yield killed(setup.chroma, 6)
    wait("Redis killed")
    yield killed(setup.redis, 3)
    wait("rolling back")
    until(lambda: all(map(is_ready, setup.replicas)), "both replicas")
    took = setup.swapped(lambda: setup.ingest("--rollback"))
    yield f"rolled back: the replicas answered from it after {took[0]:.2f} s and {took[1]:.2f} s"
    wait("all well")
    seen.over = True


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--visitors", type=int, default=20)
    parser.add_argument("--every", type=float, default=2.0, help="seconds between two questions of a visitor")
    parser.add_argument("--seconds", type=float, default=90.0)
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("Stopped."))  # what was started ends with it
    with (
        tempfile.TemporaryDirectory(dir="/tmp", ignore_cleanup_errors=True) as temporary,
        everything(Path(temporary)) as setup,
    ):
        seen = Seen()
        asking = [visitor(n, setup.address, given.every, seen) for n in range(given.visitors)]
        told = asyncio.to_thread(lambda: list(map(say, events(setup, seen, given.seconds))))
        await asyncio.gather(told, *asking)
        cuts = statistics.quantiles(seen.took, n=100)
        say(f"{len(seen.took)} answers: half within {cuts[49] * 1000:.0f} ms, 95 % {cuts[94] * 1000:.0f}, "
            f"longest {max(seen.took) * 1000:.0f}; by version {dict(seen.versions)}")  # fmt: skip
        say(f"failed at first: {seen.first.total()} {dict(seen.first)}")
        say(f"failed once more, a second later: {seen.twice.total()} {dict(seen.twice)}")
        with create_engine(setup.journal).connect() as connection:
            say(f"in the journal: {connection.execute(select(func.count()).select_from(questions)).scalar()} questions")


def say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    asyncio.run(main())
