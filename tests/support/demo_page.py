"""The demo for tests: the page with the test as its bot, or the whole `ambrosio demo`."""

import asyncio
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import httpx

from ambrosio.demo.model import ModelChoice
from ambrosio.demo.session import YOU, DemoSession
from ambrosio.demo.web import serve_page
from ambrosio.emulators import Json
from ambrosio.emulators.botapi.api import BotApi

from . import PATIENCE_SECONDS, ROOT

UPDATE_KINDS = [
    "message",
    "edited_message",
    "callback_query",
    "stopped_message_generation",
    "my_chat_member",
]


class DemoPage:
    """The emulator and the page in a thread; the test plays the bot over HTTP."""

    def __init__(self):
        self._loop = asyncio.new_event_loop()
        self._up, self._down = threading.Event(), asyncio.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._run(),))
        # Reading certificates takes a while.
        self._http = httpx.Client(verify=False)

    async def _run(self):
        self.api = BotApi(lambda: 1_800_000_000.0)
        self.session = DemoSession(
            self.api, ModelChoice("llama/tiny", "It is tiny."), last_model=lambda _chat: ""
        )
        await self.session.open()
        async with serve_page(self.session, "key-of-the-page") as self.url:
            self.page_url = f"{self.url}/key-of-the-page/"
            self.session.set_bot_state("online")
            self._up.set()
            await self._down.wait()

    def __enter__(self):
        self._thread.start()
        assert self._up.wait(PATIENCE_SECONDS)
        self.take_updates(wait_seconds=0)
        return self

    def __exit__(self, *exc):
        self._http.close()
        self._loop.call_soon_threadsafe(self._down.set)
        self._thread.join(PATIENCE_SECONDS)
        self._loop.close()

    def bot(self, method, files=None, **params):
        """Call a method as the bot and return its result."""
        if files:
            form = {name: json.dumps(value) for name, value in params.items()}
            answer = self.call(method, data=form, files=files)
        else:
            answer = self.call(method, json=params)
        assert answer.status_code == 200, answer.text
        return answer.json()["result"]

    def call(self, method, **request):
        url = f"{self.url}/bot{self.api.token}/{method}"
        return self._http.post(url, timeout=PATIENCE_SECONDS, **request)

    def take_updates(self, wait_seconds=50):
        """Fetch and confirm the pending updates, as the bot would, or wait for the first.

        What a page shows at once, such as a pressed button, is only then on its way to the server.
        """
        updates = self.bot("getUpdates", allowed_updates=UPDATE_KINDS, timeout=wait_seconds)
        if updates:
            self.bot("getUpdates", offset=updates[-1]["update_id"] + 1)
        return updates


# The real program, except that no llama.cpp server is found, the memory is fixed, and the stand-in
# does not take the time of a model.
PROGRAM = """
from ambrosio.cli.main import main
from ambrosio.demo import model
from ambrosio.llama import discovery, sizing
sizing.measure_resources = lambda: sizing.Resources(2, 8_000_000_000, 8_000_000_000)
discovery.USUAL_ADDRESSES = ()
model.TOKENS_PER_SECOND = 160.0
main()
"""


class DemoProcess:
    """`ambrosio demo` as a process, with the stand-in or another model; "" chooses as users do."""

    def __init__(self, folder: Path, *, model: str = "stand-in", **environment: str) -> None:
        arguments = ["demo", "--no-browser", "--port", "0"]
        arguments += ["--model", model] if model else []
        self._command = [sys.executable, "-c", PROGRAM, *arguments]
        self._environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "AMBROSIO_DATA_DIR": str(folder),
            **environment,
        }
        self._folder = folder

    def __enter__(self) -> Self:
        self.process = subprocess.Popen(
            self._command,
            # Where no `.env` is.
            cwd=self._folder,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self.page_url = self.process.stdout.readline().split()[-1]
        return self

    def __exit__(self, *exc: object) -> None:
        self.process.terminate()
        self.process.communicate(timeout=PATIENCE_SECONDS)

    def wait_online(self) -> None:
        """Return when the bot polls."""
        next(event for event in self.events() if event.get("bot") == "online")

    def ask(self, words: str) -> str:
        """Ask in the private chat and return the first words of the answer."""
        events = self.events()
        next(events)
        asked = {"chat": YOU, "person": YOU, "text": words}
        httpx.post(f"{self.page_url}do/say", json=asked)
        for event in events:
            if event["event"] == "draft" and event["text"]:
                return str(event["text"])
            if event["event"] == "message" and event["message"]["from"]["is_bot"]:
                return str(event["message"]["text"])
        raise AssertionError("the demo has ended")

    def snapshot(self) -> Json:
        """Return everything the page is told when it opens."""
        return next(self.events())

    def events(self) -> Iterator[Json]:
        """Yield what the page is told, the snapshot first."""
        with httpx.stream("GET", f"{self.page_url}events", timeout=PATIENCE_SECONDS) as events:
            for line in events.iter_lines():
                if line:
                    yield json.loads(line.removeprefix("data: "))

    @property
    def bot_pid(self) -> int:
        """The process id of the bot."""
        pid = self.process.pid
        return int(Path(f"/proc/{pid}/task/{pid}/children").read_text("utf-8").split()[0])
