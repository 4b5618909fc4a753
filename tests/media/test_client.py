"""A child that is no longer wanted, takes too long, lacks its software, or is killed."""

import asyncio
import json
import os
import platform
import signal
import sys
from contextlib import aclosing

import pytest

from ambrosio.core.file_errors import (
    DecoderCrashed,
    FileTooDemanding,
    MachineBusy,
    MediaNotInstalled,
)
from ambrosio.core.media import AudioPiece
from ambrosio.media.client import MediaClient
from ambrosio.media.sandbox import SYSTEM_CALLS
from tests.support.document_files import pdf
from tests.support.media_files import RATE, picture, sound, tone
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


# Notes that it was started, dies of a signal if this was among the first times, and does its job.
DIES = """
import os, runpy, signal
with open({path!r}, "a") as log:
    log.write("x")
if os.path.getsize({path!r}) <= {times}:
    if {number} != signal.SIGKILL:
        # Under nohup, the one of a closed terminal is ignored.
        signal.signal({number}, signal.SIG_DFL)
    os.kill(os.getpid(), {number})
runpy.run_module("ambrosio.media", run_name="__main__")
"""


@pytest.fixture
def dies_of(monkeypatch, tmp_path):
    """Let children die of a signal, as often as asked for; returns how many were started."""
    log = tmp_path / "starts"

    def choose(number, times):
        code = DIES.format(path=str(log), times=times, number=int(number))
        monkeypatch.setattr("ambrosio.media.client.ARGUMENTS", ("-B", "-P", "-c", code))
        return lambda: log.stat().st_size

    return choose


SPEECH, PAGES = sound(tone(1)), pdf("Basmati rice takes ten minutes.")
JOBS = {
    "a recording": lambda client: cut(client, SPEECH),
    "an answer read aloud": lambda client: client.encode_voice(SPEECH),
    "a picture": lambda client: client.convert_picture(picture("png")),
    "a document": lambda client: client.read_document(PAGES),
    "a web page": lambda client: client.read_web_page(b"<p>Rice.</p>", "text/html"),
    "a page of a scan": lambda client: client.draw_page(PAGES, 0),
}


@pytest.mark.parametrize("do", JOBS.values(), ids=JOBS)
async def test_a_child_that_is_killed_from_outside_is_replaced(dies_of, do):
    starts = dies_of(signal.SIGKILL, 1)

    assert await do(MediaClient())
    assert starts() == 2


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
async def test_a_child_is_replaced_only_once(dies_of, number):
    starts = dies_of(number, 2)

    with pytest.raises(MachineBusy):
        await MediaClient().read_document(PAGES)
    assert starts() == 2


LIMITS = {
    "it crashes": (signal.SIGSEGV, DecoderCrashed),
    "it gives up, as PDFium does without memory": (signal.SIGABRT, DecoderCrashed),
    "it computes too long": (signal.SIGXCPU, FileTooDemanding),
}


@pytest.mark.parametrize(("number", "failure"), LIMITS.values(), ids=LIMITS)
async def test_a_file_that_ends_its_child_gets_no_other(dies_of, number, failure):
    starts = dies_of(number, 1)

    with pytest.raises(failure):
        await MediaClient().read_document(PAGES)
    assert starts() == 1


async def test_of_a_recording_no_piece_is_lost_or_comes_twice():
    client = MediaClient()
    pieces: list[AudioPiece] = []
    async with aclosing(client.cut_audio(LONG)) as cutting:
        async for piece in cutting:
            if not pieces:
                [pid] = client.pids
                os.kill(pid, signal.SIGKILL)
            pieces.append(piece)

    assert pieces == await cut(client, LONG)


# Tries what a decoder in the hands of a file might try, and tells what came of it.
TRIES = """
import json, os, socket, sys
from ambrosio.media import protocol, sandbox

job, parent = protocol.read_job(sys.stdin.buffer)
sandbox.enter(parent, memory_bytes=1 << 30, cpu_seconds=5)

def write():
    with open(job.file_name, "w") as file:
        file.write("x")

def fork():
    if not os.fork():
        os._exit(0)

tries = {
    "a socket": socket.socket,
    "a process": fork,
    "a program": lambda: os.execv("/bin/true", ["true"]),
    "a signal": lambda: os.kill(parent, 0),
    "a file": write,
    "two gigabytes": lambda: bytearray(2 << 30),
}
came = {"environment": sorted(os.environ)}
for name, attempt in tries.items():
    try:
        attempt()
        came[name] = "done"
    except (OSError, MemoryError) as exc:
        came[name] = "refused"
fields = {"document": "", "part_name": "", "part_count": 1, "is_scanned": False, "is_cut": False}
sys.stdout.buffer.write(protocol.pack(fields, json.dumps([json.dumps(came)]).encode()))
"""


@pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() not in SYSTEM_CALLS, reason="has no seccomp here"
)
async def test_a_decoder_in_foreign_hands_can_do_nothing(monkeypatch, tmp_path):
    monkeypatch.setattr("ambrosio.media.client.ARGUMENTS", ("-B", "-P", "-c", TRIES))
    monkeypatch.setenv("TOGETHER_API_KEY", "secret")

    told = await MediaClient().read_document(b"x", str(tmp_path / "file"))

    came = json.loads(told.parts[0])
    assert came.pop("environment") == ["LC_ALL", "PYTHONPATH"]
    assert len(came) == 6
    assert set(came.values()) == {"refused"}


ENDLESS = """
import sys
from ambrosio.media import protocol, sandbox
sandbox.enter(protocol.read_job(sys.stdin.buffer)[1], memory_bytes=1 << 30, cpu_seconds=1)
while True:
    pass
"""


async def test_a_decoder_that_computes_without_end_is_ended(monkeypatch):
    monkeypatch.setattr("ambrosio.media.client.ARGUMENTS", ("-B", "-P", "-c", ENDLESS))

    with pytest.raises(FileTooDemanding):
        await MediaClient().read_document(b"x")
