"""The methods about the bot itself, its chats and its files."""

import json
import re

from .. import Json
from .chats import FakeChat
from .errors import BotApiError, bad
from .state import MethodCall, ServerState
from .update_queue import webhook_info


def get_me(state: ServerState, request: MethodCall) -> Json:
    """Return the bot's user."""
    del request
    return state.me


def set_webhook(state: ServerState, request: MethodCall) -> bool:
    """Set the webhook URL; nothing is ever delivered there."""
    params = request.params
    url = params.get("url", "")
    state.updates.set_webhook(url, drop_pending=bool(params.get("drop_pending_updates")))
    return True


def delete_webhook(state: ServerState, request: MethodCall) -> bool:
    """Remove the webhook, so that getUpdates works again."""
    drop = bool(request.params.get("drop_pending_updates"))
    state.updates.set_webhook("", drop_pending=drop)
    return True


def get_webhook_info(state: ServerState, request: MethodCall) -> Json:
    """Return the webhook URL and the number of pending updates."""
    del request
    return webhook_info(state.updates)


def set_my_commands(state: ServerState, request: MethodCall) -> bool:
    """Set the command menu of a scope and language."""
    commands = request.params["commands"]
    if len(commands) > 100:
        raise bad("BOT_COMMANDS_TOO_MUCH")
    for command in commands:
        if not re.fullmatch(r"[a-z0-9_]{1,32}", command["command"]):
            raise bad("BOT_COMMAND_INVALID")
        if not 1 <= len(command["description"]) <= 256:
            raise bad("BOT_COMMAND_DESCRIPTION_INVALID")
    state.commands[menu_key(request.params)] = commands
    return True


def get_my_commands(state: ServerState, request: MethodCall) -> list[Json]:
    """Return the command menu of exactly this scope and language."""
    return state.commands.get(menu_key(request.params), [])


def delete_my_commands(state: ServerState, request: MethodCall) -> bool:
    """Delete a command menu."""
    state.commands.pop(menu_key(request.params), None)
    return True


def set_my_description(state: ServerState, request: MethodCall) -> bool:
    """Set the description shown in an empty chat."""
    return _describe(state, request, "description", 512)


def set_my_short_description(state: ServerState, request: MethodCall) -> bool:
    """Set the description shown in the profile."""
    return _describe(state, request, "short_description", 120)


def set_chat_menu_button(state: ServerState, request: MethodCall) -> bool:
    """Set the menu button next to the input field."""
    state.profile["menu_button"] = request.params.get("menu_button", {"type": "default"})
    return True


def get_file(state: ServerState, request: MethodCall) -> Json:
    """Return the download path of a file."""
    return state.files.info(request.params["file_id"])


def get_chat(state: ServerState, request: MethodCall) -> Json:
    """Describe a chat."""
    gifts = dict.fromkeys(
        (
            "unlimited_gifts",
            "limited_gifts",
            "unique_gifts",
            "premium_subscription",
            "gifts_from_channels",
        ),
        False,
    )
    extra = {"accent_color_id": 0, "max_reaction_count": 11, "accepted_gift_types": gifts}
    return {**state.find_chat(request).description, **extra}


def leave_chat(state: ServerState, request: MethodCall) -> bool:
    """Leave a group."""
    chat = state.find_chat(request)
    if chat.is_private:
        raise bad("chat not found")
    close(state, chat, BotApiError(403, "Forbidden: bot is not a member of the supergroup chat"))
    return True


def close(state: ServerState, chat: FakeChat, refusal: BotApiError) -> None:
    """Refuse all further calls of the bot in the chat."""
    chat.closed = refusal
    state.events.publish("closed", chat=chat.id, why=refusal.description)


def menu_key(params: Json) -> str:
    """Return the key of a command menu: its scope and language."""
    scope = params.get("scope") or {"type": "default"}
    return json.dumps([scope, params.get("language_code", "")], sort_keys=True)


def menu(state: ServerState, chat: FakeChat, user_id: int) -> list[Json]:
    """Return the commands a user sees in a chat: those of the narrowest scope that is set."""
    everywhere = "all_private_chats" if chat.is_private else "all_group_chats"
    scopes: list[Json] = [
        {"type": "chat_member", "chat_id": chat.id, "user_id": user_id},
        {"type": "chat", "chat_id": chat.id},
        {"type": everywhere},
        {"type": "default"},
    ]
    menus = (state.commands.get(menu_key({"scope": scope})) for scope in scopes)
    return next((commands for commands in menus if commands), [])


def _describe(state: ServerState, request: MethodCall, name: str, max_length: int) -> bool:
    text = request.params.get(name, "")
    if len(text) > max_length:
        raise bad(f"{name.upper()}_INVALID")
    state.profile[name] = text
    return True
