"""The methods that add to a chat: messages, files, drafts, actions."""

from .. import Json
from .chats import THINKING, Draft, ShownAction, to_entities
from .errors import BotApiError, bad
from .keyboards import read_markup
from .state import MethodCall, ServerState, find_topic_id, placement

MAX_TEXT = 4096
MAX_CAPTION = 1024
MAX_RICH = 32_768
ACTIONS = {
    "typing",
    "upload_photo",
    "record_video",
    "upload_video",
    "record_voice",
    "upload_voice",
    "upload_document",
    "choose_sticker",
    "find_location",
    "record_video_note",
    "upload_video_note",
}


def send_message(state: ServerState, request: MethodCall) -> Json:
    """Send a text."""
    chat = state.find_chat(request)
    content = text_content(state, request.params) | read_markup(request.params)
    return state.post(chat, request, content)


def send_rich_message(state: ServerState, request: MethodCall) -> Json:
    """Send a rich message; its Markdown is stored unchanged."""
    chat = state.find_chat(request)
    content = rich_content(request.params) | read_markup(request.params)
    return state.post(chat, request, content)


def send_photo(state: ServerState, request: MethodCall) -> Json:
    """Send a photo."""
    chat = state.find_chat(request)
    content = {"photo": state.files.photo(_file(state, request, "photo"))}
    content |= caption_content(state, request.params) | read_markup(request.params)
    return state.post(chat, request, content)


def send_document(state: ServerState, request: MethodCall) -> Json:
    """Send a file."""
    chat = state.find_chat(request)
    content: Json = {"document": state.files.document(_file(state, request, "document"))}
    content |= caption_content(state, request.params) | read_markup(request.params)
    return state.post(chat, request, content)


def send_voice(state: ServerState, request: MethodCall) -> Json:
    """Send a voice note; what is no OGG/Opus, MP3 or M4A arrives as a file."""
    chat = state.find_chat(request)
    if chat.refuses_voice:
        raise bad("VOICE_MESSAGES_FORBIDDEN")
    seconds, file_id = int(request.params.get("duration", 0)), _file(state, request, "voice")
    content: Json = {"document": state.files.document(file_id)}
    if state.files.is_voice(file_id):
        content = {"voice": state.files.voice(file_id, seconds)}
    content |= caption_content(state, request.params) | read_markup(request.params)
    return state.post(chat, request, content)


def send_audio(state: ServerState, request: MethodCall) -> Json:
    """Send a sound file."""
    chat = state.find_chat(request)
    audio = state.files.document(_file(state, request, "audio"))
    content: Json = {"audio": {**audio, "duration": int(request.params.get("duration", 0))}}
    content |= caption_content(state, request.params) | read_markup(request.params)
    return state.post(chat, request, content)


def send_media_group(state: ServerState, request: MethodCall) -> list[Json]:
    """Send an album, all of it or nothing."""
    chat = state.find_chat(request)
    media = request.params["media"]
    if not 2 <= len(media) <= 10:
        raise bad("group send failed: an album has 2 to 10 items")
    kinds = {item["type"] for item in media}
    if len(kinds) > 1 and not kinds <= {"photo", "video"}:
        raise bad("document can't be mixed with other media types")
    if not kinds <= {"photo", "document"}:
        raise bad("this server supports only photos and documents")
    placement(chat, request.params)
    contents = [_item(state, request, item) for item in media]
    state.albums += 1
    album = {"media_group_id": str(state.albums)}
    return [state.post(chat, request, content | album) for content in contents]


def send_message_draft(state: ServerState, request: MethodCall) -> bool:
    """Show a partial text."""
    params, chat = request.params, state.find_chat(request)
    _check_draft(params, is_private=chat.is_private)
    text, entities = state.clean_text(
        params.get("text", ""),
        params.get("entities"),
        max_length=MAX_TEXT,
        too_long="text is too long",
    )
    draft = Draft(
        draft_id=params["draft_id"],
        text=text or THINKING,
        entities=to_entities(entities),
        topic=find_topic_id(chat, params),
        at=state.now(),
        can_stop=bool(params.get("can_stop")),
        keep_on_stop=bool(params.get("keep_on_stop")),
    )
    return state.show_draft(chat, draft)


