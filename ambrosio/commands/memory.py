"""`/remember` and `/memory`: a short list of facts about one person.

A model reads it behind the system prompt of each new conversation, in the person's private chat
only.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from ..core import texts
from ..core.memory import MAX_CHARACTERS, find_fact, tidy
from ..core.messages import Button, OutgoingMessage
from ..markdown import plain, render
from ..store import Fact
from .context import BotContext, CommandCall, CommandFunc, CommandResult, is_local_only, read_number

BUTTONS_IN_ROW = 3
FROM_NEW_ON = "It takes effect in the next conversation; /new starts one."


async def remember(context: BotContext, call: CommandCall) -> CommandResult:
    """Remember a fact about this user."""
    if not call.chat.is_private:
        return CommandResult(texts.MEMORY_NOT_HERE)
    fact = tidy(call.args)
    return _remember(context, call, fact) if fact else CommandResult(texts.EMPTY_REMEMBER)


def remember_that(context: BotContext, call: CommandCall) -> CommandResult | None:
    """Remember what a message asks for with "remember that …"; None if it asks for no such thing.

    In groups nothing is remembered, and the message is a question like any other.
    """
    fact = find_fact(call.args) if call.chat.is_private else ""
    return _remember(context, call, fact) if fact else None


def _remember(context: BotContext, call: CommandCall, text: str) -> CommandResult:
    facts = context.store.facts
    others = [fact.text for fact in facts.all(call.user_id) if fact.message_id != call.message_id]
    if refusal := _too_long([*others, text]):
        return refusal
    local_only = is_local_only(context, call)
    fact_id = facts.add(call.user_id, text, message_id=call.message_id, local_only=local_only)
    return CommandResult(messages=(_remembered(call, Fact(fact_id, text, local_only)),))


def _remembered(call: CommandCall, fact: Fact) -> OutgoingMessage:
    where = ", in private mode only" if fact.local_only else ""
    return OutgoingMessage(
        call.chat,
        plain(f"I will remember{where}: {fact.text}\n\n{FROM_NEW_ON}"),
        (Button("Undo", "memory", f"undo={fact.fact_id}"),),
        local_only=fact.local_only,
    )


def _too_long(facts: Sequence[str]) -> CommandResult | None:
    size = sum(map(len, facts))
    if size <= MAX_CHARACTERS:
        return None
    return CommandResult(texts.MEMORY_FULL.format(size=size, limit=MAX_CHARACTERS))


async def memory(context: BotContext, call: CommandCall) -> CommandResult:
    """Show, edit or delete what is remembered about this user."""
    if not call.chat.is_private:
        return CommandResult(texts.MEMORY_NOT_HERE)
    facts = context.store.facts.all(call.user_id)
    first, _, rest = call.args.strip().partition(" ")
    deletes = first.lower() == "delete"
    number = rest.strip() if deletes else first
    if not call.args.strip():
        return _screen(context, call)
    if not number.isdecimal() or not 1 <= int(number) <= len(facts):
        return CommandResult(texts.MEMORY_NO_SUCH_FACT.format(number=number[:20] or "0"))
    fact, text = facts[int(number) - 1], tidy(rest)
    if deletes:
        # With the end of the update: told again after a crash, the number means another fact.
        return CommandResult(confirm=partial(_delete, context, call, fact))
    if text:
        others = [other.text for other in facts if other != fact]
        if refusal := _too_long([*others, text]):
            return refusal
        local_only = is_local_only(context, call)
        context.store.facts.replace(call.user_id, fact.fact_id, text, local_only=local_only)
    return _screen(context, call)


def _delete(context: BotContext, call: CommandCall, fact: Fact) -> list[OutgoingMessage]:
    context.store.facts.delete(call.user_id, fact.fact_id)
    screen = _screen(context, call)
    notices = [OutgoingMessage(call.chat, chunk) for chunk in render(screen.text).chunks]
    return [*notices, *(one for one in screen.messages if isinstance(one, OutgoingMessage))]


def _screen(
    context: BotContext, call: CommandCall, *, edit_message_id: int | None = None, toast: str = ""
) -> CommandResult:
    """List the facts, with a button to delete each."""
    facts = context.store.facts.all(call.user_id)
    if not facts:
        return CommandResult(texts.MEMORY_EMPTY, edit_message_id=edit_message_id, toast=toast)
    lines = [_line(number, fact) for number, fact in enumerate(facts, start=1)]
    lines.append(f"\n/memory 1 new text changes one. {FROM_NEW_ON}")
    buttons = [
        Button(
            f"Delete {number}",
            "memory",
            f"delete={fact.fact_id}",
            row=1 + (number - 1) // BUTTONS_IN_ROW,
        )
        for number, fact in enumerate(facts, start=1)
    ]
    message = OutgoingMessage(
        call.chat,
        plain("\n".join(lines)),
        tuple(buttons),
        edit_message_id=edit_message_id,
        local_only=any(fact.local_only for fact in facts),
    )
    return CommandResult(messages=(message,), toast=toast)


def _line(number: int, fact: Fact) -> str:
    return f"{number}. {fact.text}{' (in private mode only)' if fact.local_only else ''}"


async def on_memory_button(context: BotContext, call: CommandCall) -> CommandResult:
    """Delete a fact of this user, or remember one that a model has suggested."""
    action, _, number = call.args.partition("=")
    if action == "keep":
        return _keep(context, call, read_number(number))
    if not context.store.facts.delete(call.user_id, read_number(number)):
        return CommandResult(toast=texts.FACT_GONE)
    if action == "undo":
        return CommandResult("Deleted.", edit_message_id=call.message_id, toast="Deleted")
    return _screen(context, call, edit_message_id=call.message_id, toast="Deleted")


def _keep(context: BotContext, call: CommandCall, fact_id: int) -> CommandResult:
    facts = context.store.facts
    fact = facts.suggestion(call.user_id, fact_id)
    if fact is None:
        return CommandResult(toast=texts.FACT_GONE)
    if refusal := _too_long([*(other.text for other in facts.all(call.user_id)), fact.text]):
        return refusal
    facts.accept(call.user_id, fact_id)
    shown = replace(_remembered(call, fact), edit_message_id=call.message_id)
    return CommandResult(messages=(shown,), toast="Done")


BUTTONS: dict[str, CommandFunc] = {"memory": on_memory_button}
