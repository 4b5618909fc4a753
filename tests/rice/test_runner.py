"""Whole runs against model servers of different manners, counted by hand."""

import asyncio
import json
from contextlib import asynccontextmanager
from decimal import Decimal

import httpx
import pytest

from ambrosio.app import open_app
from ambrosio.cli import rice as terminal
from ambrosio.cli.rice import RiceContext, RiceOptions
from ambrosio.config import prompts, settings
from ambrosio.config.provider import ProviderConfig
from ambrosio.core.errors import InvalidKey, InvalidSettings, NoProvider, ServerError
from ambrosio.emulators.model_server.server import ErrorStatus, FakeModelServer, Says, StallsBefore
from ambrosio.providers.openai_compatible import OpenAIProvider
from ambrosio.rice import questions, runner
from ambrosio.rice.sampler import Sample, Sampler
from ambrosio.router import CompletionRequest

# The quick questions by words that only they have, with an answer: six are good, two are not.
TERSE = {
    "falafel": "Basmati.",
    "Peru": "Lima",
    "oven": "177 °C",
    "folder": "`du -sh .`",
    "geizig": "großzügig",
    "grapes": "Yes.",
    "Einstein": "He got only one.",
    "breakfast": "Toast.",
}


def terse(asked):
    return Says(next(answer for word, answer in TERSE.items() if word in asked.question))


def talkative(asked):
    """Let one word slip out, and lecture otherwise: 12 words, an introduction and a wish."""
    lecture = "Great question! That depends on many things, my friend. Hope this helps!"
    return Says("Lima" if "Peru" in asked.question else lecture)


def failing_half_of_the_time(asked):
    """Answer the first, third, fifth and seventh of the quick questions."""
    fails = ["Peru", "folder", "grapes", "breakfast"]
    return ErrorStatus(500) if any(word in asked.question for word in fails) else terse(asked)


def row(url, **given):
    return ProviderConfig(base_url=url, first_token_timeout_seconds=30, **given)


@asynccontextmanager
async def cooking(folder, clock, providers, **given):
    loaded = settings.load(folder, ambrosio_data_dir=folder, **given)
    route = {"ambrosio_route": tuple(providers), "providers": providers}
    loaded = loaded.model_copy(update=route)
    async with open_app(loaded, now=clock, sleep=clock.sleep) as house:
        asker = Sampler(house.assistant.router, now=clock)
        known = {name: house.providers[name] for name in providers}
        yield RiceContext(asker, known, prompts.text("system.txt"), folder, clock), house.store


async def rice(kitchen, capsys, **wish):
    code = await terminal.rice(kitchen, RiceOptions(json=True, **{"quick": True, **wish}))
    return code, json.loads(capsys.readouterr().out)


async def test_three_servers_of_different_manners_are_counted_right(tmp_path, clock, capsys):
    brief, chatty, flaky = (
        FakeModelServer(name, answer=answer)
        for name, answer in (("a", terse), ("b", talkative), ("c", failing_half_of_the_time))
    )
    async with brief.serving() as one, chatty.serving() as two, flaky.serving() as three:
        rows = {"brief": row(one), "chatty": row(two), "flaky": row(three, model="named")}
        async with cooking(tmp_path, clock, rows) as (kitchen, _):
            code, told = await rice(kitchen, capsys, out=tmp_path / "r.html")

    found = {each["model"]: each for each in told["models"]}
    assert code == 0
    assert told["questions"] == 8
    assert list(found) == ["brief/a", "flaky/named", "chatty/b"]
    assert [found[name]["passed"] for name in found] == [6, 4, 1]
    assert [found[name]["asked"] for name in found] == [8, 8, 8]
    assert [found[name]["failed"] for name in found] == [0, 4, 0]
    assert [found[name]["median_words"] for name in found] == [1, 1.5, 12]
    assert found["brief/a"]["interval"] == [0.4093, 0.9285]
    assert {each["usd_per_question"] for each in found.values()} == {0}
    missed = {each["question"]: each["complaints"] for each in found["brief/a"]["answers"]}
    assert missed.pop("grapes") == ["says: says yes, and no would be right"]
    assert missed.pop("breakfast") == ["unsure: does not admit that it cannot know"]
    assert not any(missed.values())
    failed = [each for each in found["flaky/named"]["answers"] if not each["passed"]]
    assert {each["complaints"][0] for each in failed} == {f"failure: flaky {ServerError.summary}"}
    # The router asks twice where it failed, as it does for a turn.
    assert [len(server.requests) for server in (brief, chatty, flaky)] == [8, 8, 12]
    assert (tmp_path / "r.html").read_text().count('class="answer') == 3 * 8 + 8


