"""The kind of thing a question asks for (a sum, a date, a phone number, …), and whether a text holds one."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Literal

from advisor_bot.text import STOPWORDS, stem, words

Wanted = Literal[
    "compare", "money", "age", "contact", "clock", "share", "duration", "number", "date", "name", "place", "list",
    "why", "yes_no", "definition", "text",
]  # fmt: skip

# What goes by a name of its own; a question for one is answered by a name.
_NAMED = (
    r"(?:universit(?:y|ies)|colleges?|schools?|compan(?:y|ies)|firms?|employers?|organi[sz]ations?|institut(?:e|ion)s?|"
    r"books?|authors?|professors?|cit(?:y|ies)|towns?|countr(?:y|ies)|states?|boot ?camps?|scholarships?|websites?|"
    r"apps?|hospitals?|clinics?|banks?|charit(?:y|ies)|agenc(?:y|ies)|ministr(?:y|ies)|insurers?|brands?|airlines?|"
    r"journals?|newspapers?|magazines?|unions?|church(?:es)?)"
)
_MEASURE = (
    r"(?:max(?:imum)?|min(?:imum)?|average|median|mean|limit|amount|number|scores?|gpa|income|size|height|weight|"
    r"ratio|odds|capacity|population)"
)
# The first that fits is it.
_ASKED: dict[Wanted, str] = {
    "compare": r"\b(?:compar\w+|versus|vs\.?|differen(?:ce|ces|t)\b.*\b(?:between|from|than)|"
    r"diffs? between|(?:what(?:'?s| is| are)|is there) (?:the|an|any|a) (?:main |big |real )?diff(?:erence)?s?|"
    r"pros and cons)\b",
    "money": r"\b(?:how much (?:does|do|is|are|will|would|money|can i (?:earn|make)|.*\b(?:cost|pay|earn|make|charge))|"
    r"what(?:'s| is| are) the (?:\w+ ){0,3}(?:salar(?:y|ies)|tuition|price|fees?|wages?)|"
    r"(?:salar(?:y|ies)|tuition|price|fee|wage)s? (?:for|of|in|range)|in (?:dollars|usd|euros?)|"
    r"how many (?:dollars|euros|pounds|bucks)|what (?:does|do|will|would|did) .{2,60}\b(?:cost|charge|pay|earn)|"
    r"what(?:'?s| is| are) (?:the |my |a |an )?(?:\w+ ){0,3}(?:allowance|stipend|deposit|rent|price|wage|cost of)|"
    r"(?:max(?:imum)?|most|least|min(?:imum)?) (?:that )?(?:i|we|you|one|they) (?:can|could|must|have to|need to) "
    r"(?:borrow|earn|get|pay|save|make|receive))\b",
    "age": r"\bhow old\b|\bwhat age\b",
    "contact": r"\b(?:(?:tele)?phone|fax|mobile|cell) (?:numbers?|no)\b|\bcontact (?:details|info\w*)\b|"
    r"\bnumber for\b|\b(?:e-?mail|web|street) ?address\b|\bwhat(?:'?s| is) (?:the|their|his|her|your) (?:\w+ ){0,2}"
    r"(?:e-?mail|website|url|address)\b",
    "clock": r"\b(?:what|which) (?:time|hours)\b|\bhow (?:late|early) (?:is|are|does|do)\b|"
    r"\b(?:opening|office|closing) (?:hours|times?)\b",
    "share": r"\bpercent(?:age)?s?\b|\bwhat ?%|\bwhat (?:share|proportion|fraction)\b|"
    r"\b(?:acceptance|admission|pass|success|placement|employment|completion|drop-?out|graduation|growth|interest|"
    r"unemployment) rates?\b",
    "duration": r"\bhow (?:many|much) (?:more |extra )?(?:years?|yrs?|months?|weeks?|days?|hours?|time)\b|"
    r"\bhow long (?!(?:of )?an? )",
    "number": rf"\b(?:how (?:many|often|big|far|high|fast|large)|how much|what rate|"
    rf"(?:what|which)(?:'?s| is| are| was| were)? (?:the |my |a |an )?(?:\w+ ){{0,2}}{_MEASURE})\b",
    # "when" within a sentence tells a circumstance: "when applying, …"
    "date": r"\b(?:when(?:'?s| is| are| was| were| do| does| did| can| could| will| would| should| must| has| have)|"
    r"(?:what|which) (?:\w+ )?(?:year|date|day|month)|deadlines?|by what date|how soon|until when|by when)\b|"
    r"\bwhen\W*$",
    "name": rf"\b(?:which|what) (?:(?!(?:do|does|did|is|are|was|were|can|the)\b)\w+ )?{_NAMED}\b|"
    rf"\b{_NAMED} names?\b|\bnames of\b|\bname a few\b|"
    r"\bnames? (?:of )?(?:me )?(?:some|a few|a|one|two|three|the best) ",
    "place": r"\bwhere(?:'?s| is| are| was| were| do| does| did| can| could| will| would| should| else)?\b",
    "list": r"\b(?:(?:which|what) (?:\w+ ){0,4}(?:speciali[sz]ations?|skills|options|requirements|programs?|tracks?|"
    r"factors|things|costs|fields|careers|jobs|industries|kinds|types|ways|steps|documents|benefits)|list|"
    r"name (?:all|the)|top \d+|what are (?:the|all|some)|give me (?:a list|all))\b",
    "why": r"\b(?:why|how come|what (?:is|are) the reasons?|reason for)\b",
    "yes_no": r"^(?:is|are|am|was|were|do|does|did|can|could|will|would|should|shall|may|might|must|has|have|had|"
    r"isn't|aren't|don't|doesn't|can't|won't)\b",
    "definition": r"^(?:what(?:'s| is| are| does)|define|explain|tell me about|describe)\b",
}
_PATTERNS = {kind: re.compile(pattern, re.I) for kind, pattern in _ASKED.items()}
_COUNT = (
    r"(?:\d+(?:[.,]\d+)*|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|fifteen|twenty|thirty|forty|fifty|"
    r"half|twice|double|dozen|several)"
)
# How a thing of each kind looks where it is said.
_HELD: dict[Wanted, re.Pattern[str]] = {
    "money": re.compile(r"[$€£¥]\s?\d|\d\s?(?:[$€£¥]|(?:k\b|dollars?|euros?|pounds?|usd|eur|gbp)\b)", re.I),
    "age": re.compile(r"\b(?:age|aged|old|born)\b.{0,12}\d|\d.{0,12}\b(?:old|years of age)\b", re.I),
    "contact": re.compile(r"\d{3,}[ /-]\d{3,}|\+\d|\S@\S|https?://|\bwww\.|\b\w+\.(?:com|org|net|edu|gov)\b", re.I),
    "clock": re.compile(r"\b\d{1,2}[:.]\d\d\b|\b\d{1,2} ?(?:am|pm|a\.m|p\.m|o.clock)\b|\b(?:noon|midnight)\b", re.I),
    "share": re.compile(
        r"\d+(?:[.,]\d+)? ?(?:%|per ?cent)|\w+ per ?cent\b|\b(?:half|thirds?|quarters?|majority|most)\b|"
        rf"\b{_COUNT} (?:in|of|out of) (?:every )?{_COUNT}\b", re.I,
    ),
    "duration": re.compile(
        rf"\b(?:{_COUNT}|an?|few|every|whole|full|extra|further|another)[\s-]+(?:\w+[\s-]+){{0,2}}"
        r"(?:years?|months?|weeks?|days?|hours?|minutes?|semesters?|terms?|words|pages|summers?|winters?)\b", re.I,
    ),
    "number": re.compile(rf"\d|\b{_COUNT}\b|\b(?:every|once|weekly|daily|monthly|yearly|annual(?:ly)?|each)\b", re.I),
    "date": re.compile(
        r"\b(?:1[89]|20)\d\d\b|\b(?:January|February|March|April|May|June|July|August|September|October|November|December)\b|"
        r"\b(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)days?\b|\b(?i:spring|summer|autumn|fall|winter)\b|\d{1,2}[/.]\d|"
        rf"\b(?i:{_COUNT}) (?i:weeks?|months?|years?|days?)\b|"
        r"\b(?i:first|second|third|last|final|next|each|every) (?i:semester|term|year|week|month)s?\b"
    ),
    "name": re.compile(r"(?<![.!?:] )(?<!^)\b[A-Z][a-z]\w+"),
    "place": re.compile(
        r"\b(?:at|in|on|from|to|near|beside|opposite|under|behind|inside|outside|online|website|campus|office|floor|"
        r"building|room|street|cit(?:y|ies)|countr(?:y|ies))\b", re.I,
    ),
}  # fmt: skip
_COUNTED = re.compile(r"\bhow many\s+((?:[^\W\d_]+\s*){1,3})", re.I)


def wanted(text: str) -> Wanted:
    """Return the kind of thing the question asks for; ``text`` when nothing more exact shows."""
    for kind, pattern in _PATTERNS.items():
        if pattern.search(text):
            return kind
    return "text"


def looked_for(asked: str) -> Callable[[str], bool] | None:
    """Return what tells whether a text holds a thing of the kind ``asked`` is for, other than those it names itself.

    "How many students …" wants students counted. None where things of that kind have no form of their own.
    """
    kind = wanted(asked)
    pattern = _HELD.get(kind)
    if pattern is None:
        return None
    named = asked.lower()
    counted = _counted(asked) if kind == "number" else frozenset()

    def holds(text: str) -> bool:
        return any(
            found[0].lower() not in named and (not counted or not counted.isdisjoint(_next_to(found, text)))
            for found in pattern.finditer(text)
        )

    return holds


def _counted(asked: str) -> frozenset[str]:
    """Return the stems of what "how many …" asks to have counted."""
    found = _COUNTED.search(asked)
    if not found:
        return frozenset()
    named = []
    for word in words(found[1]):
        if word in STOPWORDS:
            break
        named.append(stem(word))
        if word in ("people", "women", "men", "children") or word.endswith("s"):
            return frozenset(named)
    return frozenset(named[:1])


def _next_to(found: re.Match[str], text: str) -> set[str]:
    """Return the stems of the words around a numeral that it may count."""
    before, after = words(text[max(0, found.start() - 40) : found.start()])[-2:], words(text[found.end() :][:60])[:4]
    return {stem(word) for word in [*before, *after]}
