"""Telegram's rules for inline keyboards."""

from .. import Json
from .entities import is_valid_link
from .errors import bad

ACTIONS = {
    "url",
    "callback_data",
    "web_app",
    "login_url",
    "switch_inline_query",
    "switch_inline_query_current_chat",
    "switch_inline_query_chosen_chat",
    "copy_text",
    "callback_game",
    "pay",
    "disabled",
}


def read_markup(params: Json) -> Json:
    """Return the keyboard as part of a message (nothing if empty), or raise `BotApiError`."""
    markup = params.get("reply_markup") or {}
    rows = [row for row in markup.get("inline_keyboard", []) if row]
    for row in rows:
        for button in row:
            _check_button(button)
    return {"reply_markup": {**markup, "inline_keyboard": rows}} if rows else {}


def _check_button(button: Json) -> None:
    if not str(button.get("text", "")).strip():
        raise bad("BUTTON_TEXT_INVALID")
    if len(ACTIONS & button.keys()) != 1:
        raise bad("BUTTON_TYPE_INVALID")
    if "callback_data" in button and not 1 <= len(button["callback_data"].encode()) <= 64:
        raise bad("BUTTON_DATA_INVALID")
    if "url" in button and not is_valid_link(button["url"]):
        raise bad("BUTTON_URL_INVALID")
    if "copy_text" in button and not 1 <= len(button["copy_text"].get("text", "")) <= 256:
        raise bad("BUTTON_COPY_TEXT_INVALID")
