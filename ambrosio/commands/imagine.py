"""/imagine: the command, the buttons under pictures, and what pictures look like in a chat.

What an option means is in `wishes`, who paints is the router's, and a picture's way through the bot
is in `easel`.
"""

import re
from collections.abc import Mapping
from dataclasses import replace

from ..assistant import captions
from ..assistant.images import ImageAssistant, ImageOrder
from ..core import texts
from ..core.images import ImagePrompt
from ..core.messages import File, OutgoingMessage, Turn
from ..images.options import MAX_SEED, OptionError, parse
from ..store import ImageSet
from .context import BotContext, CommandCall, CommandFunc, CommandResult

HELP = """\
Write what you want to see behind the command:

/imagine a red fox in the snow

/imagine a harbour at dawn, watercolour --ar 16:9 --n 4 --no "people, text"

Options, anywhere in the text: `--n` 1 to 4 pictures, `--ar` 16:9 or `--size` 1024x768, `--seed`, \
`--steps`, `--no` what to avoid, `--model`. As a reply to a message it paints that message."""


# --- what is wanted -------------------------------------------------------------------------------


async def imagine(context: BotContext, call: CommandCall) -> CommandResult:
    """Paint what stands behind the command, else the message that it replies to."""
    prompt = parse(call.args)
    if isinstance(prompt, OptionError):
        return _option_error(prompt, f"/imagine {call.args}")
    if not prompt.prompt:
        prompt = replace(prompt, prompt=_prompt_replied_to(context, call))
    if not prompt.prompt:
        return CommandResult(HELP)
    return CommandResult(image_order=ImageOrder(_turn(context, call, prompt), prompt))


def _prompt_replied_to(context: BotContext, call: CommandCall) -> str:
    """Give the text of the message that is replied to; of a picture, what it was made from."""
    if call.reply_to_id is not None:
        shown_turn_id = context.store.images.turn_id_at(call.chat, call.reply_to_id)
        if shown_turn_id is not None and (found := context.store.images.image_set(shown_turn_id)):
            return found[0].prompt.prompt
    return call.quote.strip()


def _option_error(error: OptionError, text: str) -> CommandResult:
    """Say what would be right, and give the text back to be copied with a tap."""
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    return CommandResult(
        f"{error.line} Edit your message, or copy it from here:\n\n{fence}\n{text}\n{fence}"
    )


def _turn(
    context: BotContext, call: CommandCall, prompt: ImagePrompt, *, message: int | None = None
) -> Turn:
    old = call.reply_to_id
    return Turn(
        chat=call.chat,
        message_id=call.message_id if message is None else message,
        user_id=call.user_id,
        question=f"/imagine {prompt.prompt}",
        parent_id=context.assistant.latest_turn_id(call.chat),
        model=context.store.conversations.chat_state(call.chat).model,
        local_only=old is not None and context.store.conversations.is_local_only(call.chat, old),
    )


def change_image(context: BotContext, call: CommandCall) -> CommandResult | None:
    """Understand words in reply to a picture as a wish for another one; the seed stays.

    Options among them count as they do behind the command. None if it replies to no picture.
    """
    shown_turn_id = call.reply_to_id and context.store.images.turn_id_at(
        call.chat, call.reply_to_id
    )
    found = context.store.images.image_set(shown_turn_id) if shown_turn_id else None
    if not found or not found[1]:
        return None
    image_set, stored = found
    said = parse(call.args)
    if isinstance(said, OptionError):
        return _option_error(said, call.args)
    prompt = _merge_options(image_set.prompt, said)
    first = stored[0].seed if said.seed is None else said.seed
    seeds = () if first is None else tuple((first + more) % MAX_SEED for more in range(said.count))
    turn = replace(_turn(context, call, prompt), question=call.args, parent_id=shown_turn_id)
    return CommandResult(image_order=ImageOrder(turn, prompt, seeds=seeds, change=said.prompt))


def _merge_options(old: ImagePrompt, said: ImagePrompt) -> ImagePrompt:
    """Put the options that somebody said over those of an older wish."""
    shaped = said if said.ratio or said.size else old
    return replace(
        old,
        count=said.count,
        ratio=shaped.ratio,
        size=shaped.size,
        seed=said.seed,
        steps=said.steps or old.steps,
        negative_prompt=said.negative_prompt or old.negative_prompt,
        model=said.model or old.model,
    )


# --- buttons under pictures -----------------------------------------------------------------------


async def on_again_button(context: BotContext, call: CommandCall) -> CommandResult:
    """Paint the same with new seeds."""
    return _repeat(context, call)


