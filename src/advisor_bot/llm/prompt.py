"""What a language model is asked: instructions from a file, and guide, conversation and question as material."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from advisor_bot.errors import SettingsError
from advisor_bot.settings import Settings
from advisor_bot.text import plain
from advisor_bot.types import Passage, Turn

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage

HISTORY_SHARE = 0.25  # of the room that the instructions leave
_FIELDS = re.compile(r"\{(mark|passages|situation|question)\}")


@dataclass(frozen=True, slots=True)
class Brief:
    """What the model is asked: the question as asked and as it stands alone, and what may be read for it."""

    question: str
    standalone: str
    passages: tuple[Passage, ...]
    history: tuple[Turn, ...] = ()
    profile: Mapping[str, str] = field(default_factory=dict)

    @property
    def own(self) -> str:
        """Everything the student said."""
        turns = [turn.text for turn in self.history if turn.role == "user"]
        return " ".join([self.question, *turns, *self.profile.values()])


@cache
def prompt_file(path: Path | None) -> tuple[str, str]:
    """Return the instructions and the template of the message, parted by a line ``---``. Raises ``SettingsError``."""
    try:
        text = (path or files("advisor_bot") / "data" / "prompt.md").read_text(encoding="utf-8")
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


def build_prompt(brief: Brief, settings: Settings) -> tuple[list[BaseMessage], int]:
    """Return the messages for ``brief`` and how many of its passages they hold.

    Instructions are the file's and nothing else. Guide, conversation and profile stand between marks that nobody can
    foresee, in the student's message. The passages that come first have the first claim to the room there is.
    """
    from langchain_core.messages import HumanMessage, SystemMessage

    instructions, template = prompt_file(settings.model_prompt)
    mark = f"====={secrets.token_hex(8)}====="
    fixed = tokens_of(instructions) + tokens_of(template) + tokens_of(brief.question) + 100
    room = max(200, settings.model_context - settings.model_answer_tokens - fixed)
    situation = _situation(brief, mark, int(room * HISTORY_SHARE)) if settings.model_history == "on" else ""
    shown = _numbered(brief.passages, room - tokens_of(situation))
    values = {"mark": mark, "passages": "\n\n".join(shown), "situation": situation, "question": brief.question}
    message = _FIELDS.sub(lambda found: values[found[1]], template)
    return [SystemMessage(instructions), HumanMessage(message)], len(shown)


def _numbered(passages: Sequence[Passage], room: int) -> list[str]:
    shown: list[str] = []
    for number, passage in enumerate(passages, 1):
        text = "\n".join(filter(None, (plain(line) for line in passage.text.split("\n"))))
        piece = f"[{number}] ({' > '.join(passage.heading)})\n{text}"
        if tokens_of(piece) > room:
            if shown:
                break
            piece = piece[: max(300, 3 * room)]
        shown.append(piece)
        room -= tokens_of(piece)
    return shown


def _situation(brief: Brief, mark: str, room: int) -> str:
    told = [f"{name}: {' '.join(text.split())[:300]}" for name, text in brief.profile.items() if text]
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
