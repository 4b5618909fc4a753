"""How quickly Stop reaches the model."""

import asyncio
from functools import partial

from ambrosio.emulators.botapi.api import BotApi
from ambrosio.emulators.model_server.server import FakeModelServer, StallsAfter
from ambrosio.emulators.model_server.writer import ServedRequest
from benchmarks.running import OWNER, running


def _is_cancelled(request: ServedRequest) -> bool:
    return request.state == "cancelled"


async def report() -> None:
    """Print the time from the press until the model server sees the stream closed."""
    loop = asyncio.get_running_loop()
    api, model = (
        BotApi(loop.time),
        FakeModelServer(answer=lambda _: StallsAfter("Once upon a time")),
    )
    user_chat = api.person(OWNER).private()
    print("\nStop: time from the press until the model server sees the stream closed")
    async with running(api, model, "draft"):
        for name in ("native", "/stop"):
            await user_chat.say("a story")
            await user_chat.wait_draft("Once")
            request = model.served[-1]
            start = loop.time()
            if name == "native":
                user_chat.stop_draft()
            else:
                await user_chat.say("/stop")
            await model.wait_for(partial(_is_cancelled, request))
            print(f"{name:24}{(loop.time() - start) * 1000:>7.0f} ms")
            await user_chat.wait_text("Stopped.")
