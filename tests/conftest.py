"""What every test stands on: no network but this machine's own, no settings from outside, steady random cases."""

from __future__ import annotations

import ipaddress
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from filelock import FileLock
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from advisor_bot.answers.advisor import Advisor

pytest_plugins = ["small"]

# Set before anything imports these libraries: nothing may ask a hub or report usage.
os.environ.update({"GRADIO_ANALYTICS_ENABLED": "False", "HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"})

settings.register_profile(
    "steady", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("steady")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the tests of the page last: Playwright keeps an event loop running, and others want none."""
    items.sort(key=lambda item: "browser" in item.path.parts)


class OutsideCallError(AssertionError):
    """A test tried to reach a machine other than this one."""


def _is_here(host: object) -> bool:
    name = host.decode() if isinstance(host, bytes) else host
    if name in (None, "", "localhost"):
        return True
    try:
        return ipaddress.ip_address(str(name).partition("%")[0]).is_loopback or str(name) in ("0.0.0.0", "::")
    except ValueError:
        return False


@pytest.fixture(autouse=True, scope="session")
def _nothing_leaves_this_machine() -> Iterator[None]:
    """Refuse look-ups of and connections to any other machine, whichever library makes them."""
    real_connect, real_connect_ex, real_look_up = socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo

    def refuse_outside(sock: socket.socket, address: Any) -> None:
        if sock.family in (socket.AF_INET, socket.AF_INET6) and not _is_here(address[0]):
            raise OutsideCallError(f"connection to {address}")

    def connect(sock: socket.socket, address: Any) -> None:
        refuse_outside(sock, address)
        return real_connect(sock, address)

    def connect_ex(sock: socket.socket, address: Any) -> int:
        refuse_outside(sock, address)
        return real_connect_ex(sock, address)

    def look_up(host: Any, *args: Any, **kwargs: Any) -> Any:
        if not _is_here(host):
            raise OutsideCallError(f"look-up of {host}")
        return real_look_up(host, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", connect)
        patch.setattr(socket.socket, "connect_ex", connect_ex)
        patch.setattr(socket, "getaddrinfo", look_up)
        yield


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget every ``ADVISOR_*`` variable of the shell that runs the tests, and every key of a model's provider."""
    for name in [name for name in os.environ if name.startswith(("ADVISOR_", "LANGSMITH_", "LANGCHAIN_"))]:
        monkeypatch.delenv(name)
    for name in [name for name in os.environ if name.endswith(("_API_KEY", "_ACCESS_KEY", "_ACCESS_KEY_ID"))]:
        monkeypatch.delenv(name)


@pytest.fixture(autouse=True, scope="session")
def _no_other_model_is_called() -> Iterator[None]:
    """Refuse every chat model but the scripted ones, the local one, and servers on this machine."""
    from langchain_core.language_models import BaseChatModel

    def allowed(model: Any) -> bool:
        if type(model).__module__ in ("scripted", "advisor_bot.llm.local"):
            return True
        address = str(getattr(model, "openai_api_base", "") or "")
        return address.startswith("http://127.0.0.1:")

    def guarded(real: Any) -> Any:
        def call(self: Any, *args: Any, **kwargs: Any) -> Any:
            if not allowed(self):
                raise OutsideCallError(f"a call of {type(self).__name__}")
            return real(self, *args, **kwargs)

        return call

    with pytest.MonkeyPatch.context() as patch:
        for name in ("invoke", "ainvoke", "stream", "astream", "generate", "agenerate"):
            patch.setattr(BaseChatModel, name, guarded(getattr(BaseChatModel, name)))
        yield


@pytest.fixture(autouse=True, scope="session")
def _a_cache_of_our_own(pytestconfig: pytest.Config) -> Iterator[None]:
    """Keep what a machine makes once (the exported encoder) apart from the user's own cache, between runs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(_kept(pytestconfig, "machine")))
        yield


@pytest.fixture(scope="session")
def encoders(_a_cache_of_our_own: None) -> Path:
    """The folder with the reading encoder, put together once and kept between runs (its hashes are checked anew)."""
    from advisor_bot.models.export import prepare_models
    from advisor_bot.settings import Settings

    prepare_models(Settings(), say=lambda _: None)
    return Settings().encoder_folder


@pytest.fixture
def index_folder(tmp_path: Path, encoders: Path) -> Path:
    """An index folder with nothing published yet."""
    return tmp_path / "index"


@pytest.fixture(scope="session")
def published(pytestconfig: pytest.Config, encoders: Path) -> Path:
    """An index folder with corpus/ published: made once, kept between runs, for tests that only read it."""
    from advisor_bot.index.publish import publish, read_guide
    from advisor_bot.settings import Settings

    folder = _kept(pytestconfig, "published")
    settings = Settings(corpus=pytestconfig.rootpath / "corpus", index=folder)
    with FileLock(folder.with_suffix(".lock")):
        publish(read_guide([settings.corpus], settings).documents, settings, force=True)
    return folder


def _kept(pytestconfig: pytest.Config, name: str) -> Path:
    """Return a folder that is kept between runs."""
    assert pytestconfig.cache is not None
    return Path(pytestconfig.cache.mkdir(name))


@pytest.fixture(scope="session")
def advisor(published: Path) -> Iterator[Advisor]:
    """An advisor over corpus/ as it is set from the start; what it has read once serves every test."""
    from advisor_bot import assemble
    from advisor_bot.settings import Settings

    built = assemble.advisor(Settings(index=published))
    yield built
    built.versions.close()
