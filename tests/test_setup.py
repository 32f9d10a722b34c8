"""`make`'s set-up, run on a copy of the project with a stand-in for .venv's Python that records what it is asked."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

# Plays .venv's Python: writes its arguments down; exits 1 for those that hold a word of the file "fails".
STAND_IN = """#!/bin/sh
here=$(dirname "$0")
echo "$*" >> "$here/asked"
for word in $(cat "$here/fails"); do
    case "$*" in *"$word"*) echo "no $word" >&2; exit 1 ;; esac
done
case "$*" in *--report*) echo '"version": "2.13.0+cpu"' ;; esac
"""


class Project:
    """A copy of what set-up needs, in a folder whose name has a space."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "a checkout"
        (self.folder / "scripts").mkdir(parents=True)
        for name in ("pyproject.toml", "constraints.txt", "Makefile", "scripts/setup.py", "scripts/chromium.py"):
            shutil.copy(ROOT / name, self.folder / name)
        self.bin = self.folder / ".venv" / "bin"

    def with_stand_in(self, fails: str = "") -> Project:
        self.bin.mkdir(parents=True, exist_ok=True)
        (self.bin / "python").write_text(STAND_IN)
        (self.bin / "python").chmod(0o755)
        (self.bin / "fails").write_text(fails)
        return self

    def set_up(self, goal: str = "run", **environ: str) -> subprocess.CompletedProcess[str]:
        (self.bin / "asked").unlink(missing_ok=True)
        return subprocess.run(
            [sys.executable, "scripts/setup.py", goal],
            cwd=self.folder,
            env={"PATH": os.environ["PATH"], **environ},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    @property
    def installed(self) -> list[str]:
        """What pip was asked to install, one call an entry."""
        asked = self.bin / "asked"
        lines = asked.read_text().splitlines() if asked.exists() else []
        return [
            line.partition("pip install ")[2] for line in lines if "pip install" in line and "--dry-run" not in line
        ]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def test_the_size_of_the_download_is_said_before_anything_is_installed(project: Project) -> None:
    done = project.with_stand_in().set_up()
    assert done.returncode == 0, done.stderr
    assert "MB will be downloaded" in done.stdout.splitlines()[0]
    assert project.installed


def test_a_second_set_up_installs_nothing(project: Project) -> None:
    project.with_stand_in().set_up()
    again = project.set_up()
    assert (again.returncode, again.stdout, project.installed) == (0, "", [])


def test_what_the_tests_need_is_enough_to_run(project: Project) -> None:
    project.with_stand_in().set_up("check")
    assert any(".[dev,formats]" in line for line in project.installed)
    project.set_up("run")
    assert project.installed == []


def test_what_running_needs_is_not_enough_to_check(project: Project) -> None:
    project.with_stand_in().set_up("run")
    project.set_up("check")
    assert any(".[dev,formats]" in line for line in project.installed)


@pytest.mark.parametrize("name", ["pyproject.toml", "constraints.txt"])
def test_a_changed_requirement_is_installed(project: Project, name: str) -> None:
    project.with_stand_in().set_up()
    with (project.folder / name).open("a") as file:
        file.write("# changed\n")
    again = project.set_up()
    assert project.installed
    assert "only what changed is downloaded" in again.stdout


def test_a_moved_checkout_is_set_up_again(project: Project) -> None:
    project.with_stand_in().set_up()
    moved = project.folder.with_name("elsewhere")
    project.folder.rename(moved)
    project.folder, project.bin = moved, moved / ".venv" / "bin"
    project.set_up()
    assert project.installed


def test_a_failed_set_up_fails_in_one_line_and_starts_over_next_time(project: Project) -> None:
    failed = project.with_stand_in(fails="constraints.txt").set_up()
    assert failed.returncode == 1
    assert failed.stderr.splitlines()[-1].startswith("pip could not install")
    assert "Traceback" not in failed.stderr
    again = project.set_up(PYTHONPATH=str(_without_ensurepip(project)))
    assert "no venv module" in again.stderr, "a half-made .venv must be made anew"


def test_a_missing_venv_module_is_one_line_that_names_the_package(project: Project) -> None:
    done = project.set_up(PYTHONPATH=str(_without_ensurepip(project)))
    assert done.returncode == 1
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert "-venv" in done.stderr
    assert not (project.folder / ".venv").exists()


def _without_ensurepip(project: Project) -> Path:
    """A folder that, first on the path, makes this Python look like Debian's without python3-venv."""
    folder = project.folder / "debian"
    folder.mkdir(exist_ok=True)
    (folder / "ensurepip.py").write_text("raise ImportError('not installed')\n")
    return folder


def test_pytorch_comes_from_the_index_named(project: Project) -> None:
    project.with_stand_in(fails="importlib.metadata").set_up(TORCH_INDEX_URL="https://index.example/cpu")
    first, second = project.installed
    assert first.endswith("--no-deps --index-url https://index.example/cpu torch==2.13.0")
    assert "--index-url" not in second


def test_without_a_browser_the_tests_do_not_start(project: Project, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for tool in ("sh", "dirname", "cat"):
        (tmp_path / "empty" / tool).symlink_to(shutil.which(tool) or tool)
    done = project.with_stand_in(fails="chromium.py").set_up("test", PATH=str(tmp_path / "empty"))
    assert done.returncode == 1
    assert "stops here" in done.stderr


def test_a_browser_that_is_named_but_missing_is_told(project: Project) -> None:
    done = subprocess.run(
        [sys.executable, "scripts/chromium.py"],
        cwd=project.folder,
        env={"PATH": os.environ["PATH"], "CHROMIUM": "/no/such/browser"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "apt install chromium" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_make_says_when_python_cannot_be_run(project: Project) -> None:
    done = subprocess.run(
        ["make", "run", "PYTHON=no-such-python"],
        cwd=project.folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode != 0
    assert done.stderr.splitlines()[0] == "no-such-python is not a Python 3.11 or newer."
