"""The program as started from a shell: its output and its exit codes."""

import asyncio
import re
import sys

import pytest
from click.testing import CliRunner

from ambrosio import __version__
from ambrosio.cli import main
from ambrosio.cli.findings import Finding, print_finding
from ambrosio.cli.provider_checks import check_hearing
from ambrosio.core.texts import DATABASE_UNUSABLE, NO_QUESTION
from ambrosio.emulators.model_server.server import ErrorStatus, FakeModelServer
from ambrosio.emulators.web import FakeWeb, WebPage
from ambrosio.llama.sizing import Resources

KEY = "sk-very-secret-key"


def invoke(*words):
    return CliRunner().invoke(main.main, words)


@pytest.fixture
def inside(monkeypatch, tmp_path):
    """Run a verb in this process, without a model server."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AMBROSIO_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("LLAMA_BASE_URL", "http://127.0.0.1:9/v1")
    monkeypatch.setattr("ambrosio.config.logs.set_up_logging", lambda *_: None)
    return invoke


class TestCommandLine:
    @pytest.mark.parametrize(
        "words", [["--help"], ["-h"], ["help"], ["chat", "--help"], ["doctor", "-h"]]
    )
    def test_help(self, words):
        ended = invoke(*words)

        assert ended.exit_code == 0
        assert ended.stdout.startswith("Usage:")

    def test_every_verb_has_a_one_line_help(self):
        shown = invoke("--help").stdout

        for name, verb in main.main.commands.items():
            assert re.search(rf"^  {name} +\w.*[^.]\.$", shown, flags=re.MULTILINE)
            assert verb.help

    @pytest.mark.parametrize("words", [["--version"], ["version"]])
    def test_version(self, words):
        assert invoke(*words).stdout == f"ambrosio, version {__version__}\n"

    @pytest.mark.parametrize("words", [["dance"], ["chat", "--loud"], ["run", "away"]])
    def test_unknown_arguments_are_refused(self, words):
        ended = invoke(*words)

        assert (ended.exit_code, ended.stdout) == (2, "")

    @pytest.mark.parametrize("verb", ["run", "chat", "doctor"])
    def test_each_invalid_setting_is_one_line(self, monkeypatch, tmp_path, verb):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("AMBROSIO_LOG", "loud")
        monkeypatch.setenv("AMBROSIO_OWNERS", "42")
        monkeypatch.setenv("LLAMA_BASE_URL", "here")

        ended = invoke(verb)

        lines = ended.stderr.splitlines()
        assert (ended.exit_code, ended.stdout) == (2, "")
        assert [line.partition(":")[0] for line in lines] == [
            "AMBROSIO_OWNERS",
            "AMBROSIO_LOG",
            "LLAMA_BASE_URL",
        ]
        assert all("; expected " in line or "; did you mean " in line for line in lines)

    def test_run_needs_a_token(self, inside):
        ended = inside("run")

        assert (ended.exit_code, ended.stdout) == (2, "")
        assert ended.stderr.startswith("error: TELEGRAM_BOT_TOKEN is not set. Get one from @BotF")

    @pytest.mark.parametrize(
        "words", [["run"], ["chat", "tea?"], ["imagine", "tea"], ["doctor"], ["rice"]]
    )
    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("SSL_CERT_FILE", "/nonexistent.pem"),
            ("SSL_CERT_DIR", "/nonexistent"),
            ("all_proxy", "socks4://127.0.0.1:1080"),
            ("HTTP_PROXY", "http://127.0.0.1:port"),
            ("NO_PROXY", "[::1"),
        ],
    )
    def test_a_network_variable_that_cannot_be_used_is_one_line(
        self, inside, monkeypatch, words, name, value
    ):
        monkeypatch.setenv("TELEGRAM_BOT_TOKEN", "123456:AAwrongwrongwrongwrongwrong")
        monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
        # It overrules the folder.
        monkeypatch.delenv("SSL_CERT_FILE", raising=False)
        monkeypatch.setenv(name, value)

        ended = inside(*words)

        (line,) = ended.stderr.splitlines()
        assert line.startswith(f"{name}: ")
        assert (ended.exit_code, ended.stdout) == (2, "")

    def test_chat_needs_a_question(self, inside):
        ended = inside("chat")

        assert (ended.exit_code, ended.stdout) == (2, "")
        assert ended.stderr == f"error: {NO_QUESTION}\n"

    @pytest.mark.parametrize(("words", "code"), [((), 0), (("chat", "tea?"), 1)])
    def test_where_nothing_is_set_up_there_are_three_ways_to_begin(
        self, inside, monkeypatch, words, code
    ):
        monkeypatch.delenv("LLAMA_BASE_URL")
        monkeypatch.setattr("ambrosio.llama.discovery.USUAL_ADDRESSES", ())
        monkeypatch.setattr("ambrosio.llama.discovery.OTHER_ADDRESSES", ())

        ended = inside(*words)

        shown = ended.stderr if words else ended.stdout
        begin = shown[shown.index("Three ways to begin:") :]
        assert ended.exit_code == code
        assert re.findall(r"^  ambrosio (\w+)  ", begin, re.MULTILINE) == ["demo", "chat", "run"]

    def test_an_unknown_provider_is_reported_with_the_known_ones(self, inside):
        ended = inside("chat", "--provider", "nobody/x", "tea?")

        assert (ended.exit_code, ended.stdout) == (2, "")
        assert ended.stderr == "error: There is no provider `nobody`. Choose from: llama.\n"

    def test_an_unwritable_data_folder_is_reported(self, inside, tmp_path):
        (tmp_path / "data").write_text("a file")

        ended = inside("chat", "tea?")

        assert (ended.exit_code, ended.stdout) == (1, "")
        assert f"error: {DATABASE_UNUSABLE}\n" in ended.stderr
        assert "Traceback" not in ended.stderr


@pytest.fixture
def doctor(ambrosio, api, telegram_url):
    async def run_doctor(**overrides):
        # A waiting update ends the check for another poller at once.
        api.updates.inject({"message": {"unreadable": True}})
        values = {"TELEGRAM_BASE_URL": telegram_url, "TELEGRAM_BOT_TOKEN": api.token, **overrides}
        ended = await ambrosio("doctor", **values)
        assert api.token not in ended.out + ended.err
        return ended

    return run_doctor


def findings(ended):
    """Read the findings: the mark and the detail of each subject."""
    lines = ended.out.split("\n\n")[0].splitlines()
    columns = [re.fullmatch(r"(\S) (.+?)  +(.*)", line) for line in lines]
    return {found[2]: f"{found[1]} {found[3]}" for found in columns if found}


def problems(ended):
    return {name: detail for name, detail in findings(ended).items() if detail[0] in "✗!"}


def fixes(ended):
    """Read what is to be fixed, in order."""
    columns = re.findall(r"^\d\. (.+?)  +(.*)$", ended.out, re.MULTILINE)
    return dict(columns)


DEAD_URL = "http://127.0.0.1:9/v1"


class TestDoctor:
    @pytest.mark.parametrize(
        ("overrides", "wrong"),
        [
            ({"TOGETHER_MODEL": "gone"}, ["together", "model"]),
            ({"TOGETHER_TRANSCRIPTION_MODEL": "gone"}, ["transcription model"]),
            ({"TOGETHER_SPEECH_MODEL": "gone"}, ["speech model"]),
        ],
    )
    async def test_a_retired_model_is_reported_with_the_available_ones(
        self, doctor, overrides, wrong
    ):
        server = FakeModelServer("m", "together", api_key="key")
        async with server.serving() as url:
            together = {
                "TOGETHER_API_KEY": "key",
                "TOGETHER_BASE_URL": url,
                "TOGETHER_MODEL": "m",
                "TOGETHER_IMAGE_MODEL": server.image_model,
            }
            ended = await doctor(**{**together, **overrides})

        assert [*problems(ended)] == wrong
        assert "is not served there" in problems(ended)[wrong[-1]]
        assert "to one of those that are: " in fixes(ended)[wrong[-1]]

    async def test_a_working_setup_has_no_problems(self, doctor, api, model):
        ended = await doctor()

        assert (ended.code, ended.err) == (0, "")
        assert "".join(detail[0] for detail in findings(ended).values()) == "✓–✓✓✓✓✓✓✓✓––"
        assert [*findings(ended)] == [
            *("settings", "budget", "disk", "clock"),
            *(
                "token",
                "webhook",
                "poller",
                "llama",
                "answers",
                "vision",
                "voice",
                "speech",
            ),
        ]
        assert ended.out.endswith("\n\nEverything works.\n")
        assert len(api.updates.pending) == 1
        assert len(model.requests) == 1

    @pytest.mark.parametrize(
        ("gigabytes", "advice"), [(8, "LLAMA_EARS=ggml-org/"), (4, "TOGETHER_API_KEY")]
    )
    async def test_ears_are_offered_where_there_is_memory(self, gigabytes, advice):
        machine = Resources(2, 10**9, gigabytes * 10**9)

        assert advice in (await check_hearing({}, lambda: machine)).detail

    async def test_the_web_search_is_tried_and_its_engines_named(self, doctor):
        web = FakeWeb(hits=[WebPage("Weather", "https://x.example/")])
        web.unresponsive = [("brave", "too many requests")]
        async with web.serving() as url:
            found = await doctor(AMBROSIO_SEARCH_URL=url)
            web.json_enabled = False
            refused = await doctor(AMBROSIO_SEARCH_URL=url)

        assert (
            "✓ search    SearXNG returned 1 result; from wikipedia; "
            "no answer from brave (too many requests)" in found.out
        )
        assert "SearXNG does not work: its server does not return JSON" in refused.out
        assert "add `json` to `search: formats:` in SearXNG's settings.yml" in refused.out
        assert (found.code, refused.code) == (0, 0)

    @pytest.mark.parametrize("end", ["", "/"])
    async def test_an_address_without_v1_is_named_with_it(self, doctor, tmp_path, end):
        server = FakeModelServer("m", "together")
        async with server.serving() as url:
            base_url = url.removesuffix("/v1")
            (tmp_path / "ambrosio.toml").write_text(
                f'[providers.mine]\nbase_url = "{base_url}{end}"\nmodel = "m"\n'
            )
            ended = await doctor()

        assert problems(ended)["mine"] == f"! there is nothing at {base_url}, but {url} answers"
        assert fixes(ended)["mine"] == f"change its base URL to {url}"

    async def test_an_address_where_v1_is_not_either_is_only_to_be_checked(self, doctor, tmp_path):
        async with FakeModelServer("m", "together").serving() as url:
            (tmp_path / "ambrosio.toml").write_text(
                f'[providers.mine]\nbase_url = "{url}/other"\nmodel = "m"\n'
            )
            ended = await doctor()

        assert "HTTP 404" in problems(ended)["mine"]
        assert fixes(ended)["mine"] == (
            f"set another model: model in ambrosio.toml; or correct its base URL, {url}/other"
        )

    async def test_problems_are_reported_with_a_remedy(self, doctor, api):
        api.updates.set_webhook("https://example.com/hook", drop_pending=False)

        first, second = await asyncio.gather(
            doctor(
                TELEGRAM_BOT_TOKEN="999999:AAwrongwrongwrongwrongwrongwrongwrong",
                LLAMA_BASE_URL="http://127.0.0.1:9/v1",
            ),
            doctor(),
        )

        assert problems(first) == {
            "token": "✗ Telegram rejects it",
            "llama": "! cannot be reached (Connection refused)",
            "answers": "✗ no provider answers",
        }
        assert fixes(first) == {
            "token": "get a new one from @BotFather",
            "llama": "check that the server at http://127.0.0.1:9/v1 is running",
        }
        assert first.err == ""
        assert problems(second) == {"webhook": "✗ set"}
        run = f"{sys.executable} -m ambrosio run"
        assert fixes(second) == {"webhook": f"start `{run}`, which removes it"}
        assert (first.code, second.code) == (1, 1)

    async def test_what_nothing_works_without_is_fixed_first(self, doctor, model):
        model.answer = lambda _: ErrorStatus(401, message="No such key: sk-abc12345678")

        ended = await doctor(
            TELEGRAM_BOT_TOKEN="",
            OPENAI_API_KEY="sk-0123456789",
            OPENAI_BASE_URL=DEAD_URL,
            OPENAI_MODEL="m",
        )

        assert problems(ended)["llama"] == "! rejected the API key (HTTP 401: No such key: …)"
        assert [*fixes(ended)] == ["token", "llama", "openai"]
        assert fixes(ended)["llama"] == "set a valid key: LLAMA_API_KEY"

    @pytest.mark.parametrize("no_color", ["", "1"])
    def test_a_terminal_has_colours_unless_told_otherwise(self, monkeypatch, no_color):
        monkeypatch.setenv("NO_COLOR", no_color)
        with CliRunner().isolation(color=True) as (out, *_):
            print_finding(Finding("disk", "failed", "full", "free some"), ["settings"])

        mark = "✗" if no_color else "\x1b[31m✗\x1b[0m"
        assert out.getvalue().decode() == f"{mark} disk      full\n"
