"""Questions of our own that may be offered: only those that were tried and that the guide answers."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from weakref import WeakKeyDictionary

from advisor_bot.errors import AdvisorError
from advisor_bot.index.guide import Guide
from advisor_bot.index.library import Library
from advisor_bot.retrieval.evidence import names_of
from advisor_bot.text import words
from advisor_bot.types import Document, Passage, Section

_log = logging.getLogger(__name__)
MOST_STARTERS, MOST_NEXT = 6, 3
NEAR = 40  # sections before and after a quoted one, among which there is something to go on with
LONGEST = 90  # characters of a heading that a question is made of
TRIED_AT_ONCE = 2_000  # sentences of a guide whose questions are tried while a student waits
_VERBS = frozenset("is are was were do does did can could should would will has have".split())
_AFTER_WHAT = _VERBS | {"makes", "to", "much", "many", "long"}  # "how long is it", "what to bring"
_BRACKETS = re.compile(r"\s*\([^()]*\)")
_SECTION = re.compile(r"^what does the guide say about [“\"']?(.+?)[”\"']?\s*\?*$", re.I)


class Offers:
    """Remembers by version which questions the guide answers. Any thread may call any method."""

    def __init__(self, library: Library, answers: Callable[[str, Guide], bool]) -> None:
        """Take the versions, and ``answers``, which tells whether a version answers a question."""
        self._library, self._answers = library, answers
        self._known: WeakKeyDictionary[Guide, dict[str, bool]] = WeakKeyDictionary()
        self._trying = threading.Lock()

    def answerable(self, questions: Sequence[str], guide: Guide) -> list[str]:
        """Return those of ``questions`` that were tried and are answered.

        In a small guide they are tried here; the server has mostly done so when it opened the version. In a large
        one they are tried in the background, so that no answer waits for it, and offered from the next answer on.
        """
        known = self._known.setdefault(guide, {})
        new = [question for question in questions if question not in known]
        if new and len(guide.sentence_rows) <= TRIED_AT_ONCE:
            self._try(new, guide)
        elif new and self._trying.acquire(blocking=False):
            # No daemon: inside native code while the interpreter goes, it would abort it. It ends with the main thread.
            threading.Thread(target=self._try_later, args=(new, guide.name), name="suggestions").start()
        return [question for question in questions if known.get(question)]

    def _try(self, questions: Sequence[str], guide: Guide) -> None:
        known = self._known.setdefault(guide, {})
        for question in questions:
            if not threading.main_thread().is_alive():  # the process is ending
                return
            known[question] = self._answers(question, guide)

    def _try_later(self, questions: Sequence[str], version: str) -> None:
        try:
            with self._library.lease(version) as guide:
                self._try(questions, guide)
        except AdvisorError as error:
            _log.info("Follow-up questions could not be tried: %s", error)
        finally:
            self._trying.release()


# --- which questions ---------------------------------------------------------------------------------------------


def starters(guide: Guide) -> list[str]:
    """Return questions to begin with: the owner's (``starters`` in the front matter), else those of the headings."""
    return list(guide.once(_starters))


