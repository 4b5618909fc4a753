"""/imagine: the command, the buttons under pictures, and what pictures look like in a chat.

What an option means is in `wishes`, who paints is the router's, and a picture's way through the bot
is in `easel`.
"""

import re
from collections.abc import Mapping
from dataclasses import replace

from ..assistant import captions
from ..assistant.images import Order, Studio
from ..core import texts
from ..core.images import Wish
from ..core.messages import File, Outgoing, Turn
from ..images.options import SEEDS, Fault, parse
from ..store import Painting
from .context import Call, Desk, Reply, Run

EXPLAINED = """\
Write what you want to see behind the command:

/imagine a red fox in the snow

/imagine a harbour at dawn, watercolour --ar 16:9 --n 4 --no "people, text"

Options, anywhere in the text: `--n` 1 to 4 pictures, `--ar` 16:9 or `--size` 1024x768, `--seed`, \
`--steps`, `--no` what to avoid, `--model`. As a reply to a message it paints that message."""


# --- what is wanted -------------------------------------------------------------------------------


async def imagine(desk: Desk, call: Call) -> Reply:
    """Paint what stands behind the command, else the message that it replies to."""
    wish = parse(call.args)
    if isinstance(wish, Fault):
        return _mended(wish, f"/imagine {call.args}")
    if not wish.prompt:
        wish = replace(wish, prompt=_prompt_replied_to(desk, call))
    if not wish.prompt:
        return Reply(EXPLAINED)
    return Reply(order=Order(_turn(desk, call, wish), wish))


def _prompt_replied_to(desk: Desk, call: Call) -> str:
    """Give the text of the message that is replied to; of a picture, what it was made from."""
    if call.replied_to is not None:
        shown = desk.store.painting_shown(call.place, call.replied_to)
        if shown is not None and (found := desk.store.painting(shown)):
            return found[0].wish.prompt
    return call.quote.strip()


def _mended(fault: Fault, text: str) -> Reply:
    """Say what would be right, and give the text back to be copied with a tap."""
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    return Reply(
        f"{fault.line} Edit your message, or copy it from here:\n\n{fence}\n{text}\n{fence}"
    )


def _turn(desk: Desk, call: Call, wish: Wish, *, message: int | None = None) -> Turn:
    old = call.replied_to
    return Turn(
        place=call.place,
        message=call.message if message is None else message,
        person=call.person,
        question=f"/imagine {wish.prompt}",
        parent=desk.assistant.head(call.place),
        model=desk.store.place(call.place).model,
        private=old is not None and desk.store.stays_home(call.place, old),
    )


def changed(desk: Desk, call: Call) -> Reply | None:
    """Understand words in reply to a picture as a wish for another one; the seed stays.

    Options among them count as they do behind the command. None if it replies to no picture.
    """
    shown = call.replied_to and desk.store.painting_shown(call.place, call.replied_to)
    found = desk.store.painting(shown) if shown else None
    if not found or not found[1]:
        return None
    painting, hung = found
    said = parse(call.args)
    if isinstance(said, Fault):
        return _mended(said, call.args)
    wish = _over(painting.wish, said)
    first = hung[0].seed if said.seed is None else said.seed
    seeds = () if first is None else tuple((first + more) % SEEDS for more in range(said.count))
    turn = replace(_turn(desk, call, wish), question=call.args, parent=shown)
    return Reply(order=Order(turn, wish, seeds=seeds, change=said.prompt))


def _over(old: Wish, said: Wish) -> Wish:
    """Put the options that somebody said over those of an older wish."""
    shaped = said if said.ratio or said.size else old
    return replace(
        old,
        count=said.count,
        ratio=shaped.ratio,
        size=shaped.size,
        seed=said.seed,
        steps=said.steps or old.steps,
        avoid=said.avoid or old.avoid,
        model=said.model or old.model,
    )


# --- buttons under pictures -----------------------------------------------------------------------


