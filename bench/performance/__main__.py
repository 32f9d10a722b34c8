"""Run the parts, each in a process of its own, and write docs/performance.md and docs/performance.json.

    PYTHONPATH=bench python -m performance [--data EVALDATA] [--only start,ask] [--quick]

A part that fails is reported as failed, with the reason; what an earlier run measured of the parts that are not run
now stays. Ratios are taken within one part, whose figures are measured in turn.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import importlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from performance.common import ROOT, WORK, Figures, Sizes, machine, say

PARTS = {"start": 200, "ask": 900, "publish": 240, "load": 300, "soak": 150}  # seconds at most, at the default sizes
MODULES = {"publish": "publishing"}
JSON = ROOT / "docs" / "performance.json"


def main() -> None:
    arguments = parsed()
    if arguments.part:
        found = importlib.import_module(f"performance.{MODULES.get(arguments.part, arguments.part)}").measure(
            sizes_of(arguments)
        )
        arguments.out.write_text(json.dumps(found), encoding="utf-8")
        return
    WORK.mkdir(parents=True, exist_ok=True)
    results: Figures = json.loads(JSON.read_text("utf-8")) if JSON.exists() and not arguments.fresh else {"parts": {}}
    results["machine"] = machine()
    chosen = arguments.only.split(",") if arguments.only else list(PARTS)
    if unknown := [name for name in chosen if name not in PARTS]:
        sys.exit(f"There is no part {unknown[0]}. Parts: {', '.join(PARTS)}.")
    for number, name in enumerate(chosen, 1):
        print(f"{name} ({number} of {len(chosen)})", flush=True)
        results["parts"][name] = part(name, arguments)
        write(results)
    failed = [name for name in chosen if "failed" in results["parts"][name]]
    sys.exit(f"Failed: {', '.join(failed)}. docs/performance.md says why." if failed else 0)


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--data", type=Path, help="folder with doc2dial/docs, doc2dial/questions.jsonl and score_search.py"
    )
    parser.add_argument("--only", help="parts, commas between: " + ",".join(PARTS))
    parser.add_argument("--quick", action="store_true", help="small sizes, to try the scripts out")
    parser.add_argument("--fresh", action="store_true", help="forget what earlier runs measured")
    parser.add_argument("--asks", type=int, help="questions of the long run (default 5000)")
    parser.add_argument("--minutes", type=float, help="length of the soak (default 3)")
    parser.add_argument(
        "--passages",
        help="sizes of the generated guides (default 1000,10000,40000; 100000 takes a quarter of an hour more)",
    )
    parser.add_argument("--part", choices=PARTS, help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def sizes_of(arguments: argparse.Namespace) -> Sizes:
    quick = arguments.quick
    passages = arguments.passages or ("300,1000" if quick else "1000,10000,40000")
    return Sizes(
        quick,
        arguments.data.resolve() if arguments.data else None,
        arguments.asks or (200 if quick else 5_000),
        arguments.minutes or (0.5 if quick else 3.0),
        tuple(int(size) for size in passages.split(",")),
    )


def part(name: str, arguments: argparse.Namespace) -> Figures:
    """Run one part and return its figures, or why there are none."""
    sizes = sizes_of(arguments)
    larger = max(sizes.passages) > 40_000
    extra = sizes.asks / 40 + sizes.minutes * 60 + 1_500 * larger  # what longer runs may take besides
    began, load = time.monotonic(), os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch) / "figures.json"
        command = [
            sys.executable,
            "-W",
            "ignore",
            "-m",
            "performance",
            *sys.argv[1:],
            "--part",
            name,
            "--out",
            str(out),
        ]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
        found: dict[str, Any]
        try:
            said = process.communicate(timeout=PARTS[name] + extra)[1]
            found = {"failed": reason(said)} if process.returncode else json.loads(out.read_text("utf-8"))
        except subprocess.TimeoutExpired:
            found = {"failed": f"not done after {PARTS[name] + extra:.0f} s"}
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # what it started ends with it
            process.communicate()
    if "failed" in found:
        say(f"failed: {found['failed']}")
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="minutes")
    return {**found, "when": now, "quick": sizes.quick, "load before": load, "took": time.monotonic() - began}


def reason(said: str) -> str:
    return (said.strip().splitlines() or ["it ended without a word"])[-1]


def write(results: Figures) -> None:
    JSON.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    from performance import report

    report.write(results)


if __name__ == "__main__":
    main()
