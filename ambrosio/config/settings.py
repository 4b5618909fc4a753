"""What the owner has set, from the environment, `.env` and `ambrosio.toml`.

One frozen model. The named providers (`LLAMA_…`, `TOGETHER_…`, `OPENAI_…`) are ready-made rows of
the same table that `ambrosio.toml` extends. Nothing is read on import.
"""

import difflib
import os
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import platformdirs
from dotenv import dotenv_values
from pydantic import BeforeValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from ..core.errors import InvalidSettings
from . import catalogue
from .image_models import ImageModelConfig, lookup
from .provider import ProviderConfig, ServerUrl, Url

PREFIXES = ("AMBROSIO_", "LLAMA_", "TELEGRAM_", "TOGETHER_", "OPENAI_")
# The settings that stand in `ambrosio.toml`.
TOML_TABLES = ("providers", "images")
# What pydantic calls the faults that are more than a value which does not fit.
WRONG = {"missing": "is missing", "extra_forbidden": "is not known there"}
# llama.cpp's own variables begin alike and are none of our business.
LLAMA_CPP_PREFIXES = ("LLAMA_ARG_", "LLAMA_CACHE", "LLAMA_LOG")


def _split_words(value: object) -> object:
    """Take what stands between commas or spaces, nothing of an empty text."""
    if not isinstance(value, str):
        return value
    return re.split(r"[,\s]+", value.strip(", \n\t")) if value.strip() else ()


StreamMode = Literal["draft", "edit", "off"]
NameList = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split_words)]
IdSet = Annotated[frozenset[int], NoDecode, BeforeValidator(_split_words)]

# A small machine reads a long prompt for minutes; progress keeps this limit from biting.
LOCAL_PATIENCE = {"first_token_timeout_seconds": 300, "chunk_timeout_seconds": 90}


