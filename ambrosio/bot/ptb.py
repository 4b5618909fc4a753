"""Conversions between our values and python-telegram-bot's."""

from datetime import UTC, datetime

import httpx
import telegram
from telegram.error import NetworkError, RetryAfter, TelegramError

from ..core.failure_reasons import clean_reason, connection_reason
from ..core.messages import Button, FormattedText, OutgoingMessage
from . import callback_data

# A model's link is fetched by Telegram's servers for its preview: a leak without a click.
NO_LINK_PREVIEW = telegram.LinkPreviewOptions(is_disabled=True)
# What python-telegram-bot puts between the status and a page that came instead of an answer.
UNREADABLE_BODY = ". Parsing the server response"
# What fits side by side on a phone.
ROW_CHARACTERS = 24


def to_entities(formatted: FormattedText) -> list[telegram.MessageEntity]:
    """Return the entities of a text."""
    return [
        telegram.MessageEntity(
            entity.type,
            entity.offset,
            entity.length,
            url=entity.url or None,
            language=entity.language or None,
            unix_time=datetime.fromtimestamp(entity.unix_time, UTC) if entity.unix_time else None,
            date_time_format=entity.date_time_format or None,
        )
        for entity in formatted.entities
    ]


def to_keyboard(
    buttons: tuple[Button, ...], turn_id: int | None = None
) -> telegram.InlineKeyboardMarkup | None:
    """Lay out the buttons of a message: in the rows they name, else in one if they are short."""
    if not buttons:
        return None
    keys = [
        telegram.InlineKeyboardButton(
            button.text, callback_data=callback_data.encode(button, turn_id)
        )
        for button in buttons
    ]
    if any(button.row for button in buttons):
        rows: dict[int, list[telegram.InlineKeyboardButton]] = {}
        for button, key in zip(buttons, keys, strict=True):
            rows.setdefault(button.row, []).append(key)
        return telegram.InlineKeyboardMarkup([*rows.values()])
    if sum(len(button.text) for button in buttons) <= ROW_CHARACTERS:
        return telegram.InlineKeyboardMarkup([keys])
    return telegram.InlineKeyboardMarkup([[key] for key in keys])


def to_markup(
    outgoing: OutgoingMessage,
) -> telegram.InlineKeyboardMarkup | telegram.ForceReply | None:
    """Return the buttons of a message; one that asks for a reply opens the reader's reply to it."""
    if outgoing.asks_for_reply:
        return telegram.ForceReply(selective=True)
    return to_keyboard(outgoing.buttons, outgoing.turn_id)


def to_reply_parameters(outgoing: OutgoingMessage) -> telegram.ReplyParameters | None:
    """Return what a message replies to; if that message is gone, it is sent without."""
    # A negative id is that of a message in the group that this supergroup was.
    if outgoing.reply_to_id is None or outgoing.reply_to_id <= 0:
        return None
    return telegram.ReplyParameters(outgoing.reply_to_id, allow_sending_without_reply=True)


def reason(exc: TelegramError, said: str = "") -> str:
    """Say what went wrong with a call that carried the text `said`; for the log and for doctor."""
    if isinstance(exc, NetworkError) and isinstance(exc.__cause__, httpx.HTTPError):
        return connection_reason(exc.__cause__)
    return clean_reason(exc.message.partition(UNREADABLE_BODY)[0], said)


def retry_after_seconds(exc: RetryAfter) -> float:
    """Return for how long Telegram accepts nothing."""
    after = exc.retry_after
    return float(after) if isinstance(after, int | float) else after.total_seconds()
