"""Write guides made of tables and price lists, with questions on their cells: rows that differ in one value alone.

    python training/tables.py          # writes data/guides/rows-NN.json, the same each time

A row is read as the program reads a table ("Program: Robotics; Deadline: 15 June"), or stands as prose. A question asks
for a cell that is there, or, in the same words, for one that is not: another thing, or what is not said of this one.
Sections of other guides stand between the tables.
"""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

from data import KEPT_APART

GUIDES = Path(__file__).parent / "data" / "guides"
COUNT, QUESTIONS, SEED = 18, 54, 7

THINGS = {
    "Program": "Robotics|Computer Vision|Language Technology|Bioinformatics|Data Engineering|Reinforcement Learning|"
    "Statistics|Causal Inference|AI Safety|Speech Processing|Recommender Systems|Optimization|Edge Computing",
    "Course": "Linear Algebra Refresher|Deep Learning I|Deep Learning II|Ethics Seminar|Probability|Python Bridge|"
    "Databases|Research Methods|Time Series|Cloud Systems|Thesis Seminar|Game Theory",
    "Fee": "tuition|the lab fee|the student card|a locker|the parking permit|printing|the exam retake|late enrolment|"
    "the transcript|the language test|health insurance|the thesis binding",
    "Office": "the admissions office|the international office|student health|the library desk|the IT help desk|"
    "the career center|the housing office|the registrar|the disability service|the cashier",
    "Room type": "a single room|a double room|a studio|a family flat|a shared kitchen unit|an accessible room",
    "Scholarship": "the Founders' Grant|the Women in Computing Award|the Harbor Scholarship|the Merit Waiver|"
    "the Parents' Bursary|the First Generation Fund|the Refugee Scholarship|the Regional Stipend",
    "Lab": "the Vision Lab|the Robotics Hall|the Speech Lab|the Cluster Room|the Wet Lab|the Maker Space",
}
Column = tuple[str, str, list[str], str]  # its name in a table, its prose, questions on it, values
COLUMNS: dict[str, list[Column]] = {
    "Program": [
        ("Deadline", "{e} takes applications until {v}", DATE_ASKED := [
            "when is the deadline for {e}", "{e} deadline", "By what date do I have to apply for {e}?",
            "last day for {e}??", "is {e} still open in august or when does it close",
        ], "date"),
        ("Tuition", "{e} costs {v} a term", PRICE_ASKED := [
            "how much is {e}", "{e} cost", "What does {e} cost?", "price of {e}?", "what will i end up paying for {e}",
            "can i afford {e}, what do they charge", "how expensive is {e}",
        ], "price"),
        ("Length", "{e} takes {v}", [
            "how long does {e} take", "{e} duration", "How many terms is {e}?", "when would i be done with {e}",
        ], "length"),
        ("Places", "{e} has {v} places", [
            "how many people get into {e}", "{e} class size", "How many places are there in {e}?",
        ], "number"),
        ("Language", "{e} is taught in {v}", [
            "is {e} in english", "what language is {e} taught in", "{e} language", "do i need german for {e}",
        ], "language"),
        ("Grade needed", "{e} asks for a bachelor's grade of {v}", [
            "what grade do i need for {e}", "min grade {e}", "are my marks good enough for {e}, what do they want",
        ], "grade"),
    ],
    "Course": [
        ("Credits", "{e} gives {v} credits", [
            "how many credits is {e}", "{e} ects", "What is {e} worth in credits?", "credits for {e}?",
        ], "small"),
        ("Teacher", "{e} is taught by {v}", [
            "who teaches {e}", "{e} prof?", "Who is the lecturer of {e}?", "whose class is {e}",
        ], "person"),
        ("Term", "{e} is offered in the {v} term", [
            "when is {e} offered", "can i take {e} in spring", "which term is {e}", "{e} semester?",
        ], "term"),
        ("Day", "{e} meets on {v}", [
            "what day is {e}", "{e} weekday", "On which day does {e} meet?", "does {e} clash with my shift, when is it",
        ], "day"),
    ],
    "Fee": [
        ("Amount", "{e} costs {v}", PRICE_ASKED, "price"),
        ("Due", "{e} is due on {v}", [
            "when is {e} due", "{e} due date", "By when must I pay for {e}?", "how late can i pay {e}",
        ], "date"),
        ("Paid to", "{e} is paid to {v}", [
            "who do i pay for {e}", "where do i pay {e}", "To whom is {e} paid?",
        ], "office"),
    ],
    "Office": [
        ("Hours", "{e} is open {v}", [
            "when is {e} open", "{e} hours", "What are the opening hours of {e}?", "until what time is {e} there",
        ], "hours"),
        ("Room", "{e} is in {v}", PLACE_ASKED := [
            "where is {e}", "{e} location", "Where do I find {e}?", "which building is {e} in",
        ], "room"),
        ("Phone", "{e} answers the phone under {v}", [
            "phone number of {e}", "{e} tel", "How can I call {e}?", "number for {e} pls",
        ], "phone"),
    ],
    "Room type": [
        ("Rent", "{e} costs {v} a month", PRICE_ASKED, "price"),
        ("Size", "{e} has {v} square meters", [
            "how big is {e}", "size of {e}", "How many square meters does {e} have?",
        ], "number"),
        ("Wait", "the wait for {e} is {v}", [
            "how long do i wait for {e}", "waiting list {e}", "How soon can I get {e}?",
        ], "length"),
    ],
    "Scholarship": [
        ("Amount", "{e} pays {v} a year", [
            "how much does {e} pay", "{e} amount", "What do I get from {e}?", "how much money is {e}",
        ], "price"),
        ("Deadline", "{e} closes on {v}", DATE_ASKED, "date"),
        ("For", "{e} is for {v}", [
            "who can get {e}", "{e} eligibility", "For whom is {e}?", "would i qualify for {e}, who is it for",
        ], "group"),
    ],
    "Lab": [
        ("Room", "{e} is in {v}", PLACE_ASKED, "room"),
        ("Head", "{e} is led by {v}", [
            "who runs {e}", "head of {e}", "Who leads {e}?", "who do i talk to in {e}",
        ], "person"),
        ("Desks", "{e} has {v} desks", [
            "how many desks in {e}", "{e} capacity", "How many people can work in {e}?",
        ], "number"),
    ],
}  # fmt: skip
MONTHS = "January March April May June July August September October November".split()
VALUES: dict[str, list[str]] = {
    "date": [f"{day} {month}" for month in MONTHS for day in (1, 10, 15, 30)],
    "price": [f"{amount} euros" for amount in (12, 25, 40, 85, 120, 180, 260, 310, 450, 640, 900, 1250, 1800, 2400)],
    "length": "two terms|three terms|four terms|six weeks|five months|a year|eighteen months".split("|"),
    "number": [str(number) for number in (8, 12, 14, 18, 20, 22, 25, 30, 36, 40, 55, 60)],
    "small": "2 3 4 5 6 8 10 12".split(),
    "language": "English|German|English and German|Dutch|French".split("|"),
    "grade": "2.0|2.3|2.5|2.7|3.0|3.3".split("|"),
    "person": "Dr. Okafor|Prof. Lindqvist|Dr. Amari|Prof. Teller|Ms. Ruiz|Dr. Haddad|Prof. Novak|Mr. Achebe".split("|"),
    "term": "autumn|spring|summer|winter".split("|"),
    "day": "Mondays|Tuesdays|Wednesdays|Thursdays|Fridays|Saturday mornings".split("|"),
    "office": "the cashier|the faculty office|the bank in Hall B|the online portal".split("|"),
    "hours": "from 9 to 12|from 10 to 16|on weekday afternoons|Mondays and Thursdays|until 18:00".split("|"),
    "room": [f"Building {house}, room {room}" for house in "ABCDE" for room in (12, 104, 207, 310)],
    "phone": [f"555-0{number}" for number in range(120, 190, 7)],
    "group": "parents|first-years|people from the region|women|people who work|people without a grant".split("|"),
}
HEADINGS = {
    "Program": "Programs at a glance|The programs", "Course": "Courses|This year's courses", "Fee": "Fees|What you pay",
    "Office": "Offices|Where to ask", "Room type": "Rooms and rents|Housing",
    "Scholarship": "Scholarships|Money to win", "Lab": "Labs|The laboratories",
}  # fmt: skip
Cell = tuple[str, str, list[str]]  # a question's thing, the sentence that answers, its forms


