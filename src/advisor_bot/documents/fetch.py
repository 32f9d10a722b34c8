"""Fetches web pages politely: robots.txt, limits of time and size, redirects only within the site.

Private and loopback addresses are refused unless the owner allows them. A name is looked up once a request; the address
that was checked is the one connected to. Nothing here runs where no web address is given.
"""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import SplitResult, quote, urljoin, urlsplit, urlunsplit
from urllib.robotparser import RobotFileParser

AGENT = "advisor-bot"
MOST_REDIRECTS = 5
LONGEST_PAUSE = 10.0  # seconds between two requests, whatever robots.txt asks for
_AS_IT_IS = "/%:@!$&'()*+,;=~?-._"  # of a path and a query; the rest is escaped
_READ_AT_ONCE = 65_536


class FetchError(Exception):
    """Why an address cannot be read, worded to follow the address in a sentence."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How long one page may take (seconds), how large it may be, the pause between two, whether to ask this machine."""

    seconds: float = 30.0
    size: int = 20_000_000
    pause: float = 0.5
    private: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """What an address gave: where it ended up, its type without parameters, charset ("" if not said) and bytes.

    ``unchanged`` means that what is remembered still holds; ``marks`` are the headers to ask with next time.
    """

    address: str
    kind: str
    charset: str
    data: bytes
    unchanged: bool
    marks: Mapping[str, str]


@dataclass
class Fetcher:
    """Fetches addresses one after the other; remembers what each site's robots.txt allows."""

    limits: Limits = Limits()
    _robots: dict[str, RobotFileParser] = field(default_factory=dict)
    _last: dict[str, float] = field(default_factory=dict)

    def fetch(self, address: str, marks: Mapping[str, str] | None = None) -> Page:
        """Return what ``address`` gives. Raises ``FetchError``."""
        first = _parts(address)
        parts = first
        for _ in range(MOST_REDIRECTS + 1):
            self._ask_robots(parts)
            page, onward = _request(parts, self.limits, marks or {})
            if page is not None:
                return page
            parts = _parts(urljoin(urlunsplit(parts), onward))
            if _site(parts) != _site(first):
                raise FetchError(f"leads to another site ({parts.netloc}); give that address if it is meant")
        raise FetchError(f"leads on more than {MOST_REDIRECTS} times")

    def _ask_robots(self, parts: SplitResult) -> None:
        site = f"{parts.scheme}://{parts.netloc}"
        if site not in self._robots:
            self._robots[site] = self._rules(site)
        rules = self._robots[site]
        if not rules.can_fetch(AGENT, urlunsplit(parts)):
            raise FetchError("is closed to programs by the site's robots.txt")
        pause = max(self.limits.pause, min(float(rules.crawl_delay(AGENT) or 0), LONGEST_PAUSE))
        waited = time.monotonic() - self._last.get(site, float("-inf"))
        time.sleep(max(0.0, pause - waited) if waited < pause else 0.0)
        self._last[site] = time.monotonic()

    def _rules(self, site: str) -> RobotFileParser:
        rules = RobotFileParser()
        parts = _parts(f"{site}/robots.txt")
        try:
            page, onward = _request(parts, self.limits, {})
            if page is None:
                page, _ = _request(_parts(urljoin(f"{site}/robots.txt", onward)), self.limits, {})
        except _StatusError as error:
            rules.parse(["User-agent: *", "Disallow: /"] if error.status in (401, 403) else [])
            return rules
        rules.parse(page.data[:500_000].decode("utf-8", "replace").splitlines() if page else [])
        return rules


class _StatusError(FetchError):
    def __init__(self, status: int) -> None:
        super().__init__(f"answers {status} ({http.client.responses.get(status, 'an error')})")
        self.status = status


def _parts(address: str) -> SplitResult:
    try:
        parts = urlsplit(address)
        parts.port  # noqa: B018 - raises where it is no number
    except ValueError as error:
        raise FetchError(f"is no web address ({error})") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or not address.isprintable() or " " in address:
        raise FetchError("is no web address; give one that begins with https://")
    if parts.username or parts.password:
        raise FetchError("holds a name or password; give an address that is open to all")
    return parts._replace(fragment="", path=parts.path or "/")


def _site(parts: SplitResult) -> str:
    return (parts.hostname or "").lower().removeprefix("www.")


