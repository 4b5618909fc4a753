"""Signs of life: what is written, what is read, and what ends a process without any."""

import asyncio
import socket

import pytest

from ambrosio.bot import watchdog
from ambrosio.bot.heartbeat import ALIVE_FILE, beat, silence_seconds
from ambrosio.bot.watchdog import STOP_LOOKS, Watchdog
from ambrosio.core.errors import TelegramSilent

from ..support.running_bot import running_bot


@pytest.mark.parametrize(
    ("beaten_at", "read_at", "seconds"),
    [
        (1000.0, 1000.0, 0),
        (1000.0, 1089.5, 89.5),
        (9.5, 10_000_000.0, 9_999_990.5),
        # The machine was started again, and its clock with it.
        (1000.0, 20.0, None),
    ],
)
def test_the_silence_is_told_by_another_process(tmp_path, beaten_at, read_at, seconds):
    beat(tmp_path, now=lambda: 123_456_789.0)
    beat(tmp_path, now=lambda: beaten_at)

    assert silence_seconds(tmp_path, now=lambda: read_at) == seconds


@pytest.mark.parametrize("written", [None, "", "soon\n", "\x00\x00"])
def test_what_is_no_sign_of_life_is_none(tmp_path, written):
    if written is not None:
        (tmp_path / ALIVE_FILE).write_text(written)

    assert silence_seconds(tmp_path) is None


def test_a_sign_of_life_that_cannot_be_given_ends_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "nobody"))

    beat(tmp_path / "gone")


def test_systemd_is_told(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NOTIFY_SOCKET", "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind("notify")
        beat(tmp_path)

        assert systemd.recv(100) == b"READY=1\nWATCHDOG=1"


# b: Telegram answers; . a look. S: asked to stop; E: ended.
@pytest.mark.parametrize(
    ("life", "happened"),
    [
        ("....." + "." * STOP_LOOKS, ""),
        ("b...", ""),
        ("b...b...b...", ""),
        ("b....", "S"),
        ("b...." + "." * (STOP_LOOKS - 1), "S"),
        ("b...." + "." * STOP_LOOKS, "SE"),
        ("b....b" + "." * (STOP_LOOKS + 3), "S"),
    ],
)
def test_a_process_that_hears_nothing_is_stopped_and_then_ended(life, happened):
    seen = []
    dog = Watchdog(1, lambda: seen.append("S"), end=lambda: seen.append("E"))
    for event in life:
        dog.beat() if event == "b" else dog.look()

    assert "".join(seen) == happened


async def test_a_bot_that_hears_nothing_more_stops_in_good_order(
    api, telegram_url, tmp_path, model_url, anna, monkeypatch
):
    monkeypatch.setattr(watchdog, "LOOK_SECONDS", 0.01)
    # On a busy machine the orderly stop takes longer than eight such looks.
    monkeypatch.setattr(watchdog, "STOP_LOOKS", 1_000_000)
    monkeypatch.setattr(Watchdog, "beat", hears_once(Watchdog.beat))
    given = {"llama_base_url": model_url, "ambrosio_exit_after_minutes": 1}

    async def live():
        async with running_bot(api, telegram_url, tmp_path, **given) as life:
            # The first poll comes back.
            await anna.say("tea?")
            await asyncio.wait_for(life.stop.wait(), 30)

    with pytest.raises(ExceptionGroup) as caught:
        await live()

    assert caught.group_contains(TelegramSilent)


def hears_once(beat):
    heard: list[Watchdog] = []

    def once(dog):
        if not heard:
            heard.append(dog)
            beat(dog)

    return once
