"""The settings, from the environment, `.env` and `ambrosio.toml`.

One frozen model; `load` reads it. The providers `LLAMA_…`, `TOGETHER_…` and `OPENAI_…` become
entries of the same table as `[providers]` in `ambrosio.toml`. Nothing is read on import.
"""

import os
import urllib.request
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

import platformdirs
from pydantic import (
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from ..core.errors import InvalidSettings
from . import catalogue
from .image_models import ImageModelConfig
from .mcp import NAME_EXPECTED, SERVER_NAME, McpServerConfig
from .provider import INVALID, ManagedProviderConfig, ProviderConfig, ServerUrl, Url
from .secret_text import BotToken, Secret, secrets_in_address
from .setting_faults import (
    NOT_SET,
    UNKNOWN_PROVIDER,
    Fault,
    explain,
    explain_value,
)
from .setting_files import ENCODING, ENV_FILE, TOML_FILE, find_folder, read_names, read_tables
from .setting_names import unknown_in_file, unknown_in_shell
from .setting_types import IdSet, MetricsAddress, NameList, StreamMode, ZoneName
from .toml_rows import complete_rows, known_of
from .zone import machine_zone

# The settings that are tables in `ambrosio.toml`.
TOML_TABLES = ("providers", "images", "mcp")
# The fields that are read from no variable.
NOT_VARIABLES = (*TOML_TABLES, "known_providers")
# The names of the providers that need no table.
READY_MADE = ("llama", "ears", "together", "openai")
# Completes "expected …".
CONTEXT_EXPECTED = "a number of tokens, such as 32768 (0 or unset: as the server or the list says)"


class Settings(BaseSettings):
    """All settings; each description completes "expected …" in an error."""

    model_config = SettingsConfigDict(
        frozen=True,
        env_file=None,
        env_file_encoding=ENCODING,
        env_ignore_empty=True,
        extra="ignore",
        str_strip_whitespace=True,
    )

    # What a route may name; first, since the fields below are checked against it.
    known_providers: Annotated[frozenset[str], NoDecode] = Field(
        default=frozenset(), exclude=True, repr=False
    )
    telegram_bot_token: BotToken = Field(
        default=SecretStr(""),
        description="the token from @BotFather: a number, a colon and 35 characters",
    )
    telegram_base_url: Url = Field(
        default="https://api.telegram.org", description="the URL of a Bot API server"
    )
    ambrosio_owner: IdSet = Field(
        default=frozenset(), description="one or more numeric Telegram ids, such as 123456789"
    )
    ambrosio_data_dir: Path = Field(
        default_factory=lambda: platformdirs.user_data_path("ambrosio"),
        description="a writable folder",
    )
    ambrosio_route: NameList = Field(
        default=("llama", "together", "openai"),
        min_length=1,
        description="provider names in order of preference, such as llama,together",
    )
    ambrosio_fast_route: NameList = Field(
        default=(), description="provider names in order of preference, such as together,llama"
    )
    ambrosio_image_route: NameList = Field(
        default=(), description="provider names in order of preference, such as home,together"
    )
    ambrosio_pictures_mb: int = Field(
        default=500, ge=0, description="a number of megabytes, such as 500 (0 keeps no originals)"
    )
    ambrosio_monthly_budget_usd: Decimal | None = Field(
        default=None, ge=0, description="a dollar amount such as 5 (0 disables paid providers)"
    )
    ambrosio_private_default: Literal["on", "off"] = Field(default="off", description="on or off")
    ambrosio_person_budget_usd: Decimal | None = Field(
        default=None, ge=0, description="a dollar amount per guest, such as 1"
    )
    ambrosio_retention_days: int = Field(
        default=0, ge=0, description="a number of days, such as 90 (0 keeps messages forever)"
    )
    ambrosio_patience_seconds: float = Field(
        default=0,
        ge=0,
        description="a number of seconds, such as 20 (0 disables asking a second provider)",
    )
    ambrosio_grace_seconds: float = Field(
        default=5, ge=0, le=80, description="a number of seconds from 0 to 80, such as 5"
    )
    ambrosio_zone: ZoneName = Field(
        default_factory=machine_zone, description="a time zone, such as Europe/Berlin"
    )
    ambrosio_search_url: Url | None = Field(
        default=None, description="the URL of a SearXNG server, such as http://127.0.0.1:8888"
    )
    ambrosio_searches_per_day: int = Field(
        default=100, ge=0, description="a number of web searches, such as 100"
    )
    ambrosio_stream: StreamMode = Field(default="draft", description="draft, edit or off")
    ambrosio_rich: Literal["auto", "off"] = Field(default="off", description="auto or off")
    ambrosio_reasoning: Literal["show", "hide"] = Field(default="hide", description="show or hide")
    ambrosio_conversation_hours: float = Field(
        default=8, ge=0, description="a number of hours, such as 8 (0 never starts a new one)"
    )
    ambrosio_system_prompt_file: Path | None = Field(
        default=None, description="a text file with your own instructions for the model"
    )
    ambrosio_exit_after_minutes: int = Field(
        default=0, ge=0, description="a number of minutes, such as 10 (0 never exits)"
    )
    ambrosio_metrics: MetricsAddress = Field(
        default="", description="a port such as 9464, or a Unix socket such as unix:/run/bot.sock"
    )
    ambrosio_log: Literal["debug", "info", "warning", "error", "json"] = Field(
        default="info", description="debug, info, warning, error or json"
    )
    llama_base_url: ServerUrl | None = Field(
        default=None, description="the URL of a llama.cpp server, such as http://127.0.0.1:9931/v1"
    )
    llama_gguf: str = Field(
        default="",
        description="a .gguf file or a Hugging Face id, such as unsloth/Qwen3.5-4B-GGUF:Q4_K_M",
    )
    llama_api_key: Secret = Field(default=SecretStr(""), description="the server's API key")
    llama_model: str = Field(default="", description="the name of a model on that server")
    llama_threads: int = Field(
        default=0, ge=0, description="a number of processor threads, such as 2 (0 chooses)"
    )
    llama_context: int = Field(default=0, ge=0, description=CONTEXT_EXPECTED)
    llama_ears: str = Field(
        default="",
        description="a .gguf file or a Hugging Face id of a transcription model, such as "
        "ggml-org/Qwen3-ASR-0.6B-GGUF:Q8_0",
    )
    llama_image_tokens: int = Field(
        default=256,
        ge=0,
        description="a number of tokens for a picture, such as 256 (0 turns pictures off)",
    )
    together_api_key: Secret = Field(
        default=SecretStr(""), description="an API key from together.ai"
    )
    together_base_url: Url = Field(
        default="https://api.together.ai/v1", description="the URL of together.ai's API"
    )
    together_model: str = Field(
        default="openai/gpt-oss-120b", description="the id of a chat model at together.ai"
    )
    together_context: int = Field(default=0, ge=0, description=CONTEXT_EXPECTED)
    together_image_model: str = Field(
        default="stabilityai/stable-diffusion-xl-base-1.0",
        description="the id of an image model at together.ai",
    )
    together_transcription_model: str = Field(
        default="openai/whisper-large-v3",
        description="the id of a transcription model at together.ai",
    )
    together_speech_model: str = Field(
        default="hexgrad/Kokoro-82M", description="the id of a speech model at together.ai"
    )
    openai_api_key: Secret = Field(
        default=SecretStr(""), description="an API key from that provider"
    )
    openai_base_url: Url = Field(
        default="https://api.openai.com/v1", description="the URL of an OpenAI-compatible API"
    )
    openai_model: str = Field(
        default="", validate_default=True, description="the id of a chat model at that provider"
    )
    openai_context: int = Field(default=0, ge=0, description=CONTEXT_EXPECTED)
    brave_api_key: Secret = Field(
        default=SecretStr(""), description="an API key for Brave's web search"
    )
    # From `ambrosio.toml`, not from the environment.
    providers: Annotated[dict[str, ProviderConfig], NoDecode] = Field(
        default_factory=dict, exclude=True
    )
    images: Annotated[dict[str, ImageModelConfig], NoDecode] = Field(
        default_factory=dict, exclude=True
    )

    mcp: Annotated[dict[str, McpServerConfig], NoDecode] = Field(default_factory=dict, exclude=True)

    @model_validator(mode="before")
    @classmethod
    def _know_providers(cls, data: dict[str, Any]) -> dict[str, Any]:
        # By their names only: a route is checked even if a provider's row is wrong.
        rows = data.get("providers")
        return {**data, "known_providers": {*READY_MADE, *(rows if isinstance(rows, dict) else ())}}

    @field_validator("ambrosio_route", "ambrosio_fast_route", "ambrosio_image_route")
    @classmethod
    def _names_providers(cls, names: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        for name in names:
            if name not in info.data["known_providers"]:
                raise PydanticCustomError(
                    UNKNOWN_PROVIDER,
                    "names `{provider}`, which is not a provider",
                    {"provider": name},
                )
        return names

    @field_validator("mcp")
    @classmethod
    def _has_short_names(cls, servers: dict[str, McpServerConfig]) -> dict[str, McpServerConfig]:
        for name in servers:
            if not SERVER_NAME.fullmatch(name):
                raise PydanticCustomError(INVALID, NAME_EXPECTED)
        return servers

    @field_validator("openai_model")
    @classmethod
    def _has_model(cls, model: str, info: ValidationInfo) -> str:
        key = info.data.get("openai_api_key")
        if key and key.get_secret_value() and not model:
            raise PydanticCustomError(NOT_SET, "is not set")
        return model

    @property
    def has_provider(self) -> bool:
        """Whether any provider is configured; a local server may still be found without that."""
        return bool(self.llama_gguf or self.provider_configs(llama_base_url=self.llama_base_url))

    @property
    def database(self) -> Path:
        """The path of the SQLite database."""
        return self.ambrosio_data_dir / "ambrosio.db"

    def ears_config(self, url: str, api_key: str) -> ProviderConfig:
        """Return the row of our own server that listens."""
        return ManagedProviderConfig(
            base_url=url,
            api_key=SecretStr(api_key),
            server_kind="llama",
            transcription_model=Path(self.llama_ears).name,
        )

    def provider_configs(
        self, *, llama_base_url: str | None, llama_api_key: str = ""
    ) -> dict[str, ProviderConfig]:
        """Return all configured providers, by name.

        Args:
            llama_base_url: the URL of a llama.cpp server that was found, or that we run.
            llama_api_key: the API key of the server, if we run it ourselves.
        """
        rows: dict[str, ProviderConfig] = {}
        if llama_base_url:
            # Only a server of our own has a key that is not in the settings.
            config_type = ManagedProviderConfig if llama_api_key else ProviderConfig
            rows["llama"] = config_type(
                base_url=llama_base_url,
                api_key=SecretStr(llama_api_key) if llama_api_key else self.llama_api_key,
                model=self.llama_model,
                context=self.llama_context,
                server_kind="llama",
                cache_reuse=bool(llama_api_key),
                picture_tokens=self.llama_image_tokens if llama_api_key else 0,
                thinking="template",
            )
        if self.together_api_key.get_secret_value():
            rows["together"] = ProviderConfig(
                base_url=self.together_base_url,
                api_key=self.together_api_key,
                model=self.together_model,
                server_kind="together",
                image_model=self.together_image_model,
                transcription_model=self.together_transcription_model,
                speech_model=self.together_speech_model,
                **known_of(self.together_model, self.together_context),
                **catalogue.look_up(self.together_transcription_model, "transcription"),
                **catalogue.look_up(self.together_speech_model, "speech"),
            )
        if self.openai_api_key.get_secret_value():
            rows["openai"] = ProviderConfig(
                base_url=self.openai_base_url,
                api_key=self.openai_api_key,
                model=self.openai_model,
                **known_of(self.openai_model, self.openai_context),
            )
        return rows | self.providers

    @property
    def secrets(self) -> tuple[str, ...]:
        """All values that must never appear in a log or on a screen.

        With those in addresses and in the environment's proxies.
        """
        keys = [
            self.telegram_bot_token,
            self.llama_api_key,
            self.together_api_key,
            self.openai_api_key,
            self.brave_api_key,
            *(row.api_key for row in self.providers.values()),
        ]
        values = [value for key in keys if (value := key.get_secret_value())]
        urls = [
            self.ambrosio_search_url,
            self.telegram_base_url,
            self.llama_base_url,
            self.together_base_url,
            self.openai_base_url,
            *(row.base_url for row in self.providers.values()),
            *(server.url for server in self.mcp.values()),
            *urllib.request.getproxies().values(),
        ]
        values += [value for url in urls if url for value in secrets_in_address(url)]
        return (*values, *(value for server in self.mcp.values() for value in server.secrets))


def load(folder: Path | None = None, **overrides: Any) -> Settings:
    """Read the settings, or raise `InvalidSettings` with everything that is wrong with them.

    Args:
        folder: where to look for `.env` and `ambrosio.toml`; by default see `find_folder`.
        **overrides: values that take precedence over both and the environment, by field name.
    """
    folder = find_folder() if folder is None else folder
    known = {name.upper() for name in Settings.model_fields if name not in NOT_VARIABLES}
    faults = unknown_in_file(read_names(folder / ENV_FILE), known)
    faults += unknown_in_shell(os.environ, known)
    tables = read_tables(folder / TOML_FILE)
    faults += [
        (f"ambrosio.toml: {name}", "is not a known table", "expected [providers.NAME]")
        for name in tables
        if name not in TOML_TABLES
    ]
    try:
        settings = Settings(_env_file=folder / ENV_FILE, **{**complete_rows(tables), **overrides})
    except ValidationError as exc:
        raise InvalidSettings(faults + [_problem(dict(error)) for error in exc.errors()]) from None
    if faults:
        raise InvalidSettings(faults)
    return _anchored(settings, folder)


def _anchored(settings: Settings, folder: Path) -> Settings:
    """Let relative paths begin at the folder of the settings, wherever the program was started."""
    prompt = settings.ambrosio_system_prompt_file
    return settings.model_copy(
        update={
            "ambrosio_data_dir": folder / settings.ambrosio_data_dir,
            "ambrosio_system_prompt_file": prompt and folder / prompt,
        }
    )


def _problem(error: dict[str, Any]) -> Fault:
    """Turn one of pydantic's errors into (name of the setting, problem, hint)."""
    path = error["loc"]
    if path[0] in TOML_TABLES:
        name = "ambrosio.toml: " + ".".join(map(str, path))
        return (name, explain(error), "see docs/ambrosio.toml")
    name = str(path[0])
    hint = "llama, together, openai or a provider from ambrosio.toml"
    if error["type"] != UNKNOWN_PROVIDER:
        hint = str(Settings.model_fields[name].description)
    return (name.upper(), explain_value(error), f"expected {hint}")
