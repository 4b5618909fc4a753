"""The configuration of one MCP server.

Pure: starts nothing. `settings` reads these from `ambrosio.toml`.
"""

import re
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator
from pydantic_core import PydanticCustomError

from ..core.addresses import is_local
from .provider import INVALID, Url
from .secret_text import Secret

# It stands before the name of each tool, which may have 64 characters in all.
SERVER_NAME = re.compile(r"[a-z][a-z0-9]{0,15}")
NAME_EXPECTED = "needs a name of at most 16 lowercase letters and digits"


class McpServerConfig(BaseModel):
    """One MCP server: a program of this machine, or an address."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    command: tuple[str, ...] = ()  # the program and its arguments
    env: dict[str, SecretStr] = Field(default_factory=dict)  # variables for the program
    url: Url | None = None  # of a server that speaks Streamable HTTP
    api_key: Secret = SecretStr("")  # sent to that server as a bearer token
    allow: tuple[str, ...] = Field(min_length=1)  # the tools that may be used, by name
    # It tells nobody what it is told: it is used in private chats, and only there.
    local_only: bool = False

    @model_validator(mode="after")
    def _is_one_of_two(self) -> Self:
        if bool(self.command) == bool(self.url):
            raise PydanticCustomError(INVALID, "needs either `command` or `url`")
        if self.local_only and self.url and not is_local(self.url):
            raise PydanticCustomError(
                INVALID, "has `local_only = true`, but its address is not local"
            )
        return self

    @property
    def secrets(self) -> tuple[str, ...]:
        """All values that must never appear in a log or on a screen."""
        keys = (self.api_key, *self.env.values())
        return tuple(value for key in keys if (value := key.get_secret_value()))