async def press_again(desk: Desk, call: Call) -> Reply:
    """Paint the same with new seeds."""
    return _repeated(desk, call)


async def press_four(desk: Desk, call: Call) -> Reply:
    """Paint the same four times, with new seeds."""
    return _repeated(desk, call, count=4)


def _repeated(desk: Desk, call: Call, *, count: int = 0) -> Reply:
    found = desk.store.painting(int(call.args))
    if not found:
        return _forgotten()
    wish = found[0].wish
    wish = replace(wish, seed=None, count=count or wish.count)
    return Reply(order=_order(desk, call, wish))


async def press_vary(desk: Desk, call: Call) -> Reply:
    """Paint from the picture where the model can, else with the seeds beside it."""
    number = int(call.args)
    found = desk.store.painting(number)
    if not found or not found[1]:
        return _forgotten()
    painting, hung = found
    seeds = ((min(painting.seeds) - 1) % SEEDS, (max(painting.seeds) + 1) % SEEDS)
    wish = replace(painting.wish, seed=seeds[0], count=len(seeds), model=str(painting.ref or ""))
    note = "Varied: the seeds beside it"
    if hung[0].seed is None:
        note = "Varied: painted anew, since this model takes no seeds"
    order = replace(_order(desk, call, wish), seeds=seeds, note=note)
    if _paints_from_pictures(desk.studio, painting):
        reference = desk.store.original(number, hung[0].number)
        if reference:
            order = replace(order, reference=reference, note="Varied: painted from the picture")
    return Reply(order=order)


def _paints_from_pictures(studio: Studio, painting: Painting) -> bool:
    ref = painting.ref
    painter = studio.gallery.painters.get(ref.provider) if ref else None
    return bool(ref and painter and painter.row(ref.model).reference)


async def press_file(desk: Desk, call: Call) -> Reply:
    """Send the originals as documents; those that are no longer kept are painted once more."""
    number = int(call.args)
    found = desk.store.painting(number)
    if not found or not found[1]:
        return _forgotten()
    painting, hung = found
    if all(each.there for each in hung):
        files = tuple(File(captions.name(each), picture=each.number) for each in hung)
        return Reply(sends=(Outgoing(call.place, files=files, turn=number),))
    if any(each.seed is None for each in hung):
        return Reply(texts.NO_ORIGINAL)
    seeds = tuple(each.seed for each in hung if each.seed is not None)
    wish = replace(painting.wish, seed=seeds[0], count=len(seeds), model=str(painting.ref or ""))
    note = "I no longer kept the original: painted once more with the same seed"
    return Reply(order=replace(_order(desk, call, wish), seeds=seeds, originals=True, note=note))


async def press_paint(desk: Desk, call: Call) -> Reply:
    """Try once more what failed, or what is missing of it."""
    number = int(call.args)
    found, asked = desk.store.painting(number), desk.store.turn(number)
    if not found or not asked:
        return _forgotten()
    painting, hung = found
    have = {each.seed for each in hung}
    missing = tuple(seed for seed in painting.seeds if seed not in have)
    if hung and (not missing or None in have):
        missing = painting.seeds[len(hung) :]
    if hung and not missing:
        return Reply(toast=texts.PAINTED)
    wish = replace(painting.wish, count=len(missing) or painting.wish.count)
    order = replace(_order(desk, call, wish), seeds=missing)
    if not hung:
        order = replace(order, turn=replace(order.turn, replaces=number))
    return Reply(order=order)


def _order(desk: Desk, call: Call, wish: Wish) -> Order:
    asked = desk.store.turn(int(call.args))
    # In answer to the words, not to the picture whose button was pressed.
    message = asked.turn.message if asked else call.message
    return Order(_turn(desk, call, wish, message=message), wish)


def _forgotten() -> Reply:
    return Reply(toast=texts.FORGOTTEN_PICTURE)


PRESSES: Mapping[str, Run] = {
    "again": press_again,
    "vary": press_vary,
    "four": press_four,
    "file": press_file,
    "paint": press_paint,
}
