"""The commands: ``python -m advisor_bot ask | search | evaluate | report | doctor | ingest | serve``."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from advisor_bot import __version__, heap, ingest_command
from advisor_bot.errors import AdvisorError, QuestionError, SettingsError
from advisor_bot.web import serve

app = typer.Typer(
    help="Answers questions from a guide and nothing else, every sentence proved by an exact quote.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("ingest")(ingest_command.ingest)
app.command("serve")(serve.app)
IndexOption = Annotated[
    Path | None, typer.Option("--index", help="Folder of the published versions, or http://HOST:PORT")
]
BatchOption = Annotated[
    Path | None, typer.Option("--batch", help='JSON lines {"id", "question", "history"}; - reads standard input')
]


@app.command()
def ask(
    question: Annotated[str | None, typer.Argument(help="The question, in your own words")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the whole answer as JSON")] = False,
    batch: BatchOption = None,
    index: IndexOption = None,
) -> None:
    """Ask one question, or a file of them."""
    from advisor_bot.types import as_json as plain_values

    if (question is None) == (batch is None):
        raise QuestionError("Give a question in quotation marks, or --batch FILE.jsonl, not both and not neither.")
    advisor = _advisor(index)
    if batch is not None:
        for row, turns in _rows(batch):
            _out(_line({"id": row["id"], "answer": plain_values(advisor.ask(row["question"], turns))}))
        return
    answer = advisor.ask(question or "")
    if as_json:
        _out(json.dumps(plain_values(answer), ensure_ascii=False, indent=2))
    else:
        _show(answer)


@app.command()
def search(
    question: Annotated[str | None, typer.Argument(help="The question, in your own words")] = None,
    batch: BatchOption = None,
    k: Annotated[int, typer.Option("--k", min=1, max=200, help="Passages at most")] = 20,
    index: IndexOption = None,
) -> None:
    """Show what would be read for a question: the retrieval stage alone."""
    from advisor_bot.types import as_json as plain_values

    if (question is None) == (batch is None):
        raise QuestionError("Give a question in quotation marks, or --batch FILE.jsonl, not both and not neither.")
    advisor = _advisor(index)
    if batch is None:
        for passage in advisor.search(question or "", k=k):
            _out(
                f"{passage.score:.3f}  {passage.document}  {' > '.join(passage.heading)}\n       {passage.text[:160]!r}"
            )
        return
    for row, turns in _rows(batch):
        passages = [plain_values(p) for p in advisor.search(row["question"], turns, k)]
        _out(_line({"id": row["id"], "passages": passages}))


@app.command()
def evaluate(
    cases: Annotated[Path | None, typer.Argument(help="Case file; default the one beside the corpus")] = None,
    index: IndexOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON")] = False,
    failures: Annotated[bool, typer.Option("--failures", help="List the cases that went wrong")] = False,
) -> None:
    """Score the advisor on a file of cases and print the figures, half by half."""
    from rich.progress import track

    from advisor_bot import evaluate as scoring

    file = cases or scoring.case_file_of(_settings(index).corpus)
    if file is None:
        raise QuestionError("There is no case file beside the corpus. Name one: evaluate CASES.jsonl")
    read = scoring.read_cases(file)
    advisor = _advisor(index)
    shown = track(read, "Asking", console=_console(), disable=not sys.stderr.isatty())
    results = scoring.run(advisor, shown)
    halves = {"all": results} | {half: [r for r in results if r.case.half == half] for half in "ab"}
    figures = {name: scoring.summary(found) for name, found in halves.items()}
    if as_json:
        _out(json.dumps(figures, indent=2))
    else:
        _table(figures)
    if failures:
        for result in results:
            if not result.right or result.held < 1:
                _out(scoring.failure(result))


@app.command()
def report(
    since: Annotated[str, typer.Option("--since", help="From when: 30d, 4w, 12h or 2026-09-01")] = "30d",
    html: Annotated[Path | None, typer.Option("--html", help="Write one self-contained page to this file")] = None,
    cases: Annotated[Path | None, typer.Option("--cases", help="Write what is lacking as cases to this file")] = None,
    group: Annotated[int | None, typer.Option("--group", min=1, help="With --cases: this group only")] = None,
    index: IndexOption = None,
) -> None:
    """Say what students asked, what the guide lacks and what they did not like (out of the journal)."""
    import datetime

    from sqlalchemy.exc import SQLAlchemyError

    from advisor_bot.journal import report as reporting
    from advisor_bot.journal.tables import open_engine, prepare

    if group is not None and cases is None:
        raise QuestionError("--group goes with --cases FILE.")
    settings = _settings(index)
    if not settings.journal:
        raise QuestionError("There is no journal: ADVISOR_JOURNAL names its database, and docs/journal.md says more.")
    now = datetime.datetime.now(datetime.UTC)
    begin = reporting.beginning(since, now)
    engine = open_engine(settings.journal)
    try:
        prepare(engine)
        rows = reporting.read(engine, begin)
    except SQLAlchemyError as error:
        reason = " ".join(str(error).split())[:200]
        raise SettingsError(f"The journal that ADVISOR_JOURNAL names cannot be read: {reason}") from None
    with _advisor(index).versions.lease() as guide:
        made = reporting.report(rows, guide, begin, now)
    if cases:
        lines = [_line(row) for row in reporting.as_cases(made.groups, group)]
        cases.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
        _out(f"{len(lines)} cases: {cases}")
    if html:
        html.write_text(reporting.as_html(made), encoding="utf-8")
        _out(f"{made.asked} questions since {begin.date()}: {html}")
    if not html and not cases:
        _show_report(made)


def _show_report(made: Any) -> None:
    from rich.table import Table
    from rich.text import Text

    console = _console(error=False)
    counts = ", ".join(f"{n} {status.replace('_', ' ')}" for status, n in made.statuses.items())
    console.print(f"{made.asked} questions since {made.since.date()}: {counts}; {made.up} thumbs up")
    places = Table("quoted", "down", "section", title="What was asked, by section", title_justify="left")
    for place in made.places[:20]:
        places.add_row(str(place.asked), str(place.down or ""), Text(" > ".join(place.heading) or place.document))
    groups = Table(
        "group", "asked", "not covered", "question", "nearest", title="What the guide lacks", title_justify="left"
    )
    for number, group in enumerate(made.groups[:20], 1):
        near = " > ".join(group.nearest.heading[-1:]) if group.nearest else ""
        asked = Text("\n".join(group.questions[:4]))
        groups.add_row(str(number), str(group.asked), str(group.not_covered), asked, Text(near))
    editions = Table("asked", "answered", "partial", "not covered", "version", title="By version", title_justify="left")
    for one in made.editions[:5]:
        counted = (one.asked, *(one.statuses[status] for status in ("answered", "partial", "not_covered")))
        editions.add_row(*map(str, counted), one.version)
    disliked = Table("day", "why", "question", title="What was not liked", title_justify="left")
    for row in made.disliked[:20]:
        disliked.add_row(str(row.at.date()), Text(" ".join((row.reason, row.words)).strip()), Text(row.question))
    for table in (groups, editions, places, disliked):
        if table.rows:
            console.print(table)


@app.command()
def doctor(index: IndexOption = None) -> None:
    """Say on one screen what is set up, live, reachable and wrong; exit status 1 where something is."""
    from rich.text import Text

    from advisor_bot.doctor import examine

    signs = {"well": ("✓", "green"), "note": ("·", "yellow"), "wrong": ("✗", "bold red")}
    console, wrong = _console(error=False), 0
    for finding in examine(_settings(index)):
        sign, style = signs[finding.verdict]
        console.print(Text.assemble((f"{sign} ", style), f"{finding.about:<9} {finding.words}"), soft_wrap=True)
        wrong += finding.verdict == "wrong"
    if wrong:
        raise typer.Exit(1)


def _table(figures: dict[str, dict[str, Any]]) -> None:
    from rich.table import Table

    shown = Table("figure", *figures)
    for key in figures["all"]:
        shown.add_row(key, *(str(found[key]) for found in figures.values()))
    _console(error=False).print(shown)


def _console(*, error: bool = True) -> Any:
    from rich.console import Console

    return Console(stderr=error, highlight=False)


def _settings(index: Path | None) -> Any:
    from advisor_bot.settings import Settings

    return Settings.read(os.environ, Path(".env"), index=index)


def _advisor(index: Path | None) -> Any:
    from advisor_bot.assemble import advisor

    return advisor(_settings(index))


def _rows(batch: Path) -> Iterator[tuple[dict[str, Any], list[Any]]]:
    """Yield the rows of a batch file with their history as turns; names the line of whatever cannot be used."""
    from advisor_bot.evaluate import asked
    from advisor_bot.types import Turn

    try:
        lines: Iterable[str] = sys.stdin if str(batch) == "-" else batch.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise QuestionError(f"{batch} cannot be read: {error}") from None
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            turns = [Turn(turn["role"], str(turn["text"])) for turn in row.get("history") or []]
            row["id"], asked(row["question"])
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise QuestionError(
                f'{batch}, line {number}: not a row {{"id", "question", "history"}} ({type(error).__name__}: {error}).'
            ) from None
        yield row, turns


def _out(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _line(row: dict[str, Any]) -> str:
    return json.dumps(row, ensure_ascii=False)


def _show(answer: Any) -> None:
    from rich.console import Console
    from rich.markdown import Markdown
    from rich.text import Text

    console = Console(highlight=False)
    console.print(Markdown(answer.text))
    if answer.citations:
        console.print()
    for c in answer.citations:
        place = " > ".join([c.document, *(h for h in c.heading if h != c.title)]) + (
            f", page {c.page}" if c.page else ""
        )
        console.print(Text(f"[{c.n}] {place}", style="dim"))


@app.callback(invoke_without_command=True)
def _root(version: Annotated[bool, typer.Option("--version", help="Show the version")] = False) -> None:
    if version:
        _out(__version__)
        raise typer.Exit


def main(arguments: list[str] | None = None) -> None:
    """Run the commands; an error is one line on standard error and exit status 1."""
    heap.multiply_in_one_thread()
    try:
        app(arguments)
    except BrokenPipeError:
        sys.stderr.close()
        raise SystemExit(1) from None
    except (AdvisorError, OSError) as error:  # OSError: a file or folder that was named
        sys.stderr.write(f"advisor-bot: {error}\n")
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
