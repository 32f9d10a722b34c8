"""What a command asks of the C libraries."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

CODE = (
    "import sys; sys.argv = ['x', '--help']\n"
    "import {module} as command\n"
    "assert 'numpy' not in sys.modules\n"
    "try: command.main()\n"
    "except SystemExit: pass\n"
    "import os; print(os.environ['OPENBLAS_NUM_THREADS'])\n"
)


@pytest.mark.parametrize("module", ["advisor_bot.cli", "advisor_bot.web.serve"])
@pytest.mark.parametrize(("own", "threads"), [({}, "1"), ({"OPENBLAS_NUM_THREADS": "3"}, "3")])
def test_products_stay_in_one_thread_unless_the_owner_says_otherwise(
    module: str, own: dict[str, str], threads: str
) -> None:
    kept = {key: value for key, value in os.environ.items() if key != "OPENBLAS_NUM_THREADS"}
    paths = os.pathsep.join([str(Path(__file__).parents[1] / "src"), kept.get("PYTHONPATH", "")])
    command = [sys.executable, "-c", CODE.format(module=module)]
    done = subprocess.run(command, env=kept | {"PYTHONPATH": paths} | own, capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == threads, done.stderr
