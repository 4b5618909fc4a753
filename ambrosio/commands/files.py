"""The buttons under an answer about a file: its next part, a search in it, looking at a scan."""

from dataclasses import replace

from ..core import texts
from ..core.attachments import MAX_FILES, FilePlace
from ..core.messages import OutgoingMessage, Turn
from ..markdown import plain
from .context import BotContext, CommandCall, CommandFunc, CommandResult


def _turn(context: BotContext, call: CommandCall) -> tuple[int, Turn] | None:
    """Return the turn of a button; None if it was deleted, or is of another chat."""
    stored = context.pressed_turn(call)
    return (stored.turn_id, stored.turn) if stored else None


async def on_part_button(context: BotContext, call: CommandCall) -> CommandResult:
    """Ask the same of the next part of a file."""
    found = _turn(context, call)
    if found is None or found[1].file is None or found[1].file.next_position is None:
        return CommandResult(toast=texts.FILE_GONE)
    turn_id, turn = found
    state = context.store.chats.state(call.chat)
    following = replace(turn, parent_id=turn_id, pictures=(), preface="", model=state.model)
    return CommandResult(turn=following, reads_file=True)


async def on_scan_button(context: BotContext, call: CommandCall) -> CommandResult:
    """Look at the first pages of a scanned file."""
    found = _turn(context, call)
    if found is None:
        return CommandResult(toast=texts.FILE_GONE)
    turn_id, turn = found
    conversations, documents = context.store.conversations, context.store.documents
    place = (turn.chat, turn.message_id)
    # A file without chunks is one without text.
    scans = [
        number
        for number in range(MAX_FILES)
        if documents.find(*place, number) and not documents.chunks(*place, number)
    ]
    if not scans:
        return CommandResult(toast=texts.FILE_GONE)
    return CommandResult(
        turn=replace(
            turn,
            parent_id=context.assistant.latest_turn_id(call.chat),
            replaces_id=turn_id,
            file=FilePlace("", scans[0], 0, is_scan=True),
            model=context.store.chats.state(call.chat).model,
        ),
        replaces_messages=tuple(conversations.answer_message_ids(turn_id)),
        reads_file=True,
    )


async def on_search_button(context: BotContext, call: CommandCall) -> CommandResult:
    """Ask what to look for, as a reply to the message that asks."""
    found = _turn(context, call)
    if found is None or found[1].file is None:
        return CommandResult(toast=texts.FILE_GONE)
    turn_id, turn = found
    place = turn.file
    message_id = place.message_id or turn.message_id if place else 0
    known = place and context.store.documents.find(turn.chat, message_id, place.number)
    if not known:
        return CommandResult(toast=texts.FILE_GONE)
    prompt = OutgoingMessage(
        call.chat,
        plain(texts.WHAT_TO_FIND.format(name=known[0].name)),
        turn_id=turn_id,
        asks_for_reply=True,
        searches_file=True,
    )
    return CommandResult(messages=(prompt,))


BUTTONS: dict[str, CommandFunc] = {
    "part": on_part_button,
    "scan": on_scan_button,
    "find": on_search_button,
}
