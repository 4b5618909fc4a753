"""What calls cost, who may still be asked, and what the ledger says of it."""

import asyncio
import json
import re
from contextlib import aclosing
from datetime import UTC, datetime
from decimal import Decimal
from itertools import islice, product

import pytest
from click.testing import CliRunner

from ambrosio.cli.main import main
from ambrosio.config import catalogue
from ambrosio.config.provider import ProviderConfig
from ambrosio.core import costs
from ambrosio.core.context_window import ModelProfile
from ambrosio.core.costs import Expense, Pricing, format_usd, month_name, month_start, nearly_spent
from ambrosio.core.errors import NoProvider
from ambrosio.core.messages import (
    AnswerFinished,
    AnswerStarted,
    Delta,
    FinishReason,
    ModelRef,
    Usage,
)
from ambrosio.core.provider_errors import AllProvidersFailed, TimedOut
from ambrosio.emulators.model_server.server import (
    Dies,
    EndsUnfinished,
    ErrorStatus,
    FakeModelServer,
    Holds,
    Says,
    SaysNothing,
    StallsBefore,
)
from ambrosio.providers.openai_compatible import OpenAIProvider
from ambrosio.providers.stream_parser import StreamParser
from ambrosio.router import CompletionRequest, Router
from ambrosio.router.budget import MAX_TOKENS, Budget, InMemoryLedger
from ambrosio.router.policy import Candidate, allowed_providers
from ambrosio.store import Person, Store

from ..support.erasing import forget_person
from ..support.running_bot import OWNER, running_bot

D = Decimal
REF = ModelRef("together", "m")


