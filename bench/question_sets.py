"""Public question sets for the benchmarks: where their questions and texts stand, and their texts published once."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Iterator
from dataclasses import dataclass

from advisor_bot import evaluate
from advisor_bot.answers.advisor import Advisor
from advisor_bot.assemble import advisor
from advisor_bot.index import publish
from advisor_bot.settings import Settings
from advisor_bot.types import Turn

ROOT = pathlib.Path(__file__).resolve().parents[1]
WORK = ROOT / ".advisor" / "bench"


@dataclass(frozen=True)
class Row:
    """A question with what was said before it; ``exclude`` names documents that must not be read for it."""

    id: str
    question: str
    history: tuple[Turn, ...]
    answerable: bool
    half: str = "a"
    exclude: tuple[str, ...] = ()
    rewritten: str = ""


def own_rows(file: pathlib.Path = ROOT / "corpus" / "cases.jsonl") -> list[Row]:
    """Return the cases of a case file, without small talk and other languages."""
    cases = evaluate.read_cases(file)
    kept = [c for c in cases if c.expected != "chat" and "other-language" not in c.tags]
    return [Row(c.id, c.question, c.history, c.answerable, c.half) for c in kept]


def rows_of(file: pathlib.Path) -> list[Row]:
    """Return the rows of a question file that are to be answered or refused: no small talk, none half answerable."""
    found = []
    for line in file.open(encoding="utf-8"):
        row = json.loads(line)
        if row.get("expected") in ("clarify", "chat", "partial"):
            continue
        turns = tuple(Turn(turn["role"], turn["text"]) for turn in row["conversation"])
        exclude = tuple(row["meta"].get("exclude_docs") or ())
        answerable = row.get("answerable", True)
        found.append(Row(row["id"], row["question"], turns, answerable, "a", exclude, row.get("rewritten") or ""))
    return found


def published(name: str, source: pathlib.Path, work: pathlib.Path) -> Advisor:
    """Publish the texts under ``source`` (a folder, or a file of passages) into WORK/name once, and open them."""
    settings = Settings(index=work / name)
    if not (work / name / "LIVE").exists():
        print(f"publishing {source} as {name}", flush=True)
        texts = as_files(source, work / f"{name}-docs") if source.suffix == ".jsonl" else source
        publish.publish(publish.read_guide([texts], settings).documents, settings)
    return advisor(settings)


def as_files(passages: pathlib.Path, folder: pathlib.Path) -> pathlib.Path:
    """Write each passage of a file into ``folder`` as a document named by its id."""
    folder.mkdir(parents=True, exist_ok=True)
    for row in map(json.loads, passages.open(encoding="utf-8")):
        heading = f"# {row['title']}\n\n" if row.get("title") else ""
        (folder / f"{row['id']}.md").write_text(heading + row["text"], encoding="utf-8")
    return folder


def texts_of(folder: pathlib.Path) -> pathlib.Path:
    """Return where the texts of a set stand."""
    docs, passages = folder / "docs", folder / "passages.jsonl"
    return docs if docs.exists() else passages


def foreign(rows: list[Row]) -> Iterator[Row]:
    """Yield the questions asked without a history, each after somebody else's conversation: a change of topic."""
    from dataclasses import replace

    talks = [row.history for row in rows if len(row.history) >= 2]
    for place, row in enumerate(r for r in rows if not r.history):
        yield replace(row, history=talks[(7 * place + 3) % len(talks)])
