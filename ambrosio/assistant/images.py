"""One order for pictures, whatever the channel it comes by: choose seeds, ask, keep.

What `assistant` is for words. It knows neither Telegram nor a terminal. A failed order keeps its
wish, so that it can be tried again.
"""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from decimal import Decimal

from ..core.errors import AllFailed, AmbrosioError, NoProvider
from ..core.images import Picture, Wish
from ..core.messages import Begun, Delta, ModelRef, Outgoing, Sent, Turn
from ..images.client import Commission, Painted, Taken
from ..images.options import SEEDS
from ..router import Ask, Gallery, Router
from ..store import Answered, Painting, Row, Store
from .progress import Progress

# Chosen seeds are short enough to be typed.
CHOSEN_SEEDS = 10**9

REWRITE = """\
You write prompts for an image model. You are given the prompt of a picture and what somebody said \
about the picture. If they want another picture, answer with the whole new prompt: take over what \
they did not ask to change, keep the language of the old prompt, and write nothing else. If they \
want no other picture (thanks, a question), answer with the one word TALK."""
TALK = "TALK"


@dataclass(frozen=True, slots=True)
class Order:
    """A turn that pictures answer.

    Args:
        turn: who asked where, and which turn it continues.
        wish: what is to be painted.
        seeds: one for each picture; chosen if there are none.
        reference: a picture to be varied, where the model can.
        change: what was said about an older picture; the wish's prompt is written anew for it.
        note: is said under the pictures.
        originals: send them as documents.
        private: nothing may leave the house.
    """

    turn: Turn
    wish: Wish
    seeds: tuple[int, ...] = ()
    reference: bytes = field(default=b"", repr=False)
    change: str = ""
    note: str = ""
    originals: bool = False
    private: bool = False

    @property
    def retold(self) -> "Order":
        """The same without a text model: what was said stands behind the old prompt."""
        if not self.change:
            return self
        prompt = f"{self.wish.prompt}, {self.change}"
        return replace(self, wish=replace(self.wish, prompt=prompt), change="")


class Canvas(Progress):
    """Pictures while they are made, for those who show it, and the way to stop it."""

    def __init__(self, message: int = 0) -> None:
        super().__init__(message)
        self.taken: Taken | None = None
        self.painted: list[Painted] = []
        self.moved = asyncio.Event()

    def take(self, part: Taken | Painted) -> None:
        """Take in what has come of it."""
        match part:
            case Taken():
                self.taken = part
            case Painted():
                self.painted.append(part)
        self.moved.set()

    def status(self, order: Order) -> str:
        """Say in a line what is being made, and how far it is."""
        count = len(order.seeds) or order.wish.count
        what = "1 picture" if count == 1 else f"{count} pictures"
        ready = f", {len(self.painted)} ready" if self.painted else ""
        by = f" with {self.taken.ref.model.rpartition('/')[2]}" if self.taken else ""
        return f"Painting {what}{by}{ready}: {order.wish.prompt[:200]}"


@dataclass(slots=True)
class Work:
    """What came of an order: pictures, in the order of their seeds, and what kept others away."""

    order: Order
    seeds: tuple[int, ...] = ()
    taken: Taken | None = None
    painted: list[Painted] = field(default_factory=list)
    seconds: float = 0.0
    stopped: bool = False
    failure: AmbrosioError | None = None

    @property
    def pictures(self) -> tuple[Picture, ...]:
        """The pictures alone."""
        return tuple(each.picture for each in self.painted)

    @property
    def missing(self) -> int:
        """How many of the pictures there are not."""
        return len(self.seeds) - len(self.painted)

    @property
    def usd(self) -> Decimal | None:
        """What the pictures have cost, None if that is not known."""
        costs = [each.usd for each in self.painted if each.usd is not None]
        return sum(costs, Decimal(0)) if costs else None

    @property
    def ref(self) -> ModelRef | None:
        """Who painted."""
        return self.taken.ref if self.taken and self.painted else None

    @property
    def painting(self) -> Painting:
        """What is kept of it."""
        return Painting(self.order.wish, self.seeds, self.ref, self.pictures)


