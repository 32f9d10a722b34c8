"""``python ingest.py``: the command that publishes the guide. It prints what ``publish.py`` returns."""

from __future__ import annotations

import itertools
import os
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from advisor_bot.errors import AdvisorError, GuardError, LoadError
from advisor_bot.ingest_output import console_for, counted, print_json, print_plan, progress_on, say

if TYPE_CHECKING:
    from rich.console import Console

    from advisor_bot.documents.load import Loaded
    from advisor_bot.evaluate import Result
    from advisor_bot.index.plan import Answers, Ask, Plan
    from advisor_bot.index.publish import Published
    from advisor_bot.settings import Settings


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
    return _read_and_publish(Sources((settings.corpus,)), settings, force, console_for(stderr=True))


def _publish(sources: Sources, settings: Settings, force: bool, as_json: bool, cases: Path | None) -> None:
    published = _read_and_publish(sources, settings, force, console_for(stderr=as_json), cases)
    if as_json and published.plan:
        counts = published.plan.counts | {"embed": published.plan.embed}
        print_json({"version": published.version, "changed": published.changed, **counts})


def _read_and_publish(
    sources: Sources, settings: Settings, force: bool, console: Console, cases: Path | None = None
) -> Published:
    from advisor_bot.index.publish import ASKED_FROM, publish

    began = time.monotonic()
    loaded = _read(sources, settings, console)
    with progress_on(console) as progress:
        published = publish(
            loaded.documents,
            settings,
            force=force,
            say=lambda line: say(console, line),
            progress=progress,
            ask=_ask(sources, cases, settings, progress),
            ask_from=0.0 if cases else ASKED_FROM,
        )
    if not published.changed:
        say(console, f"Nothing changed; {published.version} stays live.")
    elif published.plan:
        seconds = time.monotonic() - began
        say(console, f"Published {published.version} in {seconds:.1f} s: {counted(published.plan)}.")
    return published


def _read(sources: Sources, settings: Settings, console: Console) -> Loaded:
    from advisor_bot.documents.report import report

    say(console, f"Reading {sources}.")
    loaded = _loaded(sources, settings, console)
    for document in loaded.documents:
        say(console, f"Read {report(document)}.")
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
    pages = read_pages(sources.addresses, fetcher, settings.index_folder / "pages", lambda line: say(console, line))
    return Loaded(files.documents + pages.documents, files.left_out + pages.left_out)


def _save(sources: Sources, settings: Settings, as_json: bool, folder: Path) -> None:
    from advisor_bot.documents.web import save

    console = console_for(stderr=as_json)
    loaded = _loaded(sources, settings, console)
    if not loaded.documents:
        raise LoadError("; ".join(f"{each.name} {each.reason}" for each in loaded.left_out) + ". Nothing was saved.")
    names = save(loaded.documents, folder)
    for left_out in loaded.left_out:
        sys.stderr.write(f"Left out: {left_out.name} {left_out.reason}.\n")
    if as_json:
        print_json({"saved": names, "left_out": [asdict(each) for each in loaded.left_out]})
    else:
        say(console, f"Saved in {folder}: {', '.join(names)}.")


def _preview(sources: Sources, settings: Settings, as_json: bool, cases: Path | None) -> None:
    from advisor_bot.documents.report import report
    from advisor_bot.index.plan import plan

    console = console_for(stderr=as_json)
    loaded = _read(sources, settings, console)
    with progress_on(console) as progress:
        planned = plan(loaded.documents, settings, ask=_ask(sources, cases, settings, progress))
    if as_json:
        read = [asdict(report(document)) for document in loaded.documents]
        left_out = [asdict(each) for each in loaded.left_out]
        print_json(planned.as_json() | {"read": read, "left_out": left_out, "stopped": _stopped(planned)})
        return
    print_plan(console, planned, _stopped(planned))


def _stopped(planned: Plan) -> str:
    """Return why publishing would be stopped, "" where it would not."""
    from advisor_bot.index.plan import guard

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


def _list(settings: Settings, as_json: bool) -> None:
    from rich.table import Table

    from advisor_bot.index.publish import history
    from advisor_bot.index.server import place_of

    place_of(settings).complete()
    found = history(settings.index_folder)
    if as_json:
        print_json([asdict(version) for version in found])
        return
    table = Table("", "Version", "When (UTC)", "Passages", "Changes", box=None, pad_edge=False)
    for version in found:
        changes = ", ".join(f"{number} {kind}" for kind, number in version.changes.items() if number)
        when = version.created.replace("T", " ")[:19]
        table.add_row(
            "live" if version.live else "", version.name, when, str(version.passages), version.problem or changes
        )
    console = console_for()
    if found:
        console.print(table)
    else:
        say(console, f"Nothing is published in {settings.index_place} yet.")


def _roll_back(settings: Settings, to: str, as_json: bool) -> None:
    from advisor_bot.index.publish import rollback

    console = console_for(stderr=as_json)
    result = rollback(settings, to, say=lambda line: say(console, line))
    if as_json:
        print_json({"version": result.version, "changed": result.changed})
    else:
        say(console, f"{result.version} is live{' again' if result.changed else ' already'}.")


def _watch(sources: Sources, settings: Settings, force: bool, cases: Path | None) -> None:
    from advisor_bot.index.publish import watch

    console = console_for()

    def republish() -> None:
        try:
            _read_and_publish(sources, settings, force, console, cases)
        except AdvisorError as error:
            sys.stderr.write(f"{error}\n")

    say(console, f"Watching {sources}; Ctrl-C ends it.")
    watch(sources.paths, republish)
