"""/rice: eight questions to every model, answered by a message and an HTML report."""

from ambrosio.emulators.model_server.server import FakeModelServer, Says, StallsBefore

from ..rice.test_runner import TERSE, row, terse
from ..support.running_bot import OWNER, running_bot

GUEST = 77


async def test_the_owner_gets_a_message_and_the_report(api, telegram_url, tmp_path):
    one, two = (
        FakeModelServer("a", answer=terse),
        FakeModelServer("b", answer=lambda _: Says("Sure! 42.")),
    )
    anna = api.person(OWNER).private()
    async with one.serving() as first, two.serving() as second:
        rows = {"home": row(first), "other": row(second)}
        overrides = {"ambrosio_route": ("home", "other"), "providers": rows}
        async with running_bot(api, telegram_url, tmp_path, **overrides) as life:
            await anna.say("/rice")
            answer = await anna.wait_text("of 8")
            await life.settled()

    assert "home/a\n6 of 8 right, 1 word," in answer.text
    assert "✗ vv can dogs eat grapes? – “" in answer.text
    assert "”; wanted: no, in at most 8 words\n✗ vv what did I have for breakfast?" in answer.text
    assert "✗ vv capital of Peru? – “Sure! 42.”; wanted: “Lima”, in at most 6 words" in answer.text
    assert answer.text.endswith("… and 5 more, in the report below")
    assert "other/b\n0 of 8 right, 2 words" in answer.text
    assert [len(server.requests) for server in (one, two)] == [8, 8]
    document = next(line for line in anna.screen() if line.document)
    assert document.document == "rice.html"
    sent = next(call for call in api.calls if call.method == "sendDocument")
    file = api.files.get(sent.result["document"]["file_id"])
    assert b"vv jasmin or basmati rice with falafel?" in file.content
    assert len(anna.rings) == 1
    assert api.violations == []


async def test_stop_ends_the_run_and_reports_what_it_has(api, telegram_url, tmp_path):
    model = FakeModelServer("a", answer=terse)
    anna = api.person(OWNER).private()
    model.script(Says(TERSE["falafel"]), Says(TERSE["Peru"]), StallsBefore())
    async with model.serving() as url, running_bot(api, telegram_url, tmp_path, llama_base_url=url):
        await anna.say("/rice")
        await anna.wait_draft("2 of 8 answers")
        await anna.say("/stop")
        answer = await anna.wait_text("of 2")
        await model.wait_for(lambda: model.served[2].state == "cancelled")

    assert "llama/a\n2 of 2" in answer.text
    assert "Stopped. These are the results so far." in answer.text
    assert len(model.requests) == 3


async def test_the_native_stop_button_ends_the_run(api, telegram_url, tmp_path):
    model = FakeModelServer("a", answer=lambda _: StallsBefore())
    anna = api.person(OWNER).private()
    async with model.serving() as url, running_bot(api, telegram_url, tmp_path, llama_base_url=url):
        await anna.say("/rice")
        await api.wait_for(lambda: anna.shown_draft is not None)
        anna.stop_draft()
        answer = await anna.wait_answer()

    assert answer.text.startswith("There are no answers to report.")


async def test_a_guest_cannot_spend_the_owners_money(api, telegram_url, tmp_path):
    model = FakeModelServer("a", answer=terse)
    anna, bea = api.person(OWNER).private(), api.person(GUEST).private()
    async with model.serving() as url, running_bot(api, telegram_url, tmp_path, llama_base_url=url):
        await anna.say("/pair")
        link = (await anna.wait_text("t.me")).text.rsplit("=", 1)[1]
        await bea.say(f"/start {link}")
        await bea.wait_text("Welcome")
        await bea.say("/rice")
        answer = await bea.wait_text("There is no command")

    assert answer.text == "There is no command /rice. /help lists all commands."
    assert model.requests == []


async def test_in_a_local_only_chat_only_local_models_are_asked(api, telegram_url, tmp_path):
    home, away = FakeModelServer("h", answer=terse), FakeModelServer("a", answer=terse)
    anna = api.person(OWNER).private()
    async with home.serving() as first, away.serving() as second:
        rows = {"home": row(first), "away": row(second, local=False, model="a")}
        overrides = {"ambrosio_route": ("home", "away"), "providers": rows}
        async with running_bot(api, telegram_url, tmp_path, **overrides) as life:
            await anna.say("/private on")
            await anna.wait_answer()
            await anna.say("/rice")
            answer = await anna.wait_text("of 8")
            await life.settled()

    assert "home/h" in answer.text
    assert "away" not in answer.text
    assert (len(home.requests), len(away.requests)) == (8, 0)


async def test_a_broken_questions_file_is_explained_in_the_chat(api, telegram_url, tmp_path):
    (tmp_path / "rice.toml").write_text('[mine]\nask = "vv Peru?"\n')
    model = FakeModelServer("a", answer=terse)
    anna = api.person(OWNER).private()
    async with model.serving() as url, running_bot(api, telegram_url, tmp_path, llama_base_url=url):
        await anna.say("/rice")
        answer = await anna.wait_answer()

    assert "does not say how short a vv answer must be" in answer.text
    assert model.requests == []
