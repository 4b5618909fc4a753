"""What every test stands on: one event loop, no network but loopback, a clock that is told."""

import asyncio
import logging
import os
import socket

import openai  # noqa: F401  half a second that must not count against a test's patience
import pytest
import respx
from hypothesis import HealthCheck, settings

from ambrosio.config.setting_names import PREFIXES
from ambrosio.emulators.botapi.api import BotApi
from ambrosio.emulators.botapi.http import serve_bot_api
from ambrosio.emulators.botapi.schema import Schema
from ambrosio.emulators.model_server.server import FakeModelServer
from ambrosio.store import Store

from .support import DATA
from .support.running_bot import OWNER, SDXL, running_bot

# A machine with much else to do is slow, which is no fault of a property.
settings.register_profile(
    "busy", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("busy")
# Read once: that takes longer than many a test.
SCHEMA = Schema(DATA / "botapi-10.3.json")


class Clock:
    """A clock that stands still until it is told to go on, or until somebody sleeps by it."""

    def __init__(self) -> None:
        self.time = 1_800_000_000.0

    def __call__(self) -> float:
        return self.time

    def pass_seconds(self, seconds: float) -> None:
        self.time += seconds

    async def sleep(self, seconds: float) -> None:
        self.time += seconds
        await asyncio.sleep(0.005)


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture(autouse=True)
def _only_loopback(monkeypatch):
    connect = socket.socket.connect

    def guarded(self, address):
        if self.family in {socket.AF_INET, socket.AF_INET6}:
            assert address[0] in {"127.0.0.1", "::1", "localhost"}, f"network: {address}"
        return connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch):
    for name in [name for name in os.environ if name.startswith(PREFIXES)]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PTB_TIMEDELTA", "1")
    # The settings of whoever runs the tests.
    monkeypatch.setenv("XDG_CONFIG_HOME", "/nowhere")


@pytest.fixture(autouse=True)
def _log_as_before():
    root = logging.getLogger()
    before = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = before


@pytest.fixture
def store(clock):
    with Store(":memory:", now=clock) as opened:
        yield opened


@pytest.fixture
def api(clock):
    return BotApi(clock, schema=SCHEMA)


@pytest.fixture
async def telegram_url(api):
    async with serve_bot_api(api) as url:
        yield url


@pytest.fixture
def server():
    """Answer what a test sends over httpx, and refuse the rest."""
    with respx.mock(assert_all_called=False) as router:
        yield router


@pytest.fixture
async def model():
    return FakeModelServer()


@pytest.fixture
async def model_url(model):
    async with model.serving() as url:
        yield url


@pytest.fixture
async def painter():
    return FakeModelServer(server_kind="together", image_model=SDXL, model="openai/gpt-oss-120b")


@pytest.fixture
async def painter_url(painter):
    async with painter.serving() as url:
        yield url


@pytest.fixture
def anna(api):
    return api.person(OWNER, "Anna").private()


@pytest.fixture
async def life(api, telegram_url, tmp_path, model_url, anna):
    async with running_bot(api, telegram_url, tmp_path, llama_base_url=model_url) as life:
        yield life
    assert api.violations == []
    assert api.dropped_entities == 0
