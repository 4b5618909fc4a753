"""Draws small landscapes as PNG from a prompt and a seed, without any library.

The same prompt and seed give the same image; the image does not depict what the prompt describes.
"""

import math
import random
from colorsys import hsv_to_rgb

from ...core.png import encode_png

Rgb = tuple[int, int, int]

# The range of the sky's hue: from blue through violet to orange.
SKIES = (0.52, 1.08)
SUN = (255, 240, 190)
# Each hill's level, lightness and wave height, from far to near.
HILLS = ((0.56, 0.62, 0.030), (0.68, 0.44, 0.045), (0.82, 0.27, 0.055))
# About how many squares the image is wide; all pixels of a square have one colour.
SQUARES = 320


def draw_png(prompt: str, seed: int, width: int, height: int) -> bytes:
    """Return a PNG of *width* × *height*: a sky, a sun and hills."""
    dice = random.Random(f"{prompt}|{seed}")
    cell = max(2, width // SQUARES)
    across, down = -(-width // cell), -(-height // cell)
    hue = dice.uniform(*SKIES)
    sky = _colour(hue, 0.45, 0.72), _colour(hue + dice.uniform(0.05, 0.12), 0.30, 0.98)
    sun = dice.uniform(0.2, 0.8) * across, dice.uniform(0.15, 0.42) * down, 0.08 * min(across, down)
    hills = [
        (_colour(hue + 0.45 + depth / 9, 0.42, light), _ridge(dice, level, wave, across, down))
        for depth, (level, light, wave) in enumerate(HILLS)
    ]
    rows = []
    for y in range(down):
        row = [_mix(*sky, y / down)] * across
        half = math.sqrt(max(0.0, sun[2] ** 2 - (y - sun[1]) ** 2))
        for x in range(math.ceil(sun[0] - half), math.floor(sun[0] + half)):
            row[x] = SUN
        for colour, ridge in hills:
            row = [colour if y >= top else under for top, under in zip(ridge, row, strict=True)]
        line = b"".join(bytes(colour) * cell for colour in row)[: 3 * width]
        rows.append((b"\0" + line) * cell)
    return encode_png(width, height, b"".join(rows)[: height * (3 * width + 1)])


def _ridge(dice: random.Random, level: float, wave: float, across: int, down: int) -> list[float]:
    """Return a hill's upper edge for each column of squares, counted from the top."""
    waves = [
        (dice.uniform(0.4, 1.0) * wave, dice.uniform(2, 9), dice.uniform(0, math.tau))
        for _ in range(3)
    ]
    return [
        down
        * (level + sum(size * math.sin(pace * x / across + start) for size, pace, start in waves))
        for x in range(across)
    ]


def _colour(hue: float, saturation: float, value: float) -> Rgb:
    red, green, blue = (round(255 * part) for part in hsv_to_rgb(hue % 1, saturation, value))
    return red, green, blue


def _mix(one: Rgb, other: Rgb, share: float) -> Rgb:
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue
