"""/compare: everybody's answers one under another, each as soon as it is there."""

import asyncio
import re

import pytest

from ambrosio.emulators.model_server.server import (
    ErrorStatus,
    FakeModelServer,
    Holds,
    Says,
    StallsAfter,
)

from ..support.running_bot import running_bot

GO_ON = ("Continue with this one",)


@pytest.fixture
async def cloud():
    return FakeModelServer(model="openai/gpt-oss-120b", server_kind="together")


@pytest.fixture
async def house(api, telegram_url, tmp_path, model_url, cloud):
    """Run with a provider at home and a dearer one outside."""
    async with cloud.serving() as url:
        (tmp_path / "ambrosio.toml").write_text(
            f'[providers.together]\nbase_url = "{url}"\nlocal = false\nserver_kind = "together"\n'
            'model = "openai/gpt-oss-120b"\ninput_usd = 0.15\noutput_usd = 0.6\n'
        )
        async with running_bot(api, telegram_url, tmp_path, llama_base_url=model_url) as life:
            yield life
    assert api.violations == []


async def test_a_comparison_shows_everybody_and_goes_on_with_one(anna, model, cloud, house):
    model.script(Says("Rayleigh."))
    cloud.script(Says("Scattering."), Says("Fine."))
    await anna.say("/compare why is the sky blue?")
    one = await anna.wait_text("Rayleigh.")
    two = await anna.wait_text("Scattering.")
    await anna.press("Continue with this one", one.message_id)
    model.script(Says("Welcome."))
    await anna.say("thanks")
    await anna.wait_text("Welcome.")

    assert re.search(r"llama · default · \d+\.\d s · \d+ tokens? · free", one.text)
    assert re.search(
        r"together · openai/gpt-oss-120b · \d+\.\d s · \d+ tokens? · < \$0.0001", two.text
    )
    assert model.requests[-1].messages[1:] == (
        ("user", "why is the sky blue?"),
        ("assistant", "Rayleigh."),
        ("user", "thanks"),
    )


async def test_a_comparison_that_nobody_chose_from_leaves_no_trace(anna, model, cloud, house):
    await anna.say("/compare why?")
    await house.settled()
    await anna.say("hello")
    await house.settled()

    assert model.requests[-1].messages[1:] == (("user", "hello"),)


async def test_stop_ends_all_of_a_comparison(anna, model, cloud, house):
    model.script(StallsAfter("Ray"))
    cloud.script(StallsAfter("Scat"))
    await anna.say("/compare why?")
    await model.wait_for(lambda: model.served[0].words)
    await cloud.wait_for(lambda: cloud.served[0].words)
    await anna.say("/stop")
    await house.settled()

    assert len([line for line in anna.answers if "Stopped." in line.text]) >= 1


async def test_in_private_only_those_at_home_are_compared(anna, model, cloud, house):
    await anna.say("/private on")
    await house.settled()
    await anna.say("/compare why?")
    await house.settled()

    assert len(model.requests) == 1
    assert cloud.requests == []
    assert anna.last.text.endswith(
        "This is private and there is only one local model, so there is nothing to compare. "
        "To compare it with the others, turn private mode off with /private off."
    )


async def test_each_answer_is_shown_as_soon_as_it_is_there(anna, api, model, cloud, house):
    held = asyncio.Event()
    model.script(Holds("Rayleigh.", held))
    cloud.script(Says("Scattering."))
    await anna.say("/compare why is the sky blue?")
    first = await anna.wait_text("Scattering.")
    waiting = await anna.wait_draft("Asking llama…")
    await anna.press("Continue with this one", first.message_id)
    alone = [line.text for line in anna.answers]
    held.set()
    second = await anna.wait_text("Rayleigh.")
    await house.settled()

    assert len(alone) == 1
    assert waiting == "Asking llama…"
    assert (first.buttons, second.buttons) == (GO_ON, GO_ON)
    assert second.message_id > first.message_id
    assert anna.rings == [first.text]
    assert anna.draft is None
    assert {(account.provider, account.calls) for account in house.store.ledger.usage(0)} == {
        ("llama", 1),
        ("together", 1),
    }


