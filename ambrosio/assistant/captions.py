"""Captions of finished images, for a chat or a terminal."""

from ..core.costs import format_usd
from ..core.images import Image
from ..images.fitting import describe_dropped
from ..store import StoredImage
from .images import ImageAssistant, ImageResult

SUFFIXES = {"jpeg": "jpg"}


def name(image: Image | StoredImage) -> str:
    """Name an image's file."""
    stem = "picture" if image.seed is None else f"picture-{image.seed}"
    return f"{stem}.{suffix(image)}"


def suffix(image: Image | StoredImage) -> str:
    """Return the suffix of an image's file name, without a dot."""
    return SUFFIXES.get(image.format, image.format)


def details(result: ImageResult, assistant: ImageAssistant) -> str:
    """Describe in a line how the images were made: enough to make them again."""
    first = result.done[0]
    parts = []
    if result.started:
        ref = result.started.ref
        parts.append(f"{assistant.name(ref)} at {ref.provider}")
        if result.started.request.steps and "steps" not in first.dropped_options:
            parts.append(f"{result.started.request.steps} steps")
    seeds = [str(image.seed) for image in result.images if image.seed is not None]
    if seeds:
        parts.insert(1, f"seed{'s' * (len(seeds) > 1)} {', '.join(seeds)}")
    parts.append(f"{first.image.width}×{first.image.height}")
    parts.append(f"{result.seconds:.1f} s")
    if result.usd is not None:
        parts.append(format_usd(result.usd) if result.usd else "free")
    return " · ".join(parts)


def notes(result: ImageResult) -> list[str]:
    """List what differs from the order, a line each."""
    parts = [result.order.note] if result.order.note else []
    changes = [*result.started.changes] if result.started else []
    changes += describe_dropped(result.order.prompt, result.done[0].dropped_options)
    if changes:
        parts.append("Adjusted for this model: " + ", ".join(changes))
    return parts
