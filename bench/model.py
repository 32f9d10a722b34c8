"""What reaches a student of a model's choices and of its own words, by how often its second reading errs.

python bench/model.py [--work DIR] [--seed N]

bench/model-true.jsonl holds what a faithful model chooses and writes, bench/model-false.jsonl own words with one
subtly false sentence each. Both were written by somebody who saw the guides and no code. A scripted model says them;
its second reading is right but for a given rate of errors, either way. First the default style: how much of what was
chosen is shown, and whether anything shown is not the guide's; the same for choices of the sentences that the guides of
bench/voices mark as answers, where questions are harder; and how many of 200 choices made blindly are held back. Then
own words: true and false sentences shown, and holes: sentences that lean on one that is not there.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import random
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import voices
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from question_sets import ROOT, WORK, published

from advisor_bot.answers.advisor import Advisor
from advisor_bot.answers.cite import violations
from advisor_bot.llm.writer import Converser
from advisor_bot.settings import Settings
from advisor_bot.text import leans_back, plain
from advisor_bot.types import Answer

ERRORS = (0.0, 0.05, 0.1, 0.2)
GUIDES = {"law": "bench/guides/law", "trades": "bench/guides/trades", "guide": "corpus"}
CONTEXT = 32_768  # tokens: each guide whole
Row = Mapping[str, Any]


class Replaying(BaseChatModel):
    """Says what a row says; its second reading errs at the rate of ``errs``."""

    row: dict[str, Any]
    style: str = "quotes"
    errs: float = 0.0
    seed: int = 0

    @property
    def _llm_type(self) -> str:
        return "replaying"

    def _generate(self, messages: list[BaseMessage], *_: Any, **__: Any) -> ChatResult:
        raise NotImplementedError

    def _stream(self, messages: list[BaseMessage], *_: Any, **__: Any) -> Iterator[ChatGenerationChunk]:
        yield ChatGenerationChunk(message=AIMessageChunk(content=self.reply(messages)))

    def reply(self, messages: Sequence[BaseMessage]) -> str:
        prompt = messages[-1].text
        if messages[0].text.startswith("You check"):
            return self.judged(prompt)
        if messages[0].text.startswith("Each numbered"):
            return ""  # what fails is not mended: the worst case for what is shown
        numbers = {words: number for number, words in re.findall(r"(?m)^\[(\d+)\] (.*)$", prompt)}
        lines = [f"STATUS: {self.row['status']}"]
        if self.style == "quotes" and "blind" in self.row:
            chance = random.Random(self.row["blind"])
            return "\n".join(
                [*lines, *(f"SAY: {n}" for n in chance.sample(list(numbers.values()), chance.randint(1, 6)))]
            )
        if self.style == "quotes":
            lines += [f"SAY: {numbers[words]}" for words in self.row["say"] if words in numbers]
        else:
            lines += [
                f"WRITE: [{', '.join(numbers[w] for w in one['rests'] if w in numbers)}] {one['text']}"
                for one in self.row["own"]
            ]
        return "\n".join(lines)

    def judged(self, prompt: str) -> str:
        chance = random.Random(f"{self.seed} {self.row['q']}")
        truth = {one["text"]: "false" not in one for one in self.row["own"]}
        found = re.findall(r"(?m)^(\d+)\. Sentence: (.*)$", prompt)
        right = [(number, truth.get(text, False) != (chance.random() < self.errs)) for number, text in found]
        return "\n".join(f"{number}. {'supported' if yes else 'not'}" for number, yes in right)


def asked(built: Advisor, row: Row, **values: Any) -> Answer:
    settings = Settings(model="openai:scripted", model_context=CONTEXT, model_style=values.get("style", "quotes"))
    model = Replaying(row=dict(row), **values)
    return Advisor(built.versions, built.settings, Converser(model, "scripted", settings)).ask(row["q"])


def choices(built: Mapping[str, Advisor], rows: Sequence[Row]) -> dict[str, int]:
    count: Counter[str] = Counter()
    for row in rows:
        answer = asked(built[row["guide"]], row)
        with built[row["guide"]].versions.lease() as guide:
            count["answers with anything that is not the guide's"] += bool(violations(answer, guide.documents))
        shown = [plain(one.quote) for one in answer.citations] + [one.text for one in answer.segments]  # a row's names
        held = [any(words in quote for quote in shown) for words in row["say"]]
        count["sentences chosen"] += len(held)
        count["of them shown"] += sum(held)
        count["answers whose first sentence was chosen"] += bool(held)
        count["of them shown with it"] += any(held[:1])
    return dict(count)


def voices_rows(work: pathlib.Path) -> tuple[dict[str, Advisor], list[Row]]:
    """Return the guides of bench/voices, open, and the sentences that answer or help there as choices."""
    built, rows = {}, []
    for file in sorted(voices.GUIDES.glob("*.json")):
        built[file.stem], data, said = voices.opened(file, work)
        asked_there = [(one, list(voices.wanted(one, said))) for one in data["questions"] if one["verdict"] != "no"]
        rows += [{"guide": file.stem, "q": one["q"], "status": one["verdict"], "say": say} for one, say in asked_there]
    return built, rows


def blind(built: Mapping[str, Advisor], rows: Sequence[Row], seed: int, many: int = 200) -> dict[str, int]:
    """Return how many of ``many`` choices of one to six sentences, made without reading, are held back."""
    questions = [row for row in rows if row["guide"] == "guide" and row["say"]]
    count: Counter[str] = Counter()
    for number in range(many):
        row = {**questions[number % len(questions)], "status": "answered", "blind": f"{seed} {number}"}
        count["blind choices"] += 1
        count["held back"] += asked(built["guide"], row).writer == "quotes"
    return dict(count)


def own_words(built: Mapping[str, Advisor], rows: Sequence[Row], errs: float, seed: int) -> dict[str, int]:
    count: Counter[str] = Counter()
    for row in rows:
        answer = asked(built[row["guide"]], row, style="own-words", errs=errs, seed=seed)
        mine = [s.text for s in answer.segments if s.kind == "paragraph"] if answer.writer == "scripted" else []
        for one in row["own"]:
            kind = "false" if "false" in one else "true"
            count[kind] += 1
            count[f"{kind} shown"] += one["text"] in mine
        written = [one["text"] for one in row["own"]]
        for place, text in enumerate(mine):
            before = written[written.index(text) - 1] if text in written and written.index(text) else ""
            count["holes"] += leans_back(text) and (place == 0 or mine[place - 1] != before)
        count["answers"] += 1
        count["answers left to the quotes"] += bool(row["own"]) and not mine
    return dict(count)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=pathlib.Path, default=WORK)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    built = {name: published(name, ROOT / source, args.work) for name, source in GUIDES.items()}
    true, false = (
        [json.loads(line) for line in (ROOT / "bench" / f"model-{name}.jsonl").read_text("utf-8").splitlines()]
        for name in ("true", "false")
    )
    print("choices", json.dumps(choices(built, true)), flush=True)
    print("blind choices", json.dumps(blind(built, true, args.seed)), flush=True)
    others, theirs = voices_rows(args.work)
    print("choices, bench/voices", json.dumps(choices(others, theirs)), flush=True)
    for errs in ERRORS:
        print(
            f"own words, second reading errs in {errs:.0%}:",
            json.dumps(own_words(built, [*true, *false], errs, args.seed)),
        )
    for one in [*built.values(), *others.values()]:
        one.versions.close()


if __name__ == "__main__":
    main()
