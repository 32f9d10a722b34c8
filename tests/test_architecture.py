"""The shape of the program: imports run one way, and nothing heavy loads before it is needed."""

from __future__ import annotations

import json
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import advisor_bot

ROOT = Path(__file__).resolve().parents[1]
HEAVY = ("bm25s", "chromadb", "gradio", "onnx", "onnxruntime", "sentence_transformers", "torch", "transformers")
MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(advisor_bot.__path__, "advisor_bot.")
    if not module.name.endswith("__main__")
)


def _python(code: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def heavy_after_import() -> dict[str, list[str]]:
    """Import every module, one after the other; which heavy libraries were loaded after each."""
    code = (
        "import importlib, json, sys\n"
        "names, heavy = json.loads(sys.argv[1]), json.loads(sys.argv[2])\n"
        "seen = {}\n"
        "for name in names:\n"
        "    importlib.import_module(name)\n"
        "    seen[name] = [one for one in heavy if one in sys.modules]\n"
        "print(json.dumps(seen))\n"
    )
    seen: dict[str, list[str]] = json.loads(_python(code, json.dumps(MODULES), json.dumps(HEAVY)))
    return seen


@pytest.mark.parametrize("module", MODULES)
def test_importing_a_module_loads_nothing_heavy(module: str, heavy_after_import: dict[str, list[str]]) -> None:
    assert heavy_after_import[module] == []


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import json, sys\n"
        "from advisor_bot.cli import main\n"
        "heavy = json.loads(sys.argv[1])\n"
        "sys.argv = ['advisor-bot', '--help']\n"
        "try:\n"
        "    main()\n"
        "except SystemExit as stop:\n"
        "    assert not stop.code, stop.code\n"
        "loaded = [name for name in heavy if name in sys.modules]\n"
        "assert not loaded, loaded\n"
    )
    assert "Usage" in _python(code, json.dumps(HEAVY))


def test_imports_run_one_way() -> None:
    tool = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [tool, "--no-logo", "--no-cache"], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout
    assert "0 broken" in done.stdout
