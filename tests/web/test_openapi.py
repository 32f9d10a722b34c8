"""The API holds what its own description says: schemathesis sends what it allows, and what it does not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import given
from hypothesis import settings as examples
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from advisor_bot.settings import Settings
from advisor_bot.web.serve import server

OPERATIONS = [
    "POST /api/ask",
    "POST /api/ask/stream",
    "GET /api/guide",
    "GET /api/guide/{document}",
    "GET /api/passages/{passage_id}",
    "GET /read/{document}",
    "POST /api/feedback",
    "GET /health",
    "GET /ready",
    "GET /metrics",
    "POST /v1/chat/completions",
    "GET /v1/models",
]
TAKE_SOMETHING = [one for one in OPERATIONS if one.startswith("POST") or "{" in one or one == "GET /api/guide"]


@pytest.fixture(scope="module")
def described(published: Path) -> Iterator[schemathesis.BaseSchema]:
    app = server(Settings(index=published, rate=0))

    async def from_this_machine(scope: Any, receive: Any, send: Any) -> None:
        await app({**scope, "client": ("127.0.0.1", 5000)}, receive, send)

    yield schemathesis.openapi.from_asgi("/openapi.json", from_this_machine)
    app.state.advisor.versions.close()


def test_every_operation_described_is_tried(described: schemathesis.BaseSchema) -> None:
    assert [result.ok().label for result in described.get_all_operations()] == OPERATIONS


@pytest.mark.filterwarnings("default")  # a library's warnings about the data it makes
@pytest.mark.parametrize(
    ("operation", "mode"),
    [(operation, GenerationMode.POSITIVE) for operation in OPERATIONS]
    + [(operation, GenerationMode.NEGATIVE) for operation in TAKE_SOMETHING],  # the others take nothing
    ids=lambda value: getattr(value, "value", value),
)
def test_every_answer_is_one_that_is_described(
    described: schemathesis.BaseSchema, operation: str, mode: GenerationMode
) -> None:
    method, path = operation.split()
    cases = described[path][method].as_strategy(generation_mode=mode)

    @examples(max_examples=12)
    @given(case=cases)
    def holds(case: schemathesis.Case) -> None:
        # A question of blanks is a string, and refused with 422: a description cannot say what a blank is.
        answer = case.call()
        huge = [negative_data_rejection] if answer.status_code == 413 else []  # turned away before it is read
        case.validate_response(answer, excluded_checks=[positive_data_acceptance, *huge])

    holds()
