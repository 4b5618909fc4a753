"""Secrets never reach a log, whatever way they take."""

import io
import json
import logging
import sys

import pytest

from ambrosio.config import prompts
from ambrosio.config.logs import LIBRARY_LEVELS, JsonFormatter, RedactingFormatter, set_up_logging
from ambrosio.emulators.model_server.server import (
    BrokenSse,
    Dies,
    ErrorObject,
    ErrorStatus,
    FakeModelServer,
    HangsUp,
    Overflow,
    Says,
)

from ..support.running_bot import running_bot

TOKEN = "123456789:AAbbCCddEEffGGhhIIjjKKllMMnnOOppQQr"
KEY = "sk-very-secret"


@pytest.fixture(params=["info", "json"])
def written(request, monkeypatch):
    """Set the log up as the program does and give what it writes."""
    levels = {name: logging.getLogger(name).level for name in ["", log.name, *LIBRARY_LEVELS]}
    handlers = logging.getLogger().handlers
    paper = io.StringIO()
    monkeypatch.setattr(sys, "stderr", paper)
    set_up_logging(request.param, [KEY, "", KEY + "-longer"])
    yield paper.getvalue
    logging.getLogger().handlers = handlers
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


log = logging.getLogger("ambrosio.test")


def fail(text):
    try:
        int(text)
    except ValueError as exc:
        raise RuntimeError("outer") from exc


@pytest.mark.parametrize("secret", [TOKEN, KEY, KEY + "-longer", f"bot{TOKEN}/getMe", f"({KEY})"])
class TestSecrets:
    def test_they_are_redacted_in_a_message(self, written, secret):
        log.warning("before " + secret + " after")  # noqa: G003 - what others do

        assert_clean(written())

    def test_they_are_redacted_in_arguments(self, written, secret):
        log.warning("before %s %r after", secret, {"url": secret})

        assert_clean(written())

    def test_they_are_redacted_in_tracebacks(self, written, secret):
        try:
            fail(secret)
        except RuntimeError:
            log.exception("before after")

        assert "Traceback" in written()
        assert_clean(written())

    def test_they_are_redacted_in_stacks(self, written, secret):
        log.warning("before %s after", secret, stack_info=True)

        assert_clean(written())


def assert_clean(text):
    assert "before" in text
    assert "after" in text
    assert TOKEN[10:] not in text
    assert KEY not in text


@pytest.mark.parametrize("harmless", ["12:30", "127.0.0.1:8080", "123456: short", "10:20:30"])
def test_what_is_no_token_stays(written, harmless):
    log.warning("at %s", harmless)

    assert harmless in written()


def test_a_longer_secret_leaves_nothing_of_itself_behind():
    shown = RedactingFormatter(["abcdef", "abcdefghi"], "%(message)s")

    line = shown.format(logging.makeLogRecord({"msg": "x abcdefghi y abcdef z"}))

    assert line == "x [secret] y [secret] z"


@pytest.mark.parametrize("secret", ["k", "key", "12345"])
def test_a_secret_as_short_as_a_word_masks_no_words(secret):
    shown = RedactingFormatter([secret], "%(message)s")

    message = f"asking openai for the key {secret}1"
    assert shown.format(logging.makeLogRecord({"msg": message})) == message


def test_a_line_of_json_is_one_object():
    with pytest.raises(RuntimeError) as caught:
        fail("two\nlines")
    told = (caught.type, caught.value, caught.tb)
    record = logging.LogRecord("a.b", logging.ERROR, __file__, 1, 'say "%s"', ("ü",), told)

    line = JsonFormatter([], "%(message)s").format(record)

    assert "\n" not in line
    fields = json.loads(line)
    assert (fields["level"], fields["from"]) == ("error", "a.b")
    assert fields["says"].startswith('say "ü"\nTraceback')


@pytest.mark.parametrize("name", LIBRARY_LEVELS)
def test_libraries_that_talk_of_addresses_are_silenced(written, name):
    logging.getLogger(name).info("GET https://api.telegram.org/bot/x")

    assert written() == ""