def send_rich_message_draft(state: ServerState, request: MethodCall) -> bool:
    """Show a partial rich message."""
    params, chat = request.params, state.find_chat(request)
    _check_draft(params, is_private=chat.is_private)
    draft = Draft(
        draft_id=params["draft_id"],
        text=_read_rich_text(params, empty=THINKING),
        entities=(),
        topic=find_topic_id(chat, params),
        at=state.now(),
        can_stop=bool(params.get("can_stop")),
        keep_on_stop=bool(params.get("keep_on_stop")),
        rich=True,
    )
    return state.show_draft(chat, draft)


def send_chat_action(state: ServerState, request: MethodCall) -> bool:
    """Show `typing…` or another action."""
    chat, name = state.find_chat(request), request.params["action"]
    if name not in ACTIONS:
        raise bad("wrong parameter action in request")
    topic = find_topic_id(chat, request.params)
    chat.actions.append(ShownAction(name, topic, state.now()))
    state.events.publish("action", chat=chat.id, topic=topic, action=name)
    return True


def text_content(state: ServerState, params: Json) -> Json:
    """Return the content of a text message, or raise `BotApiError`."""
    text, entities = state.clean_text(
        params.get("text", ""),
        params.get("entities"),
        max_length=MAX_TEXT,
        too_long="message is too long",
    )
    if not text:
        raise bad("message text is empty")
    content: Json = {"text": text}
    if entities:
        content["entities"] = entities
    if preview := params.get("link_preview_options"):
        content["link_preview_options"] = preview
    elif params.get("disable_web_page_preview"):
        content["link_preview_options"] = {"is_disabled": True}
    return content


def caption_content(state: ServerState, params: Json) -> Json:
    """Return the caption of a file, or raise `BotApiError`."""
    text, entities = state.clean_text(
        params.get("caption", ""),
        params.get("caption_entities"),
        max_length=MAX_CAPTION,
        too_long="message caption is too long",
    )
    content: Json = {"caption": text} if text else {}
    if text and entities:
        content["caption_entities"] = entities
    return content


def rich_content(params: Json) -> Json:
    """Return the content of a rich message, or raise `BotApiError`."""
    return {"rich_message": {"blocks": [{"type": "paragraph", "text": _read_rich_text(params)}]}}


def _read_rich_text(params: Json, empty: str = "") -> str:
    rich = params["rich_message"]
    forms = [form for form in ("markdown", "html", "blocks") if form in rich]
    if len(forms) != 1:
        raise bad("exactly one of markdown, html and blocks must be specified")
    text = str(rich[forms[0]]).strip() or empty
    if not text:
        raise bad("message text is empty")
    if len(text) > MAX_RICH:
        raise bad("message is too long")
    return text


def _check_draft(params: Json, *, is_private: bool) -> None:
    if not is_private:
        raise bad("TEXTDRAFT_PEER_INVALID")
    if not params["draft_id"]:
        raise bad("draft_id must be non-zero")


def _file(state: ServerState, request: MethodCall, name: str) -> str:
    """Return the `file_id` of an upload in the request, or of a file already stored."""
    if name in request.files:
        return state.files.accept_upload(request.files[name])
    return _resolve_file(state, request, str(request.params.get(name, "")))


def _resolve_file(state: ServerState, request: MethodCall, source: str) -> str:
    if not source.startswith("attach://"):
        state.files.get(source)
        return source
    upload = request.files.get(source.removeprefix("attach://"))
    if upload is None:
        raise BotApiError(400, "Bad Request: there is no file in the request by that name")
    return state.files.accept_upload(upload)


def _item(state: ServerState, request: MethodCall, item: Json) -> Json:
    file_id = _resolve_file(state, request, item["media"])
    caption = caption_content(state, item)
    if item["type"] == "photo":
        return {"photo": state.files.photo(file_id), **caption}
    return {"document": state.files.document(file_id), **caption}
