"""ADVISOR_MODEL -> a LangChain chat model: hosted providers, OpenAI-compatible servers, a GGUF file in the process.

Nothing is sent when a model is opened. Keys are read by the providers' own packages from their own variables.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from advisor_bot.errors import SettingsError
from advisor_bot.models.opening import cores
from advisor_bot.settings import Settings

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

LOCAL = "local"
OLLAMA = "http://127.0.0.1:11434"


@dataclass(frozen=True, slots=True)
class Provider:
    """How LangChain knows a provider: its name there, its package, our extra, the variable its key is read from.

    ``tokens``, ``seconds`` and ``url`` are what its class calls the limits and the address; "" where it has none.
    """

    langchain: str
    package: str
    extra: str
    key: str = ""
    tokens: str = "max_tokens"
    seconds: str = "timeout"
    url: str = "base_url"
    retries: str = "max_retries"


PROVIDERS: Mapping[str, Provider] = {
    "openai": Provider("openai", "langchain_openai", "openai", "OPENAI_API_KEY"),
    "azure": Provider("azure_openai", "langchain_openai", "azure", "AZURE_OPENAI_API_KEY", url="azure_endpoint"),
    "anthropic": Provider("anthropic", "langchain_anthropic", "anthropic", "ANTHROPIC_API_KEY"),
    "google_genai": Provider("google_genai", "langchain_google_genai", "google", "GOOGLE_API_KEY"),
    "mistralai": Provider("mistralai", "langchain_mistralai", "mistral", "MISTRAL_API_KEY", url="endpoint"),
    "groq": Provider("groq", "langchain_groq", "groq", "GROQ_API_KEY"),
    "ollama": Provider("ollama", "langchain_ollama", "ollama", tokens="num_predict", seconds="", retries=""),
    "bedrock": Provider(
        "bedrock_converse", "langchain_aws", "bedrock", seconds="", url="endpoint_url", retries=""
    ),
}  # fmt: skip
_NAMES = {
    "openai": "OpenAI",
    "azure": "Microsoft Azure",
    "anthropic": "Anthropic",
    "google_genai": "Google",
    "mistralai": "Mistral",
    "groq": "Groq",
    "ollama": "an Ollama server",
    "bedrock": "Amazon Bedrock",
}
_ALIASES = {"azure_openai": "azure", "bedrock_converse": "bedrock", "google": "google_genai", "mistral": "mistralai"}


def open_model(settings: Settings, environ: Mapping[str, str] | None = None) -> BaseChatModel:
    """Return the chat model that ``settings.model`` names. Raises ``SettingsError`` that says what to do next."""
    name, _, model = settings.model.partition(":")
    name = _ALIASES.get(name, name)
    if name == LOCAL and model:
        return _local(settings, Path(model))
    if name not in PROVIDERS or not model:
        known = ", ".join([*PROVIDERS, LOCAL])
        raise SettingsError(
            f"ADVISOR_MODEL={settings.model!r} cannot be used: write PROVIDER:MODEL, with one of the providers {known}."
        )
    return _hosted(settings, PROVIDERS[name], model, os.environ if environ is None else environ)


def display_name(settings: Settings) -> str:
    """Return what an answer calls its writer: the model's name, without folders of this machine."""
    name, _, model = settings.model.partition(":")
    return Path(model).stem if name == LOCAL else model


def leaves_the_machine(settings: Settings) -> bool:
    """Tell whether questions are sent to another machine."""
    host, provider = _host(settings), settings.model.partition(":")[0]
    return (
        bool(settings.model)
        and provider != LOCAL
        and not _is_here(host or ("localhost" if provider == "ollama" else ""))
    )


def _host(settings: Settings) -> str:
    try:
        return urlsplit(settings.model_url).hostname or ""
    except ValueError:
        return settings.model_url


def _is_here(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def what_is_sent(settings: Settings) -> str:
    """Return the sentence that tells students what of theirs goes to whom."""
    if not leaves_the_machine(settings):
        return "The model runs where this page comes from; your questions are sent to nobody else."
    provider = settings.model.partition(":")[0]
    to = _host(settings) or _NAMES.get(_ALIASES.get(provider, provider), provider)
    what = ", this conversation and what you tell about yourself" if settings.model_history == "on" else ""
    return f"Your question{what} will be sent to {to}, with passages of the guide."


def _hosted(settings: Settings, provider: Provider, model: str, environ: Mapping[str, str]) -> BaseChatModel:
    _need(provider.package, provider.extra, settings.model)
    from langchain.chat_models import init_chat_model

    options: dict[str, Any] = {provider.tokens: settings.model_answer_tokens}
    if provider.seconds:
        options[provider.seconds] = settings.model_seconds
    if provider.retries:
        options[provider.retries] = 0  # a failure gives the quoting answer at once; the breaker knows when to try again
    if settings.model_url:
        options[provider.url] = settings.model_url
    if provider.langchain == "ollama":  # OLLAMA_HOST may name another machine; what is told students must be true
        options.setdefault(provider.url, OLLAMA)
        options["num_ctx"] = settings.model_context
    if settings.model_temperature is not None:
        options["temperature"] = settings.model_temperature
    if provider.langchain == "openai":
        options["stream_usage"] = True
        if settings.model_url and not environ.get(provider.key):
            options["api_key"] = "none"  # a server of one's own asks for none, but the client wants one
    if provider.key and not environ.get(provider.key) and "api_key" not in options:
        raise SettingsError(f"ADVISOR_MODEL={settings.model} needs a key. Set {provider.key} to it.")
    try:
        opened: BaseChatModel = init_chat_model(model, model_provider=provider.langchain, **options)
        return opened
    except Exception as error:  # each provider has its own; their texts may repeat a key
        raise SettingsError(
            f"ADVISOR_MODEL={settings.model} cannot be used ({type(error).__name__}). Check the name of the model "
            f"and what {provider.package.replace('_', '-')} reads from the environment."
        ) from None


def _local(settings: Settings, path: Path) -> BaseChatModel:
    if not path.is_file():
        raise SettingsError(f"ADVISOR_MODEL={settings.model} cannot be used: there is no file {path}.")
    _need("xllamacpp", LOCAL, settings.model)
    from advisor_bot.llm.local import open_gguf

    return open_gguf(
        path,
        context=settings.model_context,
        threads=settings.model_threads or max(1, cores() - 1),
        answer_tokens=settings.model_answer_tokens,
        temperature=settings.model_temperature or 0.0,
    )


def _need(package: str, extra: str, model: str) -> None:
    if find_spec(package) is None:
        raise SettingsError(
            f"ADVISOR_MODEL={model} needs the package {package.replace('_', '-')}. "
            f"Install it with: pip install 'advisor-bot[{extra}]'"
        )
