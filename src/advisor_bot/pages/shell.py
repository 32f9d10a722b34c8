"""The head of the chat page as it leaves the server: our words where a link is shared, nothing of Gradio's."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from html import escape
from typing import Any

from advisor_bot.pages.strings import say

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

# A proxy that takes a prefix off hides from the server whether the address ended in "/": the browser knows. Without
# it, every address on the page would point one folder too high.
_SLASH = (
    '<script>location.pathname.endsWith("/") || location.replace(location.pathname + "/" + location.search'
    " + location.hash)</script>"
)
_PLAIN = '<noscript><meta http-equiv="refresh" content="0; url=plain"></noscript>'  # a chat without JavaScript
_META = re.compile(r'\s*<meta\s+(?:property="og:|name="twitter:)[^>]*>', re.S)
_TITLE = re.compile(r"<title>.*?</title>", re.S)


def with_our_head(page: str, title: str) -> str:
    """Return Gradio's ``page`` with what a shared link shows in our words; no picture is asked of anybody else."""
    title, about = escape(title), escape(say("how_it_answers"))
    ours = (
        f'<title>{title}</title>\n<meta name="description" content="{about}">\n'
        f'<meta property="og:type" content="website">\n<meta property="og:title" content="{title}">\n'
        f'<meta property="og:description" content="{about}">\n<meta name="twitter:card" content="summary">\n'
    )
    bare = _TITLE.sub("", _META.sub("", page))
    return bare.replace("<head>", f"<head>{_SLASH}{_PLAIN}", 1).replace("</head>", f"{ours}</head>", 1)


class Shell:
    """Sends the page with our head; everything else passes as it is."""

    def __init__(self, app: App, title: Callable[[], str]) -> None:
        """Wrap the page's ``app``; ``title`` is what the live guide calls itself."""
        self.app, self.title = app, title

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["path"].removeprefix(scope.get("root_path", "")) not in ("", "/"):
            await self.app(scope, receive, send)
            return
        parts: list[Message] = []

        async def held(message: Message) -> None:
            parts.append(message)

        await self.app(scope, receive, held)
        start = next(one for one in parts if one["type"] == "http.response.start")
        body = b"".join(one.get("body", b"") for one in parts if one["type"] == "http.response.body")
        if start["status"] == 200 and body:
            body = with_our_head(body.decode(), self.title()).encode()
        kept = [(name, value) for name, value in start["headers"] if name.lower() != b"content-length"]
        length = [] if scope["method"] == "HEAD" else [(b"content-length", str(len(body)).encode())]
        await send({**start, "headers": [*kept, *length]})
        await send({"type": "http.response.body", "body": body})
