"""``python ingest.py`` as the owner runs it: real commands, and the faults they must survive."""

from __future__ import annotations

import contextlib
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from disks import unwritable

from advisor_bot.index import versions
from advisor_bot.index.library import Library
from advisor_bot.index.version import Version
from advisor_bot.models.opening import model_opener
from advisor_bot.settings import Settings

ROOT = Path(__file__).parents[1]
SEED = 20261122
PARAGRAPHS = [
    f"Course {number} teaches one subject in depth. Its lectures begin in week {number} and end with a written paper."
    for number in range(1, 13)
]


class Owner:
    """Who runs the command: a corpus, an index folder, and what the command said."""

    def __init__(self, folder: Path, index: Path) -> None:
        self.corpus, self.index = folder / "corpus", index
        self.write(PARAGRAPHS)

    def write(self, paragraphs: list[str], name: str = "guide.md") -> None:
        self.corpus.mkdir(exist_ok=True)
        (self.corpus / name).write_text("# Courses\n\n## All courses\n\n" + "\n\n".join(paragraphs) + "\n", "utf-8")

    def command(self, *arguments: object) -> list[str]:
        return [sys.executable, str(ROOT / "ingest.py"), *map(str, arguments), "--index", str(self.index)]

    def run(self, *arguments: object, **kwargs: object) -> subprocess.CompletedProcess[str]:
        environ = {key: value for key, value in os.environ.items() if not key.startswith("ADVISOR_")}
        return subprocess.run(  # type: ignore[call-overload,no-any-return]
            self.command(*(arguments or (self.corpus,))),
            capture_output=True,
            text=True,
            env=environ,
            timeout=250,
            cwd=self.corpus.parent,
            **kwargs,
        )

    def publish(self, *arguments: object) -> str:
        done = self.run(self.corpus, *arguments)
        assert done.returncode == 0, done.stderr
        return self.live()

    def live(self) -> str:
        """The version that a newcomer is served, opened whole, with its text."""
        library = Library(self.index, model_opener(Settings()))
        try:
            with library.lease() as index:
                assert index.warm().documents
                return index.name
        finally:
            library.close()


@pytest.fixture
def owner(tmp_path: Path, index_folder: Path) -> Owner:
    return Owner(tmp_path, index_folder)