class Settings(BaseSettings):
    """Everything that can be set; each description says what would be right."""

    model_config = SettingsConfigDict(
        frozen=True, env_file=None, extra="ignore", env_ignore_empty=True
    )

    telegram_bot_token: SecretStr = Field(
        default=SecretStr(""), description="the token from @BotFather, like 123456:ABC-DEF"
    )
    telegram_base_url: Url = Field(
        default="https://api.telegram.org", description="the address of a Bot API server"
    )
    ambrosio_owner: IdSet = Field(
        default=frozenset(), description="one or more numeric Telegram ids, like 123456789"
    )
    ambrosio_data_dir: Path = Field(
        default_factory=lambda: platformdirs.user_data_path("ambrosio"),
        description="a folder that can be written to",
    )
    ambrosio_route: NameList = Field(
        default=("llama", "together", "openai"),
        min_length=1,
        description="names of providers in order of preference, like llama,together",
    )
    ambrosio_fast_route: NameList = Field(
        default=(), description="names of providers in order of preference, like together,llama"
    )
    ambrosio_image_route: NameList = Field(
        default=(), description="names of providers in order of preference, like home,together"
    )
    ambrosio_pictures_mb: int = Field(
        default=500, ge=0, description="a number of megabytes, like 500; 0 keeps no originals"
    )
    ambrosio_monthly_budget_usd: Decimal | None = Field(
        default=None, ge=0, description="an amount in US dollars, like 5; 0 turns paid ones off"
    )
    ambrosio_private_default: Literal["on", "off"] = Field(
        default="off", description="on or off: whether chats that nobody has set are private"
    )
    ambrosio_person_budget_usd: Decimal | None = Field(
        default=None, ge=0, description="an amount in US dollars for each guest, like 1"
    )
    ambrosio_retention_days: int = Field(
        default=0, ge=0, description="days after which messages are forgotten, like 90; 0: never"
    )
    ambrosio_patience_seconds: float = Field(
        default=0,
        ge=0,
        description="seconds after which the next provider is asked as well, like 20; 0 is never",
    )
    ambrosio_grace_seconds: float = Field(
        default=5, ge=0, le=80, description="seconds from 0 to 80, like 5"
    )
    ambrosio_stream: StreamMode = Field(default="draft", description="one of draft, edit, off")
    ambrosio_rich: Literal["auto", "off"] = Field(default="off", description="auto or off")
    ambrosio_reasoning: Literal["show", "hide"] = Field(default="hide", description="show or hide")
    ambrosio_log: Literal["debug", "info", "warning", "error", "json"] = Field(
        default="info", description="one of debug, info, warning, error, json"
    )
    llama_base_url: ServerUrl | None = Field(
        default=None, description="the address of a llama.cpp server, like http://127.0.0.1:9931/v1"
    )
    llama_gguf: str = Field(
        default="",
        description="a .gguf file or a Hugging Face id, like unsloth/Qwen3.5-4B-GGUF:Q4_K_M",
    )
    llama_api_key: SecretStr = Field(default=SecretStr(""), description="the server's key")
    llama_model: str = Field(default="", description="the name of one of the server's models")
    together_api_key: SecretStr = Field(default=SecretStr(""), description="a key of together.ai")
    together_base_url: Url = Field(
        default="https://api.together.ai/v1", description="the address of together's API"
    )
    together_model: str = Field(
        default="openai/gpt-oss-120b", description="the id of a chat model at together"
    )
    together_image_model: str = Field(
        default="stabilityai/stable-diffusion-xl-base-1.0",
        description="the id of an image model at together",
    )
    together_speech_model: str = Field(
        default="openai/whisper-large-v3", description="the id of a transcription model at together"
    )
    openai_api_key: SecretStr = Field(default=SecretStr(""), description="a key of that provider")
    openai_base_url: Url = Field(
        default="https://api.openai.com/v1", description="the address of an OpenAI-compatible API"
    )
    openai_model: str = Field(default="", description="the id of a chat model there")
    # From `ambrosio.toml`, not from the environment.
    providers: dict[str, ProviderConfig] = Field(default_factory=dict, exclude=True)
    images: dict[str, ImageModelConfig] = Field(default_factory=dict, exclude=True)

    @model_validator(mode="after")
    def _routes_name_providers(self) -> Self:
        known = {"llama", "together", "openai", *self.providers}
        routes = {
            "ambrosio_route": self.ambrosio_route,
            "ambrosio_fast_route": self.ambrosio_fast_route,
            "ambrosio_image_route": self.ambrosio_image_route,
        }
        for route, names in routes.items():
            for name in names:
                if name not in known:
                    raise ValueError(f"{route}:{name}")
        if self.openai_api_key.get_secret_value() and not self.openai_model:
            raise ValueError("openai_model")
        return self

    @property
    def database(self) -> Path:
        """Where everything that must not be lost is kept."""
        return self.ambrosio_data_dir / "ambrosio.db"

    def provider_configs(
        self, *, llama_base_url: str | None, llama_api_key: str = ""
    ) -> dict[str, ProviderConfig]:
        """List the providers that can be asked, by name.

        Args:
            llama_base_url: the llama.cpp server that was found, or that we run.
            llama_api_key: the key of the one that we run.
        """
        rows: dict[str, ProviderConfig] = {}
        if llama_base_url:
            rows["llama"] = ProviderConfig(
                base_url=llama_base_url,
                api_key=SecretStr(llama_api_key) if llama_api_key else self.llama_api_key,
                model=self.llama_model,
                server_kind="llama",
                cache_reuse=bool(llama_api_key),
                thinking="template",
                **LOCAL_PATIENCE,
            )
        if self.together_api_key.get_secret_value():
            rows["together"] = ProviderConfig(
                base_url=self.together_base_url,
                api_key=self.together_api_key,
                model=self.together_model,
                server_kind="together",
                image_model=self.together_image_model,
                **catalogue.lookup(self.together_model),
            )
        if self.openai_api_key.get_secret_value():
            rows["openai"] = ProviderConfig(
                base_url=self.openai_base_url,
                api_key=self.openai_api_key,
                model=self.openai_model,
                **catalogue.lookup(self.openai_model),
            )
        return rows | self.providers

    @property
    def secrets(self) -> tuple[str, ...]:
        """Everything that must never be seen in a log or on a screen."""
        keys = [
            self.telegram_bot_token,
            self.llama_api_key,
            self.together_api_key,
            self.openai_api_key,
            *(row.api_key for row in self.providers.values()),
        ]
        return tuple(value for key in keys if (value := key.get_secret_value()))


