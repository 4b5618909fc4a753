"""What surrounds a token or a key is taken off; what cannot be in one is named, not shown."""

import pytest

from ambrosio.config.secret_text import secrets_in_address
from ambrosio.config.settings import load
from ambrosio.core.errors import InvalidSettings

BODY = "AAbbCCddEEffGGhhIIjjKKllMMnnOOppQQr"
TOKEN = f"123456789:{BODY}"
KEY = "sk-abc_DEF.123+/="
NAMES = {"TELEGRAM_BOT_TOKEN": TOKEN, "OPENAI_API_KEY": KEY, "LLAMA_API_KEY": KEY}

# As reported: a line end, a blank, a carriage return, a tab, a zero-width space, curly quotes.
REPORTED = ("{}\n", "{} ", "{}\r", "{}\t", "{}\u200b", "\u201c{}\u201d")
OTHERS = (
    "\ufeff{}",
    "  {}\r\n",
    "'{}'",
    "\"'{}'\"",
    "`{}`",
    "\u00a0{}\u3000",
    "\u2060{}\u00ad",
    "\u202a{}\u202c",
    "«{}»",
    "\u2028{}\x1b",
)
INSIDE = {
    " ": "a blank",
    "\u00a0": "a blank",
    "\u2028": "a blank",
    "\n": "a line break",
    "\r": "a line break",
    "\t": "a tab",
    "\x00": "a control character",
    "\x7f": "a control character",
    "\x1b": "a control character",
    "\u200b": "an invisible character",
    "\u200d": "an invisible character",
    "\ufeff": "an invisible character",
    "\u00ad": "an invisible character",
    "а": "a character that is not ASCII",  # Cyrillic
    "–": "a character that is not ASCII",
    "…": "a character that is not ASCII",
    "\u0301": "a character that is not ASCII",
    "\udc80": "a character that is not ASCII",
}


def read(folder, **values):
    values = {name.lower(): value for name, value in values.items()}
    return load(folder, openai_model="gpt", **values)


@pytest.mark.parametrize(("name", "secret"), NAMES.items())
class TestSurroundings:
    @pytest.mark.parametrize("written", [*REPORTED, *OTHERS, "{}"])
    def test_they_are_taken_off(self, tmp_path, name, secret, written):
        given = read(tmp_path, **{name: written.format(secret)})

        assert given.secrets == (secret,)

    def test_the_environment_may_have_them(self, tmp_path, monkeypatch, name, secret):
        monkeypatch.setenv("OPENAI_MODEL", "gpt")
        monkeypatch.setenv(name, f"\ufeff {secret}\n")

        assert load(tmp_path).secrets == (secret,)

    @pytest.mark.parametrize("nothing", ["", " \n", "\u200b", '""', "“”", "\ufeff"])
    def test_nothing_but_them_is_not_set(self, tmp_path, name, secret, nothing):
        assert read(tmp_path, **{name: nothing}).secrets == ()

    @pytest.mark.parametrize(("sign", "kind"), INSIDE.items())
    def test_what_cannot_be_inside_is_named_and_nothing_shown(
        self, tmp_path, name, secret, sign, kind
    ):
        with pytest.raises(InvalidSettings) as caught:
            read(tmp_path, **{name: f" {secret[:12]}{sign}{secret[12:]}\n"})

        (line,) = caught.value.lines
        length = len(secret) + 1
        assert line.startswith(f"{name}: has {kind} inside, as character 13 of {length}; expected ")
        assert not any(part in line for part in (secret[:4], secret[-4:], sign * 2))


def test_a_row_of_the_file_is_treated_alike(tmp_path):
    text = '[providers.x]\nbase_url = "http://a"\napi_key = " {}\\n"\n'
    (tmp_path / "ambrosio.toml").write_text(text.format("sk-abc"), "utf-8")
    assert load(tmp_path).secrets == ("sk-abc",)

    (tmp_path / "ambrosio.toml").write_text(text.format("sk-a bc"), "utf-8")
    with pytest.raises(InvalidSettings) as caught:
        load(tmp_path)
    ((name, problem, _),) = caught.value.problems
    assert name == "ambrosio.toml: providers.x.api_key"
    assert problem == "has a blank inside, as character 5 of 7"


@pytest.mark.parametrize(
    ("name", "value"),
    [("OPENAI_MODEL", " gpt-5\n"), ("OPENAI_BASE_URL", "https://api.openai.com/v1 \n")],
)
def test_blanks_around_names_and_addresses_are_taken_off(tmp_path, monkeypatch, name, value):
    monkeypatch.setenv(name, value)

    assert getattr(load(tmp_path), name.lower()) == value.strip()


@pytest.mark.parametrize("file", [".env", "ambrosio.toml"])
def test_a_file_may_begin_with_a_byte_order_mark(tmp_path, file):
    row = '[providers.x]\nbase_url = "http://a"\napi_key = "sk-abc"\n'
    text = {".env": "LLAMA_API_KEY=sk-abc\r\n", "ambrosio.toml": row}[file]
    (tmp_path / file).write_text(text, "utf-8-sig")

    assert load(tmp_path).secrets == ("sk-abc",)


class TestTokens:
    @pytest.mark.parametrize(
        "token",
        [
            TOKEN,
            f"{TOKEN}/test",
            f"1:{BODY}",
            f"7999999999999:{BODY}",
            f"123456:{'-_' * 10}",
            f"123456:{BODY}{BODY}",
        ],
    )
    def test_what_telegram_may_give_out_is_taken(self, tmp_path, token):
        assert read(tmp_path, TELEGRAM_BOT_TOKEN=token).secrets == (token,)

    @pytest.mark.parametrize(
        "token",
        [
            "abc",
            "123:abc",
            BODY,
            f":{BODY}",
            f"bot{TOKEN}",
            f"123456789{BODY}",
            f"{TOKEN}{TOKEN}",
            f"https://api.telegram.org/bot{TOKEN}/getMe",
            f"TELEGRAM_BOT_TOKEN={TOKEN}",
            "@my_bot",
        ],
    )
    def test_what_is_none_is_told_without_showing_it(self, tmp_path, token):
        with pytest.raises(InvalidSettings) as caught:
            read(tmp_path, TELEGRAM_BOT_TOKEN=token)

        right = "the token from @BotFather: a number, a colon and 35 characters"
        assert caught.value.problems == [
            ("TELEGRAM_BOT_TOKEN", "does not look like a bot token", f"expected {right}")
        ]


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("https://x.example/v1", set()),
        ("https://anna:pass-word@x.example/", {"pass-word"}),
        ("https://anna:pass%2Fword@x.example/", {"pass%2Fword", "pass/word"}),
        ("https://anna@x.example/?format=json", set()),
        ("https://x.example/?format=json&key=0123456789abcdef", {"0123456789abcdef"}),
        ("socks5://u:proxy-word@127.0.0.1:1080", {"proxy-word"}),
        ("unix:/run/llama.sock", set()),
        ("http://[bad", set()),
    ],
)
def test_an_address_may_hold_a_secret(url, found):
    assert set(secrets_in_address(url)) == found


def test_passwords_in_addresses_are_secrets_of_the_settings(tmp_path, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://u:proxy-word@127.0.0.1:9")
    given = load(tmp_path, ambrosio_search_url="https://anna:search-word@searx.example")

    assert {"proxy-word", "search-word"} <= set(given.secrets)
