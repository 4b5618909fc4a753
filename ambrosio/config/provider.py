"""The configuration of one server with an OpenAI-compatible API.

Pure: makes no requests. `settings` builds these from the environment and `ambrosio.toml`.
"""

import re
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator
from pydantic_core import PydanticCustomError

from ..core.addresses import is_local, is_public
from .secret_text import Secret

# The type of the validation errors whose message is shown as it is.
INVALID = "ambrosio_invalid"
# How long an answer may take to begin, of a server elsewhere and of a local one: a small machine
# may read a long prompt for minutes, and one that hangs meanwhile is noticed by its health. In the
# middle of an answer, silence is a stall of any server.
START_SECONDS, LOCAL_START_SECONDS = 30.0, 300.0


def _http_url(value: str) -> str:
    try:
        parts = urlsplit(value)
        # `port` raises `ValueError` if it is not a valid number.
        valid = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        valid = False
    if not valid or re.search(r"\s", value):
        raise PydanticCustomError(INVALID, "is not an HTTP URL")
    return value.rstrip("/")


def _server_url(value: str) -> str:
    """Accept an HTTP URL or a Unix socket, such as `unix:/run/llama.sock`."""
    return value if re.fullmatch(r"unix:/[^\s?#]+", value) else _http_url(value)


Url = Annotated[str, AfterValidator(_http_url)]
ServerUrl = Annotated[str, AfterValidator(_server_url)]
Dialect = Literal["together", "openai", "localai", "sdcpp"]


class ProviderConfig(BaseModel):
    """One server with an OpenAI-compatible API, and how it differs from others."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)
    # Whether Ambrosio runs the server itself. No field, so that `ambrosio.toml` cannot set it.
    managed: ClassVar[bool] = False

    base_url: ServerUrl
    api_key: Secret = SecretStr("")
    model: str = ""
    server_kind: Literal["llama", "together", "openai"] = "openai"
    local: bool | None = None  # None: decided by the address
    context: int = Field(default=0, ge=0)  # tokens; 0: ask the server, else a guess
    system_role: bool = True  # False: put it before the first question
    repeat_vv: bool = False  # repeat the vv rule after the question
    tools: bool | None = None  # whether the model can call tools; None: as the server tells
    # How thinking is turned off for a vv question; "none": the model does not think.
    thinking: Literal["none", "template", "reasoning", "effort"] = "none"
    # llama.cpp runs with --cache-reuse: after the history is cut, the rest is not read again.
    cache_reuse: bool = False
    group: str = ""  # equal servers with the same group share the work
    extra_body: dict[str, Any] = Field(default_factory=dict)  # added to every request body
    connect_timeout_seconds: float = Field(default=5, gt=0)
    # Until the answer begins; None: longer for a local server, which may read a long prompt.
    first_token_timeout_seconds: float | None = Field(default=None, gt=0)
    chunk_timeout_seconds: float = Field(default=30, gt=0)
    # How long a local server may be silent before its health is asked.
    health_after_seconds: float = Field(default=6, gt=0)
    input_usd: Decimal | None = Field(default=None, ge=0)  # per million tokens
    cached_usd: Decimal | None = Field(default=None, ge=0)  # None: the same as input_usd
    output_usd: Decimal | None = Field(default=None, ge=0)
    # Whether the model sees pictures; None: ask the server, else go by the model's name.
    vision: bool | None = None
    # How many tokens a picture takes at most, as llama.cpp's --image-max-tokens; 0: no limit.
    picture_tokens: int = Field(default=0, ge=0)
    image_model: str = ""  # makes images; without `model`, only images
    # The API for images; None: together.ai's for `server_kind` "together", else OpenAI's.
    image_dialect: Dialect | None = None
    # None: longer for a local server.
    image_timeout_seconds: float | None = Field(default=None, gt=0)
    transcription_model: str = ""  # writes down what it hears; without `model`, only that
    transcription_usd_per_minute: Decimal | None = Field(default=None, ge=0)
    # What it takes; None: WAV for `server_kind` "llama", else recordings as they were sent.
    transcription_format: Literal["wav", "any"] | None = None
    speech_model: str = ""  # reads aloud; without `model`, only that
    speech_voice: str = ""
    speech_format: Literal["mp3", "opus", "wav"] = "mp3"
    speech_usd_per_million_characters: Decimal | None = Field(default=None, ge=0)

    @property
    def supports_chat(self) -> bool:
        """Whether it can answer questions, not only make images, hear or speak."""
        return bool(self.model) or not (
            self.image_model or self.transcription_model or self.speech_model
        )

    @property
    def socket(self) -> str:
        """The path of the Unix socket, "" if the server is reached by TCP."""
        return urlsplit(self.base_url).path if self.base_url.startswith("unix:") else ""

    @property
    def url(self) -> str:
        """The base URL for HTTP; a Unix socket needs a host name too."""
        return "http://localhost/v1" if self.socket else self.base_url

    @property
    def is_local(self) -> bool:
        """Whether requests stay on this machine or in its network, see `core.addresses`."""
        return is_local(self.base_url) if self.local is None else self.local

    @property
    def start_seconds(self) -> float:
        """How long an answer may take to begin, in seconds."""
        default = LOCAL_START_SECONDS if self.is_local else START_SECONDS
        return self.first_token_timeout_seconds or default

    @model_validator(mode="after")
    def _local_is_near(self) -> Self:
        if self.local and is_public(self.base_url):
            raise PydanticCustomError(INVALID, "has `local = true` but a public address")
        return self


class ManagedProviderConfig(ProviderConfig):
    """A llama.cpp server that Ambrosio runs itself, see `llama.supervisor`."""

    managed: ClassVar[bool] = True
