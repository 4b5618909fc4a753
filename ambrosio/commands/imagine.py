"""`/imagine`: the command, replies to images, and the buttons under images.

`images.options` parses the options, `bot.image_handler` carries out the order, and
`bot.image_view` says how the result looks.
"""

import re
from collections.abc import Mapping
from dataclasses import replace

from ..assistant import captions
from ..assistant.images import ImageAssistant
from ..core import texts
from ..core.images import ImageOrder, ImagePrompt
from ..core.messages import File, OutgoingMessage, Turn
from ..images.options import MAX_SEED, OptionError, parse
from ..store import ImageSet
from .context import BotContext, CommandCall, CommandFunc, CommandResult

HELP = """\
Write what you want to see after the command:

/imagine a red fox in the snow

/imagine a harbour at dawn, watercolour --ar 16:9 --n 4 --no "people, text"

Options, anywhere in the text: `--n` 1 to 4 images, `--ar` 16:9 or `--size` 1024x768, `--seed`, \
`--steps`, `--no` what to avoid, `--model`. As a reply to a message, it takes that as the prompt."""


# --- the command ----------------------------------------------------------------------------------


async def imagine(context: BotContext, call: CommandCall) -> CommandResult:
    """Generate images of the prompt behind the command, else of the message it replies to."""
    prompt = parse(call.args)
    if isinstance(prompt, OptionError):
        return _option_error(prompt, f"/imagine {call.args}")
    if not prompt.prompt:
        prompt = replace(prompt, prompt=_prompt_replied_to(context, call))
    if not prompt.prompt:
        return CommandResult(HELP)
    return CommandResult(image_order=ImageOrder(_turn(context, call, prompt), prompt))


def _prompt_replied_to(context: BotContext, call: CommandCall) -> str:
    """Return the text of the message replied to; of an image, its prompt."""
    if call.reply_to_id is not None:
        shown_turn_id = context.store.images.turn_id_at(call.chat, call.reply_to_id)
        if shown_turn_id is not None and (found := context.store.images.image_set(shown_turn_id)):
            return found[0].prompt.prompt
    return call.quote.strip()


def _option_error(error: OptionError, text: str) -> CommandResult:
    """Explain the error, and repeat the text so that a tap copies it."""
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    return CommandResult(
        f"{error.line} Edit your message, or copy it from here:\n\n{fence}\n{text}\n{fence}"
    )


def _turn(
    context: BotContext, call: CommandCall, prompt: ImagePrompt, *, message: int | None = None
) -> Turn:
    previous = call.reply_to_id
    return Turn(
        chat=call.chat,
        message_id=call.message_id if message is None else message,
        user_id=call.user_id,
        question=f"/imagine {prompt.prompt}",
        parent_id=context.assistant.latest_turn_id(call.chat),
        model=context.store.chats.state(call.chat).model,
        local_only=previous is not None
        and context.store.conversations.is_local_only(call.chat, previous),
    )


def change_image(context: BotContext, call: CommandCall) -> CommandResult | None:
    """Treat a reply to an image as a request to change it; the seed stays.

    Options in it count as they do behind the command. None if it does not reply to an image.
    """
    shown_turn_id = call.reply_to_id and context.store.images.turn_id_at(
        call.chat, call.reply_to_id
    )
    found = context.store.images.image_set(shown_turn_id) if shown_turn_id else None
    if not found or not found[1]:
        return None
    image_set, stored = found
    change = parse(call.args)
    if isinstance(change, OptionError):
        return _option_error(change, call.args)
    prompt = _merge_options(image_set.prompt, change)
    first = stored[0].seed if change.seed is None else change.seed
    seeds = (
        () if first is None else tuple((first + step) % MAX_SEED for step in range(change.count))
    )
    turn = replace(_turn(context, call, prompt), question=call.args, parent_id=shown_turn_id)
    return CommandResult(image_order=ImageOrder(turn, prompt, seeds=seeds, change=change.prompt))


def _merge_options(previous: ImagePrompt, change: ImagePrompt) -> ImagePrompt:
    """Put the options of a reply over those of the earlier prompt."""
    shape_source = change if change.ratio or change.size else previous
    return replace(
        previous,
        count=change.count,
        ratio=shape_source.ratio,
        size=shape_source.size,
        seed=change.seed,
        steps=change.steps or previous.steps,
        negative_prompt=change.negative_prompt or previous.negative_prompt,
        model=change.model or previous.model,
    )


