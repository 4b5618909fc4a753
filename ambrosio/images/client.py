"""Servers that make pictures: a provider's other half.

Knows how a picture is asked for, read and fetched. It does not decide whom to ask or when to try
again: that is the router's. Failures of the asking are translated in `providers`, the rest here.
"""

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from urllib.parse import urlsplit

import httpx

from .. import __version__
from ..config import image_models
from ..config.image_models import ImageModelConfig
from ..config.provider import Dialect
from ..core.addresses import is_local
from ..core.costs import Expense
from ..core.errors import (
    BadRequest,
    ContentFiltered,
    ContextTooLong,
    ImageModelNotFound,
    ImageNotFetched,
    ImageTooLarge,
    InvalidImage,
    ModelNotFound,
    NoText,
    ProviderError,
    ServerError,
)
from ..core.images import Image, ImagePrompt
from ..core.messages import ModelRef
from ..providers.openai_compatible import OpenAIProvider
from . import dialects, fitting, validation
from .dialects import ImageData
from .fitting import ImageRequest

log = logging.getLogger(__name__)

SECONDS = 120.0
# Without a graphics card, a picture takes minutes.
LOCAL_SECONDS = 1200.0
FETCH_SECONDS = 60.0
# A server at home has one card and paints one after the other anyway.
AT_ONCE, LOCAL_AT_ONCE = 4, 1
MAX_NAMES = 6
# together's file servers turn away those who do not say who they are.
HEADERS = {"user-agent": f"ambrosio/{__version__}"}


@dataclass(frozen=True, slots=True)
class Commission:
    """A wish on its way to a painter: one picture for each of the seeds.

    `reference` is a picture to be varied, `private` says that nothing may leave the house, and
    `person` is whose money it costs.
    """

    prompt: ImagePrompt
    seeds: tuple[int, ...]
    reference: bytes = field(default=b"", repr=False)
    local_only: bool = False
    user_id: int = 0


@dataclass(frozen=True, slots=True)
class ImageStarted:
    """Somebody has taken a commission on; `changes` say what is not as it was asked."""

    ref: ModelRef
    request: ImageRequest
    changes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ImageDone:
    """One picture; `lost` are the options that had to be left out, `usd` is None if not known."""

    image: Image
    usd: Decimal | None
    dropped_options: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ImageResponse:
    """What came of one request, and which options had to be left out for it."""

    images: tuple[Image, ...]
    dropped_options: frozenset[str] = frozenset()


