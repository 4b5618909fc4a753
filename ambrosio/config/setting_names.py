"""Names that are almost those of our settings. Pure."""

import difflib
from collections.abc import Collection, Iterable
from functools import lru_cache

from .setting_faults import Fault

PREFIXES = ("AMBROSIO_", "LLAMA_", "TELEGRAM_", "TOGETHER_", "OPENAI_", "BRAVE_")
# llama.cpp's own variables, which share our prefix.
LLAMA_CPP_PREFIXES = ("LLAMA_ARG_", "LLAMA_CACHE", "LLAMA_LOG")
# In `.env`, where nobody else's names are expected, two slips; in the shell, whose variables are
# mostly for other programs (TOGETHERAI_API_KEY is litellm's), only one.
MAX_FILE_SLIPS, MAX_SHELL_SLIPS = 2, 1


def unknown_in_file(names: Iterable[str], known: Collection[str]) -> list[Fault]:
    """Return the names in `.env` that are to be ours and are none of our settings."""
    return _faults(names, known, PREFIXES, MAX_FILE_SLIPS)


def unknown_in_shell(names: Collection[str], known: Collection[str]) -> list[Fault]:
    """Return the environment's names that are to be ours and are none of our settings.

    A name that is almost one of ours is another program's if ours is set as well, or if it is ours
    with a number.
    """
    present = {name.upper() for name in names}

    def is_ours(name: str) -> bool:
        if name.startswith("AMBROSIO_"):
            return True
        is_set = present & set(_near(name, known, MAX_SHELL_SLIPS))
        return not (is_set or name[-1:].isdigit())

    mine = [name for name in names if is_ours(name.upper())]
    return _faults(mine, known, ("AMBROSIO_",), MAX_SHELL_SLIPS)


def _faults(
    names: Iterable[str], known: Collection[str], prefixes: tuple[str, ...], max_slips: int
) -> list[Fault]:
    faults = []
    for written in names:
        name = written.upper()
        if name in known or name.startswith(LLAMA_CPP_PREFIXES):
            continue
        near = _near(name, known, max_slips)
        if name.startswith(prefixes):
            near = near or difflib.get_close_matches(name, known, n=1)
        elif not near:
            continue
        hint = f"did you mean {near[0]}?" if near else "see .env.example"
        faults.append((written, "is not a setting", hint))
    return faults


def _near(name: str, known: Iterable[str], max_slips: int) -> list[str]:
    """Return the known names within so many slips, the nearest first."""
    # A slip changes at most two letters; most names need not be compared any closer.
    letters = _letters(name)
    similar = [each for each in known if len(letters ^ _letters(each)) <= 2 * max_slips]
    counted = [(count_slips(name, each), each) for each in similar]
    return [each for slips, each in sorted(counted) if slips <= max_slips]


@lru_cache(maxsize=1024)
def _letters(name: str) -> frozenset[str]:
    return frozenset(name)


def count_slips(one: str, other: str) -> int:
    """Count the letters left out, added, changed or swapped with their neighbour.

    The restricted Damerau-Levenshtein distance.
    """
    before: list[int] = []
    above = list(range(len(other) + 1))
    for row, letter in enumerate(one, 1):
        current = [row]
        for column, counterpart in enumerate(other, 1):
            slips = min(
                above[column] + 1,
                current[-1] + 1,
                above[column - 1] + (letter != counterpart),
            )
            swapped = one[row - 2 : row] == other[column - 2 : column][::-1]
            if row > 1 and column > 1 and swapped:
                slips = min(slips, before[column - 2] + 1)
            current.append(slips)
        before, above = above, current
    return above[-1]
