"""*Wrong?* under a transcript: asking for what was really said."""

from ..core import texts
from ..core.messages import Button, OutgoingMessage
from ..markdown import plain
from .context import BotContext, CommandCall, CommandResult


def wrong_button(recording_message_id: int) -> Button:
    """Return the button under the transcript of a recording."""
    return Button("Wrong?", "wrong", str(recording_message_id))


async def on_wrong_button(context: BotContext, call: CommandCall) -> CommandResult:
    """Ask for the right text, as a reply to the message that asks."""
    recording_id = int(call.args) if call.args.lstrip("-").isdigit() else 0
    speaker = context.store.transcripts.speaker(call.chat, recording_id)
    if speaker is None:
        return CommandResult(toast=texts.TRANSCRIPT_GONE)
    if speaker != call.user_id:
        return CommandResult(toast=texts.NOT_YOUR_RECORDING)
    prompt = OutgoingMessage(
        call.chat,
        plain(texts.WHAT_WAS_SAID),
        reply_to_id=recording_id,
        recording_message_id=recording_id,
        asks_for_reply=True,
    )
    return CommandResult(messages=(prompt,))
