"""Whom to ask, and whom next."""

from contextlib import aclosing
from dataclasses import replace
from decimal import Decimal

import pytest

from ambrosio.core import errors, provider_errors
from ambrosio.core.context_window import ModelProfile, PastTurn
from ambrosio.core.costs import Expense
from ambrosio.core.messages import AnswerFinished, AnswerStarted, Delta, ModelRef, RequestSent
from ambrosio.providers.warmup import LOADING_PAUSE_SECONDS
from ambrosio.router import CompletionRequest, Router
from ambrosio.router.budget import Budget, InMemoryLedger
from ambrosio.router.health import (
    LOADING_ROUNDS,
    MAX_PAUSE_SECONDS,
    PERMANENT_REST_SECONDS,
    TRANSIENT_PAUSE_SECONDS,
)

from ..support.fake_provider import FakeProvider

QUESTION = CompletionRequest("Be kind.", (), "tea?")


class SlowProvider(FakeProvider):
    def __init__(self, name, clock):
        super().__init__(name)
        self.clock = clock

    async def stream(self, *args, **given):
        self.clock.pass_seconds(2)
        async for part in super().stream(*args, **given):
            yield part


class Sleeps:
    def __init__(self, clock):
        self.clock = clock
        self.seconds = []

    async def __call__(self, seconds):
        self.seconds.append(seconds)
        self.clock.pass_seconds(seconds)


@pytest.fixture
def sleeps(clock):
    return Sleeps(clock)


@pytest.fixture
def router_of(clock, sleeps):
    def make(*providers, **given):
        named = {provider.name: provider for provider in providers}
        return Router(named, ("a", "b", "c"), now=clock, sleep=sleeps, **given)

    return make


async def heard(router, ask=QUESTION):
    async with aclosing(router.stream(ask)) as parts:
        return [part async for part in parts if not isinstance(part, RequestSent)]


async def said(router, ask=QUESTION):
    """Give what stands on the screen at the end."""
    text = ""
    for part in await heard(router, ask):
        if isinstance(part, AnswerStarted):
            text = ""
        elif isinstance(part, Delta):
            text += part.text
    return text


async def gave_up(router, ask=QUESTION):
    with pytest.raises(provider_errors.AllProvidersFailed) as caught:
        await heard(router, ask)
    return caught.value


def fault(name="a"):
    return provider_errors.ServerError(name)


class TestTheOrder:
    @pytest.mark.parametrize(
        ("fast", "concise", "model", "order"),
        [
            ((), False, "", [("a", ""), ("b", ""), ("c", "")]),
            ((), True, "", [("a", ""), ("b", ""), ("c", "")]),
            (("c", "a"), False, "", [("a", ""), ("b", ""), ("c", "")]),
            (("c", "a"), True, "", [("c", ""), ("a", "")]),
            (("nobody",), True, "", [("a", ""), ("b", ""), ("c", "")]),
            (("c", "a"), True, "b", [("b", ""), ("c", ""), ("a", "")]),
            ((), False, "b", [("b", ""), ("a", ""), ("c", "")]),
            ((), False, "b/owner/x", [("b", "owner/x"), ("a", ""), ("c", "")]),
            ((), False, "nobody/x", [("a", ""), ("b", ""), ("c", "")]),
        ],
    )
    def test_the_choice_comes_first_then_the_route(self, router_of, fast, concise, model, order):
        router = router_of(*map(FakeProvider, "abc"), fast_route=fast)

        assert list(router.route(concise=concise, model=model)) == order

    async def test_the_first_of_the_route_is_asked_and_nobody_else(self, router_of):
        a, b = FakeProvider("a"), FakeProvider("b")

        parts = await heard(router_of(a, b))

        assert [type(part) for part in parts] == [AnswerStarted, Delta, AnswerFinished]
        assert (len(a.asked), len(b.asked)) == (1, 0)

    async def test_the_chosen_model_is_asked_for(self, router_of):
        a, b = FakeProvider("a"), FakeProvider("b")

        await heard(router_of(a, b), CompletionRequest("", (), "tea?", model="b/owner/x"))

        assert b.models == ["owner/x"]

    async def test_with_nobody_there_nobody_can_answer(self, router_of):
        with pytest.raises(errors.NoProvider):
            await heard(router_of())


