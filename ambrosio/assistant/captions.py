"""What is said about finished pictures, wherever they are shown: in a chat or in a terminal."""

from decimal import Decimal

from ..core.images import Picture
from ..images.fitting import refused
from ..store import Hung
from .images import Studio, Work

SUFFIXES = {"jpeg": "jpg"}


def name(picture: Picture | Hung) -> str:
    """Name a picture's file."""
    stem = "picture" if picture.seed is None else f"picture-{picture.seed}"
    return f"{stem}.{suffix(picture)}"


def suffix(picture: Picture | Hung) -> str:
    """Say how the name of a picture's file ends."""
    return SUFFIXES.get(picture.kind, picture.kind)


def details(work: Work, studio: Studio) -> str:
    """Say in a line what the pictures were made with: enough to make them again."""
    first = work.painted[0]
    found = []
    if work.taken:
        ref = work.taken.ref
        found.append(f"{studio.name(ref)} at {ref.provider}")
        if work.taken.request.steps and "steps" not in first.lost:
            found.append(f"{work.taken.request.steps} steps")
    seeds = [str(each.seed) for each in work.pictures if each.seed is not None]
    if seeds:
        found.insert(1, f"seed{'s' * (len(seeds) > 1)} {', '.join(seeds)}")
    found.append(f"{first.picture.width}×{first.picture.height}")
    found.append(f"{work.seconds:.1f} s")
    if work.usd is not None:
        found.append(money(work.usd))
    return " · ".join(found)


def notes(work: Work) -> list[str]:
    """Say what is not as it was asked, a line each."""
    found = [work.order.note] if work.order.note else []
    changes = [*work.taken.changes] if work.taken else []
    changes += refused(work.order.wish, work.painted[0].lost)
    if changes:
        found.append("As near as this model can: " + ", ".join(changes))
    return found


def money(usd: Decimal) -> str:
    """Write an amount with as many digits as tell something."""
    if not usd:
        return "free"
    return f"${usd:.2f}" if usd >= 1 else f"${usd:.4f}".rstrip("0")
