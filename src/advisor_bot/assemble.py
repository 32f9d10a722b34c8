"""Composition root: the one place that picks concrete classes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeVar

from advisor_bot.answers.advisor import Advisor
from advisor_bot.index.library import Library
from advisor_bot.index.server import place_of
from advisor_bot.llm.call import Ledger
from advisor_bot.llm.providers import display_name, open_model
from advisor_bot.llm.writer import Converser
from advisor_bot.models.opening import Models, model_opener, open_reader
from advisor_bot.models.reader import Reader
from advisor_bot.models.reranker import Reranker, open_reranker
from advisor_bot.settings import Settings

T = TypeVar("T")


class Shared:
    """What several guides have in common: a model is opened once for all whose settings say the same of it."""

    def __init__(self) -> None:
        """Hold nothing yet."""
        self._made: dict[tuple[object, ...], Any] = {}
        self._making = threading.RLock()

    def once(self, key: tuple[object, ...], make: Callable[[], T]) -> T:
        """Return what ``make`` returned the first time that ``key`` was asked for."""
        with self._making:
            if key not in self._made:
                self._made[key] = make()
            found: T = self._made[key]
            return found


def advisor(settings: Settings, shared: Shared | None = None) -> Advisor:
    """Return an advisor over the published versions. Raises ``IndexingError`` when nothing is published.

    Advisors with the same ``shared`` have the same models in memory once.
    """
    return Advisor(*parts(settings, shared))


def parts(
    settings: Settings, shared: Shared | None = None
) -> tuple[Library, Settings, Converser | None, Reranker | None]:
    """Return what an advisor is made of. Raises as ``advisor`` does."""
    shared = shared or Shared()
    library = Library(place_of(settings), _models(settings, shared))
    with library.lease() as guide:
        guide.models  # noqa: B018 - what is missing is said now
    reranker = shared.once(("reranker", settings.reranker), lambda: open_reranker(settings.reranker))
    return library, settings, writer(settings, shared), reranker


def _models(settings: Settings, shared: Shared) -> Callable[[str, str], Models]:
    def reader_of(of: Settings, fingerprint: str) -> Reader:
        return shared.once(("reader", *machine, fingerprint), lambda: open_reader(of, fingerprint))

    machine = settings.encoder_folder, settings.threads
    key = ("models", *machine, settings.encoder, settings.embedding_model)
    return shared.once(key, lambda: model_opener(settings, reader_of))


def writer(settings: Settings, shared: Shared | None = None) -> Converser | None:
    """Return the writer with the language model of ``settings``; None where none is set, and quotes are all there is.

    Raises ``SettingsError`` where the model cannot be used as it is set.
    """
    if not settings.model:
        return None
    file = settings.index_folder / "model-usage.json"
    tokens, cost = settings.model_daily_tokens, settings.model_daily_cost
    ledger = Ledger(daily_tokens=tokens, daily_cost=cost, prices=settings.prices, file=file)
    named = ("language model", *(getattr(settings, name) for name in _OF_THE_MODEL))
    shared = shared or Shared()
    model = shared.once(named, lambda: open_model(settings))
    one_at_a_time = shared.once(("slot", *named), lambda: threading.Semaphore(1))
    slots = one_at_a_time if settings.model.startswith("local:") else None
    return Converser(model, display_name(settings), settings, ledger, slots=slots)


_OF_THE_MODEL = [name for name in Settings.model_fields if name.startswith("model") and "daily" not in name]
