"""A model knows what day it is for the person, and the prompt still only grows."""

from ambrosio.emulators.model_server.server import Says

from ..support.running_bot import OWNER, running_bot


def sent(model):
    """List the messages of each request for an answer, as they were sent."""
    return [
        [message["content"] for message in asked.body["messages"]]
        for asked in model.requests
        if asked.question
    ]


async def test_the_local_time_stands_behind_each_question_and_stays_there(
    api, telegram_url, tmp_path, model, model_url, anna
):
    given = {"llama_base_url": model_url, "ambrosio_zone": "Europe/Berlin"}
    model.answer = lambda _: Says("Tea.")
    async with running_bot(api, telegram_url, tmp_path, **given) as life:
        await anna.say("what day is it?")
        await life.settled()
        api.state.now.pass_seconds(86_400)
        life.store.facts.set_zone(OWNER, "Asia/Tokyo")
        await anna.say("and today?")
        await life.settled()
        await anna.say("vv and now?")
        await life.settled()

    first, second, third = sent(model)
    assert first[1] == "what day is it?\n\n(Fri 2027-01-15 09:00)"
    assert second[:2] == first
    assert second[3].startswith("and today?\n\n(Sat 2027-01-16 17:0")
    assert third[:4] == second
    assert third[-1] == "vv and now?"


async def test_the_time_is_nowhere_but_in_the_prompt(anna, life):
    await anna.say("what day is it?")
    await anna.wait_answer()
    await life.settled()
    (row,) = life.store.database.read("SELECT question, note FROM turns")

    assert (row["question"], row["note"]) == ("what day is it?", "(Fri 2027-01-15 08:00)")
