"""One order for pictures, whatever the channel it comes by: choose seeds, ask, keep.

What `assistant` is for words. It knows neither Telegram nor a terminal. A failed order keeps its
wish, so that it can be tried again.
"""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from decimal import Decimal

from ..core.errors import AllProvidersFailed, AmbrosioError, NoProvider
from ..core.images import Image, ImageOrder, ImagePrompt
from ..core.messages import AnswerStarted, Delta, ModelRef, OutgoingMessage, RequestSent
from ..images.client import ImageDone, ImageStarted
from ..images.options import MAX_SEED
from ..router import CompletionRequest, ImageRouter, Router
from ..store import ImageSet, InboxItem, Store, TurnResult
from .progress import Progress

# Chosen seeds are short enough to be typed.
CHOSEN_SEEDS = 10**9

REWRITE = """\
You write prompts for an image model. You are given the prompt of a picture and what somebody said \
about the picture. If they want another picture, answer with the whole new prompt: take over what \
they did not ask to change, keep the language of the old prompt, and write nothing else. If they \
want no other picture (thanks, a question), answer with the one word TALK."""
TALK = "TALK"


class ImageProgress(Progress):
    """Pictures while they are made, for those who show it, and the way to stop it."""

    def __init__(self, message: int = 0) -> None:
        super().__init__(message)
        self.started: ImageStarted | None = None
        self.done: list[ImageDone] = []
        self.moved = asyncio.Event()

    def feed(self, part: ImageStarted | ImageDone) -> None:
        """Take in what has come of it."""
        match part:
            case ImageStarted():
                self.started = part
            case ImageDone():
                self.done.append(part)
        self.moved.set()

    def status(self, order: ImageOrder) -> str:
        """Say in a line what is being made, and how far it is."""
        count = len(order.seeds) or order.prompt.count
        what = "1 picture" if count == 1 else f"{count} pictures"
        ready = f", {len(self.done)} ready" if self.done else ""
        by = f" with {self.started.ref.model.rpartition('/')[2]}" if self.started else ""
        return f"Painting {what}{by}{ready}: {order.prompt.prompt[:200]}"


@dataclass(slots=True)
class ImageResult:
    """What came of an order: pictures, in the order of their seeds, and what kept others away."""

    order: ImageOrder
    seeds: tuple[int, ...] = ()
    started: ImageStarted | None = None
    done: list[ImageDone] = field(default_factory=list)
    seconds: float = 0.0
    stopped: bool = False
    failure: AmbrosioError | None = None

    @property
    def images(self) -> tuple[Image, ...]:
        """The pictures alone."""
        return tuple(each.image for each in self.done)

    @property
    def missing(self) -> int:
        """How many of the pictures there are not."""
        return len(self.seeds) - len(self.done)

    @property
    def usd(self) -> Decimal | None:
        """What the pictures have cost, None if that is not known."""
        costs = [each.usd for each in self.done if each.usd is not None]
        return sum(costs, Decimal(0)) if costs else None

    @property
    def ref(self) -> ModelRef | None:
        """Who painted."""
        return self.started.ref if self.started and self.done else None

    @property
    def image_set(self) -> ImageSet:
        """What is kept of it."""
        return ImageSet(self.order.prompt, self.seeds, self.ref, self.images)


class ImageAssistant:
    """Has pictures made by whatever painter the router finds."""

    def __init__(
        self,
        store: Store,
        router: Router,
        gallery: ImageRouter,
        *,
        now: Callable[[], float],
        dice: Callable[[int], int],
    ) -> None:
        self.store = store
        self.router, self.image_router = router, gallery
        self._now, self._dice = now, dice

    async def generate(self, order: ImageOrder, canvas: ImageProgress) -> ImageResult | None:
        """Have an order painted; None if nobody wants a picture after all.

        Args:
            order: what is wanted; failures are part of what comes back.
            canvas: grows with the work, and may be stopped.
        """
        work, began = ImageResult(order), self._now()
        try:
            async with asyncio.timeout(None) as scope:
                canvas.bind_scope(scope)
                try:
                    if order.change and not await self._rewritten(work):
                        return None
                    work.seeds = order.seeds or self._seeds(work.order.prompt)
                    await self._watch(work, canvas)
                finally:
                    canvas.bind_scope(None)
        except TimeoutError:
            # The scope has no limit of its own: somebody pressed Stop.
            work.stopped = True
        except (AllProvidersFailed, NoProvider) as exc:
            work.failure = exc
        work.started, work.done = canvas.started, self._in_order(work.seeds, canvas.done)
        work.seconds = self._now() - began
        return work

    async def _watch(self, work: ImageResult, canvas: ImageProgress) -> None:
        order = replace(work.order, seeds=work.seeds)
        async with aclosing(self.image_router.generate(order)) as parts:
            async for part in parts:
                if isinstance(part, ImageStarted):
                    self.store.record_request(order.turn.chat, part.ref.provider)
                canvas.feed(part)

    def _seeds(self, wish: ImagePrompt) -> tuple[int, ...]:
        first = self._dice(CHOSEN_SEEDS) if wish.seed is None else wish.seed
        return tuple((first + number) % MAX_SEED for number in range(wish.count))

    def _in_order(self, seeds: tuple[int, ...], painted: list[ImageDone]) -> list[ImageDone]:
        chats = {seed: chat for chat, seed in enumerate(seeds)}
        return sorted(painted, key=lambda each: chats.get(each.image.seed or 0, 0))

    async def _rewritten(self, work: ImageResult) -> bool:
        """Let a model write the prompt anew; False if no picture is wanted at all.

        Where no model answers, what was said is put behind the old prompt.
        """
        order, said = work.order, ""
        # What is stopped or fails from here on can be tried again without losing what was said.
        work.order = order.without_rewrite
        question = f"Prompt: {order.prompt.prompt}\n\nSaid: {order.change}"
        ask = CompletionRequest(
            REWRITE,
            (),
            question,
            model=order.turn.model,
            local_only=order.local_only,
            user_id=order.turn.user_id,
        )
        try:
            async with aclosing(self.router.stream(ask)) as parts:
                async for part in parts:
                    match part:
                        case RequestSent():
                            self.store.record_request(order.turn.chat, part.ref.provider)
                        case Delta():
                            said += part.text
                        case AnswerStarted():
                            said = ""
                        case _:
                            pass
        except (AllProvidersFailed, NoProvider):
            said = work.order.prompt.prompt
        prompt = said.strip().strip('"“”').strip()
        if prompt.upper().startswith(TALK) or not prompt:
            return False
        work.order = replace(order, prompt=replace(order.prompt, prompt=prompt))
        return True

    def save(
        self,
        work: ImageResult,
        replies: Iterable[OutgoingMessage] = (),
        row: InboxItem | None = None,
    ) -> int | None:
        """Keep all that came of an order in one transaction; give the turn's id."""
        history = self.store.history(work.order.turn.parent_id)
        answered = TurnResult(
            turn=work.order.turn,
            text=_told(work) if work.done else None,
            first_turn_id=history[0].turn_id if history else None,
            ref=work.ref,
        )
        return self.store.finish(row, replies, answered, work.image_set)

    def name(self, ref: ModelRef) -> str:
        """Say what people call a model."""
        row = self.image_router.clients[ref.provider].config(ref.model)
        return row.name or ref.model.rpartition("/")[2]


def _told(work: ImageResult) -> str:
    """Say to the models that answer later what is to be seen in the chat."""
    count = len(work.done)
    what = "a picture" if count == 1 else f"{count} pictures"
    return f"[Here {what} of this was shown: {work.order.prompt.prompt}]"
