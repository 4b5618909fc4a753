"""What Prometheus reads of a running bot, and that it reads nothing of anybody."""

import asyncio
import re

import httpx
import pytest

from ambrosio.bot.metrics import resident_bytes
from ambrosio.config import settings
from ambrosio.core.errors import InvalidSettings
from ambrosio.emulators.model_server.server import ErrorStatus, FakeModelServer

from ..support import ROOT
from ..support.running_bot import running_bot

PRIVATE = ("rashquestion", "eczemaanswer", "Anna", "4242")


def read(text):
    """Read Prometheus's text format strictly, as a dict of samples."""
    samples = {}
    kinds = dict(re.findall(r"^# TYPE (\w+) (counter|gauge)$", text, re.MULTILINE))
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        found = re.fullmatch(r'(\w+)(\{(?:\w+="(?:[^"\\\n]|\\.)*",?)+\})? (-?[\d.e+-]+)', line)
        assert found, line
        assert found[1] in kinds
        assert found[1].endswith("_total") == (kinds[found[1]] == "counter")
        samples[found[1] + (found[2] or "")] = float(found[3])
    return samples


async def test_a_running_bot_is_counted_and_nobody_is_named(
    api, telegram_url, tmp_path, model, model_url
):
    anna = api.person(4242, "Anna").private()
    cloud = FakeModelServer(model="cloud-model")
    cloud.answer = lambda _: ErrorStatus(500)
    socket = tmp_path / "metrics.sock"
    given = {
        "ambrosio_owner": frozenset({4242}),
        "ambrosio_metrics": f"unix:{socket}",
        "ambrosio_monthly_budget_usd": 5,
        "ambrosio_route": ("cloud", "llama"),
        "llama_base_url": model_url,
    }
    async with (
        cloud.serving() as url,
        httpx.AsyncClient(
            transport=httpx.AsyncHTTPTransport(uds=str(socket)), base_url="http://localhost"
        ) as http,
    ):
        (tmp_path / "ambrosio.toml").write_text(
            f'[providers.cloud]\nbase_url = "{url}"\nmodel = "cloud-model"\ninput_usd = 0\n'
            "output_usd = 0\n"
        )
        async with running_bot(api, telegram_url, tmp_path, **given) as life:
            await anna.say(PRIVATE[0])
            await life.settled()
            page = await http.get("/metrics")
            assert (await http.get("/")).status_code == 404
            assert (await http.post("/metrics")).status_code == 404
            evil = await http.get("/metrics", headers={"Host": "evil.example"})
            assert (evil.status_code, evil.text) == (403, "")
        assert not socket.exists() or not await is_listening(socket)

    assert page.headers["content-type"].startswith("text/plain; version=0.0.4")
    samples = read(page.text)
    assert samples["ambrosio_updates_total"] == 1
    assert samples['ambrosio_calls_total{provider="llama",kind="chat",outcome="done"}'] == 1
    assert samples['ambrosio_errors_total{provider="cloud",kind="chat",error="ServerError"}'] == 1
    assert samples['ambrosio_provider_up{provider="cloud"}'] == 0
    assert samples['ambrosio_provider_up{provider="llama"}'] == 1
    assert samples["ambrosio_inbox_length"] == samples["ambrosio_outbox_length"] == 0
    assert samples["ambrosio_month_budget_usd"] == 5
    assert samples["ambrosio_poll_age_seconds"] >= 0
    assert samples["process_resident_memory_bytes"] > 10_000_000
    assert [word for word in PRIVATE if word in page.text] == []


async def is_listening(socket):
    try:
        _, writer = await asyncio.open_unix_connection(str(socket))
    except OSError:
        return False
    writer.close()
    return True


async def test_a_bot_whose_metrics_cannot_be_served_answers_all_the_same(
    api, telegram_url, tmp_path, model_url, anna
):
    given = {"ambrosio_metrics": f"unix:{tmp_path}/none/x.sock", "llama_base_url": model_url}
    async with running_bot(api, telegram_url, tmp_path, **given) as life:
        await anna.say("tea?")
        await life.settled()

    assert len(anna.answers) == 1


@pytest.mark.parametrize("value", ["0", "65536", "localhost:9464", "unix:", "/run/x", "0.0.0.0:1"])
def test_only_this_machine_can_be_named(tmp_path, value):
    with pytest.raises(InvalidSettings):
        settings.load(tmp_path, ambrosio_metrics=value)


def test_the_memory_is_known_without_proc(tmp_path):
    assert resident_bytes(tmp_path) > 10_000_000


def test_the_page_for_servers_lists_every_metric():
    page = (ROOT / "docs" / "server.md").read_text("utf-8")
    listed = set(re.findall(r"`((?:ambrosio|process)_\w+)`", page))
    code = (ROOT / "ambrosio" / "bot" / "metrics.py").read_text("utf-8")
    assert listed == set(re.findall(r'"((?:ambrosio|process)_\w+)"', code))
