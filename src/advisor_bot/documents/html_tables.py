"""A web page's tables -> Markdown tables whose every row has all its cells, the first row its column names."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from advisor_bot.errors import UnreadableError

if TYPE_CHECKING:
    from bs4 import Tag

MOST_CELLS = 200_000
LONGEST_SPAN = 1_000


def new_tag(name: str, words: str = "") -> Tag:
    """Return an element that stands nowhere yet."""
    from bs4 import BeautifulSoup

    return BeautifulSoup("", "html.parser").new_tag(name, string=words or None)


def square(table: Tag) -> None:
    """Replace a table by one whose every row has all its cells, the first row its column names."""
    rows, heads = _grid(table)
    if not rows:
        table.decompose()
        return
    if max(len(row) for row in rows) == 1 or _is_layout(table):
        table.name = "div"
        for part in table.find_all(["tr", "td", "th", "tbody", "thead", "tfoot", "caption"]):
            part.name = "div"
        return
    names = [" ".join(dict.fromkeys(filter(None, column))) for column in zip(*rows[:heads], strict=True)]
    caption = table.find("caption")
    lines = [names, ["---"] * len(names), *rows[heads:]]
    text = "\n".join("| " + " | ".join(cell.replace("|", "\\|") or " " for cell in line) + " |" for line in lines)
    made = new_tag("pre", text)
    made["data-table"] = "1"
    if caption and caption.get_text(strip=True):
        table.insert_before(new_tag("p", caption.get_text(" ", strip=True)))
    table.replace_with(made)


def _is_layout(table: Tag) -> bool:
    return table.get("role") == "presentation" or bool(table.find(["h1", "h2", "h3", "ul", "ol", "pre"]))


def _grid(table: Tag) -> tuple[list[list[str]], int]:
    """Return the words of the cells, those that span repeated, and how many rows are column names."""
    filled: dict[tuple[int, int], str] = {}
    heads, width = 0, 0
    rows = [row for row in table.find_all("tr") if row.find_parent("table") is table]
    for y, row in enumerate(rows):
        cells = row.find_all(["td", "th"], recursive=False)
        x = 0
        for cell in cells:
            while (y, x) in filled:
                x += 1
            across, down = _span(cell, "colspan"), min(_span(cell, "rowspan"), len(rows) - y)
            words = _cell_words(cell)
            for dy in range(down):
                for dx in range(across):
                    filled[y + dy, x + dx] = words
            x += across
            if len(filled) > MOST_CELLS:
                raise UnreadableError(f"has a table of more than {MOST_CELLS:,} cells; split it")
        width = max(width, x)
        headed = row.find_parent("thead") is not None or (cells and all(cell.name == "th" for cell in cells))
        heads += bool(headed and heads == y)
    grid = [[filled.get((y, x), "") for x in range(width)] for y in range(len(rows))]
    if heads and not any(any(row) for row in grid[:heads]):
        grid, heads = grid[heads:], 0
    grid = [row for place, row in enumerate(grid) if any(row) or place < heads]
    if not heads and len(rows) > 1 and any(_span(cell, "rowspan") > 1 for cell in rows[0].find_all(["td", "th"])):
        heads = 1 + (len({*grid[0]}) < len(grid[0]))
    return grid, min(max(heads, 1), len(grid))


def _span(cell: Tag, name: str) -> int:
    said = str(cell.get(name, "1")).strip()
    return max(1, min(int(said), LONGEST_SPAN)) if said.isdigit() and len(said) < 6 else 1


def _cell_words(cell: Tag) -> str:
    for mark in cell.find_all(["br", "p", "li", "div"]):
        mark.append(" ") if mark.name != "br" else mark.replace_with(" ")
    return re.sub(r"([*_`\[\]<>\\])", r"\\\1", " ".join(cell.get_text("").split()))
