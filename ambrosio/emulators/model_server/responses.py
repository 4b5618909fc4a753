"""The scripted responses of a stand-in model: every way it can answer, or fail to.

One script item decides one request. A refusal replaces the answer; every other item is performed on
a `ResponseWriter`, which knows the HTTP format but not the content.
"""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, Self

_TIME = re.compile(r"\s*\((?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) \d{4}-\d\d-\d\d \d\d:\d\d\)$")
FinishName = Literal["stop", "length", "eos", "tool_calls"]


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

        The time of day behind a question is in `body` alone.
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


class ResponseWriter(Protocol):
    """What a script item writes its answer with."""

    async def open(self) -> None:
        """Send the headers, if they are sent before the text."""

    async def ping(self) -> None:
        """Send a sign of life that is no event, if the answer is a stream."""

    async def think(self, text: str, *, pause: float = 0.0) -> None:
        """Write *text* as reasoning, token by token."""

    async def say(self, text: str, *, pause: float = 0.0) -> bool:
        """Write *text* as answer, token by token; return whether it fitted `max_tokens`."""

    async def call(self, name: str, arguments: str, *, whole: bool = False) -> None:
        """Write a call of a tool, its arguments in pieces unless *whole*."""

    async def finish(
        self, reason: FinishName = "stop", *, usage: bool = True, cached: int = 0
    ) -> None:
        """End the answer normally."""

    async def end_without_reason(self) -> None:
        """End cleanly, but without a finish reason and `[DONE]`."""

    async def send_invalid_json(self) -> None:
        """Send invalid JSON and end."""

    async def send_error(self, message: str) -> None:
        """Send an error in place of text and end."""

    async def disconnect(self) -> None:
        """Close the connection without finishing."""


@dataclass(frozen=True, slots=True)
class ErrorStatus:
    """An error with an HTTP status; empty fields get the server's usual values.

    A *body* of text is sent unchanged, like the error page of a gateway.
    """

    code: int
    type: str = ""
    message: str = ""
    retry_after: float | str | None = None
    body: str | Mapping[str, Any] | None = None
    param: str | None = None


@dataclass(frozen=True, slots=True)
class Overflow:
    """The error for a prompt that does not fit the context window."""

    tokens: int
    limit: int


@dataclass(frozen=True, slots=True)
class Says:
    """A whole answer, with reasoning before it if given."""

    text: str
    pause: float = field(default=0.0, kw_only=True)
    reasoning: str = field(default="", kw_only=True)
    think_tags: bool = field(default=False, kw_only=True)
    finish: FinishName = field(default="stop", kw_only=True)
    usage: bool = field(default=True, kw_only=True)
    cached: int = field(default=0, kw_only=True)

    async def perform(self, writer: ResponseWriter) -> None:
        """Write the reasoning and the answer, then finish."""
        if self.think_tags:
            await writer.say(f"<think>{self.reasoning}</think>", pause=self.pause)
        elif self.reasoning:
            await writer.think(self.reasoning, pause=self.pause)
        await writer.say(self.text, pause=self.pause)
        await writer.finish(self.finish, usage=self.usage, cached=self.cached)


@dataclass(frozen=True, slots=True)
class Calls:
    """A call of a tool, with text before it if given; together.ai sends calls *whole*."""

    name: str
    arguments: str
    text: str = field(default="", kw_only=True)
    whole: bool = field(default=False, kw_only=True)
    finish: FinishName = field(default="tool_calls", kw_only=True)

    async def perform(self, writer: ResponseWriter) -> None:
        """Write the text and the call, and finish."""
        await writer.say(self.text)
        await writer.call(self.name, self.arguments, whole=self.whole)
        await writer.finish(self.finish)


@dataclass(frozen=True, slots=True)
class StaysSilent:
    """Accepts the request and sends nothing, not even the headers."""

    async def perform(self, _writer: ResponseWriter) -> None:
        """Wait until the client disconnects."""
        await asyncio.Event().wait()


@dataclass(frozen=True, slots=True)
class Pings:
    """Sends signs of life that carry nothing until *until* is set, and then an answer."""

    text: str
    until: asyncio.Event
    pause: float = 0.05
    before: str = ""

    async def perform(self, writer: ResponseWriter) -> None:
        """Write what comes before, ping, and finish."""
        await writer.open()
        await writer.say(self.before)
        while not self.until.is_set():
            await writer.ping()
            await asyncio.sleep(self.pause)
        await writer.say(self.text)
        await writer.finish()


