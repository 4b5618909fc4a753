"""The stand-in's images: drawn, scripted, or failing, behind the endpoint that together.ai has."""

import asyncio
import json
from base64 import b64encode
from collections import deque
from collections.abc import Awaitable, Callable
from functools import partial

from starlette.requests import Request
from starlette.responses import Response

from .. import Json
from .connections import JSON_HEADERS, NOT_JSON, read_json
from .drawing import draw_png
from .requests import ImageCall
from .responses import (
    Dies,
    ErrorStatus,
    HangsUp,
    Holds,
    ImageItem,
    Refusal,
    SaysNothing,
    SendsImages,
    StallsBefore,
)
from .validation import RequestRules
from .writer import Connection, ServedRequest

Work = Callable[[Connection], Awaitable[None]]


class ImageEndpoints:
    """The endpoint of one stand-in that makes images, with its script and what it was asked.

    Args:
        rules: whether a request is served at all.
        refuse: words an error as the server does, and notes it in the record.
        run: answers by some work, which a disconnect cancels.
        notify: is called when a request has come.
    """

    def __init__(
        self,
        rules: RequestRules,
        refuse: Callable[[Refusal, ServedRequest | None], Response],
        run: Callable[[Work, ServedRequest], Response],
        notify: Callable[[], None],
    ) -> None:
        self._rules, self._refuse, self._run, self._notify = rules, refuse, run, notify
        self.requests: list[ImageCall] = []
        self.served: list[ServedRequest] = []
        self.script: deque[ImageItem] = deque()
        self._images: dict[str, bytes] = {}

    async def generate(self, http_request: Request) -> Response:
        """Answer with the next item of the script, or with images that are drawn."""
        if (body := await read_json(http_request)) is None:
            return self._refuse(NOT_JSON, None)
        request = ImageCall.parse(body, dict(http_request.headers))
        served = ServedRequest(request, self._notify)
        self.requests.append(request)
        self.served.append(served)
        self._notify()
        item: ImageItem | None
        item = self._rules.check_headers(request.headers) or self._rules.check_image(request)
        if item is None and self.script:
            item = self.script.popleft()
        if isinstance(item, ErrorStatus):
            return self._refuse(item, served)
        return self._run(partial(self._write_images, item, request, served), served)

    async def _write_images(
        self,
        item: ImageItem | None,
        request: ImageCall,
        served: ServedRequest,
        connection: Connection,
    ) -> None:
        match item:
            case StallsBefore():
                await asyncio.Event().wait()
            case Holds():
                await item.until.wait()
            case Dies():
                await connection.open(200, JSON_HEADERS)
                await connection.write(b'{"data": [{"index": 0, "b64_json": "iVBOR')
            case _:
                pass
        if isinstance(item, HangsUp | Dies):
            served.set_state("finished")
            await connection.disconnect()
            return
        data = await self._image_data(item, request)
        name = f"img-{len(self.served)}"
        body = {"id": name, "model": request.model, "object": "list", "data": data}
        served.set_state("finished")
        await connection.reply(200, json.dumps(body).encode(), JSON_HEADERS)

    async def _image_data(self, item: ImageItem | None, request: ImageCall) -> list[Json]:
        if isinstance(item, SaysNothing):
            return []
        if isinstance(item, SendsImages):
            encoded = [{"b64_json": b64encode(content).decode()} for content in item.contents]
            return [*encoded, *({"url": url} for url in item.urls)]
        return [await self._draw_image(request, index) for index in range(request.n)]

    async def _draw_image(self, request: ImageCall, index: int) -> Json:
        seed = (request.seed or 0) + index
        file = await asyncio.to_thread(
            draw_png, request.prompt, seed, request.width, request.height
        )
        if request.response_format == "base64":
            return {"index": index, "type": "b64_json", "b64_json": b64encode(file).decode()}
        name = f"{len(self._images)}"
        self._images[name] = file
        url = f"http://{request.headers['host']}/images/{name}.png"
        return {"index": index, "type": "url", "url": url}

    async def fetch(self, request: Request) -> Response:
        """Serve an image that was drawn, by its URL."""
        # together's file servers refuse requests without a User-Agent.
        if not request.headers.get("user-agent"):
            return Response(status_code=403)
        file = self._images.get(request.path_params["name"])
        return Response(status_code=404) if file is None else Response(file, media_type="image/png")
