"""TODO docstring."""

from dataclasses import replace

from ..assistant import captions
from ..assistant.images import Studio, Work
from ..core.errors import AllFailed, AmbrosioError, HugePicture, Overloaded, Rejected, Unwelcome
from ..core.images import Picture
from ..core.messages import Button, Chunk, Entity, File, Outgoing
from ..markdown import plain
from ..markdown.splitting import units
from .answer_view import notice

CAPTION_UNITS = 1024
# Telegram shows as a photo what is within these; everything else travels as a document.
PHOTO_BYTES = 10 * 1024 * 1024
PHOTO_SIDES = 10_000
PHOTO_RATIO = 20
BUTTONS = (
    Button("Again", "again:{turn}"),
    Button("Vary", "vary:{turn}"),
    Button("×4", "four:{turn}"),
    Button("File", "file:{turn}"),
)
RETRY = Button("Retry", "paint:{turn}")


def compose(work: Work, studio: Studio, *, reply_to: int | None = None) -> list[Outgoing]:
    """Make messages of what came of an order: photos together, what is too large for one behind."""
    place = work.order.turn.place
    if not work.painted:
        line = failed(work.failure) if work.failure else "Stopped."
        return notice(place, line, buttons=(RETRY,), reply_to=reply_to)
    outgoing = [Outgoing(place, files=files, silent=True) for files in _grouped(work)]
    caption = _caption(work, studio)
    outgoing[0] = replace(outgoing[0], chunk=caption, reply_to=reply_to, silent=False)
    buttons = (*BUTTONS, RETRY) if work.missing else BUTTONS
    if len(work.painted) == 1:
        outgoing[0] = replace(outgoing[0], buttons=buttons)
    else:
        # An album takes no buttons.
        chunk = plain(f"{len(work.painted)} pictures. What next?")
        outgoing.append(Outgoing(place, chunk, buttons=buttons, silent=True))
    return outgoing


def failed(failure: AmbrosioError) -> str:
    """Say in a line why there is no picture, and what helps."""
    causes = failure.causes if isinstance(failure, AllFailed) else [failure]
    if len(causes) > 1:
        return f"Nobody could paint it: {failure}. Press Retry in a moment."
    [cause] = causes
    match cause:
        case Overloaded() if cause.retry_after_seconds:
            return f"{cause.happened} Press Retry in {cause.retry_after_seconds:.0f} s."
        case Unwelcome() | HugePicture():
            return cause.sentence
        case Rejected():
            return f"{cause.happened} Try fewer options, or another model with --model."
        case _ if not cause.again:
            return cause.sentence
        case _:
            return f"{cause.happened} Your prompt is kept: press Retry."


def fits_photo(picture: Picture) -> bool:
    """Say whether Telegram takes a picture as a photo."""
    sides = (picture.width, picture.height)
    fits = sum(sides) <= PHOTO_SIDES and max(sides) <= PHOTO_RATIO * min(sides)
    return fits and len(picture.content) <= PHOTO_BYTES


def _grouped(work: Work) -> list[tuple[File, ...]]:
    files = [
        File(
            captions.name(picture),
            photo=fits_photo(picture) and not work.order.originals,
            picture=number,
        )
        for number, picture in enumerate(work.pictures)
    ]
    groups = [[file for file in files if file.photo is kind] for kind in (True, False)]
    return [tuple(group) for group in groups if group]


def _caption(work: Work, studio: Studio) -> Chunk:
    """Put the prompt over what it was made with, and cut the prompt if both are too long."""
    details = plain("\n".join([captions.details(work, studio), *_notes(work)]))
    length = units(details.text)
    prompt = _cut(work.order.wish.prompt, CAPTION_UNITS - length - 2)
    italic = Entity("italic", units(prompt) + 2, length)
    return Chunk(f"{prompt}\n\n{details.text}", (italic,))


def _notes(work: Work) -> list[str]:
    notes = captions.notes(work)
    if work.missing:
        have = f"{len(work.painted)} of {len(work.seeds)}"
        why = failed(work.failure) if work.failure else "Stopped." if work.stopped else ""
        notes.append(f"{have}. {why}".strip())
    return notes


def _cut(text: str, most: int) -> str:
    """Cut a text to so many UTF-16 units, never through a character."""
    if units(text) <= most:
        return text
    kept = text.encode("utf-16-le")[: 2 * (most - 1)].decode("utf-16-le", "ignore")
    return kept.rstrip() + "…"
