"""Whole runs against different model servers, with the results counted by hand."""

import asyncio
import json
from contextlib import asynccontextmanager
from decimal import Decimal

import httpx
import pytest

from ambrosio.app import open_app
from ambrosio.cli.rice import RiceContext, RiceOptions, _variants, run_rice_test
from ambrosio.config import prompts, settings
from ambrosio.config.provider import ProviderConfig
from ambrosio.core.errors import InvalidSettings, NoProvider
from ambrosio.core.provider_errors import InvalidKey, ServerError
from ambrosio.core.vv import MAX_CONCISE_TOKENS
from ambrosio.emulators.model_server.server import ErrorStatus, FakeModelServer, Says, StallsBefore
from ambrosio.providers.openai_compatible import OpenAIProvider
from ambrosio.rice import questions, runner
from ambrosio.rice.sampler import Sample, Sampler
from ambrosio.router import CompletionRequest

# A word that identifies each quick question, and an answer: six are good, two are not.
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


def terse(request):
    return Says(next(answer for word, answer in TERSE.items() if word in request.question))


def talkative(request):
    """Answer one question with one word, the others with 12, an introduction and good wishes."""
    lecture = "Great question! That depends on many things, my friend. Hope this helps!"
    return Says("Lima" if "Peru" in request.question else lecture)


def flaky(request):
    """Answer the first, third, fifth and seventh of the quick questions."""
    fails = ["Peru", "folder", "grapes", "breakfast"]
    return ErrorStatus(500) if any(word in request.question for word in fails) else terse(request)


def row(url, **fields):
    return ProviderConfig(base_url=url, first_token_timeout_seconds=30, **fields)


@asynccontextmanager
async def rice_context(folder, clock, providers, **overrides):
    loaded = settings.load(folder, ambrosio_data_dir=folder, **overrides)
    route = {"ambrosio_route": tuple(providers), "providers": providers}
    loaded = loaded.model_copy(update=route)
    async with open_app(loaded, now=clock, sleep=clock.sleep) as app:
        sampler = Sampler(app.assistant.router, now=clock)
        tested = {name: app.providers[name] for name in providers}
        yield RiceContext(sampler, tested, prompts.read("system.txt"), folder, clock), app.store


async def run_json(context, capsys, **options):
    code = await run_rice_test(context, RiceOptions(json=True, **{"quick": True, **options}))
    return code, json.loads(capsys.readouterr().out)


async def test_three_different_servers_are_scored(tmp_path, clock, capsys):
    brief, chatty, failing = (
        FakeModelServer(name, answer=answer)
        for name, answer in (("a", terse), ("b", talkative), ("c", flaky))
    )
    async with brief.serving() as one, chatty.serving() as two, failing.serving() as three:
        rows = {"brief": row(one), "chatty": row(two), "flaky": row(three, model="named")}
        async with rice_context(tmp_path, clock, rows) as (context, _):
            code, report = await run_json(context, capsys, out=tmp_path / "r.html")

    found = {row["model"]: row for row in report["models"]}
    assert code == 0
    assert report["questions"] == 8
    assert list(found) == ["brief/a", "flaky/named", "chatty/b"]
    assert [found[name]["passed"] for name in found] == [6, 4, 1]
    assert [found[name]["asked"] for name in found] == [8, 8, 8]
    assert [found[name]["failed"] for name in found] == [0, 4, 0]
    assert [found[name]["median_words"] for name in found] == [1, 1.5, 12]
    assert found["brief/a"]["interval"] == [0.4093, 0.9285]
    assert {row["usd_per_question"] for row in found.values()} == {0}
    assert [found[name]["right_length"] for name in found] == [8, 4, 1]
    assert [found[name]["right_content"] for name in found] == [6, 4, 1]
    (lima,) = (each for each in found["chatty/b"]["answers"] if each["question"] == "peru")
    assert (lima["right_length"], lima["right_content"], lima["usd"]) == (True, True, 0)
    missed = {answer["question"]: answer["failed_checks"] for answer in found["brief/a"]["answers"]}
    assert missed.pop("grapes") == ["says: says yes instead of no"]
    assert missed.pop("breakfast") == ["unsure: does not admit that it cannot know"]
    assert not any(missed.values())
    failed = [answer for answer in found["flaky/named"]["answers"] if not answer["passed"]]
    assert {answer["failed_checks"][0] for answer in failed} == {
        f"failure: flaky {ServerError.summary}"
    }
    # The router asks twice where it failed, as it does for a turn.
    assert [len(server.requests) for server in (brief, chatty, failing)] == [8, 8, 12]
    assert (tmp_path / "r.html").read_text().count('class="answer') == 3 * 8 + 8


