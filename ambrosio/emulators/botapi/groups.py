"""Groups: their topics, their members, and what happens to them."""

from collections.abc import Sequence
from typing import Any, Literal

from .. import Json
from .account_methods import close
from .chats import FakeChat, ShownMessage
from .errors import BotApiError
from .state import ServerState
from .users import FakeUser, UserChat

UPGRADED = "Bad Request: group chat was upgraded to a supergroup chat"
# The user that Telegram names as the sender of what an anonymous admin writes.
GROUP_ANONYMOUS_BOT: Json = {
    "id": 1087968824,
    "is_bot": True,
    "first_name": "Group",
    "username": "GroupAnonymousBot",
}
UpgradeNotice = Literal["to", "member", "from"]
KICKED = BotApiError(403, "Forbidden: bot was kicked from the supergroup chat")


class FakeGroup:
    """A group or a supergroup."""

    def __init__(
        self,
        state: ServerState,
        id: int,  # noqa: A002 - Telegram's name
        title: str,
        *,
        topics: dict[int, str],
        privacy: bool,
        bot: bool,
        kind: str = "supergroup",
    ) -> None:
        forum = {"is_forum": True} if topics else {}
        description = {"id": id, "type": kind, "title": title, **forum}
        self._state = state
        self.chat = FakeChat(description, topics, privacy=privacy)
        self.chat.closed = None if bot else KICKED
        state.chats[id] = self.chat

    @property
    def id(self) -> int:
        """The chat id."""
        return self.chat.id

    def as_user(self, user: FakeUser, topic_id: int = 0) -> UserChat:
        """Return the group as this user sees it."""
        return UserChat(self._state, self.chat, user.user, topic_id)

    def as_anonymous(self) -> UserChat:
        """Return the group as an admin sees it who writes in its name."""
        return AnonymousChat(self._state, self.chat, GROUP_ANONYMOUS_BOT)

    async def say(self, user: FakeUser, text: str, *, topic_id: int = 0, **options: Any) -> int:
        """Send a message as a member."""
        return await self.as_user(user, topic_id).say(text, **options)

    async def add_bot(self, user: FakeUser) -> None:
        """Add the bot to the group, as this user."""
        self.chat.closed = None
        self.as_user(user).set_bot_membership("left", "member")

    async def upgrade(
        self,
        user: FakeUser,
        new_id: int,
        *,
        notices: Sequence[UpgradeNotice] = ("to", "member", "from"),
    ) -> "FakeGroup":
        """Make it a supergroup with another id, as this user; return that.

        Calls with the old id are refused from then on. `notices` are the updates that reach the
        bot, in order: the service messages in both groups and the bot's new membership.
        """
        description = self.chat.description
        group = FakeGroup(
            self._state,
            new_id,
            description["title"],
            topics={},
            privacy=self.chat.privacy,
            bot=True,
        )
        for notice in notices:
            match notice:
                case "to":
                    self.as_user(user).announce({"migrate_to_chat_id": new_id})
                case "member":
                    group.as_user(user).set_bot_membership("left", "member")
                case "from":
                    group.as_anonymous().announce({"migrate_from_chat_id": self.id})
        refusal = BotApiError(400, UPGRADED, migrate_to_chat_id=new_id)
        close(self._state, self.chat, refusal)
        return group

    async def close_topic(self, user: FakeUser, topic_id: int) -> None:
        """Close a topic: only admins can write in it, and the bot is none."""
        self.chat.closed_topics.add(topic_id)
        self.as_user(user, topic_id).announce({"forum_topic_closed": {}})

    async def reopen_topic(self, user: FakeUser, topic_id: int) -> None:
        """Open a closed topic again."""
        self.chat.closed_topics.discard(topic_id)
        self.as_user(user, topic_id).announce({"forum_topic_reopened": {}})

    def screen(self) -> list[ShownMessage]:
        """Return all messages in order."""
        return self.chat.screen()


class AnonymousChat(UserChat):
    """A group as seen by an admin who remains anonymous."""

    def _post(self, content: Json, reply_to: int | None = None) -> int:
        return super()._post({"sender_chat": self.chat.description, **content}, reply_to)
