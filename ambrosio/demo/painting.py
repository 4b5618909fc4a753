"""Small landscapes in PNG, drawn from a prompt and a seed without any library.

The same words and seed give the same picture; a picture has nothing to do with what the words
mean.
"""

import math
import random

from ..png import png

Colour = tuple[int, int, int]


def paint(prompt: str, seed: int, width: int, height: int) -> bytes:
    """Return a PNG of *width* × *height*: a sky, a sun and hills."""
    dice = random.Random(f"{prompt}|{seed}")
    sky = _colour(dice), _colour(dice)
    sun = dice.uniform(0.2, 0.8), dice.uniform(0.15, 0.45), dice.uniform(0.06, 0.12)
    hills = [_Hill(dice, level) for level in (0.55, 0.68, 0.82)]
    cell = max(4, width // 128)
    across, down = -(-width // cell), -(-height // cell)
    rows = []
    for y in range(down):
        v = y / down
        row = (_pixel(x / across, v, sky, sun, hills) for x in range(across))
        line = b"".join(bytes(colour) * cell for colour in row)[: 3 * width]
        rows.append((b"\0" + line) * cell)
    return png(width, height, b"".join(rows)[: height * (3 * width + 1)])


class _Hill:
    def __init__(self, dice: random.Random, level: float) -> None:
        self.colour = _mixed(_colour(dice), (20, 40, 30), level)
        self._level = level
        self._waves = [
            (dice.uniform(2, 9), dice.uniform(0, math.tau), dice.uniform(0.02, 0.06))
            for _ in range(3)
        ]

    def covers(self, u: float, v: float) -> bool:
        edge = sum(size * math.sin(pace * u + start) for pace, start, size in self._waves)
        return v > self._level + edge


def _pixel(
    u: float,
    v: float,
    sky: tuple[Colour, Colour],
    sun: tuple[float, float, float],
    hills: list[_Hill],
) -> Colour:
    for hill in reversed(hills):
        if hill.covers(u, v):
            return hill.colour
    if math.hypot(u - sun[0], v - sun[1]) < sun[2]:
        return (255, 236, 170)
    return _mixed(sky[0], sky[1], v)


def _colour(dice: random.Random) -> Colour:
    return dice.randint(60, 235), dice.randint(60, 235), dice.randint(60, 235)


def _mixed(one: Colour, other: Colour, share: float) -> Colour:
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue
