"""What there is to know of one server that speaks the OpenAI API.

Pure: a row says how a server is asked, and asks nobody. `settings` makes rows of what is set.
"""

import re
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator
from pydantic_core import PydanticCustomError

from ..core.addresses import is_local, is_public

# The type of the validation errors whose message is shown as it is.
INVALID = "ambrosio_invalid"


def _http_url(value: str) -> str:
    try:
        parts = urlsplit(value)
        # A port that is none raises when it is looked at.
        good = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        good = False
    if not good or re.search(r"\s", value):
        raise PydanticCustomError(INVALID, "is not an http address")
    return value.rstrip("/")


def _server_url(value: str) -> str:
    """Take an http address or a Unix socket, as `unix:/run/llama.sock`."""
    return value if re.fullmatch(r"unix:/[^\s?#]+", value) else _http_url(value)


Url = Annotated[str, AfterValidator(_http_url)]
ServerUrl = Annotated[str, AfterValidator(_server_url)]
Dialect = Literal["together", "openai", "localai", "sdcpp"]


class ProviderConfig(BaseModel):
    """One server that speaks the OpenAI API, with what is particular about it."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    # Whether Ambrosio runs the server itself. No field, so that `ambrosio.toml` cannot set it.
    managed: ClassVar[bool] = False

    base_url: ServerUrl
    api_key: SecretStr = SecretStr("")
    model: str = ""
    server_kind: Literal["llama", "together", "openai"] = "openai"
    local: bool | None = None  # None: judged by the address
    context: int = Field(default=0, ge=0)  # tokens; 0: asked of the server, else a cautious guess
    system_role: bool = True  # False: the template knows none, so it goes before the first question
    repeat_vv: bool = False  # the model ignores system prompts: say the rule behind the question
    # How thinking is switched off for a vv question; "none": there is nothing to switch off.
    thinking: Literal["none", "template", "reasoning", "effort"] = "none"
    # llama.cpp runs with --cache-reuse: after the history is cut, the rest is not read again.
    cache_reuse: bool = False
    extra_body: dict[str, Any] = Field(default_factory=dict)  # goes into every request body
    connect_timeout_seconds: float = Field(default=5, gt=0)
    first_token_timeout_seconds: float = Field(default=30, gt=0)
    chunk_timeout_seconds: float = Field(default=30, gt=0)
    input_usd: Decimal | None = Field(default=None, ge=0)  # per million tokens
    cached_usd: Decimal | None = Field(default=None, ge=0)  # None: like any other input
    output_usd: Decimal | None = Field(default=None, ge=0)
    image_model: str = ""  # with it the server makes pictures; without `model` it does nothing else
    # How it is asked for them; None: as together.ai for that kind, else as OpenAI.
    image_dialect: Dialect | None = None
    # None: longer for a local server.
    image_timeout_seconds: float | None = Field(default=None, gt=0)

    @property
    def supports_chat(self) -> bool:
        """Say whether it can be asked for words."""
        return bool(self.model) or not self.image_model

    @property
    def socket(self) -> str:
        """Give the path of the Unix socket that is its address, "" if it is none."""
        return urlsplit(self.base_url).path if self.base_url.startswith("unix:") else ""

    @property
    def url(self) -> str:
        """Give the address for HTTP, which wants a host for a socket as well."""
        return "http://localhost/v1" if self.socket else self.base_url

    @property
    def is_local(self) -> bool:
        """Whether what is asked there stays in the house: as the owner says, else by address."""
        return is_local(self.base_url) if self.local is None else self.local

    @model_validator(mode="after")
    def _local_is_near(self) -> Self:
        if self.local and is_public(self.base_url):
            raise PydanticCustomError(INVALID, "has `local = true` but a public address")
        return self


class ManagedProviderConfig(ProviderConfig):
    """A llama.cpp server that Ambrosio runs itself, see `llama.supervisor`."""

    managed: ClassVar[bool] = True
