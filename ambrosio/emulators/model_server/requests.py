"""The requests to a stand-in model, as its scripts and the tests read them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

_TIME = re.compile(r"(?<![^\n])\((?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) \d{4}-\d\d-\d\d \d\d:\d\d\)\n\n")


@dataclass(frozen=True, slots=True)
class ChatCall:
    """A request to `/v1/chat/completions`; `extras` holds what has no field of its own."""

    messages: tuple[tuple[str, str], ...]
    model: str
    max_tokens: int | None = None
    temperature: float | None = None
    stream: bool = False
    extras: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def parse(cls, body: Mapping[str, Any], headers: Mapping[str, str]) -> Self:
        """Parse *body*; of a message in parts, only the text goes into `messages`.

        The time of day before a question is in `body` alone.
        """
        named = {"messages", "model", "max_tokens", "max_completion_tokens"}
        named |= {"temperature", "stream"}
        return cls(
            messages=tuple(
                (str(message.get("role", "")), _TIME.sub("", _text_of(message)))
                for message in body.get("messages", ())
            ),
            model=str(body.get("model", "")),
            max_tokens=body.get("max_tokens", body.get("max_completion_tokens")),
            temperature=body.get("temperature"),
            stream=bool(body.get("stream")),
            extras={name: value for name, value in body.items() if name not in named},
            headers=headers,
            body=body,
        )

    @property
    def question(self) -> str:
        """The text of the newest user message, or an empty string."""
        return next((text for role, text in reversed(self.messages) if role == "user"), "")

    @property
    def image_count(self) -> int:
        """The number of images in the messages."""
        parts = [part for message in self.body.get("messages", ()) for part in _parts(message)]
        return sum(1 for part in parts if part.get("type") == "image_url")

    @property
    def question_has_images(self) -> bool:
        """Whether the newest user message has images."""
        messages: list[Mapping[str, Any]] = self.body.get("messages", [])
        asked = [message for message in messages if message.get("role") == "user"]
        newest = asked[-1] if asked else {}
        return any(part.get("type") == "image_url" for part in _parts(newest))

    @property
    def prompt_tokens(self) -> int:
        """The size of the prompt, counting each word as a token."""
        definitions = len(str(self.tools).split()) if self.tools else 0
        return definitions + sum(len(text.split()) for _, text in self.messages)

    @property
    def tools(self) -> list[Mapping[str, Any]]:
        """The definitions of the tools that may be called, or at least stand in the prompt."""
        return self.body.get("tools") or []


@dataclass(frozen=True, slots=True)
class ImageCall:
    """A request to `/v1/images/generations`."""

    prompt: str
    model: str
    n: int = 1
    width: int = 1024
    height: int = 1024
    steps: int | None = None
    seed: int | None = None
    response_format: str = "url"
    extras: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def parse(cls, body: Mapping[str, Any], headers: Mapping[str, str]) -> Self:
        """Parse *body*."""
        named = {"prompt", "model", "n", "width", "height", "steps", "seed", "response_format"}
        return cls(
            prompt=str(body.get("prompt") or ""),
            model=str(body.get("model", "")),
            n=int(body.get("n") or 1),
            width=int(body.get("width") or 1024),
            height=int(body.get("height") or 1024),
            steps=body.get("steps"),
            seed=body.get("seed"),
            response_format=str(body.get("response_format") or "url"),
            extras={name: value for name, value in body.items() if name not in named},
            headers=headers,
            body=body,
        )


def _parts(message: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    content = message.get("content")
    return content if isinstance(content, list) else []


def _text_of(message: Mapping[str, Any]) -> str:
    content = message.get("content")
    if isinstance(content, str):
        return content
    return "\n".join(str(part["text"]) for part in _parts(message) if "text" in part)