async def on_four_button(context: BotContext, call: CommandCall) -> CommandResult:
    """Paint the same four times, with new seeds."""
    return _repeat(context, call, count=4)


def _repeat(context: BotContext, call: CommandCall, *, count: int = 0) -> CommandResult:
    found = context.store.images.image_set(int(call.args))
    if not found:
        return _image_forgotten()
    prompt = found[0].prompt
    prompt = replace(prompt, seed=None, count=count or prompt.count)
    return CommandResult(image_order=_order(context, call, prompt))


async def on_vary_button(context: BotContext, call: CommandCall) -> CommandResult:
    """Paint from the picture where the model can, else with the seeds beside it."""
    turn_id = int(call.args)
    found = context.store.images.image_set(turn_id)
    if not found or not found[1]:
        return _image_forgotten()
    image_set, stored = found
    seeds = ((min(image_set.seeds) - 1) % MAX_SEED, (max(image_set.seeds) + 1) % MAX_SEED)
    prompt = replace(
        image_set.prompt, seed=seeds[0], count=len(seeds), model=str(image_set.ref or "")
    )
    note = "Varied: the seeds beside it"
    if stored[0].seed is None:
        note = "Varied: painted anew, since this model takes no seeds"
    order = replace(_order(context, call, prompt), seeds=seeds, note=note)
    if _takes_reference(context.image_assistant, image_set):
        reference = context.store.images.original(turn_id, stored[0].number)
        if reference:
            order = replace(order, reference=reference, note="Varied: painted from the picture")
    return CommandResult(image_order=order)


def _takes_reference(assistant: ImageAssistant, image_set: ImageSet) -> bool:
    ref = image_set.ref
    client = assistant.image_router.clients.get(ref.provider) if ref else None
    return bool(ref and client and client.config(ref.model).reference)


async def on_file_button(context: BotContext, call: CommandCall) -> CommandResult:
    """Send the originals as documents; those that are no longer kept are painted once more."""
    turn_id = int(call.args)
    found = context.store.images.image_set(turn_id)
    if not found or not found[1]:
        return _image_forgotten()
    image_set, stored = found
    if all(image.available for image in stored):
        files = tuple(File(captions.name(image), image_number=image.number) for image in stored)
        return CommandResult(messages=(OutgoingMessage(call.chat, files=files, turn_id=turn_id),))
    if any(image.seed is None for image in stored):
        return CommandResult(texts.NO_ORIGINAL)
    seeds = tuple(image.seed for image in stored if image.seed is not None)
    prompt = replace(
        image_set.prompt, seed=seeds[0], count=len(seeds), model=str(image_set.ref or "")
    )
    note = "I no longer kept the original: painted once more with the same seed"
    return CommandResult(
        image_order=replace(_order(context, call, prompt), seeds=seeds, originals=True, note=note)
    )


async def on_retry_button(context: BotContext, call: CommandCall) -> CommandResult:
    """Try once more what failed, or what is missing of it."""
    turn_id = int(call.args)
    found, asked = (
        context.store.images.image_set(turn_id),
        context.store.conversations.turn(turn_id),
    )
    if not found or not asked:
        return _image_forgotten()
    image_set, stored = found
    have = {image.seed for image in stored}
    missing = tuple(seed for seed in image_set.seeds if seed not in have)
    if stored and (not missing or None in have):
        missing = image_set.seeds[len(stored) :]
    if stored and not missing:
        return CommandResult(toast=texts.IMAGE_DONE)
    prompt = replace(image_set.prompt, count=len(missing) or image_set.prompt.count)
    order = replace(_order(context, call, prompt), seeds=missing)
    if not stored:
        order = replace(order, turn=replace(order.turn, replaces_id=turn_id))
    return CommandResult(image_order=order)


def _order(context: BotContext, call: CommandCall, prompt: ImagePrompt) -> ImageOrder:
    asked = context.store.conversations.turn(int(call.args))
    # In answer to the words, not to the picture whose button was pressed.
    message = asked.turn.message_id if asked else call.message_id
    return ImageOrder(_turn(context, call, prompt, message=message), prompt)


def _image_forgotten() -> CommandResult:
    return CommandResult(toast=texts.IMAGE_FORGOTTEN)


BUTTONS: Mapping[str, CommandFunc] = {
    "again": on_again_button,
    "vary": on_vary_button,
    "four": on_four_button,
    "file": on_file_button,
    "retry_images": on_retry_button,
}
