"""How soon a Stop reaches the model."""

import asyncio
from functools import partial

from ambrosio.emulators.botapi.api import BotApi
from ambrosio.emulators.model_server.server import FakeModelServer, StallsAfter
from ambrosio.emulators.model_server.writer import ServedRequest
from benchmarks.running import OWNER, running


def _cancelled(turn: ServedRequest) -> bool:
    return turn.state == "cancelled"


async def report() -> None:
    """Print how long after the press the model's server saw the stream closed."""
    loop = asyncio.get_running_loop()
    api, model = (
        BotApi(loop.time),
        FakeModelServer(answer=lambda _: StallsAfter("Once upon a time")),
    )
    seat = api.person(OWNER).private()
    print("\nStop: from the press to the closed stream at the model's server")
    async with running(api, model, "draft"):
        for name in ("native", "/stop"):
            await seat.say("a story")
            await seat.wait_draft("Once")
            turn = model.served[-1]
            began = loop.time()
            if name == "native":
                seat.stop_draft()
            else:
                await seat.say("/stop")
            await model.wait_for(partial(_cancelled, turn))
            print(f"{name:24}{(loop.time() - began) * 1000:>7.0f} ms")
            await seat.wait_text("Stopped.")
