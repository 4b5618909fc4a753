"""TODO docstring."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.h11_impl import H11Protocol

CLOSING_SECONDS = 2.0


class CuttableProtocol(H11Protocol):
    """uvicorn's HTTP, which lets a request get at its own connection in order to cut it."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember the connection where `CutConnection` finds it."""
        self.app_state = {**self.app_state, "transport": transport}
        super().connection_made(transport)  # type: ignore[arg-type]  # uvicorn narrows asyncio's type


@asynccontextmanager
async def serve_app(app: Starlette, *, port: int = 0) -> AsyncIterator[str]:
    """Run any application on loopback in this event loop, without uvicorn's ticking and signals."""
    config = uvicorn.Config(
        app, http=CuttableProtocol, ws="none", lifespan="off", log_config=None, access_log=False
    )
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    with bind_loopback(port) as listener:
        await server.startup(sockets=[listener])
        await server.on_tick(0)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            await stop(server)


def bind_loopback(port: int = 0) -> socket.socket:
    """Take a port of this machine, 0 for any."""
    # Named by its protocol, or asyncio leaves Nagle's algorithm on: 40 ms for each answer.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
    except OSError:
        listener.close()
        raise
    return listener


async def stop(server: uvicorn.Server) -> None:
    """Close everything at once; requests under way have a moment to end."""
    for each in server.servers:
        each.close()
    if server.server_state.tasks:
        await asyncio.wait(set(server.server_state.tasks), timeout=CLOSING_SECONDS)
    for connection in list(server.server_state.connections):
        if (transport := connection.transport) is not None:
            transport.abort()
    for each in server.servers:
        await each.wait_closed()
    await asyncio.sleep(0)
