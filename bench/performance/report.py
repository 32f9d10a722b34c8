"""docs/performance.md out of the figures; the section that people write is kept as it stands."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from performance import paper, plots
from performance.common import ROOT, Figures

PAGE = ROOT / "docs" / "performance.md"
BY_HAND = "<!-- written by hand, kept by `make bench` -->"
HEAD = """# Performance

`make bench` measures all of this anew and writes this page and [performance.json](performance.json), which holds every
figure. `make bench EVALDATA=FOLDER` measures on a public question set as well (a folder that holds `doc2dial/docs`,
`doc2dial/questions.jsonl` and `score_search.py`); `ARGS="--only start,ask --quick"` runs parts, and small ones.

Seconds say little about another machine. Ratios do, where both sides were measured in turn in one run; so the goals are
ratios.
"""


def write(results: Figures) -> None:
    """Write the page."""
    kept = PAGE.read_text("utf-8").partition(BY_HAND)[2] if PAGE.exists() else ""
    lines = [HEAD, *_machine(results["machine"])]
    for name, section in SECTIONS.items():
        if name in results["parts"]:
            lines += ["", *_part(name, section, results["parts"][name])]
    reckoned = list(paper.rows(results["parts"]))
    lines += ["", "## On paper", ""]
    lines += (
        table(("", "", "how"), reckoned) if reckoned else ["To be reckoned, once the parts ask and load are measured."]
    )
    PAGE.write_text("\n".join(lines).rstrip() + f"\n\n{BY_HAND}\n\n{kept.lstrip()}", encoding="utf-8")


def _part(name: str, section: Callable[[Figures], Iterator[str]], found: Figures) -> list[str]:
    title, when = (
        TITLES[name],
        f"{found['when'][:10]}, {found['took']:.0f} s, load before it {found['load before']:.1f}",
    )
    small = "; **small sizes, to try the scripts out: no figures to rely on**" if found["quick"] else ""
    head = [f"## {title}", "", f"Measured {when}{small}.", ""]
    if "failed" in found:
        return [*head, f"**This part failed:** {found['failed']}"]
    return [*head, *section(found)]


def _machine(machine: Figures) -> list[str]:
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    return [
        f"The machine: {machine['cores']} cores of {machine['cpu']}, {machine['memory GiB']} GiB, {machine['system']}, "
        f"Python {machine['python']}; {versions}."
    ]


def table(head: tuple[str, ...], rows: list[tuple[Any, ...]]) -> list[str]:
    """Return a Markdown table."""
    lines = [head, ("---",) * len(head), *rows]
    return ["| " + " | ".join(number(cell) for cell in row) + " |" for row in lines]


def number(value: Any) -> str:
    """Write a value as people read it."""
    if value is None:
        return ""
    if not isinstance(value, float):
        return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def against(value: float | None, goal: float | None, *, least: bool = False) -> str:
    """Write a figure with its goal and whether it is reached."""
    if value is None or goal is None:
        return number(value)
    reached = value >= goal if least else value <= goal
    return f"{number(value)} (goal {'≥' if least else '≤'} {goal}{'' if reached else ', **not reached**'})"


# --- start -----------------------------------------------------------------------------------------------------


def _start(found: Figures) -> Iterator[str]:
    yield "Whole processes, from the command to what is named; medians of three, all warmed once. One is what importing"
    yield "sentence-transformers takes, which the pipeline that a newcomer writes does before anything else."
    yield ""
    rows = [
        (name, row["seconds"], against(row["ratio"], row["goal"]) if row["goal"] else "1")
        for name, row in found["rows"].items()
    ]
    yield from table(("", "seconds", "ratio"), rows)
    if found["no browser"]:
        yield "\nThe chat page was not measured: no Chromium here."
    imports = found["imports"]
    slowest = ", ".join(f"{name} {number(ms)}" for name, ms in imports["slowest, ms"].items())
    yield f"\n`ask` imports, of what is heavy: {', '.join(imports['imported'])}. The slowest packages, ms: {slowest}."


# --- ask -------------------------------------------------------------------------------------------------------


def _ask(found: Figures) -> Iterator[str]:
    guides = found["guides"]
    yield "Quoting, no language model, one question at a time, one thread; milliseconds, median / 95th percentile. Nothing"
    yield "is remembered from one question to the next, except where it says so. One encoder pass and one look-up in Chroma"
    yield "are what any retrieval needs; an answer with the reader, in multiples of both together, has the goal 4."
    yield ""
    names = ("passages", "encoder pass + look-up", "whole answer", "in multiples", "asked again", "memory, MB")
    yield from table(
        ("guide", *names),
        [
            (
                name, one["passages"], both(one["unit"]), both(one["whole"]), against(one["ratio"]["whole"], 4),
                both(one["again"]), one["memory"]["after"],
            )
            for name, one in guides.items()
        ],
    )  # fmt: skip
    yield "\n`Asked again` is the same question at once: its vector and token states are remembered. Stage by stage:\n"
    stages = list(next(iter(guides.values()))["stages"])
    yield from table(
        ("guide", *stages), [(name, *(both(one["stages"][s]) for s in stages)) for name, one in guides.items()]
    )
    yield ""
    yield plots.growth(guides)
    made = {name: one["publishing"] for name, one in guides.items() if "publishing" in one}
    if made:
        each = "; ".join(
            f"{name}: {number(m['seconds'])} s, {number(m['peak, MB'])} MB at most" for name, m in made.items()
        )
        yield f"\nThe generated guides were published with made-up vectors, the encoder left out: {each}."
    for name, why in found["left out"].items():
        yield f"\nLeft out: {name}, {why}."
    yield "\n### Beside other programs\n"
    yield "Retrieval alone, each program a process of its own, asked the same question in turn. *Newcomer* is"
    yield "RecursiveCharacterTextSplitter 1000/200, HuggingFaceEmbeddings, Chroma, the nearest four; *txtai* its hybrid"
    yield "search over the same pieces. Both run the packaged weights of all-MiniLM-L6-v2 in PyTorch; ours runs the same"
    yield "layers, the upper ones trained further, in onnxruntime. Goal: 1.8 times as fast as each, at equal or better"
    yield "coverage (how much of what answers stands in the first 2,000 characters read; `score_search.py`)."
    for guide, programs in found["beside"].items():
        yield f"\n{guide}:\n"
        head = ("", "median, ms", "p95, ms", "times ours", "coverage", "hit", "mrr", "memory, MB", "indexing, s")
        yield from table(head, [_program(name, one) for name, one in programs.items()])
    lacking = "; ".join(f"`{name}`: {why}" for name, why in found["missing"].items())
    yield f"\nNot run: {lacking}."


def _program(name: str, one: Figures) -> tuple[Any, ...]:
    times = None if name == "ours" else against(one["times ours"], 1.8, least=True)
    scores = (one.get("coverage"), one.get("hit"), one.get("mrr"))
    return (name, one["median"], one["p95"], times, *scores, one["memory"], one.get("indexing, s"))


def both(one: Figures) -> str:
    """Write median and 95th percentile."""
    return f"{number(one['median'])} / {number(one['p95'])}"


# --- publish ---------------------------------------------------------------------------------------------------


def _publish(found: Figures) -> Iterator[str]:
    ours, plain, update = found["ours"], found["plain"], found["update"]
    yield f"From nothing: {ours['documents']} documents of {found['docs']}, {ours['passages']} passages. Plain is"
    yield "sentence-transformers as it comes and `collection.add`, the same passages, nothing else. Ours encodes every"
    yield "sentence for the reader besides; the ratios are of the passages alone."
    yield ""
    passages = ours["passages"]
    yield from table(
        ("", "ours", "plain", "ratio"),
        [
            ("passages a second, passages alone", passages / (ours["whole"] - found["beyond"]),
             passages / plain["whole"], found["ratio"]),
            ("the encoder alone, s", ours["passage vectors"], plain["encoder"], found["encoder ratio"]),
            ("everything, s", ours["whole"], plain["whole"], None),
            ("passages a second, everything", passages / ours["whole"], passages / plain["whole"], None),
            ("share of the time in the encoder", found["encoder share"], plain["encoder"] / plain["whole"], None),
            ("peak memory, MB", ours["peak, MB"], plain["peak, MB"], None),
        ],
    )  # fmt: skip
    yield f"\nOne paragraph changed, the whole command: {number(update['seconds'])} s, {number(update['ratio'])} of what"
    yield "importing sentence-transformers takes."


# --- load ------------------------------------------------------------------------------------------------------


def _load(found: Figures) -> Iterator[str]:
    yield "Visitors ask `/api/ask/stream` over the loopback address, in an open loop: they come at random, whether or not"
    yield f"earlier ones are answered; {number(found['seconds a step'])} s a step, nothing remembered beyond the usual. Their"
    yield "program runs on the same machine. Borne is a rate at which nothing fails, 95 in 100 see the first sentence within"
    yield f"a second, and nine in ten are answered in time; one that is not is tried once more: **{number(found['knee'])} questions a second**."
    yield ""
    head = (
        "asked a second",
        "answered",
        "first: median, ms",
        "95 %",
        "99 %",
        "whole: median",
        "95 %",
        "99 %",
        "errors",
    )
    yield from table((*head, "visitors' share of a core"), [_step(one) for one in found["steps"]])
    yield ""
    yield plots.load(found)
    bad = found["bad connections"]
    alone, among = bad["alone"]["first"], bad["among"]["first"]
    errors, held = sum(bad["among"]["errors"].values()), bad["handles before and after"]
    yield "\nAt half that rate, among sixty bad connections (twenty that send half a request, twenty that read ten bytes a"
    yield "second, twenty that ask and hang up, two a second in all; what they asked is still answered), the first sentence"
    yield f"comes after {both(among)} ms (median / 95 %), against {both(alone)} without them, with {errors} errors; right"
    yield f"after it the server holds {held['at once']} files open, 6 s later {held['after 6 s']}."
    run = found["long run"]
    yield f"\n{number(run['asks'])} asks in a row, four at a time: {sum(run['errors'].values())} errors; memory grows by"
    yield f"{number(run['growth in the second half, MB'])} MB in the second half.\n"
    yield plots.memory(run["memory"], "asks", "Memory over a long run")


def _step(one: Figures) -> tuple[Any, ...]:
    times = [one[part].get(at) for part in ("first", "whole") for at in ("median", "p95", "p99")]
    return (one["came"], one["answered"], *times, sum(one["errors"].values()), one["visitors' share of a core"])


# --- soak ------------------------------------------------------------------------------------------------------


def _soak(found: Figures) -> Iterator[str]:
    yield f"{number(found['minutes'])} minutes of everything at once, on two servers over one index, one of them with a"
    yield "language model whose provider is dead: visitors who ask, stream, and leave in the middle of a stream; an owner"
    yield "who publishes, rolls back, and publishes onto a full disk."
    yield ""
    yield from table(("what", "how often"), list(found["done"].items()))
    if not found["full disk"]:
        yield "\nA full disk could not be made here: that takes root, to mount a small one."
    wrong = "; ".join(f"{what} ({count} times)" for what, count in found["wrong"].items())
    yield f"\nErrors that somebody saw: {wrong or 'none'}.\n"
    points = found["points"]
    servers = [name for name in points[0] if name != "seconds"]
    third = points[len(points) // 3]
    rows = [
        (name, *(one[name][what] for what in ("memory", "files") for one in (points[0], third, points[-1])))
        for name in servers
    ]
    head = (
        "memory, MB: at first",
        "after a third",
        "at the end",
        "open files: at first",
        "after a third",
        "at the end",
    )
    yield from table(("server", *head), rows)
    yield ""
    yield plots.soak(points, servers)


TITLES = {"start": "Start", "ask": "Ask", "publish": "Publish", "load": "Load", "soak": "A day, shortened"}
SECTIONS: dict[str, Callable[[Figures], Iterator[str]]] = {
    "start": _start,
    "ask": _ask,
    "publish": _publish,
    "load": _load,
    "soak": _soak,
}
