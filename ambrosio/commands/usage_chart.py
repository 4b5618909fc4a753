"""A small picture of bars, one for each day.

Pure: numbers in, PNG out. It is drawn by hand, since a drawing library would weigh more than the
rest of Ambrosio.
"""

from collections.abc import Sequence
from itertools import pairwise

from ..core.png import encode_png

Colour = tuple[int, int, int]

WIDTH, HEIGHT = 640, 280
LEFT, RIGHT, TOP, BOTTOM = 20, 20, 44, 36
PAPER: Colour = (255, 255, 255)
INK: Colour = (90, 90, 90)
LINE: Colour = (225, 225, 225)
BAR: Colour = (70, 130, 180)
LAST: Colour = (220, 120, 50)
# Three dots by five for each sign, row by row from the top.
GLYPHS = {
    "0": "111101101101111",
    "1": "010110010010111",
    "2": "111001111100111",
    "3": "111001111001111",
    "4": "101101111001001",
    "5": "111100111001111",
    "6": "111100111101111",
    "7": "111001001001001",
    "8": "111101111101111",
    "9": "111101111001111",
    ".": "000000000000010",
    "-": "000000111000000",
    "$": "011110011110010",
    " ": "000000000000000",
}
DOT = 3


class Canvas:
    """Dots on paper."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self._rows = [bytearray(bytes(PAPER) * width) for _ in range(height)]

    def fill(self, left: int, top: int, width: int, height: int, colour: Colour) -> None:
        """Paint a rectangle, as far as it is on the paper."""
        right = min(left + width, self.width)
        for item in self._rows[max(top, 0) : max(top + height, 0)]:
            item[3 * left : 3 * right] = bytes(colour) * (right - left)

    def write(self, text: str, left: int, top: int) -> None:
        """Write what the few glyphs can say."""
        for chat, sign in enumerate(text):
            for number, on in enumerate(GLYPHS[sign]):
                if on == "1":
                    across, down = number % 3, number // 3
                    x = left + (4 * chat + across) * DOT
                    self.fill(x, top + down * DOT, DOT, DOT, INK)

    def png(self) -> bytes:
        """Give the file."""
        return encode_png(
            self.width, self.height, b"".join(b"\0" + bytes(item) for item in self._rows)
        )


def bars(values: Sequence[float], top_label: str, day_labels: Sequence[str]) -> bytes:
    """Draw a bar for each value, the last one in another colour.

    Args:
        values: what is drawn; none of them negative.
        top_label: what the highest bar stands for.
        day_labels: one for each value; only the first, the middle and the last are written.
    """
    canvas = Canvas(WIDTH, HEIGHT)
    floor, room = HEIGHT - BOTTOM, HEIGHT - BOTTOM - TOP
    for share in range(5):
        canvas.fill(LEFT, floor - room * share // 4, WIDTH - LEFT - RIGHT, 1, LINE)
    edges = [LEFT + (WIDTH - LEFT - RIGHT) * n // len(values) for n in range(len(values) + 1)]
    most = max(values) or 1
    for number, (value, (left, right)) in enumerate(zip(values, pairwise(edges), strict=True)):
        height = max(round(room * value / most), 2 if value else 0)
        colour = LAST if number == len(values) - 1 else BAR
        canvas.fill(left + 2, floor - height, right - left - 4, height, colour)
    canvas.write(top_label, LEFT, TOP - 8 * DOT)
    for number in (0, len(values) // 2, len(values) - 1):
        label = day_labels[number]
        wide = 4 * len(label) * DOT
        canvas.write(label, min(edges[number], WIDTH - RIGHT - wide), floor + 3 * DOT)
    return canvas.png()
