"""A child that is no longer wanted, takes too long, or lacks its software."""

import asyncio
from contextlib import aclosing

import pytest

from ambrosio.core.file_errors import (
    DecoderCrashed,
    FileTooDemanding,
    MachineBusy,
    MediaNotInstalled,
)
from ambrosio.media.client import MediaClient
from tests.support.media_files import RATE, sound, tone
from tests.support.running_llama import alive

from ..support import PATIENCE_SECONDS

LONG = sound(tone(200), "wav", "pcm_s16le", RATE)
WITHOUT_AV = (
    "import sys, runpy; sys.modules['av'] = None;"
    " runpy.run_module('ambrosio.media', run_name='__main__')"
)


async def cut(client, content):
    async with aclosing(client.cut_audio(content)) as pieces:
        return [piece async for piece in pieces]


async def test_a_recording_that_is_left_half_way_ends_its_child():
    client = MediaClient()
    async with aclosing(client.cut_audio(LONG)) as pieces:
        await anext(pieces)
        [pid] = client.pids

    assert client.pids == set()
    assert not alive(pid)


# Decodes one piece, and then nothing for so long that only a kill ends it.
STUCK = """
import json, sys, time
from ambrosio.media import protocol
protocol.read_job(sys.stdin.buffer)
seconds = {"start_seconds": 0, "seconds": 1, "total_seconds": 2}
print(json.dumps({"kind": "piece", "size": 0, "is_silent": False, **seconds}), flush=True)
time.sleep(600)
"""


async def test_a_cancelled_job_ends_its_child(monkeypatch):
    monkeypatch.setattr("ambrosio.media.client.ARGUMENTS", ("-B", "-P", "-c", STUCK))
    client = MediaClient()
    taken = asyncio.Event()

    async def listen():
        async with aclosing(client.cut_audio(LONG)) as pieces:
            async for _ in pieces:
                taken.set()
                await asyncio.Event().wait()

    task = asyncio.create_task(listen())
    await taken.wait()
    [pid] = client.pids
    task.cancel()
    async with asyncio.timeout(PATIENCE_SECONDS):
        with pytest.raises(asyncio.CancelledError):
            await task

    assert client.pids == set()
    assert not alive(pid)


FAULTS = {
    "says nothing": ("import time; time.sleep(60)", MachineBusy),
    "reads nothing": (
        "import sys, time; print('x' * 9_000, flush=True); time.sleep(60)",
        DecoderCrashed,
    ),
    "ends at once": ("", DecoderCrashed),
    "lies about its size": ("print('{\"size\": 99999999999}', flush=True)", FileTooDemanding),
    "is killed": ("import os; os.kill(os.getpid(), 9)", MachineBusy),
    "lacks PyAV": (WITHOUT_AV, MediaNotInstalled),
}


@pytest.mark.parametrize(("code", "failure"), FAULTS.values(), ids=FAULTS)
async def test_whatever_a_child_does_it_is_gone_and_has_a_reason(monkeypatch, code, failure):
    monkeypatch.setattr("ambrosio.media.client.ARGUMENTS", ("-B", "-P", "-c", code))
    seconds = 0.3 if failure is MachineBusy else 20
    client = MediaClient(silence_seconds=seconds)

    with pytest.raises(failure):
        await cut(client, sound(tone(1)))
    assert client.pids == set()
