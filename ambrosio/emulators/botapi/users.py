"""Users: what they do in a chat with the bot; `chat_screen` is what they see there."""

from collections.abc import Sequence
from typing import Any

from .. import Json
from .account_methods import close
from .chat_screen import NEWEST, ChatScreen
from .chats import FakeChat
from .entities import split_text
from .errors import BotApiError
from .files import Upload, blank_png
from .links import find_entities
from .send_methods import MAX_TEXT
from .state import CallbackQuery, ServerState, quote

BLOCKED = BotApiError(403, "Forbidden: bot was blocked by the user")
# Service messages reach a bot also in privacy mode.
SERVICE_EVENTS = {
    "migrate_to_chat_id",
    "migrate_from_chat_id",
    "forum_topic_closed",
    "forum_topic_reopened",
}
MAX_ALBUM = 10


class UserChat(ChatScreen):
    """One user in one chat, or in one topic of it."""

    def topic(self, topic_id: int) -> "UserChat":
        """Return the same user in a topic of the chat, which is created if needed."""
        self.chat.topics.setdefault(topic_id, "Topic")
        return UserChat(self._state, self.chat, self.user, topic_id)

    async def say(
        self,
        text: str,
        *,
        reply_to: int | None = None,
        entities: list[Json] | None = None,
        **fields: Any,
    ) -> int:
        """Send a text, split if it is too long, and return the id of the last message."""
        message_id = 0
        for piece in split_text(text, MAX_TEXT):
            found = find_entities(piece) if entities is None else entities
            content: Json = {"text": piece, **({"entities": found} if found else {})}
            message_id = self._post({**content, **fields}, reply_to)
        return message_id

    async def edit(self, message_id: int, text: str, **fields: Any) -> None:
        """Edit one of the user's own messages."""
        message = self.chat.message(message_id, "to edit")
        message.pop("entities", None)
        part = "text" if "text" in message else "caption"
        marks = {"entities": found} if (found := find_entities(text)) else {}
        message |= {part: text, "edit_date": int(self._state.now()), **marks, **fields}
        self._state.events.publish("edited", chat=self.id, message=message)
        self._send_update("edited_message", message)

    async def touch(self, message_id: int) -> None:
        """React to a message, or let its link preview arrive: an edit that changes nothing."""
        self._send_update("edited_message", self.chat.message(message_id, "to edit"))

    async def forward(
        self, text: str, from_name: str = "Carla", *, comment: str = "", **fields: Any
    ) -> int:
        """Forward a message of another user; apps send the comment first."""
        if comment:
            await self.say(comment)
        origin = {
            "type": "hidden_user",
            "date": int(self._state.now()),
            "sender_user_name": from_name,
        }
        found = find_entities(text)
        marks = {"entities": found} if found else {}
        return self._post({"text": text, "forward_origin": origin, **marks, **fields})

    async def delete_topic(self) -> None:
        """Delete this topic with its messages; the bot is not told."""
        self.chat.topics.pop(self._topic_id, None)
        gone = [
            message_id
            for message_id, message in self.chat.messages.items()
            if message.get("message_thread_id") == self._topic_id
        ]
        for message_id in gone:
            del self.chat.messages[message_id]
        self._state.events.publish("deleted", chat=self.id, ids=gone)

    async def send_photo(
        self,
        content: bytes = b"",
        *,
        smaller: Sequence[bytes] = (),
        caption: str = "",
        album: str = "",
        **fields: Any,
    ) -> int:
        """Send a photo, with its smaller sizes; photos with the same `album` form an album."""
        files = self._state.files
        smaller_ids = [files.add(Upload("photo.jpg", size)) for size in smaller]
        file_id = files.add(Upload("photo.jpg", content or blank_png(640, 480)))
        album_id = {"media_group_id": album} if album else {}
        photo = {"photo": files.photo(file_id, smaller_ids), **album_id}
        return self._post({**photo, **_caption(caption), **fields})

    async def send_album(
        self, count: int, *, contents: Sequence[bytes] = (), caption: str = "", **fields: Any
    ) -> list[int]:
        """Send photos as an album, with the caption under the first; return their ids."""
        if not 2 <= count <= MAX_ALBUM:
            raise AssertionError(f"an album has 2 to {MAX_ALBUM} items")
        self._state.albums += 1
        album = f"sent-{self._state.albums}"
        return [
            await self.send_photo(
                contents[number] if contents else b"",
                album=album,
                caption="" if number else caption,
                **fields,
            )
            for number in range(count)
        ]

    async def send_document(
        self, content: bytes, name: str, *, caption: str = "", mime: str = "", **fields: Any
    ) -> int:
        """Send a file."""
        file_id = self._state.files.add(Upload(name, content, mime))
        document = {"document": self._state.files.document(file_id)}
        return self._post({**document, **_caption(caption), **fields})

    async def send_voice(
        self,
        content: bytes = b"OggS",
        *,
        seconds: int = 3,
        caption: str = "",
        reply_to: int | None = None,
        **fields: Any,
    ) -> int:
        """Send a voice note."""
        file_id = self._state.files.add(Upload("voice.oga", content, "audio/ogg"))
        voice = {"voice": self._state.files.voice(file_id, seconds)}
        return self._post({**voice, **_caption(caption), **fields}, reply_to)

    async def send_audio(
        self, content: bytes, name: str = "talk.mp3", *, seconds: int = 3, caption: str = ""
    ) -> int:
        """Send a sound file."""
        file_id = self._state.files.add(Upload(name, content))
        audio = {"audio": {**self._state.files.document(file_id), "duration": seconds}}
        return self._post({**audio, **_caption(caption)})

    async def send_video_note(self, content: bytes, *, seconds: int = 3) -> int:
        """Send a round video message."""
        file_id = self._state.files.add(Upload("note.mp4", content, "video/mp4"))
        size = {"length": 384, "duration": seconds}
        return self._post({"video_note": {**self._state.files.document(file_id), **size}})

    async def send_sticker(self, content: bytes = b"RIFF", *, moves: bool = False) -> int:
        """Send a sticker, with an emoji."""
        file_id = self._state.files.add(Upload("sticker.webp", content))
        common = {"file_id": file_id, "file_unique_id": file_id, "type": "regular"}
        size = {"width": 512, "height": 512, "is_animated": moves, "is_video": False}
        return self._post({"sticker": {**common, **size, "emoji": "🙂"}})

    async def send_location(self) -> int:
        """Send a location."""
        return self._post({"location": {"latitude": 45.4, "longitude": 12.3}})

    async def send_venue(self, title: str, address: str) -> int:
        """Send a venue, which has a location as well."""
        place = {"latitude": 45.4, "longitude": 12.3}
        return self._post(
            {"venue": {"title": title, "address": address, "location": place}, "location": place}
        )

    async def send_contact(self, first_name: str, phone_number: str) -> int:
        """Send a contact."""
        return self._post({"contact": {"first_name": first_name, "phone_number": phone_number}})

    async def send_dice(self, value: int = 5) -> int:
        """Throw a die."""
        return self._post({"dice": {"emoji": "🎲", "value": value}})

    async def send_poll(self) -> int:
        """Send a poll."""
        choices = [
            {"text": text, "voter_count": 0, "persistent_id": str(i)}
            for i, text in enumerate(("a", "b"))
        ]
        flags = dict.fromkeys(("is_closed", "allows_multiple_answers", "allows_revoting"), False)
        poll = {"id": "1", "question": "Rice?", "options": choices, "total_voter_count": 0}
        return self._post(
            {"poll": {**poll, **flags, "is_anonymous": True, "members_only": False, "type": "quiz"}}
        )

    async def press(self, label: str, message_id: int = NEWEST) -> Json:
        """Press a button and return the bot's answer to it: `{text, show_alert}`."""
        query = self.tap(label, message_id)
        await self.wait_until(
            lambda: query.answer is not None, f"no answer to the button {label!r}"
        )
        return query.answer or {}

    def tap(self, label: str, message_id: int = NEWEST) -> CallbackQuery:
        """Press a button without waiting, by default under the newest message that has it."""
        message, button = self.find_button(label, message_id)
        return self.tap_data(button["callback_data"], message["message_id"])

    def tap_data(self, data: str, message_id: int) -> CallbackQuery:
        """Send callback data, even without such a button, as a modified client may."""
        query = CallbackQuery(self.id, self._state.now())
        query_id = str(len(self._state.queries) + 1)
        self._state.queries[query_id] = query
        gone = {"message_id": message_id, "chat": self.chat.description, "date": 0}
        message = self.chat.messages.get(message_id, gone)
        body = {
            "id": query_id,
            "from": self.user,
            "chat_instance": str(self.id),
            "data": data,
            "message": message,
        }
        self._send_update("callback_query", body)
        return query

    def stop_draft(self) -> None:
        """Press the Stop button of the visible draft."""
        draft = self.shown_draft
        if draft is None or not draft.can_stop:
            raise AssertionError(f"there is no draft to stop\n{self.describe()}")
        topic = {"message_thread_id": self._topic_id} if self._topic_id else {}
        self._send_update(
            "stopped_message_generation",
            {"chat": self.chat.description, "draft_id": draft.draft_id, **topic},
        )
        if not draft.keep_on_stop:
            self.chat.drafts.pop(self._topic_id, None)
            self._state.events.publish("draft", chat=self.id, topic=self._topic_id, text="")

    async def block_bot(self) -> None:
        """Block the bot in a private chat."""
        self.set_bot_membership("member", "kicked")
        close(self._state, self.chat, BLOCKED)

    async def unblock_bot(self) -> None:
        """Unblock the bot."""
        self.chat.closed = None
        self.set_bot_membership("kicked", "member")

    # --- messages and updates ---------------------------------------------------------------------

    def announce(self, event: Json) -> int:
        """Post a service message: something that has happened in the chat."""
        return self._post(event)

    def _post(self, content: Json, reply_to: int | None = None) -> int:
        message = {
            "message_id": self._state.new_message_id(self.chat),
            "from": self.user,
            "chat": self.chat.description,
            "date": int(self._state.now()),
            **content,
        }
        if self._topic_id:
            message |= {"message_thread_id": self._topic_id, "is_topic_message": True}
        if reply_to is not None:
            replied = self.chat.message(reply_to, "to be replied")
            message["reply_to_message"] = quote(replied)
        self.chat.messages[message["message_id"]] = message
        self._state.events.publish("message", chat=self.id, message=message)
        self._send_update("message", message)
        return int(message["message_id"])

    def _send_update(self, kind: str, body: Json) -> None:
        """Queue an update, unless the bot is not in the chat or group privacy hides it."""
        is_message = kind in {"message", "edited_message"}
        if self.chat.closed is None and not (is_message and self._hidden_by_privacy(body)):
            # A copy: later edits of the message must not change the update.
            self._state.updates.add(kind, dict(body))

    def _hidden_by_privacy(self, message: Json) -> bool:
        if self.chat.is_private or not self.chat.privacy or message.keys() & SERVICE_EVENTS:
            return False
        text = str(message.get("text", message.get("caption", "")))
        name = str(self._state.me.get("username", ""))
        command, _, addressee = text.partition(" ")[0].partition("@")
        is_command = command.startswith("/") and addressee.lower() in {"", name.lower()}
        replied_user_id = message.get("reply_to_message", {}).get("from", {}).get("id")
        mentioned = f"@{name}".lower() in text.lower()
        return not (is_command or mentioned or replied_user_id == self._state.me["id"])

    def set_bot_membership(self, old: str, new: str) -> None:
        """Queue the update that the bot's status in the chat has changed."""

        def member(status: str) -> Json:
            until = {"until_date": 0} if status == "kicked" else {}
            return {"user": self._state.me, "status": status, **until}

        body = {
            "chat": self.chat.description,
            "from": self.user,
            "date": int(self._state.now()),
            "old_chat_member": member(old),
            "new_chat_member": member(new),
        }
        self._send_update("my_chat_member", body)


class FakeUser:
    """A Telegram user."""

    def __init__(self, state: ServerState, user: Json) -> None:
        self._state = state
        self.user = user

    @property
    def id(self) -> int:
        """The user id."""
        return int(self.user["id"])

    def private(self) -> UserChat:
        """Return the private chat with the bot, opened on first use."""
        if self.id not in self._state.chats:
            names = ("first_name", "last_name", "username")
            known = {name: self.user[name] for name in names if name in self.user}
            description = {"id": self.id, "type": "private", **known}
            self._state.chats[self.id] = FakeChat(description)
        return UserChat(self._state, self._state.chats[self.id], self.user)


def _caption(text: str) -> Json:
    return {"caption": text} if text else {}
