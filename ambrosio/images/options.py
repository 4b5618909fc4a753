"""Parse the text behind `/imagine` into a prompt and its options.

Pure. Knows the syntax and the range of each option, not which of them a model supports: that is
`fitting`.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from ..core.images import ImagePrompt

MAX_IMAGES = 4
# Seeds are below this.
MAX_SEED = 2**32
MIN_SIDE, MAX_SIDE = 64, 4096
MAX_STEPS = 100
# Telegram does not accept a photo with a higher ratio of its sides.
MAX_RATIO = 20


@dataclass(frozen=True, slots=True)
class OptionError:
    """An option that cannot be used; `line` tells the user what is wrong and how to fix it."""

    line: str


# Phones turn "--" into "—" or "–". An option follows white space or starts the text; a number may
# follow it directly, as in "--n4".
_OPTION = re.compile(
    r"(?<!\S)(--+|[—–]+)([^\W\d_]+(?:-[^\W\d_]+)*)(?:\s*[=:]\s*|(?=\s)\s*|(?=\d)|$)"
)
_QUOTED = re.compile(r"\"([^\"]*)\"|[“„”]([^“”]*)[”“]|«([^»]*)»|'([^']*)'|‘([^’]*)’")
_WORD = re.compile(r"\S+")
# An unquoted list continues as long as there are commas.
_LIST = re.compile(r"[^\s,]+(?:\s*,\s*(?!--|[—–])[^\s,]+)*,?")


def parse(text: str) -> ImagePrompt | OptionError:
    """Parse the options, which may stand anywhere; all other text is the prompt."""
    prompt, pieces, position = ImagePrompt(""), list[str](), 0
    while match := _find_option(text, position):
        name = match[2].lower()
        if name not in _OPTIONS:
            options = ", ".join(f"--{option}" for option in _OPTIONS)
            return OptionError(f"--{name} is not an option. There are {options}.")
        pieces.append(text[position : match.start()])
        value, position = _parse_value(text, match.end(), name)
        set_option, expected = _OPTIONS[name]
        try:
            prompt = set_option(prompt, value)
        except ValueError:
            typed = f"--{name} {value}" if value else f"--{name} alone"
            return OptionError(f"{typed} does not work. It takes {expected}.")
    pieces.append(text[position:])
    if prompt.ratio and prompt.size:
        return OptionError("--ar and --size say the same thing twice. Keep one of them.")
    return replace(prompt, prompt=" ".join(piece.strip() for piece in pieces if piece.strip()))


def _find_option(text: str, position: int) -> re.Match[str] | None:
    """Find the next option; a typographic dash starts one only before a known name."""
    for match in _OPTION.finditer(text, position):
        if match[2].lower() in _OPTIONS or match[1].startswith("--"):
            return match
    return None


def _parse_value(text: str, position: int, name: str) -> tuple[str, int]:
    """Return the value of the option `name`, and the position behind it."""
    if quoted := _QUOTED.match(text, position):
        return next(group for group in quoted.groups() if group is not None).strip(), quoted.end()
    if _OPTION.match(text, position):
        return "", position
    match = (_LIST if name == "no" else _WORD).match(text, position)
    return (match[0].rstrip(".,;"), match.end()) if match else ("", position)


def _set_count(prompt: ImagePrompt, value: str) -> ImagePrompt:
    return replace(prompt, count=_parse_int(value, 1, MAX_IMAGES))


def _set_ratio(prompt: ImagePrompt, value: str) -> ImagePrompt:
    width, height = _parse_pair(value, ":/x×")
    _check(0 < max(width, height) <= MAX_RATIO * min(width, height))
    return replace(prompt, ratio=(width, height))


def _set_size(prompt: ImagePrompt, value: str) -> ImagePrompt:
    # The last separator is Cyrillic.
    width, height = _parse_pair(value.lower(), "x×*х")
    _check(MIN_SIDE <= min(width, height) <= max(width, height) <= MAX_SIDE)
    return replace(prompt, size=(width, height))


def _set_seed(prompt: ImagePrompt, value: str) -> ImagePrompt:
    number = _parse_int(value, -1, MAX_SEED - 1)
    # Other programs use -1 for a random seed.
    return replace(prompt, seed=None if number < 0 else number)


def _set_steps(prompt: ImagePrompt, value: str) -> ImagePrompt:
    return replace(prompt, steps=_parse_int(value, 1, MAX_STEPS))


def _add_negative_prompt(prompt: ImagePrompt, value: str) -> ImagePrompt:
    _check(bool(value))
    earlier = prompt.negative_prompt
    return replace(prompt, negative_prompt=f"{earlier}, {value}" if earlier else value)


def _set_model(prompt: ImagePrompt, value: str) -> ImagePrompt:
    _check(bool(value))
    return replace(prompt, model=value)


def _parse_int(value: str, minimum: int, maximum: int) -> int:
    number = int(value) if re.fullmatch(r"[+-]?\d{1,12}", value) else minimum - 1
    _check(minimum <= number <= maximum)
    return number


def _parse_pair(value: str, separators: str) -> tuple[int, int]:
    match = re.fullmatch(rf"(\d{{1,5}})\s*[{separators}]\s*(\d{{1,5}})", value)
    _check(match is not None)
    return (int(match[1]), int(match[2])) if match else (0, 0)


def _check(valid: bool) -> None:
    if not valid:
        raise ValueError


# Each option with the function that sets it or raises `ValueError`, and what it expects.
_OPTIONS: Mapping[str, tuple[Callable[[ImagePrompt, str], ImagePrompt], str]] = {
    "n": (_set_count, f"a number from 1 to {MAX_IMAGES}"),
    "ar": (_set_ratio, "width to height, like 16:9"),
    "size": (_set_size, f"width and height from {MIN_SIDE} to {MAX_SIDE}, like 1024x768"),
    "seed": (_set_seed, f"a number from 0 to {MAX_SEED - 1}"),
    "steps": (_set_steps, f"a number from 1 to {MAX_STEPS}"),
    "no": (_add_negative_prompt, 'what to avoid in quotes, like --no "text, people"'),
    "model": (_set_model, "a name, like sdxl or flux"),
}