class TestFailover:
    @pytest.mark.parametrize(
        "error",
        [
            provider_errors.Unreachable("a"),
            provider_errors.TimedOut("a"),
            provider_errors.Loading("a"),
            provider_errors.Overloaded("a"),
            provider_errors.ServerError("a"),
            provider_errors.NoText("a"),
            provider_errors.InvalidKey("a"),
            provider_errors.OutOfCredit("a"),
            provider_errors.ModelNotFound("a", model="x"),
            provider_errors.BadRequest("a"),
            provider_errors.ContextTooLong("a", tokens=9, limit=5),
        ],
        ids=lambda error: type(error).__name__,
    )
    async def test_whatever_fails_before_a_word_the_next_one_answers(
        self, router_of, sleeps, error
    ):
        parts = await heard(router_of(FakeProvider("a", error), FakeProvider("b", "Tea.")))

        assert [part.ref.provider for part in parts if isinstance(part, AnswerStarted)] == ["b"]
        assert parts[1] == Delta("Tea.")
        assert sleeps.seconds == []

    async def test_a_broken_answer_is_started_afresh_and_never_spliced(self, router_of):
        a, b = FakeProvider("a", ["Green ", fault()]), FakeProvider("b", ["Black ", "tea."])
        router = router_of(a, b)

        parts = await heard(router)

        kinds = [type(part) for part in parts]
        assert kinds == [AnswerStarted, Delta, AnswerStarted, Delta, Delta, AnswerFinished]
        assert parts[2].ref.provider == parts[5].ref.provider == "b"
        assert a.asked[0].messages == b.asked[0].messages

    async def test_what_was_said_last_is_kept_when_nobody_ends(self, router_of):
        a = FakeProvider("a", ["Green ", fault()], fault())
        b = FakeProvider("b", fault("b"), fault("b"))

        failed = await gave_up(router_of(a, b))

        assert failed.partial == "Green "
        assert [cause.provider for cause in failed.causes] == ["a", "b"]

    async def test_everybody_who_was_tried_is_named(self, router_of):
        a, b = (
            FakeProvider("a", provider_errors.InvalidKey("a")),
            FakeProvider("b", *[fault("b")] * 2),
        )

        failed = await gave_up(router_of(a, b))

        assert [str(cause) for cause in failed.causes] == [
            str(provider_errors.InvalidKey("a")),
            str(fault("b")),
        ]
        assert failed.retryable

    async def test_a_stream_that_is_left_is_closed(self, router_of):
        a = FakeProvider("a", ["Green ", "tea."])
        router = router_of(a)

        async with aclosing(router.stream(QUESTION)) as parts:
            while not isinstance(await anext(parts), AnswerStarted):
                pass
            assert a.open == 1

        assert a.open == 0
        assert router.health.providers["a"].breaker.closed(0)


