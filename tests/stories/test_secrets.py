"""No token and no key is anywhere but where it must be, whatever succeeds and whatever fails.

The servers here are as bad as can be: they quote the key that they were sent, in every error.
"""

import io
import json
import os
import subprocess
import sys
from contextlib import asynccontextmanager, redirect_stderr
from functools import partial

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from ambrosio.cli.doctor import doctor
from ambrosio.config import logs, settings
from ambrosio.emulators.loopback import serve_app
from ambrosio.emulators.model_server.server import (
    BrokenSse,
    Calls,
    ErrorObject,
    ErrorStatus,
    FakeModelServer,
    Says,
)

from ..support import PATIENCE_SECONDS, ROOT
from ..support.mcp_server import ADD, FakeMcp
from ..support.running_bot import running_bot

KEYS = {
    name: f"{name}-s3cret-{number}9f8e7d6c"
    for number, name in enumerate(
        ["llama", "together", "openai", "row", "brave", "mcp", "variable", "proxy"]
    )
}
PAGE = "<html><title>502 {key}</title>nginx {key} https://u:{key}@x.example/?api_key={key}</html>"


@asynccontextmanager
async def gateway(keys):
    """A server that sends everybody elsewhere, with the key in the address and in the page."""

    async def anything(request):
        keys.append(request.headers.get("authorization", ""))
        if len(keys) % 2:
            return RedirectResponse(f"http://127.0.0.1:9/?key={KEYS['row']}", 302)
        return Response(PAGE.format(key=KEYS["row"]), 502, media_type="text/html")

    methods = ["GET", "POST"]
    app = Starlette(routes=[Route("/{path:path}", anything, methods=methods)])
    async with serve_app(app, grace_seconds=0) as url:
        yield url


def given_settings(urls, api, telegram_url, socket):
    """Set up everything that takes a secret."""
    stdio = {"command": FakeMcp().command(), "allow": ["add"]}
    return {
        "telegram_bot_token": api.token,
        "telegram_base_url": telegram_url,
        "ambrosio_metrics": f"unix:{socket}",
        "llama_base_url": urls["llama"],
        "llama_api_key": KEYS["llama"],
        "together_base_url": urls["together"],
        "together_api_key": KEYS["together"],
        # Led through the proxy, which is not there.
        "openai_base_url": "http://openai.example/v1",
        "openai_api_key": KEYS["openai"],
        "openai_model": "gpt-5",
        "brave_api_key": KEYS["brave"],
        "ambrosio_route": ("llama", "together", "openai", "wandering"),
        "providers": {
            "wandering": {"base_url": f"{urls['row']}/v1", "api_key": KEYS["row"], "model": "m"}
        },
        "mcp": {
            "sums": {"url": urls["mcp"], "api_key": KEYS["mcp"], "allow": ["add"]},
            "child": {**stdio, "env": {"TOKEN": KEYS["variable"]}},
        },
    }


def refusals(key):
    """All ways in which a server fails, each with the key in its words."""
    quoted = f"Incorrect API key provided: {key}. You sent Authorization: Bearer {key}"
    return (
        ErrorStatus(401, message=quoted),
        ErrorStatus(500, message=quoted),
        ErrorStatus(502, body=PAGE.format(key=key)),
        ErrorStatus(400, message=f"unknown field, curl -H 'Authorization: Bearer {key}'"),
        BrokenSse(),
        ErrorObject("Half an", message=quoted),
    )


async def fail_in_every_way(anna, life, api, model, cloud, monkeypatch):
    for refused, also_refused in zip(
        refusals(KEYS["llama"]), refusals(KEYS["together"]), strict=True
    ):
        model.script(refused)
        cloud.script(also_refused)
        await anna.say("is it safe?")
        await life.settled()
        api.state.now.pass_seconds(7200)
    api.garbage("sendMessage", times=2)
    api.fail("sendMessage", code=502, description=f"Bad Gateway: /bot{api.token}/sendMessage")
    api.drop("getUpdates")
    model.script(Calls("web_search", json.dumps({"query": "rice"})), Says("No."))
    await anna.say("search for rice?")
    await life.settled()

    def breaks(*_args, **_given):
        raise ValueError(repr([api.token, KEYS]))

    with monkeypatch.context() as patch:
        patch.setattr(life.store.conversations, "history", breaks)
        await anna.say("and now?")
        await anna.wait_text("three times")