@pytest.fixture(scope="session")
def made_once(encoders: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made-once")
    Owner(folder, folder / "index").publish()
    return folder / "index"


@pytest.fixture
def published(owner: Owner, made_once: Path) -> str:
    """The live version of an index that holds the owner's corpus."""
    shutil.copytree(made_once / "versions", owner.index / "versions")
    for name in ("PUBLISHED", "LIVE"):
        shutil.copy(made_once / name, owner.index)
    return versions.live(owner.index)


def one_line(done: subprocess.CompletedProcess[str]) -> str:
    """The one line on stderr of a command that failed as it should."""
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, lines
    return lines[0]


# --- what it prints ----------------------------------------------------------------------------------------------


def test_help_answers_without_loading_anything_heavy() -> None:
    code = (
        "import sys, runpy\nsys.argv = ['ingest.py', '--help']\n"
        f"try: runpy.run_path({str(ROOT / 'ingest.py')!r}, run_name='__main__')\nexcept SystemExit: pass\n"
        "print(sorted({'numpy', 'torch', 'chromadb', 'onnxruntime', 'langchain_core'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "--rollback" in done.stdout
    assert done.stdout.splitlines()[-1] == "[]"


def test_first_line_says_what_goes_on_and_the_last_what_came_of_it(owner: Owner) -> None:
    done = owner.run()
    assert done.returncode == 0
    assert done.stdout.splitlines()[0] == f"Reading {owner.corpus}."
    assert done.stdout.splitlines()[-1].startswith(f"Published {owner.live()} in ")
    assert done.stderr == ""


def test_unchanged_guide_publishes_nothing(owner: Owner, published: str) -> None:
    done = owner.run()
    assert (done.returncode, owner.live()) == (0, published)
    assert done.stdout.splitlines()[-1] == f"Nothing changed; {published} stays live."


def test_preview_prints_words_before_and_after_and_writes_nothing(owner: Owner, published: str) -> None:
    owner.write([PARAGRAPHS[0].replace("one subject", "two subjects"), *PARAGRAPHS[1:]])
    before = sorted(str(path) for path in owner.index.rglob("*"))
    done = owner.run(owner.corpus, "--dry-run")
    assert done.returncode == 0
    assert "[-one subject-] {+two subjects+}" in done.stdout
    assert "1 changed, 11 unchanged passages; 2 texts to embed" in done.stdout
    assert sorted(str(path) for path in owner.index.rglob("*")) == before


def test_preview_as_json_has_the_promised_shape(owner: Owner, published: str) -> None:
    owner.write(PARAGRAPHS[1:])
    shown = json.loads(owner.run(owner.corpus, "--dry-run", "--json").stdout)
    assert {key: shown[key] for key in ("added", "changed", "moved", "removed", "unchanged", "embed")} == {
        "added": 0,
        "changed": 0,
        "moved": 0,
        "removed": 1,
        "unchanged": 11,
        "embed": 0,
    }
    assert shown["answers"] == []
    (document,) = shown["documents"]
    assert document["removed"][0]["before"]["text"] == PARAGRAPHS[0]


def test_preview_of_an_unchanged_guide_says_so(owner: Owner, published: str) -> None:
    done = owner.run(owner.corpus, "--dry-run", "--json")
    assert json.loads(done.stdout)["unchanged"] == len(PARAGRAPHS)
    assert done.returncode == 0
    assert owner.run(owner.corpus, "--dry-run").stdout.splitlines()[-1] == "Nothing would change."


def test_preview_shows_answers_that_would_change(owner: Owner, published: str) -> None:
    case = {
        "id": "week",
        "question": "When do the lectures of Course 3 begin?",
        "answerable": True,
        "facts": [["week 3"]],
    }
    (owner.corpus / "cases.jsonl").write_text(json.dumps(case) + "\n")
    owner.write([paragraph.replace("in week 3 ", "in week 33 ") for paragraph in PARAGRAPHS])
    (answer,) = json.loads(owner.run(owner.corpus, "--dry-run", "--json").stdout)["answers"]
    assert "cited" in answer["differs"]
    assert ["week 3 " in str(answer["before"]), "week 33 " in str(answer["after"])] == [True, True]
    shown = owner.run(owner.corpus, "--dry-run").stdout
    assert case["question"] in shown
    assert "1 of 1 answers would change" in shown


def test_named_case_file_stops_a_guide_that_answers_worse(owner: Owner, published: str) -> None:
    case = {
        "id": "week",
        "question": "When do the lectures of Course 3 begin?",
        "answerable": True,
        "facts": [["week 3"]],
    }
    cases = owner.corpus.parent / "my-cases.jsonl"
    cases.write_text(json.dumps(case) + "\n")
    owner.write([paragraph.replace("begin in week 3 ", "begin some day ") for paragraph in PARAGRAPHS])
    assert "would answer worse" in one_line(owner.run(owner.corpus, "--cases", cases))
    assert owner.live() == published
    assert owner.run(owner.corpus, "--cases", cases, "--force").returncode == 0


def test_list_roll_back_and_publish_again(owner: Owner, published: str) -> None:
    owner.write([*PARAGRAPHS, "Course 99 is new. Nobody has taken it yet, so nobody can say how hard it is."])
    second = owner.publish()
    assert second != published
    rolled = owner.run("--rollback")
    assert (rolled.returncode, owner.live()) == (0, published)
    assert rolled.stdout.strip() == f"{published} is live again."
    assert owner.run("--rollback", "--to", second).returncode == 0
    listed = [line for line in owner.run("--list").stdout.splitlines() if "0000" in line]
    assert [("live" in line.split(), line.split()[-2:]) for line in listed] == [
        (False, ["12", "added"]),
        (True, ["12", "unchanged"]),
    ]


def test_unreadable_file_is_named_and_the_rest_is_published(owner: Owner) -> None:
    (owner.corpus / "picture.md").write_bytes(bytes(range(256)) * 20)
    (owner.corpus / "empty.md").write_text("")
    done = owner.run()
    assert done.returncode == 0
    left_out = done.stderr.strip().splitlines()
    assert [line.split()[:3] for line in left_out] == [["Left", "out:", "empty.md"], ["Left", "out:", "picture.md"]]
    assert owner.live()


def test_single_files_may_be_given(owner: Owner) -> None:
    owner.write(["Rooms are given by lot in the last week of August, one for each student."], "rooms.md")
    assert owner.run(owner.corpus / "rooms.md").returncode == 0
    library = Library(owner.index, model_opener(Settings()))
    with library.lease() as index:
        assert list(index.documents) == ["rooms.md"]
    library.close()


# --- errors ------------------------------------------------------------------------------------------------------


def nothing_readable(owner: Owner) -> list[object]:
    (owner.corpus / "guide.md").unlink()
    return [owner.corpus]


def half_gone(owner: Owner) -> list[object]:
    owner.write(PARAGRAPHS[:3])
    return [owner.corpus]


ERRORS: dict[str, tuple[Callable[[Owner], list[object]], str]] = {
    "no such path": (lambda owner: [owner.corpus / "nowhere"], "no such file or folder"),
    "nothing readable": (nothing_readable, "There is nothing to publish"),
    "nothing readable, forced": (lambda owner: [*nothing_readable(owner), "--force"], "There is nothing to publish"),
    "half gone": (half_gone, "Add --force if that is meant"),
    "first version rolled back": (lambda _: ["--rollback"], "there is nothing before it"),
    "no such version": (lambda _: ["--rollback", "--to", "77"], "keeps no version 77"),
}


@pytest.mark.parametrize(("prepare", "said"), ERRORS.values(), ids=ERRORS)
def test_error_is_one_line_and_what_was_live_stays(
    owner: Owner, published: str, prepare: Callable[[Owner], list[object]], said: str
) -> None:
    assert said in one_line(owner.run(*prepare(owner)))
    assert owner.live() == published


def test_unknown_setting_is_one_line(owner: Owner) -> None:
    done = subprocess.run(
        owner.command(owner.corpus), capture_output=True, text=True, env={**os.environ, "ADVISOR_CHUNK": "3"}
    )
    assert "ADVISOR_CHUNK is not a setting" in one_line(done)


def test_a_server_that_is_not_there_is_one_line(owner: Owner) -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "ingest.py"), str(owner.corpus), "--index", "http://127.0.0.1:9"],
        capture_output=True,
        text=True,
    )
    assert "The Chroma server at http://127.0.0.1:9 cannot be used" in one_line(done)


