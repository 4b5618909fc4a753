"""What a person can do in the page: each deed is done at the emulator as a phone would do it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from ..emulators.botapi.chats import FakeChat
from ..emulators.botapi.errors import BotApiError, bad
from ..emulators.botapi.events import Json
from ..emulators.botapi.files import Upload
from ..emulators.botapi.state import quoted
from ..emulators.botapi.users import UserChat
from .session import DemoSession

# Telegram's apps stop the wheel on a button after a while, too.
BUTTON_SECONDS = 30.0
MAX_FILES = 10


@dataclass(frozen=True, slots=True)
class ActionRequest:
    """What the page asks for: by whom, in which chat, and with which files."""

    fields: Json
    files: Mapping[str, Upload] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The words that go with it."""
        return str(self.fields.get("text", "")).strip()

    def seat(self, stage: DemoSession) -> UserChat:
        """Find who does it, and where."""
        return stage.seat(self.fields.get("chat"), self.fields.get("person"))

    def message(self, chat: FakeChat, purpose: str) -> Json:
        """Find the message that it is about, or refuse."""
        return chat.message(self.fields.get("message"), purpose)


async def do(stage: DemoSession, action: str, wish: ActionRequest) -> Json:
    """Do it, or refuse as Telegram would."""
    if action not in ACTIONS:
        raise BotApiError(404, "Not Found")
    return await ACTIONS[action](stage, wish)


async def say(stage: DemoSession, wish: ActionRequest) -> Json:
    """Write a message."""
    if not wish.text:
        raise bad("message text is empty")
    number = await wish.seat(stage).say(wish.text, reply_to=wish.fields.get("reply_to"))
    return {"message": number}


async def edit(stage: DemoSession, wish: ActionRequest) -> Json:
    """Write one of the own messages anew."""
    seat = wish.seat(stage)
    message = wish.message(seat.chat, "to edit")
    if message["from"]["id"] != seat.user["id"]:
        raise bad("message can't be edited")
    await seat.edit(message["message_id"], wish.text)
    return {}


async def send(stage: DemoSession, wish: ActionRequest) -> Json:
    """Send files: photos (several make an album), documents, or a voice note."""
    if not 1 <= len(wish.files) <= MAX_FILES:
        raise bad(f"1 to {MAX_FILES} files can be sent at once")
    seat, caption = wish.seat(stage), wish.text
    fields: Json = {}
    if (replied := wish.fields.get("reply_to")) is not None:
        fields["reply_to_message"] = quoted(seat.chat.message(replied, "to be replied"))
    album = f"page-{seat.chat.last_id + 1}" if len(wish.files) > 1 else ""
    for upload in wish.files.values():
        match wish.fields.get("kind"):
            case "photo":
                await seat.send_photo(upload.content, caption=caption, album=album, **fields)
            case "voice":
                seconds = int(wish.fields.get("seconds", 1))
                await seat.send_voice(upload.content, seconds=seconds, **fields)
            case _:
                await seat.send_document(
                    upload.content, upload.name, caption=caption, mime=upload.mime, **fields
                )
        caption = ""
    return {}


async def press(stage: DemoSession, wish: ActionRequest) -> Json:
    """Press a button and wait for what the bot says to that."""
    seat = wish.seat(stage)
    query = seat.tap_data(str(wish.fields.get("data", "")), int(wish.fields.get("message", 0)))
    try:
        await stage.api.signal.until(lambda: query.answer is not None, seconds=BUTTON_SECONDS)
    except TimeoutError:
        return {}
    return query.answer or {}


async def stop(stage: DemoSession, wish: ActionRequest) -> Json:
    """Press Stop under a draft; one that has just ended needs no stopping."""
    seat = wish.seat(stage)
    if (draft := seat.shown_draft) and draft.can_stop:
        seat.stop_draft()
    return {}


async def restart(stage: DemoSession, wish: ActionRequest) -> Json:
    """Kill the bot's process as a crash would, if it lives, and start a new one."""
    del wish
    stage.wanted.set()
    return {}


ACTIONS: Mapping[str, Callable[[DemoSession, ActionRequest], Awaitable[Json]]] = {
    "say": say,
    "edit": edit,
    "send": send,
    "press": press,
    "stop": stop,
    "restart": restart,
}