async def test_a_question_is_asked_as_a_turn_asks_it(tmp_path, clock, capsys):
    (tmp_path / "rice.toml").write_text(
        '[why]\nask = "Why is that so?"\nleast_words = 9\nquick = true\n'
        'before = [{ ask = "vv rice?", answer = "Basmati." }]\n'
    )
    model = FakeModelServer(answer=lambda _: Says("Basmati."))
    async with model.serving() as url:
        rows = {"llama": row(url, server_kind="llama")}
        async with cooking(tmp_path, clock, rows) as (kitchen, _):
            await rice(kitchen, capsys)

    asked = {request.question: request for request in model.requests}
    first = asked["vv jasmin or basmati rice with falafel?"]
    assert first.messages[0] == ("system", prompts.text("system.txt"))
    assert (first.temperature, first.max_tokens) == (0, 400)
    ordinary = asked["Why is that so?"]
    assert ordinary.messages[1:3] == (("user", "vv rice?"), ("assistant", "Basmati."))
    assert ordinary.max_tokens is None


async def test_wordings_are_compared_with_and_without_the_reminder(tmp_path, clock, capsys):
    def obeys_reminders(asked):
        return terse(asked) if "As concise" in asked.question else talkative(asked)

    (tmp_path / "mine.txt").write_text("Be brief.")
    model = FakeModelServer("m", answer=obeys_reminders)
    async with model.serving() as url, cooking(tmp_path, clock, {"a": row(url)}) as (kitchen, _):
        _, told = await rice(kitchen, capsys, prompts=(str(tmp_path / "mine.txt"),))

    passed = {each["wording"]: each["passed"] for each in told["models"]}
    assert passed == {
        "shipped, not reminded": 1,
        "shipped, reminded": 6,
        "mine.txt, not reminded": 1,
        "mine.txt, reminded": 6,
    }
    against_first = {each["wording"]: each for each in told["comparisons"]}
    assert len(against_first["mine.txt, reminded"]["gained"]) == 5
    assert against_first["mine.txt, reminded"]["lost"] == []
    assert against_first["mine.txt, reminded"]["p"] == 0.0625
    assert against_first["mine.txt, not reminded"]["says"] == "makes no clear difference"
    systems = {request.messages[0][1] for request in model.requests}
    assert systems == {"Be brief.", prompts.text("system.txt")}


@pytest.mark.parametrize("name", ["rule-only.txt", "examples.txt"])
def test_shipped_variants_are_found_by_name(name):
    (first, second) = terminal._wordings("x", RiceOptions(prompts=(name,), reminder="off"))

    assert first.name == "shipped"
    assert "vv" in second.system


# --- resuming -------------------------------------------------------------------------------------


async def test_a_run_that_was_broken_off_goes_on_where_it_was(tmp_path, clock, capsys):
    model = FakeModelServer(answer=terse)
    async with model.serving() as url, cooking(tmp_path, clock, {"a": row(url)}) as (kitchen, _):
        model.script(*[Says(TERSE[word]) for word in ("falafel", "Peru", "oven")], StallsBefore())
        broken = asyncio.ensure_future(rice(kitchen, capsys))
        await model.wait_for(lambda: len(model.requests) == 4)
        broken.cancel()
        with pytest.raises(asyncio.CancelledError):
            await broken
        unfinished = tmp_path / "rice" / "unfinished.jsonl"
        with unfinished.open("a") as file:
            file.write('{"key": ["torn')

        _, told = await rice(kitchen, capsys)

    assert len(model.requests) == 4 + 5
    assert told["models"][0]["passed"] == 6
    assert not unfinished.exists()
    assert len(list((tmp_path / "rice").glob("2*.jsonl"))) == 1


async def test_after_a_finished_run_everything_is_asked_again(tmp_path, clock, capsys):
    model = FakeModelServer(answer=terse)
    async with model.serving() as url, cooking(tmp_path, clock, {"a": row(url)}) as (kitchen, _):
        await rice(kitchen, capsys)
        await rice(kitchen, capsys)

    assert len(model.requests) == 16


