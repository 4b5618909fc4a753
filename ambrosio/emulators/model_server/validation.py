"""The checks a stand-in makes before it answers: the strictness of real servers, as switches."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .payloads import ServerKind
from .responses import ChatCall, ErrorStatus, ImageCall, Overflow, Refusal


@dataclass(eq=False, kw_only=True)
class RequestRules:
    """The switches; all may be changed while the server runs.

    Attributes:
        model: The chat model; together.ai refuses any other.
        image_model: The image model, on together.ai only.
        server_kind: The server it behaves like.
        api_key: The required key, if any.
        alternate: Whether user and assistant must alternate, as strict chat templates demand.
        system_role: Whether the model's template accepts a system message.
        refuses: The chat and image parameters it does not support.
        window: The context window in words; `None` is unlimited.
        vision: Whether image input is accepted.
        audio: Whether a llama.cpp server listens.
        tools: Whether llama.cpp says that the model's template has tools.
        models: The kind of each model: `chat`, `image`, `transcribe` or `audio`; delete one to
            retire it.
    """

    model: str = field(default="stand-in", kw_only=False)
    server_kind: ServerKind = field(default="llama", kw_only=False)
    api_key: str = field(default="", kw_only=False)
    image_model: str = "stand-in-images"
    alternate: bool = False
    system_role: bool = True
    refuses: set[str] = field(default_factory=set)
    window: int | None = None
    vision: bool = True
    audio: bool = False
    tools: bool = False
    loading: bool = False
    models: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.models:
            self.models = {
                self.model: "chat",
                self.image_model: "image",
                "openai/whisper-large-v3": "transcribe",
                "hexgrad/Kokoro-82M": "audio",
            }

    def check_headers(self, headers: Mapping[str, str]) -> ErrorStatus | None:
        """Refuse all requests while loading, and those without the key."""
        if self.loading:
            return ErrorStatus(503)
        if self.api_key and headers.get("authorization") != f"Bearer {self.api_key}":
            return ErrorStatus(401)
        return None

    def check_chat(self, request: ChatCall) -> Refusal | None:
        """Return the refusal of a chat request, if any."""
        roles = [role for role, _ in request.messages]
        if not roles:
            return ErrorStatus(400, message="'messages' is required")
        if (
            refusal := self.check_served(request.model, "chat") or self._unsupported(request.body)
        ) is not None:
            return refusal
        if request.image_count and not self.vision:
            return ErrorStatus(
                500, message="image input is not supported - hint: provide the mmproj"
            )
        if not self.system_role and "system" in roles:
            return ErrorStatus(400, message="System role not supported")
        if self.alternate and not _alternate(roles):
            return ErrorStatus(400, message="Conversation roles must alternate user/assistant/…")
        if refusal := self._check_calls(request):
            return refusal
        if self.window is not None and request.prompt_tokens > self.window:
            return Overflow(request.prompt_tokens, self.window)
        return None

    def _check_calls(self, request: ChatCall) -> ErrorStatus | None:
        for call in _calls(request.body):
            try:
                json.loads(call["function"]["arguments"])
            except ValueError:
                message = "Failed to parse tool call arguments as JSON"
                return ErrorStatus(500, "server_error", message)
        return None

    def check_image(self, request: ImageCall) -> ErrorStatus | None:
        """Return the refusal of an image request, if any."""
        if not request.prompt:
            return ErrorStatus(400, message="'prompt' is required", param="prompt")
        if (
            refusal := self.check_served(request.model, "image") or self._unsupported(request.body)
        ) is not None:
            return refusal
        if not 1 <= request.n <= 4:
            return ErrorStatus(400, message="'n' must be between 1 and 4", param="n")
        if any(not 64 <= side <= 1920 for side in (request.width, request.height)):
            return ErrorStatus(400, message="'width' and 'height' must be between 64 and 1920")
        if request.response_format not in {"base64", "url"}:
            message = "'response_format' must be 'base64' or 'url'"
            return ErrorStatus(400, message=message, param="response_format")
        return None

    def check_served(self, model: str, kind: str) -> ErrorStatus | None:
        """Refuse a model that is not there, or is of another kind."""
        # llama.cpp has one model and ignores the name.
        if self.server_kind == "llama" or self.models.get(model) == kind:
            return None
        return ErrorStatus(
            404, "model_not_available", f"Unable to access model {model}.", param="model"
        )

    def _unsupported(self, body: Mapping[str, Any]) -> ErrorStatus | None:
        name = next((name for name in body if name in self.refuses), None)
        if name is None:
            return None
        message = f"Parameter '{name}' is not supported"
        return ErrorStatus(400, "invalid_request_error", message, param=name)


def _calls(body: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    messages = body.get("messages", ())
    return [call for message in messages for call in message.get("tool_calls") or ()]


def _alternate(roles: Sequence[str]) -> bool:
    turns = roles[1:] if roles[0] == "system" else roles
    expected = ["user", "assistant"] * len(turns)
    return list(turns) == expected[: len(turns)] and len(turns) % 2 == 1