class TestAnotherRound:
    @pytest.mark.parametrize(
        "error",
        [
            provider_errors.Unreachable("a"),
            provider_errors.Overloaded("a"),
            provider_errors.ServerError("a"),
            provider_errors.NoText("a"),
        ],
        ids=lambda error: type(error).__name__,
    )
    async def test_what_passes_is_tried_once_more(self, router_of, sleeps, error):
        assert await said(router_of(FakeProvider("a", error, "Tea."))) == "Tea."
        assert sleeps.seconds == [TRANSIENT_PAUSE_SECONDS]

    async def test_and_not_a_third_time(self, router_of):
        a = FakeProvider("a", *[fault()] * 5)

        await gave_up(router_of(a))

        assert len(a.asked) == 2

    @pytest.mark.parametrize(
        "error",
        [
            provider_errors.TimedOut("a"),
            provider_errors.InvalidKey("a"),
            provider_errors.OutOfCredit("a"),
            provider_errors.ModelNotFound("a", model="x"),
            provider_errors.BadRequest("a"),
            provider_errors.ContextTooLong("a", tokens=9, limit=5),
        ],
        ids=lambda error: type(error).__name__,
    )
    async def test_what_does_not_pass_is_told_at_once(self, router_of, sleeps, error):
        a = FakeProvider("a", error)

        failed = await gave_up(router_of(a))

        assert failed.causes == [error]
        assert failed.user_message == error.user_message
        assert (len(a.asked), sleeps.seconds) == (1, [])

    @pytest.mark.parametrize(
        ("asked_for", "slept"), [(3, [3]), (0.2, [0.2]), (MAX_PAUSE_SECONDS + 1, [])]
    )
    async def test_a_short_rest_that_was_asked_for_is_waited_out(
        self, router_of, sleeps, asked_for, slept
    ):
        a = FakeProvider("a", *[provider_errors.Overloaded("a", retry_after_seconds=asked_for)] * 2)

        await gave_up(router_of(a))

        assert sleeps.seconds == slept

    async def test_a_model_that_loads_is_waited_for(self, router_of, sleeps):
        a = FakeProvider("a", *[provider_errors.Loading("a")] * 40, "Tea.")

        assert await said(router_of(a)) == "Tea."
        assert sleeps.seconds == [LOADING_PAUSE_SECONDS] * 40

    async def test_whoever_has_come_up_again_may_slip_once_more(self, router_of):
        slips = [
            provider_errors.ServerError("a"),
            provider_errors.Loading("a"),
            provider_errors.Unreachable("a"),
        ]
        assert await said(router_of(FakeProvider("a", *slips, "Tea."))) == "Tea."

        failed = await gave_up(
            router_of(FakeProvider("a", *slips, provider_errors.ServerError("a"), "Tea."))
        )
        assert [type(cause) for cause in failed.causes] == [provider_errors.ServerError]

    async def test_but_not_for_ever(self, router_of):
        a = FakeProvider("a", *[provider_errors.Loading("a")] * 1000)

        failed = await gave_up(router_of(a))

        assert type(failed.causes[0]) is provider_errors.Loading
        assert len(a.asked) == LOADING_ROUNDS + 1


