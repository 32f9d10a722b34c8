"""The reader: encoded once, read again and again; the same however texts are batched, without torch."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor_bot.errors import EncoderError
from advisor_bot.models.export import ensure_models, prepare_models
from advisor_bot.models.opening import encoder_of, open_reader, reader_fingerprint
from advisor_bot.models.reader import NOTHING, Reader, Sentence
from advisor_bot.settings import Settings

TEXTS = [
    Sentence("Tuition is 450 euros a term.", "Costs"),
    Sentence("It is due in October.", "Costs"),
    Sentence(""),
    Sentence("Ünïcode, 漢字 and 🎓 together \ud800"),
    Sentence("word " * 3_000, "heading " * 300),
]


@pytest.fixture(scope="module")
def reader(encoders: Path) -> Reader:
    return open_reader(Settings())


def test_a_sentence_is_encoded_alike_alone_and_among_others(reader: Reader) -> None:
    for one, together in zip(TEXTS, reader.sentences(TEXTS), strict=True):
        (alone,) = reader.sentences([one])
        np.testing.assert_allclose(alone.vector, together.vector, atol=1e-4)
        np.testing.assert_allclose(alone.values, together.values, atol=0.15)
        assert np.linalg.norm(alone.vector) == pytest.approx(1.0, abs=1e-4)


def test_two_neighbouring_products_fit_in_sixteen_bits_so_that_every_processor_adds_them_alike(encoders: Path) -> None:
    import onnx
    from onnx import numpy_helper

    graph = onnx.load(str(encoders / reader_fingerprint() / "model.onnx")).graph
    matrices = [numpy_helper.to_array(one) for one in graph.initializer if one.name.endswith(".rows")]
    assert len(matrices) == 25
    for matrix in matrices:
        pairs = matrix.astype(np.int64).reshape(-1, 2, matrix.shape[1])
        for side in (pairs.clip(min=0), -pairs.clip(max=0)):
            assert 255 * side.sum(1).max() < 2**15


def test_progress_counts_every_sentence(reader: Reader) -> None:
    told: list[int] = []
    reader.sentences(TEXTS, progress=told.append)
    assert sum(told) == len(TEXTS)


def test_reading_gives_each_sentence_two_scores_and_the_question_two_probabilities(reader: Reader) -> None:
    verdict = reader.read(reader.question("What does a term cost?"), reader.sentences(TEXTS))
    assert verdict.answers.shape == verdict.helps.shape == (len(TEXTS),)
    assert 0 <= verdict.answered <= 1
    assert 0 <= verdict.helped <= 1


def test_the_order_in_which_sentences_are_given_changes_no_score(reader: Reader) -> None:
    question, sentences = reader.question("When is tuition due?"), reader.sentences(TEXTS)
    forth, back = reader.read(question, sentences), reader.read(question, sentences[::-1])
    np.testing.assert_allclose(forth.answers, back.answers[::-1], atol=1e-3)
    assert forth.answered == pytest.approx(back.answered, abs=1e-3)


def test_nothing_to_read_answers_nothing(reader: Reader) -> None:
    assert reader.read(reader.question("Anything?"), []) is NOTHING


@given(st.text(max_size=300))
def test_any_question_is_encoded_and_told_what_it_is(reader: Reader, text: str) -> None:
    assert 1 <= len(reader.question(text).states) <= 112
    assert 0 <= reader.about(text).leans <= 1


def test_questions_are_remembered(reader: Reader) -> None:
    first = reader.question("remember me")
    assert reader.question("remember me") is first


def test_its_encoder_makes_the_vectors_of_passages(reader: Reader) -> None:
    encoder = encoder_of(reader)
    vectors = encoder.encode(["Costs\nTuition is 450 euros a term.", "The pool is warm."])
    assert encoder.fingerprint == reader.fingerprint == reader_fingerprint()
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-4)
    np.testing.assert_allclose(encoder.query("pool"), reader.question("pool").vector)


def test_nothing_prepared_is_one_line_that_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match=r"No reading encoder .* Run `python ingest.py`"):
        open_reader(Settings(cache=tmp_path))


def test_a_version_of_another_program_is_one_line_that_says_what_to_run(encoders: Path) -> None:
    with pytest.raises(EncoderError, match=r"another version of this program. Run `python ingest.py`"):
        open_reader(Settings(), "r0-0123456789ab")


def test_a_half_written_encoder_is_made_again(tmp_path: Path, reader: Reader) -> None:
    settings = Settings(cache=tmp_path)
    made = settings.encoder_folder / reader.fingerprint
    made.mkdir(parents=True)
    (made / "model.onnx").write_bytes(b"half")
    (settings.encoder_folder / ".export-1-2").mkdir()
    with pytest.raises(EncoderError):
        open_reader(settings)
    prepare_models(settings, say=lambda _: None)
    np.testing.assert_allclose(open_reader(settings).question("x").vector, reader.question("x").vector)
    assert sorted(path.name for path in settings.encoder_folder.iterdir()) == [".lock", reader.fingerprint]


def test_a_cache_that_cannot_be_written_is_one_line_with_the_setting_to_change(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(EncoderError, match=r"cannot be written: .* Set ADVISOR_CACHE"):
        prepare_models(Settings(cache=tmp_path / "file"), say=lambda _: None)


def test_preparing_and_reading_import_no_torch(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from advisor_bot.models.export import ensure_models, prepare_models;"
        "from advisor_bot.settings import Settings;"
        f"reader = prepare_models(Settings(cache=Path({str(tmp_path)!r})), say=lambda _: None).reader;"
        "reader.read(reader.question('hello'), reader.sentences([]));"
        "print(sorted({'torch', 'transformers', 'sentence_transformers'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_reading_in_parts_gives_what_the_whole_graph_gives(reader: Reader) -> None:
    from advisor_bot.models.opening import READER, _session

    whole, seen = _session(READER / "reader.onnx", 1), []
    in_parts = reader._compare

    def both(inputs: dict[str, np.ndarray]) -> object:
        found = in_parts(inputs)
        for one, other in zip(found, whole.run(None, inputs), strict=True):
            np.testing.assert_allclose(one, other, atol=1e-4)
        seen.append(len(inputs["p"]))
        return found

    many = [Sentence("Tuition is 450 euros a term, " + "and more " * n, "Costs") for n in range(25)]
    reader._compare = both  # type: ignore[assignment]
    try:
        for count in (1, 11, 25):
            reader.read(reader.question("What does a term cost?"), reader.sentences(many[:count]))
    finally:
        reader._compare = in_parts  # type: ignore[method-assign]
    assert seen == [1, 11, 25]


def test_what_an_earlier_version_made_is_used_and_made_anew_when_publishing(encoders: Path, tmp_path: Path) -> None:
    settings, name = Settings(cache=tmp_path), reader_fingerprint()
    old = tmp_path / "encoders" / name
    shutil.copytree(encoders / name, old)
    manifest = json.loads((old / "manifest.json").read_text())
    for part in ("pairs.onnx", "together.onnx"):
        (old / part).unlink()
        del manifest["files"][part], manifest["sizes"][part]
    (old / "manifest.json").write_text(json.dumps(manifest))
    question = "What does a term cost?"

    def asked() -> float:
        reader = open_reader(settings)
        return reader.read(reader.question(question), reader.sentences(TEXTS)).answered

    before = asked()
    assert not (old / "pairs.onnx").exists()
    ensure_models(settings, say=lambda _: None)
    assert (old / "pairs.onnx").exists()
    assert asked() == pytest.approx(before, abs=1e-4)
