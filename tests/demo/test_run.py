"""The demo without a browser: who may ask, which model answers, and how it begins and ends."""

import os
import select
import signal
import socket

import httpx
import pytest
from click.testing import CliRunner

from ambrosio.cli import main
from ambrosio.config import settings
from ambrosio.demo.bot_process import environment
from ambrosio.demo.model import NO_MODEL, choose_model
from ambrosio.demo.session import FRIEND, GROUP, STRANGER, YOU
from ambrosio.emulators.model_server.server import FakeModelServer

from ..support.demo_page import DemoPage, DemoProcess


@pytest.fixture
def theatre():
    with DemoPage() as theatre:
        yield theatre


# --- who may ask ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "ambrosio.example:8765"},
        {"Origin": "https://evil.example"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "null"},
    ],
    ids=["another name", "another page", "another port", "a hidden page"],
)
def test_other_web_pages_get_nowhere(theatre, headers):
    words = {"chat": YOU, "person": YOU, "text": "hello"}
    doors = [f"{theatre.page}do/say", f"{theatre.url}/bot{theatre.api.token}/getMe"]

    answers = [httpx.post(door, json=words, headers=headers) for door in doors]

    assert [answer.status_code for answer in answers] == [403, 403]
    assert theatre.updates() == []


def test_without_the_key_there_is_no_page(theatre):
    addresses = [theatre.url, f"{theatre.url}/wrong-key/", f"{theatre.url}/wrong-key/events"]

    assert [httpx.get(address).status_code for address in addresses] == [404, 404, 404]


def test_the_page_runs_nothing_but_its_own_script(theatre):
    page, again = httpx.get(theatre.page), httpx.get(theatre.page)

    nonce = page.text.partition('<script nonce="')[2].partition('"')[0]
    assert f"script-src 'nonce-{nonce}'" in page.headers["content-security-policy"]
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert nonce not in again.text


def test_files_cannot_act_as_pages(theatre):
    html = ("page.html", b"<script>1</script>", "text/html")
    sent = theatre.bot("sendDocument", {"document": html}, chat_id=YOU)

    answer = httpx.get(f"{theatre.page}file/{sent['document']['file_id']}")

    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"] == "attachment"


def test_telegrams_own_links_are_marked_for_the_page_only(theatre):
    sent = theatre.bot("sendMessage", chat_id=YOU, text="see /help")

    assert "entities" not in sent
    assert theatre.stage.snapshot()["chats"][0]["messages"][0]["entities"] == [
        {"type": "bot_command", "offset": 4, "length": 5}
    ]


@pytest.mark.parametrize(
    ("deed", "given", "description"),
    [
        ("fly", {}, "Not Found"),
        ("say", {"chat": YOU, "person": YOU, "text": " "}, "Bad Request: message text is empty"),
        ("say", {"chat": STRANGER, "person": YOU, "text": "a"}, "nobody of that number"),
        ("say", {"chat": 7, "person": YOU, "text": "a"}, "nobody of that number"),
        ("edit", {"chat": GROUP, "person": FRIEND, "message": 1, "text": "a"}, "can't be edited"),
        ("edit", {"chat": GROUP, "person": YOU, "message": 9, "text": "a"}, "not found"),
        ("send", {"chat": YOU, "person": YOU}, "1 to 10 files"),
    ],
)
def test_what_nobody_could_do_on_a_phone_is_refused(theatre, deed, given, description):
    words = {"chat": GROUP, "person": YOU, "text": "mine"}
    httpx.post(f"{theatre.page}do/say", json=words)

    answer = httpx.post(f"{theatre.page}do/{deed}", json=given)

    assert answer.status_code in {400, 404}
    assert description in answer.json()["description"]


# --- which model answers --------------------------------------------------------------------------


@pytest.fixture
def nobody_about(monkeypatch):
    """Let no llama.cpp server be found on the usual ports."""
    monkeypatch.setattr("ambrosio.llama.discovery.USUAL_ADDRESSES", ())


def nothing():
    return ""


def never():
    raise AssertionError("it was offered")


@pytest.mark.usefixtures("nobody_about")
async def test_without_a_model_the_stand_in_says_what_it_is(tmp_path):
    async with (
        choose_model(settings.load(tmp_path), "", offer=nothing) as mind,
        httpx.AsyncClient() as http,
    ):
        served = await http.get(f"{mind.settings['LLAMA_BASE_URL']}/models")

        assert mind.name == "stand-in"
        assert mind.hint == NO_MODEL
        assert served.json()["data"][0]["id"] == "stand-in"


async def test_what_is_set_up_answers(tmp_path):
    given = settings.load(tmp_path, together_api_key="key", llama_base_url=None)

    async with choose_model(given, "", offer=nothing) as mind:
        assert mind.name == "together/openai/gpt-oss-120b"
        assert mind.settings == {}


