"""Noticing that a model says the same thing over and over, which small models do without end.

Pure. It looks for a stretch at the end of a text that repeats one piece exactly, and is slow to
judge: rules, tables and refrains are not loops.
"""

# A stretch counts if it is this long (in characters) and holds its piece this often.
MIN_STRETCH = 1_000
MIN_REPEATS = 10
MAX_PIECE = 240


def repeated_tail(text: str) -> int:
    """Count the characters at the end that only repeat; 0 if there is no loop."""
    for piece in range(1, MAX_PIECE + 1):
        stretch = max(MIN_STRETCH, piece * MIN_REPEATS)
        if len(text) < stretch + piece:
            return 0
        # Moved by one piece it is the same text, exactly as far as it repeats that piece.
        if text[-stretch:] == text[-stretch - piece : -piece]:
            return _extent(text, piece)
    return 0


def _extent(text: str, piece: int) -> int:
    start = len(text) - piece
    while start > 0 and text[start - 1] == text[start - 1 + piece]:
        start -= 1
    return len(text) - start - piece
