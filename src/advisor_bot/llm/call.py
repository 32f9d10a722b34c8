"""One call of a chat model, heard as it comes; waiting for it can end, and its failures have names."""

from __future__ import annotations

import logging
import queue
import re
import threading
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import BaseMessage

_log = logging.getLogger(__name__)
Why = Literal["", "empty", "stalled", "failed", "limited", "budget", "resting", "busy"]


class NoAnswerError(Exception):
    """The model gave nothing to work with; ``why`` is the name of the reason."""

    def __init__(self, why: Why, rest: float = 0.0) -> None:
        """Keep the reason, and the seconds the provider asked to be left alone."""
        super().__init__(why)
        self.why: Why = why
        self.rest = rest


def text_of(chunk: Any) -> str:
    """Return what a piece of a stream says aloud: text blocks only, no thinking."""
    content = chunk.content
    if isinstance(content, str):
        return content
    blocks = (b if isinstance(b, dict) else {"type": "text", "text": str(b)} for b in content)
    return "".join(str(b.get("text", "")) for b in blocks if b.get("type") in ("text", "output_text"))


def reason_of(error: BaseException) -> NoAnswerError:
    """Name what a provider's error means; its words are not looked at, they may hold a key."""
    response = getattr(error, "response", None)
    status = getattr(error, "status_code", None) or getattr(response, "status_code", None)
    if status == 429:
        after = str(getattr(response, "headers", {}).get("retry-after", "")) if response is not None else ""
        return NoAnswerError("limited", float(after) if re.fullmatch(r"\d{1,6}(?:\.\d+)?", after) else 30.0)
    return NoAnswerError("stalled" if "Timeout" in type(error).__name__ else "failed")


class Call:
    """One running stream of a model, in a thread of its own, so that waiting for it can end."""

    def __init__(self, model: BaseChatModel, messages: list[BaseMessage], slots: threading.Semaphore) -> None:
        """Begin; ``slots`` is released when the provider has let go, however long that takes."""
        self._queue: queue.SimpleQueue[str | BaseException | None] = queue.SimpleQueue()
        self._gone = threading.Event()
        self._slots = slots
        self.began = False
        self.usage: tuple[int, int] | None = None
        threading.Thread(target=self._run, args=(model, messages), name="model", daemon=True).start()

    def _run(self, model: BaseChatModel, messages: list[BaseMessage]) -> None:
        taken = given = 0
        try:
            stream = model.stream(messages)
            try:
                for chunk in stream:
                    if self._gone.is_set():
                        break
                    usage = getattr(chunk, "usage_metadata", None)
                    if usage:
                        taken, given = taken + usage["input_tokens"], given + usage["output_tokens"]
                        self.usage = taken, given
                    self._queue.put(text_of(chunk))
            finally:
                close = getattr(stream, "close", None)
                if close:
                    close()
            self._queue.put(None)
        except Exception as error:  # whatever a provider's package raises
            self._queue.put(error)
        finally:
            self._slots.release()

    def next(self, seconds: float) -> str | None:
        """Return the next piece, None at the end. Raises ``NoAnswerError`` after ``seconds`` or on an error."""
        try:
            piece = self._queue.get(timeout=max(0.001, seconds))
        except queue.Empty:
            raise NoAnswerError("stalled") from None
        if isinstance(piece, BaseException):
            _log.warning("The language model failed: %s", type(piece).__name__)
            raise reason_of(piece) from None
        self.began = True
        return piece

    def stop(self) -> None:
        """Stop the model at its next piece."""
        self._gone.set()
