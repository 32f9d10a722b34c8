"""Composition root: the one place that picks concrete classes."""

from __future__ import annotations

from advisor_bot.answers.advisor import Advisor
from advisor_bot.index.library import Library
from advisor_bot.llm.call import Ledger
from advisor_bot.llm.providers import display_name, open_model
from advisor_bot.llm.writer import Converser
from advisor_bot.models.opening import model_opener
from advisor_bot.models.reranker import Reranker, open_reranker
from advisor_bot.settings import Settings


def advisor(settings: Settings) -> Advisor:
    """Return an advisor over the published versions. Raises ``IndexingError`` when nothing is published."""
    return Advisor(*parts(settings))


def parts(settings: Settings) -> tuple[Library, Settings, Converser | None, Reranker | None]:
    """Return what an advisor is made of. Raises as ``advisor`` does."""
    library = Library(settings.index_folder, model_opener(settings))
    with library.lease() as guide:
        guide.models  # noqa: B018 - what is missing is said now
    return library, settings, writer(settings), open_reranker(settings.reranker)


def writer(settings: Settings) -> Converser | None:
    """Return the writer with the language model of ``settings``; None where none is set, and quotes are all there is.

    Raises ``SettingsError`` where the model cannot be used as it is set.
    """
    if not settings.model:
        return None
    file = settings.index_folder / "model-usage.json"
    tokens, cost = settings.model_daily_tokens, settings.model_daily_cost
    ledger = Ledger(daily_tokens=tokens, daily_cost=cost, prices=settings.prices, file=file)
    return Converser(open_model(settings), display_name(settings), settings, ledger)