def load(folder: Path | None = None, **overrides: Any) -> Settings:
    """Read the settings, or raise `InvalidSettings` with all that is wrong with them.

    Args:
        folder: where `.env` and `ambrosio.toml` are looked for; the current one if not given.
        given: values that overrule both and the environment, by field name.
    """
    folder = Path() if folder is None else folder
    faults = _unknown_names(_dotenv(folder / ".env"), PREFIXES)
    faults += _unknown_names(os.environ, ("AMBROSIO_",))
    tables = _toml(folder / "ambrosio.toml")
    faults += [
        (f"ambrosio.toml: {name}", "is not a table that is read", "[providers.NAME]")
        for name in tables
        if name not in TOML_TABLES
    ]
    rows = {
        "providers": _with_defaults(tables.get("providers", {}), _provider_defaults),
        "images": _with_defaults(tables.get("images", {}), _image_defaults),
    }
    try:
        settings = Settings(_env_file=folder / ".env", **{**rows, **overrides})
    except ValidationError as exc:
        raise InvalidSettings(faults + [_problem(dict(error)) for error in exc.errors()]) from None
    if faults:
        raise InvalidSettings(faults)
    return settings


def _dotenv(path: Path) -> Iterable[str]:
    """Read the names in `.env`."""
    try:
        return dotenv_values(path)
    except (OSError, UnicodeDecodeError) as exc:
        raise InvalidSettings(
            [(".env", describe_read_error(exc), "a text file like .env.example")]
        ) from None


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8")) if path.exists() else {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as exc:
        raise InvalidSettings(
            [(path.name, describe_read_error(exc), "a valid TOML file")]
        ) from None


def describe_read_error(exc: Exception) -> str:
    """Say why a file cannot be read; of what is no TOML, where in it that is."""
    if isinstance(exc, UnicodeDecodeError):
        return "is not UTF-8"
    return f"cannot be read: {exc.strerror if isinstance(exc, OSError) else exc}"


def _with_defaults(table: Any, defaults: Callable[[str, dict[str, Any]], Mapping[str, Any]]) -> Any:
    """Give each row what is known of its model as defaults; pydantic finds what is wrong."""
    if not isinstance(table, dict):
        return table
    return {
        name: {**defaults(name, row), **row} if isinstance(row, dict) else row
        for name, row in table.items()
    }


def _provider_defaults(_name: str, row: dict[str, Any]) -> Mapping[str, Any]:
    return catalogue.lookup(str(row.get("model", "")))


def _image_defaults(model: str, _row: dict[str, Any]) -> Mapping[str, Any]:
    return lookup(model, {}).model_dump()


def _unknown_names(names: Iterable[str], prefixes: tuple[str, ...]) -> list[tuple[str, str, str]]:
    known = [name.upper() for name in Settings.model_fields if name not in TOML_TABLES]
    faults = []
    for name in names:
        if (
            name.startswith(prefixes)
            and not name.startswith(LLAMA_CPP_PREFIXES)
            and name not in known
        ):
            near = difflib.get_close_matches(name, known, n=1)
            right = f"perhaps {near[0]}" if near else "see .env.example"
            faults.append((name, "is not a setting", right))
    return faults


def _problem(error: dict[str, Any]) -> tuple[str, str, str]:
    """Turn one of pydantic's errors into the setting's name, what is wrong and what is right."""
    place, message = error["loc"], str(error["msg"]).removeprefix("Value error, ")
    route, named, wish = message.partition(":")
    if not place and named:
        wrong = f"names `{wish}`, which is no provider"
        return (route.upper(), wrong, "llama, together, openai or a row of ambrosio.toml")
    if not place:
        return (message.upper(), "is missing", str(Settings.model_fields[message].description))
    name = str(place[0])
    if name in TOML_TABLES:
        wrong = _explain(error, message)
        return ("ambrosio.toml: " + ".".join(map(str, place)), wrong, "as in docs/ambrosio.toml")
    right = Settings.model_fields[name].description
    return (name.upper(), _wrong(error, message), str(right))


def _wrong(error: dict[str, Any], message: str) -> str:
    # Values of secret settings are never repeated.
    value = error.get("input")
    shown = f"`{value}` " if isinstance(value, str | int | float) else ""
    return shown + _explain(error, message)


def _explain(error: dict[str, Any], message: str) -> str:
    """Give our own words for one of pydantic's errors; its own are for programmers."""
    return message if error["type"] == "value_error" else WRONG.get(error["type"], "does not fit")