def moment(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


class TestRules:
    @pytest.mark.parametrize(
        ("usage", "usd"),
        [
            (Usage(1_000_000, 0), "0.15"),
            (Usage(0, 1_000_000), "0.60"),
            (Usage(1_000_000, 0, cached=1_000_000), "0.05"),
            (Usage(1_000_000, 500_000, cached=400_000), "0.41"),
            (Usage(1, 1), "0.00000075"),
            (Usage(0, 0), "0"),
            # Some servers report more from the cache than they read.
            (Usage(10, 0, cached=1_000_000), "0.05"),
        ],
    )
    def test_a_call_costs_what_was_read_and_written(self, usage, usd):
        assert Pricing(D("0.15"), D("0.60"), D("0.05")).cost(usage) == D(usd)

    @pytest.mark.parametrize(
        ("left", "names"),
        [
            (None, ("home", "cheap", "dear")),
            (D(5), ("home", "cheap", "dear")),
            (D("0.5"), ("home", "cheap", "dear")),
            (D("0.49"), ("home", "cheap")),
            (D("0.01"), ("home", "cheap")),
            (D(0), ("home",)),
            (D(-1), ("home",)),
        ],
    )
    def test_the_paid_are_asked_only_if_their_worst_case_is_covered(self, left, names):
        standings = [
            Candidate("home", paid=False),
            Candidate("cheap", paid=True, max_cost_usd=D(0)),
            Candidate("dear", paid=True, max_cost_usd=D("0.5")),
        ]

        assert allowed_providers(standings, left=left) == names

    @pytest.mark.parametrize(
        ("at", "began"),
        [
            ("2026-11-22T21:03", "2026-11-01"),
            ("2026-11-30T23:59:59", "2026-11-01"),
            ("2026-12-01", "2026-12-01"),
            ("2027-01-01T00:00:01", "2027-01-01"),
        ],
    )
    def test_a_month_begins_on_the_first(self, at, began):
        assert month_start(moment(at)) == moment(began)

    @pytest.mark.parametrize(
        ("at", "zone", "began"),
        [
            ("2026-11-30T22:59", "Europe/Berlin", "2026-10-31T23:00"),
            ("2026-11-30T23:00", "Europe/Berlin", "2026-11-30T23:00"),
            # Summer time ended within the month.
            ("2026-10-31T12:00", "Europe/Berlin", "2026-09-30T22:00"),
            ("2026-12-01T04:59", "America/New_York", "2026-11-01T04:00"),
        ],
    )
    def test_it_begins_when_it_does_where_the_bot_is(self, at, zone, began):
        assert month_start(moment(at), zone) == moment(began)
        assert month_name(moment(at), zone) != month_name(moment(began) - 1, zone)

    @pytest.mark.parametrize(
        ("spent", "ceiling", "nearly"),
        [("3.99", "5", False), ("4", "5", True), ("9", "5", True), ("9", None, False)],
    )
    def test_a_warning_is_due_from_four_fifths_on(self, spent, ceiling, nearly):
        assert nearly_spent(D(spent), D(ceiling) if ceiling else None) is nearly

    def test_a_ceiling_of_zero_needs_no_warning(self):
        assert not nearly_spent(D(0), D(0))

    @pytest.mark.parametrize(
        ("usd", "says"),
        [
            ("0", "$0.00"),
            ("12.5", "$12.50"),
            ("0.1", "$0.10"),
            ("0.0042", "$0.0042"),
            ("0.000004", "< $0.0001"),
        ],
    )
    def test_a_small_amount_is_not_shown_as_nothing(self, usd, says):
        assert format_usd(D(usd)) == says


class TestPrices:
    def test_the_shipped_list_has_a_date_and_the_default_models(self):
        assert catalogue.as_of().year >= 2026
        assert catalogue.look_up("openai/gpt-oss-120b")["input_usd"] == D("0.15")
        hears = catalogue.look_up("openai/whisper-large-v3", "transcription")
        assert hears["transcription_usd_per_minute"] == D("0.0015")
        model = "stabilityai/stable-diffusion-xl-base-1.0"
        assert catalogue.look_up(model, "images")["megapixel_usd"] == D("0.0019")

    @pytest.mark.parametrize(
        ("row", "model", "tariff"),
        [
            ({"input_usd": 1, "output_usd": 2}, "", Pricing(D(1), D(2), D(1))),
            (
                {"input_usd": 1, "output_usd": 2, "cached_usd": 0},
                "",
                Pricing(D(1), D(2), D(0)),
            ),
            ({}, "", Pricing(D(3), D(15), D(3), known=False)),
            ({"input_usd": 1}, "", Pricing(D(1), D(15), D(1), known=False)),
            # The price of the row's own model says nothing of another one.
            ({"input_usd": 1, "output_usd": 2}, "x", Pricing(D(3), D(15), D(3), known=False)),
            (
                {"input_usd": 1, "output_usd": 2},
                "openai/gpt-oss-120b",
                Pricing(D("0.15"), D("0.60"), D("0.15")),
            ),
            ({"input_usd": 0, "output_usd": 0}, "x", costs.FREE),
            ({"local": True}, "x", costs.FREE),
        ],
    )
    async def test_an_unknown_price_counts_as_the_dearest_known_one(self, row, model, tariff):
        import httpx

        described = ProviderConfig(base_url="https://models.example/v1", model="own", **row)
        async with httpx.AsyncClient(verify=False) as http:
            assert OpenAIProvider("there", described, http).pricing(model) == tariff


class TestBudget:
    def budget(self, clock, spent, **rules):
        calls = [Expense(person or 8, REF, None, usd) for person, usd in spent.items()]
        return Budget(
            now=clock,
            ledger=InMemoryLedger(calls),
            guest=lambda person: person != OWNER,
            **rules,
        )

    @pytest.mark.parametrize(
        ("rules", "person", "left"),
        [
            ({}, 7, None),
            ({"ceiling": D(5)}, 7, D(2)),
            ({"ceiling": D(5), "share": D(1)}, 7, D("0.25")),
            ({"ceiling": D(5), "share": D(10)}, 7, D(2)),
            ({"share": D(1)}, 7, D("0.25")),
            ({"share": D(0)}, 7, D("-0.75")),
            ({"ceiling": D(5), "share": D(1)}, OWNER, D(2)),
            ({"share": D(1)}, OWNER, None),
        ],
    )
    def test_guests_have_a_share_and_owners_the_whole(self, clock, rules, person, left):
        spent = {OWNER: D("2.25"), 7: D("0.75")}

        assert self.budget(clock, spent, **rules).left(person) == left

    def test_calls_side_by_side_cannot_spend_the_same_dollar(self, clock):
        budget = self.budget(clock, {}, ceiling=D(5))
        one = budget.reserve(Expense(7, REF, None, D(3)))
        other = budget.reserve(Expense(8, REF, None, None, charged_usd=D(1)))
        assert budget.left(OWNER) == D(1)

        budget.settle(one, Expense(7, REF, None, D("0.5")))
        assert budget.left(OWNER) == D("3.5")

        budget.settle(other, Expense(8, REF, None, D(0)))
        assert budget.left(OWNER) == D("4.5")


def hired(url, **row):
    """Describe a server that costs money, although it is on loopback."""
    model = "openai/gpt-oss-120b"
    known = {**catalogue.look_up(model), **row}
    return ProviderConfig(base_url=url, model=model, server_kind="together", local=False, **known)


@pytest.fixture
async def together():
    return FakeModelServer(model="openai/gpt-oss-120b", server_kind="together")


@pytest.fixture
async def together_url(together):
    async with together.serving() as url:
        yield url


@pytest.fixture
def bot(api, telegram_url, tmp_path):
    """Run the bot with these rows of providers and these settings."""
    return lambda rows, **given: running_bot(
        api,
        telegram_url,
        tmp_path,
        **{"providers": rows, "ambrosio_route": (*rows, "llama"), **given},
    )


def prose(words):
    """Say what no model is stopped for as saying the same over and over."""
    return " ".join("".join(letters) for letters in islice(product("aeioumnrst", repeat=4), words))


class Paid:
    """A provider that takes its time at every step and writes one word."""

    name, paid, local = "paid", True, False

    async def profile(self, model=""):
        await asyncio.sleep(0)
        return ModelProfile(100_000)

    async def sees(self, model=""):
        return False

    async def models_that_see(self):
        return []

    def pricing(self, model=""):
        return Pricing(output_usd=costs.MILLION)

    async def health(self):
        pass

    async def models(self):
        return ()

    async def stream(self, context, *, concise=False, model="", chat_key=""):
        ref = ModelRef(self.name, model)
        yield AnswerStarted(ref)
        await asyncio.sleep(0)
        yield Delta("word")
        yield AnswerFinished(ref, FinishReason.STOP, Usage(1, 1))


class Silent(Paid):
    """A provider that is waited for in vain."""

    async def stream(self, context, *, concise=False, model="", chat_key=""):
        words: list[Delta] = []
        for word in words:
            yield word
        raise TimedOut(self.name)


async def test_of_many_questions_at_once_only_those_that_are_covered_are_asked(clock):
    worst = Decimal(MAX_TOKENS)
    bills: list[Expense] = []
    budget = Budget(now=clock, ceiling=worst * 2)
    router = Router({"paid": Paid()}, ("paid",), now=clock, budget=budget)

    async def ask():
        try:
            async for _ in router.stream(
                CompletionRequest("", (), "question"), report=bills.append
            ):
                pass
        except (AllProvidersFailed, NoProvider) as exc:
            return exc.user_message
        return ""

    refused = [said for said in await asyncio.gather(*(ask() for _ in range(5))) if said]

    assert len(bills) == 2
    assert len(refused) == 3
    assert all("budget" in said for said in refused)
    assert budget.spent() == 2


@pytest.mark.parametrize(("known", "usd"), [(True, D(MAX_TOKENS)), (False, None)])
async def test_a_call_under_way_counts_and_is_shown_only_at_a_known_price(clock, known, usd):
    class Asked(Paid):
        def pricing(self, model=""):
            return Pricing(output_usd=costs.MILLION, known=known)

    slate = InMemoryLedger()
    budget = Budget(now=clock, ledger=slate)
    stream = Router({"paid": Asked()}, ("paid",), now=clock, budget=budget).stream(
        CompletionRequest("", (), "?")
    )
    async with aclosing(stream) as parts:
        await anext(parts)
        [call] = slate.calls

    assert (call.usd, call.charge, call.outcome) == (usd, D(MAX_TOKENS), "open")


class TestTheLedger:
    @pytest.fixture
    async def paid(self, bot, together_url):
        async with bot({"together": hired(together_url)}) as life:
            yield life

    @staticmethod
    def rows(life):
        return [
            (
                row["outcome"],
                bool(row["estimated"]),
                row["prompt_tokens"],
                row["completion_tokens"],
                row["usd"],
            )
            for row in life.store.database.read("SELECT * FROM ledger ORDER BY id")
        ]

    async def test_an_answer_costs_what_the_server_has_counted(self, anna, paid, together):
        together.script(Says("Basmati."))
        await anna.say("rice?")
        await anna.wait_answer()
        await paid.settled()

        [(outcome, estimated, prompt, completion, usd)] = self.rows(paid)
        assert (outcome, estimated) == ("done", False)
        assert D(usd) == (prompt * D("0.15") + completion * D("0.60")) / 1_000_000

    async def test_of_a_comparison_every_answer_is_charged(
        self, bot, anna, together, together_url, model, model_url
    ):
        rows = {"together": hired(together_url), "other": hired(together_url)}
        async with bot(rows, llama_base_url=model_url) as life:
            together.script(Says("Basmati."), Says("Jasmin."))
            model.script(Says("Rice."))
            await anna.say("/compare rice?")
            await life.settled()
            found = life.store.database.read("SELECT provider, usd FROM ledger ORDER BY provider")
            spent = life.store.ledger.spent(0)

            assert [row["provider"] for row in found] == ["llama", "other", "together"]
            assert [D(row["usd"]) > 0 for row in found] == [False, True, True]
            assert life.assistant.router.budget.spent() == spent > 0

    @pytest.mark.parametrize(
        ("trouble", "costs"),
        [
            (ErrorStatus(500), False),
            (ErrorStatus(402), False),
            (Dies(after="Half of it"), True),
            (EndsUnfinished("Half of it"), True),
        ],
    )
    async def test_a_failed_call_costs_what_it_had_said(self, anna, paid, together, trouble, costs):
        together.script(trouble, trouble)
        await anna.say("rice?")
        await anna.wait_answer()
        await paid.settled()

        for row in self.rows(paid):
            assert (row[0], row[1], D(row[4]) > 0) == ("failed", costs, costs)
            assert (row[3] or 0) >= (len("Half of it") // 3 if costs else 0)

    async def test_an_answer_without_a_word_costs_what_the_server_has_counted(
        self, anna, paid, together
    ):
        together.script(SaysNothing(), Says("Basmati."))
        await anna.say("vv rice?")
        await anna.wait_answer()
        await paid.settled()

        [(outcome, estimated, prompt, *_)] = self.rows(paid)
        await anna.say("/new")
        await anna.say("vv rice?")
        await paid.settled()
        assert (outcome, estimated) == ("done", False)
        assert prompt == 2 * self.rows(paid)[1][2]

    async def test_a_server_that_was_waited_for_in_vain_has_read_the_question(self, clock):
        slate = InMemoryLedger()
        budget = Budget(now=clock, ledger=slate)
        router = Router({"paid": Silent()}, ("paid",), now=clock, budget=budget)
        with pytest.raises(AllProvidersFailed):
            _ = [part async for part in router.stream(CompletionRequest("Be kind.", (), "tea?"))]

        [call] = slate.calls
        assert (call.outcome, call.estimated) == ("failed", True)
        assert call.usage
        assert call.usage.prompt > call.usage.completion == 0

    @pytest.mark.parametrize(
        ("told", "counted"),
        [
            ({"prompt_tokens": 0, "completion_tokens": 0}, None),
            ({}, None),
            ({"prompt_tokens": 9, "completion_tokens": -9_000_000}, Usage(9, 0)),
            ({"prompt_tokens": 9, "cached_tokens": -9}, Usage(9, 0)),
            ({"prompt_tokens": float("inf")}, None),
            ({"prompt_tokens": 9, "completion_tokens": 2**80}, Usage(9, 0)),
        ],
    )
    def test_no_server_counts_to_less_than_nothing(self, told, counted):
        hearing = StreamParser("together", "m")
        hearing.feed({"usage": {"prompt_tokens": 5}} if counted is None else {})
        hearing.feed({"usage": told})

        assert hearing.usage == (counted or Usage(5, 0))

    async def test_a_stopped_answer_costs_its_prompt_and_its_words(self, anna, paid, together):
        together.script(Holds("Once upon a time", asyncio.Event()))
        await anna.say("a story")
        await anna.wait_draft("Once upon a time")
        await anna.say("/stop")
        await anna.wait_text("Stopped.")
        await paid.settled()

        [(outcome, estimated, prompt, completion, usd)] = self.rows(paid)
        assert (outcome, estimated) == ("stopped", True)
        assert prompt > 100
        assert completion > 4
        assert D(usd) > 0

    async def test_an_answer_that_an_edit_has_made_void_is_paid(self, anna, paid, together):
        together.script(Holds("Wet", asyncio.Event()), Says("Hot."))
        question = await anna.say("weather in Bergen?")
        await together.wait_for(lambda: together.served[0].words)
        await anna.edit(question, "weather in Seville?")
        await anna.wait_text("Hot.")
        await paid.settled()

        assert [row[0] for row in self.rows(paid)] == ["stopped", "done"]

    async def test_an_answer_that_the_end_of_the_process_cuts_is_paid(
        self, bot, anna, together, together_url
    ):
        together.script(Holds("Once", asyncio.Event()))
        async with bot({"together": hired(together_url)}) as life:
            await anna.say("a story")
            await anna.wait_draft("Once")
            life.stop.set()
            await life.task
            rows = self.rows(life)

        assert [row[0] for row in rows] == ["stopped"]

    async def test_an_unknown_price_is_unknown_and_counts_all_the_same(
        self, bot, anna, together_url
    ):
        row = hired(together_url, input_usd=None, output_usd=None)
        async with bot({"together": row}, ambrosio_monthly_budget_usd=D(5)) as life:
            await anna.say("rice?")
            await anna.wait_answer()
            await life.settled()

            assert self.rows(life)[0][4] is None
            assert 0 < life.store.ledger.spent(0) < 1

    async def test_a_call_at_home_costs_nothing(self, bot, anna, model_url):
        async with bot({}, llama_base_url=model_url, ambrosio_monthly_budget_usd=D(0)) as life:
            await anna.say("rice?")
            await anna.wait_answer()
            await life.settled()

            assert [(row[0], row[4]) for row in self.rows(life)] == [("done", "0")]


RULES = {"ambrosio_monthly_budget_usd": D("0.5"), "ambrosio_route": ("together", "llama")}


class TestThePulledPlug:
    """A call that nobody has lived to see the end of."""

    async def test_its_worst_case_counts_for_the_rest_of_the_month(
        self, anna, bot, together, together_url
    ):
        together.script(StallsBefore())
        async with bot({"together": hired(together_url)}, **RULES) as life:
            await anna.say("rice?")
            await together.wait_for(lambda: together.served)
            [(outcome, estimated, *_, worst)] = TestTheLedger.rows(life)
            held = life.store.ledger.spent(0)

        assert (outcome, estimated) == ("open", True)
        assert D("0.004") < held == D(worst)

    async def test_an_order_for_pictures_is_charged_when_it_is_given_again(self, tmp_path, clock):
        with Store(tmp_path / "ambrosio.db", now=clock) as store:
            budget = Budget(now=clock, ledger=store.ledger)
            budget.reserve(Expense(OWNER, REF, None, D(1)))
            budget.reserve(Expense(OWNER, REF, None, D(2), kind="image", images=1))
            assert store.ledger.spent(0) == 3
            store.ledger.waive_images()

            assert store.ledger.spent(0) == 1

    def test_what_was_forgotten_meanwhile_stays_so(self, tmp_path, clock):
        with Store(tmp_path / "ambrosio.db", now=clock) as store:
            budget = Budget(now=clock, ledger=store.ledger)
            call = budget.reserve(Expense(OWNER, REF, None, D(1)))
            forget_person(store, OWNER)
            budget.settle(call, Expense(OWNER, REF, None, D("0.5")))

            assert store.ledger.spent(0) == D("0.5")
            assert store.ledger.spent(0, OWNER) == 0


class TestTheBudgetRunsOut:
    """The worst case of a call is some six cents here, and an answer about one and a half."""

    def earlier(self, life, usd):
        """Have something spent in the days before."""
        life.store.ledger.enter(Expense(OWNER, ModelRef("together", "m"), None, D(usd)))

    async def ask(self, life, anna, together):
        together.script(Says(prose(2000)))
        await anna.say("/new")
        await anna.say("question")
        await life.settled()

    async def test_in_the_middle_of_a_day_the_model_at_home_goes_on(
        self, bot, anna, model, model_url, together, together_url
    ):
        rows = {"together": hired(together_url, output_usd=D("7.5"))}
        async with bot(rows, llama_base_url=model_url, **RULES) as life:
            self.earlier(life, "0.37")
            asked = 0
            while not model.requests:
                model.script(Says("From home."))
                await self.ask(life, anna, together)
                asked += 1
                assert asked < 12
            spent = life.store.ledger.spent(0)
            await anna.say("and another?")
            await life.settled()

        assert asked > 3
        assert len(together.requests) == asked - 1
        told = [line.text for line in anna.answers if "From home." in line.text]
        assert told[0].startswith("From home.")
        assert "reached its budget" in told[0]
        assert len(model.requests) == 2
        assert D("0.43") < spent <= D("0.5")
        [warning] = [line.text for line in anna.answers if "have cost" in line.text]
        assert "of $0.50" in warning

    @pytest.mark.parametrize(
        ("given", "most"),
        [
            ({}, None),
            ({"ambrosio_monthly_budget_usd": D(5)}, MAX_TOKENS),
        ],
    )
    async def test_under_a_ceiling_no_answer_is_longer_than_was_foreseen(
        self, bot, anna, together, together_url, given, most
    ):
        async with bot({"together": hired(together_url)}, **given):
            await anna.say("question")
            await anna.wait_answer()

        assert [asked.max_tokens for asked in together.requests] == [most]

    async def test_a_small_window_leaves_less_than_that(self, bot, anna, together, together_url):
        rows = {"together": hired(together_url, context=4096)}
        async with bot(rows, ambrosio_monthly_budget_usd=D(5)):
            await anna.say("question")
            await anna.wait_answer()

        assert 3000 < together.requests[0].max_tokens < 4096

    async def test_the_owners_are_warned_once_a_month(self, bot, anna, api, together, together_url):
        rows = {"together": hired(together_url, output_usd=D("7.5"))}
        async with bot(rows, **RULES) as life:
            warned = []
            for _ in range(2):
                self.earlier(life, "0.4")
                for _ in range(2):
                    await self.ask(life, anna, together)
                    warned.append(sum("have cost" in line.text for line in anna.answers))
                api.state.now.pass_seconds(32 * 86_400)

        assert warned == [1, 1, 2, 2]

    async def test_they_are_warned_as_well_when_a_call_is_refused_before_that(
        self, bot, anna, together, together_url
    ):
        rows = {"together": hired(together_url, output_usd=D(30))}
        async with bot(rows, **RULES) as life:
            self.earlier(life, "0.3")
            await self.ask(life, anna, together)
            await self.ask(life, anna, together)

        assert together.requests == []
        assert sum("have cost $0.30 of $0.50" in line.text for line in anna.answers) == 1

    async def test_an_order_for_pictures_that_is_refused_warns_them_too(
        self, bot, anna, together, together_url
    ):
        rows = {"together": hired(together_url, image_model="black-forest-labs/FLUX.1.1-pro")}
        async with bot(rows, ambrosio_monthly_budget_usd=D("0.05")) as life:
            await anna.say("/imagine a fox --n 4")
            await life.settled()

        assert together.image_requests == []
        assert sum("have cost $0.00 of $0.05" in line.text for line in anna.answers) == 1

    async def test_without_a_model_at_home_one_plain_line_says_so(
        self, bot, anna, together, together_url
    ):
        rows = {"together": hired(together_url)}
        async with bot(rows, ambrosio_monthly_budget_usd=D("0.001")):
            await anna.say("question")
            line = await anna.wait_answer()

        assert "budget" in line.text
        assert line.buttons == ()
        assert together.requests == []

    async def test_zero_means_no_paid_call_at_all(self, bot, anna, together, together_url):
        rows = {"together": hired(together_url, input_usd=D(0), output_usd=D(1))}
        async with bot(rows, ambrosio_monthly_budget_usd=D(0)):
            await anna.say("question")
            line = await anna.wait_answer()

        assert "budget" in line.text
        assert together.requests == []

    async def test_a_guest_who_has_used_up_a_share_harms_nobody_else(
        self, bot, anna, api, together, together_url
    ):
        ben = api.person(43, "Ben").private()
        rows = {"together": hired(together_url)}
        async with bot(rows, ambrosio_person_budget_usd=D("0.0055")) as life:
            life.store.admit(Person(43, "Ben", is_owner=False))
            together.script(Says(prose(1000)))
            await ben.say("question")
            await life.settled()
            await ben.say("another")
            refused = await ben.wait_answer()
            await anna.say("question")
            answered = await anna.wait_answer()

        assert "budget" in refused.text
        assert "budget" not in answered.text
        assert len(together.requests) == 2

    async def test_a_share_is_not_whole_again_for_being_forgotten(self, bot, api, together_url):
        ben = api.person(43, "Ben").private()
        spent = Expense(43, ModelRef("together", "m"), None, D("0.5"))
        async with bot({"together": hired(together_url)}, ambrosio_person_budget_usd=D(1)) as life:
            life.store.admit(Person(43, "Ben", is_owner=False))
            life.store.ledger.enter(spent)
            await ben.say("/forget")
            await ben.wait_answer()
            await ben.press("Everything I ever wrote")
            await life.settled()

            assert life.assistant.router.budget.left(43) == D("0.5")


class TestUsage:
    async def test_one_screen_shows_what_was_spent_and_what_is_left(
        self, bot, anna, model_url, together, together_url
    ):
        rows = {"together": hired(together_url, output_usd=D(500))}
        together.script(Says(prose(500)))
        given = {"ambrosio_monthly_budget_usd": D(5), "llama_base_url": model_url}
        async with bot(rows, **given) as life:
            await anna.say("question")
            await life.settled()
            await anna.say("/model llama")
            await anna.say("question")
            await life.settled()
            spent = life.store.ledger.spent(0)
            await anna.say("/usage")
            text = (await anna.wait_answer()).text
            await life.settled()

        assert D("0.2") < spent < 1
        assert f"Today 2 calls, {format_usd(spent)}" in text
        assert f"together chat: 1 call, {format_usd(spent)}" in text
        assert "llama chat: 1 call, $0.00" in text
        assert f"Budget $5.00 a month, {format_usd(5 - spent)} left" in text
        assert "▇" not in text

    async def test_several_days_have_a_bar_each(self, bot, anna, together_url, clock):
        async with bot({"together": hired(together_url)}) as life:
            for usd in ("0.10", "0.40", "0.01"):
                life.store.ledger.enter(Expense(OWNER, REF, None, D(usd)))
                clock.pass_seconds(86_400)
            await anna.say("/usage")
            answer = await anna.wait_answer()

        [chart] = [entity for entity in answer.entities if entity.type == "pre"]
        rows = answer.text[chart.offset :][: chart.length].splitlines()
        assert [re.sub(r"^\w{3} [ \d]\d ", "", row) for row in rows] == [
            *["–"] * 3,
            "▇▇▇ $0.10",
            "▇▇▇▇▇▇▇▇▇▇▇▇ $0.40",
            "▇ $0.0100",
            "–",
        ]

    async def test_days_that_cost_nothing_are_charted_by_their_calls(
        self, bot, anna, together_url, clock
    ):
        async with bot({"together": hired(together_url)}) as life:
            for count in (1, 2, 4):
                for _ in range(count):
                    life.store.ledger.enter(Expense(OWNER, REF, None, D(0)))
                clock.pass_seconds(86_400)
            await anna.say("/usage")

            assert "▇▇▇▇▇▇ 2 calls\n" in (await anna.wait_answer()).text

    async def test_days_are_those_of_the_persons_zone(self, bot, anna, together_url, clock):
        async with bot({"together": hired(together_url)}) as life:
            # In New Zealand this is the morning of the day after.
            clock.pass_seconds(-clock() % 86_400 + 86_400 - 3600)
            life.store.ledger.enter(Expense(OWNER, REF, None, D("0.10")))
            clock.pass_seconds(7200)
            await anna.say("/usage")
            by_utc = (await anna.wait_answer()).text
            await anna.say("/settings zone Pacific/Auckland")
            await anna.wait_answer()
            await anna.say("/usage")
            at_home = (await anna.wait_answer()).text

        assert "Today 0 calls" in by_utc
        assert "Today 1 call, $0.10" in at_home

    async def test_pictures_are_counted_as_pictures(self, bot, anna, together_url):
        painted = Expense(OWNER, REF, None, D("0.008"), kind="image", images=4)
        async with bot({"together": hired(together_url)}) as life:
            life.store.ledger.enter(painted)
            await anna.say("/usage")

            assert "together image: 1 call, $0.0080, 4 images" in (await anna.wait_answer()).text

    async def test_a_guest_sees_only_what_is_theirs(self, bot, api, anna, together_url):
        ben = api.person(43, "Ben").private()
        async with bot({"together": hired(together_url)}) as life:
            life.store.admit(Person(43, "Ben", is_owner=False))
            await anna.say("question")
            await life.settled()
            await ben.say("/stats")

            assert "Today 0 calls, $0.00" in (await ben.wait_answer()).text

    @pytest.fixture
    def ledger(self, tmp_path, monkeypatch):
        monkeypatch.setenv("AMBROSIO_DATA_DIR", str(tmp_path))
        monkeypatch.chdir(tmp_path)
        ref = ModelRef("together", "openai/gpt-oss-120b")
        with Store(tmp_path / "ambrosio.db", now=lambda: moment("2026-10-02")) as store:
            store.ledger.enter(Expense(OWNER, ref, Usage(10, 5), D("0.0000045")))
            store.ledger.enter(Expense(OWNER, ref, Usage(10, 5), None, D("0.1"), estimated=True))

    @pytest.mark.usefixtures("ledger")
    def test_the_terminal_gives_json_that_rounds_nothing(self):
        result = CliRunner().invoke(main, ["usage", "--json", "--since", "2026-10-01"])

        [row] = json.loads(result.stdout)
        assert (row["day"], row["calls"], row["unknown"], row["estimated"]) == (
            "2026-10-02",
            2,
            1,
            1,
        )
        assert (row["usd"], row["charged_usd"]) == ("0.0000045", "0.1000045")

    @pytest.mark.usefixtures("ledger")
    def test_the_terminal_gives_a_table(self):
        result = CliRunner().invoke(main, ["usage", "--since", "2026-10-01"], env={"COLUMNS": "40"})

        assert "2026-10-02 together/openai/gpt-oss-120b chat " in result.stdout
        assert "1 unknown" in result.stdout
        assert result.exit_code == 0