def test_failures_are_asked_again_and_other_plans_keep_their_answers(tmp_path):
    records = runner.Records(tmp_path)
    mine, other, failed = (
        runner.Result((name, "m", "d", 1), "shipped", Sample(**given))
        for name, given in (
            ("a", {"text": "Lima", "usd": Decimal("0.5")}),
            ("b", {"text": "W"}),
            ("c", {"failure": "it failed"}),
        )
    )
    for result in (mine, other, failed):
        records.append(result)

    assert records.load() == {mine.key: mine, other.key: other}
    records.finish([mine], "done")
    assert records.load() == {other.key: other}


def test_what_is_sent_is_part_of_the_key_and_what_is_checked_is_not():
    known = questions.parse('[q]\nask = "vv Peru?"\nwords = 3', source="x")["q"]
    laxer = questions.parse('[q]\nask = "vv Peru?"\nwords = 9', source="x")["q"]
    other = questions.parse('[q]\nask = "vv Chile?"\nwords = 3', source="x")["q"]
    entrant = runner.Contestant(
        OpenAIProvider("m", row("http://127.0.0.1:9/v1"), httpx.AsyncClient())
    )

    def key(question, system="s", reminder=None):
        return runner.Trial(question, entrant, runner.PromptVariant("w", system, reminder)).key

    assert key(known) == key(laxer)
    assert len({key(known), key(other), key(known, "t"), key(known, reminder=True)}) == 4


# --- money ----------------------------------------------------------------------------------------

RICE = CompletionRequest("", (), "Rice?")
PRICED = {"local": False, "model": "m", "input_usd": Decimal(0), "output_usd": Decimal(1)}


def counting(words):
    """Say what no model is stopped for as saying the same over and over."""
    return " ".join(f"rice{number}" for number in range(words))


async def test_the_budget_is_not_passed_by_the_last_call_either(tmp_path, clock, capsys):
    model = FakeModelServer("m", answer=lambda _: Says(counting(600)))
    # A call may cost 8,192 micro-dollars and costs 400: there is room for it four times.
    ceiling = Decimal("0.0096")
    async with model.serving() as url:
        rows = {"paid": row(url, **PRICED)}
        budget = {"ambrosio_monthly_budget_usd": ceiling}
        async with cooking(tmp_path, clock, rows, **budget) as (kitchen, store):
            _, told = await rice(kitchen, capsys)
            spent = store.ledger.spent(0)

    assert len(model.requests) == 4
    assert spent == Decimal("0.0016") < ceiling
    assert told["notes"] == [
        "paid/m was not asked to the end: the month's budget does not allow more."
    ]
    assert (tmp_path / "rice" / "unfinished.jsonl").exists()


@pytest.mark.parametrize(
    ("ceiling", "prices"), [("0", PRICED), ("5", {"local": False, "model": "m"})]
)
async def test_zero_and_an_unknown_price_under_a_ceiling_ask_nothing(
    tmp_path, clock, capsys, ceiling, prices
):
    model = FakeModelServer("m", answer=terse)
    async with model.serving() as url:
        budget = {"ambrosio_monthly_budget_usd": Decimal(ceiling)}
        async with cooking(tmp_path, clock, {"paid": row(url, **prices)}, **budget) as (kitchen, _):
            code, told = await rice(kitchen, capsys)

    assert (code, told["models"], model.requests) == (1, [], [])


async def test_who_has_no_budget_does_not_wait_for_those_who_need_none(tmp_path, clock, capsys):
    home, away = (
        FakeModelServer("h", answer=lambda _: StallsBefore()),
        FakeModelServer("m", answer=terse),
    )
    async with home.serving() as one, away.serving() as two:
        rows = {"home": row(one), "paid": row(two, **PRICED)}
        budget = {"ambrosio_monthly_budget_usd": Decimal(0)}
        async with cooking(tmp_path, clock, rows, **budget) as (kitchen, _):
            local = asyncio.ensure_future(kitchen.sampler.ask(kitchen.providers["home"], RICE))
            await home.wait_for(lambda: home.requests)
            with pytest.raises(NoProvider):
                await kitchen.sampler.ask(kitchen.providers["paid"], RICE)
            local.cancel()
            with pytest.raises(asyncio.CancelledError):
                await local

    assert away.requests == []


