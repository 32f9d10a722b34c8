"""A question on one cell of a table: the row it names by a value, the column it names by its head.

The reader was trained on sentences. Where a question holds words that stand in one row more than in any other, and
words of a column's name, that row bears on it; where every word of the question stands in the document, it answers.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from advisor_bot.documents.tables import cells, row_header
from advisor_bot.index.guide import Guide
from advisor_bot.models.opening import card
from advisor_bot.retrieval.evidence import Evidence, Sentence
from advisor_bot.retrieval.follow_up import BAR
from advisor_bot.text import terms

Row = tuple[Sentence, frozenset[str], frozenset[str]]  # a row, the terms of its values, those of its column names


def with_cell(evidence: Evidence, guide: Guide) -> Evidence:
    """Return ``evidence`` with the row first that the question asks for, as an answer or a help; else unchanged."""
    before, _, last = evidence.query.text.rpartition(BAR)
    asked = frozenset(evidence.query.terms)
    rows = [row for one in evidence.sentences if (row := _row(one, guide))]
    found = _row_asked_for(asked & frozenset(terms(last)) if before else asked, asked, rows)
    if found is None:
        return evidence
    limits = card()["limits"]
    first = replace(
        found,
        answers=max(one.answers for one in evidence.sentences) + limits["margin"] + 1,
        helps=max(one.helps for one in evidence.sentences) + limits["margin"] + 1,
    )
    document = guide.documents[found.passage.document]
    said = set(terms(f"{document.title} {document.text}"))
    return replace(
        evidence,
        sentences=(first, *(one for one in evidence.sentences if one is not found)),
        answered=max(evidence.answered, limits["answered"]) if asked <= said and not before else evidence.answered,
        helped=max(evidence.helped, limits["helped"]),
    )


def _row(one: Sentence, guide: Guide) -> Row | None:
    text = guide.documents[one.passage.document].text
    header = row_header(text, one.start, one.end)
    if header is None:
        return None
    values = terms(" ".join(cells(text[one.start : one.end])))
    return one, frozenset(values), frozenset(terms(" ".join(cells(text[slice(*header)]))))


def _row_asked_for(asked: frozenset[str], all_asked: frozenset[str], rows: list[Row]) -> Sentence | None:
    """Return the one row that more of the words ``asked`` stand in than in any other, rarer words counting more.

    Its columns may be named by any of ``all_asked``: by what was said before the question, too.
    """
    in_rows = Counter(term for _, values, _ in rows for term in asked & values)
    scored = [(sum(1 / in_rows[term] for term in asked & values), row) for row in rows if (values := row[1])]
    scored.sort(key=lambda pair: -pair[0])
    if not scored or scored[0][0] == 0 or (len(scored) > 1 and scored[1][0] == scored[0][0]):
        return None
    best, values, names = scored[0][1]
    named = all_asked & names
    return best if named - values or (named and len(asked & values) > 1) else None
