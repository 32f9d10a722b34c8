"""``python ingest.py``: the command that publishes the guide. It prints what ``publish.py`` returns."""

from __future__ import annotations

import itertools
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from advisor_bot.errors import AdvisorError, GuardError, LoadError

if TYPE_CHECKING:
    from rich.console import Console

    from advisor_bot.documents.load import Loaded
    from advisor_bot.evaluate import Result
    from advisor_bot.index.changes import Change, DocumentChanges
    from advisor_bot.index.publish import Answers, Ask, Plan, Published
    from advisor_bot.settings import Settings

LINE_EVERY = 5.0  # seconds between two lines of progress where there is no terminal
_COLORS = {"removed": "red strike", "added": "green"}
_SIDES = {"-": "red", "+": "green"}
_MARKS = {"removed": ("[-", "-]"), "added": ("{+", "+}"), "same": ("", "")}


def ingest(
    paths: Annotated[
        list[str] | None,
        typer.Argument(metavar="[PATH]...", help="Folder, files or web addresses; default corpus/."),
    ] = None,
    index: Annotated[
        Path | None,
        typer.Option(help="Index folder, or a Chroma server, http://HOST:PORT; default .advisor/ beside the corpus."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would change; write nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Publish although much of the guide is gone.")] = False,
    show: Annotated[bool, typer.Option("--list", help="List the kept versions.")] = False,
    rollback: Annotated[bool, typer.Option("--rollback", help="Make the version before live again.")] = False,
    to: Annotated[str, typer.Option(metavar="VERSION", help="With --rollback: which version.")] = "",
    keep: Annotated[int | None, typer.Option(min=1, help="Keep so many versions; default 5.")] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Publish again whenever a file changes.")] = False,
    private: Annotated[bool, typer.Option("--private", help="Fetch pages of this machine or network too.")] = False,
    save: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Only save the web pages in FOLDER, as Markdown files.")
    ] = None,
    cases: Annotated[
        Path | None, typer.Option(help="Case file to ask before and after; default cases.jsonl in PATH.")
    ] = None,
) -> None:
    """Read the guide and publish it. The version that is live stays until the new one is whole."""
    from advisor_bot.settings import Settings

    settings = Settings.read(os.environ, Path(".env"), index=index, keep=keep)
    given = Sources.of(paths or [str(settings.corpus)], private)
    if watch and given.addresses:
        raise typer.BadParameter("--watch looks at files; web pages are fetched when you run this again.")
    if to and not rollback:
        raise typer.BadParameter("--to goes with --rollback.")
    if save and (given.paths or not given.addresses):
        raise typer.BadParameter("--save goes with web addresses alone.")
    if save:
        _save(given, settings, as_json, save)
    elif show:
        _list(settings, as_json)
    elif rollback:
        _roll_back(settings, to, as_json)
    elif dry_run:
        _preview(given, settings, as_json, cases)
    elif watch:
        _watch(given, settings, force, cases)
    else:
        _publish(given, settings, force, as_json, cases)


@dataclass(frozen=True, slots=True)
class Sources:
    """What the guide is read from: paths and web addresses."""

    paths: tuple[Path, ...]
    addresses: tuple[str, ...] = ()
    private: bool = False

    @classmethod
    def of(cls, given: Sequence[str], private: bool = False) -> Sources:
        """Return ``given`` as paths and addresses."""
        from advisor_bot.documents.web import split

        paths, addresses = split(given)
        return cls(tuple(paths), tuple(addresses), private)

    def __str__(self) -> str:
        return ", ".join((*map(str, self.paths), *self.addresses))


def main() -> None:
    """Run the command; an error is one line on stderr and exit code 1."""
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(ingest)
    try:
        app()
    except AdvisorError as error:
        sys.exit(f"{error}")
    except KeyboardInterrupt:
        sys.exit("Stopped. What was live stays live.")


def publish_with_progress(settings: Settings, *, force: bool = False) -> Published:
    """Publish ``settings.corpus`` with progress on stderr, for a server that starts with nothing published."""
    return _read_and_publish(Sources((settings.corpus,)), settings, force, _console(stderr=True))


def _publish(sources: Sources, settings: Settings, force: bool, as_json: bool, cases: Path | None) -> None:
    console = _console(stderr=as_json)
    published = _read_and_publish(sources, settings, force, console, cases)
    if as_json and published.plan:
        counts = published.plan.counts | {"embed": published.plan.embed}
        _print_json({"version": published.version, "changed": published.changed, **counts})


def _read_and_publish(
    sources: Sources, settings: Settings, force: bool, console: Console, cases: Path | None = None
) -> Published:
    from advisor_bot.index.publish import ASKED_FROM, publish

    began = time.monotonic()
    loaded = _read(sources, settings, console)
    with _progress(console) as progress:
        published = publish(
            loaded.documents,
            settings,
            force=force,
            say=lambda line: _say(console, line),
            progress=progress,
            ask=_ask(sources, cases, settings, progress),
            ask_from=0.0 if cases else ASKED_FROM,
        )
    if not published.changed:
        _say(console, f"Nothing changed; {published.version} stays live.")
    elif published.plan:
        seconds = time.monotonic() - began
        _say(console, f"Published {published.version} in {seconds:.1f} s: {_counted(published.plan)}.")
    return published


def _read(sources: Sources, settings: Settings, console: Console) -> Loaded:
    from advisor_bot.documents.report import report

    _say(console, f"Reading {sources}.")
    loaded = _loaded(sources, settings, console)
    for document in loaded.documents:
        _say(console, f"Read {report(document)}.")
    for left_out in loaded.left_out:
        sys.stderr.write(f"Left out: {left_out.name} {left_out.reason}.\n")
    if not loaded.documents:
        raise GuardError(f"There is nothing to publish: {sources} holds no readable text. What was live stays.")
    return loaded


def _loaded(sources: Sources, settings: Settings, console: Console) -> Loaded:
    from advisor_bot.documents.fetch import Fetcher, Limits
    from advisor_bot.documents.load import Loaded
    from advisor_bot.documents.web import read_pages
    from advisor_bot.index.publish import read_guide

    files = read_guide(sources.paths, settings) if sources.paths else Loaded((), ())
    if not sources.addresses:
        return files
    fetcher = Fetcher(Limits(size=settings.max_file_mb * 1_000_000, private=sources.private))
    memory = settings.index_folder / "pages"
    pages = read_pages(sources.addresses, fetcher, memory, lambda line: _say(console, line))
    return Loaded(files.documents + pages.documents, files.left_out + pages.left_out)


def _save(sources: Sources, settings: Settings, as_json: bool, folder: Path) -> None:
    from advisor_bot.documents.web import save

    console = _console(stderr=as_json)
    loaded = _loaded(sources, settings, console)
    if not loaded.documents:
        raise LoadError("; ".join(f"{each.name} {each.reason}" for each in loaded.left_out) + ". Nothing was saved.")
    names = save(loaded.documents, folder)
    for left_out in loaded.left_out:
        sys.stderr.write(f"Left out: {left_out.name} {left_out.reason}.\n")
    if as_json:
        _print_json({"saved": names, "left_out": [asdict(each) for each in loaded.left_out]})
    else:
        _say(console, f"Saved in {folder}: {', '.join(names)}.")


def _preview(sources: Sources, settings: Settings, as_json: bool, cases: Path | None) -> None:
    from advisor_bot.documents.report import report
    from advisor_bot.index.publish import plan

    console = _console(stderr=as_json)
    loaded = _read(sources, settings, console)
    documents = loaded.documents
    with _progress(console) as progress:
        planned = plan(documents, settings, ask=_ask(sources, cases, settings, progress))
    if as_json:
        read = [asdict(report(document)) for document in documents]
        left_out = [asdict(each) for each in loaded.left_out]
        _print_json(planned.as_json() | {"read": read, "left_out": left_out, "stopped": _stopped(planned)})
        return
    print_plan(console, planned)


def print_plan(console: Console, planned: Plan) -> None:
    """Print what publishing would change: passages word by word, answers old beside new, the counts."""
    for document in planned.documents:
        _print_document(console, document)
    if planned.answers:
        _print_answers(console, planned.answers)
    for reason in planned.reasons:
        _say(console, f"Everything is embedded anew: {reason}.")
    _say(console, "Nothing would change." if planned.same else f"Publishing would bring {_counted(planned)}.")
    if stopped := _stopped(planned):
        _say(console, f"It would be stopped: {stopped}")


def _stopped(planned: Plan) -> str:
    """Return why publishing would be stopped, "" where it would not."""
    from advisor_bot.index.publish import guard

    try:
        guard(planned)
    except GuardError as error:
        return str(error)
    return ""


def _ask(
    sources: Sources, cases: Path | None, settings: Settings, progress: Callable[[str, int, int], None]
) -> Ask | None:
    """Return what puts the named case file, or the one that travels with the corpus, to two versions."""
    from advisor_bot.documents.load import CASES

    beside = (path / CASES for path in sources.paths if (path / CASES).is_file())
    file = cases or next(beside, None)
    if file is None:
        return None

    def ask(live: Path, planned: Path) -> Answers:
        from advisor_bot.assemble import advisor
        from advisor_bot.evaluate import compare_answers, read_cases, run

        read = read_cases(file)
        asked = itertools.count(1)

        def results(folder: Path) -> list[Result]:
            built = advisor(settings.model_copy(update={"index": folder, "model": ""}))
            try:
                return run(built, read, lambda: progress("Asking", next(asked), 2 * len(read)))
            finally:
                built.versions.close()

        with ThreadPoolExecutor(2) as both:
            before, after = both.map(results, (live, planned))
        return compare_answers(before, after)

    return ask


def _print_answers(console: Console, answers: Answers) -> None:
    for row in answers.changed:
        before, after = row["before"], row["after"]
        console.print(f"\n{row['question']}", markup=False, style="bold")
        _say(console, f"  differs in {', '.join(row['differs'])}: {before['status']} -> {after['status']}")
        for mark, side in (("-", before), ("+", after)):
            console.print(f"  {mark} {' '.join(side['text'].split())}", markup=False, style=_SIDES[mark])
    score = f"score {answers.before:.2f} -> {answers.after:.2f}"
    _say(console, f"\n{len(answers.changed)} of {answers.asked} answers would change ({score}).")


def _list(settings: Settings, as_json: bool) -> None:
    from rich.table import Table

    from advisor_bot.index.publish import history
    from advisor_bot.index.server import place_of

    place_of(settings).complete()
    found = history(settings.index_folder)
    if as_json:
        _print_json([asdict(version) for version in found])
        return
    table = Table("", "Version", "When (UTC)", "Passages", "Changes", box=None, pad_edge=False)
    for version in found:
        changes = ", ".join(f"{number} {kind}" for kind, number in version.changes.items() if number)
        when = version.created.replace("T", " ")[:19]
        table.add_row(
            "live" if version.live else "", version.name, when, str(version.passages), version.problem or changes
        )
    console = _console()
    if found:
        console.print(table)
    else:
        _say(console, f"Nothing is published in {settings.index_place} yet.")


def _roll_back(settings: Settings, to: str, as_json: bool) -> None:
    from advisor_bot.index.publish import rollback

    console = _console(stderr=as_json)
    result = rollback(settings, to, say=lambda line: _say(console, line))
    if as_json:
        _print_json({"version": result.version, "changed": result.changed})
    else:
        _say(console, f"{result.version} is live{' again' if result.changed else ' already'}.")


def _watch(sources: Sources, settings: Settings, force: bool, cases: Path | None) -> None:
    from advisor_bot.index.publish import watch

    console = _console()

    def republish() -> None:
        try:
            _read_and_publish(sources, settings, force, console, cases)
        except AdvisorError as error:
            sys.stderr.write(f"{error}\n")

    _say(console, f"Watching {sources}; Ctrl-C ends it.")
    watch(sources.paths, republish)


# --- printing ----------------------------------------------------------------------------------------------------


def _console(*, stderr: bool = False) -> Console:
    from rich.console import Console

    return Console(stderr=stderr, highlight=False, soft_wrap=True)


def _say(console: Console, line: str) -> None:
    console.print(line, markup=False)
    console.file.flush()


def _print_json(value: Any) -> None:
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=1) + "\n")


