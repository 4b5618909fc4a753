"""What fingers type behind /imagine, and what it means."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ambrosio.core.images import Wish
from ambrosio.images.options import Fault, parse

FOX = "a red fox"

WISHES = [
    ("", Wish("")),
    ("   \n ", Wish("")),
    (FOX, Wish(FOX)),
    ("  a red fox \n", Wish(FOX)),
    ("a red fox\nin the snow", Wish("a red fox\nin the snow")),
    ("una volpe rossa nella neve", Wish("una volpe rossa nella neve")),
    ("雪の中の赤い狐", Wish("雪の中の赤い狐")),
    ("ثعلب أحمر --n 2", Wish("ثعلب أحمر", count=2)),
    ("a 🦊 in the ❄️ --n 2", Wish("a 🦊 in the ❄️", count=2)),
    # "vv" has no meaning here.
    ("vv a red fox", Wish("vv a red fox")),
    # --n
    ("a red fox --n 1", Wish(FOX)),
    ("a red fox --n 4", Wish(FOX, count=4)),
    ("--n 4 a red fox", Wish(FOX, count=4)),
    ("a --n 4 red fox", Wish(FOX, count=4)),
    ("a red fox --n=4", Wish(FOX, count=4)),
    ("a red fox --n = 4", Wish(FOX, count=4)),
    ("a red fox --n: 4", Wish(FOX, count=4)),
    ("a red fox --n4", Wish(FOX, count=4)),
    ("a red fox —n4 —ar16:9", Wish(FOX, count=4, ratio=(16, 9))),
    ("a red fox --N 4", Wish(FOX, count=4)),
    ("a red fox --n 2 --n 3", Wish(FOX, count=3)),
    ("a red fox --n 2, in snow", Wish("a red fox in snow", count=2)),
    ("a red fox --n ٣", Wish(FOX, count=3)),
    # What phones make of two dashes.
    ("a red fox —n 4", Wish(FOX, count=4)),
    ("a red fox –n 4", Wish(FOX, count=4)),
    ("—ar 16:9 —n 2 a red fox", Wish(FOX, count=2, ratio=(16, 9))),
    ("a red fox ---n 4", Wish(FOX, count=4)),
    ("一只红狐——n 4", Wish("一只红狐——n 4")),
    ("一只红狐 ——n 4", Wish("一只红狐", count=4)),
    # Dashes that are none of ours.
    ("a red fox — running", Wish("a red fox — running")),
    ("a red fox —running", Wish("a red fox —running")),
    ("a red-brown fox", Wish("a red-brown fox")),
    ("a fox -- red", Wish("a fox -- red")),
    ("a fox—no, a wolf", Wish("a fox—no, a wolf")),
    ("—no, a wolf", Wish("—no, a wolf")),
    ("well-lit half--n 4 open", Wish("well-lit half--n 4 open")),
    # --ar
    ("a red fox --ar 16:9", Wish(FOX, ratio=(16, 9))),
    ("a red fox --ar 9/16", Wish(FOX, ratio=(9, 16))),
    ("a red fox --ar 3x2", Wish(FOX, ratio=(3, 2))),
    ("a red fox --ar=1:1", Wish(FOX, ratio=(1, 1))),
    ("a red fox --AR 21:9", Wish(FOX, ratio=(21, 9))),
    # --size
    ("a red fox --size 1024x768", Wish(FOX, size=(1024, 768))),
    ("a red fox --size 1024×768", Wish(FOX, size=(1024, 768))),
    ("a red fox --size 1024X768", Wish(FOX, size=(1024, 768))),
    ("a red fox --size 1024*768", Wish(FOX, size=(1024, 768))),
    ("a red fox --size 64x4096", Wish(FOX, size=(64, 4096))),
    # --seed
    ("a red fox --seed 0", Wish(FOX, seed=0)),
    ("a red fox --seed 4294967295", Wish(FOX, seed=2**32 - 1)),
    ("a red fox --seed -1", Wish(FOX)),
    # --steps
    ("a red fox --steps 1", Wish(FOX, steps=1)),
    ("a red fox --steps 100", Wish(FOX, steps=100)),
    # --no
    ('a red fox --no "text, people"', Wish(FOX, avoid="text, people")),
    ("a red fox --no “text, people”", Wish(FOX, avoid="text, people")),
    ("a red fox --no „text, people“", Wish(FOX, avoid="text, people")),
    ("a red fox --no «text, people»", Wish(FOX, avoid="text, people")),
    ("a red fox --no 'text, people'", Wish(FOX, avoid="text, people")),
    ("a red fox --no ‘text, people’", Wish(FOX, avoid="text, people")),
    ('--no="text" a red fox', Wish(FOX, avoid="text")),
    ("--no text a red fox", Wish(FOX, avoid="text")),
    ("--no text, people a red fox", Wish(FOX, avoid="text, people")),
    ("a red fox --no text, --n 2", Wish(FOX, count=2, avoid="text")),
    ("a red fox —no blur —no text", Wish(FOX, avoid="blur, text")),
    ('a red fox --no "the --n option"', Wish(FOX, avoid="the --n option")),
    # --model
    ("a red fox --model flux", Wish(FOX, model="flux")),
    (
        "a red fox --model black-forest-labs/FLUX.2-dev",
        Wish(FOX, model="black-forest-labs/FLUX.2-dev"),
    ),
    ('a red fox --model "flux pro"', Wish(FOX, model="flux pro")),
    # Quotes in the prompt are the prompt's.
    ('a sign that says "open"', Wish('a sign that says "open"')),
    ("it's a fox's tail --n 2", Wish("it's a fox's tail", count=2)),
    # All together.
    (
        'a red fox --n 2 --ar 3:2 --seed 5 --steps 20 --no "text" --model sdxl',
        Wish(FOX, 2, (3, 2), None, 5, 20, "text", "sdxl"),
    ),
]
FAULTS = [
    ("a red fox --n", "--n alone does not work. It takes a number from 1 to 4."),
    ("a red fox --n 0", "--n 0 does not work. It takes a number from 1 to 4."),
    ("a red fox --n 5", "--n 5 does not work. It takes a number from 1 to 4."),
    ("a red fox --n four", "--n four does not work. It takes a number from 1 to 4."),
    ("a red fox --n -2", "--n -2 does not work. It takes a number from 1 to 4."),
    ("--n --ar 1:1", "--n alone does not work. It takes a number from 1 to 4."),
    ("a red fox --ar wide", "--ar wide does not work. It takes width to height, like 16:9."),
    ("a red fox --ar 16", "--ar 16 does not work. It takes width to height, like 16:9."),
    ("a red fox --ar 0:1", "--ar 0:1 does not work. It takes width to height, like 16:9."),
    ("a red fox --ar 100:1", "--ar 100:1 does not work. It takes width to height, like 16:9."),
    ("a red fox --size big", "--size big does not work. It takes width and height from 64"),
    ("a red fox --size 10x10", "--size 10x10 does not work. It takes width and height from 64"),
    ("a red fox --size 9999x9999", "--size 9999x9999 does not work. It takes width and height"),
    (
        "a red fox --seed lucky",
        "--seed lucky does not work. It takes a number from 0 to 4294967295",
    ),
    ("a red fox --seed 4294967296", "--seed 4294967296 does not work. It takes a number from 0"),
    ("a red fox --seed 99999999999999", "--seed 99999999999999 does not work"),
    ("a red fox --steps 0", "--steps 0 does not work. It takes a number from 1 to 100."),
    ("a red fox --steps ½", "--steps ½ does not work. It takes a number from 1 to 100."),
    ("a red fox --no", "--no alone does not work. It takes what to avoid in quotes"),
    ('a red fox --no ""', "--no alone does not work. It takes what to avoid in quotes"),
    ("a red fox --model", "--model alone does not work. It takes a name, like sdxl or flux."),
    ("a red fox --quality high", "--quality is not an option. There are --n, --ar, --size,"),
    ("a red fox --no-text", "--no-text is not an option. There are --n, --ar, --size,"),
    ("a red fox --hd2", "--hd is not an option. There are --n, --ar, --size,"),
    ("a red fox --ar 1:1 --size 512x512", "--ar and --size say the same thing twice"),
]


@pytest.mark.parametrize(("typed", "meant"), WISHES, ids=[typed for typed, _ in WISHES])
def test_a_wish_is_read_from_what_is_typed(typed, meant):
    assert parse(typed) == meant


@pytest.mark.parametrize(("typed", "line"), FAULTS, ids=[typed for typed, _ in FAULTS])
def test_a_wrong_option_is_told_with_what_would_be_right(typed, line):
    fault = parse(typed)

    assert isinstance(fault, Fault)
    assert fault.line.startswith(line)
    assert "\n" not in fault.line


@given(st.text())
def test_anything_can_be_typed(text):
    assert isinstance(parse(text), Wish | Fault)


@given(st.lists(st.text("abc雪é", min_size=1), min_size=1), st.data())
def test_an_option_may_stand_anywhere(words, data):
    place = data.draw(st.integers(0, len(words)))
    typed = " ".join([*words[:place], "--n 3", *words[place:]])

    assert parse(typed) == Wish(" ".join(words), count=3)
