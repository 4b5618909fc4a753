"""The download of a better model from the page, from a Hugging Face on loopback."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from ambrosio.demo.model_download import ModelDownload
from ambrosio.demo.model_offer import MODELS, OfferedModel
from ambrosio.emulators import Json

from ..support import PATIENCE_SECONDS
from ..support.fake_huggingface import FakeHuggingFace

MODEL = MODELS[0]
CONTENT = b"GGUF" + bytes(300_000)


@pytest.fixture
async def hub(monkeypatch):
    repo = MODEL.reference.partition(":")[0]
    hub = FakeHuggingFace({repo: {"Qwen3.5-0.8B-Q4_K_M.gguf": CONTENT}})
    async with hub.serving() as url:
        monkeypatch.setenv("HF_ENDPOINT", url)
        yield hub


@asynccontextmanager
async def downloading(folder):
    """Run a download; yields it and a function that waits for a state that fits."""
    changes: asyncio.Queue[Json] = asyncio.Queue()
    done: list[OfferedModel] = []
    download = ModelDownload(folder, on_change=changes.put_nowait, on_done=done.append)

    async def wait_for(fits):
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not fits(state := await changes.get()):
                pass
        return state, list(done)

    running = asyncio.create_task(download.run())
    try:
        yield download, wait_for
    finally:
        running.cancel()


def ended(state):
    return state["state"] != "running"


@pytest.mark.usefixtures("hub")
async def test_a_download_tells_its_progress_and_is_announced(tmp_path):
    async with downloading(tmp_path) as (download, wait_for):
        download.start(MODEL)
        running, _ = await wait_for(lambda state: state.get("total"))
        state, announced = await wait_for(ended)

    assert announced == [MODEL]
    assert (running["label"], running["total"]) == ("Qwen3.5 0.8B", len(CONTENT))
    assert state == {"label": "Qwen3.5 0.8B", "state": "done"}
    assert [file.read_bytes() for file in tmp_path.rglob("*.gguf")] == [CONTENT]


async def test_a_cancelled_download_resumes_where_it_stopped(tmp_path, hub):
    hub.breaks, hub.stalls = [100_000], True
    async with downloading(tmp_path) as (download, wait_for):
        download.start(MODEL)
        await wait_for(lambda state: state.get("done"))
        download.cancel()
        cancelled, announced = await wait_for(ended)
        download.start(MODEL)
        state, _ = await wait_for(ended)

    assert (cancelled["state"], announced) == ("cancelled", [])
    assert state["state"] == "done"
    assert hub.ranges[-1].startswith("bytes=")


async def test_a_failed_download_is_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    async with downloading(tmp_path) as (download, wait_for):
        download.start(MODEL)
        state, announced = await wait_for(ended)

    assert announced == []
    assert state["reason"] == (
        "Hugging Face cannot be reached. Try again; it resumes where it stopped."
    )
