"""A button's data goes out and comes back whole, and fits what Telegram allows."""

import pytest

from ambrosio.bot.callback_data import MAX_BYTES, decode, encode
from ambrosio.core.messages import Button


@pytest.mark.parametrize(
    ("button", "turn_id", "data"),
    [
        (Button("Stop", "stop"), None, ("stop", "")),
        (Button("Model", "model", "auto"), 7, ("model", "auto")),
        (Button("Rich", "set", "rich=off:x"), None, ("set", "rich=off:x")),
        (Button("Longer", "longer", with_turn=True), 7, ("longer", "7")),
    ],
)
def test_what_is_pressed_is_what_was_shown(button, turn_id, data):
    assert decode(encode(button, turn_id)) == data


def test_data_that_telegram_would_refuse_is_an_error():
    assert len(encode(Button("x", "group", "g" * 58), None)) == MAX_BYTES
    with pytest.raises(ValueError, match="64 bytes"):
        encode(Button("x", "group", "g" * 59), None)
