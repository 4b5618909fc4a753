"""A conversation with a real model: SmolLM2, through the whole bot.

It holds what the bot does and not what the model says. Temperature and seed are fixed, so each
run gets the same answers on the same machine.
"""

import asyncio
import os
import signal
from contextlib import asynccontextmanager

import pytest

from ambrosio.core.messages import Chat
from ambrosio.llama.toy_model import find_toy

from ..support.real_model import DETERMINISTIC, REAL_MODEL
from ..support.running_bot import OWNER, running_bot
from ..support.running_llama import LOG

pytestmark = [*REAL_MODEL, pytest.mark.long]
# Small, so that a few turns fill it.
WINDOW = 1024
BELLA = 43
WAIT_SECONDS = 90
FALAFEL = "vv jasmin or basmati rice with falafel?"


class RealModel:
    """The model behind a running bot: what it is sent, and what its process does."""

    def __init__(self, life):
        self.life, self.sent = life, []
        self.provider = life.assistant.router.providers["llama"]
        self._stream, self.provider.stream = self.provider.stream, self._recorded
        self.limit(24)

    def _recorded(self, context, **options):
        self.sent.append([(line.role, line.content) for line in context.messages])
        return self._stream(context, **options)

    def limit(self, tokens):
        """Let an ordinary answer have so many tokens, and use them all, if need be in circles.

        With 0, the server decides.
        """
        extra = {**DETERMINISTIC, "repeat_penalty": 1.0}
        extra |= {"max_tokens": tokens} if tokens else {}
        self.provider.config = self.provider.config.model_copy(update={"extra_body": extra})

    @property
    def server(self):
        return self.provider.ensure_ready.func.__self__

    async def ready(self):
        async with asyncio.timeout(WAIT_SECONDS):
            while self.server.status.state != "ready":
                await self.server.changed.wait()

    async def idle(self):
        """Wait until it computes nothing."""
        async with asyncio.timeout(WAIT_SECONDS):
            # The server has no event to wait for.
            while await self._computes():  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    async def _computes(self):
        root = self.server.address.url.removesuffix("/v1")
        headers = {"Authorization": f"Bearer {self.server.address.key}", "Connection": "close"}
        response = await self.provider.http.get(f"{root}/slots", headers=headers)
        return any(slot["is_processing"] for slot in response.json())


async def pass_time(clock):
    """Let the bot's clock go on as the real one does."""
    while True:
        await asyncio.sleep(0.05)
        clock.pass_seconds(0.05)


async def ask(person, text, **options):
    """Say something and return the answer."""
    await person.say(text, **options)
    return await person.wait_answer(seconds=WAIT_SECONDS)


def is_short(answer):
    """Say whether an answer is, whatever notes are below it."""
    return len(answer.text.partition("\n\n")[0].split()) <= 6


async def wait_for_words(person, since):
    """Wait until some of an answer is shown, in a draft after the first `since` ones.

    It may be gone by now: the bot's clock runs ahead while something sleeps.
    """
    await person.wait_until(
        lambda: any(len(draft.text.split()) > 8 for draft in person.drafts[since:]),
        f"no words of an answer, in {len(person.drafts) - since} drafts",
        WAIT_SECONDS,
    )


async def test_a_whole_conversation_with_a_real_model(api, anna, telegram_url, tmp_path, clock):
    bella = api.person(BELLA, "Bella").private()

    async def unhurried(seconds):
        # The model takes the time that it really takes.
        clock.pass_seconds(seconds)
        await asyncio.sleep(min(seconds, 0.05))

    @asynccontextmanager
    async def bot():
        given = {
            "llama_gguf": str(find_toy()),
            "llama_context": WINDOW,
            # The other tests keep the other core busy.
            "llama_threads": 1,
            "ambrosio_owner": frozenset({OWNER, BELLA}),
        }
        async with running_bot(api, telegram_url, tmp_path, sleep=unhurried, **given) as life:
            model = RealModel(life)
            await model.ready()
            # Else the limit on previews, so many in a second, would stay reached.
            passing = asyncio.create_task(pass_time(clock))
            yield model
            passing.cancel()

    async with bot() as model:
        short = await is_short_and_then_longer(anna, model)
        await is_edited_in_place(anna, model)
        await goes_on_from_an_older_answer(anna, model, short)
        await stops_computing(anna, model, tmp_path)
        await serves_two_chats(anna, bella)
        await stays_private(anna, model)
        await loses_the_oldest_turns(anna, model)
        await survives_a_kill(anna, model)

    async with bot() as model:
        await remembers_after_a_restart(anna, model)
        await comes_to_an_end(bella, model)
    assert api.violations == []