async def test_the_wording_is_compared_with_worked_exchanges(tmp_path, clock, capsys):
    def follows_examples(request):
        return Says("Lima" if len(request.messages) > 2 else "Lima is the capital of Peru. " * 9)

    (tmp_path / "rice.toml").write_text('[mine]\nask = "vv capital?"\nmax_words = 5\n')
    model = FakeModelServer("m", answer=follows_examples)
    async with (
        model.serving() as url,
        rice_context(tmp_path, clock, {"llama": row(url)}) as (context, _),
    ):
        _, report = await run_json(context, capsys, exchanges="both")

    found = {each["prompt"]: each for each in report["models"]}
    assert [each["right_length"] for each in found.values()] == [8, 0]
    assert list(found) == ["shipped, with exchanges", "shipped, without exchanges"]
    bare = [request for request in model.requests if len(request.messages) == 2]
    assert len(bare) == 8
    assert {request.max_tokens for request in bare} == {MAX_CONCISE_TOKENS}


async def test_a_question_is_asked_like_a_turn(tmp_path, clock, capsys):
    (tmp_path / "rice.toml").write_text(
        '[why]\nask = "Why is that so?"\nmin_words = 9\nquick = true\n'
        'before = [{ ask = "vv rice?", answer = "Basmati." }]\n'
    )
    model = FakeModelServer(answer=lambda _: Says("Basmati."))
    async with model.serving() as url:
        rows = {"llama": row(url, server_kind="llama")}
        async with rice_context(tmp_path, clock, rows) as (context, _):
            await run_json(context, capsys)

    requests = {request.question: request for request in model.requests}
    first = requests["vv jasmin or basmati rice with falafel?"]
    assert first.messages[0] == ("system", prompts.read("system.txt"))
    assert (first.temperature, first.max_tokens) == (0, 218)
    (ordinary,) = (each for each in model.requests if each.question.endswith("Why is that so?"))
    assert ("user", "vv:\n\n- rice? → Basmati.") in ordinary.messages
    assert ordinary.max_tokens is None


async def test_prompts_are_compared_with_and_without_the_reminder(tmp_path, clock, capsys):
    def obeys_reminders(request):
        return terse(request) if "As concise" in request.question else talkative(request)

    (tmp_path / "mine.txt").write_text("Be brief.")
    model = FakeModelServer("m", answer=obeys_reminders)
    async with (
        model.serving() as url,
        rice_context(tmp_path, clock, {"a": row(url)}) as (context, _),
    ):
        _, report = await run_json(context, capsys, prompts=(str(tmp_path / "mine.txt"),))

    passed = {row["prompt"]: row["passed"] for row in report["models"]}
    assert passed == {
        "shipped, without reminder": 1,
        "shipped, with reminder": 6,
        "mine.txt, without reminder": 1,
        "mine.txt, with reminder": 6,
    }
    against_first = {comparison["prompt"]: comparison for comparison in report["comparisons"]}
    assert len(against_first["mine.txt, with reminder"]["gained"]) == 5
    assert against_first["mine.txt, with reminder"]["lost"] == []
    assert against_first["mine.txt, with reminder"]["p"] == 0.0625
    assert against_first["mine.txt, without reminder"]["conclusion"] == "makes no clear difference"
    systems = {request.messages[0][1] for request in model.requests}
    assert systems == {"Be brief.", prompts.read("system.txt")}


@pytest.mark.parametrize("name", ["rule-only.txt", "examples.txt"])
def test_shipped_variants_are_found_by_name(name):
    (first, second) = _variants("x", RiceOptions(prompts=(name,), reminder="off"))

    assert first.name == "shipped"
    assert "vv" in second.system_prompt


# --- resuming -------------------------------------------------------------------------------------


async def test_an_interrupted_run_is_resumed(tmp_path, clock, capsys):
    model = FakeModelServer(answer=terse)
    async with (
        model.serving() as url,
        rice_context(tmp_path, clock, {"a": row(url)}) as (context, _),
    ):
        model.script(*[Says(TERSE[word]) for word in ("falafel", "Peru", "oven")], StallsBefore())
        broken = asyncio.ensure_future(run_json(context, capsys))
        await model.wait_for(lambda: len(model.requests) == 4)
        broken.cancel()
        with pytest.raises(asyncio.CancelledError):
            await broken
        unfinished = tmp_path / "rice" / "unfinished.jsonl"
        with unfinished.open("a") as file:
            file.write('{"key": ["torn')

        _, report = await run_json(context, capsys)

    assert len(model.requests) == 4 + 5
    assert report["models"][0]["passed"] == 6
    assert not unfinished.exists()
    assert len(list((tmp_path / "rice").glob("2*.jsonl"))) == 1


