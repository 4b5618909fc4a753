"""Answering one turn, whatever the channel: read the history, ask the router, store the result.

Knows neither Telegram nor a terminal. A failed turn is stored so that it can be retried, but it is
not part of the history that models are sent later.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from contextlib import aclosing
from dataclasses import replace

from ..core.errors import NoProvider, OnlyOneInBudget, OnlyOneLocalModel, OnlyOneModel
from ..core.memory import add_facts
from ..core.messages import (
    TERMINAL,
    AnswerFinished,
    AnswerStarted,
    Chat,
    Delta,
    EmptyAnswer,
    ModelRef,
    Outgoing,
    RequestSent,
    StatusNote,
    Turn,
)
from ..core.provider_errors import AllProvidersFailed
from ..core.tools import ToolCall
from ..core.zones import time_note
from ..router import CompletionRequest, Router
from ..store import InboxItem, Store, TurnResult
from ..tools.tool import ToolContext
from ..tools.toolbox import Toolbox
from .answer import Answer
from .progress import Progress
from .tool_rounds import ToolRounds

NO_TOOLBOX = Toolbox()
# A processor without a graphics card takes seconds for a picture.
LOOKING = "Looking at it…"


class Assistant:
    """Answers turns with whatever model the router finds."""

    def __init__(
        self,
        store: Store,
        router: Router,
        system: str,
        *,
        private: bool = False,
        silence_seconds: float = 0,
        zone: str = "UTC",
        toolbox: Toolbox = NO_TOOLBOX,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.store, self.toolbox = store, toolbox
        self.router = router
        self.system = system
        self._local_only_default, self._zone, self._now = private, zone, now
        # After so long, a conversation is over; 0 is never.
        self._silence_seconds = silence_seconds

    def is_local_only(self, chat: Chat) -> bool:
        """Say whether a chat or topic is in private mode."""
        setting = self.store.chats.state(chat).local_only
        return self._local_only_default if setting is None else setting

    def latest_turn_id(self, chat: Chat) -> int | None:
        """Return the turn that the next one continues; outside private mode never a local one."""
        turn_id = self.store.chats.state(chat).latest_turn_id
        if self.follows_silence(chat):
            return None
        if self.is_local_only(chat) or not any(
            past.local_only for past in self.store.conversations.history(turn_id)
        ):
            return turn_id
        return None

    def follows_silence(self, chat: Chat) -> bool:
        """Say whether the next turn starts a new conversation because the last was long ago.

        In the terminal that is asked for with an option.
        """
        turn_id = self.store.chats.state(chat).latest_turn_id
        if turn_id is None or chat == TERMINAL or not self._silence_seconds:
            return False
        return self.store.conversations.seconds_since(turn_id) > self._silence_seconds

    def with_privacy(self, turn: Turn) -> Turn:
        """Set `local_only` if the turn, its chat, its message or a turn before it is local only.

        Its message is marked as local only for good, before any model is asked.
        """
        chat_is_local = self.is_local_only(turn.chat)
        marked = self.store.conversations.is_local_only(turn.chat, turn.message_id)
        history = self.store.conversations.history(turn.parent_id)
        local_only = (
            turn.local_only or chat_is_local or marked or any(past.local_only for past in history)
        )
        if local_only:
            self.store.conversations.mark_local_only(turn.chat, turn.message_id)
        return replace(
            turn,
            local_only=local_only,
            detached=turn.detached or (local_only and not chat_is_local),
        )

    def with_memory(self, turn: Turn) -> Turn:
        """Choose the facts that stand behind the system prompt; `with_privacy` comes first.

        A conversation keeps those that it began with, so that its prompt only grows; what is
        deleted is gone all the same. In groups there are none.
        """
        if not turn.chat.is_private:
            return replace(turn, fact_ids=())
        if history := self.store.conversations.history(turn.parent_id):
            return replace(turn, fact_ids=history[-1].fact_ids)
        facts = self.store.facts.all(turn.user_id)
        usable = (fact.fact_id for fact in facts if turn.local_only or not fact.local_only)
        return replace(turn, fact_ids=tuple(usable))

    def with_time(self, turn: Turn) -> Turn:
        """Note the person's local time, which is sent before the question and stored with it.

        A vv question has none: the smallest models answer it better alone.
        """
        if turn.concise:
            return replace(turn, note="")
        return replace(turn, note=time_note(self.store.database.now(), self._zone_of(turn)))

    def _zone_of(self, turn: Turn) -> str:
        return self.store.facts.zone(turn.user_id) or self._zone

    def with_tools(self, turn: Turn, *, may_call: bool) -> Turn:
        """Choose the tools that the prompt names; `with_privacy` comes first.

        A conversation keeps those that it began with, as far as they may still be used: another
        list at the top of the prompt means that all of it is read again. A turn that may call none
        names none, unless they stand in its conversation's prompt already.
        """
        names = [tool.name for tool in self.toolbox.offered(turn)]
        history = self.store.conversations.history(turn.parent_id)
        began_with = next((past.tool_names for past in reversed(history) if past.tool_names), ())
        if began_with:
            names = [name for name in names if name in began_with]
        elif not may_call:
            names = []
        return replace(turn, tool_names=tuple(names))

    def completion_request(self, turn: Turn) -> CompletionRequest:
        """Make the request for the router."""
        facts = self.store.facts.chosen(turn.user_id, turn.fact_ids, local_only=turn.local_only)
        return CompletionRequest(
            system=add_facts(self.system, [fact.text for fact in facts]),
            history=self.store.conversations.history(turn.parent_id),
            question=turn.question,
            concise=turn.concise,
            model=turn.model,
            local_only=turn.local_only,
            user_id=turn.user_id,
            chat_key=f"{turn.chat.chat_id}:{turn.chat.topic_id}",
            note=turn.note,
            pictures=turn.pictures,
            preface=turn.preface,
        )

    async def answer(
        self, turn: Turn, progress: Progress, *, single_provider: bool = False
    ) -> Answer:
        """Ask for an answer to a turn; failures are part of what comes back.

        Args:
            turn: what was asked, and which turn it continues.
            progress: grows with the answer, and may be stopped.
            single_provider: whether only the turn's own model is asked.
        """
        # Of a comparison, each answer would do what was asked for.
        may_call = not turn.concise and not single_provider
        turn = self.with_time(self.with_memory(self.with_privacy(turn)))
        turn = self.with_tools(turn, may_call=may_call)
        request = replace(self.completion_request(turn), single_provider=single_provider)
        answer, began_at = Answer(turn), self._now()
        rounds = self._tool_rounds(turn, request, answer, may_call=may_call)
        try:
            with progress.stoppable() as scope:
                await self._answer_in_rounds(request, answer, progress, rounds)
            answer.stopped = scope.cancelled_caught
        except AllProvidersFailed as exc:
            answer.failure = exc
            progress.text = exc.partial
        except NoProvider as exc:
            answer.failure = exc
        if answer.finished and answer.finished.repeated_tail_chars:
            # In the history a loop would only lead to the next one.
            progress.text = progress.text[: -answer.finished.repeated_tail_chars]
        answer.text, answer.reasoning = progress.text, progress.reasoning
        answer.seconds = self._now() - began_at
        answer.rounds, answer.read_outside = rounds.done, rounds.read_outside
        return answer

    def _tool_rounds(
        self, turn: Turn, request: CompletionRequest, answer: Answer, *, may_call: bool
    ) -> ToolRounds:
        context = ToolContext(
            turn,
            request.history,
            (),
            now=self.store.database.now(),
            zone=self._zone_of(turn),
            report=answer.expenses.append,
            interrupted=self.store.tool_uses.has_begun_change(turn.chat, turn.message_id),
        )
        offered = self.toolbox.offered(turn)
        return ToolRounds(
            self.toolbox,
            tuple(tool for tool in offered if tool.name in turn.tool_names),
            context,
            may_call=may_call,
            record=self.store.tool_uses.record,
            on_change=lambda: self._begin_change(turn),
        )

    def _begin_change(self, turn: Turn) -> None:
        """Note that something may be changed elsewhere, which must not happen again unasked."""
        if turn.tapped:
            self.store.proposed_calls.begin(turn.tapped.proposal_id)
        else:
            self.store.tool_uses.begin_change(turn.chat, turn.message_id)

    async def _answer_in_rounds(
        self,
        request: CompletionRequest,
        answer: Answer,
        progress: Progress,
        rounds: ToolRounds,
    ) -> None:
        """Ask until the model answers instead of calling tools."""
        if tapped := answer.turn.tapped:
            await rounds.run_tapped(tapped.call, progress)
        while True:
            asked = replace(request, tools=rounds.use)
            calls = await self._stream(asked, answer, progress)
            if not calls:
                return
            await rounds.run(calls, progress.text, progress)

    async def compare(
        self,
        turn: Turn,
        progress: Progress,
        on_answer: Callable[[Answer], Awaitable[None]],
        *,
        without: Collection[str] = (),
    ) -> None:
        """Ask all allowed models at once; none of the answers becomes the chat's latest turn.

        Args:
            turn: what was asked.
            progress: shows which models are still to answer, and may be stopped.
            on_answer: called with each answer once it is complete.
            without: names of providers that have answered already.
        """
        turn = self.with_memory(self.with_privacy(replace(turn, detached=True)))
        request = self.completion_request(turn)
        asked = await self._asked(turn, request, on_answer)
        only_one = self._why_only_one(request) if len(asked) == 1 else None
        waiting = [str(ref) for ref in asked if ref.provider not in without]
        progress.parts = [Progress(turn.message_id) for _ in waiting]
        if progress.stopped:
            progress.stop()

        async def ask_one(name: str, part: Progress) -> None:
            answer = await self.answer(replace(turn, model=name), part, single_provider=True)
            answer.only_one = only_one
            waiting.remove(name)
            progress.set_note(_waiting_note(waiting))
            await on_answer(answer)

        progress.set_note(_waiting_note(waiting))
        async with asyncio.TaskGroup() as group:
            for name, part in zip(tuple(waiting), progress.parts, strict=True):
                group.create_task(ask_one(name, part))

    def _why_only_one(self, request: CompletionRequest) -> OnlyOneModel:
        if len(self.router.order(request)) == 1:
            return OnlyOneModel()
        return OnlyOneLocalModel() if request.is_local_only else OnlyOneInBudget()

    async def _asked(
        self,
        turn: Turn,
        request: CompletionRequest,
        on_answer: Callable[[Answer], Awaitable[None]],
    ) -> list[ModelRef]:
        """List all who may be asked; that there is nobody is an answer, too."""
        try:
            asked = await self.router.allowed_providers(request)
            failure = None if asked else self.router.why_nobody(request)
        except NoProvider as exc:
            asked, failure = (), exc
        if failure:
            await on_answer(Answer(turn, failure=failure))
        return [ModelRef(*candidate) for candidate in asked]

    def _on_request(self, provider: str, turn: Turn, progress: Progress) -> None:
        self.store.chats.record_request(turn.chat, provider)
        if turn.pictures and self.router.providers[provider].local:
            progress.set_note(LOOKING)

    async def _stream(
        self, request: CompletionRequest, answer: Answer, progress: Progress
    ) -> tuple[ToolCall, ...]:
        """Take in one streamed answer; return what it calls instead of answering."""
        calls: tuple[ToolCall, ...] = ()
        answer.finished = None
        async with aclosing(self.router.stream(request, report=answer.expenses.append)) as events:
            async for event in events:
                match event:
                    case RequestSent():
                        self._on_request(event.ref.provider, answer.turn, progress)
                    case AnswerStarted():
                        answer.started = event
                        progress.reset()
                    case Delta():
                        progress.append(event)
                    case StatusNote():
                        progress.set_note(event.text)
                    case AnswerFinished():
                        answer.finished, calls = event, event.calls
                    case EmptyAnswer():
                        pass
        return calls

    def save(
        self,
        answer: Answer,
        replies: Iterable[Outgoing] = (),
        item: InboxItem | None = None,
        *,
        confirm: Callable[[], Iterable[Outgoing]] = tuple,
    ) -> int | None:
        """Store the result of a turn with its replies in one transaction; return the turn's id.

        `confirm` stores in it what the tools want done, and returns what the person is told.
        """
        has_answer = answer.failure is None and bool(answer.text.strip())
        result = TurnResult(
            turn=answer.turn,
            text=answer.text if has_answer else None,
            first_turn_id=answer.started.first_turn_id if answer.started else None,
            ref=answer.ref,
            rounds=answer.rounds if has_answer else (),
            read_outside=answer.read_outside,
        )
        keeps = answer.unread and item is not None and item.message_id == answer.turn.message_id
        return self.store.finish(item, replies, result, keeps_message=keeps, confirm=confirm)


def _waiting_note(names: Sequence[str]) -> str:
    return f"Asking {' and '.join(names)}…" if names else ""
