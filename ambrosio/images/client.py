"""A client for the image half of a provider.

Sends requests, parses the responses and downloads the images. Does not choose the server or decide
when to try again: that is `router.images`. HTTP errors are translated in `providers`.
"""

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from urllib.parse import urljoin, urlsplit

import httpx

from .. import __version__
from ..config import image_models
from ..config.image_models import ImageModelConfig
from ..config.provider import Dialect
from ..core.addresses import may_be_local
from ..core.costs import Expense
from ..core.images import Image, ImageOrder
from ..core.messages import ModelRef
from ..core.provider_errors import (
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
from ..providers.content_refusals import refuses_content
from ..providers.openai_compatible import OpenAIProvider
from . import dialects, fitting, validation
from .fitting import ImageRequest

log = logging.getLogger(__name__)

TIMEOUT_SECONDS = 120.0
# Without a GPU, an image takes minutes.
LOCAL_TIMEOUT_SECONDS = 1200.0
FETCH_TIMEOUT_SECONDS = 60.0
MAX_REDIRECTS = 5
# Of a response that is no JSON, so much is searched for the reason.
MAX_REASON_BYTES = 4_000
MAX_PARALLEL_REQUESTS = 4
# A local server has one GPU and generates one image at a time anyway.
MAX_LOCAL_PARALLEL_REQUESTS = 1
# Model names listed in an error message.
MAX_NAMES = 6
# together's file servers reject requests without a user agent.
HEADERS = {"user-agent": f"ambrosio/{__version__}"}


@dataclass(frozen=True, slots=True)
class ImageStarted:
    """A client has accepted an order.

    Attributes:
        ref: the model that generates the images.
        request: the first of the requests.
        changes: how the requests differ from the order, a phrase each.
    """

    ref: ModelRef
    request: ImageRequest
    changes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ImageDone:
    """One image.

    Attributes:
        image: the image.
        usd: its price in US dollars, None if it is not known.
        dropped_options: the options that the server refused, so they were left out.
    """

    image: Image
    usd: Decimal | None
    dropped_options: frozenset[str] = frozenset()


class ImageClient:
    """Generates images at one provider.

    Args:
        provider: sends the requests, and holds the settings of the server.
        configs: models that the user configured, by id.
        http: downloads images for which the server gives a URL.
    """

    def __init__(
        self,
        provider: OpenAIProvider,
        configs: Mapping[str, ImageModelConfig],
        http: httpx.AsyncClient,
    ) -> None:
        settings = provider.config
        self.name, self.local, self.model = provider.name, provider.local, settings.image_model
        default: Dialect = "together" if settings.server_kind == "together" else "openai"
        self._dialect: Dialect = settings.image_dialect or default
        self._timeout_seconds = settings.image_timeout_seconds or (
            LOCAL_TIMEOUT_SECONDS if self.local else TIMEOUT_SECONDS
        )
        self._provider, self.configs, self._http = provider, configs, http
        self._slots = asyncio.Semaphore(
            MAX_LOCAL_PARALLEL_REQUESTS if self.local else MAX_PARALLEL_REQUESTS
        )
        # Parameters that a server refused by name, by model; they are not sent again.
        self._refused: dict[str, frozenset[str]] = {}

    def config(self, model: str) -> ImageModelConfig:
        """Return what a model can do on this server."""
        return dialects.supported_by(
            image_models.look_up_image_model(model, self.configs), self._dialect
        )

    async def generate(
        self, model: str, order: ImageOrder
    ) -> AsyncGenerator[ImageStarted | ImageDone]:
        """Yield each image as soon as it is finished, or raise `ProviderError`.

        The requests run in parallel. If one fails, the error is raised after the images of the
        others.
        """
        requests, changes = fitting.fit(order, model, self.config(model))
        yield ImageStarted(ModelRef(self.name, model), requests[0], changes)
        failure: ProviderError | None = None
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._catch_error(request)) for request in requests]
            for task in asyncio.as_completed(tasks):
                result = await task
                if isinstance(result, ProviderError):
                    failure = failure or result
                    continue
                for done in result:
                    yield done
        if failure:
            raise failure

    def max_cost(self, model: str, order: ImageOrder) -> Expense:
        """Return what an order costs if all of its images are generated at the requested size."""
        config, count = self.config(model), len(order.seeds)
        requests, _ = fitting.fit(order, model, config)
        width, height = requests[0].width, requests[0].height
        usd = self._price(config, width=width, height=height, steps=requests[0].steps)
        charged = image_models.highest_price(width=width, height=height) if usd is None else usd
        return Expense(
            order.turn.user_id,
            ModelRef(self.name, model),
            None,
            None if usd is None else usd * count,
            charged_usd=charged * count,
            kind="image",
            images=count,
        )

    def _price(
        self, config: ImageModelConfig, *, width: int, height: int, steps: int
    ) -> Decimal | None:
        """Return the price of one image in US dollars, or None if it is not known."""
        # A provider whose text models are free may still charge for images.
        if self.local or not (self._provider.paid or config.usd or config.megapixel_usd):
            return Decimal(0)
        return image_models.price(config, width=width, height=height, steps=steps)

    async def _catch_error(self, request: ImageRequest) -> tuple[ImageDone, ...] | ProviderError:
        """Return an error instead of raising it, which would cancel the other requests."""
        try:
            return await self.request(request)
        except ProviderError as exc:
            return exc

    async def request(self, request: ImageRequest) -> tuple[ImageDone, ...]:
        """Return the valid images of one request, or raise `ProviderError` if there are none.

        A parameter that the server refuses by name is left out. If the server refuses the request
        without naming a parameter, only the essential ones are sent, once.
        """
        async with self._slots:
            body = dialects.request_body(request, self.config(request.model), self._dialect)
            left_out = self._refused.get(request.model, frozenset())
            while True:
                try:
                    response = await self._send(body, left_out)
                except BadRequest as exc:
                    refused = self._find_refused(exc, body.keys() - left_out)
                    if not refused:
                        raise
                    log.info("%s refuses %s for %s", self.name, ", ".join(refused), request.model)
                    left_out |= refused
                    if exc.parameter in left_out:
                        self._refused[request.model] = left_out
                else:
                    dropped = frozenset(dialects.OPTIONS.get(name, "") for name in left_out)
                    return await self._read_images(response, request, dropped)

    def _find_refused(self, exc: BadRequest, sent: set[str]) -> frozenset[str]:
        """Return which of the sent parameters to leave out, none if that would not help."""
        if isinstance(exc, ContextTooLong | ContentFiltered):
            return frozenset()
        optional = frozenset(sent) - dialects.ESSENTIAL
        if exc.parameter:
            return optional & {exc.parameter}
        return optional - {"response_format"}

    async def _send(self, body: Mapping[str, object], left_out: frozenset[str]) -> object:
        sent = {name: value for name, value in body.items() if name not in left_out}
        count = sent["n"]
        # Base64 makes four bytes of three; the rest of the factor is for the JSON around it.
        max_bytes = validation.MAX_BYTES * 3 // 2 * (count if isinstance(count, int) else 1)
        try:
            content = await self._provider.generate_images(
                sent, seconds=self._timeout_seconds, max_bytes=max_bytes
            )
        except ModelNotFound as exc:
            there = await self._served_models()
            raise ImageModelNotFound(self.name, model=exc.model, there=there) from exc
        try:
            return json.loads(content)
        except (ValueError, RecursionError) as exc:
            if refuses_content(content[:MAX_REASON_BYTES].decode("utf-8", "replace")):
                raise ContentFiltered(self.name) from exc
            # For example the error page of a gateway, sent with status 200.
            raise ServerError(self.name) from exc

    async def _served_models(self) -> tuple[str, ...]:
        try:
            models = await self._provider.models()
        except ProviderError:
            return ()
        return tuple(model.id for model in models if model.kind == "image")[:MAX_NAMES]

    async def _read_images(
        self, response: object, request: ImageRequest, dropped: frozenset[str]
    ) -> tuple[ImageDone, ...]:
        """Return the valid images of a response, or raise `ProviderError` if there are none."""
        images: list[ImageDone] = []
        failure: ProviderError = NoText(self.name)
        for number, item in enumerate(dialects.response_items(response)):
            try:
                image = await self._read_image(item)
            except ProviderError as exc:
                failure = exc
                continue
            if request.seed is not None and "seed" not in dropped:
                image = replace(image, seed=request.seed + number)
            usd = self._price(
                self.config(request.model),
                width=image.width,
                height=image.height,
                steps=0 if "steps" in dropped else request.steps,
            )
            images.append(ImageDone(image, usd, dropped))
        if not images:
            raise ContentFiltered(self.name) if refuses_content(response) else failure
        return tuple(images[: request.count])

    async def _read_image(self, item: bytes | str | None) -> Image:
        """Return the image in `item`, which is its content or its URL, or raise `ProviderError`."""
        if item is None:
            raise InvalidImage(self.name)
        content = await self._fetch(item) if isinstance(item, str) else item
        if len(content) > validation.MAX_BYTES:
            raise ImageTooLarge(self.name)
        image = validation.read_image(content)
        if image is None:
            raise InvalidImage(self.name)
        return image

    async def _fetch(self, url: str) -> bytes:
        """Download an image, or raise `ImageNotFetched` or `ImageTooLarge`."""
        try:
            async with asyncio.timeout(FETCH_TIMEOUT_SECONDS):
                # A server may give a path on its own host.
                found: bytes | str = (
                    urljoin(self._provider.config.url, url) if url[1:2] != "/" else url
                )
                for _ in range(MAX_REDIRECTS + 1):
                    if isinstance(found, bytes):
                        return found
                    found = await self._follow(found)
        except (TimeoutError, httpx.HTTPError, httpx.InvalidURL, ValueError) as exc:
            raise ImageNotFetched(self.name) from exc
        raise ImageNotFetched(self.name)

    async def _follow(self, url: str) -> bytes | str:
        """Return what is at a URL, or the URL that it redirects to."""
        if not self._may_fetch(url):
            raise ImageNotFetched(self.name)
        content = bytearray()
        async with self._http.stream(
            "GET", url, headers=HEADERS, timeout=FETCH_TIMEOUT_SECONDS, follow_redirects=False
        ) as response:
            if response.has_redirect_location:
                return urljoin(url, response.headers["location"])
            if response.status_code != 200:
                raise ImageNotFetched(self.name)
            async for data in response.aiter_bytes():
                content += data
                if len(content) > validation.MAX_BYTES:
                    raise ImageTooLarge(self.name)
        return bytes(content)

    def _may_fetch(self, url: str) -> bool:
        """Whether a URL is as local as the server that gave it, or on the very same server.

        A remote server must not make us request a local address (SSRF), and a local one must not
        make us contact a remote server. Raises `ValueError` if the URL is malformed.
        """
        image_url, server_url = urlsplit(url), urlsplit(self._provider.config.url)
        if image_url.scheme not in {"http", "https"} or not image_url.hostname:
            return False
        same_host = image_url.hostname == server_url.hostname
        if self.local:
            return may_be_local(url) or same_host
        if may_be_local(url):
            # A server that the owner has declared remote, behind a gateway on this machine.
            return same_host and image_url.port == server_url.port
        return True
