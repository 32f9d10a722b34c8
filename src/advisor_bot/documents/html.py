"""A web page -> Markdown: what a person sees of it without menus, and a count of what is not read.

BeautifulSoup reads the page, markdownify writes Markdown. The steps between do what no converter we tried does
(docs/guides.md): accordions and tabs, footnotes, cells that span rows or columns, bold paragraphs that are headings.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any

from advisor_bot.documents.html_tables import new_tag, square
from advisor_bot.errors import UnreadableError

if TYPE_CHECKING:
    from bs4 import BeautifulSoup, Tag

DEEPEST = 300  # tags within tags; a page written by people has about 30
LONGEST_HEADING = 120
_NEVER = "script, style, noscript, template, iframe, svg, audio, video, object, canvas, map, head > *, input, select"
_MENUS = (
    "nav, dialog, aside, [role=navigation], [role=banner], [role=contentinfo], [role=complementary], [role=search], "
    "[role=menu], [role=menubar], [role=dialog]"
)
_STRUCK = "del, s, strike"
_PANELS = re.compile(r"accordion|collaps|tab-?pane|tabpanel|panel|faq|answer|toggle|expand|details", re.I)
_UNSEEN = re.compile(r"(?:display\s*:\s*none|visibility\s*:\s*hidden|mso-hide\s*:\s*all)", re.I)
_LINE_THROUGH = re.compile(r"text-decoration[\w-]*\s*:[^;]*line-through", re.I)
_UNIT = re.compile(r"(?:^|[^\w])(?:[kcdmµ]?m|km|ft|in|yd|mi|s|sec|x|y|n|r|10|e)$|[a-zA-Z]\)$", re.I)
_SIGN = re.compile(r"\[?\(?(?:\d{1,3}|[a-z]|[*†‡§¶#]+)\)?\]?")
_RAISED = str.maketrans("0123456789+-−n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻ⁿ")
_BULLETS = re.compile(r"^\s*[·•▪◦o§Øü\uf0b7\uf0a7\uf0d8\uf0fc-]\s+")
Remarks = Counter[str]


def read(html: str) -> tuple[str, Remarks]:
    """Return a page as Markdown and how often which kind of thing is not read. Raises ``UnreadableError``."""
    from bs4 import BeautifulSoup

    page = BeautifulSoup(_without_comments(html), "html.parser")
    if _depth(page) > DEEPEST:
        raise UnreadableError("is nested too deeply to be read; save it anew from a word processor")
    title = page.title.get_text(" ", strip=True) if page.title else ""
    left = Remarks()
    main = _seen(page, left)
    _notes(main)
    _raised(main)
    _accordions(main)
    _word_lists(main)
    _bold_headings(main)
    for table in reversed(main.find_all("table")):
        square(table)
    text = _markdown(main)
    if not text.strip():
        raise UnreadableError("holds no text outside its menus")
    return (f"# {title}\n\n{text}" if title and not main.find("h1") else text), left


def _without_comments(html: str) -> str:
    """Return ``html`` without comments; the parser takes forever over many that never end."""
    kept, at = [], 0
    while (begin := html.find("<!--", at)) >= 0 and (stop := html.find("-->", begin)) >= 0:
        kept.append(html[at:begin])
        at = stop + 3
    return "".join((*kept, html[at:].replace("<!--", " ")))


def _depth(page: BeautifulSoup) -> int:
    depths = {id(page): 0}
    for part in page.find_all(True):
        depths[id(part)] = depths[id(part.parent)] + 1
    return max(depths.values())


# --- what is seen ------------------------------------------------------------------------------------------------


def _drop(parts: Any, reason: str, left: Remarks) -> None:
    for part in parts:
        if not part.decomposed:
            left[reason] += bool(part.get_text(strip=True))
            part.decompose()


def _seen(page: BeautifulSoup, left: Remarks) -> Tag:
    """Return the part of the page that is read, without what nobody sees."""
    from bs4 import Comment
    from bs4.element import Declaration, Doctype, ProcessingInstruction

    for word in page.find_all(string=lambda s: isinstance(s, (Comment, Declaration, Doctype, ProcessingInstruction))):
        word.extract()
    _drop(page.select(_NEVER), "script or form field", Remarks())
    for image in page.find_all("img"):
        left["image" if str(image.get("alt") or "").strip() else "image without text"] += 1
        image.decompose()
    _drop(page.select(_MENUS), "menu or side note", left)
    _drop(page.select(_STRUCK), "struck-out text", left)
    styled = page.find_all(style=True)
    _drop([part for part in styled if _LINE_THROUGH.search(str(part["style"]))], "struck-out text", left)
    unseen = [part for part in page.find_all(True) if _is_hidden(part)]
    _drop([part for part in unseen if not _is_panel(part)], "hidden text", left)
    main = _main(page, left)
    _drop([part for part in main.find_all(["ul", "ol"]) if _is_menu(part)], "menu or side note", left)
    return main


def _is_hidden(part: Tag) -> bool:
    styled = bool(_UNSEEN.search(str(part.get("style", ""))))
    return styled or part.has_attr("hidden") or str(part.get("aria-hidden", "")).lower() == "true"


def _is_panel(part: Tag) -> bool:
    """Tell whether what is hidden is shown on a click: the panel of a tab, the answer of a question."""
    names = " ".join((*part.get_attribute_list("class"), str(part.get("id", "")), str(part.get("role", ""))))
    if _PANELS.search(names) or part.get("aria-labelledby"):
        return True
    before = part.find_previous_sibling()
    inside = before and (before.name in ("button", "summary") or before.find(["button", "summary"]))
    return bool(inside or (part.get("id") and _controlled(part)))


def _controlled(part: Tag) -> bool:
    root = next(reversed(list(part.parents)), part)
    return root.select_one(f'[aria-controls="{_quoted(part)}"]') is not None


def _quoted(part: Tag) -> str:
    return str(part["id"]).replace("\\", "\\\\").replace('"', '\\"')


def _main(page: BeautifulSoup, left: Remarks) -> Tag:
    marked = page.select("main, [role=main]")
    if len(marked) == 1 and len(marked[0].get_text(strip=True)) > 0:
        outside = len(page.get_text(strip=True)) - len(marked[0].get_text(strip=True))
        left["menu or side note"] += outside > 0
        return marked[0]
    for part in page.select("header, footer"):
        if part.find_parent(["article", "main"]) is None and (part.name == "footer" or not part.find("h1")):
            _drop([part], "menu or side note", left)
    return page.body or page


def _is_menu(part: Tag) -> bool:
    links = [link.get_text(" ", strip=True) for link in part.find_all("a")]
    said = len(part.get_text("", strip=True))
    return len(links) > 3 and sum(map(len, links)) > 0.8 * said and said / len(links) < 40


# --- signs and their notes ---------------------------------------------------------------------------------------


def _notes(main: Tag) -> None:
    """Set each note after the block with its sign, and take the signs away."""
    links = main.find_all("a", href=re.compile("^#(?!.*(?:ref|back))", re.I))
    signs = {str(a["href"])[1:]: a for a in links if _is_sign(a)}
    for target, sign in reversed(signs.items()):
        note = main.find(id=target) or next((a for a in main.find_all("a") if a.get("name") == target), None)
        if note is not None and note.name == "a":
            note = note.find_parent(["p", "li", "div"])
        if note is not None and sign not in note.descendants:
            _move(note, sign)
    numbered: dict[str, tuple[Tag, Tag]] = {}
    for mark in main.select("p > sup"):
        note, words = mark.parent, mark.get_text(strip=True)
        if note and _SIGN.fullmatch(words) and not any(str(each).strip() for each in mark.previous_siblings):
            numbered[words] = note, mark
    for raised in reversed(main.find_all("sup")):
        words = raised.get_text(strip=True)
        if words in numbered and raised is not numbered[words][1] and not _is_power(raised):
            note, mark = numbered.pop(words)
            mark.decompose()
            _move(note, raised)
    for sign in [*signs.values(), *main.find_all(class_=re.compile("footnote-back|reversefootnote"))]:
        if not sign.decomposed:
            (sign.find_parent("sup") or sign).decompose()
    for link in main.find_all("a", href=re.compile("^#")):
        if not re.search(r"\w", link.get_text()) or re.search(r"[↑↩^]", link.get_text()):
            link.decompose()


def _is_sign(link: Tag) -> bool:
    words = link.get_text(strip=True)
    return bool(_SIGN.fullmatch(words)) and bool(
        link.find("sup") or link.find_parent("sup") or "note" in f"{link.get('href')} {link.get('class')}".lower()
        or "ftn" in str(link["href"]) or words.startswith("[")
    )  # fmt: skip


def _move(note: Tag, sign: Tag) -> None:
    block = sign.find_parent(["table"]) or sign.find_parent(["p", "li", "h1", "h2", "h3", "h4", "h5", "h6", "div"])
    for link in note.find_all("a", href=re.compile("^#")):
        link.decompose()
    words = re.sub(r"^\s*(?:\[\w{1,3}\]|[*†‡])\s*", "", note.get_text(" ", strip=True))
    note.decompose()
    if block is not None and not block.decomposed and words:
        (block.find_parent(["ul", "ol"]) or block).insert_after(new_tag("p", words))


def _is_power(raised: Tag) -> bool:
    before = str(raised.previous_sibling or "").rstrip()
    return bool(_UNIT.search(before[-12:])) and bool(re.fullmatch(r"[-+−\dn]{1,3}", raised.get_text(strip=True)))


def _raised(main: Tag) -> None:
    """Write powers and ordinals as letters; take away the signs of notes that stand nowhere."""
    for raised in main.find_all("sup"):
        words = raised.get_text(strip=True)
        if _is_power(raised):
            raised.replace_with(words.translate(_RAISED))
        elif _SIGN.fullmatch(words) and str(raised.previous_sibling or "").strip() and words.lower() not in ("n", "e"):
            raised.decompose()
        else:
            raised.unwrap()
    for lowered in main.find_all("sub"):
        lowered.unwrap()


# --- headings and items -------------------------------------------------------------------------------------------


def _accordions(main: Tag) -> None:
    """Make the words of an accordion's buttons headings; other buttons are no text."""
    level = max([int(h.name[1]) for h in main.find_all(re.compile("^h[1-5]$")) if not h.find("button")] or [1]) + 1
    for button in main.find_all(["button", "summary"]):
        opens = button.name == "summary" or any(button.has_attr(a) for a in ("aria-expanded", "aria-controls"))
        inside = button.find_parent(re.compile("^h[1-6]$"))
        if inside:
            button.unwrap()
        elif (opens or _PANELS.search(" ".join(button.get_attribute_list("class")))) and button.get_text(strip=True):
            button.name = f"h{min(level, 6)}"
        else:
            button.decompose()


