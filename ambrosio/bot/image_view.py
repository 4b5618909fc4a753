"""How the result of an image order looks: album, caption, notes and buttons."""

from dataclasses import replace

from ..assistant import captions
from ..assistant.images import ImageAssistant, ImageResult
from ..config.program import advise
from ..core.errors import AmbrosioError
from ..core.images import Image
from ..core.messages import Button, Entity, File, FormattedText, OutgoingMessage
from ..core.provider_errors import (
    AllProvidersFailed,
    BadRequest,
    ContentFiltered,
    ImageTooLarge,
    Overloaded,
)
from ..markdown import plain
from ..markdown.splitting import utf16_len
from .answer_view import render_notice

MAX_CAPTION = 1024
# Telegram shows what is within these limits as a photo; the rest is sent as a document.
MAX_PHOTO_BYTES = 10 * 1024 * 1024
MAX_PHOTO_SIDES = 10_000
MAX_PHOTO_RATIO = 20
BUTTONS = (
    Button("Again", "again", with_turn=True),
    Button("Vary", "vary", with_turn=True),
    Button("×4", "four", with_turn=True),
    Button("File", "file", with_turn=True),
)
RETRY = Button("Retry", "retry_images", with_turn=True)


def render_images(
    result: ImageResult,
    assistant: ImageAssistant,
    *,
    reply_to: int | None = None,
    for_owner: bool = False,
) -> list[OutgoingMessage]:
    """Make messages of a result: the photos together, then what is too large for a photo."""
    chat = result.order.turn.chat
    if not result.done:
        failure = result.failure
        line = describe_failure(failure, for_owner=for_owner) if failure else "Stopped."
        return render_notice(chat, line, buttons=(RETRY,), reply_to=reply_to)
    outgoing = [OutgoingMessage(chat, files=files, silent=True) for files in _group_files(result)]
    caption = _caption(result, assistant)
    outgoing[0] = replace(outgoing[0], content=caption, reply_to_id=reply_to, silent=False)
    buttons = (*BUTTONS, RETRY) if result.missing else BUTTONS
    if len(result.done) == 1:
        outgoing[0] = replace(outgoing[0], buttons=buttons)
    else:
        # An album takes no buttons.
        text = plain(f"{len(result.done)} images. What next?")
        outgoing.append(OutgoingMessage(chat, text, buttons=buttons, silent=True))
    return outgoing


def describe_failure(failure: AmbrosioError, *, for_owner: bool = False) -> str:
    """Describe in a line why there is no image, and what helps."""
    causes = failure.causes if isinstance(failure, AllProvidersFailed) else [failure]
    if len(causes) > 1:
        return f"No provider could make it: {failure}. Press Retry in a moment."
    [cause] = causes
    message = advise(cause.owner_message if for_owner else cause.user_message)
    match cause:
        case Overloaded() if cause.retry_after_seconds:
            return f"{cause.problem_text} Press Retry in {cause.retry_after_seconds:.0f} s."
        case ContentFiltered() | ImageTooLarge():
            return message
        case BadRequest():
            return f"{cause.problem_text} Try fewer options, or another model with --model."
        case _ if not cause.retryable:
            return message
        case _:
            return f"{cause.problem_text} Your prompt is kept: press Retry."


def fits_photo(image: Image) -> bool:
    """Say whether Telegram accepts an image as a photo."""
    sides = (image.width, image.height)
    fits = sum(sides) <= MAX_PHOTO_SIDES and max(sides) <= MAX_PHOTO_RATIO * min(sides)
    return fits and len(image.content) <= MAX_PHOTO_BYTES


def _group_files(result: ImageResult) -> list[tuple[File, ...]]:
    files = [
        File(
            captions.name(image),
            is_photo=fits_photo(image) and not result.order.originals,
            image_number=number,
        )
        for number, image in enumerate(result.images)
    ]
    groups = [[file for file in files if file.is_photo is kind] for kind in (True, False)]
    return [tuple(group) for group in groups if group]


def _caption(result: ImageResult, assistant: ImageAssistant) -> FormattedText:
    """Put the prompt above the details, and cut the prompt if both are too long."""
    details = plain("\n".join([captions.details(result, assistant), *_notes(result)]))
    length = utf16_len(details.text)
    prompt = _truncate(result.order.prompt.prompt, MAX_CAPTION - length - 2)
    italic = Entity("italic", utf16_len(prompt) + 2, length)
    return FormattedText(f"{prompt}\n\n{details.text}", (italic,))


def _notes(result: ImageResult) -> list[str]:
    notes = captions.notes(result)
    if result.missing:
        have = f"{len(result.done)} of {len(result.seeds)}"
        why = (
            describe_failure(result.failure)
            if result.failure
            else "Stopped."
            if result.stopped
            else ""
        )
        notes.append(f"{have}. {why}".strip())
    return notes


def _truncate(text: str, max_units: int) -> str:
    """Cut a text to `max_units` UTF-16 units, never through a character."""
    if utf16_len(text) <= max_units:
        return text
    kept = text.encode("utf-16-le")[: 2 * (max_units - 1)].decode("utf-16-le", "ignore")
    return kept.rstrip() + "…"
