"""Runs a Starlette application on loopback, in the event loop of the caller.

It uses uvicorn's parts instead of `Server.serve`, which installs signal handlers, wakes ten times a
second, and waits for open streams before it stops.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.h11_impl import H11Protocol

CLOSING_SECONDS = 2.0
# A test may pause longer than uvicorn's five seconds between two requests.
KEEP_ALIVE_SECONDS = 600


class CuttableProtocol(H11Protocol):
    """uvicorn's HTTP protocol; gives a request its own transport, so that it can be cut."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Add the transport to the state that `scope["state"]` is made from."""
        self.app_state = {**self.app_state, "transport": transport}
        super().connection_made(transport)  # type: ignore[arg-type]  # uvicorn narrows asyncio's type


@asynccontextmanager
async def serve_app(
    app: Starlette,
    *,
    port: int = 0,
    grace_seconds: float = CLOSING_SECONDS,
    on_disconnect: Callable[[], None] = lambda: None,
) -> AsyncIterator[str]:
    """Serve *app* while the block runs and yield the base URL, or raise `OSError`.

    Args:
        app: The application.
        port: The port to use; 0 takes a free one.
        grace_seconds: How long open requests may take to finish before they are disconnected.
        on_disconnect: Called once all connections are cut, to end requests that do not notice.
    """
    config = uvicorn.Config(
        app,
        http=CuttableProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
    )
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    with bind_loopback(port) as listener:
        await server.startup(sockets=[listener])
        # Sets the headers that uvicorn adds to each response.
        await server.on_tick(0)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            await _close(server, grace_seconds, on_disconnect)


def bind_loopback(port: int = 0) -> socket.socket:
    """Bind a loopback port, 0 for a free one, or raise `OSError`."""
    # The protocol is named, or asyncio leaves Nagle's algorithm on: 40 ms for each answer.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
    except OSError:
        listener.close()
        raise
    return listener


async def _close(
    server: uvicorn.Server, grace_seconds: float, on_disconnect: Callable[[], None]
) -> None:
    for listener in server.servers:
        listener.close()
    state = server.server_state
    if state.tasks and grace_seconds:
        await asyncio.wait(set(state.tasks), timeout=grace_seconds)
    for connection in list(state.connections):
        if (transport := connection.transport) is not None:
            transport.abort()
    await asyncio.sleep(0)  # lets the requests receive the disconnect
    on_disconnect()
    if state.tasks:
        await asyncio.wait(set(state.tasks), timeout=CLOSING_SECONDS)
    for listener in server.servers:
        await listener.wait_closed()
    await asyncio.sleep(0)