def _word_lists(main: Tag) -> None:
    """Make the paragraphs that Word saves as list items lists, without the bullets in their text."""
    for item in main.find_all("p", class_=re.compile("^MsoList")):
        mark = item.find(style=re.compile("Symbol|Wingdings|mso-list", re.I))
        if mark:
            mark.decompose()
        words = _BULLETS.sub("", " ".join(item.get_text(" ").split()))
        item.string = re.sub(r"^(?:!?if !supportLists\W*)|\W*endif\W*", "", words)
        item.name = "li"
        above = item.find_previous_sibling()
        if above is not None and above.name == "ul" and above.get("data-word"):
            above.append(item)
        else:
            made = item.wrap(new_tag("ul"))
            made["data-word"] = "1"


def _bold_headings(main: Tag) -> None:
    """Make short bold paragraphs headings where the page has text under them."""
    tops = [int(h.name[1]) for h in main.find_all(re.compile("^h[1-6]$"))]
    for title in main.find_all("p", class_=re.compile("^MsoTitle$")):
        title.name = "h1"
    level = min(max(tops or [1]) + 1, 6)
    for part in main.find_all("p"):
        words = part.get_text(" ", strip=True)
        bold = part.find(["b", "strong"])
        first = next((c for c in part.contents if str(c).strip()), None)
        if bold is None or first is not bold or part.find_parent(["li", "td", "th", "blockquote"]):
            continue
        head = bold.get_text(" ", strip=True)
        if not 0 < len(head) <= LONGEST_HEADING or head[-1] in ".,;:":
            continue
        following = bold.find_next_sibling()
        if head == words and part.find_next_sibling(["p", "ul", "ol", "table", "div"]) is not None:
            part.name = f"h{level}"
            part.string = head
        elif following is not None and following.name == "br" and not str(bold.next_sibling or "").strip(" \n<br/>"):
            part.insert_before(new_tag(f"h{level}", head))
            bold.decompose()
            following.decompose()


def _markdown(main: Tag) -> str:
    from markdownify import MarkdownConverter

    tables: list[str] = []
    for place, table in enumerate(main.find_all("pre", attrs={"data-table": True})):
        tables.append(table.get_text())
        table.replace_with(new_tag("p", f"TABLEPLACE{place}X"))
    text = str(MarkdownConverter(heading_style="ATX", bullets="-", strip=["img"]).convert(str(main)))
    text = "\n".join(line.rstrip() for line in text.replace("\r", "").replace("\u00a0", " ").split("\n"))
    text = re.sub(r"(?m)^[ \t>-]*TABLEPLACE(\d+)X[ \t]*$", lambda found: f"\n\n{tables[int(found[1])]}\n\n", text)
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"
