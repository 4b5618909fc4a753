"""The manners of a stand-in model: every way in which it can answer, or fail to.

An item says what happens to one request. Refusals come instead of an answer; everything else is
performed on a `ResponseWriter`, which knows the wire and not what is said.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, Self

FinishName = Literal["stop", "length", "eos"]


@dataclass(frozen=True, slots=True)
class ChatCall:
    """What was asked of `/v1/chat/completions`; `extras` is what has no field of its own."""

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
        """Read *body*; of a message in parts, the text is kept here and the rest in `body`."""
        named = {"messages", "model", "max_tokens", "max_completion_tokens"}
        named |= {"temperature", "stream"}
        return cls(
            messages=tuple(
                (str(message.get("role", "")), _words(message))
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
        """The words of the newest message of the user, or nothing."""
        return next((words for role, words in reversed(self.messages) if role == "user"), "")

    @property
    def pictures(self) -> int:
        """How many pictures are among the messages."""
        parts = [part for message in self.body.get("messages", ()) for part in _parts(message)]
        return sum(1 for part in parts if part.get("type") == "image_url")

    @property
    def prompt_tokens(self) -> int:
        """The size of the prompt; a word is a token here."""
        return sum(len(words.split()) for _, words in self.messages)


@dataclass(frozen=True, slots=True)
class ImageCall:
    """What was asked of `/v1/images/generations`."""

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
        """Read *body*."""
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
    """What an item speaks with."""

    async def open(self) -> None:
        """Send the headers, where they go ahead of the words."""

    async def think(self, text: str, *, pause: float = 0.0) -> None:
        """Give *text* as a thought, token by token."""

    async def say(self, text: str, *, pause: float = 0.0) -> bool:
        """Give *text* as answer, token by token; return whether all of it could be said."""

    async def finish(
        self, reason: FinishName = "stop", *, usage: bool = True, cached: int = 0
    ) -> None:
        """End as one should."""

    async def trail_off(self) -> None:
        """End politely, but without a reason and without `[DONE]`."""

    async def garble(self) -> None:
        """Send what cannot be read, and end."""

    async def protest(self, message: str) -> None:
        """Send an error where words belong, and end."""

    async def break_off(self) -> None:
        """Break the connection."""


@dataclass(frozen=True, slots=True)
class ErrorStatus:
    """A refusal with an HTTP status; what is left empty is filled in as the kind does it.

    A *body* of text is sent as it is, like the page of a gateway that knows no JSON.
    """

    code: int
    type: str = ""
    message: str = ""
    retry_after: float | str | None = None
    body: str | Mapping[str, Any] | None = None
    param: str | None = None


@dataclass(frozen=True, slots=True)
class Overflow:
    """A refusal because the prompt does not fit the window."""

    tokens: int
    limit: int


@dataclass(frozen=True, slots=True)
class Says:
    """A whole answer, with a thought before it if there is one."""

    text: str
    pause: float = field(default=0.0, kw_only=True)
    reasoning: str = field(default="", kw_only=True)
    think_tags: bool = field(default=False, kw_only=True)
    finish: FinishName = field(default="stop", kw_only=True)
    usage: bool = field(default=True, kw_only=True)
    cached: int = field(default=0, kw_only=True)

    async def perform(self, mouth: ResponseWriter) -> None:
        """Think, say, finish."""
        if self.think_tags:
            await mouth.say(f"<think>{self.reasoning}</think>", pause=self.pause)
        elif self.reasoning:
            await mouth.think(self.reasoning, pause=self.pause)
        await mouth.say(self.text, pause=self.pause)
        await mouth.finish(self.finish, usage=self.usage, cached=self.cached)


@dataclass(frozen=True, slots=True)
class StallsBefore:
    """The headers, and then never a word until the client leaves."""

    async def perform(self, mouth: ResponseWriter) -> None:
        """Open, and be silent."""
        await mouth.open()
        await asyncio.Event().wait()


@dataclass(frozen=True, slots=True)
class StallsAfter:
    """Some words, and then never another one until the client leaves."""

    text: str

    async def perform(self, mouth: ResponseWriter) -> None:
        """Say, and be silent."""
        await mouth.say(self.text)
        await asyncio.Event().wait()


@dataclass(frozen=True, slots=True)
class HangsUp:
    """The connection is closed without a single byte."""

    async def perform(self, mouth: ResponseWriter) -> None:
        """Break off."""
        await mouth.break_off()


@dataclass(frozen=True, slots=True)
class Dies:
    """The connection breaks in the middle of the answer."""

    after: str = ""

    async def perform(self, mouth: ResponseWriter) -> None:
        """Say, and break off."""
        await mouth.open()
        await mouth.say(self.after)
        await mouth.break_off()


@dataclass(frozen=True, slots=True)
class EndsUnfinished:
    """The stream ends politely, but without a finish reason."""

    text: str = ""

    async def perform(self, mouth: ResponseWriter) -> None:
        """Say, and trail off."""
        await mouth.open()
        await mouth.say(self.text)
        await mouth.trail_off()


@dataclass(frozen=True, slots=True)
class BrokenSse:
    """A data line that is no JSON."""

    after: str = ""

    async def perform(self, mouth: ResponseWriter) -> None:
        """Say, and garble."""
        await mouth.open()
        await mouth.say(self.after)
        await mouth.garble()


@dataclass(frozen=True, slots=True)
class ErrorObject:
    """An error in the middle of the stream."""

    after: str = ""
    message: str = "The engine has stopped."

    async def perform(self, mouth: ResponseWriter) -> None:
        """Say, and protest."""
        await mouth.open()
        await mouth.say(self.after)
        await mouth.protest(self.message)


@dataclass(frozen=True, slots=True)
class SaysNothing:
    """Success without a word."""

    async def perform(self, mouth: ResponseWriter) -> None:
        """Finish at once."""
        await mouth.finish()


@dataclass(frozen=True, slots=True)
class Holds:
    """Some words, and the end when *until* is set."""

    text: str
    until: asyncio.Event

    async def perform(self, mouth: ResponseWriter) -> None:
        """Say, wait, finish."""
        await mouth.open()
        await mouth.say(self.text)
        await self.until.wait()
        await mouth.finish()


@dataclass(frozen=True, slots=True)
class Repeats:
    """The same token over and over, as a small model does that has lost its way."""

    token: str
    times: int

    async def perform(self, mouth: ResponseWriter) -> None:
        """Say it again and again, and finish."""
        for _ in range(self.times):
            if not await mouth.say(self.token):
                break
        await mouth.finish()


@dataclass(frozen=True, slots=True)
class Gives:
    """Pictures that are handed out as they are, whole or not; or only an address for each."""

    contents: tuple[bytes, ...] = ()
    urls: tuple[str, ...] = ()


Refusal = ErrorStatus | Overflow
Performance = (
    Says
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
ImageItem = ErrorStatus | StallsBefore | HangsUp | Dies | SaysNothing | Holds | Gives


def _parts(message: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    content = message.get("content")
    return content if isinstance(content, list) else []


def _words(message: Mapping[str, Any]) -> str:
    content = message.get("content")
    if isinstance(content, str):
        return content
    return "\n".join(str(part["text"]) for part in _parts(message) if "text" in part)
