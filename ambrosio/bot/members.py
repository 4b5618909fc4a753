"""Who may use the bot: pairing, groups, and the command menu that each user sees."""

import asyncio
import logging

import telegram
from telegram.error import TelegramError

from ..commands.context import BotContext
from ..commands.registry import COMMANDS
from ..core.messages import Chat
from ..store import Person
from .access import Access, Membership, PairingAttempt
from .answer_view import render_notice
from .delivery import Delivery

log = logging.getLogger(__name__)


class Members:
    """The users and groups of one bot; what it starts runs in `group`."""

    def __init__(
        self,
        bot: telegram.Bot,
        context: BotContext,
        delivery: Delivery,
        *,
        group: asyncio.TaskGroup,
    ) -> None:
        self._bot, self._context, self._delivery = bot, context, delivery
        self._group = group

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
        log.info("an update was dropped: %s", reason)

    async def on_access_event(self, event: PairingAttempt | Membership) -> None:
        """Pair a user, or join or leave a group."""
        if isinstance(event, PairingAttempt):
            self._pair(event)
        elif event.present and not event.welcome:
            await self.leave(event.chat_id)
        else:
            title = event.title if event.present else None
            self._context.store.people.set_group(event.chat_id, title)

    async def leave(self, chat_id: int) -> None:
        """Leave a group, if Telegram lets us."""
        try:
            await self._bot.leave_chat(chat_id)
        except TelegramError as exc:
            log.warning("could not leave a group: %s", type(exc).__name__)

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
                log.info("no command menu for %s: %s", user_id, type(exc).__name__)

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
        self._group.create_task(self._delivery.deliver(chat))
        self._group.create_task(self.publish_commands())