async def test_who_fails_is_told_in_a_line_among_the_others(anna, model, cloud, house):
    model.answer = lambda _: ErrorStatus(401)
    cloud.script(Says("Scattering."))
    await anna.say("/compare why is the sky blue?")
    await anna.wait_text("Scattering.")
    line = await anna.wait_text("Set a valid one")
    await house.settled()

    assert line.text == "llama rejected the API key. Set a valid one."
    assert line.buttons == ()


async def test_an_edited_comparison_takes_the_place_of_what_it_was(anna, model, cloud, house):
    number = await anna.say("/compare why is the sky blue?")
    await house.settled()
    before = [line.message_id for line in anna.answers]
    model.script(Says("Iron."))
    cloud.script(Says(" ".join(f"oxide{number}" for number in range(900))))
    await anna.edit(number, "/compare why is Mars red?")
    await house.settled()
    grown = [line.message_id for line in anna.answers]
    model.script(Says("Sulphur."))
    cloud.script(Says("Clouds."))
    await anna.edit(number, "/compare why is Venus white?")
    await house.settled()

    after = {line.message_id: line for line in anna.answers if "is" not in line.text}
    assert sorted(after) == before
    assert len(grown) > len(before) == 2
    assert sorted(line.text.split("\n")[0] for line in after.values()) == ["Clouds.", "Sulphur."]
    assert {line.buttons for line in after.values()} == {GO_ON}


async def test_a_comparison_edited_back_is_made_anew(anna, model, cloud, house):
    number = await anna.say("/compare red?")
    await house.settled()
    await anna.edit(number, "/compare blue?")
    await house.settled()
    await anna.edit(number, "/compare red?")
    await house.settled()
    await anna.edit(number, "/compare red?")
    await house.settled()

    assert [asked.question for asked in cloud.requests] == ["red?", "blue?", "red?"]
    assert len(anna.answers) == 2


async def test_a_comparison_edited_while_it_is_made_answers_only_the_edit(
    anna, model, cloud, house
):
    held = asyncio.Event()
    model.script(Holds("Rayleigh.", held), Says("Iron."))
    cloud.script(Says("Scattering."), Says("Oxide."))
    number = await anna.say("/compare why is the sky blue?")
    await anna.wait_text("Scattering.")
    await anna.edit(number, "/compare why is Mars red?")
    await anna.wait_text("Iron.")
    await house.settled()

    shown = sorted(line.text.split("\n")[0] for line in anna.answers)
    assert shown == ["Iron.", "Oxide."]
    assert len(house.store.ledger.usage(0)) == 2


async def test_in_a_group_it_shows_whom_it_waits_for_and_tidies_up(api, anna, model, cloud, house):
    group = api.group(-1001, "Family")
    owner = api.person(42, "Anna")
    await group.add_bot(owner)
    held = asyncio.Event()
    model.script(Holds("Rayleigh.", held))
    cloud.script(Says("Scattering."))
    seat = group.as_user(owner)
    await seat.say("/compare@ambrosio_bot why is the sky blue?")
    await seat.wait_text("Asking llama")
    held.set()
    await seat.wait_text("Rayleigh.")
    await house.settled()

    assert sorted(line.text.split("\n")[0] for line in seat.answers) == [
        "Rayleigh.",
        "Scattering.",
    ]


async def test_where_there_is_one_model_its_answer_says_that_there_is_nothing_to_compare(
    api, telegram_url, tmp_path, model_url, model, anna
):
    async with running_bot(api, telegram_url, tmp_path, llama_base_url=model_url) as life:
        model.script(Says("Rayleigh."))
        await anna.say("/compare why is the sky blue?")
        shown = await anna.wait_text("Rayleigh.")
        await life.settled()

    assert shown.text.endswith(
        "There is only one model to ask, so there is nothing to compare. "
        "Add another provider to ambrosio.toml."
    )
    assert shown.buttons == GO_ON


async def test_that_the_budget_covers_one_model_only_is_said(
    api, telegram_url, tmp_path, model_url, cloud, anna
):
    async with cloud.serving() as url:
        row = {"base_url": url, "local": False, "model": "m", "input_usd": 5, "output_usd": 9}
        async with running_bot(
            api,
            telegram_url,
            tmp_path,
            llama_base_url=model_url,
            providers={"away": row},
            ambrosio_monthly_budget_usd=0,
        ):
            await anna.say("/compare why?")
            shown = await anna.wait_text("nothing to compare")

    assert "does not cover the other models" in shown.text
    assert cloud.requests == []
