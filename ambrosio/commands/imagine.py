"""/imagine: the command, the buttons under pictures, and what pictures look like in a chat.

What an option means is in `wishes`, who paints is the router's, and a picture's way through the bot
is in `easel`.
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
Write what you want to see behind the command:

/imagine a red fox in the snow

/imagine a harbour at dawn, watercolour --ar 16:9 --n 4 --no "people, text"

Options, anywhere in the text: `--n` 1 to 4 pictures, `--ar` 16:9 or `--size` 1024x768, `--seed`, \
`--steps`, `--no` what to avoid, `--model`. As a reply to a message it paints that message."""


# --- what is wanted -------------------------------------------------------------------------------


async def imagine(context: BotContext, call: CommandCall) -> CommandResult:
    """Paint what stands behind the command, else the message that it replies to."""
    wish = parse(call.args)
    if isinstance(wish, OptionError):
        return _option_error(wish, f"/imagine {call.args}")
    if not wish.prompt:
        wish = replace(wish, prompt=_prompt_replied_to(context, call))
    if not wish.prompt:
        return CommandResult(HELP)
    return CommandResult(image_order=ImageOrder(_turn(context, call, wish), wish))


def _prompt_replied_to(context: BotContext, call: CommandCall) -> str:
    """Give the text of the message that is replied to; of a picture, what it was made from."""
    if call.reply_to_id is not None:
        shown = context.store.image_set_at(call.chat, call.reply_to_id)
        if shown is not None and (found := context.store.image_set(shown)):
            return found[0].prompt.prompt
    return call.quote.strip()


def _option_error(fault: OptionError, text: str) -> CommandResult:
    """Say what would be right, and give the text back to be copied with a tap."""
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    return CommandResult(
        f"{fault.line} Edit your message, or copy it from here:\n\n{fence}\n{text}\n{fence}"
    )


def _turn(
    context: BotContext, call: CommandCall, wish: ImagePrompt, *, message: int | None = None
) -> Turn:
    old = call.reply_to_id
    return Turn(
        chat=call.chat,
        message_id=call.message_id if message is None else message,
        user_id=call.user_id,
        question=f"/imagine {wish.prompt}",
        parent_id=context.assistant.latest_turn_id(call.chat),
        model=context.store.chat_state(call.chat).model,
        local_only=old is not None and context.store.is_local_only(call.chat, old),
    )


def change_image(context: BotContext, call: CommandCall) -> CommandResult | None:
    """Understand words in reply to a picture as a wish for another one; the seed stays.

    Options among them count as they do behind the command. None if it replies to no picture.
    """
    shown = call.reply_to_id and context.store.image_set_at(call.chat, call.reply_to_id)
    found = context.store.image_set(shown) if shown else None
    if not found or not found[1]:
        return None
    painting, hung = found
    said = parse(call.args)
    if isinstance(said, OptionError):
        return _option_error(said, call.args)
    wish = _merge_options(painting.prompt, said)
    first = hung[0].seed if said.seed is None else said.seed
    seeds = () if first is None else tuple((first + more) % MAX_SEED for more in range(said.count))
    turn = replace(_turn(context, call, wish), question=call.args, parent_id=shown)
    return CommandResult(image_order=ImageOrder(turn, wish, seeds=seeds, change=said.prompt))


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
    found = context.store.image_set(int(call.args))
    if not found:
        return _image_forgotten()
    wish = found[0].prompt
    wish = replace(wish, seed=None, count=count or wish.count)
    return CommandResult(image_order=_order(context, call, wish))


async def on_vary_button(context: BotContext, call: CommandCall) -> CommandResult:
    """Paint from the picture where the model can, else with the seeds beside it."""
    number = int(call.args)
    found = context.store.image_set(number)
    if not found or not found[1]:
        return _image_forgotten()
    painting, hung = found
    seeds = ((min(painting.seeds) - 1) % MAX_SEED, (max(painting.seeds) + 1) % MAX_SEED)
    wish = replace(painting.prompt, seed=seeds[0], count=len(seeds), model=str(painting.ref or ""))
    note = "Varied: the seeds beside it"
    if hung[0].seed is None:
        note = "Varied: painted anew, since this model takes no seeds"
    order = replace(_order(context, call, wish), seeds=seeds, note=note)
    if _takes_reference(context.image_assistant, painting):
        reference = context.store.original(number, hung[0].number)
        if reference:
            order = replace(order, reference=reference, note="Varied: painted from the picture")
    return CommandResult(image_order=order)


def _takes_reference(studio: ImageAssistant, painting: ImageSet) -> bool:
    ref = painting.ref
    painter = studio.image_router.clients.get(ref.provider) if ref else None
    return bool(ref and painter and painter.config(ref.model).reference)


async def on_file_button(context: BotContext, call: CommandCall) -> CommandResult:
    """Send the originals as documents; those that are no longer kept are painted once more."""
    number = int(call.args)
    found = context.store.image_set(number)
    if not found or not found[1]:
        return _image_forgotten()
    painting, hung = found
    if all(each.there for each in hung):
        files = tuple(File(captions.name(each), image_number=each.number) for each in hung)
        return CommandResult(messages=(OutgoingMessage(call.chat, files=files, turn_id=number),))
    if any(each.seed is None for each in hung):
        return CommandResult(texts.NO_ORIGINAL)
    seeds = tuple(each.seed for each in hung if each.seed is not None)
    wish = replace(painting.prompt, seed=seeds[0], count=len(seeds), model=str(painting.ref or ""))
    note = "I no longer kept the original: painted once more with the same seed"
    return CommandResult(
        image_order=replace(_order(context, call, wish), seeds=seeds, originals=True, note=note)
    )


async def on_retry_button(context: BotContext, call: CommandCall) -> CommandResult:
    """Try once more what failed, or what is missing of it."""
    number = int(call.args)
    found, asked = context.store.image_set(number), context.store.turn(number)
    if not found or not asked:
        return _image_forgotten()
    painting, hung = found
    have = {each.seed for each in hung}
    missing = tuple(seed for seed in painting.seeds if seed not in have)
    if hung and (not missing or None in have):
        missing = painting.seeds[len(hung) :]
    if hung and not missing:
        return CommandResult(toast=texts.IMAGE_ALREADY_MADE)
    wish = replace(painting.prompt, count=len(missing) or painting.prompt.count)
    order = replace(_order(context, call, wish), seeds=missing)
    if not hung:
        order = replace(order, turn=replace(order.turn, replaces_id=number))
    return CommandResult(image_order=order)


def _order(context: BotContext, call: CommandCall, wish: ImagePrompt) -> ImageOrder:
    asked = context.store.turn(int(call.args))
    # In answer to the words, not to the picture whose button was pressed.
    message = asked.turn.message_id if asked else call.message_id
    return ImageOrder(_turn(context, call, wish, message=message), wish)


def _image_forgotten() -> CommandResult:
    return CommandResult(toast=texts.IMAGE_DELETED)


BUTTONS: Mapping[str, CommandFunc] = {
    "again": on_again_button,
    "vary": on_vary_button,
    "four": on_four_button,
    "file": on_file_button,
    "paint": on_retry_button,
}
