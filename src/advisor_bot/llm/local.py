"""A GGUF file as a LangChain chat model, run inside the process by llama.cpp (xllamacpp); nothing leaves it."""

from __future__ import annotations

import queue
import secrets
import threading
import weakref
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from pydantic import ConfigDict, PrivateAttr

from advisor_bot.errors import SettingsError

BATCH = 128  # tokens of a question read at a time, a second or two on one core; larger ones are no faster
_ROLES = {"human": "user", "ai": "assistant", "system": "system"}


class LocalModelError(RuntimeError):
    """llama.cpp refused a request; the message is its own."""


class GgufChat(BaseChatModel):
    """A chat model over one opened GGUF file. Safe to use from many threads; one answer is made at a time."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    answer_tokens: int = 700
    temperature: float = 0.0
    _held: list[Any] = PrivateAttr()

    def __init__(self, server: Any, **values: Any) -> None:
        """Take an opened ``xllamacpp.Server``, which ends with this object, and before the process does.

        The engine computes in a thread of its own: running on while the process ends, it would take it down.
        """
        super().__init__(**values)
        self._held = [server]
        weakref.finalize(self, self._held.clear)

    @property
    def _llm_type(self) -> str:
        return "gguf"

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        whole: AIMessageChunk | None = None
        for chunk in self._stream(messages, stop, run_manager, **kwargs):
            message = chunk.message
            if isinstance(message, AIMessageChunk):
                whole = message if whole is None else whole + message
        usage = whole.usage_metadata if whole else None
        made = AIMessage(content=whole.content if whole else "", usage_metadata=usage)
        return ChatResult(generations=[ChatGeneration(message=made)])

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        """Yield the answer as it is made, and nothing at all now and then while the question is read.

        A caller that stops listening stops the model at its next token, or after the next ``BATCH`` it reads.
        """
        request = {
            "messages": [{"role": _ROLES.get(m.type, "user"), "content": m.text} for m in messages],
            "max_tokens": kwargs.get("max_tokens", self.answer_tokens),
            "temperature": self.temperature,
            "stream": True,
            "stream_options": {"include_usage": True},
            "return_progress": True,
            **({"stop": stop} if stop else {}),
        }
        heard: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        gone = threading.Event()

        def hear(event: dict[str, Any]) -> bool:
            heard.put(event)
            return gone.is_set()

        def run() -> None:
            try:
                self._held[0].handle_chat_completions(request, hear)
            except Exception as error:  # raised again where the answer is read
                heard.put({"error": {"message": type(error).__name__}})
            heard.put(None)

        # No daemon: the process ends when the engine has heard that nobody listens any more.
        threading.Thread(target=run, name="gguf", daemon=False).start()
        try:
            while (event := heard.get()) is not None:
                chunk = _chunk(event)
                if run_manager and chunk.text:
                    run_manager.on_llm_new_token(chunk.text, chunk=chunk)
                yield chunk
        finally:
            gone.set()


def _chunk(event: dict[str, Any]) -> ChatGenerationChunk:
    if "error" in event:
        raise LocalModelError(str(event["error"].get("message", "refused"))[:200])
    usage = None
    if counted := event.get("usage"):
        taken, given = int(counted["prompt_tokens"]), int(counted["completion_tokens"])
        usage = UsageMetadata(input_tokens=taken, output_tokens=given, total_tokens=taken + given)
    choices: Sequence[dict[str, Any]] = event.get("choices") or ()
    delta = choices[0].get("delta", {}) if choices else {}
    text = delta.get("content") or ""
    thought = delta.get("reasoning_content") or ""
    extra = {"reasoning_content": thought} if thought else {}
    return ChatGenerationChunk(message=AIMessageChunk(content=text, usage_metadata=usage, additional_kwargs=extra))


def open_gguf(path: Path, *, context: int, threads: int, answer_tokens: int, temperature: float) -> GgufChat:
    """Open a GGUF file. Raises ``SettingsError`` when llama.cpp cannot read it.

    llama.cpp's engine always listens on a free port of 127.0.0.1 as well; a random key that nobody is told closes it.
    More than one thread is slow where the cores are shared with other work: its threads wait for one another.
    """
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = str(path)
    params.n_ctx, params.n_parallel, params.n_batch = context, 1, BATCH
    params.api_keys = [secrets.token_urlsafe(32)]
    params.ui = params.endpoint_slots = params.endpoint_props = params.warmup = False
    params.verbosity = -1
    for part in (params.cpuparams, params.cpuparams_batch):
        part.n_threads, part.poll = threads, 0
    try:
        server = xllamacpp.Server(params)
    except Exception as error:
        raise SettingsError(f"{path} cannot be opened as a GGUF model ({error}). Is it complete?") from None
    return GgufChat(server, answer_tokens=answer_tokens, temperature=temperature)