def _counted(plan: Plan) -> str:
    parts = [f"{number} {kind}" for kind, number in plan.counts.items() if number]
    return f"{', '.join(parts) or 'no'} passages; {plan.embed} texts to embed"


def _print_document(console: Console, document: DocumentChanges) -> None:
    if not document.changes and not document.is_gone:
        return
    state = " (new)" if document.is_new else " (gone)" if document.is_gone else ""
    _say(console, f"\n{document.name}{state}: {len(document.changes)} passages differ, {document.unchanged} unchanged")
    for change in document.changes:
        console.print(f"  {change.kind:8} {' > '.join(change.heading)}", markup=False, style="bold")
        _print_change(console, change)


def _print_change(console: Console, change: Change) -> None:
    from rich.text import Text

    if change.kind == "moved" and change.before:
        origin = change.before.document if change.before.document != change.document else "the same document"
        _say(console, f"    from {' > '.join((origin, *change.before.heading))}")
        return
    line = Text("    ")
    for kind, words in change.words:
        opening, closing = _MARKS[kind] if not console.is_terminal else ("", "")
        bare = " ".join(words.split())
        line.append(f"{opening}{bare}{closing}", style=_COLORS.get(kind, "")).append(" ")
    console.print(line)


@contextmanager
def _progress(console: Console) -> Iterator[Callable[[str, int, int], None]]:
    """Lend a function that shows how far a stage is, with rate and time left: bars, or lines without a terminal."""
    if not console.is_terminal:
        yield _lines(console)
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bars:
        tasks: dict[str, Any] = {}

        def show(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=total, rate="")
            speed = next(task.speed for task in bars.tasks if task.id == tasks[stage])
            bars.update(tasks[stage], completed=done, rate=f"{speed:.0f}/s" if speed else "")

        yield show


def _lines(console: Console) -> Callable[[str, int, int], None]:
    began: dict[str, float] = {}
    shown: dict[str, float] = {}

    def show(stage: str, done: int, total: int) -> None:
        now = time.monotonic()
        first = began.setdefault(stage, now)
        if done < total and now - shown.setdefault(stage, now) < LINE_EVERY:
            return
        shown[stage] = now
        rate = done / (now - first) if now > first else 0.0
        left = f", {rate:.0f}/s, {(total - done) / rate:.0f} s left" if rate and done < total else ""
        _say(console, f"{stage}: {done} of {total}{left}")

    return show
