"""The data of a button: what Telegram gives back when it is pressed, at most 64 bytes.

Written `action:arg`; the one place that writes and reads it.
"""

from ..core.messages import Button

MAX_BYTES = 64


def encode(button: Button, turn_id: int | None) -> str:
    """Write a button's data, or raise `ValueError` if it is too long.

    Args:
        button: what it does.
        turn_id: the turn of the message that the button stands under.
    """
    arg = str(turn_id or "") if button.with_turn else button.arg
    data = f"{button.action}:{arg}"
    if len(data.encode()) > MAX_BYTES:
        raise ValueError(f"{data!r} is longer than {MAX_BYTES} bytes")
    return data


def decode(data: str) -> tuple[str, str]:
    """Read the action and the argument of a button."""
    action, _, arg = data.partition(":")
    return action, arg
