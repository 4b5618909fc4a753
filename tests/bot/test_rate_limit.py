"""No chat and no group is spoken to faster than Telegram allows, and none waits for another."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ambrosio.bot.rate_limit import (
    MAX_IN_WINDOW,
    MAX_PREVIEWS_IN_WINDOW,
    RESERVE,
    WINDOW_SECONDS,
    RateLimiter,
    SlidingWindow,
    TokenBucket,
)
from ambrosio.emulators.botapi.flood_limits import FloodLimits

ANNA, BERT, GROUP = 42, 43, -100


@pytest.fixture
def pacer(clock):
    return RateLimiter(clock)


def spent(pacer, chat, kind):
    """Make calls until one has to wait; give how many went."""
    count = 0
    while pacer.wait_seconds(chat, kind) == 0:
        pacer.spend(chat, kind)
        count += 1
    return count


class TestABucket:
    @pytest.mark.parametrize(
        ("taken", "after", "reserve", "wait"),
        [
            (0, 0, 0, 0),
            (3, 0, 0, 0),
            (4, 0, 0, 0.5),
            (5, 0, 0, 1.0),
            (5, 0.25, 0, 0.75),
            (5, 1, 0, 0),
            (1, 0, 2, 0),
            (2, 0, 2, 0.5),
            (2, 0.5, 2, 0),
            (8, 100, 0, 0),
        ],
    )
    def test_how_long_a_call_waits(self, taken, after, reserve, wait):
        bucket = TokenBucket(capacity=4, per_second=2)
        for _ in range(taken):
            bucket.take(1000)

        assert bucket.wait_seconds(1000 + after, reserve=reserve) == pytest.approx(wait)

    def test_it_never_holds_more_than_its_capacity(self):
        bucket = TokenBucket(capacity=4, per_second=2)
        bucket.take(0)
        bucket.wait_seconds(1_000_000)

        assert bucket.level == 4

    def test_a_clock_that_goes_back_fills_and_drains_nothing(self):
        bucket = TokenBucket(capacity=4, per_second=2)
        bucket.take(1000)

        assert bucket.wait_seconds(900) == 0
        assert bucket.level == 3


class TestAChat:
    @pytest.mark.parametrize(
        ("chat", "kind", "burst"),
        [
            (ANNA, "send", 4),
            (ANNA, "preview", 4 - RESERVE),
            (ANNA, "hint", 10),
            (GROUP, "send", 4),
            (GROUP, "preview", 4 - RESERVE),
        ],
    )
    def test_a_short_burst_goes_at_once(self, pacer, chat, kind, burst):
        assert spent(pacer, chat, kind) == burst

    @pytest.mark.parametrize(("kind", "seconds"), [("send", 1), ("preview", 1), ("hint", 1 / 3)])
    def test_then_they_go_at_their_pace(self, pacer, kind, seconds):
        spent(pacer, ANNA, kind)

        assert pacer.wait_seconds(ANNA, kind) == pytest.approx(seconds)

    def test_previews_leave_room_for_the_answer(self, pacer):
        spent(pacer, ANNA, "preview")

        assert pacer.wait_seconds(ANNA, "send") == 0

    def test_hints_and_messages_do_not_wait_for_each_other(self, pacer, clock):
        spent(pacer, ANNA, "hint")
        clock.pass_seconds(0.25)
        messages = spent(pacer, ANNA, "send")

        clock.pass_seconds(0.25)
        assert messages == 4
        assert pacer.wait_seconds(BERT, "hint") == 0

    def test_no_chat_waits_for_another(self, pacer):
        spent(pacer, ANNA, "send")
        pacer.on_flood(ANNA, 60)

        assert spent(pacer, BERT, "send") == 4

    def test_a_group_gets_twenty_in_any_minute_or_a_little_less(self, pacer, clock):
        sent = []
        for _ in range(600):
            while pacer.wait_seconds(GROUP, "send") == 0:
                pacer.spend(GROUP, "send")
                sent.append(clock())
            clock.pass_seconds(0.5)

        assert 18 <= most(sent, 60) <= 20

    def test_an_album_waits_until_all_of_it_fits(self, pacer):
        pacer.spend(ANNA, "send", 2)

        assert pacer.wait_seconds(ANNA, "send", 3) == pytest.approx(1)
        assert pacer.wait_seconds(ANNA, "send", 10) == pytest.approx(2)

    def test_all_chats_together_get_thirty_in_any_second(self, pacer, clock):
        sent = []
        for _ in range(100):
            for chat in range(1, 200):
                if pacer.wait_seconds(chat, "send") == 0:
                    pacer.spend(chat, "send")
                    sent.append(clock())
            clock.pass_seconds(0.05)

        assert most(sent, 1) == 30

    def test_previews_leave_room_for_the_messages_of_others(self, pacer):
        drafts = sum(spent(pacer, chat, "hint") for chat in range(1, 100))
        edits = sum(spent(pacer, chat, "preview") for chat in range(1, 100))
        messages = sum(spent(pacer, chat, "send") for chat in range(1, 100))

        assert (drafts, edits, messages) == (MAX_PREVIEWS_IN_WINDOW, 0, MAX_IN_WINDOW)


class TestAWindow:
    @pytest.mark.parametrize(
        ("calls", "now", "limit", "wait"),
        [
            ([], 0, 3, 0),
            ([0, 0], 0, 3, 0),
            ([0, 0, 0], 0, 3, 1),
            ([0, 0.4, 0.4], 0.4, 3, 0.6),
            ([0, 0.4, 0.4], 1, 3, 0),
            ([0, 0.4, 0.4], 0.5, 1, 0.9),
            ([0, 0.4, 0.4], 0.5, 2, 0.9),
        ],
    )
    def test_how_long_a_call_waits(self, calls, now, limit, wait):
        window = SlidingWindow(1.0)
        for at in calls:
            window.add(at)

        assert window.wait_seconds(now, limit) == pytest.approx(wait)


@pytest.mark.parametrize("late", [0.0, 0.03])
def test_two_hundred_chats_get_all_that_telegram_allows_and_no_refusal(late):
    now = arrival = 0.0
    pacer, telegram = RateLimiter(lambda: now), FloodLimits(lambda: arrival)
    telegram.enabled = True
    left = dict.fromkeys(range(1, 201), 3)
    while left:
        for chat in list(left):
            if pacer.wait_seconds(chat, "send") > 0:
                continue
            pacer.spend(chat, "send")
            arrival = max(arrival, now + late * (chat % 2))
            telegram.check("sendMessage", chat)
            left[chat] -= 1
            if not left[chat]:
                del left[chat]
        now += 0.01

    assert now == pytest.approx(600 / MAX_IN_WINDOW * WINDOW_SECONDS, abs=1.1)


class TestAFlood:
    def test_nothing_goes_before_it_is_over(self, pacer, clock):
        pacer.on_flood(ANNA, 10)

        waits = [pacer.wait_seconds(ANNA, kind) for kind in ("send", "preview", "hint")]
        clock.pass_seconds(9)
        late = pacer.wait_seconds(ANNA, "send")
        clock.pass_seconds(1)

        assert waits == [10, 10, 10]
        assert (late, pacer.wait_seconds(ANNA, "send")) == (1, 0)

    def test_a_shorter_one_does_not_end_a_longer_one(self, pacer):
        pacer.on_flood(ANNA, 10)
        pacer.on_flood(ANNA, 3)

        assert pacer.wait_seconds(ANNA, "send") == 10


@pytest.mark.parametrize("seconds", [3600, -3600, 365 * 86_400, -365 * 86_400])
def test_a_clock_that_is_set_silences_nobody(pacer, clock, seconds):
    for chat in range(1, 31):
        pacer.spend(chat, "send")
    pacer.on_flood(ANNA, 60)
    clock.pass_seconds(seconds)

    assert pacer.wait_seconds(ANNA, "send") == 0
    assert pacer.wait_seconds(99, "send") == 0
    assert spent(pacer, BERT, "send") == 4


def test_what_rounding_leaves_is_not_waited_for():
    bucket = TokenBucket(4, 1)
    bucket.level = 1 - 4e-16

    assert bucket.wait_seconds(1e9) == 0


KINDS = st.sampled_from(["send", "preview", "hint"])
ASKS = st.lists(st.tuples(st.sampled_from([1, 2, 3, -1, -2]), KINDS, st.floats(0, 3)), max_size=150)
EXACTLY = 1e-6


def most(moments, seconds):
    return max(
        (sum(at <= each < at + seconds - EXACTLY for each in moments) for at in moments), default=0
    )


@given(ASKS)
def test_no_window_ever_holds_more_than_the_budgets(asks):
    now = 0.0
    pacer = RateLimiter(lambda: now)
    calls = []
    for chat, kind, pause in asks:
        now += pause
        while (wait := pacer.wait_seconds(chat, kind)) > 0:
            now += wait
        pacer.spend(chat, kind)
        calls.append((now, chat, kind))

    for chat in {chat for _, chat, _ in calls}:
        messages = [at for at, whose, kind in calls if whose == chat and kind != "hint"]
        hints = [at for at, whose, kind in calls if whose == chat and kind == "hint"]
        for seconds in (1, 10, 60):
            assert most(messages, seconds) <= 4 + seconds
            assert most(hints, seconds) <= 10 + 3 * seconds
        if chat < 0:
            assert most(messages, 60) <= 20
    assert most([at for at, _, kind in calls if kind != "hint"], 1) <= MAX_IN_WINDOW
    assert most([at for at, _, kind in calls if kind == "hint"], 1) <= MAX_PREVIEWS_IN_WINDOW
