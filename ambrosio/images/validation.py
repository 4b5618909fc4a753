"""Checks whether what a model server sent is an image.

Pure. The formats themselves are read by `core.image_formats`.
"""

from ..core.image_formats import measure_image
from ..core.images import Image

# Telegram's Bot API cannot return a larger file, and one order holds up to four in memory.
MAX_BYTES = 20 * 1024 * 1024


def read_image(content: bytes, *, seed: int | None = None) -> Image | None:
    """Return the image; None if the file is broken or of another format."""
    measured = measure_image(content)
    return Image(content, *measured, seed=seed) if measured else None
