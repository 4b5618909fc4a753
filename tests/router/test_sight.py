"""Who is shown a picture, and what is said where nobody may be."""

from dataclasses import replace
from decimal import Decimal

import pytest

from ambrosio.core import errors, provider_errors
from ambrosio.core.context_window import UNSEEN_PICTURE, ModelProfile, PastTurn
from ambrosio.core.messages import PicturePart
from ambrosio.router import CompletionRequest, Router
from ambrosio.router.budget import Budget, InMemoryLedger

from ..support.fake_provider import FakeProvider

PICTURE = PicturePart("ab" * 32, 1280, 960)
QUESTION = CompletionRequest("Be kind.", (), "what is this?", pictures=(PICTURE,))
LATER = CompletionRequest(
    "Be kind.", (PastTurn(1, "what is this?", "A cat.", pictures=(PICTURE,)),), "how old?"
)
EYE = ModelProfile(vision=True)


def blind(name, *script, **given):
    return FakeProvider(name, *script, **given)


def seeing(name, *script, **given):
    return FakeProvider(name, *script, manner=EYE, **given)


@pytest.fixture
def router_of(clock):
    def make(*providers, **given):
        named = {provider.name: provider for provider in providers}
        return Router(named, tuple(named), now=clock, sleep=clock.sleep, **given)

    return make


async def started(router, request=QUESTION):
    """Ask, and return the start of the answer that stood in the end."""
    events = [event async for event in router.stream(request)]
    return [event for event in events if hasattr(event, "skipped_providers")][-1]


async def refused(router, request=QUESTION):
    with pytest.raises(errors.AmbrosioError) as caught:
        [event async for event in router.stream(request)]
    return caught.value


@pytest.mark.parametrize(
    ("providers", "request_", "who"),
    [
        ((blind("a"), seeing("b")), QUESTION, "b"),
        ((seeing("a"), seeing("b")), QUESTION, "a"),
        (
            (
                seeing("a", provider_errors.ServerError("a"), provider_errors.ServerError("a")),
                seeing("b"),
            ),
            QUESTION,
            "b",
        ),
        ((blind("a"), seeing("b")), LATER, "b"),
        ((blind("a"), blind("b")), LATER, "a"),
        ((blind("a"), seeing("b", provider_errors.InvalidKey("b"))), LATER, "a"),
        ((blind("a"), seeing("b")), replace(QUESTION, model="a"), "b"),
        ((seeing("a"), seeing("b", local=True)), replace(QUESTION, local_only=True), "b"),
    ],
    ids=[
        "the one that sees",
        "the first of those that see",
        "the next one, after a failure",
        "one that sees what the history shows",
        "anyone where nobody sees the history",
        "a blind one rather than none",
        "not the chosen one, if it is blind",
        "a local one, in private",
    ],
)
async def test_a_picture_goes_to_who_sees_it(router_of, providers, request_, who):
    start = await started(router_of(*providers), request_)

    assert start.ref.provider == who


async def test_no_blind_provider_is_sent_anything_and_the_answer_says_so(router_of):
    a, b = blind("a"), seeing("b")
    start = await started(router_of(a, b))

    assert a.asked == []
    assert start.skipped_providers == ("a cannot see pictures",)
    assert b.asked[0].messages[-1].pictures == (PICTURE,)


async def test_one_that_cannot_be_asked_yet_is_found_out_by_the_call(router_of):
    class Waking(FakeProvider):
        async def sees(self, model=""):
            raise provider_errors.Loading(self.name)

    a, b = Waking("a"), seeing("b")
    start = await started(router_of(a, b))

    assert (start.ref.provider, a.asked) == ("b", [])
    assert start.skipped_providers == ("a cannot see pictures",)


async def test_a_blind_model_reads_that_there_was_a_picture(router_of):
    a = blind("a")
    await started(router_of(a), LATER)

    assert a.asked[0].messages[1].content == f"{UNSEEN_PICTURE}\nwhat is this?"


async def test_where_nobody_sees_a_model_that_does_is_offered(router_of):
    a, b = blind("a"), blind("b")
    b.able = ["owner/eye", "owner/other"]
    router = router_of(a, b)
    failure = await refused(router)

    assert isinstance(failure, errors.NobodySees)
    assert failure.user_message == (
        "a and b cannot see pictures. Switch to b/owner/eye, which can."
    )
    assert await router.offer_viewer(QUESTION) == "b/owner/eye"
    start = await started(router_of(a, seeing("b")), replace(QUESTION, model="b/owner/eye"))
    assert str(start.ref) == "b/owner/eye"


@pytest.mark.parametrize(
    ("local_only", "kind", "words"),
    [
        (False, errors.BudgetSpent, "budget"),
        (True, errors.NobodySeesHere, "turn private mode off with /private off"),
    ],
)
async def test_privacy_and_money_come_first(router_of, local_only, kind, words):
    home, away = blind("home", local=True), seeing("away", paid=True)
    router = router_of(home, away, budget=Budget(now=lambda: 0.0, ceiling=Decimal(0)))
    failure = await refused(router, replace(QUESTION, local_only=local_only))

    assert type(failure) is kind
    assert words in failure.user_message
    assert away.asked == []


async def test_a_picture_is_reserved_for_at_its_price(router_of):
    """1,280 by 960 pixels are 40 times 30 tokens, and the marks around them."""
    worst = []
    for pictures in ((), (PICTURE,)):
        ledger = InMemoryLedger()
        paid = seeing("a", paid=True)
        budget = Budget(now=lambda: 0.0, ledger=ledger, ceiling=Decimal(9))
        stream = router_of(paid, budget=budget).stream(replace(QUESTION, pictures=pictures))
        await anext(stream)
        worst.append(ledger.calls[0].charge)
        await stream.aclose()

    assert worst[1] - worst[0] == Decimal(40 * 30 + 18) / 1_000_000
