"""The methods about the bot itself, its chats and its files."""

import json
import re

from .. import Json
from .chats import FakeChat
from .errors import BotApiError, bad
from .state import MethodCall, ServerState
from .update_queue import webhook_info


def get_me(state: ServerState, request: MethodCall) -> Json:
    """Say who the bot is."""
    del request
    return state.me


def set_webhook(state: ServerState, request: MethodCall) -> bool:
    """Set the address for updates; nothing is ever delivered there."""
    params = request.params
    url = params.get("url", "")
    state.updates.set_webhook(url, drop_pending=bool(params.get("drop_pending_updates")))
    return True


def delete_webhook(state: ServerState, request: MethodCall) -> bool:
    """Go back to getUpdates."""
    drop = bool(request.params.get("drop_pending_updates"))
    state.updates.set_webhook("", drop_pending=drop)
    return True


def get_webhook_info(state: ServerState, request: MethodCall) -> Json:
    """Say where updates go."""
    del request
    return webhook_info(state.updates)


def set_my_commands(state: ServerState, request: MethodCall) -> bool:
    """Set the command menu of a scope and language."""
    commands = request.params["commands"]
    if len(commands) > 100:
        raise bad("BOT_COMMANDS_TOO_MUCH")
    for each in commands:
        if not re.fullmatch(r"[a-z0-9_]{1,32}", each["command"]):
            raise bad("BOT_COMMAND_INVALID")
        if not 1 <= len(each["description"]) <= 256:
            raise bad("BOT_COMMAND_DESCRIPTION_INVALID")
    state.commands[menu_key(request.params)] = commands
    return True


def get_my_commands(state: ServerState, request: MethodCall) -> list[Json]:
    """Give the command menu of exactly this scope and language."""
    return state.commands.get(menu_key(request.params), [])


def delete_my_commands(state: ServerState, request: MethodCall) -> bool:
    """Take a command menu away."""
    state.commands.pop(menu_key(request.params), None)
    return True


def set_my_description(state: ServerState, request: MethodCall) -> bool:
    """Set what an empty chat shows."""
    return _describe(state, request, "description", 512)


def set_my_short_description(state: ServerState, request: MethodCall) -> bool:
    """Set what the profile shows."""
    return _describe(state, request, "short_description", 120)


def set_chat_menu_button(state: ServerState, request: MethodCall) -> bool:
    """Set the button beside the input field."""
    state.profile["menu_button"] = request.params.get("menu_button", {"type": "default"})
    return True


def get_file(state: ServerState, request: MethodCall) -> Json:
    """Say where a file can be fetched."""
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
    """Go out of a group."""
    chat = state.find_chat(request)
    if chat.is_private:
        raise bad("chat not found")
    close(state, chat, BotApiError(403, "Forbidden: bot is not a member of the supergroup chat"))
    return True


def close(state: ServerState, chat: FakeChat, refusal: BotApiError) -> None:
    """Let the bot do nothing more in the chat."""
    chat.closed = refusal
    state.events.publish("closed", chat=chat.id, why=refusal.description)


def menu_key(params: Json) -> str:
    """Name a command menu by its scope and language."""
    scope = params.get("scope") or {"type": "default"}
    return json.dumps([scope, params.get("language_code", "")], sort_keys=True)


def menu(state: ServerState, chat: FakeChat, person: int) -> list[Json]:
    """Give the commands that a person is offered in a chat: those of the narrowest scope set."""
    everywhere = "all_private_chats" if chat.is_private else "all_group_chats"
    scopes: list[Json] = [
        {"type": "chat_member", "chat_id": chat.id, "user_id": person},
        {"type": "chat", "chat_id": chat.id},
        {"type": everywhere},
        {"type": "default"},
    ]
    menus = (state.commands.get(menu_key({"scope": scope})) for scope in scopes)
    return next((found for found in menus if found), [])


def _describe(state: ServerState, request: MethodCall, name: str, max_length: int) -> bool:
    text = request.params.get(name, "")
    if len(text) > max_length:
        raise bad(f"{name.upper()}_INVALID")
    state.profile[name] = text
    return True
