"""The methods that change a chat: edits, deletions, reactions, answers to buttons."""

from .. import Json
from .chats import FakeChat
from .errors import bad
from .keyboards import read_markup
from .send_methods import caption_content, rich_content, text_content
from .state import MethodCall, ServerState

# Telegram does not document how long a pressed button waits; this is our choice.
QUERY_SECONDS = 60.0
NOT_MODIFIED = (
    "message is not modified: specified new message content and reply markup are exactly the same "
    "as a current content and reply markup of the message"
)
CONTENT = (
    "text",
    "entities",
    "link_preview_options",
    "rich_message",
    "caption",
    "caption_entities",
    "reply_markup",
)
_REACTION_ROWS = (
    "👍 👎 ❤ 🔥 🥰 👏 😁 🤔 🤯 😱 🤬 😢 🎉 🤩 🤮 💩 🙏 👌 🕊 🤡",
    "🥱 🥴 😍 🐳 ❤‍🔥 🌚 🌭 💯 🤣 ⚡ 🍌 🏆 💔 🤨 😐 🍓 🍾 💋 🖕 😈",
    "😴 😭 🤓 👻 👨‍💻 👀 🎃 🙈 😇 😨 🤝 ✍ 🤗 🫡 🎅 🎄 ☃ 💅 🤪 🗿",
    "🆒 💘 🙉 🦄 😘 💊 🙊 😎 👾 🤷‍♂ 🤷 🤷‍♀ 😡",
)
REACTIONS = frozenset(emoji for row in _REACTION_ROWS for emoji in row.split())


def edit_message_text(state: ServerState, request: MethodCall) -> Json:
    """Edit the text of a message."""
    chat, message = _find_own_message(state, request)
    if "text" not in message and "rich_message" not in message:
        raise bad("there is no text in the message to edit")
    rich = "rich_message" in request.params
    content = rich_content(request.params) if rich else text_content(state, request.params)
    return _edit(state, chat, message, content | read_markup(request.params))


def edit_message_caption(state: ServerState, request: MethodCall) -> Json:
    """Edit the caption of a file."""
    chat, message = _find_own_message(state, request)
    if not message.keys() & {"photo", "document", "voice", "audio"}:
        raise bad("there is no caption in the message to edit")
    content = caption_content(state, request.params) | read_markup(request.params)
    return _edit(state, chat, message, content)


def edit_message_reply_markup(state: ServerState, request: MethodCall) -> Json:
    """Edit the buttons of a message; what is in an album has none and gets none."""
    chat, message = _find_own_message(state, request)
    kept = {key: message[key] for key in CONTENT[:-1] if key in message}
    markup = {} if "media_group_id" in message else read_markup(request.params)
    content = kept | markup
    return _edit(state, chat, message, content, mark_edited=False)


def delete_message(state: ServerState, request: MethodCall) -> bool:
    """Delete a message."""
    chat = state.find_chat(request)
    message = chat.message(request.params["message_id"], "to delete")
    if not chat.is_private and not message["from"]["is_bot"]:
        raise bad("message can't be deleted")
    return _delete(state, chat, [message["message_id"]])


def delete_messages(state: ServerState, request: MethodCall) -> bool:
    """Delete several messages; unknown ids are ignored."""
    chat, message_ids = state.find_chat(request), request.params["message_ids"]
    if not 1 <= len(message_ids) <= 100:
        raise bad("1 to 100 messages can be deleted at once")
    return _delete(state, chat, [id_ for id_ in message_ids if id_ in chat.messages])


def set_message_reaction(state: ServerState, request: MethodCall) -> bool:
    """Set or remove the reaction to a message."""
    chat = state.find_chat(request)
    message = chat.message(request.params.get("message_id"), "to react")
    emoji = [reaction.get("emoji", "") for reaction in request.params.get("reaction") or []]
    if len(emoji) > 1:
        raise bad("REACTIONS_TOO_MANY")
    if any(symbol.replace("\ufe0f", "") not in REACTIONS for symbol in emoji):
        raise bad("REACTION_INVALID")
    chat.reactions[message["message_id"]] = "".join(emoji)
    state.events.publish("reaction", chat=chat.id, id=message["message_id"], emoji="".join(emoji))
    return True


def answer_callback_query(state: ServerState, request: MethodCall) -> bool:
    """Answer a pressed button, which stops its spinner."""
    query = state.queries.get(request.params["callback_query_id"])
    if query is None or state.now() - query.at > QUERY_SECONDS:
        raise bad("query is too old and response timeout expired or query ID is invalid")
    if len(request.params.get("text", "")) > 200:
        raise bad("MESSAGE_TOO_LONG")
    query.answer = {
        "text": request.params.get("text", ""),
        "show_alert": bool(request.params.get("show_alert")),
    }
    state.events.publish("answer", chat=query.chat, **query.answer)
    return True


def _find_own_message(state: ServerState, request: MethodCall) -> tuple[FakeChat, Json]:
    chat = state.find_chat(request)
    message = chat.message(request.params.get("message_id"), "to edit")
    # Of its own messages a bot may edit those without a markup or with buttons.
    if message["from"]["id"] != state.me["id"] or message["message_id"] in chat.fixed:
        raise bad("message can't be edited")
    return chat, message


def _edit(
    state: ServerState, chat: FakeChat, message: Json, content: Json, *, mark_edited: bool = True
) -> Json:
    current = {key: message[key] for key in CONTENT if key in message}
    if _without_preview_options(content) == _without_preview_options(current):
        raise bad(NOT_MODIFIED)
    for key in CONTENT:
        message.pop(key, None)
    message |= content
    if mark_edited:
        message["edit_date"] = int(state.now())
    state.events.publish("edited", chat=chat.id, message=message)
    return message


def _without_preview_options(content: Json) -> Json:
    # Telegram ignores link preview options when it compares.
    return {key: value for key, value in content.items() if key != "link_preview_options"}


def _delete(state: ServerState, chat: FakeChat, message_ids: list[int]) -> bool:
    for message_id in message_ids:
        del chat.messages[message_id]
    state.events.publish("deleted", chat=chat.id, ids=message_ids)
    return True
