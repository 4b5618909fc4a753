"""What a server tells of itself and of its models: `/v1/models`, and llama.cpp's `/props`. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .errors import as_count
from .foreign_values import clean_name
from .slots import SlotQueue

UNLIMITED_SLOTS = 1_000


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A model that a server says it has; `context` in tokens, 0 if it does not say.

    `sees` is whether it takes pictures, None if the server does not say.
    """

    id: str
    kind: str = "chat"
    context: int = 0
    sees: bool | None = None


@dataclass(slots=True)
class ServerFacts:
    """What is known of one model from its server: asked, or learned from its refusals."""

    window: int = 0
    slots: SlotQueue = field(default_factory=lambda: SlotQueue(UNLIMITED_SLOTS))
    system_role: bool = True
    # Whether it listens, if it has told.
    hears: bool = False
    # Whether it takes pictures; None as long as the server has not told.
    vision: bool | None = None
    was_asked_for_vision: bool = False
    # Whether it takes the parameters of a concise turn, and a token limit.
    takes_no_thinking: bool = True
    takes_limit: bool = True
    # Whether its template opens the thinking, so that only the closing mark comes.
    opens_thinking: bool = False
    # Whether its model can call tools, as far as is known: by the template, or by a refusal.
    takes_tools: bool = True
    # Parameters that it has refused by name.
    dropped: frozenset[str] = frozenset()


def parse_models(listing: object) -> list[ServedModel] | None:
    """Read a list of models; None if it is not one.

    together.ai returns a bare list where everybody else wraps it.
    """
    items = listing.get("data") if isinstance(listing, dict) else listing
    if not isinstance(items, list):
        return None
    return [
        ServedModel(
            clean_name(item["id"]),
            str(item.get("type", "chat")),
            _context_tokens(item),
            _takes_pictures(item),
        )
        for item in items
        if isinstance(item, dict) and "id" in item
    ]


def parse_props(props: Any, facts: ServerFacts) -> None:
    """Read the window, the slots, the chat template and the senses from llama.cpp's `/props`.

    Raises `KeyError`, `TypeError`, `ValueError` or `AttributeError` if they are not there.
    """
    facts.window = int(props["default_generation_settings"]["n_ctx"])
    facts.slots = SlotQueue(int(props.get("total_slots") or 1))
    caps = props.get("chat_template_caps") or {}
    facts.system_role = bool(caps.get("supports_system_role", True))
    facts.takes_tools = bool(caps.get("supports_tools") and caps.get("supports_tool_calls"))
    if isinstance(modalities := props.get("modalities"), dict):
        facts.vision = bool(modalities.get("vision"))
        facts.hears = bool(modalities.get("audio"))


def _takes_pictures(item: Mapping[str, Any]) -> bool | None:
    """Read what OpenRouter and llama.cpp tell of a model's architecture."""
    architecture = item.get("architecture")
    inputs = architecture.get("input_modalities") if isinstance(architecture, dict) else None
    return "image" in inputs if isinstance(inputs, list) else None


def _context_tokens(item: Mapping[str, Any]) -> int:
    meta = item.get("meta")
    n_ctx = meta.get("n_ctx") if isinstance(meta, dict) else 0
    return as_count(item.get("context_length")) or as_count(n_ctx)