@dataclass(frozen=True, slots=True)
class StallsBefore:
    """Sends the headers and then nothing until the client disconnects."""

    async def perform(self, writer: ResponseWriter) -> None:
        """Send the headers and wait."""
        await writer.open()
        await asyncio.Event().wait()


@dataclass(frozen=True, slots=True)
class StallsAfter:
    """Sends some text and then nothing until the client disconnects."""

    text: str

    async def perform(self, writer: ResponseWriter) -> None:
        """Write the text and wait."""
        await writer.say(self.text)
        await asyncio.Event().wait()


@dataclass(frozen=True, slots=True)
class HangsUp:
    """Closes the connection without sending a byte."""

    async def perform(self, writer: ResponseWriter) -> None:
        """Disconnect."""
        await writer.disconnect()


@dataclass(frozen=True, slots=True)
class Dies:
    """Closes the connection in the middle of the answer."""

    after: str = ""

    async def perform(self, writer: ResponseWriter) -> None:
        """Write the text and disconnect."""
        await writer.open()
        await writer.say(self.after)
        await writer.disconnect()


@dataclass(frozen=True, slots=True)
class EndsUnfinished:
    """Ends the stream cleanly, but without a finish reason."""

    text: str = ""

    async def perform(self, writer: ResponseWriter) -> None:
        """Write the text and end without a reason."""
        await writer.open()
        await writer.say(self.text)
        await writer.end_without_reason()


@dataclass(frozen=True, slots=True)
class BrokenSse:
    """Sends a data line that is not JSON."""

    after: str = ""

    async def perform(self, writer: ResponseWriter) -> None:
        """Write the text and then invalid JSON."""
        await writer.open()
        await writer.say(self.after)
        await writer.send_invalid_json()


@dataclass(frozen=True, slots=True)
class ErrorObject:
    """Sends an error in the middle of the stream."""

    after: str = ""
    message: str = "The engine has stopped."

    async def perform(self, writer: ResponseWriter) -> None:
        """Write the text and then an error."""
        await writer.open()
        await writer.say(self.after)
        await writer.send_error(self.message)


@dataclass(frozen=True, slots=True)
class SaysNothing:
    """Succeeds with an empty answer."""

    async def perform(self, writer: ResponseWriter) -> None:
        """Finish at once."""
        await writer.finish()


@dataclass(frozen=True, slots=True)
class Holds:
    """Sends some text and finishes when *until* is set."""

    text: str
    until: asyncio.Event

    async def perform(self, writer: ResponseWriter) -> None:
        """Write the text, wait, and finish."""
        await writer.open()
        await writer.say(self.text)
        await self.until.wait()
        await writer.finish()


@dataclass(frozen=True, slots=True)
class Repeats:
    """Repeats one token, like a small model stuck in a loop."""

    token: str
    times: int

    async def perform(self, writer: ResponseWriter) -> None:
        """Write the token repeatedly and finish."""
        for _ in range(self.times):
            if not await writer.say(self.token):
                break
        await writer.finish()


@dataclass(frozen=True, slots=True)
class SendsImages:
    """Sends these image files, valid or not, or only their URLs."""

    contents: tuple[bytes, ...] = ()
    urls: tuple[str, ...] = ()


Refusal = ErrorStatus | Overflow
Performance = (
    Says
    | Calls
    | StaysSilent
    | Pings
    | StallsBefore
    | StallsAfter
    | HangsUp
    | Dies
    | EndsUnfinished
    | BrokenSse
    | ErrorObject
    | SaysNothing
    | Holds
    | Repeats
)
ScriptItem = Refusal | Performance
ImageItem = ErrorStatus | StallsBefore | HangsUp | Dies | SaysNothing | Holds | SendsImages


def _parts(message: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    content = message.get("content")
    return content if isinstance(content, list) else []


def _text_of(message: Mapping[str, Any]) -> str:
    content = message.get("content")
    if isinstance(content, str):
        return content
    return "\n".join(str(part["text"]) for part in _parts(message) if "text" in part)
