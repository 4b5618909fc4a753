"""`/voice` and *Read aloud*: answers as voice notes; *Wrong?*: what was really said."""

from dataclasses import replace

from ..core import texts
from ..core.messages import Button, OutgoingMessage
from ..core.sound_errors import NoLocalSpeaker, NoSpeaker
from ..markdown import plain
from .context import BotContext, CommandCall, CommandResult


def wrong_button(recording_message_id: int) -> Button:
    """Return the button under the transcript of a recording."""
    return Button("Wrong?", "wrong", str(recording_message_id))


async def on_wrong_button(context: BotContext, call: CommandCall) -> CommandResult:
    """Ask for the right text, as a reply to the message that asks."""
    recording_id = call.number
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


async def voice(context: BotContext, call: CommandCall) -> CommandResult:
    """Turn answers by voice on or off for this chat."""
    state = context.store.chats.state(call.chat)
    setting = call.args.strip().lower()
    if setting not in {"", "on", "off"}:
        return CommandResult(texts.VOICE_ON_OR_OFF)
    on = not state.voice if not setting else setting == "on"
    local_only = context.assistant.is_local_only(call.chat)
    if on and not await context.speech.calls.able(local_only=local_only):
        failure = (NoLocalSpeaker if local_only else NoSpeaker)()
        is_owner = call.user_id in context.owners()
        return CommandResult(failure.owner_message if is_owner else failure.user_message)
    context.store.chats.set_state(call.chat, replace(state, voice=on))
    if on:
        return CommandResult("I answer voice notes by voice now. /voice off turns this off.")
    text = "I answer voice notes in writing now."
    if await context.speech.calls.able(local_only=local_only):
        text += " *Read aloud* is still under each answer."
    return CommandResult(text)


async def on_speak_button(context: BotContext, call: CommandCall) -> CommandResult:
    """Read the answer above the button aloud."""
    stored = context.pressed_turn(call)
    if stored is None or stored.answer is None:
        return CommandResult(toast=texts.TURN_DELETED)
    return CommandResult(reads_turn_id=stored.turn_id)
