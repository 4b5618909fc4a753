"""A local server is alive, hung, off, or answers nothing while it computes."""

import asyncio
import contextlib
import json
import socket
from contextlib import asynccontextmanager

import httpx
import pytest

from ambrosio.config.provider import ProviderConfig
from ambrosio.core.context_window import build_context
from ambrosio.core.messages import Delta
from ambrosio.core.provider_errors import Hung, Unreachable
from ambrosio.providers.openai_compatible import OpenAIProvider

from ..support import PATIENCE_SECONDS

ANSWER = {"choices": [{"delta": {"content": "Green."}, "finish_reason": "stop"}]}
PROPS = {"default_generation_settings": {"n_ctx": 5000}, "total_slots": 1}
SILENT = object()


class PlainServer:
    """A server whose responses are told by path; `SILENT` ones never come.

    A single-threaded one answers nothing else from a question on until `computed` is set.
    """

    def __init__(self, *, single_threaded=False, **responses):
        self.responses, self.single_threaded = responses, single_threaded
        self.asked: list[str] = []
        self.computing, self.computed = False, asyncio.Event()
        self._connections: set[asyncio.Task[None] | None] = set()

    @asynccontextmanager
    async def serving(self):
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        try:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        finally:
            server.close()
            connections = [task for task in self._connections if task]
            for task in connections:
                task.cancel()
            await asyncio.gather(*connections, return_exceptions=True)

    async def _serve(self, reader, writer):
        self._connections.add(asyncio.current_task())
        try:
            await self._respond(reader, writer)
        finally:
            writer.close()

    async def _respond(self, reader, writer):
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            page = head.split()[1].split("?")[0].rsplit("/", 1)[-1]
            self.asked.append(page)
            response = await self._response(page)
            # Whoever gets none leaves at some time.
            await (reader.read() if response is None else self._send(writer, response))

    async def _send(self, writer, response):
        writer.write(response)
        await writer.drain()

    async def _response(self, page):
        if page == "completions":
            self.computing = True
            await self.computed.wait()
            events = f"data: {json.dumps(ANSWER)}\n\ndata: [DONE]\n\n"
            return _http("200 OK", events, "text/event-stream")
        if self.computing and self.single_threaded:
            return None
        found = self.responses.get(page)
        found = found.pop(0) if isinstance(found, list) else found
        if found is SILENT:
            return None
        return _http("404 Not Found" if found is None else "200 OK", json.dumps(found or {}))


def _http(status, body, kind="application/json"):
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
    return f"{head}Connection: close\r\n\r\n{body}".encode()


@pytest.fixture
async def provider_of(monkeypatch):
    monkeypatch.setattr("ambrosio.providers.probing.PROBE_SECONDS", 0.3)
    async with httpx.AsyncClient(trust_env=False, verify=False) as http:

        def of(url, kind="llama"):
            row = {"model": "m", "server_kind": kind, "health_after_seconds": 0.1}
            return OpenAIProvider("p", ProviderConfig(base_url=url, **row), http)

        yield of


async def answer(provider):
    question = build_context("Be kind.", (), "tea?")
    events = [event async for event in provider.stream(question)]
    return "".join(event.text for event in events if isinstance(event, Delta))


@pytest.mark.parametrize(("kind", "page"), [("llama", "health"), ("openai", "models")])
@pytest.mark.parametrize("has_page", [True, False], ids=["with the page", "without"])
async def test_one_that_answers_nothing_while_it_computes_is_waited_for(
    provider_of, kind, page, has_page
):
    pages = {page: {"status": "ok"}} if has_page else {}
    server = PlainServer(single_threaded=True, **pages)
    async with server.serving() as url:
        provider = provider_of(url, kind)
        await provider.profile()
        asking = asyncio.create_task(answer(provider))
        async with asyncio.timeout(PATIENCE_SECONDS):
            while server.asked.count(page) < 2:  # noqa: ASYNC110  it has no event to wait for
                await asyncio.sleep(0.01)
        server.computed.set()

        assert await asking == "Green."


async def test_one_that_has_answered_beside_its_work_before_is_hung_if_it_is_silent(provider_of):
    server = PlainServer(health=[{"status": "ok"}, SILENT, SILENT, SILENT, SILENT])
    async with server.serving() as url:
        with pytest.raises(Hung):
            await answer(provider_of(url))

    assert server.asked.count("health") == 3


async def test_llama_cpp_is_known_by_its_properties(provider_of):
    async with PlainServer(props=PROPS, health=SILENT).serving() as url:
        provider = provider_of(url)
        await provider.profile()
        with pytest.raises(Hung):
            await answer(provider)


async def test_properties_that_are_late_once_are_asked_for_again(provider_of):
    server = PlainServer(props=[SILENT, PROPS], health={"status": "ok"})
    async with server.serving() as url:
        profile = await provider_of(url).profile()

    assert profile.window == 5000


async def test_one_that_answers_nothing_at_all_is_hung(provider_of):
    async with PlainServer(props=SILENT, health=SILENT).serving() as url:
        with pytest.raises(Hung):
            await provider_of(url).profile()


async def test_one_that_takes_no_connection_cannot_be_reached(provider_of, monkeypatch):
    monkeypatch.setattr("ambrosio.providers.openai_client.MAX_GET_CONNECT_SECONDS", 0.1)
    # A full queue drops what else comes, as a machine does that is off.
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full, contextlib.ExitStack() as stack:
        for _ in range(3):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        with pytest.raises(Unreachable):
            await provider_of(f"http://127.0.0.1:{full.getsockname()[1]}/v1").profile()