async def test_a_server_on_the_usual_port_answers(tmp_path, monkeypatch):
    async with FakeModelServer("tiny").serving() as url:
        monkeypatch.setattr("ambrosio.llama.discovery.USUAL_ADDRESSES", (url.removesuffix("/v1"),))

        async with choose_model(settings.load(tmp_path), "", offer=nothing) as mind:
            assert mind.name == "llama/tiny"


async def test_a_model_file_that_is_set_up_answers_beside_the_others(tmp_path):
    both = {"llama_gguf": "~/models/tiny.gguf", "together_api_key": "key"}

    async with choose_model(settings.load(tmp_path, **both), "", offer=never) as mind:
        assert (mind.name, mind.settings, mind.alone) == ("llama/tiny.gguf", {}, False)


async def test_what_is_typed_goes_before_what_is_set_up(tmp_path):
    given = settings.load(tmp_path, llama_gguf="set-up.gguf", together_api_key="key")

    async with choose_model(given, "somebody/typed-GGUF:Q4_0", offer=never) as mind:
        assert mind.name == "typed-GGUF:Q4_0"
        assert mind.settings == {"LLAMA_GGUF": "somebody/typed-GGUF:Q4_0"}
        assert mind.alone


@pytest.mark.usefixtures("nobody_about")
async def test_what_is_offered_and_taken_answers(tmp_path):
    async with choose_model(
        settings.load(tmp_path), "", offer=lambda: "some/tiny-GGUF:Q4_0"
    ) as mind:
        assert mind.name == "tiny-GGUF:Q4_0"


async def test_the_stand_in_can_be_asked_for(tmp_path):
    given = settings.load(tmp_path, together_api_key="key")

    async with choose_model(given, "stand-in", offer=nothing) as mind:
        assert mind.name == "stand-in"


async def test_a_model_that_was_asked_for_is_alone(tmp_path, monkeypatch):
    monkeypatch.setenv("TOGETHER_API_KEY", "real")
    monkeypatch.setenv("AMBROSIO_STREAM", "edit")

    async with choose_model(settings.load(tmp_path), "stand-in", offer=nothing) as mind:
        alone = environment({"LLAMA_MODEL": "x"}, alone=mind.alone)
    beside = environment({}, alone=False)

    assert (alone.get("TOGETHER_API_KEY"), alone["LLAMA_MODEL"]) == (None, "x")
    assert alone["AMBROSIO_STREAM"] == "edit"
    assert beside["TOGETHER_API_KEY"] == "real"


# --- beginning and ending -------------------------------------------------------------------------


def run(*options, folder):
    cli_options = ["demo", "--model", "stand-in", "--no-browser", "--port", "0", *options]
    return CliRunner(env={"AMBROSIO_DATA_DIR": str(folder)}).invoke(main.main, cli_options)


def test_a_port_that_is_taken_is_said_so(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        result = run("--port", str(port), folder=tmp_path)

    assert result.exit_code == 1
    assert result.stderr == (
        f"error: Port {port} cannot be used: address already in use. "
        "Choose another one with `--port`.\n"
    )


@pytest.mark.parametrize("wish", ["nope.gguf", "what is this"])
def test_a_model_that_is_none_is_said_so(tmp_path, wish):
    result = run("--model", wish, folder=tmp_path)

    assert result.exit_code == 1
    assert result.stderr == (
        f"error: There is no model `{wish}`. "
        "Name a .gguf file, or `owner/repo:QUANT` at Hugging Face.\n"
    )


def test_a_folder_that_cannot_be_written_to_is_said_so(tmp_path):
    (tmp_path / "demo").write_text("not a folder", "utf-8")

    result = run(folder=tmp_path)

    assert result.exit_code == 1
    assert "cannot be written to. Name another one with `AMBROSIO_DATA_DIR`." in result.stderr


def test_a_second_demo_is_told_where_the_first_one_is(tmp_path):
    with DemoProcess(tmp_path) as first:
        result = run(folder=tmp_path)

        assert result.exit_code == 1
        assert result.stderr == f"error: The demo is already running. Its page is {first.page}\n"


def test_a_demo_that_is_killed_takes_its_bot_with_it(tmp_path):
    with DemoProcess(tmp_path) as running:
        running.wait_online()
        bot = os.pidfd_open(running.bot)
        try:
            running.process.send_signal(signal.SIGKILL)

            assert select.select([bot], [], [], 20)[0]
        finally:
            os.close(bot)


def test_a_demo_that_is_asked_to_ends_in_good_order(tmp_path):
    with DemoProcess(tmp_path) as running:
        running.wait_online()
        running.process.send_signal(signal.SIGINT)

        assert running.process.wait(20) == 0
