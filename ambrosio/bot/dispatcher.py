"""The bot: works the inbox down, a worker for each chat or topic, and hands out the work.

Lanes keep the order within a chat and let chats go side by side; what is urgent (Stop, buttons) has
lanes of its own and overtakes. Whatever comes of an update is stored in one transaction before any
of it is sent.
"""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

import telegram
from telegram.error import TelegramError

from ..assistant.progress import Progress
from ..commands.context import Call, Desk, Reply
from ..commands.imagine import changed
from ..commands.registry import BY_NAME, COMMANDS, PRESSES
from ..core import texts
from ..core.costs import dollars
from ..core.errors import AmbrosioError, StoreFailed
from ..core.messages import Outgoing, Place, Turn
from ..store import Person, Received, Row, Store
from .access import Access, Knock, Membership
from .answer_handler import Scribe, surplus
from .answer_view import notice
from .delivery import Replies
from .image_handler import Easel
from .poller import URGENT, Poller
from .streaming import Previewer
from .turns import turn_of
from .updates import Command, Ignored, Odd, Press, Question, Stopped, read

log = logging.getLogger(__name__)

MOST_ATTEMPTS = 3
DISK_PAUSE_SECONDS = 5.0


class Bot:
    """Everything between the poller and the replies."""

    def __init__(
        self,
        bot: telegram.Bot,
        desk: Desk,
        replies: Replies,
        previewer: Previewer,
        *,
        grace_seconds: float = 5.0,
        heard: Callable[[], None] = lambda: None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._bot, self._desk = bot, desk
        self._replies, self._previewer = replies, previewer
        self._easel = Easel(desk, replies, previewer, sleep=sleep)
        self._scribe = Scribe(desk, replies, previewer)
        self._grace_seconds = grace_seconds
        self._on_heard = heard
        self._sleep = sleep
        self._lanes: dict[str, asyncio.Task[None]] = {}
        self._group: asyncio.TaskGroup
        self._fatal: AmbrosioError | None = None

    @property
    def _store(self) -> Store:
        return self._desk.store

    # --- life -------------------------------------------------------------------------------------

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set, or raise `TokenRefused` or `AnotherPoller`.

        At the end polling ceases at once, running turns get their grace, and what is left waits in
        the inbox for the next start.
        """
        poller = Poller(
            self._bot,
            self._store,
            access=self.access,
            kept=self._kept,
            aside=self._aside,
            heard=self._heard,
            dropped=self._dropped,
            now=self._desk.now,
            sleep=self._sleep,
        )
        async with asyncio.TaskGroup() as self._group:
            polling = self._group.create_task(self._poll(poller, stop))
            deliveries = [
                self._group.create_task(self._replies.deliver(place))
                for place in self._store.undelivered()
            ]
            announcing = self._group.create_task(self._announce())
            self._wake(self._store.lanes())
            await stop.wait()
            polling.cancel()
            announcing.cancel()
            if working := [*self._lanes.values(), *deliveries]:
                await asyncio.wait(working, timeout=self._grace_seconds)
            for task in (*self._lanes.values(), *deliveries):
                task.cancel()
        if self._fatal:
            raise self._fatal

    async def _poll(self, poller: Poller, stop: asyncio.Event) -> None:
        try:
            await poller.run()
        except AmbrosioError as exc:
            self._fatal = exc
            stop.set()

    def _heard(self) -> None:
        self._desk.polled_at = self._desk.now()
        self._on_heard()

    def _dropped(self, reason: str) -> None:
        self._desk.strangers += reason == "stranger"
        log.info("an update went no further: %s", reason)

    def access(self) -> Access:
        """Say who is let in at the moment."""
        guests = {person.id for person in self._store.people() if not person.owner}
        return Access(
            bot=self._bot.id,
            username=self._desk.username,
            owners=self._desk.owners(),
            guests=frozenset(guests),
            groups=frozenset(self._store.groups()),
        )

    async def _announce(self) -> None:
        """Give Telegram the command menu of everybody who may speak, if it has changed."""
        for person in sorted(self.access().people):
            menu = [
                telegram.BotCommand(command.name, command.does)
                for command in COMMANDS
                if not command.owner or person in self._desk.owners()
            ]
            scope = telegram.BotCommandScopeChat(person)
            try:
                if tuple(menu) != await self._bot.get_my_commands(scope):
                    await self._bot.set_my_commands(menu, scope)
            except TelegramError as exc:
                log.info("no command menu for %s: %s", person, type(exc).__name__)

    # --- people and groups ------------------------------------------------------------------------

    async def _aside(self, verdict: Knock | Membership) -> None:
        if isinstance(verdict, Knock):
            self._knock(verdict)
        elif verdict.present and not verdict.welcome:
            await self._leave(verdict.group)
        else:
            self._store.set_group(verdict.group, verdict.title if verdict.present else None)

    def _knock(self, knock: Knock) -> None:
        now = self._desk.now()
        for pairing in self._desk.pairings:
            if not pairing.open(knock.code, person=knock.person, now=now):
                continue
            place = Place(knock.person)
            welcome = notice(
                place, "Welcome! From now on I listen to you. /help shows what I can do."
            )
            self._store.admit(Person(knock.person, knock.name, pairing.owner), welcome)
            log.info("paired %s", "the owner" if pairing.owner else "a guest")
            self._group.create_task(self._replies.deliver(place))
            self._group.create_task(self._announce())
            return
        self._dropped("stranger")

    async def _leave(self, group: int) -> None:
        try:
            await self._bot.leave_chat(group)
        except TelegramError as exc:
            log.warning("could not leave a group: %s", type(exc).__name__)

    # --- lanes ------------------------------------------------------------------------------------

    def _kept(self, received: Sequence[Received]) -> None:
        for new in received:
            running = self._desk.running.get(new.place)
            # The same message once more is an edit: what is being written answers nobody.
            if running and running.message == new.message:
                running.superseded = True
                running.stop()
        self._wake([new.lane for new in received])

    def _wake(self, lanes: Sequence[str]) -> None:
        for lane in lanes:
            if lane not in self._lanes:
                self._lanes[lane] = self._group.create_task(self._work_down(lane))

    async def _work_down(self, lane: str) -> None:
        try:
            while True:
                try:
                    row = self._store.claim(lane)
                    if row is None:
                        return
                    await self._work(row)
                except StoreFailed as exc:
                    log.warning("the disk: %s", exc)
                    await self._sleep(DISK_PAUSE_SECONDS)
        finally:
            del self._lanes[lane]

    async def _work(self, row: Row) -> None:
        """Work on one update; a failure that nobody foresaw costs one of its attempts."""
        if row.attempts > MOST_ATTEMPTS:
            await self._put_aside(row, "three attempts", texts.GAVE_UP)
            return
        try:
            await self._handle(row)
            self._warn_owners()
        except asyncio.CancelledError:
            self._store.unclaim(row)
            raise
        except Exception as exc:
            if failed := _of_the_store(exc):
                self._store.unclaim(row)
                raise failed from exc
            log.exception("a turn failed, attempt %d", row.attempts)

    async def _handle(self, row: Row) -> None:
        said = read(json.loads(row.body), self._bot, self._desk.username)
        match said:
            case Question():
                await self._question(row, said)
            case Command():
                await self._command(row, said)
            case Press():
                await self._press(row, said)
            case Odd():
                await self._say(row, Reply(said.hint))
            case Stopped() | Ignored():
                running = self._desk.running.get(row.place)
                if isinstance(said, Stopped) and running and running.message == said.draft:
                    running.stop()
                self._store.finish(row)
            case None:
                await self._put_aside(row, "unreadable", texts.UNREADABLE)

    async def _put_aside(self, row: Row, reason: str, text: str) -> None:
        replies = notice(row.place, text, reply_to=row.message or None)
        self._store.set_aside(row, reason, replies)
        await self._replies.deliver(row.place)

    # --- what comes of an update ------------------------------------------------------------------

    async def _command(self, row: Row, said: Command) -> None:
        command = BY_NAME.get(said.name)
        person_may = command and (not command.owner or said.person in self._desk.owners())
        if command is None or not person_may:
            await self._say(row, Reply(texts.UNKNOWN_COMMAND.format(name=said.name)))
            return
        if self._store.superseded(row):
            self._store.finish(row)
            return
        if self._desk.assistant.private(row.place):
            # Whoever quotes or edits it later, out of private mode, asks nobody outside either.
            self._store.keep_home(row.place, row.message)
        call = Call(row.place, said.person, row.message, said.args, said.replied_to, said.quote)
        if not command.slow:
            await self._say(row, await command.run(self._desk, call))
            return
        async with self._scribe.running(row, Progress(row.message)) as preview:
            reply = await command.run(self._desk, call)
        away = [Outgoing(row.place, edits=old, delete=True) for old in surplus(row, preview)]
        await self._say(row, replace(reply, sends=(*reply.sends, *away)))

    async def _press(self, row: Row, said: Press) -> None:
        """Answer a button; what asks a model then waits its turn like any question."""
        word, _, args = said.data.partition(":")
        run = PRESSES.get(word)
        reply = Reply(toast=texts.BUTTON_GONE)
        if run:
            reply = await run(self._desk, Call(row.place, said.person, row.message, args))
        if row.lane.startswith(URGENT):
            await self._toast(said.id, reply.toast)
            if reply.turn or reply.order:
                lane = row.lane.removeprefix(URGENT)
                self._store.move(row, lane)
                self._wake([lane])
                return
        if reply.leaves is not None:
            await self._leave(reply.leaves)
        await self._say(row, reply)

    async def _toast(self, query: str, text: str) -> None:
        try:
            await self._bot.answer_callback_query(query, text or None)
        except TelegramError as exc:
            # Telegram forgets a press after a while; the work is done all the same.
            log.debug("a button was not answered: %s", type(exc).__name__)

    async def _say(self, row: Row, reply: Reply) -> None:
        if reply.turn:
            if reply.compares:
                await self._scribe.compare(row, reply.turn)
            else:
                await self._scribe.write(row, reply.turn, shown=reply.shown)
            return
        if reply.order:
            await self._easel.work(row, reply.order)
            return
        reply_to = None if row.place.private else row.message
        replies = (
            notice(row.place, reply.text, buttons=reply.buttons, reply_to=reply_to)
            if reply.text
            else []
        )
        if replies and reply.edits is not None:
            replies[0] = replace(replies[0], edits=reply.edits, reply_to=None)
        if reply.files:
            replies.append(Outgoing(row.place, files=reply.files, silent=True))
        replies += reply.sends
        if self._desk.assistant.private(row.place):
            # It may repeat what was said here.
            replies = [replace(each, private=True) for each in replies]
        self._store.finish(row, replies)
        await self._replies.deliver(row.place)

    async def _question(self, row: Row, said: Question) -> None:
        if self._store.superseded(row):
            self._store.finish(row)
            return
        if await self._repainted(row, said):
            return
        turn, shown = turn_of(self._desk.assistant, row.place, row.message, said)
        if said.edited and turn.replaces is not None:
            before = self._store.turn(turn.replaces)
            if before and before.answer is not None and _same(before.turn, turn):
                self._store.finish(row)
                return
        if not turn.question.strip():
            await self._say(row, Reply(texts.NOTHING_BEHIND_VV))
            return
        await self._scribe.write(row, turn, shown=shown)

    async def _repainted(self, row: Row, said: Question) -> bool:
        """Take words in reply to a picture for a wish, unless they are none."""
        call = Call(row.place, said.person, row.message, said.text, said.replied_to)
        reply = None if said.concise else changed(self._desk, call)
        if reply and reply.order:
            return await self._easel.work(row, reply.order)
        if reply:
            await self._say(row, reply)
        return reply is not None

    def _warn_owners(self) -> None:
        """Tell the owners, once a month, that most of the budget is used."""
        budget = self._desk.assistant.router.budget
        month = budget.warning()
        if not month or budget.ceiling is None:
            return
        places = [Place(owner) for owner in self._desk.owners()]
        text = (
            f"This month's calls have cost {dollars(budget.spent())} of {dollars(budget.ceiling)}. "
            "What the rest does not cover is answered by models that cost nothing, until the "
            "month ends. "
            "/usage shows where it went."
        )
        if self._store.tell_once(f"budget {month}", [notice(each, text)[0] for each in places]):
            for place in places:
                self._group.create_task(self._replies.deliver(place))


def _of_the_store(exc: BaseException) -> StoreFailed | None:
    """Find the disk's failure, also among those that a group of tasks has brought."""
    if isinstance(exc, BaseExceptionGroup):
        found = exc.subgroup(StoreFailed)
        return _of_the_store(found.exceptions[0]) if found else None
    return exc if isinstance(exc, StoreFailed) else None


def _same(one: Turn, other: Turn) -> bool:
    return (one.question, one.concise) == (other.question, other.concise)