@pytest.mark.parametrize(
    ("level", "heard"), [("debug", 4), ("info", 3), ("warning", 2), ("error", 1)]
)
def test_each_level_is_heard_from_its_own_on(monkeypatch, level, heard, written):
    paper = io.StringIO()
    monkeypatch.setattr(sys, "stderr", paper)
    set_up_logging(level, [])

    for each in ("debug", "info", "warning", "error"):
        getattr(log, each)("a line")

    assert len(paper.getvalue().splitlines()) == heard


# --- what is said ---------------------------------------------------------------------------------

# What was asked, answered, painted, searched for; and what nobody could foresee.
SAID = ("rashquestion", "eczemaanswer", "foxprompt", "rashsearch", "pomegranate")
QUOTING = f"Invalid value: '{SAID[0]} and so on', after {SAID[1]}"
FAILURES = (
    Says(f"{SAID[1]}."),
    ErrorStatus(400, message=QUOTING),
    ErrorStatus(401, message=QUOTING),
    ErrorStatus(402, message=QUOTING),
    ErrorStatus(429, message=QUOTING),
    ErrorStatus(500, body=f"<title>{QUOTING}</title>"),
    Overflow(9000, 4096),
    HangsUp(),
    Dies(after=SAID[1]),
    BrokenSse(),
    ErrorObject(after=SAID[1], message=QUOTING),
)


@pytest.fixture
def loud(monkeypatch, api):
    """Set the log up at its loudest and give what it writes."""
    levels = {name: logging.getLogger(name).level for name in LIBRARY_LEVELS}
    paper = io.StringIO()
    monkeypatch.setattr(sys, "stderr", paper)
    set_up_logging("debug", [KEY, api.token])
    # The servers of the test itself write down who called.
    monkeypatch.setattr(logging.getLogger("uvicorn.access"), "disabled", True)
    yield paper.getvalue
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


@pytest.fixture
async def house(api, telegram_url, tmp_path, model_url):
    cloud = FakeModelServer(server_kind="together", model="openai/gpt-oss-120b", api_key=KEY)
    async with cloud.serving() as url:
        (tmp_path / "ambrosio.toml").write_text(
            f'[providers.together]\nbase_url = "{url}"\nlocal = false\nserver_kind = "together"\n'
            f'model = "openai/gpt-oss-120b"\napi_key = "{KEY}"\nimage_model = "sdxl"\n'
        )
        async with running_bot(api, telegram_url, tmp_path, llama_base_url=model_url) as life:
            yield life, cloud


async def test_no_word_of_anybody_reaches_the_log_whatever_goes_wrong(
    api, anna, model, house, loud, monkeypatch
):
    life, cloud = house
    for failure in FAILURES:
        model.answer = cloud.answer = lambda _, failure=failure: failure
        await anna.say(f"{SAID[0]} and so on")
        await life.settled()
    for words in ("/compare", "/private", "/imagine", "/imagine --n 9", "/search", "/model", "/x"):
        await anna.say(f"{words} {SAID[2]} {SAID[3]}")
        await life.settled()
    api.fail("sendMessage", code=500, description=QUOTING)
    api.garbage("sendMessage")
    api.drop("sendMessage")
    await anna.say(f"{SAID[0]} once more")
    await life.settled()

    def odd(*_, **__):
        raise RuntimeError(SAID[4])

    with monkeypatch.context() as broken:
        broken.setattr(life.assistant, "with_privacy", odd)
        await anna.say(SAID[0])
        await life.settled()

    written = loud()
    assert "a turn failed, attempt 3" in written
    assert "llama rejected the API key (HTTP 401: Invalid value: '…)" in written
    system = prompts.read("system.txt").split(".")[0]
    secrets = (KEY, api.token, api.token.partition(":")[2])
    assert [each for each in (*SAID, system, *secrets) if each in written] == []
