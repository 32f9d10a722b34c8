"""The plots of docs/performance.md, as SVG; each function draws one and returns the line that shows it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from performance.common import ROOT, Figures

FOLDER = ROOT / "docs" / "pictures"
mpl.use("svg")
mpl.rcParams |= {"svg.hashsalt": "advisor", "font.size": 9, "axes.spines.top": False, "axes.spines.right": False}


@contextmanager
def drawn(name: str, panels: int = 1) -> Iterator[list[Axes]]:
    """Lend the axes of a picture side by side and write it."""
    figure = Figure(figsize=(4.6 * panels, 3.0), layout="constrained")
    axes: Any = figure.subplots(1, panels, squeeze=False)
    yield list(axes[0])
    figure.savefig(FOLDER / f"performance-{name}.svg", metadata={"Date": None})


def growth(guides: Figures) -> str:
    """Draw how the stages and the memory grow with the passages."""
    ranked = sorted(guides.values(), key=lambda one: one["passages"])
    sizes = [one["passages"] for one in ranked]
    with drawn("growth", 2) as (left, right):
        for stage in ranked[0]["stages"]:
            left.plot(sizes, [one["stages"][stage]["median"] for one in ranked], marker="o", label=stage)
        left.plot(sizes, [one["whole"]["median"] for one in ranked], color="black", marker="o", label="whole answer")
        left.set(xscale="log", xlabel="passages", ylabel="median, ms", ylim=(0, None))
        left.legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(1, 1))
        right.plot(sizes, [one["memory"]["after"] for one in ranked], marker="o")
        right.set(xscale="log", xlabel="passages", ylabel="memory after the questions, MB", ylim=(0, None))
    return "![How stages and memory grow with the guide](pictures/performance-growth.svg)"


def load(found: Figures) -> str:
    """Draw answers a second and waiting times over the rate of the questions."""
    steps = found["steps"]
    came = [one["came"] for one in steps]
    with drawn("load", 2) as (left, right):
        left.plot(came, [one["answered"] for one in steps], marker="o")
        left.plot(came, came, color="gray", linestyle=":", label="all that came")
        left.axvline(found["knee"], color="gray", linewidth=0.8, label="borne")
        left.set(xlabel="asked a second", ylabel="answered a second", xlim=(0, None), ylim=(0, None))
        left.legend(frameon=False, fontsize=8)
        for at, label in (("median", "median"), ("p95", "95 %"), ("p99", "99 %")):
            right.plot(came, [one["first"].get(at) for one in steps], marker="o", label=label)
        right.set(xlabel="asked a second", ylabel="first sentence, ms", xlim=(0, None), yscale="log")
        right.legend(frameon=False, fontsize=8)
    return "![Answers a second, and the wait for the first sentence](pictures/performance-load.svg)"


def memory(points: list[tuple[float, float]], along: str, title: str) -> str:
    """Draw the memory of a server along the way."""
    name = f"memory-{along.split()[0]}"
    with drawn(name) as (axes,):
        axes.plot([at for at, _ in points], [size for _, size in points])
        axes.set(xlabel=along, ylabel="memory of the server, MB", ylim=(0, None))
    return f"![{title}](pictures/performance-{name}.svg)"


def soak(points: list[Figures], servers: list[str]) -> str:
    """Draw memory and open files of the servers over the time."""
    minutes = [one["seconds"] / 60 for one in points]
    with drawn("soak", 2) as (left, right):
        for name in servers:
            left.plot(minutes, [one[name]["memory"] for one in points], label=name)
            right.plot(minutes, [one[name]["files"] for one in points], label=name)
        left.set(xlabel="minutes", ylabel="memory, MB", ylim=(0, None))
        right.set(xlabel="minutes", ylabel="open files", ylim=(0, None))
        right.legend(frameon=False, fontsize=8)
    return "![Memory and open files over the soak](pictures/performance-soak.svg)"
