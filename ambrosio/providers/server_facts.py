"""What a server tells of itself and of its models: `/v1/models`, and llama.cpp's `/props`. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .errors import as_count
from .foreign_values import clean_name, first_name
from .slots import SlotQueue

UNLIMITED_SLOTS = 1_000
# What servers for speech call what their models do, in together.ai's words.
KINDS_BY_TASK = {"automatic-speech-recognition": "transcribe", "text-to-speech": "audio"}


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A model that a server says it has; `context` in tokens, 0 if it does not say.

    `kind` is in together.ai's words: "chat", "transcribe", "audio" for speech, and others. A model
    `sees` if it takes pictures, `hears` if it takes sound, `transcribes` if it can be asked for a
    transcript, and `speaks` if it reads aloud; each is None if the server does not say. `voice` is
    the first of its voices, "" if the server names none.
    """

    id: str
    kind: str = "chat"
    context: int = 0
    sees: bool | None = None
    hears: bool | None = None
    transcribes: bool | None = None
    speaks: bool | None = None
    voice: str = ""


@dataclass(slots=True)
class ServerFacts:
    """What is known of one model from its server: asked, or learned from its refusals."""

    window: int = 0
    slots: SlotQueue = field(default_factory=lambda: SlotQueue(UNLIMITED_SLOTS))
    system_role: bool = True
    # Whether it listens; None as long as the server has not told.
    hears: bool | None = None
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
    return [_parse_model(item) for item in items if isinstance(item, dict) and "id" in item]


def own_model(models: Sequence[ServedModel], name: str) -> ServedModel | None:
    """Return the model with a name, without one the first; None if it is not there."""
    return next((model for model in models if name in {"", model.id}), None)


def _parse_model(item: Mapping[str, Any]) -> ServedModel:
    # OpenRouter and llama.cpp tell the modalities of a model's architecture, Mistral what it can.
    inputs = _mapping(item, "architecture").get("input_modalities")
    modalities = inputs if isinstance(inputs, list) else None
    can = _mapping(item, "capabilities")
    kind = KINDS_BY_TASK.get(str(item.get("task")), str(item.get("type") or "chat"))
    if kind == "chat" and can.get("completion_chat") is False:
        kind = "other"
    return ServedModel(
        clean_name(item["id"]),
        kind,
        _context_tokens(item),
        sees=_told(can.get("vision"), "image", modalities),
        hears=_told(can.get("audio"), "audio", modalities),
        transcribes=True if kind == "transcribe" else _told(can.get("audio_transcription")),
        speaks=True if kind == "audio" else None,
        voice=first_name(item.get("voices")),
    )


def _mapping(item: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = item.get(name)
    return found if isinstance(found, dict) else {}


def _told(
    said: object, modality: str = "", modalities: Sequence[object] | None = None
) -> bool | None:
    if modalities is not None:
        return modality in modalities
    return said if isinstance(said, bool) else None


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


def _context_tokens(item: Mapping[str, Any]) -> int:
    # OpenRouter and together.ai; vLLM and SGLang; Mistral; llama.cpp.
    names = ("context_length", "max_model_len", "max_context_length")
    told = [as_count(item.get(name)) for name in names]
    return next(filter(None, told), as_count(_mapping(item, "meta").get("n_ctx")))