class Studio:
    """Has pictures made by whatever painter the router finds."""

    def __init__(
        self,
        store: Store,
        router: Router,
        gallery: Gallery,
        *,
        now: Callable[[], float],
        dice: Callable[[int], int],
    ) -> None:
        self.store = store
        self.router, self.gallery = router, gallery
        self._now, self._dice = now, dice

    async def paint(self, order: Order, canvas: Canvas) -> Work | None:
        """Have an order painted; None if nobody wants a picture after all.

        Args:
            order: what is wanted; failures are part of what comes back.
            canvas: grows with the work, and may be stopped.
        """
        work, began = Work(order), self._now()
        try:
            async with asyncio.timeout(None) as scope:
                canvas.arm(scope)
                try:
                    if order.change and not await self._rewritten(work):
                        return None
                    work.seeds = order.seeds or self._seeds(work.order.wish)
                    await self._watch(work, canvas)
                finally:
                    canvas.arm(None)
        except TimeoutError:
            # The scope has no limit of its own: somebody pressed Stop.
            work.stopped = True
        except (AllFailed, NoProvider) as exc:
            work.failure = exc
        work.taken, work.painted = canvas.taken, self._in_order(work.seeds, canvas.painted)
        work.seconds = self._now() - began
        return work

    async def _watch(self, work: Work, canvas: Canvas) -> None:
        order = work.order
        commission = Commission(
            order.wish,
            work.seeds,
            reference=order.reference,
            private=order.private,
            person=order.turn.person,
        )
        async with aclosing(self.gallery.paint(commission)) as parts:
            async for part in parts:
                if isinstance(part, Taken):
                    self.store.went(order.turn.place, part.ref.provider)
                canvas.take(part)

    def _seeds(self, wish: Wish) -> tuple[int, ...]:
        first = self._dice(CHOSEN_SEEDS) if wish.seed is None else wish.seed
        return tuple((first + number) % SEEDS for number in range(wish.count))

    def _in_order(self, seeds: tuple[int, ...], painted: list[Painted]) -> list[Painted]:
        places = {seed: place for place, seed in enumerate(seeds)}
        return sorted(painted, key=lambda each: places.get(each.picture.seed or 0, 0))

    async def _rewritten(self, work: Work) -> bool:
        """Let a model write the prompt anew; False if no picture is wanted at all.

        Where no model answers, what was said is put behind the old prompt.
        """
        order, said = work.order, ""
        # What is stopped or fails from here on can be tried again without losing what was said.
        work.order = order.retold
        question = f"Prompt: {order.wish.prompt}\n\nSaid: {order.change}"
        ask = Ask(
            REWRITE,
            (),
            question,
            model=order.turn.model,
            private=order.private,
            person=order.turn.person,
        )
        try:
            async with aclosing(self.router.stream(ask)) as parts:
                async for part in parts:
                    match part:
                        case Sent():
                            self.store.went(order.turn.place, part.ref.provider)
                        case Delta():
                            said += part.text
                        case Begun():
                            said = ""
                        case _:
                            pass
        except (AllFailed, NoProvider):
            said = work.order.wish.prompt
        prompt = said.strip().strip('"“”').strip()
        if prompt.upper().startswith(TALK) or not prompt:
            return False
        work.order = replace(order, wish=replace(order.wish, prompt=prompt))
        return True

    def keep(
        self, work: Work, replies: Iterable[Outgoing] = (), row: Row | None = None
    ) -> int | None:
        """Keep all that came of an order in one transaction; give the turn's id."""
        history = self.store.history(work.order.turn.parent)
        answered = Answered(
            turn=work.order.turn,
            text=_told(work) if work.painted else None,
            start=history[0].turn if history else None,
            ref=work.ref,
        )
        return self.store.finish(row, replies, answered, work.painting)

    def name(self, ref: ModelRef) -> str:
        """Say what people call a model."""
        row = self.gallery.painters[ref.provider].row(ref.model)
        return row.name or ref.model.rpartition("/")[2]


def _told(work: Work) -> str:
    """Say to the models that answer later what is to be seen in the chat."""
    count = len(work.painted)
    what = "a picture" if count == 1 else f"{count} pictures"
    return f"[Here {what} of this was shown: {work.order.wish.prompt}]"