class TestHealth:
    async def test_after_three_failures_in_a_row_a_provider_rests(self, router_of):
        a, b = FakeProvider("a", *[fault()] * 9), FakeProvider("b")
        router = router_of(a, b)

        for _ in range(5):
            await heard(router)

        assert (len(a.asked), len(b.asked)) == (3, 5)
        assert router.health.providers["a"].failure == str(fault())

    async def test_after_its_rest_it_is_asked_again(self, router_of, clock):
        a, b = FakeProvider("a", *[fault()] * 3), FakeProvider("b")
        router = router_of(a, b)
        for _ in range(3):
            await heard(router)

        clock.pass_seconds(30)

        assert await said(router) == "a"
        assert router.health.providers["a"].failure == ""

    async def test_one_that_names_its_rest_gets_it(self, router_of, clock):
        a = FakeProvider("a", provider_errors.Overloaded("a", retry_after_seconds=7))
        router = router_of(a, FakeProvider("b"))
        await heard(router)

        clock.pass_seconds(6)
        early = await said(router)
        clock.pass_seconds(1)

        assert (early, await said(router)) == ("b", "a")

    @pytest.mark.parametrize(
        "error",
        [
            provider_errors.InvalidKey("a"),
            provider_errors.OutOfCredit("a"),
            provider_errors.ModelNotFound("a", model="x"),
        ],
        ids=lambda error: type(error).__name__,
    )
    async def test_what_only_the_owner_can_mend_rests_long(self, router_of, clock, error):
        router = router_of(FakeProvider("a", error), FakeProvider("b"))
        await heard(router)

        clock.pass_seconds(PERMANENT_REST_SECONDS - 1)
        early = await said(router)
        clock.pass_seconds(1)

        assert (early, await said(router)) == ("b", "a")

    @pytest.mark.parametrize(
        "error",
        [
            provider_errors.BadRequest("a"),
            provider_errors.ContextTooLong("a", tokens=9, limit=5),
            provider_errors.Loading("a"),
        ],
        ids=lambda error: type(error).__name__,
    )
    async def test_what_says_nothing_of_its_health_does_not_count(self, router_of, error):
        a = FakeProvider("a", *[error] * 5)
        router = router_of(a, FakeProvider("b"))

        for _ in range(6):
            await heard(router)

        assert len(a.asked) == 6

    async def test_a_model_that_one_chat_has_chosen_and_nobody_serves_harms_no_other_chat(
        self, router_of
    ):
        gone = provider_errors.ModelNotFound("a", model="typo")
        router = router_of(FakeProvider("a", gone), FakeProvider("b"))

        chosen = await said(router, replace(QUESTION, model="a/typo"))

        assert (chosen, await said(router)) == ("b", "a")
        assert router.health.alarms.empty()

    async def test_when_all_rest_they_are_asked_all_the_same(self, router_of):
        a, b = (
            FakeProvider("a", provider_errors.OutOfCredit("a")),
            FakeProvider("b", provider_errors.OutOfCredit("b")),
        )
        router = router_of(a, b)
        await gave_up(router)

        assert await said(router) == "a"

    async def test_how_long_the_first_word_took_is_kept(self, router_of, clock):
        router = router_of(SlowProvider("a", clock))

        await heard(router)

        assert router.health.providers["a"].first_word_seconds == 2


class TestTheBudget:
    @pytest.mark.parametrize(
        ("spent", "ceiling", "answers"),
        [("0", None, "a"), ("0", "5", "a"), ("5", "5", "b"), ("0", "0", "b")],
    )
    async def test_a_ceiling_that_is_reached_ends_the_paid_ones(
        self, router_of, clock, spent, ceiling, answers
    ):
        router = router_of(
            FakeProvider("a", paid=True),
            FakeProvider("b"),
            budget=Budget(
                now=clock,
                ledger=InMemoryLedger([Expense(7, ModelRef("a", ""), None, Decimal(spent))]),
                ceiling=ceiling and Decimal(ceiling),
            ),
        )

        assert await said(router) == answers

    async def test_not_even_a_choice_overrules_it(self, router_of, clock):
        a = FakeProvider("a", paid=True)
        router = router_of(a, budget=Budget(now=clock, ceiling=Decimal(0)))

        with pytest.raises(errors.NoProvider):
            await heard(router, CompletionRequest("", (), "tea?", model="a"))

        assert a.asked == []