def main() -> None:
    """Write all guides."""
    made_here = ("rows-", "own-")
    others = [file for file in sorted(GUIDES.glob("*.json")) if file.stem not in KEPT_APART]
    others = [file for file in others if not file.stem.startswith(made_here)]
    for number in range(1, COUNT + 1):
        chance = random.Random(SEED * 100 + number)
        made = guide(chance, json.loads(chance.choice(others).read_text("utf-8")))
        text = json.dumps(made, indent=1, ensure_ascii=False) + "\n"
        (GUIDES / f"rows-{number:02}.json").write_text(text, "utf-8")


def guide(chance: random.Random, other: dict[str, Any]) -> dict[str, Any]:
    """Return a guide of three tables and some sections of another guide, with its questions."""
    tables = [table(name, chance) for name in chance.sample(sorted(THINGS), 3)]
    sections = [{"heading": heading, "sentences": sentences} for heading, sentences, _, _ in tables]
    sections += [{key: part[key] for key in ("heading", "sentences")} for part in chance.sample(other["sections"], 4)]
    chance.shuffle(sections)
    place = {
        text: f"{i}.{j}" for i, part in enumerate(sections, 1) for j, text in enumerate(part["sentences"], 1)
    }  # the last of twins
    there = [cell for _, _, cells, _ in tables for cell in cells]
    missing = [cell for _, _, _, cells in tables for cell in cells]
    questions = [row(cell, chance, place) for cell in chance.sample(there, min(len(there), QUESTIONS // 2))]
    questions += [row(cell, chance, place) for cell in chance.sample(missing, min(len(missing), QUESTIONS // 2))]
    chance.shuffle(questions)
    return {"title": f"Facts and figures: {other['title']}", "sections": sections, "questions": questions}


def table(name: str, chance: random.Random) -> tuple[str, list[str], list[Cell], list[Cell]]:
    """Return a table's heading, its sentences, the cells that can be asked for, and others that are not there."""
    things = chance.sample(THINGS[name].split("|"), k=len(THINGS[name].split("|")))
    kept = max(4, len(things) * 2 // 3)
    columns = chance.sample(COLUMNS[name], k=chance.randint(2, min(3, len(COLUMNS[name]))))
    absent = [column for column in COLUMNS[name] if column not in columns]
    style = chance.choice(("row", "cells", "line"))
    sentences: list[str] = []
    there: list[Cell] = []
    for thing in things[:kept]:
        values = [(column, chance.choice(VALUES[column[3]])) for column in columns]
        said = rendered(thing, values, style)
        sentences += said
        there += [(thing, said[at if style == "cells" else 0], column[2]) for at, (column, _) in enumerate(values)]
    missing = [(thing, "", column[2]) for thing in things[kept:] for column in columns]
    missing += [(thing, "", column[2]) for thing in things[:kept] for column in absent] * 2
    return chance.choice(HEADINGS[name].split("|")), sentences, there, missing


def rendered(thing: str, values: list[tuple[Column, str]], style: str) -> list[str]:
    """Return what a guide says of a thing: as the row of a table, a sentence for each cell, or one sentence."""
    if style == "row":
        bare = thing.removeprefix("the ").removeprefix("a ").removeprefix("an ")
        cells = ", ".join(f"the {column[0].lower()} is {value}" for column, value in values)
        return [f"For {bare[0].upper() + bare[1:]}, {cells}."]  # as ``documents.tables.spoken_at`` has it
    said = [column[1].format(e=thing, v=value) for column, value in values]
    if style == "cells":
        return [one[0].upper() + one[1:] + "." for one in said]
    first, *more = said
    joined = "; ".join([first, *(one.replace(thing, "it", 1) for one in more)])
    return [joined[0].upper() + joined[1:] + "."]


def row(cell: Cell, chance: random.Random, place: dict[str, str]) -> dict[str, Any]:
    """Return the question on a cell."""
    thing, said, forms = cell
    form = chance.choice(forms)
    bare = thing if form[0].isupper() else thing.removeprefix("the ").lower()
    question = form.format(e=chance.choice((thing, bare)))
    question = question[0].upper() + question[1:] if chance.random() < 0.4 else question
    found = [place[said]] if said else []
    return {"q": question, "verdict": "answered" if said else "no", "best": found, "help": [], "note": ""}


if __name__ == "__main__":
    main()
