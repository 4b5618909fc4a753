"""A concise answer ends where it is complete, and never in the middle of anything."""

import pytest

from ambrosio.core.concise_guard import ConciseGuard
from ambrosio.core.vv import plan_answer

LONG = "Word " * 45 + "at 3.5 p.m. in the U.S. by Dr. Who, for 1,000 people."
ITEMS = "- tulip\n- crocus\n\n- daffodil"
FUNCTION = "```python\ndef f():\n    x = 1\n\n\n    return x\n```"
BARE_CODE = "import os\n\ndef f():\n    x = 1\n\n    return x"
TCP = "**TCP**: reliable.\n\n**UDP**: fast."

# The question, what is shown, and what the model would add.
CUT = [
    ("tea or coffee?", "Tea.", "\n\nBecause it is good."),
    ("3 miles in km?", "4.8 km", "\n\nThis is 3.5 nautical miles."),
    ("Hauptstadt von Peru?", "Lima.", "\n\nLima ist …"),
    ("a quote", "One line,\nand a second.", "\n\nAn explanation."),
    ("a long one?", LONG, " Then another sentence. And one more."),
    ("flowers?", f"For example:\n\n{ITEMS}", "\n\nI hope that it helps you with your garden."),
    ("list three flowers", ITEMS, "\n\nLet me know if you want more."),
    ("list three flowers", "1. a\n2. b\n\n3. c", "\n\nLet me know."),
    ("list three flowers", f"Some flowers.\n\n{ITEMS}", "\n\nLet me know."),
    ("python: sort", FUNCTION, "\nThis sorts.\n"),
    ("python: sort", f"Here you go.\n\n{FUNCTION}", "\n\n```\nmore\n```"),
    ("python: sort", BARE_CODE, "\n\nThis function returns one."),
    ("git: undo the commit", "`git reset --soft HEAD~1`", "\n\nThis undoes the last commit."),
    ("difference between TCP and UDP?", TCP, "\n\nBoth are used on the Internet every day."),
    ("who knows?", "```\na\n\nb\n```", "\nSure"),
]
WHOLE = [
    ("tea?", "Tea."),
    ("haiku about rain", "Rain\n\non the roof\n\nall night"),
    ("write my landlord a letter", "Dear Ms Roe,\n\nthe heating is off.\n\nYours"),
    ("translate: good day\n\ngood night", "Guten Tag\n\nGute Nacht"),
    ("area of a circle?", "The area is\n\n$$\\pi r^2$$"),
    ("an address", "1600 Pennsylvania Ave NW\nWashington, DC 20500"),
    ("python: sort", FUNCTION),
    ("flowers?", f"{ITEMS}"),
    ("short?", "It costs 3.5 or 1,000, e.g. in the U.S. or so."),
]


def read(question, text, size):
    """Read a stream in pieces of a size until the guard has enough."""
    guard, shown = ConciseGuard(plan_answer(question)), ""
    for start in range(0, len(text), size):
        shown += guard.feed(text[start : start + size])
        if guard.ended:
            break
    return shown + guard.end(), guard.ended


@pytest.mark.parametrize("size", [1, 2, 3, 7, 50, 5000])
@pytest.mark.parametrize(("question", "shown", "surplus"), CUT)
def test_what_comes_after_the_answer_is_not_read(question, shown, surplus, size):
    assert read(question, shown + surplus, size) == (shown, True)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 50, 5000])
@pytest.mark.parametrize(("question", "answer"), WHOLE)
def test_an_answer_that_ends_by_itself_is_whole(question, answer, size):
    assert read(question, answer, size)[0] == answer


@pytest.mark.parametrize("size", [1, 3, 5000])
def test_blank_lines_around_the_answer_are_dropped(size):
    assert read("tea?", "\n\nTea.\n", size)[0] == "Tea."
