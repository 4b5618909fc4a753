"""The judge tells what is lost, given up, refused, and what came or was paid twice, and why."""

import pytest

from ambrosio.core.messages import Chat, ModelRef, OutgoingMessage, Turn
from ambrosio.core.texts import MAYBE_SENT
from ambrosio.markdown import plain
from ambrosio.store import Lane, NewUpdate, TurnResult

from .judge import Judge
from .people import Sent
from .servers import PaidCall, answer_text

TAG = "q1x"
HERE = Chat(42)


class World:
    """One person and what the bot has done with the message of theirs."""

    def __init__(self, api, store, clock):
        self._api, self._store, self._clock = api, store, clock
        self.seat = api.person(42).private()
        self.kills = []
        self.paid_calls = []

    async def ask(self):
        self.sent = Sent(self.seat, await self.seat.say(f"{TAG}: how long?"), [TAG])

    async def call(self, method, params):
        return await self._api.call(method, params)

    async def say(self, text):
        sent = await self.call("sendMessage", {"chat_id": 42, "text": text})
        return sent["message_id"]

    async def answer(self):
        self.note(await self.say(answer_text(TAG)), self.keep())

    def keep(self):
        turn = Turn(HERE, self.sent.message_id, 42, f"{TAG}: how long?")
        result = TurnResult(turn, answer_text(TAG), None, ModelRef("llama", "m"))
        return self._store.finish(None, (), result)

    def note(self, message_id, turn_id):
        message = OutgoingMessage(HERE, plain(""), turn_id=turn_id)
        self._store.conversations.add_answer_message(message, message_id)

    def kill_after(self, seconds):
        self.kills.append(self._clock() + seconds)
        self._clock.pass_seconds(seconds + 1)

    def pay(self):
        self.paid_calls.append(PaidCall(self._clock(), self._clock()))

    def give_up(self):
        self._store.inbox.receive(1, 8, [NewUpdate(7, HERE, self.sent.message_id, "{}")])
        self._store.inbox.mark_dead(self._store.inbox.claim(Lane(HERE)), "three attempts")

    def report(self):
        judge = Judge(self._api, self._store, self.kills)
        return judge.judge([self.sent], {(TAG, "user", False): self.paid_calls})


@pytest.fixture
async def world(api, store, clock):
    world = World(api, store, clock)
    await world.ask()
    return world


async def answered(world):
    await world.answer()


async def answered_behind_a_line_about_tools(world):
    await world.say("reminder: Friday 27 November 2026, 17:11")
    await world.answer()


async def refused(world):
    await world.say("All models are down. Try again later.")


async def perhaps_missing(world):
    await world.say(MAYBE_SENT)


async def twice_on_the_way(world):
    world.kill_after(0)
    world.kills[-1] += 0.8
    await world.say(answer_text(TAG))
    await world.answer()


async def twice_by_a_kill(world):
    await world.say(answer_text(TAG))
    world.kill_after(0.1)
    await world.answer()


@pytest.mark.parametrize(
    ("happens", "count"),
    [
        (answered, "answered"),
        (answered_behind_a_line_about_tools, "answered"),
        (refused, "refused"),
        (perhaps_missing, "perhaps missing"),
        (twice_by_a_kill, "shown twice"),
        (twice_on_the_way, "shown twice"),
    ],
)
async def test_what_is_no_fault_is_counted(world, happens, count):
    await happens(world)
    report = world.report()

    assert report.faults == []
    assert report.counts[count] == 1


async def lost(_world):
    pass


async def twice_for_nothing(world):
    await twice_by_a_kill(world)
    world.kills.clear()


async def twice_long_before_a_kill(world):
    await world.say(answer_text(TAG))
    world.kill_after(0.6)
    await world.answer()


async def refused_twice(world):
    await refused(world)
    await refused(world)


async def refused_and_answered(world):
    await refused(world)
    await world.answer()


async def given_up(world):
    await world.answer()
    world.give_up()


async def cut(world):
    turn_id = world.keep()
    world.note(await world.say(f"{TAG} begins. {TAG} ends."), turn_id)


async def kept_and_never_sent(world):
    await refused(world)
    world.keep()


async def shown_and_never_kept(world):
    await world.say(answer_text(TAG))


async def paid_again(world):
    await world.answer()
    world.pay()
    world.kill_after(0.6)
    world.pay()


async def answered_with_the_button_of_another(world):
    await world.answer()
    markup = {"inline_keyboard": [[{"text": "Longer", "callback_data": "longer:77"}]]}
    params = {"chat_id": 42, "message_id": world.seat.last.message_id, "reply_markup": markup}
    await world.call("editMessageReplyMarkup", params)


@pytest.mark.parametrize(
    ("happens", "fault"),
    [
        (lost, "1 of 42 have no answer and no refusal"),
        (twice_for_nothing, "q1x of 42 came twice"),
        (twice_long_before_a_kill, "q1x of 42 came twice"),
        (refused_twice, "a refusal of 42 came twice"),
        (refused_and_answered, "a refusal of 42 came twice"),
        (given_up, "was given up"),
        (cut, "the answer to q1x is not whole"),
        (kept_and_never_sent, "have answers that were never sent"),
        (shown_and_never_kept, "q1x is in the turns"),
        (paid_again, "q1x (user) was paid again"),
        (answered_with_the_button_of_another, "has the button of turn 77"),
    ],
)
async def test_a_fault_is_told(world, happens, fault):
    await happens(world)

    assert any(fault in line for line in world.report().faults)
