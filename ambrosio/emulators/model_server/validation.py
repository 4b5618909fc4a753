"""What a stand-in insists on before it answers: the strictness of real servers, by switches."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .payloads import ServerKind
from .responses import ChatCall, ErrorStatus, ImageCall, Overflow, Refusal


@dataclass(eq=False, kw_only=True)
class RequestRules:
    """The switches, all of which may be changed while the server runs.

    Attributes:
        model: The chat model served; together.ai refuses every other one.
        image_model: The model that draws, of together.ai only.
        server_kind: whose behaviour the server has.
        api_key: The key it wants, if any.
        alternate: Whether user and assistant must take turns, as strict chat templates demand.
        system_role: Whether the model's template knows a system message.
        refuses: Parameters, of chats and of pictures, that it does not support.
        window: The prompt's largest size in words; `None` is without end.
        vision: Whether pictures may be sent.
        models: Every model by its kind, `chat` or `image`; delete one and it is retired.
    """

    model: str = field(default="stand-in", kw_only=False)
    server_kind: ServerKind = field(default="llama", kw_only=False)
    api_key: str = field(default="", kw_only=False)
    image_model: str = "stand-in-painter"
    alternate: bool = False
    system_role: bool = True
    refuses: set[str] = field(default_factory=set)
    window: int | None = None
    vision: bool = True
    loading: bool = False
    models: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.models:
            self.models = {self.model: "chat", self.image_model: "image"}

    def check_headers(self, headers: Mapping[str, str]) -> ErrorStatus | None:
        """Refuse everybody while loading, and those without the key."""
        if self.loading:
            return ErrorStatus(503)
        if self.api_key and headers.get("authorization") != f"Bearer {self.api_key}":
            return ErrorStatus(401)
        return None

    def check_chat(self, asked: ChatCall) -> Refusal | None:
        """Return why *asked* is not answered, if it is not."""
        roles = [role for role, _ in asked.messages]
        if not roles:
            return ErrorStatus(400, message="'messages' is required")
        if (
            refusal := self._unserved(asked.model, "chat") or self._unsupported(asked.body)
        ) is not None:
            return refusal
        if asked.pictures and not self.vision:
            return ErrorStatus(
                500, message="image input is not supported - hint: provide the mmproj"
            )
        if not self.system_role and "system" in roles:
            return ErrorStatus(400, message="System role not supported")
        if self.alternate and not _alternate(roles):
            return ErrorStatus(400, message="Conversation roles must alternate user/assistant/…")
        if self.window is not None and asked.prompt_tokens > self.window:
            return Overflow(asked.prompt_tokens, self.window)
        return None

    def check_image(self, asked: ImageCall) -> ErrorStatus | None:
        """Return why *asked* is not drawn, if it is not."""
        if not asked.prompt:
            return ErrorStatus(400, message="'prompt' is required", param="prompt")
        if (
            refusal := self._unserved(asked.model, "image") or self._unsupported(asked.body)
        ) is not None:
            return refusal
        if not 1 <= asked.n <= 4:
            return ErrorStatus(400, message="'n' must be between 1 and 4", param="n")
        if any(not 64 <= side <= 1920 for side in (asked.width, asked.height)):
            return ErrorStatus(400, message="'width' and 'height' must be between 64 and 1920")
        if asked.response_format not in {"base64", "url"}:
            message = "'response_format' must be 'base64' or 'url'"
            return ErrorStatus(400, message=message, param="response_format")
        return None

    def _unserved(self, model: str, kind: str) -> ErrorStatus | None:
        # llama.cpp has one model and does not look at the name.
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


def _alternate(roles: Sequence[str]) -> bool:
    turns = roles[1:] if roles[0] == "system" else roles
    wanted = ["user", "assistant"] * len(turns)
    return list(turns) == wanted[: len(turns)] and len(turns) % 2 == 1
