"""The real llama.cpp on a tiny model, in the child process that Ambrosio runs it in."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from ambrosio.config.settings import Settings
from ambrosio.core.context_window import PastTurn
from ambrosio.core.messages import Delta, StreamEvent
from ambrosio.llama.supervisor import LlamaServer
from ambrosio.providers.openai_compatible import OpenAIProvider
from ambrosio.providers.warmup import warm_up
from ambrosio.router import CompletionRequest, Router

from . import PATIENCE_SECONDS

SYSTEM = "You are a butler, and as brief as the request is."
LOG = "llama/llama.log"


@dataclass
class RunningLlama:
    """A running engine and the way to ask it."""

    server: LlamaServer
    provider: OpenAIProvider
    router: Router
    http: httpx.AsyncClient

    async def ready(self) -> None:
        await self.until("ready")

    async def until(self, state: str) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while self.server.status.state != state:
                await self.server.changed.wait()

    async def ask(
        self, question: str, *past: PastTurn, system: str = SYSTEM, **more: Any
    ) -> list[StreamEvent]:
        asked = CompletionRequest(system, past, question, **more)
        async with asyncio.timeout(PATIENCE_SECONDS), aclosing(self.router.stream(asked)) as parts:
            return [part async for part in parts]

    async def look(self, path: str) -> Any:
        address = self.server.address
        found = await self.http.get(
            address.url.removesuffix("/v1") + path,
            headers={"Authorization": f"Bearer {address.key}", "Connection": "close"},
        )
        return found.json()

    async def slots(self) -> list[dict[str, Any]]:
        slots: list[dict[str, Any]] = await self.look("/slots")
        return slots

    async def sleeping(self) -> None:
        """Wait until the model has gone to sleep."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not (await self.look("/props")).get("is_sleeping"):  # noqa: ASYNC110
                await asyncio.sleep(0.05)

    async def idle(self) -> None:
        """Wait until nothing is computed any more."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            # The server has no event to wait for.
            while any(slot["is_processing"] for slot in await self.slots()):  # noqa: ASYNC110
                await asyncio.sleep(0.01)


async def last_prompt(folder: Path) -> int:
    """Read from the server's log how far it had come when it last left off.

    The server writes its log from a thread of its own, a moment after what it tells.
    """
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            log = (folder / LOG).read_text()
            if found := re.findall(r"stop processing: n_tokens = (\d+)", log):
                return int(found[-1])
            await asyncio.sleep(0.02)


async def swift(_seconds: float) -> None:
    """Wait as short as it goes."""
    await asyncio.sleep(0.02)


@asynccontextmanager
async def running_llama(
    model: Path | str, folder: Path, **plan: int
) -> AsyncIterator[RunningLlama]:
    """Run the engine until the block ends."""
    clock = asyncio.get_running_loop().time
    engine = LlamaServer(
        str(model), folder, now=clock, sleep=swift, plan={"context": 2048, "threads": 1, **plan}
    )
    engine.acquire()
    row = Settings().provider_configs(
        llama_base_url=engine.address.url, llama_api_key=engine.address.key
    )["llama"]
    async with httpx.AsyncClient(trust_env=False, verify=False) as http:
        provider = OpenAIProvider("llama", row, http, notice_seconds=0.02)
        provider.ensure_ready = partial(engine.ensure_ready, "llama")
        router = Router({"llama": provider}, ("llama",), now=clock, sleep=swift)
        async with engine.running(ready=partial(warm_up, provider, SYSTEM)):
            yield RunningLlama(engine, provider, router, http)


def words(parts: list[StreamEvent]) -> str:
    """Put together what was said."""
    return "".join(part.text for part in parts if isinstance(part, Delta))


def alive(pid: int) -> bool:
    """Tell whether a process computes; a dead one that nobody has buried yet does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state not in {"Z", "X"}