# --- faults ------------------------------------------------------------------------------------------------------


def _edition(number: int) -> list[str]:
    return [paragraph.replace("in depth", f"in depth, edition {number}") for paragraph in PARAGRAPHS]


def _text(owner: Owner) -> str:
    index = Version(versions.path_of(owner.index, owner.live()))
    return index.documents["guide.md"].text


def _building(owner: Owner) -> bool:
    return bool(list((owner.index / "versions").glob(".building-*")))


def _times(owner: Owner) -> tuple[float, float]:
    """How long a publish takes until the new version's folder is there, and from then on, seconds."""
    began = there = time.monotonic()
    process = subprocess.Popen(owner.command(owner.corpus), stdout=subprocess.DEVNULL)
    while process.poll() is None:
        if there == began and _building(owner):
            there = time.monotonic()
        time.sleep(0.002)
    assert process.returncode == 0
    return there - began, time.monotonic() - there


def _killed(owner: Owner, wait: float, *, once_there: bool) -> bool:
    """Publish and kill, so many seconds after the start or after the new folder appeared; tell whether in time."""
    process = subprocess.Popen(owner.command(owner.corpus), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    while once_there and process.poll() is None and not _building(owner):
        time.sleep(0.002)
    time.sleep(wait)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    return process.returncode == -signal.SIGKILL


def _kills(owner: Owner, times: int) -> int:
    """Kill so many publishes at random moments, three of four once the new folder is there; check after each."""
    chance = random.Random(SEED)
    owner.write(_edition(0))
    before, after = _times(owner)
    live, hit = _text(owner), 0
    for number in range(1, times + 1):
        owner.write(_edition(number))
        once_there = number % 4 > 0
        hit += _killed(owner, chance.uniform(0, after if once_there else before), once_there=once_there)
        now = _text(owner)
        assert now in (live, (owner.corpus / "guide.md").read_text("utf-8"))
        live = now
    return hit


def _nothing_left_over(owner: Owner) -> None:
    owner.write(_edition(-1))
    owner.publish()
    assert _text(owner) == (owner.corpus / "guide.md").read_text("utf-8")
    kept = {path.name for path in (owner.index / "versions").iterdir()}
    assert kept == set(versions.published(owner.index))


def test_kill_at_any_moment_leaves_the_old_or_the_new_version(owner: Owner, published: str) -> None:
    assert _kills(owner, 8) >= 4
    _nothing_left_over(owner)


@pytest.mark.soak
@pytest.mark.timeout(1_800)
def test_kill_at_forty_moments_leaves_the_old_or_the_new_version(owner: Owner, published: str) -> None:
    assert _kills(owner, 40) >= 20
    _nothing_left_over(owner)


def test_kill_between_folder_and_pointer_leaves_the_old_version(owner: Owner, published: str) -> None:
    # The narrowest moment, made sure: the version has its name, and no line in PUBLISHED tells of it yet.
    owner.write(_edition(1))
    code = (
        "import os, signal, sys; from advisor_bot.index import versions\n"
        "versions.point = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        f"sys.argv = ['ingest.py', {str(owner.corpus)!r}, '--index', {str(owner.index)!r}]\n"
        "from advisor_bot.ingest_command import main; main()"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == -signal.SIGKILL
    assert len(list((owner.index / "versions").iterdir())) == 2
    assert owner.live() == published
    _nothing_left_over(owner)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[Path, int], None]]:
    """Put an index on a disk with so many bytes left: a tmpfs for root, else a limit on the size of a file."""
    mounted: list[Path] = []

    def shrink(index: Path, left: int) -> None:
        used = sum(file.stat().st_size for file in index.rglob("*") if file.is_file())
        aside = index.rename(index.with_name("aside"))
        index.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={used + 20_000_000}", "tmpfs", index], check=True)
        mounted.append(index)
        shutil.copytree(aside, index, dirs_exist_ok=True)
        (index / "ballast").write_bytes(bytes(shutil.disk_usage(index).free - left))

    yield shrink
    for folder in mounted:
        subprocess.run(["umount", "--lazy", folder], check=True)  # Chroma lets go of its files late