async def test_after_a_finished_run_everything_is_asked_again(tmp_path, clock, capsys):
    model = FakeModelServer(answer=terse)
    async with (
        model.serving() as url,
        rice_context(tmp_path, clock, {"a": row(url)}) as (context, _),
    ):
        await run_json(context, capsys)
        await run_json(context, capsys)

    assert len(model.requests) == 16


def test_failures_are_retried_and_other_runs_keep_their_answers(tmp_path):
    records = runner.TrialRecords(tmp_path)
    mine, other, failed = (
        runner.TrialResult((name, "m", "d", 1), "shipped", Sample(**fields))
        for name, fields in (
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


def test_the_key_depends_on_what_is_sent_and_not_on_the_checks():
    known = questions.parse_questions('[q]\nask = "vv Peru?"\nmax_words = 3', source="x")["q"]
    laxer = questions.parse_questions('[q]\nask = "vv Peru?"\nmax_words = 9', source="x")["q"]
    other = questions.parse_questions('[q]\nask = "vv Chile?"\nmax_words = 3', source="x")["q"]
    contestant = runner.Contestant(
        OpenAIProvider("m", row("http://127.0.0.1:9/v1"), httpx.AsyncClient(verify=False))
    )

    def key(question, system="s", reminder=None):
        return runner.Trial(question, contestant, runner.PromptVariant("w", system, reminder)).key

    assert key(known) == key(laxer)
    assert len({key(known), key(other), key(known, "t"), key(known, reminder=True)}) == 4


# --- money ----------------------------------------------------------------------------------------

REQUEST = CompletionRequest("", (), "Rice?")
PRICED = {"local": False, "model": "m", "input_usd": Decimal(0), "output_usd": Decimal(1)}


def numbered_words(words):
    """A text without repetition, which the loop guard does not stop."""
    return " ".join(f"rice{number}" for number in range(words))


async def test_the_last_call_does_not_exceed_the_budget(tmp_path, clock, capsys):
    model = FakeModelServer("m", answer=lambda _: Says(numbered_words(600)))
    # A call may cost 8,192 micro-dollars and costs far less, but its worst case must fit.
    ceiling = Decimal("0.0096")
    async with model.serving() as url:
        rows = {"paid": row(url, **PRICED)}
        budget = {"ambrosio_monthly_budget_usd": ceiling}
        async with rice_context(tmp_path, clock, rows, **budget) as (context, store):
            _, report = await run_json(context, capsys)
            spent = store.ledger.spent(0)

    assert 1 < len(model.requests) < 8
    assert 0 < spent < ceiling
    assert report["notes"] == ["paid/m was not asked everything: the month's budget is used up."]
    assert (tmp_path / "rice" / "unfinished.jsonl").exists()


@pytest.mark.parametrize(
    ("ceiling", "prices"), [("0", PRICED), ("5", {"local": False, "model": "m"})]
)
async def test_no_budget_or_an_unknown_price_sends_no_requests(
    tmp_path, clock, capsys, ceiling, prices
):
    model = FakeModelServer("m", answer=terse)
    async with model.serving() as url:
        budget = {"ambrosio_monthly_budget_usd": Decimal(ceiling)}
        async with rice_context(tmp_path, clock, {"paid": row(url, **prices)}, **budget) as (
            context,
            _,
        ):
            code, report = await run_json(context, capsys)

    assert (code, report["models"], model.requests) == (1, [], [])


async def test_a_paid_call_does_not_wait_for_free_ones(tmp_path, clock, capsys):
    local, remote = (
        FakeModelServer("h", answer=lambda _: StallsBefore()),
        FakeModelServer("m", answer=terse),
    )
    async with local.serving() as one, remote.serving() as two:
        rows = {"local": row(one), "paid": row(two, **PRICED)}
        budget = {"ambrosio_monthly_budget_usd": Decimal(0)}
        async with rice_context(tmp_path, clock, rows, **budget) as (context, _):
            waiting = asyncio.ensure_future(
                context.sampler.sample(context.providers["local"], REQUEST)
            )
            await local.wait_for(lambda: local.requests)
            with pytest.raises(NoProvider):
                await context.sampler.sample(context.providers["paid"], REQUEST)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting

    assert remote.requests == []


async def test_every_call_is_in_the_ledger(tmp_path, clock, capsys):
    model = FakeModelServer("m", answer=terse)
    async with model.serving() as url:
        rows = {"paid": row(url, **PRICED)}
        async with rice_context(tmp_path, clock, rows) as (context, store):
            _, report = await run_json(context, capsys)
            spent = store.ledger.spent(0)

    assert spent > 0
    assert report["models"][0]["usd_per_question"] == pytest.approx(float(spent) / 8)


async def test_an_endless_answer_is_cut_off_and_charged(tmp_path, clock):
    model = FakeModelServer("m", answer=lambda _: Says(numbered_words(50_000)))
    async with model.serving() as url:
        rows = {"paid": row(url, **PRICED)}
        async with rice_context(tmp_path, clock, rows) as (context, store):
            sample = await context.sampler.sample(context.providers["paid"], REQUEST)
            await model.wait_for(lambda: model.served[0].state == "cancelled")
            spent = store.ledger.spent(0)

    assert sample.cut
    assert 4000 * 3 < len(sample.text) < 4096 * 4
    assert spent == sample.usd > 0


# --- asking and judging ---------------------------------------------------------------------------


async def test_local_only_questions_are_not_sent_to_remote_models(tmp_path, clock, capsys):
    (tmp_path / "rice.toml").write_text(
        '[mine]\nask = "vv code of my safe?"\nmax_words = 3\nlocal_only = true\nquick = true\n'
        '[rice]\nask = "vv basmati falafel?"\nmax_words = 3\nquick = true\n'
    )
    local, remote = (
        FakeModelServer("m", answer=lambda _: Says("RIGHT")),
        FakeModelServer("m", answer=terse),
    )
    async with local.serving() as one, remote.serving() as two:
        rows = {"local": row(one), "remote": row(two, local=False, model="m")}
        async with rice_context(tmp_path, clock, rows) as (context, _):
            await run_json(context, capsys, judge="remote")

    asked = [request.question for request in local.requests]
    assert len([question for question in asked if "safe" in question]) == 1
    assert asked.count("vv basmati falafel?") == 1
    assert not [request for request in remote.requests if "safe" in request.question]


async def test_a_failing_model_is_skipped_after_five_failures(tmp_path, clock, capsys):
    model = FakeModelServer("m", answer=lambda _: ErrorStatus(500))
    async with (
        model.serving() as url,
        rice_context(tmp_path, clock, {"a": row(url)}) as (context, _),
    ):
        code, report = await run_json(context, capsys)

    assert code == 1
    assert report["models"][0]["asked"] == 5
    assert report["notes"] == [
        f"a/m was skipped after several failures in a row: a {ServerError.summary}"
    ]


async def test_a_local_server_gets_one_request_at_a_time(tmp_path, clock, capsys):
    running = []

    def count_running(request):
        running.append(sum(served.state == "running" for served in model.served))
        return terse(request)

    model = FakeModelServer("m", answer=count_running)
    async with (
        model.serving() as url,
        rice_context(tmp_path, clock, {"a": row(url)}) as (context, _),
    ):
        await run_json(context, capsys)

    assert running == [1] * 8


async def test_a_judges_verdict_does_not_change_the_score(tmp_path, clock, capsys):
    wise = FakeModelServer(
        "w",
        answer=lambda request: Says(
            "WRONG: dogs cannot." if "grapes" in request.question else "RIGHT, says everybody."
        ),
    )
    model = FakeModelServer("m", answer=terse)
    async with model.serving() as one, wise.serving() as two:
        rows = {"a": row(one), "wise": row(two)}
        async with rice_context(tmp_path, clock, rows) as (context, _):
            _, report = await run_json(context, capsys, providers=("a",), judge="wise")

    (line,) = report["models"]
    assert (line["passed"], line["judged_correct"], line["judged"]) == (6, 7, 8)
    assert report["judge"] == "wise/w"
    assert {answer["question"]: answer["verdict"] for answer in line["answers"]}["grapes"] == (
        "WRONG: dogs cannot."
    )


async def test_a_failing_judge_is_reported(tmp_path, clock, capsys):
    model = FakeModelServer("m", answer=terse)
    async with (
        model.serving() as url,
        rice_context(tmp_path, clock, {"a": row(url)}) as (context, _),
    ):
        model.script(*[Says(answer) for answer in TERSE.values()], *[ErrorStatus(401)] * 4)
        _, report = await run_json(context, capsys, judge="a")

    assert report["models"][0]["passed"] == 6
    assert report["notes"] == [f"a/m did not judge every answer: a {InvalidKey.summary}"]


async def test_a_missing_prompt_is_reported_with_the_shipped_ones(tmp_path, clock, capsys):
    async with rice_context(tmp_path, clock, {"a": row("http://127.0.0.1:9/v1")}) as (context, _):
        code = await run_rice_test(context, RiceOptions(prompts=("mine.txt",)))

    assert code == 2
    assert capsys.readouterr().err == (
        "error: cannot read the prompt `mine.txt`; shipped ones: examples.txt, rule-only.txt\n"
    )


@pytest.mark.parametrize("options", [{"providers": ("nobody",)}, {"judge": "nobody/x"}])
async def test_an_unknown_provider_is_reported(tmp_path, clock, capsys, options):
    async with rice_context(tmp_path, clock, {"a": row("http://127.0.0.1:9/v1")}) as (context, _):
        code = await run_rice_test(context, RiceOptions(**options))

    assert code == 2
    assert "no provider is called `nobody`; choose from: a" in capsys.readouterr().err


async def test_another_model_of_a_provider_can_be_chosen(tmp_path, clock, capsys):
    model = FakeModelServer("own", server_kind="together", answer=terse)
    model.models["org/other"] = "chat"
    async with model.serving() as url:
        rows = {"a": row(url, server_kind="together", model="own")}
        async with rice_context(tmp_path, clock, rows) as (context, _):
            _, report = await run_json(context, capsys, providers=("a", "a/org/other"))

    assert [row["model"] for row in report["models"]] == ["a/org/other", "a/own"]
    assert {request.model for request in model.requests} == {"own", "org/other"}


async def test_the_terminal_shows_a_table_and_all_failures(tmp_path, clock, capsys):
    model = FakeModelServer("m", answer=terse)
    async with (
        model.serving() as url,
        rice_context(tmp_path, clock, {"a": row(url)}) as (context, _),
    ):
        await run_rice_test(context, RiceOptions(quick=True, repeat=2))

    shown = capsys.readouterr()
    assert "12 of 16 41–93 %" in shown.out
    assert "a/m missed 4 of 16" in shown.out
    assert shown.out.count("says yes instead of no") == 1
    assert "Toast." in shown.out
    assert "hint: add `--out report.html` to see all answers side by side" in shown.err


# --- the owner's questions ------------------------------------------------------------------------


def test_the_owners_questions_add_to_and_replace_shipped_ones(tmp_path):
    own = tmp_path / "rice.toml"
    own.write_text('[rice]\nask = "vv rice?"\nmax_words = 2\n[tea]\nask = "Tea, please"\n')

    found = questions.load_questions(own)

    assert len(found) == len(questions.load_questions(tmp_path / "none")) + 1
    assert found["rice"].ask == "vv rice?"
    assert (found["tea"].concise, found["tea"].kind) == (False, "own")


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("[q", "cannot be read: Expected ']'"),
        ("q = 3", "is not a table"),
        ("[q]\nmax_words = 3", "has no question"),
        ('[q]\nask = "vv"\nmax_words = 3', "has no question"),
        ('[q]\nask = "vv Peru?"', "does not say how short a vv answer must be"),
        ('[q]\nask = "Peru?"\nmin_word = 3', "`min_word` is not a known key"),
        ('[q]\nask = "Peru?"\nmin_words = "3"', "`min_words` has the wrong type"),
        ('[q]\nask = "Peru?"\nmin_words = true', "`min_words` has the wrong type"),
        ('[q]\nask = "Peru?"\nsays = "maybe"', "`says` is neither yes nor no"),
        ('[q]\nask = "Peru?"\nlanguage = "tlh"', "`language` is not known"),
        ('[q]\nask = "Peru?"\nmatches = "("', "`matches` is not a valid regular expression"),
        ('[q]\nask = "Peru?"\nbefore = ["vv"]', "`before` is not valid"),
    ],
)
def test_an_invalid_questions_file_is_explained(text, wrong):
    with pytest.raises(InvalidSettings) as caught:
        questions.parse_questions(text, source="mine.toml")

    ((name, problem, expected),) = caught.value.problems
    assert name.startswith("mine.toml")
    assert problem.startswith(wrong)
    assert expected