def _request(parts: SplitResult, limits: Limits, marks: Mapping[str, str]) -> tuple[Page | None, str]:
    """Return the page, or None and the address it leads to. Raises ``FetchError``."""
    headers = {"User-Agent": AGENT, "Accept": "text/html,*/*;q=0.5", "Accept-Encoding": "identity", **marks}
    try:
        with _connected(parts, limits) as connection:
            target = urlunsplit(("", "", parts.path, parts.query, ""))
            connection.request("GET", quote(target, safe=_AS_IT_IS), headers=headers)
            answer = connection.getresponse()
            if answer.status in (301, 302, 303, 307, 308):
                return None, answer.getheader("Location") or ""
            if answer.status not in (200, 304):
                raise _StatusError(answer.status)
            data = b"" if answer.status == 304 else _body(answer, limits)
            return _page(parts, answer, data), ""
    except TimeoutError:
        raise FetchError(f"takes longer than {limits.seconds:g} s") from None
    except (OSError, http.client.HTTPException, UnicodeError, ValueError) as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise FetchError(f"cannot be fetched ({reason})") from None


def _page(parts: SplitResult, answer: http.client.HTTPResponse, data: bytes) -> Page:
    seen = {"If-None-Match": answer.getheader("ETag"), "If-Modified-Since": answer.getheader("Last-Modified")}
    return Page(
        address=urlunsplit(parts),
        kind=answer.headers.get_content_type(),
        charset=answer.headers.get_content_charset() or "",
        data=data,
        unchanged=answer.status == 304,
        marks={name: value for name, value in seen.items() if value},
    )


def _body(answer: http.client.HTTPResponse, limits: Limits) -> bytes:
    encoding = (answer.getheader("Content-Encoding") or "identity").lower()
    if encoding not in ("identity", "gzip"):
        raise FetchError(f"comes packed ({encoding}) though this was not asked for")
    packed = zlib.decompressobj(31) if encoding == "gzip" else None
    parts: list[bytes] = []
    size = 0
    while piece := answer.read1(_READ_AT_ONCE):
        made = packed.decompress(piece) if packed else piece  # 64 kB unpack to 64 MB at most
        size += len(made)
        if size > limits.size:
            raise FetchError(f"is larger than {limits.size / 1_000_000:g} MB")
        parts.append(made)
    if answer.length or (packed and not packed.eof):
        raise FetchError("breaks off in the middle")
    return b"".join(parts)


@contextmanager
def _connected(parts: SplitResult, limits: Limits) -> Iterator[http.client.HTTPConnection]:
    """Lend a connection to a checked address; it is cut when the time is up, however slowly bytes drip in."""
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    began = time.monotonic()
    raw = socket.create_connection((_checked(host, port, limits), port), timeout=limits.seconds)
    late = threading.Event()

    def cut() -> None:
        late.set()
        with suppress(OSError):
            (connection.sock or raw).shutdown(socket.SHUT_RDWR)  # TLS takes the socket over

    connection = http.client.HTTPConnection(host, port, timeout=limits.seconds)
    timer = threading.Timer(limits.seconds, cut)
    timer.daemon = True
    timer.start()
    try:
        secure = parts.scheme == "https"
        connection.sock = raw
        if secure:
            context = ssl.create_default_context()
            connection.sock = safe = context.wrap_socket(raw, server_hostname=host, do_handshake_on_connect=False)
            safe.do_handshake()
        if parts.port is None and secure:
            connection.default_port = 443
        yield connection
        if late.is_set():
            raise TimeoutError
    except (OSError, http.client.HTTPException, ValueError):
        if late.is_set() or time.monotonic() - began >= limits.seconds:
            raise TimeoutError from None
        raise
    finally:
        timer.cancel()
        connection.close()
        raw.close()


def _checked(host: str, port: int, limits: Limits) -> str:
    """Return the address of ``host`` to connect to. Raises where any of its addresses is not a public one."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise FetchError(f"is at {host}, which is not found") from None
    numbers = [str(entry[4][0]) for entry in found]
    if not limits.private and not all(_is_public(number) for number in numbers):
        raise FetchError(f"is at {host}, a private address of this network; add --private if that is meant")
    return numbers[0]


def _is_public(number: str) -> bool:
    address = ipaddress.ip_address(number.partition("%")[0])
    inner = getattr(address, "ipv4_mapped", None) or getattr(address, "sixtofour", None)
    return address.is_global and not address.is_multicast and (inner is None or inner.is_global)
