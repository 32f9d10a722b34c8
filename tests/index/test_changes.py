"""What changed between two versions of a guide: passages matched, words compared."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from advisor_bot.documents.chunk import chunk
from advisor_bot.documents.load import parse
from advisor_bot.index.changes import DocumentChanges, as_json, compare, word_changes
from advisor_bot.types import Chunk

FEES = "Tuition is paid by the term. A term costs 900 euros in the first year and rises slowly after it."
LOANS = "Loans are granted in spring. Ask the office for the form before the end of February, not later."
HOUSING = "Rooms on the campus are given by lot. Whoever draws none is put on a list for the following year."
GUIDE = f"# Money\n\n## Fees\n\n{FEES}\n\n{LOANS}\n\n## Rooms\n\n{HOUSING}\n"


def passages(text: str, name: str = "guide.md") -> tuple[Chunk, ...]:
    return chunk(parse(name, text, markup=True))


def difference(before: str, after: str) -> DocumentChanges:
    (document,) = compare(passages(before), passages(after))
    return document


def kinds(document: DocumentChanges) -> dict[str, int]:
    return dict(Counter(change.kind for change in document.changes))


def test_same_text_has_no_changes() -> None:
    assert difference(GUIDE, GUIDE).changes == ()
    assert difference(GUIDE, GUIDE).unchanged == 3


def test_edited_word_is_one_changed_passage_with_that_word() -> None:
    document = difference(GUIDE, GUIDE.replace("900 euros", "950 euros"))
    (change,) = document.changes
    assert (change.kind, document.unchanged) == ("changed", 2)
    assert [pair for pair in change.words if pair[0] != "same"] == [("removed", "900 "), ("added", "950 ")]


def test_new_paragraph_is_added_and_the_others_stay() -> None:
    document = difference(
        GUIDE,
        GUIDE.replace(
            LOANS,
            LOANS + "\n\nMeals cost four euros at noon in every hall here, and a little more than that in the evening.",
        ),
    )
    assert kinds(document) == {"added": 1}
    assert document.unchanged == 3


def test_removed_paragraph_is_removed() -> None:
    document = difference(GUIDE, GUIDE.replace(LOANS, ""))
    assert kinds(document) == {"removed": 1}
    assert document.changes[0].before is not None
    assert document.changes[0].before.text == LOANS


def test_renamed_heading_moves_its_passages() -> None:
    assert kinds(difference(GUIDE, GUIDE.replace("## Rooms", "## Where to live"))) == {"moved": 1}


def test_swapped_sections_move_as_few_passages_as_possible() -> None:
    swapped = f"# Money\n\n## Rooms\n\n{HOUSING}\n\n## Fees\n\n{FEES}\n\n{LOANS}\n"
    document = difference(GUIDE, swapped)
    assert kinds(document) == {"moved": 1}
    assert document.changes[0].heading == ("Money", "Rooms")


def test_renamed_file_moves_its_passages() -> None:
    gone, come = compare(passages(GUIDE, "a.md"), passages(GUIDE, "b.md"))
    assert (gone.name, gone.is_gone, gone.changes) == ("a.md", True, ())
    assert kinds(come) == {"moved": 3}
    assert as_json(come)["status"] == "added"
    assert as_json(gone)["status"] == "removed"


def test_paragraph_said_twice_is_matched_once_each() -> None:
    twice = GUIDE + f"\n{LOANS}\n"
    assert kinds(difference(GUIDE, twice)) == {"added": 1}


def test_first_version_is_all_added() -> None:
    (document,) = compare((), passages(GUIDE))
    assert kinds(document) == {"added": 3}
    assert document.is_new


_PARAGRAPHS = st.lists(st.sampled_from([FEES, LOANS, HOUSING, "Short.", "Tuition is free.", "## Rooms"]), max_size=8)


@given(_PARAGRAPHS, _PARAGRAPHS)
def test_every_passage_is_counted_once_on_each_side(before: list[str], after: list[str]) -> None:
    old, new = passages("\n\n".join(before)), passages("\n\n".join(after))
    documents = compare(old, new)
    changes = [change for document in documents for change in document.changes]
    unchanged = sum(document.unchanged for document in documents)
    assert Counter(c.before.id for c in changes if c.before).total() + unchanged == len(old)
    assert Counter(c.after.id for c in changes if c.after).total() + unchanged == len(new)


@given(st.text(max_size=60), st.text(max_size=60))
def test_words_put_together_again_are_both_texts(before: str, after: str) -> None:
    words = word_changes(before, after)
    assert "".join(text for kind, text in words if kind != "added") == before.lstrip()
    assert "".join(text for kind, text in words if kind != "removed").split() == after.split()
