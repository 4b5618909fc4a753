"""A scatter chart in SVG: the share of answers that passed, by time or cost."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 460, 300
LEFT, RIGHT, TOP, BOTTOM = 48, 34, 14, 44
RADIUS = 10
# Keeps points at the left edge clear of the axis labels.
START = LEFT + 8


@dataclass(frozen=True, slots=True)
class Point:
    """One model: its rank in the table, its time or cost `x`, and its share with the interval."""

    rank: int
    name: str
    x: float
    share: float
    interval: tuple[float, float]


def scatter(points: Sequence[Point], *, title: str, x_label: str, logarithmic: bool) -> str:
    """Draw the points with their intervals; a numbered badge gives each one's rank in the table."""
    scale = _Scale([point.x for point in points], logarithmic=logarithmic)
    marks, badges = [], []
    placed: list[tuple[float, float]] = []
    for point in sorted(points, key=lambda point: point.x):
        x, y = scale.x(point.x), _y(point.share)
        placed.append(_free_spot(x, y, placed))
        marks.append(_mark(point, x, y))
        badges.append(_badge(point, x, y, *placed[-1]))
    content = "".join([_frame(scale, x_label), *marks, *badges])
    return (
        f'<figure><figcaption>{escape(title)}</figcaption><svg viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'role="img" aria-label="{escape(title)}">{content}</svg></figure>'
    )


class _Scale:
    """The horizontal axis, linear or logarithmic."""

    def __init__(self, values: Sequence[float], *, logarithmic: bool) -> None:
        self._logarithmic = logarithmic
        if logarithmic:
            low = math.floor(math.log10(max(min(values), 1e-3)))
            high = math.ceil(math.log10(max(*values, 10 ** (low + 1), 1e-3)))
            self._low, self._high = float(low), float(high)
            steps = [(digit * 10.0**power) for power in range(low, high + 1) for digit in (1, 3)]
            self.ticks = [step for step in steps if step <= 10.0**high]
        else:
            step = _round_step(max(values) or 1.0)
            count = max(1, math.ceil(max(values) / step))
            self._low, self._high = 0.0, step * count
            self.ticks = [step * number for number in range(count + 1)]

    def x(self, value: float) -> float:
        """Return a value's position in the drawing."""
        value = math.log10(max(value, 10**self._low)) if self._logarithmic else value
        share = (value - self._low) / (self._high - self._low)
        return START + share * (WIDTH - RIGHT - START)


def _round_step(largest: float) -> float:
    """Find a step of 1, 2 or 5 times a power of ten that divides an axis into about four."""
    power = 10.0 ** math.floor(math.log10(largest / 4))
    return next((digit * power for digit in (1, 2, 5) if digit * power >= largest / 4), 10 * power)


def _y(share: float) -> float:
    return TOP + (1 - share) * (HEIGHT - TOP - BOTTOM)


def _frame(scale: _Scale, x_label: str) -> str:
    parts = []
    for percent in (0, 25, 50, 75, 100):
        y = _y(percent / 100)
        parts.append(
            f'<path class="grid" d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}"/>'
            f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{percent} %</text>'
        )
    for tick in scale.ticks:
        x = scale.x(tick)
        parts.append(
            f'<path class="grid" d="M{x:.1f} {TOP}V{HEIGHT - BOTTOM}"/>'
            f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{tick:g}</text>'
        )
    middle = (START + WIDTH - RIGHT) / 2
    parts.append(
        f'<text x="{middle:.0f}" y="{HEIGHT - 8}" text-anchor="middle">{escape(x_label)}</text>'
    )
    return "".join(parts)


def _free_spot(x: float, y: float, taken: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Find a free spot for a badge: to the right of its point, then in the rows above and below."""
    size = 2 * RADIUS + 1
    for row in (0, 1, -1, 2, -2, 3, -3):
        left, top = x + RADIUS + 6, y + row * size
        while left <= WIDTH - RADIUS and RADIUS <= top <= HEIGHT - BOTTOM:
            if all(abs(left - a) >= size or abs(top - b) >= size for a, b in taken):
                return left, top
            left += size
    return x, y


def _mark(point: Point, x: float, y: float) -> str:
    """Draw a model's point and its confidence interval."""
    low, high = (_y(bound) for bound in point.interval)
    return (
        f'<g class="m{point.rank % 6}"><path class="whisker" d="M{x:.1f} {low:.1f}V{high:.1f}'
        f'M{x - 4:.1f} {low:.1f}h8M{x - 4:.1f} {high:.1f}h8"/>'
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4"/></g>'
    )


def _badge(point: Point, x: float, y: float, left: float, top: float) -> str:
    """Draw a model's badge, with a line to its point."""
    return (
        f'<g class="m{point.rank % 6}"><title>{escape(point.name)}: {point.share:.0%}</title>'
        f'<path class="leader" d="M{x:.1f} {y:.1f}L{left:.1f} {top:.1f}"/>'
        f'<circle cx="{left:.1f}" cy="{top:.1f}" r="{RADIUS}"/>'
        f'<text class="rank" x="{left:.1f}" y="{top + 4:.1f}" text-anchor="middle">'
        f"{point.rank}</text></g>"
    )
