"""Word and ODT files without the text that their writers hid: by the run, by its style, by a section or a field.

RTF needs nothing: pandoc leaves out what its mark for it hides.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from defusedxml.ElementTree import fromstring, iterparse

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_STYLE = "{urn:oasis:names:tc:opendocument:xmlns:style:1.0}"
_TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"
_READ = {
    "docx": ("word/document.xml", "word/footnotes.xml", "word/endnotes.xml"),
    "odt": ("content.xml",),
}
_STYLES = {"docx": "word/styles.xml", "odt": "styles.xml"}
MAY_HIDE = frozenset((*_READ["docx"], *_READ["odt"], *_STYLES.values()))  # the parts that are looked at


@dataclass(frozen=True, slots=True)
class Shown:
    """The parts of a zipped document that held hidden text, now without it, and how many pieces were taken out."""

    parts: Mapping[str, bytes]
    taken: int


def without_hidden(kind: str, parts: Mapping[str, bytes]) -> Shown:
    """Take hidden text out of ``parts``, the files in a ``docx`` or ``odt`` by name; return the changed ones.

    Raises ``xml.etree.ElementTree.ParseError`` where a part is no XML, ``ValueError`` where it has entities.
    """
    changed: dict[str, bytes] = {}
    taken = 0
    hides = _word_styles(parts) if kind == "docx" else _odt_styles(parts)
    for name in _READ.get(kind, ()):
        if name not in parts or not _may_hide(kind, parts, name):
            continue
        tree = fromstring(parts[name])
        pieces = list((_hidden_runs if kind == "docx" else _hidden_spans)(tree, hides))
        if pieces:
            parents = {child: parent for parent in tree.iter() for child in parent}
            for piece in pieces:
                _take_out(piece, parents)
            taken += len(pieces)
            changed[name] = _written(tree, parts[name])
    return Shown(changed, taken)


def _may_hide(kind: str, parts: Mapping[str, bytes], name: str) -> bool:
    """Tell whether anything in a part can be hidden, before all of it is parsed."""
    marks = (b"vanish",) if kind == "docx" else (b"is-hidden", b'display="none"')
    return any(mark in part for mark in marks for part in (parts[name], parts.get(_STYLES[kind], b"")))


def _take_out(piece: ET.Element, parents: Mapping[ET.Element, ET.Element]) -> None:
    """Take an element out of its parent; what stands after it stays."""
    parent = parents[piece]
    place = list(parent).index(piece)
    if piece.tail and place:
        parent[place - 1].tail = (parent[place - 1].tail or "") + piece.tail
    elif piece.tail:
        parent.text = (parent.text or "") + piece.tail
    parent.remove(piece)


def _written(tree: ET.Element, before: bytes) -> bytes:
    """Return the XML of a tree, its prefixes those of ``before``: pandoc knows some tags by them."""
    for _, (prefix, uri) in iterparse(io.BytesIO(before), events=["start-ns"]):
        if prefix and not prefix.startswith("ns"):
            ET.register_namespace(prefix, uri)
    made: bytes = ET.tostring(tree, encoding="utf-8", xml_declaration=True)
    return made


# --- Word --------------------------------------------------------------------------------------------------------


def _word_styles(parts: Mapping[str, bytes]) -> Mapping[str, bool]:
    """Return whether a style hides its text, by the style's id; a style is based on another."""
    if b"vanish" not in parts.get("word/styles.xml", b""):
        return {}
    found: dict[str, tuple[bool | None, str]] = {}
    for style in fromstring(parts["word/styles.xml"]).iter(f"{_W}style"):
        based = style.find(f"{_W}basedOn")
        above = based.get(f"{_W}val", "") if based is not None else ""
        found[style.get(f"{_W}styleId", "")] = _vanishes(style.find(f"{_W}rPr")), above
    return _inherited(found)


def _vanishes(properties: ET.Element | None) -> bool | None:
    """Return whether run properties hide the text; None where they do not say."""
    mark = properties.find(f"{_W}vanish") if properties is not None else None
    return None if mark is None else mark.get(f"{_W}val", "1").lower() in ("1", "true", "on")


def _hidden_runs(tree: ET.Element, styles: Mapping[str, bool]) -> Iterator[ET.Element]:
    for paragraph in tree.iter(f"{_W}p"):
        style = paragraph.find(f"{_W}pPr/{_W}pStyle")
        whole = style is not None and styles.get(style.get(f"{_W}val", ""), False)
        for run in paragraph.iter(f"{_W}r"):
            properties = run.find(f"{_W}rPr")
            named = properties.find(f"{_W}rStyle") if properties is not None else None
            own = _vanishes(properties)
            by_style = styles.get(named.get(f"{_W}val", ""), whole) if named is not None else whole
            if by_style if own is None else own:
                yield run


# --- ODT ---------------------------------------------------------------------------------------------------------


def _odt_styles(parts: Mapping[str, bytes]) -> Mapping[str, bool]:
    found: dict[str, tuple[bool | None, str]] = {}
    for name in ("styles.xml", "content.xml"):
        if b'display="none"' not in parts.get(name, b""):
            continue
        for style in fromstring(parts[name]).iter(f"{_STYLE}style"):
            text = style.find(f"{_STYLE}text-properties")
            display = text.get(f"{_TEXT}display") if text is not None else None
            hides = None if display is None else display == "none"
            found[style.get(f"{_STYLE}name", "")] = hides, style.get(f"{_STYLE}parent-style-name", "")
    return _inherited(found)


def _hidden_spans(tree: ET.Element, styles: Mapping[str, bool]) -> Iterator[ET.Element]:
    """Yield what is hidden, the outermost of what stands within each other."""
    if _is_hidden_part(tree, styles):
        yield tree
        return
    for child in tree:
        yield from _hidden_spans(child, styles)


def _is_hidden_part(part: ET.Element, styles: Mapping[str, bool]) -> bool:
    if part.tag in (f"{_TEXT}span", f"{_TEXT}p", f"{_TEXT}h"):
        marks = part.iter(f"{_TEXT}hidden-paragraph") if part.tag != f"{_TEXT}span" else iter(())
        by_field = any(mark.get(f"{_TEXT}is-hidden") == "true" for mark in marks)
        return by_field or styles.get(part.get(f"{_TEXT}style-name", ""), False)
    if part.tag == f"{_TEXT}section":
        return part.get(f"{_TEXT}display") == "none"
    return part.tag == f"{_TEXT}hidden-text" and part.get(f"{_TEXT}is-hidden") == "true"


def _inherited(styles: Mapping[str, tuple[bool | None, str]]) -> dict[str, bool]:
    """Return what each style does, by what it says itself or the styles above it."""
    found = {}
    for name in styles:
        hides, above, seen = *styles[name], {name}
        while hides is None and above in styles and above not in seen:
            seen.add(above)
            hides, above = styles[above]
        found[name] = bool(hides)
    return found
