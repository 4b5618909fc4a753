"""Our values in the form that python-telegram-bot wants."""

import telegram
from telegram.error import RetryAfter

from ..core.messages import Button, FormattedText, OutgoingMessage

# A model's link is fetched by Telegram's servers for its preview: a leak without a click.
NO_LINK_PREVIEW = telegram.LinkPreviewOptions(is_disabled=True)
# What fits side by side on a phone.
ROW_CHARACTERS = 24


def to_entities(chunk: FormattedText) -> list[telegram.MessageEntity]:
    """Give a chunk's formatting."""
    return [
        telegram.MessageEntity(
            each.type,
            each.offset,
            each.length,
            url=each.url or None,
            language=each.language or None,
        )
        for each in chunk.entities
    ]


def to_keyboard(buttons: tuple[Button, ...]) -> telegram.InlineKeyboardMarkup | None:
    """Lay buttons out: one row for a few short ones, else one below the other."""
    if not buttons:
        return None
    keys = [telegram.InlineKeyboardButton(each.text, callback_data=each.data) for each in buttons]
    if sum(len(each.text) for each in buttons) <= ROW_CHARACTERS:
        return telegram.InlineKeyboardMarkup([keys])
    return telegram.InlineKeyboardMarkup([[key] for key in keys])


def to_reply_parameters(outgoing: OutgoingMessage) -> telegram.ReplyParameters | None:
    """Say what a message replies to; if that is gone, it goes without."""
    if outgoing.reply_to_id is None:
        return None
    return telegram.ReplyParameters(outgoing.reply_to_id, allow_sending_without_reply=True)


def retry_after_seconds(exc: RetryAfter) -> float:
    """Read how long Telegram wants to be left alone."""
    after = exc.retry_after
    return float(after) if isinstance(after, int | float) else after.total_seconds()
