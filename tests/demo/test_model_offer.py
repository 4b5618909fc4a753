"""The offer to download a model, on a real terminal."""

import asyncio
import os
import pty
import signal
import sys
from contextlib import asynccontextmanager
from functools import partial

import httpx
import pytest

from ambrosio.demo import model_offer
from ambrosio.demo.session import YOU
from ambrosio.llama.sizing import MB, Resources

from ..support import ROOT
from ..support.fake_huggingface import FakeHuggingFace
from ..support.gguf_model import REPLY, make

MODEL = model_offer.MODELS[0]
REPO = MODEL.reference.partition(":")[0]
QUESTION = "[y/N] "
# The real program, but no llama.cpp server is found and the memory is fixed.
PROGRAM = """
from ambrosio.cli.main import main
from ambrosio.llama import discovery, sizing
discovery.USUAL_ADDRESSES = ()
sizing.measure_resources = lambda: sizing.Resources(2, 8_000_000_000, 8_000_000_000)
main()
"""


class Terminal:
    """A program in its own terminal; records its output and types keys."""

    def __init__(self, process, keys):
        self.process, self._keys = process, keys
        self.shown = ""
        self._new = asyncio.Event()
        asyncio.get_running_loop().add_reader(keys, self._read)

    def _read(self):
        try:
            data = os.read(self._keys, 65536)
        except OSError:  # Linux raises EIO once the other end is closed
            data = b""
        if not data:
            asyncio.get_running_loop().remove_reader(self._keys)
        self.shown += data.decode().replace("\r\n", "\n")
        self._new.set()

    async def until(self, words):
        async with asyncio.timeout(30):
            while words not in self.shown:
                self._new.clear()
                await self._new.wait()
        return self.shown

    def type(self, keys):
        os.write(self._keys, keys.encode())

    async def wait_exit(self):
        async with asyncio.timeout(20):
            return await self.process.wait()


@pytest.fixture
async def demo(tmp_path):
    @asynccontextmanager
    async def start(*options, **environment):
        keys, screen = pty.openpty()
        words = ("demo", "--no-browser", "--port", "0", *options)
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", PROGRAM, *words),
            stdin=screen,
            stdout=screen,
            stderr=screen,
            cwd=tmp_path,
            env={
                **os.environ,
                "PYTHONPATH": str(ROOT),
                "AMBROSIO_DATA_DIR": str(tmp_path / "data"),
                "COLUMNS": "100",
                "HF_ENDPOINT": "http://127.0.0.1:9",
                **environment,
            },
            # As in a shell: Ctrl+C goes to the program that owns the terminal.
            preexec_fn=partial(os.login_tty, screen),
        )
        os.close(screen)
        try:
            yield Terminal(process, keys)
        finally:
            asyncio.get_running_loop().remove_reader(keys)
            if process.returncode is None:
                process.send_signal(signal.SIGINT)
                await asyncio.wait_for(process.wait(), 20)
            os.close(keys)

    return start


@pytest.fixture
async def hub(tmp_path):
    content = make(tmp_path / "made.gguf").read_bytes()
    hub = FakeHuggingFace({REPO: {"Qwen3.5-4B-Q4_K_M.gguf": content}})
    async with hub.serving() as url:
        yield hub, url


def page(shown):
    return shown.partition("Ambrosio is at ")[2].split()[0]


async def answer(address, words):
    """Ask on the page and return the event with the first answer."""
    asked = {"chat": YOU, "person": YOU, "text": words}
    async with (
        httpx.AsyncClient(timeout=30) as http,
        http.stream("GET", f"{address}events") as events,
    ):
        await http.post(f"{address}do/say", json=asked)
        async for line in events.aiter_lines():
            if '"event": "message"' in line and '"is_bot": true' in line:
                return line
    raise AssertionError("the page has ended")


async def test_yes_downloads_the_model_and_it_answers(demo, hub, tmp_path):
    _, url = hub
    async with demo(HF_ENDPOINT=url) as terminal:
        offered = await terminal.until(QUESTION)
        terminal.type("y\n")
        shown = await terminal.until("Ctrl+C ends it")
        said = await answer(page(shown), "tell about rice")

    assert f"{MODEL.reference}, 2.7 GB, Apache-2.0 licence" in offered
    assert f"from https://huggingface.co/{REPO}\n" in offered
    assert f"to   {tmp_path / 'data' / 'models'}\n" in offered
    assert "Downloading" in shown
    assert "Qwen3.5-4B-GGUF:Q4_K_M answers" in shown
    assert REPLY in said


