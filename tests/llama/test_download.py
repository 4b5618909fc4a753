"""A model comes from Hugging Face: once, to its end, and checked."""

import asyncio
import fcntl
import os

import pytest

from ambrosio.core.provider_errors import NotRunning

from ..support import PATIENCE_SECONDS
from ..support.fake_huggingface import FakeHuggingFace
from ..support.gguf_model import REPLY, SLOW, make
from ..support.running_llama import running_llama, words

REPO = "somebody/tiny-GGUF"
REFERENCE = f"{REPO}:F16"
FILE = "tiny-F16.gguf"


@pytest.fixture
def content(tmp_path):
    return make(tmp_path / "made.gguf").read_bytes()


@pytest.fixture
async def hub(content, monkeypatch):
    hub = FakeHuggingFace({REPO: {FILE: content, "tiny-Q8_0.gguf": b"", "README.md": b""}})
    async with hub.serving() as url:
        monkeypatch.setenv("HF_ENDPOINT", url)
        yield hub


async def failure(reference, folder):
    async with running_llama(reference, folder) as llama:
        await llama.until("failed")
        with pytest.raises(NotRunning) as raised:
            llama.server.ensure_ready("llama")
    return raised.value


async def test_a_model_is_downloaded_and_answers(hub, tmp_path, content, caplog):
    caplog.set_level("INFO", "ambrosio.llama")
    async with running_llama(REFERENCE, tmp_path) as llama:
        await llama.ready()
        parts = await llama.ask("tell about rice")

    assert words(parts).strip() == REPLY
    assert (tmp_path / "models" / REPO / FILE).read_bytes() == content
    # The statuses themselves follow each other too fast to be seen one by one.
    assert "downloading its model (100 % of 1 MB)" in caplog.text


async def test_it_is_downloaded_once_and_then_needs_no_network(hub, tmp_path, monkeypatch):
    async with running_llama(REFERENCE, tmp_path) as llama:
        await llama.ready()
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    async with running_llama(REFERENCE, tmp_path) as llama:
        parts = await llama.ask("tell about rice")

    assert words(parts).strip() == REPLY


async def test_it_is_downloaded_through_the_proxy_of_the_environment(hub, tmp_path, monkeypatch):
    monkeypatch.setenv("http_proxy", os.environ["HF_ENDPOINT"].replace("http://", ""))
    monkeypatch.setenv("no_proxy", "127.0.0.1,10.0.0.0/8")
    monkeypatch.setenv("HF_ENDPOINT", "http://hub.example")
    async with running_llama(REFERENCE, tmp_path) as llama:
        parts = await llama.ask("tell about rice")

    assert words(parts).strip() == REPLY


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("SSL_CERT_FILE", "/nowhere/ca.pem", "`SSL_CERT_FILE` cannot be read: No such file"),
        ("ALL_PROXY", "socks4://127.0.0.1:9", "`ALL_PROXY` names a kind of proxy"),
    ],
)
async def test_what_the_environment_has_wrong_is_named(
    hub, tmp_path, monkeypatch, name, value, reason
):
    monkeypatch.setenv(name, value)

    assert reason in str((await failure(REFERENCE, tmp_path)).user_message)


async def test_a_line_that_breaks_in_the_middle_goes_on_where_it_stopped(hub, tmp_path, content):
    hub.breaks = [100_000, 50_000]
    async with running_llama(REFERENCE, tmp_path) as llama:
        await llama.ready()

    assert (tmp_path / "models" / REPO / FILE).read_bytes() == content
    assert hub.ranges[-1] == "bytes=150000-"


async def test_a_download_that_was_stopped_goes_on_at_the_next_start(hub, tmp_path):
    content = make(tmp_path / "slow.gguf", size=SLOW).read_bytes()
    hub.files[REPO][FILE], hub.breaks, hub.stalls = content, [30_000_000], True
    async with running_llama(REFERENCE, tmp_path) as llama, asyncio.timeout(PATIENCE_SECONDS):
        while llama.server.status.done < 20_000_000:
            await llama.server.changed.wait()
    async with running_llama(REFERENCE, tmp_path) as llama:
        await llama.ready()

    first, second = hub.ranges
    assert first == ""
    assert int(second.removeprefix("bytes=").removesuffix("-")) >= 20_000_000
    assert (tmp_path / "models" / REPO / FILE).read_bytes() == content


async def test_two_do_not_download_into_one_another(hub, tmp_path, content):
    (tmp_path / "models" / REPO).mkdir(parents=True)
    with (tmp_path / "models" / REPO / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        failed = await failure(REFERENCE, tmp_path)
    async with running_llama(REFERENCE, tmp_path) as llama:
        await llama.ready()

    assert failed.reason == "another Ambrosio process is downloading the model"
    assert (tmp_path / "models" / REPO / FILE).read_bytes() == content


async def test_a_file_that_arrives_damaged_is_not_kept(hub, tmp_path):
    hub.promised = "0" * 64
    failed = await failure(REFERENCE, tmp_path)

    assert failed.reason == ("tiny-F16.gguf was damaged in the download: its checksum is wrong")
    assert not (tmp_path / "models" / REPO / FILE).exists()


@pytest.mark.parametrize(
    ("reference", "reason"),
    [
        ("somebody/other:F16", "Hugging Face has no model somebody/other"),
        (f"{REPO}:Q4_K_M", f"{REPO} has no Q4_K_M file; available: {FILE}, tiny-Q8_0.gguf"),
        ("what is this", "`what is this` is neither a .gguf file nor a Hugging Face id"),
    ],
)
async def test_a_wrong_id_is_named(hub, tmp_path, reference, reason):
    assert reason in (await failure(reference, tmp_path)).reason


async def test_a_licence_that_was_not_accepted_is_named(hub, tmp_path):
    hub.gated = True

    assert "requires you to accept its licence" in (await failure(REFERENCE, tmp_path)).reason


async def test_without_a_network_it_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    failed = await failure(REFERENCE, tmp_path)

    assert failed.reason == "Hugging Face cannot be reached"


async def test_a_disk_too_small_is_told_before_the_download(hub, tmp_path):
    hub.files[REPO]["huge-Q6_K.gguf"] = b""
    sizes = hub._listed

    def listed(name, content):
        found = sizes(name, content)
        return {**found, "size": 10**15} if name == "huge-Q6_K.gguf" else found

    hub._listed = listed
    failed = await failure(f"{REPO}:Q6_K", tmp_path)

    assert failed.reason.startswith("the disk has ")
    assert failed.reason.endswith("free and the download needs 1000000.5 GB")
