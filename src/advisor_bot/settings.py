"""Settings: one frozen object, read once from a mapping handed in (usually the environment and .env)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from dotenv import dotenv_values
from platformdirs import user_cache_path
from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from advisor_bot import checks
from advisor_bot.errors import SettingsError

PREFIX = "ADVISOR_"
OWN_FILE = "guide.env"  # beside an index folder: what is set for that guide alone
# What a server has once, however many guides it has, and what follows from where a guide stands.
_OF_THE_SERVER = "host port guides cache threads log_level trusted_proxies root_path corpus index limits".split()
SECRET = ("api_key", "password", "owner_password", "journal", "limits")  # settings whose value is never shown
# Seconds that a local model is given where nothing else is set; it reads some hundred tokens a second. It tells at once
# that it has begun, but writes one answer at a time: the first seconds are the wait for one's turn.
_LOCAL = {"model_first_seconds": 30, "model_seconds": 180}
# Calls of a model for one question: to understand it, to answer, to translate; to check, mend and check in own words.
_CALLS = {"quotes": 3, "own-words": 6}
_BESIDES = 10.0  # seconds of a request that are not the model's


class Settings(BaseSettings):
    """Every setting, each read from ``ADVISOR_<NAME>``; the README's table is tested against this class."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid")

    corpus: Path = Field(Path("corpus"), description="Folder (or file) that holds the guide")
    index: Annotated[Path | None, AfterValidator(checks.folder_or_server)] = Field(
        None,
        description="Folder that holds the published versions, or the Chroma server that does, `http://HOST:PORT`; "
        "default `.advisor` beside the corpus",
    )
    cache: Path | None = Field(
        None, description="Folder for the exported encoder, made once a machine; default the user's cache folder"
    )
    guides: Path | None = Field(
        None, description="Folder with a guide in each subfolder, all served by one server; empty: one guide"
    )
    host: str = Field("127.0.0.1", description="Address the server listens on")
    port: int = Field(7860, ge=0, le=65535, description="Port the server listens on")
    contact: Annotated[str, AfterValidator(checks.contact)] = Field(
        "", description="A human adviser, `Name <https://…>` or `Name <mail@…>`"
    )
    logo: Annotated[Path | None, BeforeValidator(checks.file)] = Field(
        None, description="Picture beside the title: PNG, JPEG, WebP, GIF, AVIF or SVG, 100 KB at most"
    )
    color: Annotated[str, AfterValidator(checks.color)] = Field(
        "", description="Color of the page and the widget, as `#8a1f3d`; a pale one is refused"
    )
    care_text: str = Field(
        "I am only a program, and this sounds like something for a person who can listen. If you or somebody else "
        "is in danger, please call the emergency number where you are, now. Crisis lines are open day and night: "
        "search for “crisis line” and your country, or ask at any hospital. And please tell somebody near you, "
        "a friend, your family, a counselor at your school. You do not have to carry this alone. If I misread you, "
        "ask me in other words what you would like to know.",
        description="What is said to a student in distress or danger, instead of any answer",
    )
    encoder: Literal["onnx", "sentence-transformers"] = Field("onnx", description="What computes vectors while serving")
    embedding_model: str = Field(
        "", description="Sentence-transformers model, a name or a folder; default the packaged all-MiniLM-L6-v2"
    )
    reranker: str = Field(
        "", description="Cross-encoder that reorders the passages listed, a name or a folder; needs PyTorch"
    )
    chunk_chars: int = Field(600, ge=200, le=4000, description="Target length of a chunk, characters")
    read_chars: int = Field(
        4000, ge=500, le=40000, description="Longest passages listed with an answer and shown to a model, characters"
    )
    max_question_chars: int = Field(2000, ge=100, le=20000, description="Longest question accepted, characters")
    max_file_mb: int = Field(50, ge=1, le=1000, description="Largest file of the guide read, megabytes")
    keep: int = Field(5, ge=1, le=100, description="Published versions kept")
    threads: int = Field(1, ge=1, le=64, description="Threads of one question's embedding")
    model: str = Field("", description="Language model, `PROVIDER:MODEL` or `local:FILE.gguf`; without one, quotes")
    model_url: str = Field("", description="Address of an OpenAI-compatible server, or another one of the provider's")
    model_style: Literal["quotes", "own-words"] = Field(
        "quotes", description="`quotes`: the model chooses sentences; `own-words`: it writes them and checks itself"
    )
    model_prompt: Path | None = Field(None, description="File with your own prompt; default the packaged `prompt.md`")
    model_history: Literal["on", "off"] = Field("on", description="Whether conversation and profile go to the model")
    model_context: int = Field(8192, ge=1024, le=2_000_000, description="Tokens the model can read at once")
    model_answer_tokens: int = Field(700, ge=50, le=20_000, description="Longest answer of the model, tokens")
    model_temperature: float | None = Field(None, ge=0, le=2, description="Randomness; the provider's default if unset")
    model_first_seconds: float = Field(
        10, gt=0, le=600, description="Longest wait for the model's first word, s; `local:` 30"
    )
    model_seconds: float = Field(20, gt=0, le=3600, description="Longest wait for its whole answer, s; `local:` 180")
    model_parallel: int = Field(4, ge=1, le=1000, description="Answers the model writes at once; a local one: 1")
    model_daily_tokens: int = Field(2_000_000, ge=0, description="Tokens a day (UTC), in and out; 0: no cap")
    model_daily_cost: float = Field(0, ge=0, description="Cost a day, in the currency of the prices; 0: no cap")
    model_price: Annotated[str, AfterValidator(checks.prices)] = Field(
        "", description="Prices of a million tokens, `IN,OUT`, for the cost in the metrics"
    )
    model_threads: int = Field(0, ge=0, le=256, description="Threads of a local model; 0: all cores but one")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="How much is logged")
    allowed_origins: Annotated[str, AfterValidator(checks.origins)] = Field(
        "",
        description="Sites that may show the widget, as `https://www.example.edu`, commas between; "
        "empty: this server's own pages only",
    )
    rate: int = Field(10, ge=0, le=100_000, description="Requests a second that one address may make, 0 for no limit")
    burst: int = Field(200, ge=1, le=1_000_000, description="Requests that one address may make at once")
    limits: Annotated[str, AfterValidator(checks.redis)] = Field(
        "",
        repr=False,
        description="Redis in which several servers count one address together, `redis://HOST:6379`; empty: each alone",
    )
    request_seconds: float = Field(
        30,
        gt=0,
        le=3600,
        description="Longest time that one request may take, s; with a model three answers and 10: 70, `local:` 550; "
        "in own words six and 10: 130, `local:` 1090",
    )
    trusted_proxies: Annotated[str, AfterValidator(checks.networks)] = Field(
        "", description="Addresses or networks whose `X-Forwarded-…` headers count, commas between; empty: nobody's"
    )
    root_path: Annotated[str, AfterValidator(checks.root_path)] = Field(
        "", description="Path prefix under which a proxy shows the server, as `/advice`"
    )
    api_key: Annotated[str, AfterValidator(checks.key)] = Field(
        "",
        repr=False,
        description="Key that programs send as `Authorization: Bearer KEY`, 16 characters or more; empty: none asked",
    )

    password: Annotated[str, AfterValidator(checks.password)] = Field(
        "",
        repr=False,
        description="Password of a private guide, 8 characters or more; programs send the key",
    )

    owner_password: Annotated[str, AfterValidator(checks.owner_password)] = Field(
        "",
        repr=False,
        description="Password of the owner's desk at `/owner`, 12 characters or more; empty: there is no desk",
    )

    journal: str = Field(
        "",
        repr=False,
        description="Database that keeps what is asked, by its SQLAlchemy URL: `sqlite:///journal.db`; empty: none",
    )
    journal_days: int = Field(90, ge=1, le=3650, description="Days that the journal keeps a question")

    @classmethod
    def settings_customise_sources(  # noqa: D102
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)

    @model_validator(mode="before")
    @classmethod
    def _local_models_get_time(cls, values: dict[str, Any]) -> dict[str, Any]:
        return (_LOCAL if str(values.get("model") or "").strip().startswith("local:") else {}) | values

    @model_validator(mode="after")
    def _a_request_lasts_as_long_as_its_calls(self) -> Self:
        if self.model.strip() and "request_seconds" not in self.model_fields_set:
            object.__setattr__(self, "request_seconds", _CALLS[self.model_style] * self.model_seconds + _BESIDES)
        return self

    @model_validator(mode="after")
    def _visitors_are_not_owners(self) -> Self:
        if self.owner_password and self.owner_password == self.password:
            raise ValueError("ADVISOR_OWNER_PASSWORD and ADVISOR_PASSWORD must differ")
        return self

    @property
    def encoder_folder(self) -> Path:
        """Where exported encoders stand, ``<cache>/encoders/<fingerprint>/``."""
        return self._cache_folder / "encoders"

    @property
    def _cache_folder(self) -> Path:
        return self.cache or user_cache_path("advisor-bot", appauthor=False)

    @property
    def origins(self) -> tuple[str, ...]:
        """The sites that may show the widget, each ``scheme://host`` or ``scheme://host:port``."""
        return tuple(checks.parts(self.allowed_origins))

    @property
    def proxies(self) -> tuple[str, ...]:
        """The networks whose forwarded headers count, in CIDR notation."""
        return tuple(checks.parts(self.trusted_proxies))

    @property
    def prices(self) -> tuple[float, float]:
        """The prices of a million tokens in and out; 0 where none is set."""
        first, _, second = self.model_price.partition(",")
        return (float(first), float(second)) if self.model_price else (0.0, 0.0)

    @property
    def index_server(self) -> str:
        """The address of the Chroma server that holds the published versions; "" where a folder does."""
        found = checks.SERVER.fullmatch(str(self.index))
        return f"{found[1]}://{found[2]}" if found else ""

    @property
    def index_folder(self) -> Path:
        """The folder of the published versions: ``index``, or ``.advisor`` beside the corpus; of a server, its copy."""
        if self.index_server:
            return self._cache_folder / "servers" / re.sub(r"[^a-z0-9.]+", "-", self.index_server.lower())
        return self.index or self.corpus.absolute().parent / ".advisor"

    @property
    def index_place(self) -> str:
        """Where the published versions are, in words: the server's address or the folder."""
        return self.index_server or str(self.index_folder)

    @property
    def contact_name_and_link(self) -> tuple[str, str] | None:
        """The adviser's name and an https: or mailto: link, or None where none is set."""
        if not self.contact:
            return None
        name, link = self.contact.rstrip(">").rsplit("<", 1)
        if "://" not in link and not link.startswith("mailto:"):
            link = "mailto:" + link
        return name.strip(), link

    @classmethod
    def read(cls, environ: Mapping[str, str], env_file: Path | None = None, **overrides: Any) -> Settings:
        """Read ``ADVISOR_*`` from ``env_file``, ``environ``, the guide's own file, ``overrides`` (None is ignored).

        Each counts more than those before it. The guide's own file is ``guide.env`` beside the index folder.

        Raises ``SettingsError`` naming the key and the value of whatever is unknown or invalid.
        """
        values: dict[str, Any] = {}
        sources: list[Mapping[str, str | None]] = [environ]
        if env_file is not None and env_file.is_file():
            sources.insert(0, dotenv_values(env_file))
        for source in sources:
            for key, value in source.items():
                if key.startswith(PREFIX) and value not in (None, ""):
                    values[key.removeprefix(PREFIX).lower()] = value
        wanted = {key: value for key, value in overrides.items() if value is not None}
        values |= wanted
        if values.get("index"):
            values |= _of_one_guide(Path(values["index"]).parent / OWN_FILE) | wanted
        try:
            return cls(**values)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            why = first["msg"].removeprefix("Value error, ")
            if not first["loc"]:
                raise SettingsError(f"{why}.") from None
            key = str(first["loc"][0])
            if first["type"] == "extra_forbidden":
                known = ", ".join(PREFIX + name.upper() for name in cls.model_fields)
                raise SettingsError(f"{PREFIX}{key.upper()} is not a setting. Known settings: {known}.") from None
            given = "…" if key in SECRET else repr(first["input"])
            raise SettingsError(f"{PREFIX}{key.upper()}={given} cannot be used: {why}.") from None


def _of_one_guide(file: Path) -> dict[str, Any]:
    """Return what a guide's own file sets; nothing where there is none. Raises ``SettingsError`` that names it."""
    if not file.is_file():
        return {}
    try:
        found = dotenv_values(file)
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file} cannot be read as lines NAME=value: {error}.") from None
    values = {key.removeprefix(PREFIX).lower(): value for key, value in found.items() if key.startswith(PREFIX)}
    if wrong := [key for key in values if key in _OF_THE_SERVER]:
        raise SettingsError(
            f"{file}: {PREFIX}{wrong[0].upper()} is set for the whole server, in its environment or .env; "
            "a guide's own file holds what is the guide's: contact, color, logo, origins, password, model, journal."
        )
    return {key: value for key, value in values.items() if value not in (None, "")}