async def test_every_call_is_in_the_ledger(tmp_path, clock, capsys):
    model = FakeModelServer("m", answer=terse)
    async with model.serving() as url:
        rows = {"paid": row(url, **PRICED)}
        async with cooking(tmp_path, clock, rows) as (kitchen, store):
            _, told = await rice(kitchen, capsys)
            spent = store.ledger.spent(0)

    assert spent > 0
    assert told["models"][0]["usd_per_question"] == pytest.approx(float(spent) / 8)


async def test_a_model_that_never_ends_is_cut_off_and_paid_for(tmp_path, clock):
    model = FakeModelServer("m", answer=lambda _: Says(counting(50_000)))
    async with model.serving() as url:
        rows = {"paid": row(url, **PRICED)}
        async with cooking(tmp_path, clock, rows) as (kitchen, store):
            spoken = await kitchen.sampler.ask(kitchen.providers["paid"], RICE)
            await model.wait_for(lambda: model.served[0].state == "cancelled")
            spent = store.ledger.spent(0)

    assert spoken.cut
    assert 4096 * 3 < len(spoken.text) < 4096 * 4
    assert spent == spoken.usd > 0


# --- manners --------------------------------------------------------------------------------------


async def test_private_questions_stay_at_home(tmp_path, clock, capsys):
    (tmp_path / "rice.toml").write_text(
        '[mine]\nask = "vv code of my safe?"\nwords = 3\nprivate = true\nquick = true\n'
        '[rice]\nask = "vv basmati falafel?"\nwords = 3\nquick = true\n'
    )
    home, away = (
        FakeModelServer("m", answer=lambda _: Says("RIGHT")),
        FakeModelServer("m", answer=terse),
    )
    async with home.serving() as one, away.serving() as two:
        rows = {"home": row(one), "away": row(two, local=False, model="m")}
        async with cooking(tmp_path, clock, rows) as (kitchen, _):
            await rice(kitchen, capsys, judge="away")

    assert len([each for each in home.requests if "safe" in each.question]) == 1
    assert len([each for each in home.requests if each.question == "vv basmati falafel?"]) == 1
    assert not [each for each in away.requests if "safe" in each.question]


async def test_a_server_that_is_down_is_not_asked_for_ever(tmp_path, clock, capsys):
    model = FakeModelServer("m", answer=lambda _: ErrorStatus(500))
    async with model.serving() as url, cooking(tmp_path, clock, {"a": row(url)}) as (kitchen, _):
        code, told = await rice(kitchen, capsys)

    assert code == 1
    assert told["models"][0]["asked"] == 5
    assert told["notes"] == [
        f"a/m was given up on after several failures in a row: a {ServerError.summary}"
    ]


async def test_a_machine_at_home_is_asked_one_thing_at_a_time(tmp_path, clock, capsys):
    running = []

    def counted(asked):
        running.append(sum(each.state == "running" for each in model.served))
        return terse(asked)

    model = FakeModelServer("m", answer=counted)
    async with model.serving() as url, cooking(tmp_path, clock, {"a": row(url)}) as (kitchen, _):
        await rice(kitchen, capsys)

    assert running == [1] * 8


async def test_a_judge_has_an_opinion_and_no_vote(tmp_path, clock, capsys):
    wise = FakeModelServer(
        "w",
        answer=lambda asked: Says(
            "WRONG: dogs cannot." if "grapes" in asked.question else "RIGHT, says everybody."
        ),
    )
    model = FakeModelServer("m", answer=terse)
    async with model.serving() as one, wise.serving() as two:
        rows = {"a": row(one), "wise": row(two)}
        async with cooking(tmp_path, clock, rows) as (kitchen, _):
            _, told = await rice(kitchen, capsys, providers=("a",), judge="wise")

    (line,) = told["models"]
    assert (line["passed"], line["judged_right"], line["judged"]) == (6, 7, 8)
    assert told["judge"] == "wise/w"
    assert {each["question"]: each["opinion"] for each in line["answers"]}["grapes"] == (
        "WRONG: dogs cannot."
    )


async def test_a_judge_that_fails_is_told_of(tmp_path, clock, capsys):
    model = FakeModelServer("m", answer=terse)
    async with model.serving() as url, cooking(tmp_path, clock, {"a": row(url)}) as (kitchen, _):
        model.script(*[Says(answer) for answer in TERSE.values()], *[ErrorStatus(401)] * 4)
        _, told = await rice(kitchen, capsys, judge="a")

    assert told["models"][0]["passed"] == 6
    assert told["notes"] == [f"a/m did not judge to the end: a {InvalidKey.summary}"]


