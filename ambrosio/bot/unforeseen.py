"""The one place for failures that nobody foresaw, so that each costs only what it belongs to.

Around a turn, it costs the message a try; around a delivery, too; around the previews of an answer,
the previews. Everything else names what it can meet.
"""

from collections.abc import Awaitable


async def failure_of(work: Awaitable[None]) -> Exception | None:
    """Do a piece of work, and return its failure; a cancellation is none, and goes on."""
    try:
        await work
    except Exception as exc:  # noqa: BLE001  see above
        return exc
    return None