async def is_short_and_then_longer(anna, model):
    plain = await ask(anna, "How do I cook rice?")
    short = await ask(anna, FALAFEL)
    await anna.press("Longer")
    longer = await anna.wait_answer(after=short.message_id, seconds=WAIT_SECONDS)

    assert is_short(short)
    assert "\n" not in short.text
    assert short.buttons == ("Longer",)
    # An ordinary answer ends at the limit that the server was given.
    for answer in (plain, longer):
        assert len(answer.text.split()) > 10
    assert model.sent[-1][-1][1].endswith(FALAFEL.removeprefix("vv "))
    return short


async def is_edited_in_place(anna, model):
    number = await anna.say("vv capital of France?")
    first = await anna.wait_answer(seconds=WAIT_SECONDS)
    await anna.edit(number, "vv capital of Italy?")
    await anna.wait_until(
        lambda: "capital of Italy?" in model.sent[-1][-1][1], "not asked again", WAIT_SECONDS
    )
    await model.life.settled()

    edited = next(line for line in anna.answers if line.message_id == first.message_id)
    assert edited.text != first.text
    assert anna.answers[-1].message_id == first.message_id


async def goes_on_from_an_older_answer(anna, model, short):
    answer = await ask(anna, "vv and with curry?", reply_to=short.message_id)

    asked = "\n".join(content for _, content in model.sent[-1])
    assert "falafel" in asked
    assert "Italy" not in asked
    assert answer.buttons == ("Longer",)


async def stops_computing(anna, model, folder):
    model.limit(600)
    drafts = len(anna.drafts)
    await anna.say("Tell me a long story about a baker who cannot sleep.")
    await wait_for_words(anna, drafts)
    await anna.say("/stop")
    answer = await anna.wait_answer(seconds=WAIT_SECONDS)
    await model.idle()
    model.limit(24)

    assert answer.text.endswith("Stopped.")
    assert "stop processing" in (folder / LOG).read_text()


async def loses_the_oldest_turns(anna, model):
    # Each digit is a token, which no estimate by length knows: the server refuses it.
    await ask(anna, f"Remember this: {'7' * 300}")
    answer = await ask(anna, f"Remember this too: {'3' * 500}")
    too_long = await ask(anna, f"What is this? {'5' * 1500}")
    after = await ask(anna, "vv capital of Peru?")

    assert "I no longer see its first" in answer.text
    assert "too long" in too_long.text
    assert is_short(after)


async def serves_two_chats(anna, bella):
    await asyncio.gather(anna.say("vv capital of Spain?"), bella.say("vv capital of Japan?"))
    answers = [await person.wait_answer(seconds=WAIT_SECONDS) for person in (anna, bella)]

    assert all(is_short(answer) for answer in answers)
    assert answers[0].text != answers[1].text
    assert len(bella.rings) == 1


async def stays_private(anna, model):
    await ask(anna, "/private on")
    await ask(anna, "vv is a rash on the arm dangerous?")
    await ask(anna, "/private off")
    await ask(anna, "vv capital of Chile?")

    assert "rash" in model.sent[-2][-1][1]
    assert all("rash" not in content for _, content in model.sent[-1])


async def survives_a_kill(anna, model):
    # After vv questions the model may be short of itself.
    await ask(anna, "/new")
    model.limit(600)
    before, starts = model.server.pid, model.server.starts
    drafts = len(anna.drafts)
    await anna.say("Tell me a long story about a baker who cannot sleep.")
    await wait_for_words(anna, drafts)
    model.limit(24)
    os.kill(before, signal.SIGKILL)
    answer = await anna.wait_answer(seconds=WAIT_SECONDS)
    await model.ready()
    after = await ask(anna, "vv capital of Italy?")
    await model.life.settled()

    assert model.server.starts == starts + 1
    assert answer.text.strip()
    assert is_short(after)


async def remembers_after_a_restart(anna, model):
    answer = await ask(anna, "vv and of Portugal?")
    state = model.life.store.chats.state(Chat(OWNER))

    assert any("Italy" in content for _, content in model.sent[-1])
    assert is_short(answer)
    assert len(model.life.store.conversations.history(state.latest_turn_id)) > 1


async def comes_to_an_end(bella, model):
    """A model so small would wander off for minutes."""
    model.limit(0)
    answer = await ask(bella, "Tell me a long story about a baker who cannot sleep.")

    assert "the answer reached its length limit" in answer.text
    assert 50 < len(answer.text.split()) < 250