# --- buttons under images -------------------------------------------------------------------------


async def on_again_button(context: BotContext, call: CommandCall) -> CommandResult:
    """Generate the same prompt with new seeds."""
    return _repeat(context, call)


async def on_four_button(context: BotContext, call: CommandCall) -> CommandResult:
    """Generate the same prompt four times, with new seeds."""
    return _repeat(context, call, count=4)


def _repeat(context: BotContext, call: CommandCall, *, count: int = 0) -> CommandResult:
    found = context.pressed_images(call)
    if not found:
        return _image_forgotten()
    prompt = found[0].prompt
    prompt = replace(prompt, seed=None, count=count or prompt.count)
    return CommandResult(image_order=_order(context, call, prompt))


async def on_vary_button(context: BotContext, call: CommandCall) -> CommandResult:
    """Vary the image itself where the model can, else use the neighbouring seeds."""
    turn_id = call.number
    found = context.pressed_images(call)
    if not found or not found[1]:
        return _image_forgotten()
    image_set, stored = found
    seeds = ((min(image_set.seeds) - 1) % MAX_SEED, (max(image_set.seeds) + 1) % MAX_SEED)
    prompt = replace(
        image_set.prompt, seed=seeds[0], count=len(seeds), model=str(image_set.ref or "")
    )
    note = "Variations with the next seeds"
    if stored[0].seed is None:
        note = "A new image, because this model takes no seeds"
    order = replace(_order(context, call, prompt), seeds=seeds, note=note)
    if _takes_reference(context.image_assistant, image_set):
        reference = context.store.images.original(turn_id, stored[0].number)
        if reference:
            order = replace(order, reference=reference, note="A variation of the image")
    return CommandResult(image_order=order)


def _takes_reference(assistant: ImageAssistant, image_set: ImageSet) -> bool:
    ref = image_set.ref
    client = assistant.image_router.clients.get(ref.provider) if ref else None
    return bool(ref and client and client.config(ref.model).reference)


async def on_file_button(context: BotContext, call: CommandCall) -> CommandResult:
    """Send the originals as documents; generate again those that are no longer kept."""
    turn_id = call.number
    found = context.pressed_images(call)
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
    note = "The original was deleted, so this was made again with the same seed"
    return CommandResult(
        image_order=replace(_order(context, call, prompt), seeds=seeds, originals=True, note=note)
    )


async def on_retry_button(context: BotContext, call: CommandCall) -> CommandResult:
    """Retry an order that failed, or the images that are missing."""
    turn_id = call.number
    found, stored_turn = (
        context.pressed_images(call),
        context.pressed_turn(call),
    )
    if not found or not stored_turn:
        return _image_forgotten()
    image_set, stored = found
    have = {image.seed for image in stored}
    missing = tuple(seed for seed in image_set.seeds if seed not in have)
    if stored and (not missing or None in have):
        missing = image_set.seeds[len(stored) :]
    if stored and not missing:
        return CommandResult(toast=texts.IMAGE_ALREADY_MADE)
    prompt = replace(image_set.prompt, count=len(missing) or image_set.prompt.count)
    order = replace(_order(context, call, prompt), seeds=missing)
    if not stored:
        order = replace(order, turn=replace(order.turn, replaces_id=turn_id))
    return CommandResult(image_order=order)


def _order(context: BotContext, call: CommandCall, prompt: ImagePrompt) -> ImageOrder:
    stored_turn = context.pressed_turn(call)
    # In reply to the question, not to the image whose button was pressed.
    message = stored_turn.turn.message_id if stored_turn else call.message_id
    return ImageOrder(_turn(context, call, prompt, message=message), prompt)


def _image_forgotten() -> CommandResult:
    return CommandResult(toast=texts.IMAGE_DELETED)


BUTTONS: Mapping[str, CommandFunc] = {
    "again": on_again_button,
    "vary": on_vary_button,
    "four": on_four_button,
    "file": on_file_button,
    "retry_images": on_retry_button,
}
