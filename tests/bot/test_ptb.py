"""How our values become those of python-telegram-bot."""

import pytest

from ambrosio.bot.ptb import to_keyboard
from ambrosio.core.messages import Button


def buttons(*texts, row=0):
    return tuple(Button(text, "x", row=row) for text in texts)


@pytest.mark.parametrize(
    ("given", "rows"),
    [
        (buttons("Yes", "No"), [["Yes", "No"]]),
        (buttons("Choose a model", "New conversation"), [["Choose a model"], ["New conversation"]]),
        (
            buttons("1: delete", "1: +1 h", "1: tomorrow", row=1) + buttons("2: delete", row=2),
            [["1: delete", "1: +1 h", "1: tomorrow"], ["2: delete"]],
        ),
    ],
)
def test_buttons_stand_in_one_row_if_they_are_short_or_in_those_they_name(given, rows):
    keyboard = to_keyboard(given)

    assert keyboard is not None
    assert [[key.text for key in row] for row in keyboard.inline_keyboard] == rows
