"""The real bot as its own process, between two servers on loopback."""

import asyncio
import os
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ambrosio.emulators.botapi.api import BotApi
from ambrosio.emulators.botapi.http import serve_bot_api
from ambrosio.emulators.model_server.server import FakeModelServer

OWNER = 42
TIMEOUT_SECONDS = 60.0


@asynccontextmanager
async def running(api: BotApi, model: FakeModelServer, stream: str) -> AsyncIterator[None]:
    """Run the bot as a process against both servers."""
    with tempfile.TemporaryDirectory() as folder:
        async with serve_bot_api(api) as telegram_url, model.serving() as model_url:
            env = {
                **os.environ,
                "TELEGRAM_BOT_TOKEN": api.token,
                "TELEGRAM_BASE_URL": telegram_url,
                "AMBROSIO_OWNER": str(OWNER),
                "AMBROSIO_DATA_DIR": folder,
                "AMBROSIO_STREAM": stream,
                "AMBROSIO_LOG": "error",
                "LLAMA_BASE_URL": model_url,
            }
            child = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "ambrosio", "run", env=env, cwd=folder
            )
            try:
                await api.wait_for(lambda: api.calls_to("getUpdates"), seconds=TIMEOUT_SECONDS)
                yield
            finally:
                child.terminate()
                await child.wait()
