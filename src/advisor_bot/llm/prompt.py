"""What a language model is asked: instructions from a file, and guide, conversation and question as material."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from advisor_bot.answers.stages import Brief
from advisor_bot.errors import SettingsError
from advisor_bot.index.guide import Guide
from advisor_bot.settings import Settings
from advisor_bot.text import plain

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage

HISTORY_SHARE = 0.25  # of the room that the instructions leave
NEAR = 30  # sentences nearest to the question that are shown of a guide too large to be shown whole
PROMPTS = {"quotes": "prompt.md", "own-words": "own-words.md"}
AGAIN = {
    "quotes": "Write only the lines described, beginning with STATUS: and SAY: with the numbers of sentences.",
    "own-words": "Write only the lines described, beginning with STATUS: and WRITE: with numbers and a sentence.",
}
_FIELDS = re.compile(r"\{(mark|passages|situation|question)\}")


@cache
def prompt_file(path: Path | None, style: str = "quotes") -> tuple[str, str]:
    """Return the instructions and the template of the message, parted by a line ``---``. Raises ``SettingsError``."""
    try:
        text = (path or files("advisor_bot") / "data" / PROMPTS[style]).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"ADVISOR_MODEL_PROMPT={path} cannot be read ({error}).") from None
    instructions, rule, template = text.partition("\n---\n")
    missing = [name for name in ("{mark}", "{passages}", "{question}") if name not in template]
    if not rule or missing:
        what = f"{', '.join(missing)} in its second part" if rule else "a line --- after the instructions"
        raise SettingsError(f"ADVISOR_MODEL_PROMPT={path} cannot be used: it lacks {what}.")
    return instructions.strip(), template.strip()


def tokens_of(text: str) -> int:
    """Return about how many tokens ``text`` has, rather too many: English has four or five bytes to one."""
    return len(text.encode()) // 3 + 1


def build_prompt(brief: Brief, settings: Settings) -> tuple[list[BaseMessage], dict[int, int]]:
    """Return the messages for ``brief``, and the guide's sentences by the numbers they have in them.

    Instructions are the file's and nothing else. Guide, conversation and profile stand between marks that nobody can
    foresee, in the student's message.
    """
    from langchain_core.messages import HumanMessage, SystemMessage

    instructions, template = prompt_file(settings.model_prompt, settings.model_style)
    mark = f"====={secrets.token_hex(8)}====="
    fixed = tokens_of(instructions) + tokens_of(template) + tokens_of(brief.question) + 100
    room = max(200, settings.model_context - settings.model_answer_tokens - fixed)
    situation = _situation(brief, mark, int(room * HISTORY_SHARE)) if settings.model_history == "on" else ""
    shown, numbers = _numbered(_to_show(brief, room - tokens_of(situation)), brief.guide, room - tokens_of(situation))
    values = {"mark": mark, "passages": shown, "situation": situation, "question": brief.question}
    message = _FIELDS.sub(lambda found: values[found[1]], template)
    return [SystemMessage(instructions), HumanMessage(message)], numbers


def _to_show(brief: Brief, room: int) -> list[int]:
    """Return the sentences to show, in the guide's order: all of them, or what retrieval and reader found."""
    guide = brief.guide
    everything = range(len(guide.sentence_rows))
    if sum(len(chunk.text) for chunk in guide.chunks) // 3 + 4 * len(everything) < room:
        whole = _within(dict.fromkeys(everything), guide, room)  # rows are longer than they stand there
        if len(whole) == len(everything):
            return whole
    near = [one.number for evidence in brief.evidence for one in evidence.sentences[:NEAR]]
    found = {guide.chunk_of(number) for number in near[:NEAR]}
    for evidence in brief.evidence:
        rows = [guide.row(name) for passage in evidence.passages for name in passage.chunk_ids]
        found |= {row for row in rows if row is not None}
    around = {n for row in found for n in range(int(guide.first_sentence[row]), int(guide.first_sentence[row + 1]))}
    return sorted(_within(dict.fromkeys([*near, *sorted(around)]), guide, room))


def _within(numbers: dict[int, None], guide: Guide, room: int) -> list[int]:
    """Return the first of ``numbers`` that have room together, at least one."""
    kept: list[int] = []
    for number in numbers:
        room -= tokens_of(guide.words_of(number)) + 12  # its number, and a share of the heading above
        if kept and room < 0:
            break
        kept.append(number)
    return kept


def _numbered(sentences: Sequence[int], guide: Guide, room: int) -> tuple[str, dict[int, int]]:
    lines: list[str] = []
    above = ""
    for shown, number in enumerate(sentences, 1):
        chunk = guide.chunks[guide.chunk_of(number)]
        heading = " > ".join([*chunk.heading, *filter(None, [chunk.label])])
        if heading != above:
            lines.append(f"\n({heading})")
            above = heading
        lines.append(f"[{shown}] {guide.words_of(number)[: 3 * room]}")
    return "\n".join(lines).strip(), dict(enumerate(sentences, 1))


def _situation(brief: Brief, mark: str, room: int) -> str:
    told = [f"{name}: {' '.join(text.split())[:300]}" for name, text in brief.profile.given.items()]
    turns: list[str] = []
    for turn in reversed(brief.history):
        words = " ".join(re.sub(r"\[\d+\]", "", plain(turn.text)).split())[:1200]
        line = ("Student: " if turn.role == "user" else "Advisor: ") + words
        room -= tokens_of(line)
        if room < 0:
            break
        turns.insert(0, line)
    blocks = []
    if told:
        blocks.append("What the student told of themselves:\n" + "\n".join(told))
    if turns:
        blocks.append("The conversation so far:\n" + "\n".join(turns))
    return "\n" + "\n\n".join([mark, *blocks, mark]) + "\n" if blocks else ""
