"""The guide from Python: ``from advisor_bot import Advisor``."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from pydantic import ConfigDict, Field

from advisor_bot import assemble
from advisor_bot.answers import advisor
from advisor_bot.settings import Settings
from advisor_bot.types import Passage


class Advisor(advisor.Advisor):
    """A published guide, ready to answer; any thread may ask it.

    It follows what is published: look again with ``versions.refresh()``, or in the background with
    ``versions.watch()``. As a context manager it closes the guide at the end.
    """

    def __init__(self, index: Path | str = ".advisor", **settings: Any) -> None:
        """Open the guide published in the folder ``index``; ``settings`` are those of docs/settings.md in lower case.

        No ``ADVISOR_`` variable and no ``.env`` is read; ``guide.env`` beside the index is.

        Raises ``IndexingError`` where nothing is published there, ``SettingsError`` for a setting that is unknown or
        cannot be used.
        """
        chosen = Settings.read({}, index=Path(index), **settings)
        super().__init__(*assemble.parts(chosen))

    def as_retriever(self, k: int = 20) -> GuideRetriever:
        """Return the guide as LangChain's retriever: for a question its ``k`` best passages, best first."""
        return GuideRetriever(advisor=self, k=k)

    def close(self) -> None:
        """Give files and memory back; nothing may be asked afterwards."""
        self.versions.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class GuideRetriever(BaseRetriever):
    """LangChain's retriever over the live version of a guide.

    A document's ``id`` is the passage's; its ``metadata`` are ``source`` (the document), ``heading``, ``start``,
    ``end`` and ``score``, so that whoever shows it can say where it stands.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    advisor: advisor.Advisor
    k: int = Field(default=20, ge=1, le=200)

    def _get_relevant_documents(
        self,
        query: str,
        *,
        run_manager: CallbackManagerForRetrieverRun,  # noqa: ARG002
    ) -> list[Document]:
        return [_document(passage) for passage in self.advisor.search(query, k=self.k)]


def _document(passage: Passage) -> Document:
    place = {"heading": " > ".join(passage.heading), "start": passage.start, "end": passage.end}
    metadata = {"source": passage.document, **place, "score": passage.score}
    return Document(page_content=passage.text, id=passage.id, metadata=metadata)