async def run_and_fail(start, anna, api, model, cloud, remote, monkeypatch):
    """Use everything, let everything fail, and return what /metrics says."""
    async with start() as life:
        model.script(Says("Yes."))
        await anna.say("hello")
        await anna.wait_text("Yes.")
        await anna.say("/mcp")
        await anna.wait_text("child, never used")
        remote.does = "refuse"
        await fail_in_every_way(anna, life, api, model, cloud, monkeypatch)
        for command in ("/status", "/usage", "/where", "/model", "/settings", "/export"):
            await anna.say(command)
            await life.settled()
        folder = life.store.database.file.parent
        life.store.archive.backup(folder / "backup.db")
        transport = httpx.AsyncHTTPTransport(uds=str(folder / "metrics.sock"))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
            return (await http.get("/metrics")).text


def all_that_was_written(api, folder, **more):
    """Map each place to what is there: the files, the messages, what was uploaded."""
    files = {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    uploads = {upload.name: upload.content for upload in api.state.files.uploads.values()}
    calls = json.dumps([call.params for call in api.calls], default=str)
    read = {
        name: content.decode(errors="replace") for name, content in {**files, **uploads}.items()
    }
    return {**read, "messages": calls, **more}


@pytest.fixture
async def servers(monkeypatch):
    """The servers by name, their addresses, and what the gateway was sent."""
    model = FakeModelServer(api_key=KEYS["llama"], tools=True)
    cloud = FakeModelServer(api_key=KEYS["together"], model="openai/gpt-oss-120b")
    remote, sent_to_gateway = FakeMcp(tools=[ADD]), list[str]()
    for name in ("HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, f"http://user:{KEYS['proxy']}@127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    async with (
        model.serving() as llama,
        cloud.serving() as together,
        gateway(sent_to_gateway) as row,
        remote.serving() as mcp,
    ):
        urls = {"llama": llama, "together": together, "row": row, "mcp": mcp}
        yield model, cloud, remote, urls, sent_to_gateway


async def test_a_whole_run_leaves_no_secret_anywhere(
    api, telegram_url, tmp_path, anna, servers, monkeypatch, capsys
):
    model, cloud, remote, urls, sent_to_gateway = servers
    given = given_settings(urls, api, telegram_url, tmp_path / "metrics.sock")
    loaded = settings.load(tmp_path, ambrosio_data_dir=tmp_path, **given)
    log = io.StringIO()
    with redirect_stderr(log):
        logs.set_up_logging("debug", loaded.secrets)
    start = partial(running_bot, api, telegram_url, tmp_path, **given)
    metrics = await run_and_fail(start, anna, api, model, cloud, remote, monkeypatch)
    cloud.script(*[refusals(KEYS["together"])[0]] * 9)
    api.updates.inject({"message": {"unreadable": True}})
    await doctor(loaded)
    printed = capsys.readouterr()
    more = {"log": log.getvalue(), "metrics": metrics, "doctor": printed.out + printed.err}
    places = all_that_was_written(api, tmp_path, **more)

    # Each server was told its own key, and no other.
    for server, key in ((model, "llama"), (cloud, "together")):
        sent = {asked.headers["authorization"] for asked in server.requests}
        assert sent == {f"Bearer {KEYS[key]}"}
    assert set(sent_to_gateway) == {f"Bearer {KEYS['row']}"}
    assert remote.headers["authorization"] == f"Bearer {KEYS['mcp']}"
    # What was looked through is not empty, and says why things failed.
    assert {"ambrosio.db", "backup.db"} <= places.keys()
    assert all(places[name] for name in ("messages", "metrics", "doctor"))
    assert "rejected the API key" in places["log"]
    for place, text in places.items():
        for secret in (*KEYS.values(), api.token, api.token.partition(":")[2]):
            assert secret not in text, f"{place} holds {secret}"


CRASH = """
import asyncio, os
from ambrosio.cli.process import load_settings, run_to_exit
load_settings()
async def verb():
    async with asyncio.TaskGroup() as group:
        group.create_task(fail())
async def fail():
    raise ValueError(repr(dict(os.environ)))
run_to_exit(verb())
"""


def test_a_crash_that_nobody_foresaw_tells_no_secret(tmp_path):
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "OPENAI_API_KEY": KEYS["openai"],
        "OPENAI_MODEL": "m",
    }
    ended = subprocess.run(
        [sys.executable, "-c", CRASH],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_SECONDS,
    )

    assert ended.returncode == 1
    assert "stopped by an error that nobody foresaw" in ended.stderr
    assert "ValueError" in ended.stderr
    assert "in fail" in ended.stderr
    assert KEYS["openai"] not in ended.stderr + ended.stdout
