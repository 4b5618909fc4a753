"""Secrets never reach a log, whatever way they take."""

import io
import json
import logging
import sys

import pytest

from ambrosio.logs import CHATTY, Json, Redacting, set_up

TOKEN = "123456789:AAbbCCddEEffGGhhIIjjKKllMMnnOOppQQr"
KEY = "sk-very-secret"
NAMES = ["", "httpx", "httpcore", "openai", "telegram", "ambrosio.test"]


@pytest.fixture(params=["info", "json"])
def written(request, monkeypatch):
    """Set the log up as the program does and give what it writes."""
    levels = {name: logging.getLogger(name).level for name in [*NAMES, *CHATTY]}
    handlers = logging.getLogger().handlers
    paper = io.StringIO()
    monkeypatch.setattr(sys, "stderr", paper)
    set_up(request.param, [KEY, "", KEY + "-longer"])
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
    shown = Redacting(["abc", "abcdef"], "%(message)s")

    line = shown.format(logging.makeLogRecord({"msg": "x abcdef y abc z"}))

    assert line == "x [secret] y [secret] z"


def test_a_line_of_json_is_one_object():
    with pytest.raises(RuntimeError) as caught:
        fail("two\nlines")
    told = (caught.type, caught.value, caught.tb)
    record = logging.LogRecord("a.b", logging.ERROR, __file__, 1, 'say "%s"', ("ü",), told)

    line = Json([], "%(message)s").format(record)

    assert "\n" not in line
    fields = json.loads(line)
    assert (fields["level"], fields["from"]) == ("error", "a.b")
    assert fields["says"].startswith('say "ü"\nTraceback')


@pytest.mark.parametrize("name", CHATTY)
def test_libraries_that_talk_of_addresses_are_silenced(written, name):
    logging.getLogger(name).info("GET https://api.telegram.org/bot/x")

    assert written() == ""


@pytest.mark.parametrize(
    ("level", "heard"), [("debug", 4), ("info", 3), ("warning", 2), ("error", 1)]
)
def test_each_level_is_heard_from_its_own_on(monkeypatch, level, heard, written):
    paper = io.StringIO()
    monkeypatch.setattr(sys, "stderr", paper)
    set_up(level, [])

    for each in ("debug", "info", "warning", "error"):
        getattr(log, each)("a line")

    assert len(paper.getvalue().splitlines()) == heard
