"""The port the server listens on, taken before anything heavy is loaded."""

from __future__ import annotations

import socket

from advisor_bot.errors import AdvisorError
from advisor_bot.settings import Settings


def bind(settings: Settings) -> socket.socket:
    """Listen on ``host``:``port`` (0: any free port). Raises ``AdvisorError`` in one line where that is refused."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((settings.host, settings.port))
        sock.listen(2048)
    except OSError as error:
        sock.close()
        reason = error.strerror or str(error)
        raise AdvisorError(
            f"Cannot listen on {settings.host}:{settings.port}: {reason}. "
            "Stop what uses it, or choose another with --host H or --port N."
        ) from None
    return sock


def address(sock: socket.socket) -> str:
    """Return the URL of a listening socket."""
    host, port = sock.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
