"""Words about text, shared by every stage: plain words, sentences, terms, numerals, escaping."""

from __future__ import annotations

import re
from functools import cache, lru_cache

import sentencex
import Stemmer
from markdown_it import MarkdownIt

_BLOCK_MARK = re.compile(r"(?m)^[ \t]*(?:#{1,6}[ \t]+|>[ \t]?|[-*+•][ \t]+|\d{1,3}[.)][ \t]+|\|[ \t]*)")
_TABLE_RULE = re.compile(r"(?m)^[ \t]*\|?(?:[ \t]*:?-{3,}:?[ \t]*\|?)+[ \t]*$|(?m:^[ \t]*(?:```|~~~).*$)")
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
NUMERAL = re.compile(r"\d+(?:[.,]\d+)*%?")

# Function words of English questions and prose: they carry no topic.
STOPWORDS = frozenset(
    """a about above after again against all also am an and any are aren't as at be because been before being
    below between both but by can can't cannot could couldn't did didn't do does doesn't doing don't down during
    each else ever few for from further get gets getting go goes going gonna got had hadn't has hasn't have
    haven't having he her here hers him his how i i'd i'll i'm i've if in into is isn't it it's its itself just
    let let's like many may me might more most much must my no nor not of off ok on once only or other our ours
    out over own per please same shall she should shouldn't so some such than that that's the their theirs
    them then there there's these they they're this those through to too under until up upon us very was wasn't
    we were weren't what what's when where where's whether which while who who's whom why will with within
    without won't would wouldn't yeah yes yet you you're your yours
    actually basically bit da dat dont cant didnt doesnt exactly idk im isnt ive kind kinda lol lot lots maybe pls plz
    probably really r sort stuff thing things tho u ur wanna wat wont wot
    anybody anyone anything asap b4 cuz everybody everyone everything give gives haha know means ppl said say says
    somebody someone something super tell tells thanks thx use used uses want wanted wants way whatever
    bc bro btw coz dude dunno fr gimme gotta guys hella hmm honestly imho imo lemme legit literally lmao meh nah
    ngl nope obv omg outta smh sorta srsly tbh til tryna ty ugh w wtf yall yep yup""".split()
)


@cache
def _markdown() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": False})


@cache
def _stemmer() -> Stemmer.Stemmer:
    return Stemmer.Stemmer("english")


@lru_cache(maxsize=20_000)
def plain(markdown: str) -> str:
    """Return ``markdown`` without its markup (marks, emphasis, link targets), white space folded."""
    bare = _TABLE_RULE.sub(" ", markdown)
    bare = _BLOCK_MARK.sub("", bare)
    tokens = _markdown().parseInline(bare)[0].children or []
    words = "".join(" " if t.type in ("softbreak", "hardbreak") else t.content for t in tokens)
    if markdown.lstrip().startswith("|"):
        words = words.replace("|", " ")
    return " ".join(words.split())


# What begins a sentence that says little without the one before it: a closed class of English.
_LEANS_BACK = re.compile(
    r"^(?:it|its|they|them|their|he|him|his|she|her|this|that|these|those|such|both|either|neither|another|others?|"
    r"however|but|also|additionally|moreover|furthermore|therefore|thus|hence|instead|likewise|similarly|conversely|"
    r"consequently|accordingly|nevertheless|nonetheless|otherwise|then|yet|still|so|and|or|for example|for instance|"
    r"in addition|in contrast|by contrast|on the other hand|as a result|in turn|the (?:same|former|latter|other)|"
    r"here|there)\b"
    r"(?!\s+(?:is|are) (?:no|a|an|many|several|some|few)\b)",
    re.I,
)


def leans_back(sentence: str) -> bool:
    """Tell whether ``sentence`` opens with a word that says little without the sentence before it ("It …", "But …")."""
    return bool(_LEANS_BACK.match(sentence))


def sentences(text: str, start: int = 0, end: int | None = None) -> tuple[tuple[int, int], ...]:
    """Return the spans of the sentences of ``text[start:end]``, absolute, white space trimmed.

    Together the spans cover every character that is not white space.
    """
    piece = text[start:end]
    spans = []
    for found in sentencex.get_sentence_boundaries("en", piece):
        left, right = found["start_index"], found["end_index"]
        sentence = piece[left:right]
        left += len(sentence) - len(sentence.lstrip())
        right -= len(sentence) - len(sentence.rstrip())
        if left < right:
            spans.append((start + left, start + right))
    return tuple(spans)


def words(text: str) -> list[str]:
    """Return the words of ``text`` in lower case, in order; numbers count as words."""
    return [word.replace("’", "'") for word in _WORD.findall(text.lower())]


@lru_cache(maxsize=50_000)
def stem(word: str) -> str:
    """Return the stem of one lower-case word (Porter2, through PyStemmer)."""
    return str(_stemmer().stemWord(word.removesuffix("'s").removesuffix("'")))


def terms(text: str) -> list[str]:
    """Return the stemmed content words of ``text``, function words left out."""
    return [stem(word) for word in words(text) if word not in STOPWORDS]


def numerals(text: str) -> list[str]:
    """Return the numerals of ``text`` as written, a percent sign included."""
    return NUMERAL.findall(text)


def escape_markdown(text: str) -> str:
    """Escape ``text`` so that Markdown shows it as written and ``[n]`` in it cannot pass for a marker."""
    escaped = re.sub(r"([\\`*_\[\]<>~|&])", r"\\\1", text)
    escaped = re.sub(r"(?m)^(\s*)(#{1,6}(?=\s)|[-+](?=\s)|=+$|-+$)", r"\1\\\2", escaped)
    return re.sub(r"(?m)^(\s*\d+)([.)]\s)", r"\1\\\2", escaped)