async def test_a_prompt_that_is_not_there_is_named_with_those_that_are(tmp_path, clock, capsys):
    async with cooking(tmp_path, clock, {"a": row("http://127.0.0.1:9/v1")}) as (kitchen, _):
        code = await terminal.rice(kitchen, RiceOptions(prompts=("mine.txt",)))

    assert code == 2
    said = capsys.readouterr().err
    assert said == (
        "error: no prompt is at `mine.txt`, and the variants are: examples.txt, rule-only.txt\n"
    )


@pytest.mark.parametrize("wish", [{"providers": ("nobody",)}, {"judge": "nobody/x"}])
async def test_an_unknown_provider_is_named(tmp_path, clock, capsys, wish):
    async with cooking(tmp_path, clock, {"a": row("http://127.0.0.1:9/v1")}) as (kitchen, _):
        code = await terminal.rice(kitchen, RiceOptions(**wish))

    assert code == 2
    assert "no provider is called `nobody`; there are: a" in capsys.readouterr().err


async def test_a_model_other_than_the_providers_own_can_be_named(tmp_path, clock, capsys):
    model = FakeModelServer("own", server_kind="together", answer=terse)
    model.models["org/other"] = "chat"
    async with model.serving() as url:
        rows = {"a": row(url, server_kind="together", model="own")}
        async with cooking(tmp_path, clock, rows) as (kitchen, _):
            _, told = await rice(kitchen, capsys, providers=("a", "a/org/other"))

    assert [each["model"] for each in told["models"]] == ["a/org/other", "a/own"]
    assert {request.model for request in model.requests} == {"own", "org/other"}


async def test_the_terminal_shows_a_table_and_the_failures_in_full(tmp_path, clock, capsys):
    model = FakeModelServer("m", answer=terse)
    async with model.serving() as url, cooking(tmp_path, clock, {"a": row(url)}) as (kitchen, _):
        await terminal.rice(kitchen, RiceOptions(quick=True, repeat=2))

    shown = capsys.readouterr()
    assert "12 of 16 41–93 %" in shown.out
    assert "a/m missed 4 of 16" in shown.out
    assert shown.out.count("says yes, and no would be right") == 1
    assert "Toast." in shown.out
    assert "hint: `--out report.html` lays the answers side by side" in shown.err


# --- the owner's questions ------------------------------------------------------------------------


def test_the_owners_questions_are_added_and_take_the_place_of_shipped_ones(tmp_path):
    own = tmp_path / "rice.toml"
    own.write_text('[rice]\nask = "vv rice?"\nwords = 2\n[tea]\nask = "Tea, please"\n')

    found = questions.gather(own)

    assert len(found) == len(questions.gather(tmp_path / "none")) + 1
    assert found["rice"].ask == "vv rice?"
    assert (found["tea"].concise, found["tea"].kind) == (False, "own")


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("[q", "cannot be read: Expected ']'"),
        ("q = 3", "is no table"),
        ("[q]\nwords = 3", "has no question"),
        ('[q]\nask = "vv"\nwords = 3', "has no question"),
        ('[q]\nask = "vv Peru?"', "does not say how short a vv answer must be"),
        ('[q]\nask = "Peru?"\nleast_word = 3', "`least_word` is not known"),
        ('[q]\nask = "Peru?"\nleast_words = "3"', "`least_words` is of the wrong type"),
        ('[q]\nask = "Peru?"\nleast_words = true', "`least_words` is of the wrong type"),
        ('[q]\nask = "Peru?"\nsays = "maybe"', "`says` is neither yes nor no"),
        ('[q]\nask = "Peru?"\nlanguage = "tlh"', "`language` is not known"),
        ('[q]\nask = "Peru?"\nmatches = "("', "`matches` is no regular expression"),
        ('[q]\nask = "Peru?"\nbefore = ["vv"]', "`before` cannot be read"),
    ],
)
def test_a_wrong_questions_file_is_explained(text, wrong):
    with pytest.raises(InvalidSettings) as caught:
        questions.parse(text, source="mine.toml")

    ((name, said, right),) = caught.value.problems
    assert name.startswith("mine.toml")
    assert said.startswith(wrong)
    assert right
