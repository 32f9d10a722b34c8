"""Runs our commands for the owner's desk, each in a process of its own: answering goes on, one command at a time."""

from __future__ import annotations

import datetime
import json
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from advisor_bot.errors import AdvisorError
from advisor_bot.settings import Settings

_BUSY = "Another owner is at it: {}. Nothing of yours was done; try again when that has ended."
_FAR = re.compile(r"[^:]{1,40}: (\d+) of (\d+)\b")
_OPTION = re.compile(r"(?:;|(?<=\.)) add --\w+ if that is meant\.?", re.I)
Run = Callable[
    ..., dict[str, Any]
]  # run a command with these arguments; what it printed as JSON, and in "rest" what it printed after that


class StoppedError(AdvisorError):
    """The command, or what goes around it, ended without having done its work; the owner reads the line.

    ``harmless``: what was live is live still.
    """

    def __init__(self, line: str, *, harmless: bool = True) -> None:
        """Keep the line."""
        super().__init__(line)
        self.harmless = harmless


@dataclass(slots=True)
class Job:
    """One piece of work: what it is called, what was said so far, how it ended (None: it runs)."""

    name: str
    began: str = field(default_factory=lambda: now())
    lines: list[str] = field(default_factory=list)
    status: int | None = None
    harmless: bool = True  # where it failed: what was live is live still

    @property
    def last(self) -> str:
        """The last line it said: its progress, or why it failed."""
        return self.lines[-1] if self.lines else "It has begun." if self.status is None else ""

    @property
    def far(self) -> tuple[int, int] | None:
        """How many of how many are done, where its last line says so."""
        found = _FAR.match(self.last)
        return (int(found[1]), int(found[2])) if found else None


class Worker:
    """Does one piece of work at a time for all owners. Any thread may call any method."""

    def __init__(self, settings: Settings) -> None:
        """Work on the guide of ``settings``."""
        self.index, self.place = settings.index_folder, settings.index_place
        self.job: Job | None = None
        self._one = threading.Lock()

    @property
    def busy(self) -> str:
        """What somebody is told who comes while a job runs, "" where none does."""
        return _BUSY.format(self.job.name) if self.job and self.job.status is None else ""

    def start(self, name: str, work: Callable[[Run], object]) -> str:
        """Begin ``work``, which is handed what runs the command; return why not, "" where it has begun."""
        if not self._one.acquire(blocking=False):
            return self.busy or _BUSY.format("something runs")
        job = self.job = Job(name)
        threading.Thread(target=self._do, args=(job, work), name="desk", daemon=True).start()
        return ""

    def _do(self, job: Job, work: Callable[[Run], object]) -> None:
        status = 1
        try:
            work(lambda *arguments, command="ingest": self._run(job, command, arguments))
            status = 0
        except StoppedError as stopped:
            job.lines.append(str(stopped))
            job.harmless = stopped.harmless
        except Exception as error:  # whatever a machine can do; the owner reads it
            job.lines.append(f"It could not be done: {error}")
        finally:
            job.status = status
            self._one.release()

    def _run(self, job: Job, command: str, arguments: Sequence[object]) -> dict[str, Any]:
        whole = [sys.executable, "-m", "advisor_bot", command, "--index", self.place, "--json"]
        whole += [str(argument) for argument in arguments]
        with subprocess.Popen(whole, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None and process.stderr is not None  # noqa: S101, PT018
            said: list[str] = []
            reading = threading.Thread(target=lambda out=process.stdout: said.append(out.read()), daemon=True)
            reading.start()
            job.lines += (_shown(line, arguments) for line in iter(process.stderr.readline, "") if line.strip())
            reading.join()
        if process.returncode:
            raise StoppedError(job.lines.pop() if job.lines else f"The command ended with {process.returncode}.")
        text = "".join(said).strip() or "{}"
        found, end = json.JSONDecoder().raw_decode(text)
        return {"rest": text[end:].strip(), **found} if isinstance(found, dict) else {}


def now() -> str:
    """Return the time, as the desk writes it down."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def _shown(line: str, arguments: Sequence[object]) -> str:
    """Return a line of the command as an owner reads it, who knows nothing of temporary folders and options."""
    for folder in (str(argument) for argument in arguments if isinstance(argument, Path)):
        line = line.replace(folder, "the guide’s folder")
    return _OPTION.sub("", line.strip().removeprefix("advisor-bot: "))
