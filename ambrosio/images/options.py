"""What somebody wants painted, read from how fingers on a phone write it.

Pure. It knows what an option looks like and what can be meant by it; what a model makes of it is in
`palette`.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from ..core.images import ImagePrompt

MAX_IMAGES = 4
MAX_SEED = 2**32
SIDES = (64, 4096)
MAX_STEPS = 100
# Nothing that is longer than wide in a higher proportion is shown as a photo by Telegram.
MAX_RATIO = 20


@dataclass(frozen=True, slots=True)
class OptionError:
    """What is wrong with it, in one sentence, and what would be right, in another."""

    line: str


# "—" and "–" are what phones make of "--". Before an option stands white space or nothing; a number
# may follow at once, as in "--n4".
_OPTION = re.compile(
    r"(?<!\S)(--+|[—–]+)([^\W\d_]+(?:-[^\W\d_]+)*)(?:\s*[=:]\s*|(?=\s)\s*|(?=\d)|$)"
)
_QUOTED = re.compile(r"\"([^\"]*)\"|[“„”]([^“”]*)[”“]|«([^»]*)»|'([^']*)'|‘([^’]*)’")
_WORD = re.compile(r"\S+")
# Without quotes, a list goes on as long as there are commas.
_LIST = re.compile(r"[^\s,]+(?:\s*,\s*(?!--|[—–])[^\s,]+)*,?")


def parse(text: str) -> ImagePrompt | OptionError:
    """Read a prompt with its options, wherever they stand; the rest is the prompt, as it is."""
    wish, kept, place = ImagePrompt(""), [], 0
    while found := _option(text, place):
        name = found[2].lower()
        if name not in _OPTIONS:
            there = ", ".join(f"--{each}" for each in _OPTIONS)
            return OptionError(f"--{name} is not an option. There are {there}.")
        kept.append(text[place : found.start()])
        value, place = _value(text, found.end(), name)
        read, right = _OPTIONS[name]
        try:
            wish = read(wish, value)
        except ValueError:
            given = f"--{name} {value}" if value else f"--{name} alone"
            return OptionError(f"{given} does not work. It takes {right}.")
    kept.append(text[place:])
    if wish.ratio and wish.size:
        return OptionError("--ar and --size say the same thing twice. Keep one of them.")
    prompt = " ".join(part.strip() for part in kept if part.strip())
    return replace(wish, prompt=prompt)


def _option(text: str, place: int) -> re.Match[str] | None:
    """Find the next option; what a phone has made of a dash is one only before a known name."""
    for found in _OPTION.finditer(text, place):
        if found[2].lower() in _OPTIONS or found[1].startswith("--"):
            return found
    return None


def _value(text: str, place: int, name: str) -> tuple[str, int]:
    """Take what belongs to an option, and say where it ends."""
    if quoted := _QUOTED.match(text, place):
        return next(part for part in quoted.groups() if part is not None).strip(), quoted.end()
    following = _OPTION.match(text, place)
    found = None if following else (_LIST if name == "no" else _WORD).match(text, place)
    return (found[0].rstrip(".,;"), found.end()) if found else ("", place)


def _n(wish: ImagePrompt, value: str) -> ImagePrompt:
    return replace(wish, count=_whole(value, 1, MAX_IMAGES))


def _ar(wish: ImagePrompt, value: str) -> ImagePrompt:
    width, height = _pair(value, ":/x×")
    _check(0 < max(width, height) <= MAX_RATIO * min(width, height))
    return replace(wish, ratio=(width, height))


def _size(wish: ImagePrompt, value: str) -> ImagePrompt:
    # The last of the separators is Cyrillic.
    width, height = _pair(value.lower(), "x×*х")
    _check(SIDES[0] <= min(width, height) <= max(width, height) <= SIDES[1])
    return replace(wish, size=(width, height))


def _seed(wish: ImagePrompt, value: str) -> ImagePrompt:
    number = _whole(value, -1, MAX_SEED - 1)
    # Other programs write -1 for a random one.
    return replace(wish, seed=None if number < 0 else number)


def _steps(wish: ImagePrompt, value: str) -> ImagePrompt:
    return replace(wish, steps=_whole(value, 1, MAX_STEPS))


def _no(wish: ImagePrompt, value: str) -> ImagePrompt:
    _check(bool(value))
    return replace(
        wish, negative_prompt=f"{wish.negative_prompt}, {value}" if wish.negative_prompt else value
    )


def _model(wish: ImagePrompt, value: str) -> ImagePrompt:
    _check(bool(value))
    return replace(wish, model=value)


def _whole(value: str, lowest: int, highest: int) -> int:
    number = int(value) if re.fullmatch(r"[+-]?\d{1,12}", value) else lowest - 1
    _check(lowest <= number <= highest)
    return number


def _pair(value: str, separators: str) -> tuple[int, int]:
    found = re.fullmatch(rf"(\d{{1,5}})\s*[{separators}]\s*(\d{{1,5}})", value)
    _check(found is not None)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _check(right: bool) -> None:
    if not right:
        raise ValueError


# Each option with its reader, which raises `ValueError`, and what would be right.
_OPTIONS: Mapping[str, tuple[Callable[[ImagePrompt, str], ImagePrompt], str]] = {
    "n": (_n, f"a number from 1 to {MAX_IMAGES}"),
    "ar": (_ar, "width to height, like 16:9"),
    "size": (_size, f"width and height from {SIDES[0]} to {SIDES[1]}, like 1024x768"),
    "seed": (_seed, f"a number from 0 to {MAX_SEED - 1}"),
    "steps": (_steps, f"a number from 1 to {MAX_STEPS}"),
    "no": (_no, 'what to avoid in quotes, like --no "text, people"'),
    "model": (_model, "a name, like sdxl or flux"),
}
