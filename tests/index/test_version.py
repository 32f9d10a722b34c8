"""One version of the index and the library of versions, on real Chroma stores."""

from __future__ import annotations

import contextlib
import json
import logging
import math
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from disks import unwritable

from advisor_bot.disk import file_hash
from advisor_bot.documents.chunk import encoded_texts
from advisor_bot.documents.load import parse
from advisor_bot.errors import IndexingError
from advisor_bot.index import versions
from advisor_bot.index.library import Library
from advisor_bot.index.publish import prune, publish, rollback
from advisor_bot.index.version import Version
from advisor_bot.models.encoder import Encoder
from advisor_bot.models.opening import encoder_of, model_opener, open_reader
from advisor_bot.models.reader import Sentence
from advisor_bot.settings import Settings
from advisor_bot.text import terms
from advisor_bot.types import Document

GUIDE = """---
title: Studying here
revised: 2026-02-01
---
# Studying here

## Fees

A term costs 900 euros in the first year. It rises to 950 euros in the second year, said the bursar.

- **Loans.** Loans are granted in spring.
- **Grants.** Grants go to students who work in the library.

## Rooms

Rooms on the campus are given by lot. Whoever draws none waits a year.
"""


def documents(text: str = GUIDE) -> tuple[Document, ...]:
    return (parse("guide.md", text, markup=True), parse("notes.txt", "Meals\n\nLunch costs four euros.", markup=False))


@pytest.fixture
def settings(index_folder: Path) -> Settings:
    return Settings(index=index_folder)


