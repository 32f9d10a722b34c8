"""What a guide has a heading or an item for."""

from __future__ import annotations

from advisor_bot.documents.chunk import chunk
from advisor_bot.documents.load import parse
from advisor_bot.retrieval.topics import Topics


def test_topics_are_found_by_name_short_form_and_part_and_the_exact_one_wins() -> None:
    text = (
        "# G\n\n## Online, hybrid and part-time formats\n\nWords.\n\n- **Hybrid.** Mixed.\n\n## Robots (RB)\n\nMetal.\n"
    )
    document = parse("g.md", text, markup=True)
    topics = Topics((document,), chunk(document), {})
    assert [topic.name for topic in topics.mentioned("hybrid or rb?")] == ["Hybrid", "Robots (RB)"]
    assert topics.mentioned("something else") == []
