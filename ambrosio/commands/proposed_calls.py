"""The buttons under a call of a tool that waits for the person.

A tap makes exactly the call that was shown, and is followed by an answer. It is the asker's own, in
the chat where it was asked, and once.
"""

from ..core import texts
from ..core.messages import Button, Entity, FormattedText, OutgoingMessage, Turn
from ..core.tools import ProposedCall, TappedCall, ToolCall
from ..markdown.splitting import utf16_len
from ..store import WaitingCall
from .context import BotContext, CommandCall, CommandFunc, CommandResult, read_number


def propose_call(context: BotContext, turn: Turn, call: ProposedCall) -> OutgoingMessage:
    """Keep a call that waits for the person, and return the question.

    What would be sent stands there as code: so no address in it becomes a link.
    """
    proposal_id = context.store.proposed_calls.add(turn, call)
    return OutgoingMessage(
        turn.chat,
        _shown(call, "Nothing is sent until you tap."),
        _buttons(proposal_id, call),
        silent=True,
        local_only=turn.local_only,
    )


def _buttons(proposal_id: int, call: ProposedCall, begun: int = 0) -> tuple[Button, ...]:
    """Make the buttons; agreeing holds for a call that was begun so often and no more."""
    return (
        Button(call.label, "call", f"yes={proposal_id}.{begun}"),
        Button("Not now", "call", f"no={proposal_id}.{begun}"),
    )


def settle_call(context: BotContext, turn: Turn) -> list[OutgoingMessage]:
    """Let a call wait no longer that was made at a tap, and take the buttons off its question."""
    waiting = context.store.proposed_calls.get(turn.tapped.proposal_id) if turn.tapped else None
    if waiting is None:
        return []
    context.store.proposed_calls.delete(waiting.proposal_id)
    return [
        OutgoingMessage(
            turn.chat,
            _shown(waiting.call, "You agreed."),
            edit_message_id=turn.message_id,
            local_only=turn.local_only,
        )
    ]


def _shown(call: ProposedCall, end: str) -> FormattedText:
    before = f"{call.question}\n\n"
    code = Entity("code", utf16_len(before), utf16_len(call.shown))
    return FormattedText(f"{before}{call.shown}\n\n{end}", (code,))


async def on_call_button(context: BotContext, call: CommandCall) -> CommandResult:
    """Make a call that was proposed to this user in this chat, or let it be.

    One that was cut off after it was begun is not repeated: the person is asked again.
    """
    action, _, numbers = call.args.partition("=")
    number, _, begun = numbers.partition(".")
    waiting = context.store.proposed_calls.get(read_number(number))
    if waiting is None or waiting.chat != call.chat:
        return CommandResult(toast=texts.BUTTON_EXPIRED)
    if waiting.user_id != call.user_id:
        return CommandResult(toast=texts.CALL_OF_ANOTHER)
    if action != "yes":
        context.store.proposed_calls.delete(waiting.proposal_id)
        said = "It is not sent again." if waiting.begun else "Nothing was sent."
        return CommandResult(said, edit_message_id=call.message_id)
    running = context.running.get(call.chat)
    being_made = running is not None and running.message_id == call.message_id
    if waiting.begun != read_number(begun or "0") and not being_made:
        return CommandResult(messages=(_ask_again(call, waiting),))
    turn = context.assistant.with_privacy(_turn(context, call, waiting))
    if waiting.call.name not in {tool.name for tool in context.assistant.toolbox.offered(turn)}:
        return CommandResult(toast=texts.CALL_NOT_POSSIBLE)
    return CommandResult(turn=turn)


def _ask_again(call: CommandCall, waiting: WaitingCall) -> OutgoingMessage:
    return OutgoingMessage(
        call.chat,
        _shown(waiting.call, texts.CALL_INTERRUPTED),
        _buttons(waiting.proposal_id, waiting.call, waiting.begun),
        edit_message_id=call.message_id,
        local_only=waiting.local_only,
    )


def _turn(context: BotContext, call: CommandCall, waiting: WaitingCall) -> Turn:
    """Make the turn that the tap asks for; it continues the one that proposed the call.

    Its words are not the person's own: they have agreed to send them once, and to nothing else.
    """
    proposed = waiting.call
    return Turn(
        call.chat,
        call.message_id,
        call.user_id,
        f"{proposed.label}: {proposed.shown}",
        parent_id=waiting.turn_id,
        model=context.store.chats.state(call.chat).model,
        local_only=waiting.local_only,
        from_outside=True,
        tapped=TappedCall(
            waiting.proposal_id,
            ToolCall(f"tap{waiting.proposal_id:06}", proposed.name, proposed.arguments),
        ),
    )


BUTTONS: dict[str, CommandFunc] = {"call": on_call_button}