@pytest.fixture(scope="session")
def made_once(encoders: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """An index with two versions, to be copied by tests that need no publishing of their own, and their names."""
    folder = tmp_path_factory.mktemp("made-once")
    settings = Settings(index=folder)
    return folder, [publish(documents(), settings).version, republish(settings, "dean")]


@pytest.fixture
def two_versions(settings: Settings, made_once: tuple[Path, list[str]]) -> list[str]:
    """Two published versions, the second live; their names."""
    folder, names = made_once
    shutil.copytree(folder / "versions", settings.index_folder / "versions")
    for name in ("PUBLISHED", "LIVE"):
        shutil.copy(folder / name, settings.index_folder)
    return names


@pytest.fixture
def library(settings: Settings, two_versions: list[str]) -> Iterator[Library]:
    """A library whose live version is the first of the two."""
    versions.point(settings.index_folder, two_versions[0], "rollback")
    found = Library(settings.index_folder, model_opener(Settings()))
    yield found
    found.close()


@pytest.fixture
def encoder(encoders: Path) -> Encoder:
    return encoder_of(open_reader(Settings()))


def republish(settings: Settings, word: str) -> str:
    return publish(documents(GUIDE.replace("bursar", word)), settings).version


def ask(library: Library, encoder: Encoder, question: str) -> tuple[str, str]:
    """Return the best passage by meaning and by words."""
    with library.lease() as index:
        by_meaning = index.dense(encoder.query(question), 1)[0][0]
        by_words = index.lexical(terms(question), 1)[0][0]
        return index.chunks[by_meaning].text, index.chunks[by_words].text


# --- one version -------------------------------------------------------------------------------------------------


def test_documents_come_back_as_they_were_read(library: Library) -> None:
    with library.lease() as index:
        assert tuple(index.documents.values()) == documents()
        for chunk in index.chunks:
            assert chunk.text == index.documents[chunk.document].text[chunk.start : chunk.end]


def test_every_passage_has_its_vector_and_every_sentence_what_is_read_of_it(library: Library) -> None:
    with library.lease() as index:
        models = index.models
        assert (index.fingerprint, index.reader) == (models.encoder.fingerprint, models.reader.fingerprint)
        assert len(index.sentence_rows) == index.first_sentence[-1]
        for row, chunk in enumerate(index.chunks):
            texts = encoded_texts(chunk, index.documents[chunk.document])
            passage = index.vectors[index.chunk_rows[row]]
            np.testing.assert_allclose(passage, models.encoder.encode([texts.chunk])[0], atol=1e-5)
            numbers = np.arange(index.first_sentence[row], index.first_sentence[row + 1])
            expected = models.reader.sentences([Sentence(s.text, s.heading) for s in texts.sentences])
            np.testing.assert_allclose(index.sentence_vectors(numbers), [e.vector for e in expected], atol=2e-3)
            for number, read in zip(numbers, expected, strict=True):
                assert index.words_of(number) == texts.sentences[number - numbers[0]].text
                np.testing.assert_allclose(index.encoded(number).values, read.values, atol=0.2)


def test_search_by_meaning_and_by_words_finds_the_passage(library: Library, encoder: Encoder) -> None:
    assert ask(library, encoder, "Which loans are granted?")[0].startswith("- **Loans.**")
    assert "four euros" in ask(library, encoder, "lunch")[1]


def test_chroma_agrees_with_comparing_every_vector(library: Library, encoder: Encoder) -> None:
    with library.lease() as index:
        vector = encoder.query("accommodation")
        found = index.dense(vector, 3)
        cosines = index.vectors[index.chunk_rows] @ vector
        assert [row for row, _ in found] == np.argsort(-cosines)[:3].tolist()
        np.testing.assert_allclose([score for _, score in found], np.sort(cosines)[::-1][:3], atol=1e-5)


def test_asking_for_more_passages_than_there_are_gives_all(library: Library, encoder: Encoder) -> None:
    with library.lease() as index:
        assert len(index.dense(encoder.query("fees"), 1_000)) == len(index.chunks)


def test_terms_the_guide_lacks_find_nothing_and_have_no_weight(library: Library) -> None:
    with library.lease() as index:
        assert index.lexical(["zeppelin"], 5) == []
        assert index.lexical([], 5) == []
        assert index.idf("zeppelin") is None
        assert index.idf("") is None


def test_rarer_terms_weigh_more(library: Library) -> None:
    with library.lease() as index:
        common, rare = (index.idf(terms(word)[0]) for word in ("year", "bursar"))
        assert common is not None
        assert rare is not None
        assert 0 < common < rare


def test_row_of_a_passage_is_found_by_its_id(library: Library) -> None:
    with library.lease() as index:
        assert [index.row(chunk.id) for chunk in index.chunks] == list(range(len(index.chunks)))
        assert index.row("nothing") is None


def test_failing_store_is_replaced_by_its_vectors(
    library: Library, encoder: Encoder, caplog: pytest.LogCaptureFixture
) -> None:
    with library.lease() as index:
        vector = encoder.query("accommodation")
        before = index.dense(vector, 3)
        index._chroma().close()
        with caplog.at_level(logging.WARNING):
            after = index.dense(vector, 3)
        assert [row for row, _ in after] == [row for row, _ in before]
        assert "searching its vectors directly" in caplog.text


# --- the library -------------------------------------------------------------------------------------------------


def test_nothing_published_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(IndexingError, match=r"Nothing is published in .* yet\. Run `python ingest\.py` first\."):
        Library(tmp_path, model_opener(Settings())).lease().__enter__()
    assert Library(tmp_path, model_opener(Settings())).live == ""


def test_library_opened_before_anything_is_published_serves_it_afterwards(settings: Settings) -> None:
    library = Library(settings.index_folder, model_opener(Settings()))
    assert library.refresh() is False
    name = publish(documents(), settings).version
    assert library.refresh() is True
    assert library.live == name
    library.close()


def test_new_version_is_served_after_a_refresh(library: Library, settings: Settings) -> None:
    with library.lease() as first:
        pass
    name = republish(settings, "rector")
    assert library.live == first.name
    assert library.refresh() is True
    assert library.refresh() is False
    with library.lease() as second:
        assert second.name == name == library.live
        assert any("rector" in chunk.text for chunk in second.chunks)
        assert second.parent == first.name


def test_version_in_use_stays_open_until_its_last_lease_ends(
    library: Library, settings: Settings, two_versions: list[str], encoder: Encoder
) -> None:
    with library.lease() as old:
        with library.lease() as again:
            assert again is old
            versions.point(settings.index_folder, two_versions[1], "publish")
            library.refresh()
        assert old.dense(encoder.query("fees"), 1)
        assert any("bursar" in chunk.text for chunk in old.chunks)
        assert old._store is not None
    assert old._store is None


def test_older_version_can_be_leased_by_name(library: Library, settings: Settings, two_versions: list[str]) -> None:
    first, second = two_versions
    versions.point(settings.index_folder, second, "publish")
    library.refresh()
    with library.lease(first) as old, library.lease() as live:
        assert (old.name, live.name) == (first, second)
        assert old.documents["guide.md"].text == GUIDE
    assert library.names() == [first, second]


def test_pruned_version_is_not_kept_any_more(library: Library, settings: Settings, two_versions: list[str]) -> None:
    assert prune(versions.Place(settings.index_folder), 1) == [two_versions[1]]
    with pytest.raises(IndexingError, match=f"Version {two_versions[1]} of the guide is not kept any more"):
        library.lease(two_versions[1]).__enter__()


def test_name_that_is_no_version_is_refused(library: Library) -> None:
    with pytest.raises(IndexingError, match="is not kept"):
        library.lease("../../etc").__enter__()


def test_watching_takes_a_new_version_by_itself(library: Library, settings: Settings, two_versions: list[str]) -> None:
    with library.lease():
        pass
    swapped = threading.Event()
    library.watch(0.05, swapped=swapped.set)
    versions.point(settings.index_folder, two_versions[1], "publish")
    assert swapped.wait(30)
    assert library.live == two_versions[1]


# --- damage ------------------------------------------------------------------------------------------------------


def _break(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 0xFF
    file.write_bytes(data)


DAMAGE = {
    "manifest altered": lambda version: _break(version / "manifest.json"),
    "manifest cut": lambda version: os.truncate(version / "manifest.json", 100),
    "vectors altered": lambda version: _break(version / "vectors.npy"),
    "vectors gone": lambda version: (version / "vectors.npy").unlink(),
    "words altered": lambda version: _break(version / "bm25" / "data.csc.index.npy"),
    "store gone": lambda version: shutil.rmtree(version / "chroma"),
    "store cut": lambda version: os.truncate(version / "chroma" / "chroma.sqlite3", 4096),
    "store not a store": lambda version: (version / "chroma" / "chroma.sqlite3").write_bytes(b"nonsense" * 900),
    "everything gone": shutil.rmtree,
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_damaged_live_version_gives_way_to_the_newest_sound_one(
    settings: Settings, two_versions: list[str], encoder: Encoder, caplog: pytest.LogCaptureFixture, damage: object
) -> None:
    first, second = two_versions
    assert callable(damage)
    damage(versions.path_of(settings.index_folder, second))
    library = Library(settings.index_folder, model_opener(Settings()))
    with caplog.at_level(logging.WARNING):
        assert "bursar" in ask(library, encoder, "What did the bursar say?")[1]
    assert library.live == first
    assert second in caplog.text
    library.close()


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_damaged_new_version_is_not_taken_and_the_old_one_answers(
    library: Library,
    settings: Settings,
    two_versions: list[str],
    encoder: Encoder,
    caplog: pytest.LogCaptureFixture,
    damage: object,
) -> None:
    before = ask(library, encoder, "What did the bursar say?")
    second = two_versions[1]
    versions.point(settings.index_folder, second, "publish")
    assert callable(damage)
    damage(versions.path_of(settings.index_folder, second))
    with caplog.at_level(logging.WARNING):
        assert library.refresh() is False
        assert library.refresh() is False
    assert caplog.text.count("cannot be used") == 1
    assert ask(library, encoder, "What did the bursar say?") == before


@pytest.mark.parametrize("pointer", ["", "000001-", "999999-0123456789ab\n", "../../etc\n", "\x00\xff"])
def test_damaged_pointer_gives_way_to_the_newest_sound_version(
    settings: Settings, two_versions: list[str], encoder: Encoder, caplog: pytest.LogCaptureFixture, pointer: str
) -> None:
    name = two_versions[1]
    (settings.index_folder / "LIVE").write_text(pointer, "latin-1")
    library = Library(settings.index_folder, model_opener(Settings()))
    with caplog.at_level(logging.WARNING):
        assert "dean" in ask(library, encoder, "What did the dean say?")[1]
    assert library.live == name
    assert name in caplog.text
    library.close()


def test_version_deleted_under_the_server_keeps_answering(
    library: Library, settings: Settings, encoder: Encoder
) -> None:
    before = ask(library, encoder, "What did the bursar say?")
    shutil.rmtree(settings.index_folder / "versions")
    for _ in range(3):
        library.refresh()
        assert ask(library, encoder, "What did the bursar say?") == before
    assert ask(library, encoder, "Where do students live on campus?")


def test_all_versions_damaged_is_one_line(settings: Settings, two_versions: list[str]) -> None:
    for name in two_versions:
        _break(versions.path_of(settings.index_folder, name) / "manifest.json")
    with pytest.raises(IndexingError, match=r"No version in .* can be read .* Run `python ingest\.py`"):
        Library(settings.index_folder, model_opener(Settings())).lease().__enter__()


def test_other_schema_is_named(settings: Settings, two_versions: list[str]) -> None:
    path = versions.path_of(settings.index_folder, two_versions[0])
    manifest = json.loads((path / "manifest.json").read_bytes())
    (path / "manifest.json").write_text(json.dumps(manifest | {"schema": 99}))
    renamed = path.rename(path.with_name(f"000001-{file_hash(path / 'manifest.json')[:12]}"))
    with pytest.raises(IndexingError, match="has schema 99, this program reads"):
        Version(renamed)


@pytest.fixture
def read_only(settings: Settings, two_versions: list[str], tmp_path: Path) -> Iterator[Path]:
    with unwritable(settings.index_folder, tmp_path / "read-only") as folder:
        yield folder


def test_read_only_folder_is_served_from_a_private_copy_that_is_removed(
    read_only: Path, encoder: Encoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    library = Library(read_only, model_opener(Settings()))
    assert "dean" in ask(library, encoder, "What did the dean say?")[0]
    with library.lease() as index:
        assert index._store_asked_from == -math.inf
    assert list(tmp_path.glob("advisor-index-*"))
    library.close()
    assert not list(tmp_path.glob("advisor-index-*"))


def test_publishing_into_a_read_only_folder_is_one_line(read_only: Path) -> None:
    with pytest.raises(IndexingError, match=r"cannot be written: .*What was live stays live"):
        publish(documents(GUIDE.replace("bursar", "rector")), Settings(index=read_only))


# --- memory and files --------------------------------------------------------------------------------------------


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="this system does not list open files under /proc")
def test_swapping_leaves_no_files_open(
    library: Library, settings: Settings, two_versions: list[str], encoder: Encoder
) -> None:
    """Chroma closes SQLite connections a moment after ``close`` returns; this looks until it has.

    About once in 200 swaps one of them stays until a later swap, so one is allowed, and no more may add up.
    """
    ask(library, encoder, "What does it cost?")

    def swap(times: int) -> None:
        for turn in range(times):
            rollback(settings, two_versions[1 - turn % 2])
            library.refresh()
            ask(library, encoder, "What does a term cost?")

    def of_a_retired_version() -> list[str]:
        versions_folder = str(settings.index_folder / "versions")
        return [f for f in open_files() if f.startswith(versions_folder) and library.live not in f]

    swap(4)
    assert eventually(lambda: len(of_a_retired_version()) <= 1), of_a_retired_version()
    few = len(open_files())
    swap(12)
    assert eventually(lambda: len(open_files()) <= few + 1), open_files()
    assert eventually(lambda: len(of_a_retired_version()) <= 1), of_a_retired_version()


def open_files() -> list[str]:
    """Return what each open descriptor of this process points at."""
    found = []
    for descriptor in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):  # the listing's own
            found.append(str(descriptor.readlink()))
    return found


def eventually(good: Callable[[], bool], seconds: float = 20) -> bool:
    """Look until it is good; False when it is not in that time."""
    end = time.monotonic() + seconds
    while not good():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True