async def test_a_downloaded_model_answers_without_asking_again(demo, hub):
    _, url = hub
    async with demo(HF_ENDPOINT=url) as terminal:
        await terminal.until(QUESTION)
        terminal.type("y\n")
        await terminal.until("Ctrl+C ends it")
    async with demo() as terminal:
        shown = await terminal.until("Ctrl+C ends it")
        said = await answer(page(shown), "tell about rice")

    assert QUESTION not in shown
    assert REPLY in said


@pytest.mark.parametrize("keys", ["\n", "n\n", "what?\n", "\x04"], ids=["enter", "n", "?", "^D"])
async def test_anything_but_yes_means_no(demo, hub, tmp_path, keys):
    async with demo(HF_ENDPOINT=hub[1]) as terminal:
        await terminal.until(QUESTION)
        terminal.type(keys)
        shown = await terminal.until("Ctrl+C ends it")

    lines = shown.splitlines()
    assert lines[-3] == (
        f"No model is set up; `ambrosio demo --model {MODEL.reference}` downloads one"
    )
    assert lines[-1] == "stand-in answers; Ctrl+C ends it"
    assert list((tmp_path / "data" / "models").iterdir()) == []


async def test_after_a_no_the_question_is_not_repeated(demo):
    async with demo() as terminal:
        await terminal.until(QUESTION)
        terminal.type("n\n")
        await terminal.until("Ctrl+C ends it")
    async with demo() as terminal:
        shown = await terminal.until("Ctrl+C ends it")

    assert QUESTION not in shown
    assert f"`ambrosio demo --model {MODEL.reference}` downloads one" in shown


async def test_a_failed_download_is_reported_and_the_stand_in_answers(demo):
    async with demo() as terminal:
        await terminal.until(QUESTION)
        terminal.type("y\n")
        shown = await terminal.until("Ctrl+C ends it")

    assert (
        "Download failed: Hugging Face cannot be reached. "
        "The next start offers it again and resumes.\n"
    ) in shown
    assert "stand-in answers" in shown
    assert "Traceback" not in shown


async def test_ctrl_c_at_the_question_ends_the_demo(demo):
    async with demo() as terminal:
        await terminal.until(QUESTION)
        terminal.type("\x03")

        assert await terminal.wait_exit() == 130
    assert "Traceback" not in terminal.shown


async def test_ctrl_c_stops_a_download_and_the_next_yes_resumes_it(demo, hub):
    hub, url = hub
    hub.breaks, hub.stalls = [100_000], True
    async with demo(HF_ENDPOINT=url) as terminal:
        await terminal.until(QUESTION)
        terminal.type("y\n")
        await terminal.until("100.0/")
        terminal.type("\x03")

        assert await terminal.wait_exit() == 130
    assert "Stopped; the next download resumes here" in terminal.shown
    async with demo(HF_ENDPOINT=url) as terminal:
        await terminal.until(QUESTION)
        terminal.type("y\n")
        shown = await terminal.until("Ctrl+C ends it")

    assert hub.ranges[-1] == "bytes=100000-"
    assert "Qwen3.5-4B-GGUF:Q4_K_M answers" in shown


async def test_a_requested_model_is_used_without_asking(demo):
    async with demo("--model", "stand-in") as terminal:
        shown = await terminal.until("Ctrl+C ends it")

    assert "No model is set up" not in shown


# --- without a terminal ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("free_mb", "says"),
    [
        (5_000, "`ambrosio demo --model unsloth/Qwen3.5-4B-GGUF:Q4_K_M` downloads one"),
        (4_999, "`ambrosio demo --model unsloth/Qwen3.5-2B-GGUF:Q4_K_M` downloads one"),
        (2_499, "2.5 GB of free memory is not enough to run one"),
    ],
)
def test_the_best_model_for_the_memory_is_named(monkeypatch, tmp_path, capsys, free_mb, says):
    machine = Resources(2, free_mb * MB, 8_000 * MB)
    monkeypatch.setattr("ambrosio.llama.sizing.measure_resources", lambda: machine)

    assert model_offer.offer(tmp_path, tmp_path / "models") == ""
    assert capsys.readouterr() == ("", f"No model is set up; {says}\n")


def test_without_llama_cpp_no_model_is_offered(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr("ambrosio.demo.model_offer.find_spec", lambda _name: None)

    assert model_offer.offer(tmp_path, tmp_path / "models") == ""
    assert "install llama.cpp with `pip install 'ambrosio[llama]'`" in capsys.readouterr().err
