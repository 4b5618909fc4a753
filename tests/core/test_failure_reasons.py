"""What servers say may be logged, but nothing that anybody wrote, no key and no whole address."""

import socket
import ssl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ambrosio.core.failure_reasons import (
    MAX_REASON_CHARS,
    VOCABULARY,
    WORD,
    clean_reason,
    connection_reason,
)

RASH = "My rash is bäd and it\nitches, PIN 4711"


@pytest.mark.parametrize(
    ("text", "said", "shown"),
    [
        # What helps stays.
        (
            "max_tokens is too large: 9999. This model supports at most 4096 completion tokens.",
            RASH,
            "max_tokens is too large: 9999. This model supports at most 4096 completion tokens",
        ),
        ("CUDA error: out of memory", None, "CUDA error: out of memory"),
        ("<html><title>502 Bad\nGateway</title><p>x", "", "a web page: 502 Bad Gateway"),
        ("<p>Hello", "", "a web page"),
        # What the person wrote does not, however it is quoted.
        (f"Invalid value: {RASH!r}", RASH, "Invalid value: '…'"),
        ("Invalid value: 'My rash is b\\u00e4d and it\\nitches'", RASH, "Invalid value: '…'"),
        ("blocked: 4711", RASH, "blocked: …"),
        ("blocked term ITCHES!", RASH, "blocked term …!"),
        ("near token 'itch", RASH, "near token '…"),
        ("invalid id xitchesx", RASH, "invalid id …"),
        ("&#x27;rash&#x27; is invalid", RASH, "'…' is invalid"),
        ("包含敏感词:我的密码", "我的密码", "包含敏感词:…"),
        # Not even if every word of it is one that servers use too.
        ("rejected: please send the message", "Please send the message!", "rejected: …"),
        # What cannot be compared is dropped but for the servers' own words.
        ("The model said jasmin rice", None, "The model …"),
        # Keys and tokens.
        ("Incorrect API key provided: sk-abc1234*****wxyz.", "", "Incorrect API key provided: …"),
        ("bad Bearer abcdef", "", "bad …"),
        ("token 123456789:AAbbCCddEEffGGhhIIjjKKll", "", "token …"),
        ("for org-AbC123456789 (me@example.com)", "", "for …)"),
        ("secret 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b", "", "secret …"),
        ("see https://user:pw@x.example/bot1:AA?token=abc now", "", "see https://x.example now"),
        ("see https://℀.example/x", "", "see …"),
    ],
)
def test_a_servers_words_are_cleaned(text, said, shown):
    assert clean_reason(text, said) == shown


def test_a_long_text_is_cut_at_a_word():
    shown = clean_reason("word " * 10_000, "")

    assert shown.endswith("word…")
    assert len(shown) <= MAX_REASON_CHARS + 1


words = st.text(st.characters(codec="utf-8", categories=["L", "N", "Z", "P"]), max_size=40)


@given(said=words, before=words, after=words)
def test_no_word_of_a_conversation_survives_a_quotation(said, before, after):
    shown = clean_reason(f"{before} {said} {after}", said)

    # A dotted İ is two characters in lower case, and would leave an i behind.
    conversation = {word.lower() for word in WORD.findall(said)}
    assert {word.lower() for word in WORD.findall(shown)} & conversation <= VOCABULARY


def refused():
    return ConnectionRefusedError(111, "Connection refused")


def caused(outer, inner):
    outer.__cause__ = inner
    return outer


@pytest.mark.parametrize(
    ("exc", "shown"),
    [
        (caused(RuntimeError("All connection attempts failed"), refused()), "Connection refused"),
        (caused(OSError("all failed"), ExceptionGroup("x", [refused()])), "Connection refused"),
        (socket.gaierror(-2, "Name or service not known"), "the host name cannot be resolved"),
        (OSError(111, "Connect call failed ('192.168.1.5', 9)"), "Connection refused"),
        (ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong"), "[SSL: WRONG_VERSION_NUMBER] wrong"),
        (caused(RuntimeError("cut"), ValueError()), "cut"),
        (TimeoutError(), "timeout error"),
    ],
)
def test_a_connection_that_failed_says_why(exc, shown):
    assert connection_reason(exc) == shown


def test_a_certificate_that_is_not_accepted_is_named():
    exc = ssl.SSLCertVerificationError(1, "x")
    exc.verify_message = "self-signed certificate"

    assert connection_reason(exc) == "certificate not accepted: self-signed certificate"