def _starters(guide: Guide) -> list[str]:
    own = [question.strip(" ,") for d in guide.documents.values() for question in _asked_in(d.meta.get("starters", ""))]
    if own:
        return own[:MOST_STARTERS]
    asked = [question for question in all_questions(guide) if not _SECTION.match(question)]
    if len(asked) < MOST_STARTERS:
        top = [as_question(s.heading[-1], guide) for d in guide.documents.values() for s in _top_sections(d)]
        asked = list(dict.fromkeys([*asked, *top[:: max(1, len(top) // MOST_STARTERS)]]))
    step = max(1, len(asked) // MOST_STARTERS)
    return asked[::step][:MOST_STARTERS]


def all_questions(guide: Guide) -> list[str]:
    """Return every question that may be offered after an answer."""
    return [as_question(section.heading[-1], guide) for section in guide.once(_offered)]


def next_questions(
    guide: Guide, quoted: Sequence[Passage], read: Sequence[Passage], asked: Collection[str] = ()
) -> list[str]:
    """Return questions to go on with: for the sections beside those ``quoted``, else for those ``read`` and beside.

    What was ``asked`` before is not offered again.
    """
    shown = {passage.heading for passage in quoted}
    here = shown or {passage.heading for passage in read[:2]}
    told = [place[1] for text in asked if (place := section_asked_for(text, guide) or section_headed(text, guide))]
    sections = guide.once(_offered)
    places = [place for heading in here for place in guide.once(_places).get(heading, ())]
    around = {i for place in places or [0] for i in range(place - NEAR, place + NEAR + 1)}
    near = sorted(
        (i for i in around if 0 <= i < len(sections)), key=lambda i: (min(abs(i - place) for place in places or [0]), i)
    )
    left = [sections[i] for i in near if sections[i].heading not in shown and sections[i] not in told]
    return [as_question(section.heading[-1], guide) for section in left[: 2 * MOST_NEXT]]


def as_question(heading: str, guide: Guide) -> str:
    """Return a heading as a question a student might ask."""
    bare = re.sub(r"(?i)^how to\b", "How do I", heading.strip(" .:"))
    if is_question(bare):
        return bare.rstrip("?") + "?"
    bare = _BRACKETS.sub("", bare) or bare
    first = re.split(r"\W", bare)[0]
    if first[1:].islower() and first.lower() not in guide.once(names_of):
        bare = bare[0].lower() + bare[1:]
    return f"What does the guide say about {bare}?"


def section_asked_for(text: str, guide: Guide) -> tuple[str, Section] | None:
    """Return the document and section that ``text`` asks for by its heading, as our own questions do."""
    found = _SECTION.match(" ".join(text.split()))
    return next(iter(guide.once(_by_heading).get(_folded(found[1]), ())), None) if found else None


def section_headed(question: str, guide: Guide) -> tuple[str, Section] | None:
    """Return the document and section that has ``question`` for its heading; None where several have."""
    places = guide.once(_by_heading).get(_folded(question), ())
    return places[0] if len(places) == 1 and is_question(places[0][1].heading[-1]) else None


def is_ours(text: str, guide: Guide) -> bool:
    """Tell whether we offer ``text`` ourselves: then it leans on nothing that was said before."""
    return bool(section_headed(text, guide)) or _folded(text) in map(_folded, starters(guide))


def _by_heading(guide: Guide) -> dict[str, list[tuple[str, Section]]]:
    """Return the sections with words of their own by their headings, as they stand and as questions."""
    found: dict[str, list[tuple[str, Section]]] = {}
    for document in guide.documents.values():
        for section in document.sections:
            if section.heading and section.blocks:
                heading = section.heading[-1]
                for name in {_folded(heading), _folded(as_question(heading, guide))}:
                    found.setdefault(name, []).append((document.name, section))
    return found


def _offered(guide: Guide) -> list[Section]:
    """Return the sections that a short question names, each alone of its name."""
    places = guide.once(_by_heading)
    return [
        section
        for document in guide.documents.values()
        for section in document.sections
        if section.heading
        and len(section.heading[-1]) <= LONGEST
        and len(places.get(_folded(section.heading[-1]), ())) == 1
    ]


def _places(guide: Guide) -> dict[tuple[str, ...], list[int]]:
    """Return where in ``_offered`` the sections of a heading stand."""
    found: dict[tuple[str, ...], list[int]] = {}
    for place, section in enumerate(guide.once(_offered)):
        found.setdefault(section.heading, []).append(place)
    return found


def _folded(text: str) -> str:
    bare = _BRACKETS.sub("", text) or text
    return " ".join(bare.casefold().strip(" .:?“”\"'").split())


def is_question(heading: str) -> bool:
    """Tell whether a heading asks."""
    first, second, *_ = [*words(heading), "", ""]
    asks = first in ("which", "who", "where") or (first in ("what", "how", "why", "when") and second in _AFTER_WHAT)
    return heading.rstrip().endswith("?") or asks or first in _VERBS


def _asked_in(text: str) -> Iterator[str]:
    yield from re.findall(r"[^?]+\?", text)


def _top_sections(document: Document) -> list[Section]:
    level = min((s.level for s in document.sections if len(s.heading) > 1), default=0)
    found = [s for s in document.sections if s.level == level and s.heading]
    return found or [s for s in document.sections if s.heading and s.blocks]
