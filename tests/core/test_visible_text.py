"""A text that hides a part of itself is found out."""

import pytest

from ambrosio.core.visible_text import drop_unseen, is_visible


@pytest.mark.parametrize(
    "text",
    [
        "basmati harvest 2026",
        "https://x.example/a?b=c",
        '{"a": "rice\\n"}',
        "चावल का भाव",
        "米の値段 🍚",
        "",
    ],
)
def test_what_people_write_is_visible(text):
    assert is_visible(text)
    assert drop_unseen(text) == text


@pytest.mark.parametrize(
    "sign",
    [
        "\u202e",  # what follows is shown backwards
        "\u200b",  # no width
        "\u2066",
        "\ufeff",
        "\u00ad",
        "\U000e0041",  # a letter of the tags, which no screen shows
        "\ufe0e",
        "\U000e0101",
        "\u3164",
        "\u2800",
        "\u00a0",  # a space that is another one
        "\x00",
        "\x1b",
        "\ud800",
        "\ue000",
    ],
)
def test_what_no_screen_shows_is_not(sign):
    assert not is_visible(f"rice{sign}")
    assert drop_unseen(f"ri{sign}ce") in {"rice", "ri ce"}


def test_lines_become_one():
    assert not is_visible("a\nb")
    assert drop_unseen("a\nb\tc") == "a b c"