@pytest.mark.parametrize("left", [20_000, 60_000, 150_000, 300_000, 500_000])
def test_full_disk_is_one_line_and_what_was_live_stays(
    owner: Owner, published: str, small_disk: Callable[[Path, int], None], left: int
) -> None:
    owner.write([*PARAGRAPHS, *(p.replace("Course", "Seminar") for p in PARAGRAPHS)])
    if os.geteuid() == 0:
        small_disk(owner.index, left)
        done = owner.run()
    else:
        limit = (left // 5, resource.getrlimit(resource.RLIMIT_FSIZE)[1])  # of each file, not of all together
        done = owner.run(owner.corpus, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit))
    assert "written" in one_line(done) or "write" in one_line(done)
    assert owner.live() == published
    assert not list((owner.index / "versions").glob(".*"))


def test_two_publishers_take_turns(owner: Owner, published: str) -> None:
    owner.write(_edition(1))
    both = [
        subprocess.Popen(owner.command(owner.corpus), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = [process.communicate(timeout=250)[0].splitlines()[-1] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    live = owner.live()
    assert sorted(line.split()[0] for line in said) == ["Nothing", "Published"]
    assert all(live in line for line in said)


def _hears_ctrl_c() -> None:
    """In the child: a shell that runs the tests in the background has it ignore Ctrl-C, which children inherit."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_watching_publishes_each_edit_and_outlives_a_broken_one(owner: Owner, published: str) -> None:
    process = subprocess.Popen(
        owner.command(owner.corpus, "--watch"),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=_hears_ctrl_c,
    )
    assert process.stdout is not None
    try:
        _until(process.stdout, "Watching")
        owner.write(_edition(1))
        assert versions.sequence_of(_until(process.stdout, "Published").split()[1]) == 2
        (owner.corpus / "guide.md").write_bytes(b"\x00\x01\x02\x03" * 200)
        assert "There is nothing to publish" in _until(process.stdout, "There is")
        owner.write(_edition(2))
        name = _until(process.stdout, "Published").split()[1]
        assert (versions.sequence_of(name), owner.live()) == (3, name)
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)


def _until(stream: object, beginning: str) -> str:
    for line in stream:  # type: ignore[attr-defined]
        if line.startswith(beginning):
            return str(line)
    raise AssertionError(f"the command ended before it said {beginning!r}")


def test_interrupted_publish_says_so_and_keeps_what_was_live(owner: Owner, published: str) -> None:
    owner.write(_edition(1))
    process = subprocess.Popen(
        owner.command(owner.corpus), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=_hears_ctrl_c
    )
    with contextlib.suppress(StopIteration):
        while process.poll() is None and not list((owner.index / "versions").glob(".building-*")):
            time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode
    assert "Traceback" not in errors
    assert owner.live() == published


def _asked(index: Path) -> tuple[str, str]:
    """Ask the real command; return the version that answered and what was said beside."""
    command = [sys.executable, "-m", "advisor_bot", "ask", "Which course is hard?", "--json", "--index", str(index)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=250)
    assert done.returncode == 0, done.stderr
    return str(json.loads(done.stdout)["guide_version"]), done.stderr


FAULTS = {
    "LIVE names a version that is not there": lambda index, _: (index / "LIVE").write_text("000009-0123456789ab\n"),
    "LIVE is empty": lambda index, _: (index / "LIVE").write_bytes(b""),
    "LIVE is cut": lambda index, live: (index / "LIVE").write_text(live[:9]),
    "the live version is damaged": lambda index, live: os.truncate(index / "versions" / live / "manifest.json", 100),
    "the live version is gone": lambda index, live: shutil.rmtree(index / "versions" / live),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_the_newest_sound_version_answers_with_a_warning_where(owner: Owner, published: str, fault: str) -> None:
    owner.write(_edition(1))
    live = owner.publish()
    FAULTS[fault](owner.index, live)
    sound = published if "version is" in fault and "not there" not in fault else live
    answered, said = _asked(owner.index)
    assert answered == sound
    assert f"serving {sound}" in said
    owner.write(_edition(2))
    assert owner.publish() not in (published, live)  # and the next publish works


def test_a_read_only_folder_answers_and_takes_nothing(owner: Owner, published: str, tmp_path: Path) -> None:
    with unwritable(owner.index, tmp_path / "read-only") as folder:
        assert _asked(folder) == (published, "")
        owner.write(_edition(1))
        owner.index, real = folder, owner.index
        done = owner.run()
        owner.index = real
        assert "cannot be written" in one_line(done)
    assert owner.live() == published


def test_a_clock_set_back_publishes_and_rolls_back_in_order(owner: Owner, published: str) -> None:
    owner.write(_edition(1))
    code = (
        "import sys; from advisor_bot.index import versions; versions.now = lambda: '2001-01-01T00:00:00+00:00'\n"
        f"sys.argv = ['ingest.py', {str(owner.corpus)!r}, '--index', {str(owner.index)!r}]\n"
        "from advisor_bot.ingest_command import main; main()"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0
    second = owner.live()
    assert versions.sequence_of(second) == 2
    assert _asked(owner.index)[0] == second
    assert owner.run("--rollback").returncode == 0
    assert owner.live() == published
