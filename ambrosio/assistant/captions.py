"""What is said about finished pictures, wherever they are shown: in a chat or in a terminal."""

from decimal import Decimal

from ..core.images import Image
from ..images.fitting import describe_dropped
from ..store import StoredImage
from .images import ImageAssistant, ImageResult

SUFFIXES = {"jpeg": "jpg"}


def name(picture: Image | StoredImage) -> str:
    """Name a picture's file."""
    stem = "picture" if picture.seed is None else f"picture-{picture.seed}"
    return f"{stem}.{suffix(picture)}"


def suffix(picture: Image | StoredImage) -> str:
    """Say how the name of a picture's file ends."""
    return SUFFIXES.get(picture.format, picture.format)


def details(work: ImageResult, studio: ImageAssistant) -> str:
    """Say in a line what the pictures were made with: enough to make them again."""
    first = work.done[0]
    found = []
    if work.started:
        ref = work.started.ref
        found.append(f"{studio.name(ref)} at {ref.provider}")
        if work.started.request.steps and "steps" not in first.dropped_options:
            found.append(f"{work.started.request.steps} steps")
    seeds = [str(each.seed) for each in work.images if each.seed is not None]
    if seeds:
        found.insert(1, f"seed{'s' * (len(seeds) > 1)} {', '.join(seeds)}")
    found.append(f"{first.image.width}×{first.image.height}")
    found.append(f"{work.seconds:.1f} s")
    if work.usd is not None:
        found.append(format_price(work.usd))
    return " · ".join(found)


def notes(work: ImageResult) -> list[str]:
    """Say what is not as it was asked, a line each."""
    found = [work.order.note] if work.order.note else []
    changes = [*work.started.changes] if work.started else []
    changes += describe_dropped(work.order.prompt, work.done[0].dropped_options)
    if changes:
        found.append("As near as this model can: " + ", ".join(changes))
    return found


def format_price(usd: Decimal) -> str:
    """Write an amount with as many digits as tell something."""
    if not usd:
        return "free"
    return f"${usd:.2f}" if usd >= 1 else f"${usd:.4f}".rstrip("0")
