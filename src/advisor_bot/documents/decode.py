"""Bytes -> text: a file's encoding, told by its mark, by its zero bytes or by what it would say.

Text that cannot be told for sure is refused, with a line on what to do: garbled words must never be quoted.
"""

from __future__ import annotations

import re

from charset_normalizer import from_bytes

from advisor_bot.errors import UnreadableError

_BOMS = {
    b"\xef\xbb\xbf": "utf-8-sig",
    b"\xff\xfe\x00\x00": "utf-32",
    b"\x00\x00\xfe\xff": "utf-32",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
}
# What a Western text in Windows-1252 uses besides ASCII; other signs mean that the bytes are something else.
_WESTERN = frozenset(
    "ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜßàáâãäåæçèéêëìíîïñòóôõöøùúûüŒœŠšŽžŸ‘’“”„‚–—…•·€£¥¢§©®™°±²µ½¼¾×«»¿¡ºª\xa0"
)
_MAC = re.compile("[a-z][ÒÓÔÕÐÑÉŽ](?:[a-z]|\\W|$)|[a-z]\\W?[ÐÑ] ")  # quotation marks and dashes of old Macs
_OTHERS = """cp1250 cp1251 cp1252 cp1253 cp1254 cp1255 cp1256 cp1257 iso8859_2 koi8_r cp932 gb18030 big5 euc_jp
    euc_kr""".split()
_CONTROLS = re.compile("[\x00-\x08\x0e-\x1a\x7f]")


def decode(data: bytes) -> str:
    """Return the text in ``data``, line ends as newlines, no byte-order mark. Raises ``UnreadableError``."""
    encoding = next((encoding for bom, encoding in _BOMS.items() if data.startswith(bom)), None)
    if not encoding and b"\0" in data[:4096]:
        encoding = _zero_pattern(data[:4096])
        if not encoding:
            raise UnreadableError("is not text (binary content); give a text file or remove it")
    try:
        text = data.decode(encoding or "utf-8")
    except UnicodeDecodeError as error:
        if encoding and encoding != "utf-8-sig":
            raise UnreadableError(f"is damaged {encoding.upper()} at byte {error.start}; save it as UTF-8") from None
        text = _legacy(data, error)
    if "\0" in text or len(_CONTROLS.findall(text)) * 100 > len(text):
        raise UnreadableError("is not text (binary content); give a text file or remove it")
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def _zero_pattern(sample: bytes) -> str | None:
    """Return the two-byte encoding that a text without a mark is in, judged by where its zero bytes stand."""
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    if odd > 0.6 * len(sample) / 2 and even * 10 < odd:
        return "utf-16-le"
    return "utf-16-be" if even > 0.6 * len(sample) / 2 and odd * 10 < even else None


def _legacy(data: bytes, error: UnicodeDecodeError) -> str:
    """Return text in an older encoding; raise where it is not clear which, rather than show garbled words."""
    line = data.count(b"\n", 0, error.start) + 1
    unclear = UnreadableError(f"is not valid UTF-8 (byte {error.start}, line {line}); save it as UTF-8")
    high = len(data) - len(data.translate(None, bytes(range(128, 256))))
    if len(re.findall(rb"[\xc3-\xf4][\x80-\xbf]", data)) * 4 > high:
        raise unclear  # UTF-8 that was damaged
    mac = data.decode("mac_roman")
    western = data.decode("cp1252", errors="replace")
    if _MAC.search(western) and {sign for sign in mac if sign > "\x7f"} <= _WESTERN:
        return mac
    if {sign for sign in western if sign > "\x7f"} <= _WESTERN:
        return western
    encoding = _detected(data, high / len(data))
    try:
        return data.decode(encoding)
    except (UnicodeDecodeError, LookupError):
        raise unclear from None


def _detected(data: bytes, high: float) -> str:
    """Return the encoding that makes sense of ``data``, "" if none does; ``high``: share of bytes beyond ASCII."""
    sample = data[:200_000]
    sample = sample[: sample.rfind(b"\n") + 1] or sample
    best = from_bytes(sample, cp_isolation=_OTHERS).best()
    if best is None or best.language == "Unknown" or (best.percent_coherence < 20 and high < 0.4):
        return ""
    return best.encoding
