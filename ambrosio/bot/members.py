"""Who may use the bot: pairing, groups, and the command menu that each user sees."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable

import telegram
from telegram.error import ChatMigrated, TelegramError

from ..commands.context import BotContext
from ..commands.registry import COMMANDS
from ..core import texts
from ..core.messages import Chat
from ..store import Person
from . import ptb
from .access import (
    Access,
    AccessEvent,
    AnonymousAdmin,
    Membership,
    Moved,
    PairingAttempt,
    RawUpdate,
)
from .answer_view import render_notice
from .delivery import Delivery

log = logging.getLogger(__name__)

# How many dropped updates make another line in the log.
LOGGED_COUNTS = frozenset(10**exponent for exponent in range(9))


class Members:
    """The users and groups of one bot; what it starts runs in `group`."""

    def __init__(
        self,
        bot: telegram.Bot,
        context: BotContext,
        delivery: Delivery,
        *,
        group: asyncio.TaskGroup,
        on_moved: Callable[[int, int], None],
    ) -> None:
        self._bot, self._context, self._delivery = bot, context, delivery
        self._group, self._on_moved = group, on_moved
        self._probed: set[tuple[int, int]] = set()
        self._dropped: Counter[str] = Counter()

    def access(self) -> Access:
        """Return who may use the bot at the moment."""
        people = self._context.store.people
        return Access(
            bot_id=self._bot.id,
            username=self._context.username,
            owners=self._context.owners(),
            guests=frozenset(person.user_id for person in people.all() if not person.is_owner),
            groups=frozenset(people.groups()),
        )

    def on_dropped(self, reason: str) -> None:
        """Count an update that went no further."""
        self._context.status.strangers += reason == "stranger"
        self._dropped[reason] += 1
        if (count := self._dropped[reason]) in LOGGED_COUNTS:
            log.info("updates that were dropped: %d (%s)", count, reason)

    def on_flood(self, chat: Chat) -> None:
        """Say, once an hour, that what is sent now is left out."""
        name = f"flood {chat.chat_id} {chat.topic_id} {self._context.now() // 3600:.0f}"
        if self._context.store.notify_once(name, render_notice(chat, texts.TOO_MANY_WAITING)):
            self._delivery.deliver_soon(chat)

    async def on_access_event(self, event: AccessEvent) -> None:
        """Pair a user, join, leave or follow a group, or tell an anonymous admin."""
        match event:
            case PairingAttempt():
                self._pair(event)
            case Moved():
                self._on_moved(event.old_chat_id, event.new_chat_id)
            case AnonymousAdmin():
                self._tell_anonymous(event)
            case Membership():
                await self._join_or_leave(event)

    async def _join_or_leave(self, event: Membership) -> None:
        if event.present and not event.welcome:
            if not await self._find_moved(event.chat_id, event.title):
                await self.leave(event.chat_id)
        elif event.present:
            self._context.store.people.set_group(event.chat_id, event.title)
        elif not await self._has_moved(event.chat_id):
            self._context.store.people.set_group(event.chat_id, None)

    async def knows_group(self, update: RawUpdate) -> bool:
        """Say whether an update's chat is a group of ours that became a supergroup unnoticed."""
        chat = (update.get("message") or {}).get("chat") or {}
        return chat.get("type") == "supergroup" and await self._find_moved(
            int(chat["id"]), str(chat.get("title", ""))
        )

    async def _find_moved(self, chat_id: int, title: str) -> bool:
        """Find the group of this title that has become this supergroup, by asking Telegram."""
        for old_chat_id, known_title in self._context.store.people.groups().items():
            if known_title == title and (old_chat_id, chat_id) not in self._probed:
                self._probed.add((old_chat_id, chat_id))
                await self._has_moved(old_chat_id)
        return chat_id in self._context.store.people.groups()

    async def _has_moved(self, chat_id: int) -> bool:
        """Follow a group that has become a supergroup; whoever writes to its old id is told."""
        if Chat(chat_id).is_supergroup:
            return False
        try:
            await self._bot.send_chat_action(chat_id, telegram.constants.ChatAction.TYPING)
        except ChatMigrated as exc:
            self._on_moved(chat_id, exc.new_chat_id)
            return True
        except TelegramError as exc:
            log.info("a group does not say whether it has moved: %s", ptb.reason(exc))
        return False

    def _tell_anonymous(self, admin: AnonymousAdmin) -> None:
        notice = render_notice(admin.chat, texts.ANONYMOUS_ADMIN, reply_to=admin.message_id)
        if self._context.store.notify_once(f"anonymous {admin.chat.chat_id}", notice):
            self._delivery.deliver_soon(admin.chat)

    async def leave(self, chat_id: int) -> None:
        """Leave a group, if Telegram lets us."""
        try:
            await self._bot.leave_chat(chat_id)
        except TelegramError as exc:
            log.warning("could not leave a group: %s", ptb.reason(exc))

    async def publish_commands(self) -> None:
        """Set the command menu of each user, if it has changed."""
        for user_id in sorted(self.access().people):
            menu = [
                telegram.BotCommand(command.name, command.description)
                for command in COMMANDS
                if not command.owner_only or user_id in self._context.owners()
            ]
            scope = telegram.BotCommandScopeChat(user_id)
            try:
                if tuple(menu) != await self._bot.get_my_commands(scope):
                    await self._bot.set_my_commands(menu, scope)
            except TelegramError as exc:
                log.info("no command menu for %s: %s", user_id, ptb.reason(exc))

    def _pair(self, attempt: PairingAttempt) -> None:
        pairing = self._context.pairings.open(
            attempt.code, user_id=attempt.user_id, now=self._context.now()
        )
        if pairing is None:
            self.on_dropped("stranger")
            return
        chat = Chat(attempt.user_id)
        welcome = render_notice(
            chat, "Welcome! You're paired. Ask me anything; /help shows what I can do."
        )
        person = Person(attempt.user_id, attempt.name, pairing.for_owner)
        self._context.store.admit(person, welcome)
        log.info("paired %s", "the owner" if pairing.for_owner else "a guest")
        self._delivery.deliver_soon(chat)
        self._group.create_task(self.publish_commands())
