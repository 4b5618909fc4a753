"""A chart in SVG: how many answers passed, against what they took."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 460, 300
LEFT, RIGHT, TOP, BOTTOM = 48, 34, 14, 44
RADIUS = 10
# A point on the axis shall not stand on its labels.
START = LEFT + 8


@dataclass(frozen=True, slots=True)
class Point:
    """One model: its place in the table, how it did, and what it took."""

    rank: int
    name: str
    x: float
    share: float
    interval: tuple[float, float]


def scatter(points: Sequence[Point], *, title: str, x_label: str, logarithmic: bool) -> str:
    """Draw the points with their intervals; numbers in them lead to the table."""
    scale = _Scale([point.x for point in points], logarithmic=logarithmic)
    marks, badges = [], []
    taken: list[tuple[float, float]] = []
    for point in sorted(points, key=lambda point: point.x):
        x, y = scale.place(point.x), _height(point.share)
        taken.append(_free(x, y, taken))
        marks.append(_mark(point, x, y))
        badges.append(_badge(point, x, y, *taken[-1]))
    drawn = "".join([_frame(scale, x_label), *marks, *badges])
    return (
        f'<figure><figcaption>{escape(title)}</figcaption><svg viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'role="img" aria-label="{escape(title)}">{drawn}</svg></figure>'
    )


class _Scale:
    """The horizontal axis."""

    def __init__(self, values: Sequence[float], *, logarithmic: bool) -> None:
        self._logarithmic = logarithmic
        if logarithmic:
            low = math.floor(math.log10(max(min(values), 1e-3)))
            high = math.ceil(math.log10(max(*values, 10 ** (low + 1), 1e-3)))
            self._low, self._high = float(low), float(high)
            steps = [(each * 10.0**power) for power in range(low, high + 1) for each in (1, 3)]
            self.ticks = [step for step in steps if step <= 10.0**high]
        else:
            step = _round_step(max(values) or 1.0)
            count = max(1, math.ceil(max(values) / step))
            self._low, self._high = 0.0, step * count
            self.ticks = [step * number for number in range(count + 1)]

    def place(self, value: float) -> float:
        """Say where a value stands."""
        value = math.log10(max(value, 10**self._low)) if self._logarithmic else value
        share = (value - self._low) / (self._high - self._low)
        return START + share * (WIDTH - RIGHT - START)


def _round_step(most: float) -> float:
    """Find a step of 1, 2 or 5 that divides an axis into about four."""
    power = 10.0 ** math.floor(math.log10(most / 4))
    return next((each * power for each in (1, 2, 5) if each * power >= most / 4), 10 * power)


def _height(share: float) -> float:
    return TOP + (1 - share) * (HEIGHT - TOP - BOTTOM)


def _frame(scale: _Scale, x_label: str) -> str:
    parts = []
    for percent in (0, 25, 50, 75, 100):
        y = _height(percent / 100)
        parts.append(
            f'<path class="grid" d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}"/>'
            f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{percent} %</text>'
        )
    for tick in scale.ticks:
        x = scale.place(tick)
        parts.append(
            f'<path class="grid" d="M{x:.1f} {TOP}V{HEIGHT - BOTTOM}"/>'
            f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{tick:g}</text>'
        )
    middle = (START + WIDTH - RIGHT) / 2
    parts.append(
        f'<text x="{middle:.0f}" y="{HEIGHT - 8}" text-anchor="middle">{escape(x_label)}</text>'
    )
    return "".join(parts)


def _free(x: float, y: float, taken: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Find room for a badge beside its point: to the right, then in rows above and below."""
    size = 2 * RADIUS + 1
    for row in (0, 1, -1, 2, -2, 3, -3):
        left, top = x + RADIUS + 6, y + row * size
        while left <= WIDTH - RADIUS and RADIUS <= top <= HEIGHT - BOTTOM:
            if all(abs(left - a) >= size or abs(top - b) >= size for a, b in taken):
                return left, top
            left += size
    return x, y


def _mark(point: Point, x: float, y: float) -> str:
    """Draw where a model stands, and how sure that is."""
    low, high = (_height(bound) for bound in point.interval)
    return (
        f'<g class="m{point.rank % 6}"><path class="whisker" d="M{x:.1f} {low:.1f}V{high:.1f}'
        f'M{x - 4:.1f} {low:.1f}h8M{x - 4:.1f} {high:.1f}h8"/>'
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4"/></g>'
    )


def _badge(point: Point, x: float, y: float, left: float, top: float) -> str:
    """Draw a model's number, with a line to where it stands."""
    return (
        f'<g class="m{point.rank % 6}"><title>{escape(point.name)}: {point.share:.0%}</title>'
        f'<path class="leader" d="M{x:.1f} {y:.1f}L{left:.1f} {top:.1f}"/>'
        f'<circle cx="{left:.1f}" cy="{top:.1f}" r="{RADIUS}"/>'
        f'<text class="rank" x="{left:.1f}" y="{top + 4:.1f}" text-anchor="middle">'
        f"{point.rank}</text></g>"
    )