class ImageClient:
    """One server that makes pictures, as its row describes it."""

    def __init__(
        self,
        provider: OpenAIProvider,
        rows: Mapping[str, ImageModelConfig],
        http: httpx.AsyncClient,
    ) -> None:
        row = provider.config
        self.name, self.local, self.model = provider.name, provider.local, row.image_model
        usual: Dialect = "together" if row.server_kind == "together" else "openai"
        self._dialect: Dialect = row.image_dialect or usual
        self._seconds = row.image_timeout_seconds or (LOCAL_SECONDS if self.local else SECONDS)
        self._provider, self.configs, self._http = provider, rows, http
        self._free_hands = asyncio.Semaphore(LOCAL_AT_ONCE if self.local else AT_ONCE)
        # What a server said by name that it does not take is not sent to that model again.
        self._refused: dict[str, frozenset[str]] = {}

    def config(self, model: str) -> ImageModelConfig:
        """Say what a model here can do."""
        return dialects.supported_by(
            image_models.look_up_image_model(model, self.configs), self._dialect
        )

    async def generate(
        self, model: str, commission: Commission
    ) -> AsyncGenerator[ImageStarted | ImageDone]:
        """Paint all of a commission side by side, or raise `ProviderError` behind what came of it.

        A picture is given when it is finished, whatever becomes of the others.
        """
        row = self.config(model)
        fitted = fitting.fit(
            commission.prompt, commission.seeds, model, row, reference=commission.reference
        )
        yield ImageStarted(ModelRef(self.name, model), fitted.requests[0], fitted.changes)
        failure: ProviderError | None = None
        async with asyncio.TaskGroup() as group:
            work = [group.create_task(self._outcome(each)) for each in fitted.requests]
            for coming in asyncio.as_completed(work):
                outcome = await coming
                if isinstance(outcome, ProviderError):
                    failure = failure or outcome
                    continue
                for picture in outcome.images:
                    steps = 0 if "steps" in outcome.dropped_options else fitted.requests[0].steps
                    usd = self._price(row, picture, steps=steps)
                    yield ImageDone(picture, usd, outcome.dropped_options)
        if failure:
            raise failure

    def max_cost(self, model: str, commission: Commission) -> Expense:
        """Say what a commission costs at most: all of its pictures, as large as they are asked."""
        row, count = self.config(model), len(commission.seeds)
        asked = fitting.fit(commission.prompt, commission.seeds, model, row).requests[0]
        width, height = asked.width, asked.height
        usd = image_models.price(row, width=width, height=height, steps=asked.steps)
        if self._free(row):
            usd = Decimal(0)
        counts = image_models.highest_price(width=width, height=height) if usd is None else usd
        return Expense(
            commission.user_id,
            ModelRef(self.name, model),
            None,
            None if usd is None else usd * count,
            charged_usd=counts * count,
            kind="image",
            images=count,
        )

    def _price(self, row: ImageModelConfig, picture: Image, *, steps: int) -> Decimal | None:
        """Work out what a picture has cost in US dollars, None when that is not known."""
        if self._free(row):
            return Decimal(0)
        return image_models.price(row, width=picture.width, height=picture.height, steps=steps)

    def _free(self, row: ImageModelConfig) -> bool:
        """Whether a picture costs nothing: at home, or where words do not and it has no price."""
        return self.local or not (self._provider.paid or row.usd or row.megapixel_usd)

    async def _outcome(self, request: ImageRequest) -> ImageResponse | ProviderError:
        """Draw, with a failure as something that comes back: the other pictures go on."""
        try:
            return await self.request(request)
        except ProviderError as exc:
            return exc

    async def request(self, request: ImageRequest) -> ImageResponse:
        """Serve one request with what of the pictures is whole, or raise `ProviderError`.

        What the server names as a parameter it does not take is left out; if it only says that the
        request is wrong, the plainest form of it is tried once.
        """
        async with self._free_hands:
            body = dialects.request_body(request, self.config(request.model), self._dialect)
            left_out = self._refused.get(request.model, frozenset())
            while True:
                try:
                    answer = await self._ask(body, left_out)
                except BadRequest as exc:
                    less = self._relax(exc, body.keys() - left_out)
                    if not less:
                        raise
                    log.info("%s refuses %s for %s", self.name, ", ".join(less), request.model)
                    left_out |= less
                    if exc.parameter in left_out:
                        self._refused[request.model] = left_out
                else:
                    lost = frozenset(dialects.OPTIONS.get(name, "") for name in left_out)
                    return ImageResponse(await self._images(answer, request, lost), lost)

    def _relax(self, exc: BadRequest, sent: set[str]) -> frozenset[str]:
        """Say which of the parameters sent to leave out, none if that would not help."""
        if isinstance(exc, ContextTooLong | ContentFiltered):
            return frozenset()
        optional = frozenset(sent) - dialects.ESSENTIAL
        if exc.parameter:
            return optional & {exc.parameter}
        return optional - {"response_format"}

    async def _ask(self, body: Mapping[str, object], left_out: frozenset[str]) -> object:
        sent = {name: value for name, value in body.items() if name not in left_out}
        count = sent["n"]
        # Base64 makes four bytes of three.
        most = validation.MAX_BYTES * 3 // 2 * (count if isinstance(count, int) else 1)
        try:
            raw = await self._provider.generate_images(sent, seconds=self._seconds, most=most)
        except ModelNotFound as exc:
            there = await self._served()
            raise ImageModelNotFound(self.name, model=exc.model, there=there) from exc
        try:
            return json.loads(raw)
        except ValueError as exc:
            # A page of some gateway, or the picture itself: nothing that can be relied on.
            raise ServerError(self.name) from exc

    async def _served(self) -> tuple[str, ...]:
        try:
            served = await self._provider.models()
        except ProviderError:
            return ()
        return tuple(each.id for each in served if each.kind == "image")[:MAX_NAMES]

    async def _images(
        self, answer: object, request: ImageRequest, lost: frozenset[str]
    ) -> tuple[Image, ...]:
        found: list[Image] = []
        failure: ProviderError = NoText(self.name)
        for number, item in enumerate(dialects.response_items(answer)):
            try:
                picture = await self._image(item)
            except ProviderError as exc:
                failure = exc
                continue
            known = request.seed is not None and "seed" not in lost
            seed = (request.seed or 0) + number if known else None
            found.append(replace(picture, seed=seed))
        if not found:
            raise failure
        return tuple(found[: request.count])

    async def _image(self, item: ImageData | None) -> Image:
        if item is None:
            raise InvalidImage(self.name)
        content = item.content or await self._fetch(item.url)
        if len(content) > validation.MAX_BYTES:
            raise ImageTooLarge(self.name)
        picture = validation.read_image(content)
        if picture is None:
            raise InvalidImage(self.name)
        return picture

    async def _fetch(self, url: str) -> bytes:
        """Get a picture from where the provider says it is, or raise.

        A server outside must not send us to an address inside, and one at home not outside.
        """
        if not self._may_be_fetched(url):
            raise ImageNotFetched(self.name)
        found = bytearray()
        try:
            async with (
                asyncio.timeout(FETCH_SECONDS),
                self._http.stream("GET", url, headers=HEADERS, timeout=FETCH_SECONDS) as answer,
            ):
                if answer.status_code != 200:
                    raise ImageNotFetched(self.name)
                async for piece in answer.aiter_bytes():
                    found += piece
                    if len(found) > validation.MAX_BYTES:
                        raise ImageTooLarge(self.name)
        except (TimeoutError, httpx.HTTPError, httpx.InvalidURL) as exc:
            raise ImageNotFetched(self.name) from exc
        return bytes(found)

    def _may_be_fetched(self, url: str) -> bool:
        try:
            there, here = urlsplit(url), urlsplit(self._provider.config.url)
            inside = is_local(url) or there.hostname == here.hostname
        except ValueError:
            return False
        return there.scheme in {"http", "https"} and inside == self.local
