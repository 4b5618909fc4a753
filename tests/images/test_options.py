"""What users type behind /imagine, and how it is parsed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ambrosio.core.images import ImagePrompt
from ambrosio.images.options import OptionError, parse

FOX = "a red fox"

PROMPTS = [
    ("", ImagePrompt("")),
    ("   \n ", ImagePrompt("")),
    (FOX, ImagePrompt(FOX)),
    ("  a red fox \n", ImagePrompt(FOX)),
    ("a red fox\nin the snow", ImagePrompt("a red fox\nin the snow")),
    ("una volpe rossa nella neve", ImagePrompt("una volpe rossa nella neve")),
    ("雪の中の赤い狐", ImagePrompt("雪の中の赤い狐")),
    ("ثعلب أحمر --n 2", ImagePrompt("ثعلب أحمر", count=2)),
    ("a 🦊 in the ❄️ --n 2", ImagePrompt("a 🦊 in the ❄️", count=2)),
    # "vv" has no meaning here.
    ("vv a red fox", ImagePrompt("vv a red fox")),
    # --n
    ("a red fox --n 1", ImagePrompt(FOX)),
    ("a red fox --n 4", ImagePrompt(FOX, count=4)),
    ("--n 4 a red fox", ImagePrompt(FOX, count=4)),
    ("a --n 4 red fox", ImagePrompt(FOX, count=4)),
    ("a red fox --n=4", ImagePrompt(FOX, count=4)),
    ("a red fox --n = 4", ImagePrompt(FOX, count=4)),
    ("a red fox --n: 4", ImagePrompt(FOX, count=4)),
    ("a red fox --n4", ImagePrompt(FOX, count=4)),
    ("a red fox —n4 —ar16:9", ImagePrompt(FOX, count=4, ratio=(16, 9))),
    ("a red fox --N 4", ImagePrompt(FOX, count=4)),
    ("a red fox --n 2 --n 3", ImagePrompt(FOX, count=3)),
    ("a red fox --n 2, in snow", ImagePrompt("a red fox in snow", count=2)),
    ("a red fox --n ٣", ImagePrompt(FOX, count=3)),
    # What phones make of two dashes.
    ("a red fox —n 4", ImagePrompt(FOX, count=4)),
    ("a red fox –n 4", ImagePrompt(FOX, count=4)),
    ("—ar 16:9 —n 2 a red fox", ImagePrompt(FOX, count=2, ratio=(16, 9))),
    ("a red fox ---n 4", ImagePrompt(FOX, count=4)),
    ("一只红狐——n 4", ImagePrompt("一只红狐——n 4")),
    ("一只红狐 ——n 4", ImagePrompt("一只红狐", count=4)),
    # Dashes that start no option.
    ("a red fox — running", ImagePrompt("a red fox — running")),
    ("a red fox —running", ImagePrompt("a red fox —running")),
    ("a red-brown fox", ImagePrompt("a red-brown fox")),
    ("a fox -- red", ImagePrompt("a fox -- red")),
    ("a fox—no, a wolf", ImagePrompt("a fox—no, a wolf")),
    ("—no, a wolf", ImagePrompt("—no, a wolf")),
    ("well-lit half--n 4 open", ImagePrompt("well-lit half--n 4 open")),
    # --ar
    ("a red fox --ar 16:9", ImagePrompt(FOX, ratio=(16, 9))),
    ("a red fox --ar 9/16", ImagePrompt(FOX, ratio=(9, 16))),
    ("a red fox --ar 3x2", ImagePrompt(FOX, ratio=(3, 2))),
    ("a red fox --ar=1:1", ImagePrompt(FOX, ratio=(1, 1))),
    ("a red fox --AR 21:9", ImagePrompt(FOX, ratio=(21, 9))),
    # --size
    ("a red fox --size 1024x768", ImagePrompt(FOX, size=(1024, 768))),
    ("a red fox --size 1024×768", ImagePrompt(FOX, size=(1024, 768))),
    ("a red fox --size 1024X768", ImagePrompt(FOX, size=(1024, 768))),
    ("a red fox --size 1024*768", ImagePrompt(FOX, size=(1024, 768))),
    ("a red fox --size 64x4096", ImagePrompt(FOX, size=(64, 4096))),
    # --seed
    ("a red fox --seed 0", ImagePrompt(FOX, seed=0)),
    ("a red fox --seed 4294967295", ImagePrompt(FOX, seed=2**32 - 1)),
    ("a red fox --seed -1", ImagePrompt(FOX)),
    # --steps
    ("a red fox --steps 1", ImagePrompt(FOX, steps=1)),
    ("a red fox --steps 100", ImagePrompt(FOX, steps=100)),
    # --no
    ('a red fox --no "text, people"', ImagePrompt(FOX, negative_prompt="text, people")),
    ("a red fox --no “text, people”", ImagePrompt(FOX, negative_prompt="text, people")),
    ("a red fox --no „text, people“", ImagePrompt(FOX, negative_prompt="text, people")),
    ("a red fox --no «text, people»", ImagePrompt(FOX, negative_prompt="text, people")),
    ("a red fox --no 'text, people'", ImagePrompt(FOX, negative_prompt="text, people")),
    ("a red fox --no ‘text, people’", ImagePrompt(FOX, negative_prompt="text, people")),
    ('--no="text" a red fox', ImagePrompt(FOX, negative_prompt="text")),
    ("--no text a red fox", ImagePrompt(FOX, negative_prompt="text")),
    ("--no text, people a red fox", ImagePrompt(FOX, negative_prompt="text, people")),
    ("a red fox --no text, --n 2", ImagePrompt(FOX, count=2, negative_prompt="text")),
    ("a red fox —no blur —no text", ImagePrompt(FOX, negative_prompt="blur, text")),
    ('a red fox --no "the --n option"', ImagePrompt(FOX, negative_prompt="the --n option")),
    # --model
    ("a red fox --model flux", ImagePrompt(FOX, model="flux")),
    (
        "a red fox --model black-forest-labs/FLUX.2-dev",
        ImagePrompt(FOX, model="black-forest-labs/FLUX.2-dev"),
    ),
    ('a red fox --model "flux pro"', ImagePrompt(FOX, model="flux pro")),
    # Quotes in the prompt belong to it.
    ('a sign that says "open"', ImagePrompt('a sign that says "open"')),
    ("it's a fox's tail --n 2", ImagePrompt("it's a fox's tail", count=2)),
    # All together.
    (
        'a red fox --n 2 --ar 3:2 --seed 5 --steps 20 --no "text" --model sdxl',
        ImagePrompt(FOX, 2, (3, 2), None, 5, 20, "text", "sdxl"),
    ),
]
ERRORS = [
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


@pytest.mark.parametrize(("typed", "prompt"), PROMPTS, ids=[typed for typed, _ in PROMPTS])
def test_a_prompt_and_its_options_are_parsed(typed, prompt):
    assert parse(typed) == prompt


@pytest.mark.parametrize(("typed", "line"), ERRORS, ids=[typed for typed, _ in ERRORS])
def test_an_invalid_option_is_reported_with_what_it_takes(typed, line):
    error = parse(typed)

    assert isinstance(error, OptionError)
    assert error.line.startswith(line)
    assert "\n" not in error.line


@given(st.text())
def test_anything_can_be_typed(text):
    assert isinstance(parse(text), ImagePrompt | OptionError)


@given(st.lists(st.text("abc雪é", min_size=1), min_size=1), st.data())
def test_an_option_may_stand_anywhere(words, data):
    position = data.draw(st.integers(0, len(words)))
    typed = " ".join([*words[:position], "--n 3", *words[position:]])

    assert parse(typed) == ImagePrompt(" ".join(words), count=3)
