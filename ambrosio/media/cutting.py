"""Cuts sound into pieces at silences, and tells silence from speech. Pure.

Sound is signed 16-bit samples, one channel, at `RATE`.
"""

from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from math import sqrt
from operator import mul

RATE = 16_000
BYTES_PER_SECOND = RATE * 2
# Models that listen lose the thread in longer ones.
MAX_PIECE_SECONDS = 60
# A piece is cut in the quietest place behind this.
MIN_PIECE_SECONDS = 35
# The loudness is measured over this long, and a cut needs this many such stretches of quiet.
FRAME_SAMPLES = RATE // 50
QUIET_FRAMES = 15
# Enough to measure loudness, and four times as quick.
SAMPLE_STEP = 4
# -50 dB of the loudest possible sound: below quiet speech, above the noise of a phone.
SILENCE_LEVEL = 104


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of sound and where it begins."""

    start_seconds: float
    samples: bytes
    is_silent: bool

    @property
    def seconds(self) -> float:
        """How long it is."""
        return len(self.samples) / BYTES_PER_SECOND


class PieceCutter:
    """Is fed sound, and gives it back in pieces of at most a minute."""

    def __init__(self) -> None:
        self._waiting = bytearray()
        self._cut_bytes = 0

    @property
    def seconds(self) -> float:
        """How much it has been fed."""
        return (self._cut_bytes + len(self._waiting)) / BYTES_PER_SECOND

    def feed(self, samples: bytes) -> Iterator[Piece]:
        """Take more sound, and yield the pieces that are certain now."""
        self._waiting += samples
        while len(self._waiting) > MAX_PIECE_SECONDS * BYTES_PER_SECOND:
            window = bytes(self._waiting[: MAX_PIECE_SECONDS * BYTES_PER_SECOND])
            levels = measure_levels(window)
            yield self._take(_quietest_place(levels) * FRAME_SAMPLES * 2, levels)

    def end(self) -> Iterator[Piece]:
        """Yield what is left."""
        if self._waiting:
            yield self._take(len(self._waiting), measure_levels(bytes(self._waiting)))

    def _take(self, size: int, levels: list[float]) -> Piece:
        samples = bytes(self._waiting[:size])
        del self._waiting[:size]
        start_seconds = self._cut_bytes / BYTES_PER_SECOND
        self._cut_bytes += size
        heard = levels[: -(-size // (FRAME_SAMPLES * 2))]
        return Piece(start_seconds, samples, max(heard) < SILENCE_LEVEL)


def measure_levels(samples: bytes) -> list[float]:
    """Measure the loudness (root mean square) of each fiftieth of a second."""
    values = array("h", samples)
    frames = (
        values[start : start + FRAME_SAMPLES : SAMPLE_STEP]
        for start in range(0, len(values), FRAME_SAMPLES)
    )
    return [sqrt(sum(map(mul, frame, frame)) / len(frame)) for frame in frames]


def _quietest_place(levels: list[float]) -> int:
    """Find the frame in the middle of the quietest stretch behind `MIN_PIECE_SECONDS`."""
    first = MIN_PIECE_SECONDS * RATE // FRAME_SAMPLES
    starts = range(first, len(levels) - QUIET_FRAMES)
    # Of stretches that are equally quiet, the last one: fewer pieces.
    start = min(starts, key=lambda at: (sum(levels[at : at + QUIET_FRAMES]), -at))
    return start + QUIET_FRAMES // 2
