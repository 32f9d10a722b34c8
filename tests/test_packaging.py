"""What `pip install` gets: the wheel holds the program and its data, and nothing else."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
import zipfile
from email import message_from_string
from email.message import Message
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import advisor_bot

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The wheel, built from a copy so that nothing is left beside the sources."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    shutil.copytree(ROOT / "src", source / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", str(folder)]
    done = subprocess.run([*command, str(source)], capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    return zipfile.ZipFile(next(folder.glob("*.whl")))


def _in_dist_info(wheel: zipfile.ZipFile, name: str) -> str:
    folder = f"advisor_bot-{advisor_bot.__version__}.dist-info"
    return wheel.read(f"{folder}/{name}").decode()


@pytest.fixture
def metadata(wheel: zipfile.ZipFile) -> Message:
    return message_from_string(_in_dist_info(wheel, "METADATA"))


def test_every_file_of_the_package_is_in_the_wheel(wheel: zipfile.ZipFile) -> None:
    package = ROOT / "src" / "advisor_bot"
    files = {
        path.relative_to(package.parent).as_posix()
        for path in package.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert files - set(wheel.namelist()) == set()


def test_nothing_but_the_package_is_in_the_wheel(wheel: zipfile.ZipFile) -> None:
    tops = {name.split("/")[0] for name in wheel.namelist()}
    assert tops == {"advisor_bot", f"advisor_bot-{advisor_bot.__version__}.dist-info"}


def test_the_command_is_installed(wheel: zipfile.ZipFile) -> None:
    assert "advisor-bot = advisor_bot.cli:main" in _in_dist_info(wheel, "entry_points.txt")


def test_the_license_travels_along(wheel: zipfile.ZipFile, metadata: Message) -> None:
    assert metadata["License-Expression"] == "MIT"
    assert _in_dist_info(wheel, "licenses/LICENSE") == (ROOT / "LICENSE").read_text()


# Declared although our own code does not import it.
NEEDED_BY_LIBRARIES: dict[str, str] = {"python-multipart": "FastAPI and Starlette read forms with it"}


def _of_the_program(one: Requirement) -> bool:
    """Tell whether the program itself needs it: always, to read more formats, or to run a model of its own."""
    return one.marker is None or any(f'"{extra}"' in str(one.marker) for extra in ("formats", "local"))


def _requirements(metadata: Message) -> list[Requirement]:
    return [Requirement(line) for line in metadata.get_all("Requires-Dist", [])]


def _imported() -> dict[str, str]:
    """Each top-level module that a file of the package imports, with the name of one such file."""
    found: dict[str, str] = {}
    for path in sorted((ROOT / "src" / "advisor_bot").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            found.update({name.split(".")[0]: path.name for name in names})
    return found


def test_every_library_imported_is_a_dependency(metadata: Message) -> None:
    declared = {canonicalize_name(one.name) for one in _requirements(metadata) if _of_the_program(one)}
    distributions = packages_distributions()
    undeclared = {
        f"{module} (in {file})"
        for module, file in _imported().items()
        if module not in sys.stdlib_module_names
        and module != "advisor_bot"
        and not declared & {canonicalize_name(name) for name in distributions.get(module, [module])}
    }
    assert undeclared == set()


def test_every_dependency_is_imported(metadata: Message) -> None:
    imported = _imported()
    provided = {
        canonicalize_name(name)
        for module, names in packages_distributions().items()
        if module in imported
        for name in names
    }
    unused = {canonicalize_name(one.name) for one in _requirements(metadata) if _of_the_program(one)} - provided
    assert unused == set(NEEDED_BY_LIBRARIES)


def test_every_dependency_is_pinned_in_the_constraints(metadata: Message) -> None:
    pins = {canonicalize_name(Requirement(line).name) for line in _constraints()}
    tested = [one for one in _requirements(metadata) if not _of_a_provider_nobody_calls_here(one)]
    assert {canonicalize_name(one.name) for one in tested} - pins == set()


def _of_a_provider_nobody_calls_here(one: Requirement) -> bool:
    return one.name.startswith("langchain-") and one.name not in ("langchain-core", "langchain-openai")


def test_the_constraints_hold_plain_versions_only() -> None:
    for line in _constraints():
        (specifier,) = Requirement(line).specifier
        assert specifier.operator == "==", line
        assert "+" not in specifier.version, line


def _constraints() -> list[str]:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    return [line for line in lines if not line.startswith("#")]


def test_markdown_is_read_and_published_where_no_extra_is_installed(tmp_path: Path) -> None:
    """As after a bare `pip install`: what the extras bring cannot be imported."""
    (tmp_path / "guide.md").write_text("# Fees\n\nTuition is 450 euros a term.\n")
    (tmp_path / "old.html").write_text("<p>Tuition was 400 euros.</p>")
    extras = ("bs4", "defusedxml", "markdownify", "pdfplumber", "pypandoc", "psycopg", "redis")
    program = f"""
import sys
sys.modules.update(dict.fromkeys({extras}))
import advisor_bot.cli, advisor_bot.index.publish, advisor_bot.web.app
from advisor_bot.documents.load import load
from pathlib import Path
print(load([Path({str(tmp_path)!r})], max_bytes=10_000))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert "Tuition is 450 euros" in done.stdout
    assert "pip install 'advisor-bot[formats]'" in done.stdout
