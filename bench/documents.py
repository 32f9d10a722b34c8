"""Documents as people have them: is each of these situations read, and answered, as it should be?

``python bench/documents.py [FOLDER] [--ask]``: a line a situation; ``--ask`` also publishes each file and asks.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from advisor_bot.documents.chunk import chunk
from advisor_bot.documents.load import load
from advisor_bot.documents.tables import words_at
from advisor_bot.text import fold
from advisor_bot.types import Answer

HERE = Path(__file__).parent.parent / "tests" / "documents" / "files"


@dataclass(frozen=True)
class Situation:
    """What a file must be read as: sentences it ``has``, strings it ``lacks``, the heading a sentence stands ``under``.

    ``whole``: these are sentences as they stand, not only parts of one. ``asked``: question to a part of the answer.
    """

    kind: str
    file: str
    has: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()
    under: dict[str, str] = field(default_factory=dict)
    whole: tuple[str, ...] = ()
    asked: dict[str, str] = field(default_factory=dict)
    left_out: bool = False  # left out with a reason is right as well
    talk: bool = False  # the questions are one conversation, each answer to begin with its part


SITUATIONS = (
    Situation("raised footnote sign", "super.html", ("Tuition is 450 euros a term",), ("4501", "103 samples", "292"),
              asked={"How much is tuition?": "Tuition is 450 euros a term"}),
    Situation("raised power", "super.html", ("120 m2",), ("120 m holds",)),
    Situation("footnotes in Word", "footnote.docx", ("The grant is 200 euros a month.",), ("↑", "(#footnote", "[1]"),
              asked={"How much is the grant?": "The grant is 200 euros a month."}),
    Situation("struck in HTML", "strike.html",
              ("The sauna costs 9 euros.", "The gym costs 35 euros.", "The court costs 14 euros."),
              ("8 euros", "30 euros", "12 euros", "The pool is free"),
              asked={"How much does the sauna cost?": "The sauna costs 9 euros."}),
    Situation("struck in Markdown", "mdfeatures.md", ("The exchange takes one year.",), ("takes two years",)),
    Situation("accordion", "accordion.html",
              under={"Write to the gate office": "How do I get a parking permit?",
                     "By noon on 31 July.": "When do I have to move out?", "Only fish": "Can I bring a pet?"},
              asked={"How do I get a parking permit?": "Write to the gate office",
                     "When do I have to move out?": "By noon on 31 July."}),
    Situation("page in one form", "form.html", ("Books are lent for 28 days.", "Each day late costs 50 cents.")),
    Situation("several articles", "articles.html", ("A transcript costs 12 euros", "Leave of absence", "room 14"),
              asked={"What does a transcript cost?": "A transcript costs 12 euros"}),
    Situation("cells that span", "rowspan.html", ("Level: Master; Mode: Part time; Fee per term: 700 euros",),
              asked={"What does a part-time master cost per term?": "Fee per term: 700 euros",
                     "What is the deposit for a part-time bachelor?": "Deposit: 60 euros"}),
    Situation("table without header cells", "tdhead.html", ("Winter: 15 June",), ("Program Winter Summer",),
              asked={"When is the winter deadline for robotics?": "Winter: 15 June"}),
    Situation("cell of a table", "table.md", ("Winter: 15 June",),
              asked={"When is the winter deadline for robotics?": "Winter: 15 June"}),
    Situation("cell of a long table", "longtable.md", ("Guests: 77 euros a term",),
              asked={"What do guests pay for fencing?": "Guests: 77 euros a term"}),
    Situation("wrong charset named", "iso.html", ("The café’s menu costs €6 – “all in”.",)),
    Situation("Mac Roman", "mac.txt", ("The students’ office doesn’t open", "The café costs 3 euros."), ("Ő",),
              left_out=True),
    Situation("page saved by Word", "wordhtml.html", lacks=("supportLists", "endif", "·"),
              whole=("Keep every ticket.", "Claim within 60 days.", "Meals are paid up to 30 euros a day.",
                     "Breakfast apart.")),
    Situation("abbreviations", "abbrev.md",
              whole=("The fee is approx. 30 euros, incl. VAT.", "The exam is on the 3. of May.",
                     "The class has max. 20 seats and min. 5 seats.", "It helps!", "J. R. Tan teaches it.",
                     "Office hours are Mon. 9 to 12 and Thurs. 13 to 16.", "Tuition is €1.250,50 per term.",
                     "The term begins on Sept. 5 and ends on Dec. 20.", "Costs rise by 3.2%.",
                     "Students of the B.Sc. Physics program need 3.5 points.", "They fell in 2023."),
              asked={"How much is the fee?": "approx. 30 euros"}),
    Situation("a sentence a line", "one-sentence-a-line.txt"),
    Situation("a sentence a line, as paragraphs", "one-sentence-a-line.txt"),
    Situation("ligatures", "ligature.md", under={"coffee vouchers": "financial help"},
              asked={"What does the financial office give out?": "vouchers",
                     "Who gives out coffee vouchers?": "vouchers"}),
    Situation("decomposed letters", "nfd.md", asked={"What do the crêpes at café José Müller cost?": "4 euros"}),
    Situation("soft hyphens", "softhyphen.md", asked={"How high is the scholarship?": "300"}),
    Situation("zero-width characters", "zwsp.md", asked={"How much is the dormitory?": "210"}),
    Situation("full-width question", "control.md", asked={"Ｈｏｗ ｍｕｃｈ ｉｓ ｔｕｉｔｉｏｎ?": "450 euros"}),
    Situation("two columns", "twocol.pdf", ("Laundry is done on the second floor and costs two euros a load.",
              "Guests may stay for three nights and have to be announced at the desk.")),
    Situation("table in a PDF", "feetable.pdf", ("Level: Master; Full time: 1,200 euros; Part time: 700 euros",),
              asked={"What does a part-time doctorate cost?": "Part time: 200 euros"}),
    Situation("hyphen at a line's end", "hyphen.pdf",
              ("part-time", "well-known", "state-of-the-art", "2026-2027", "scholarship"), ("parttime", "wellknown")),
    Situation("running titles", "twopages.pdf", (
        "The pool is open from 7 to 21 and the ticket for students, which is "
        "sold at the gate, costs 3 euros.",), ("1 / 2", "2 / 2", "handbook The"),
              asked={"When is the pool open?": "from 7 to 21"}),
    Situation("bullets", "word.txt", lacks=("·", "➢", "✓", "\uf0b7", "o\t"),
              whole=("Bikes are free.", "Scooters cost 2 euros.", "Taxis cost 12 euros.", "Boats run in summer.",
                     "Shuttles run on Sundays.", "The last one leaves at 23:40.")),
    Situation("comment marks", "gdocs.txt", under={"Wear goggles at all times.": "Safety"},
              lacks=("[a]", "Is this still true"), asked={"Do I have to wear goggles?": "Wear goggles at all times."}),
    Situation("Roman numerals", "roman.txt", under={"Guests may stay": "Guests", "Silence begins": "Noise",
                                                   "No pets": "Pets", "Laundry costs": "Laundry"},
              asked={"Are pets allowed?": "No pets are allowed."}),
    Situation("underlined headings", "underline.txt", under={"Rooms are given": "HOUSING OFFICE",
              "The office is open": "Opening hours", "The deposit is": "DEPOSIT", "No pets": "PETS"}),
    Situation("bold as headings in Word", "fakehead.docx",
              under={"Enrolment takes": "How to enrol", "The semester contribution": "What it costs"}),
    Situation("bold as headings in HTML", "fakeh.html",
              under={"Guests may stay": "Guests", "Silence from ten": "Noise", "No pets": "Pets"}),
    Situation("bold as headings in PDF", "bold.pdf", under={"Only guide dogs": "Pets are forbidden"}),
    Situation("Markdown dialects", "mdfeatures.md", ("Nominations close on 12 February.", "Bring proof of insurance.",
              "The stipend is 380 euros a month.", "400 euros per month", "H2O", "marked text", "the rules",
              "A visa is needed outside the EU."),
              ("!!!", ":::", "[!", "<br", "<details", "[^1]", "internal remark", "%%", "==", "~~", "{%", "{{", "TODO")),
    Situation("FAQ lines", "faq.txt", lacks=("A:", "A.", "Answer:", "A1)"),
              under={"Use the self-service page": "How do I reset my password?",
                     "In the basement": "Where is the help desk?", "Five cents": "What does printing cost?",
                     "Yes, behind the gym": "Is there parking?"}),
    Situation("follow-up after a change of topic", "courses.md", talk=True,
              asked={"How much is the pottery course?": "The pottery course costs 90 euros.",
                     "What about sailing?": "sailing", "Where is it?": "It takes place on Saturdays at the lake."}),
    Situation("nothing special", "control.md", whole=("Tuition is 450 euros.", "Guests may stay three nights.")),
)  # fmt: skip


Sentences = list[tuple[str, str]]


def read(file: Path) -> Sentences | str:
    """Return (heading, sentence) of all that is read of ``file``, or why it is left out."""
    loaded = load([file])
    if not loaded.documents:
        return loaded.left_out[0].reason
    (document,) = loaded.documents
    return [
        (fold(piece.heading[-1]) if piece.heading else "", fold(words_at(document.text, start, end)))
        for piece in chunk(document)
        for start, end in piece.sentences
    ]


def wrong(situation: Situation, folder: Path) -> list[str]:
    """Return what is read otherwise than it should be."""
    found = read(folder / situation.file)
    if isinstance(found, str):
        return [] if situation.left_out else [f"left out: {found}"]
    if situation.file == "one-sentence-a-line.txt":
        return cuts(folder / situation.file, paragraphs="paragraphs" in situation.kind)
    texts = [text for _, text in found]
    everything = "\n".join([*texts, *{heading for heading, _ in found}])
    return [
        *(f"lacks {part!r}" for part in situation.has if part not in everything),
        *(f"has {part!r}" for part in situation.lacks if part in everything),
        *(f"no sentence {part!r}" for part in situation.whole if part not in texts),
        *(f"{part!r} not under {head!r}" for part, head in situation.under.items() if not _under(found, part, head)),
    ]


def _under(found: Sentences, part: str, head: str) -> bool:
    return any(part in text and head == heading.split(". ")[-1].strip(": ") for heading, text in found)


def cuts(file: Path, *, paragraphs: bool) -> list[str]:
    """Return the sentences of ``file`` (one a line) that are cut, alone or as paragraphs of five."""
    lines = file.read_text().splitlines()
    step = 5 if paragraphs else 1
    groups = [lines[place : place + step] for place in range(0, len(lines), step)]
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder, "made.md")
        made.write_text("\n\n".join(" ".join(group) for group in groups) + "\n")
        texts = [text for _, text in read(made)]
    return [f"cut: {line}" for line in lines if line not in texts]


def asked(situation: Situation, folder: Path) -> list[str]:
    """Return the questions that are not answered with what they should be."""
    from advisor_bot import assemble
    from advisor_bot.index.publish import publish, read_guide
    from advisor_bot.settings import Settings
    from advisor_bot.types import Turn

    with tempfile.TemporaryDirectory() as index:
        settings = Settings(index=Path(index))
        documents = read_guide([folder / situation.file], settings).documents
        if not documents:
            return []
        publish(documents, settings)
        advisor = assemble.advisor(settings)
        said: list[Turn] = []
        answers = {}
        for question in situation.asked:
            answers[question] = advisor.ask(question, said if situation.talk else ())
            said += [Turn("user", question), Turn("assistant", answers[question].text)]
        advisor.versions.close()
    return [
        f"{question} -> {answer.status}: {answer.text!r}"
        for question, answer in answers.items()
        if not _answers(situation, answer, question)
    ]


def _answers(situation: Situation, answer: Answer, question: str) -> bool:
    text = answer.text.replace("\\", "")
    if situation.talk and "Where" in question and "ottery" in text:
        return False
    return situation.asked[question] in text


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", nargs="?", type=Path, default=HERE)
    parser.add_argument("--ask", action="store_true")
    given = parser.parse_args()
    right = 0
    for situation in SITUATIONS:
        problems = wrong(situation, given.folder)
        if given.ask and situation.asked:
            problems += asked(situation, given.folder)
        right += not problems
        print(f"{'wrong' if problems else 'right'}  {situation.kind} ({situation.file})")
        for problem in problems:
            print(f"         {problem}")
    print(f"{right} of {len(SITUATIONS)} right")


if __name__ == "__main__":
    main()
