"""What a user sees in a chat with the bot, and waits to see."""

from collections.abc import Callable

from .. import Json
from .chats import Draft, FakeChat, ShownAction, ShownMessage, buttons
from .state import ServerState

TIMEOUT_SECONDS = 60.0  # generous: the machine may be busy
NEWEST = -1


class ChatScreen:
    """The screen of one user in one chat, or in one topic of it."""

    def __init__(self, state: ServerState, chat: FakeChat, user: Json, topic_id: int = 0) -> None:
        self._state = state
        self.chat = chat
        self.user = user
        self._topic_id = topic_id

    @property
    def id(self) -> int:
        """The chat id."""
        return self.chat.id

    def screen(self) -> list[ShownMessage]:
        """Return the visible messages in order; in a topic, only its own."""
        return self.chat.screen(self._topic_id or None)

    @property
    def answers(self) -> list[ShownMessage]:
        """The messages of the bot."""
        return [message for message in self.screen() if message.from_bot]

    @property
    def last(self) -> ShownMessage:
        """The newest message."""
        return self.screen()[-1]

    @property
    def shown_draft(self) -> Draft | None:
        """The visible draft with all its fields."""
        return self.chat.draft(self._topic_id, self._state.now())

    @property
    def draft(self) -> str | None:
        """The text of the visible draft."""
        return self.shown_draft.text if self.shown_draft else None

    @property
    def drafts(self) -> list[Draft]:
        """All drafts that were ever visible."""
        return [draft for draft in self.chat.draft_log if draft.topic == self._topic_id]

    @property
    def actions(self) -> list[ShownAction]:
        """All chat actions of the bot."""
        return [action for action in self.chat.actions if action.topic == self._topic_id]

    @property
    def rings(self) -> list[str]:
        """The texts of the messages that rang."""
        return self.chat.rings

    async def wait_answer(
        self, *, after: int | None = None, seconds: float = TIMEOUT_SECONDS
    ) -> ShownMessage:
        """Wait for a message of the bot after `after`, by default after the user's last message."""
        own = [message.message_id for message in self.screen() if not message.from_bot]
        start = after if after is not None else max(own, default=0)

        def fresh() -> list[ShownMessage]:
            return [message for message in self.answers if message.message_id > start]

        await self.wait_until(lambda: bool(fresh()), f"no answer after #{start}", seconds)
        return fresh()[0]

    async def wait_text(self, part: str, *, seconds: float = TIMEOUT_SECONDS) -> ShownMessage:
        """Wait for a message of the bot that contains this text, sent or edited."""

        def matching() -> list[ShownMessage]:
            return [message for message in self.answers if part in message.text]

        await self.wait_until(lambda: bool(matching()), f"no message with {part!r}", seconds)
        return matching()[-1]

    async def wait_draft(self, part: str = "", *, seconds: float = TIMEOUT_SECONDS) -> str:
        """Wait for a draft that contains this text."""
        await self.wait_until(lambda: part in (self.draft or "\0"), f"no draft {part!r}", seconds)
        return self.draft or ""

    def describe(self) -> str:
        """Describe the screen, for a failed test."""
        lines = [f"  {message}" for message in self.screen()]
        return "\n".join([f"the screen of chat {self.id}:", *lines, f"  draft: {self.draft!r}"])

    def find_button(self, label: str, message_id: int) -> tuple[Json, Json]:
        """Return the newest message with this button, and the button."""
        for current_id in sorted(self.chat.messages, reverse=True):
            message = self.chat.messages[current_id]
            for button in buttons(message):
                if button["text"] == label and message_id in {NEWEST, current_id}:
                    return message, button
        raise AssertionError(f"there is no button {label!r}\n{self.describe()}")

    async def wait_until(
        self, predicate: Callable[[], object], complaint: str, seconds: float = TIMEOUT_SECONDS
    ) -> None:
        """Wait until the predicate is true, or raise `AssertionError` with the screen."""
        try:
            await self._state.events.wait_until(predicate, seconds=seconds)
        except TimeoutError:
            raise AssertionError(f"{complaint}\n{self.describe()}") from None
