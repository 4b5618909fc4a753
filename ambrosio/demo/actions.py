"""What a user can do on the page; each action reaches the emulator as if from a phone."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from ..emulators import Json
from ..emulators.botapi.chats import FakeChat
from ..emulators.botapi.errors import BotApiError, bad
from ..emulators.botapi.files import Upload
from ..emulators.botapi.state import quote
from ..emulators.botapi.users import UserChat
from .model_download import ModelDownload
from .model_offer import find_offer, list_offers
from .session import DemoSession

# Telegram's apps stop the spinner on a button after a while, too.
BUTTON_SECONDS = 30.0
MAX_FILES = 10


@dataclass(frozen=True, slots=True)
class ActionRequest:
    """A request from the page: who acts, in which chat, and with which files."""

    fields: Json
    files: Mapping[str, Upload] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The text sent with it."""
        return str(self.fields.get("text", "")).strip()

    def user_chat(self, session: DemoSession) -> UserChat:
        """Find the acting user and the chat, or raise `BotApiError`."""
        return session.user_chat(self.fields.get("chat"), self.fields.get("person"))

    def message(self, chat: FakeChat, purpose: str) -> Json:
        """Find the message the action is about, or raise `BotApiError`."""
        return chat.message(self.fields.get("message"), purpose)


async def do(session: DemoSession, action: str, request: ActionRequest) -> Json:
    """Run an action, or raise `BotApiError` where Telegram would refuse it."""
    if action not in ACTIONS:
        raise BotApiError(404, "Not Found")
    return await ACTIONS[action](session, request)


async def say(session: DemoSession, request: ActionRequest) -> Json:
    """Send a text message."""
    if not request.text:
        raise bad("message text is empty")
    user_chat = request.user_chat(session)
    message_id = await user_chat.say(request.text, reply_to=request.fields.get("reply_to"))
    return {"message": message_id}


async def edit(session: DemoSession, request: ActionRequest) -> Json:
    """Edit one of the user's own messages."""
    user_chat = request.user_chat(session)
    message = request.message(user_chat.chat, "to edit")
    if message["from"]["id"] != user_chat.user["id"]:
        raise bad("message can't be edited")
    await user_chat.edit(message["message_id"], request.text)
    return {}


async def send(session: DemoSession, request: ActionRequest) -> Json:
    """Send files: photos (several form an album), documents, or a voice note."""
    if not 1 <= len(request.files) <= MAX_FILES:
        raise bad(f"1 to {MAX_FILES} files can be sent at once")
    user_chat, caption = request.user_chat(session), request.text
    fields: Json = {}
    if (reply_to := request.fields.get("reply_to")) is not None:
        fields["reply_to_message"] = quote(user_chat.chat.message(reply_to, "to be replied"))
    album = f"page-{user_chat.chat.last_id + 1}" if len(request.files) > 1 else ""
    for upload in request.files.values():
        match request.fields.get("kind"):
            case "photo":
                await user_chat.send_photo(upload.content, caption=caption, album=album, **fields)
            case "voice":
                seconds = int(request.fields.get("seconds", 1))
                await user_chat.send_voice(upload.content, seconds=seconds, **fields)
            case _:
                await user_chat.send_document(
                    upload.content, upload.name, caption=caption, mime=upload.mime, **fields
                )
        caption = ""
    return {}


async def press(session: DemoSession, request: ActionRequest) -> Json:
    """Press a button and wait for the bot's answer to it."""
    user_chat, fields = request.user_chat(session), request.fields
    query = user_chat.tap_data(str(fields.get("data", "")), int(fields.get("message", 0)))
    try:
        await session.api.events.wait_until(
            lambda: query.answer is not None, seconds=BUTTON_SECONDS
        )
    except TimeoutError:
        return {}
    return query.answer or {}


async def stop(session: DemoSession, request: ActionRequest) -> Json:
    """Press Stop under a draft; does nothing if the draft has just ended."""
    user_chat = request.user_chat(session)
    if (draft := user_chat.shown_draft) and draft.can_stop:
        user_chat.stop_draft()
    return {}


async def restart(session: DemoSession, request: ActionRequest) -> Json:
    """Kill the bot's process if it is running, as a crash would, and start a new one."""
    del request
    session.restart_requested.set()
    return {}


async def models(session: DemoSession, request: ActionRequest) -> Json:
    """List the models that can be downloaded."""
    del request
    return list_offers(_download_of(session).models_dir)


async def download(session: DemoSession, request: ActionRequest) -> Json:
    """Download an offered model, which answers as soon as it is complete."""
    model = find_offer(request.fields.get("reference"))
    if model is None:
        raise bad("this model is not offered")
    _download_of(session).start(model)
    return {}


async def cancel(session: DemoSession, request: ActionRequest) -> Json:
    """Cancel the download."""
    del request
    _download_of(session).cancel()
    return {}


def _download_of(session: DemoSession) -> ModelDownload:
    if session.download is None:
        raise bad("the model was chosen when the demo was started")
    return session.download


ACTIONS: Mapping[str, Callable[[DemoSession, ActionRequest], Awaitable[Json]]] = {
    "say": say,
    "edit": edit,
    "send": send,
    "press": press,
    "stop": stop,
    "restart": restart,
    "models": models,
    "download": download,
    "cancel": cancel,
}
