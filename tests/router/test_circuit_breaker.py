"""The breaker, in a small language: f fails, s succeeds, p is asked, +30 is time that passes."""

import re

import pytest

from ambrosio.router.circuit_breaker import MAX_REST_SECONDS, CircuitBreaker


def state(breaker, now):
    if breaker.open_until is None:
        return "closed"
    if breaker.probing:
        return "probing"
    return "ready" if breaker.closed(now) else "open"


def run(script):
    breaker, now = CircuitBreaker(), 1000.0
    for step in re.findall(r"[a-z](?:\d+)?|\+\d+", script):
        match step[0]:
            case "+":
                now += int(step[1:])
            case "p":
                breaker.on_request(now)
            case "f":
                rest = float(step[1:]) if step[1:] else None
                breaker.on_request(now)
                breaker.on_failure(now, rest_seconds=rest)
            case "s":
                breaker.on_success()
            case "l":
                breaker.on_abandon()
            case _:
                raise ValueError(step)
    return breaker, now


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("", "closed"),
        ("f", "closed"),
        ("ff", "closed"),
        ("fff", "open"),
        ("ffsf", "closed"),
        ("ffsff", "closed"),
        ("ffsfff", "open"),
        ("fff+29", "open"),
        ("fff+30", "ready"),
        ("fff+30p", "probing"),
        ("fff+30pl", "ready"),
        ("fff+30ps", "closed"),
        ("fff+30psff", "closed"),
        ("fff+30f", "open"),
        ("fff+30f+59", "open"),
        ("fff+30f+60", "ready"),
        ("fff+30f+60f+119", "open"),
        ("fff+30f+60f+120", "ready"),
        ("fff+30f+60sfff+30", "ready"),
        ("f7", "open"),
        ("f7+6", "open"),
        ("f7+7", "ready"),
        ("f7+7f", "open"),
        ("f7+7f+29", "open"),
        ("f7+7f+30", "ready"),
        ("f300+299", "open"),
        ("f300+300ps", "closed"),
        ("f0", "ready"),
        ("f9999+899", "open"),
        ("f9999+900", "ready"),
        ("pl", "closed"),
        ("fffp", "open"),
        ("ffff", "open"),
    ],
)
def test_what_a_breaker_comes_to(script, expected):
    assert state(*run(script)) == expected


def test_while_one_probes_nobody_else_is_let_through():
    breaker, now = run("fff+30p")

    assert not breaker.closed(now)
    assert not breaker.closed(now + 1000)


def test_a_clock_that_is_set_back_makes_no_rest_longer():
    breaker, now = run("fff")

    assert not breaker.closed(now)
    assert breaker.closed(now - 86_400)


def test_a_rest_grows_to_a_quarter_of_an_hour_and_no_further():
    breaker, now = run("fff")
    rests = []
    for _ in range(8):
        rests.append(breaker.resting_seconds(now))
        now += rests[-1]
        breaker.on_request(now)
        breaker.on_failure(now)

    assert rests == [30, 60, 120, 240, 480, 900, 900, 900]
    assert rests[-1] == MAX_REST_SECONDS


@pytest.mark.parametrize(
    ("script", "seconds"), [("", 0), ("fff", 30), ("fff+10", 20), ("fff+99", 0)]
)
def test_how_long_a_rest_still_takes(script, seconds):
    breaker, now = run(script)

    assert breaker.resting_seconds(now) == seconds
