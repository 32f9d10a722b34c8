"""The guide from Python, as somebody else's program uses it: the examples of docs/python.md, run."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from langchain_core.messages import AIMessage
from langchain_core.prompt_values import PromptValue
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import RunnableLambda

import advisor_bot
from advisor_bot import Advisor
from advisor_bot.errors import IndexingError, SettingsError

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = ROOT / "docs" / "python.md"
FIRST, CHAIN = re.findall(r"(?ms)^```python\n(.*?)^```$", DOCUMENT.read_text())


@pytest.fixture(scope="module")
def guide(published: Path) -> Iterator[Advisor]:
    with Advisor(published) as opened:
        yield opened


def run(code: str, published: Path, **names: object) -> dict:
    found = {"__name__": "somebody", **names}
    exec(code.replace('".advisor"', repr(str(published))), found)
    return found


def test_the_example_answers_in_three_lines(published: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = FIRST.splitlines()
    found = run("\n".join([*lines[:3], "print(advisor.ask('Which specializations pay best?').text)"]), published)
    assert "[1]" in capsys.readouterr().out
    found["advisor"].close()
    found = run(FIRST, published)
    assert found["answer"].citations[0].quote in capsys.readouterr().out
    found["advisor"].close()


def test_a_chain_of_somebody_elses_making_reads_the_guide(published: Path, capsys: pytest.CaptureFixture[str]) -> None:
    seen: list[str] = []

    def model(prompt: PromptValue) -> AIMessage:
        seen.append(prompt.to_string())
        return AIMessage("Read it yourself.")

    found = run(CHAIN, published, model=RunnableLambda(model))
    assert capsys.readouterr().out == "Read it yourself.\n"
    assert "Which specializations pay best?" in seen[0]
    assert "which specializations pay the most" in seen[0].lower()
    found["retriever"].advisor.close()


def test_the_retriever_is_langchains_and_says_where_each_passage_stands(guide: Advisor) -> None:
    retriever = guide.as_retriever(k=3)
    assert isinstance(retriever, BaseRetriever)
    found = retriever.invoke("computer vision")
    assert len(found) == 3
    with guide.versions.lease() as version:
        for document in found:
            text = version.documents[document.metadata["source"]].text
            assert text[document.metadata["start"] : document.metadata["end"]] == document.page_content
    assert [d.metadata["score"] for d in found] == sorted((d.metadata["score"] for d in found), reverse=True)


def test_every_method_shown_exists(guide: Advisor) -> None:
    for name in re.findall(r"(?m)^\| `([\w.]+)", DOCUMENT.read_text()):
        found: object = guide
        for part in name.split("."):
            found = getattr(found, part)


def test_settings_are_keywords_and_the_environment_is_not_read(
    published: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ADVISOR_CONTACT", "nonsense")
    with Advisor(published, max_question_chars=200) as opened:
        assert opened.settings.max_question_chars == 200
        assert opened.settings.contact == ""


def test_what_cannot_be_opened_is_said(tmp_path: Path, published: Path) -> None:
    with pytest.raises(IndexingError, match="Nothing is published"):
        Advisor(tmp_path)
    with pytest.raises(SettingsError, match="ADVISOR_CONTCT is not a setting"):
        Advisor(published, contct="x")


def test_importing_loads_nothing_and_every_name_is_there() -> None:
    code = (
        "import sys; before = set(sys.modules); import advisor_bot;"
        "print(sorted({m.partition('.')[0] for m in set(sys.modules) - before} - {'advisor_bot'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(eval(done.stdout)) <= set(sys.stdlib_module_names)
    assert all(getattr(advisor_bot, name) for name in advisor_bot.__all__)
    with pytest.raises(AttributeError):
        advisor_bot.Adviser  # noqa: B018


def test_it_is_typed(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(FIRST + "reveal_type(answer)\nreveal_type(advisor.as_retriever())\n")
    command = [sys.executable, "-m", "mypy", "--strict", f"--cache-dir={ROOT / '.mypy_cache'}", str(program)]
    root = Path(advisor_bot.__file__).parents[1]
    environment = {"MYPYPATH": str(root), "PYTHONPATH": str(root)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert 'Revealed type is "advisor_bot.types.Answer"' in done.stdout, done.stdout
    assert 'Revealed type is "advisor_bot.programs.python.GuideRetriever"' in done.stdout
    assert f"{program.name}:" not in "".join(line for line in done.stdout.splitlines() if "error" in line)
