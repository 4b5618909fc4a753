"""Planned failures, for tests."""

import asyncio
from dataclasses import dataclass, field
from typing import Literal

from .errors import BotApiError

ANY = "*"


class Lost(Exception):
    """The connection is closed without a response."""


class Garbled(Exception):
    """The response is not valid JSON."""


@dataclass
class Fault:
    """A failure of one method (or of any), a number of times."""

    method: str
    kind: Literal["refuse", "hang", "late", "drop", "garbage"]
    times: float = 1
    every: int = 1
    processed: bool = False
    refusal: BotApiError | None = None
    released: asyncio.Event = field(default_factory=asyncio.Event)
    _seen: int = 0

    def release(self) -> None:
        """Release the calls that hang."""
        self.released.set()

    def due(self, method: str) -> bool:
        """Count this call and return whether it fails."""
        if self.times <= 0 or self.method not in {ANY, method}:
            return False
        self._seen += 1
        if self._seen % self.every:
            return False
        self.times -= 1
        return True

    def fail_before(self) -> None:
        """Fail before the call is processed, if this fault does."""
        if self.refusal is not None:
            raise self.refusal.copy()
        if self.kind == "drop" and not self.processed:
            raise Lost
        if self.kind == "garbage":
            raise Garbled

    async def fail_after(self) -> None:
        """Fail after the call has been processed, or only wait."""
        if self.kind in {"hang", "late"}:
            await self.released.wait()
        if self.kind != "late":
            raise Lost


class Faults:
    """The planned failures; the first one that is due applies."""

    def __init__(self) -> None:
        self._planned: list[Fault] = []

    def plan(self, fault: Fault) -> Fault:
        """Add a fault after the others."""
        self._planned.append(fault)
        return fault

    def due(self, method: str) -> Fault | None:
        """Return the fault for this call, if any."""
        return next((fault for fault in self._planned if fault.due(method)), None)

    def clear(self) -> None:
        """Remove all faults and release hanging calls."""
        for fault in self._planned:
            fault.release()
        self._planned.clear()


DESCRIPTIONS = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    409: (
        "Conflict: terminated by other getUpdates request; "
        "make sure that only one bot instance is running"
    ),
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Timeout",
}
