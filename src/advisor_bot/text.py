"""Words about text, shared by every stage: plain words, sentences, terms, numerals, escaping."""

from __future__ import annotations

import re
import unicodedata
from functools import cache, lru_cache
from urllib.parse import quote

import sentencex
import Stemmer
from markdown_it import MarkdownIt

_BLOCK_MARK = re.compile(r"(?m)^[ \t]*(?:#{1,6}[ \t]+|>[ \t]?|[-*+•][ \t]+|\d{1,3}[.)][ \t]+|\|[ \t]*)")
_TABLE_RULE = re.compile(r"(?m)^[ \t]*\|?(?:[ \t]*:?-{3,}:?[ \t]*\|?)+[ \t]*$|(?m:^[ \t]*(?:```|~~~).*$)")
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u2060-\u2064\ufeff]")
_VARIANT = re.compile("[\ufb00-\ufb4f\uff01-\uff5e\u00b2\u00b3\u00b9\u2070-\u209c]")  # ligatures, full width, raised
_RAISED_SIGN = re.compile("(?<=[0-9])[\u00b2\u00b3\u00b9\u2070\u2074-\u2079]+")  # after a figure: the sign of a note
# What a dialect of Markdown means for its makers, not for its readers: remarks, template tags, struck-out words, the
# signs of notes, the fences of boxes. The order counts: what is struck out goes before the marks in it.
_UNREAD = re.compile(
    r"%%[^%\n]+%%|\{%[^{}\n]*%\}|\{\{[<%][^{}\n]*[>%]\}\}|~~(?=\S)[^~]{1,2000}~~(?!~)"
    r"|<(?P<tag>s|del|strike)>[^<]{0,2000}</(?P=tag)>|\[\^[^\]\s]{1,40}\](?!\()(?::[ \t]*)?"
    r"|(?m:^\[[a-z]{1,2}\](?=[^\s(:\[])[^\n]*$)|(?<=[.!?,;:)])\[[a-z]{1,2}\](?![(:\[])"  # comments of Google Docs
    r"|(?<=[a-z]{3})\[[a-h]\](?=[\s.,;:!?)]|$)"
    r"|(?m:^[ \t>]*(?::::+[ \t]*[\w-]*(?:[ \t]*[\[{][^\n]*)?|\[![A-Za-z]+\][+-]?)[ \t]*$)"
    r"|(?m:^[ \t]*(?:!!!|\?\?\?\+?)[ \t]+[\w-]+(?=[ \t\n]|$))",
    re.DOTALL,
)
_COMMENT = re.compile(r"<!--(?:(?!<!--|-->).)*-->", re.DOTALL)
_DIALECT = (  # marks that a dialect sets around words that are read
    (re.compile(r"\[\[(?:[^\[\]|\n]{1,200}\|)?([^\[\]|\n]{1,200})\]\]"), r"\1"),
    (re.compile(r"==(?=\S)([^=\n]{1,500}?)(?<=\S)=="), r"\1"),
    (re.compile(r"(?<=\w)([~^])([^\s~^]{1,20})\1"), r"\2"),
    (re.compile(r"<br[ \t]*/?>", re.I), " "),
    (re.compile(r"</?(?:details|summary|div|p|span|center|sub|sup|u|small|kbd|mark|b|i|em|strong)\b[^<>]*>", re.I), ""),
)
_MAY_HOLD = re.compile(r"<|%%|\{[%{]|~|\^|==|\[[\[!]|\[[a-z]{1,2}\]|:::|!!!|\?\?\?")
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
    bare = _TABLE_RULE.sub(" ", _read_aloud(markdown) if _MAY_HOLD.search(markdown) else markdown)
    bare = _BLOCK_MARK.sub("", bare)
    tokens = _markdown().parseInline(bare)[0].children or []
    words = "".join(" " if t.type in ("softbreak", "hardbreak") else t.content for t in tokens)
    if markdown.lstrip().startswith("|"):
        words = words.replace("|", " ")
    return " ".join(words.split())


def _read_aloud(markdown: str) -> str:
    """Return ``markdown`` without what is not read and without the marks of its dialects."""
    bare = _UNREAD.sub("", _COMMENT.sub("", markdown))
    for mark, kept in _DIALECT:
        bare = mark.sub(kept, bare)
    return re.sub(r"[ \t]{2,}", " ", bare)


def blanked(markdown: str) -> str:
    """Return ``markdown``, as long as it is, with blanks where something is not read: structure is seen without it."""
    if not _MAY_HOLD.search(markdown):
        return markdown
    shown, at = [], 0
    while (begin := markdown.find("<!--", at)) >= 0 and (stop := markdown.find("-->", begin)) >= 0:
        shown += [markdown[at:begin], re.sub(r"[^\n]", " ", markdown[begin : stop + 3])]
        at = stop + 3
    return _UNREAD.sub(_blank, "".join(shown) + markdown[at:])


def _blank(found: re.Match[str]) -> str:
    words = found[0].lstrip(" \t>")
    return found[0][: len(found[0]) - len(words)] + re.sub(r"[^\n]", " ", words)


def fold(text: str) -> str:
    """Return ``text`` as it is looked up: ligatures and full-width letters plain, nothing invisible, no raised signs.

    What is quoted is never folded.
    """
    if text.isascii():
        return text
    bare = _RAISED_SIGN.sub("", _INVISIBLE.sub("", text))
    return unicodedata.normalize("NFC", _VARIANT.sub(lambda found: unicodedata.normalize("NFKC", found[0]), bare))


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
    return [word.replace("’", "'") for word in _WORD.findall(fold(text).lower())]


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


def quoted_at(address: str, words: str) -> str:
    """Return ``address`` so that a browser opens it at ``words`` (a text fragment)."""
    if not address.startswith(("http://", "https://")):
        return ""
    said = words.split()
    most = 8
    ends = [said] if len(said) <= 2 * most else [said[:most], said[-most:]]
    fragment = ",".join(quote(" ".join(end), safe="").replace("-", "%2D") for end in ends if end)
    return f"{address.partition('#')[0]}#:~:text={fragment}" if fragment else address