class TestTooMuch:
    HISTORY = tuple(PastTurn(n, f"question {n} " + "x" * 300, "answer") for n in range(1, 21))

    async def test_an_overflow_is_asked_again_with_less(self, router_of):
        a = FakeProvider(
            "a",
            provider_errors.ContextTooLong("a", tokens=3000, limit=1500),
            manner=ModelProfile(100_000),
        )

        parts = await heard(router_of(a), CompletionRequest("Be kind.", self.HISTORY, "tea?"))

        first, second = a.asked
        assert (len(first.messages), first.dropped_turns) == (42, 0)
        assert second.tokens <= first.tokens / 2
        assert second.messages[-1] == first.messages[-1]
        assert isinstance(parts[0], AnswerStarted)
        assert (parts[0].first_turn_id, parts[0].dropped_turns) == (
            second.first_turn_id,
            second.dropped_turns,
        )

    async def test_it_is_trimmed_until_nothing_is_left_but_the_question(self, router_of):
        overflow = provider_errors.ContextTooLong("a", tokens=3000, limit=2900)
        a = FakeProvider("a", *[overflow] * 50, manner=ModelProfile(100_000))

        await gave_up(router_of(a), CompletionRequest("Be kind.", self.HISTORY, "tea?"))

        lengths = [len(asked.messages) for asked in a.asked]
        assert lengths == sorted(set(lengths), reverse=True)
        assert lengths[-1] == 2
        assert len(lengths) < 10

    async def test_what_is_too_much_for_one_goes_whole_to_the_next(self, router_of):
        a = FakeProvider("a", *[provider_errors.ContextTooLong("a", tokens=0, limit=0)] * 50)
        b = FakeProvider("b", "Tea.", manner=ModelProfile(100_000))

        answer = await said(router_of(a, b), CompletionRequest("Be kind.", self.HISTORY, "tea?"))

        assert answer == "Tea."
        assert b.asked[0].dropped_turns == 0


class TestALongRequestThatIsRefusedForNoReasonThatIsUnderstood:
    """The last resort: less of the history, once."""

    SMALL = ModelProfile(window=3000)
    LONG = replace(
        QUESTION,
        history=tuple(PastTurn(turn, "what? " * 50, "that. " * 100) for turn in range(1, 6)),
    )

    def asked_with(self, provider):
        return [len(context.messages) for context in provider.asked]

    @pytest.mark.parametrize(
        "refusal",
        [provider_errors.BadRequest("a"), provider_errors.ServerError("a")],
        ids=["4xx", "500"],
    )
    async def test_after_two_refusals_a_shorter_one_is_answered(self, router_of, refusal):
        a = FakeProvider("a", refusal, refusal, "Tea.", manner=self.SMALL)

        parts = await heard(router_of(a), self.LONG)

        full, again, shorter = self.asked_with(a)
        assert full == again > shorter
        assert parts[0].dropped_turns > 0

    async def test_two_providers_that_refuse_are_two_refusals(self, router_of):
        a = FakeProvider("a", provider_errors.BadRequest("a"), "Tea.", manner=self.SMALL)
        b = FakeProvider("b", provider_errors.BadRequest("b"), manner=self.SMALL)

        assert await said(router_of(a, b), self.LONG) == "Tea."
        assert (len(a.asked), len(b.asked)) == (2, 1)

    async def test_it_is_tried_once(self, router_of):
        a = FakeProvider("a", *[provider_errors.BadRequest("a")] * 9, manner=self.SMALL)

        await gave_up(router_of(a), self.LONG)

        assert len(a.asked) == 3

    @pytest.mark.parametrize(
        ("refusal", "ask", "window"),
        [
            (provider_errors.BadRequest("a"), QUESTION, 3000),
            (provider_errors.BadRequest("a"), replace(QUESTION, question="why? " * 900), 3000),
            (provider_errors.BadRequest("a"), LONG, 32_000),
            (provider_errors.BadRequest("a", parameter="tools"), LONG, 3000),
            (provider_errors.ContentFiltered("a"), LONG, 3000),
            (provider_errors.InvalidKey("a"), LONG, 3000),
            (provider_errors.OutOfCredit("a"), LONG, 3000),
        ],
    )
    async def test_nothing_else_is_shortened(self, router_of, refusal, ask, window):
        a = FakeProvider("a", *[refusal] * 9, manner=ModelProfile(window=window))

        await gave_up(router_of(a), ask)

        assert len(a.asked) == 1

    async def test_an_answer_that_broke_off_is_not_about_length(self, router_of):
        a = FakeProvider("a", *[["Te", provider_errors.ServerError("a")]] * 9, manner=self.SMALL)

        await gave_up(router_of(a), self.LONG)

        assert len(set(self.asked_with(a))) == 1
