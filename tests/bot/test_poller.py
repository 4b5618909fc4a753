"""Nothing that Telegram was told we have is lost, and the loop neither dies nor spins."""

import asyncio
from contextlib import contextmanager

import pytest

from ambrosio.bot import poller
from ambrosio.cli import process
from ambrosio.core.errors import InvalidBotToken, PollingConflict, StoreFailed
from ambrosio.core.messages import Chat
from ambrosio.emulators.botapi.http import serve_bot_api
from ambrosio.emulators.model_server.server import FakeModelServer, Holds, Says
from ambrosio.store import Store

from ..support.running_bot import running_bot


def polls(api):
    return len(api.calls_to("getUpdates"))


@pytest.mark.usefixtures("life")
class TestTrouble:
    @pytest.mark.parametrize("code", [401, 404, 409, 400, 500, 502])
    async def test_one_bad_answer_does_not_end_the_polling(self, anna, api, code):
        await api.wait_for(lambda: polls(api) == 1)
        api.fail("getUpdates", times=2, code=code)
        await anna.say("first")
        await anna.wait_answer()
        await anna.say("second")

        assert (await anna.wait_answer()).text

    @pytest.mark.parametrize(
        ("break_next", "reason"),
        [
            (lambda api: api.drop("getUpdates"), "Server disconnected without sending a response"),
            (lambda api: api.fail("getUpdates", code=500, description="Oops"), "Oops"),
        ],
    )
    async def test_the_log_says_what_is_wrong(self, anna, api, caplog, break_next, reason):
        await api.wait_for(lambda: polls(api) == 1)
        break_next(api)
        await anna.say("hello")
        await anna.wait_answer()
        await api.wait_for(lambda: f"no updates: {reason};" in caplog.text)

    async def test_broken_json_does_not_end_the_polling(self, anna, api):
        api.garbage("getUpdates")
        await anna.say("hello")

        assert (await anna.wait_answer()).text

    async def test_a_flood_wait_is_waited_out(self, anna, api, clock):
        began = clock()
        api.flood("getUpdates", retry_after=20, times=1)
        await anna.say("hello")
        await anna.wait_answer()
        await anna.say("again")
        await anna.wait_answer()

        assert clock() - began >= 20

    async def test_numbers_that_start_again_lower_are_taken_up(self, anna, api, model):
        model.script(Says("One."), Says("Two."), Says("Three."))
        await anna.say("first")
        await anna.wait_text("One.")
        # It happens after a week without updates, when all of them are confirmed.
        await api.wait_for(lambda: api.updates.pending == [])
        api.updates.renumber(17)
        await anna.say("second")
        await anna.wait_text("Two.")
        await anna.say("third")
        await anna.wait_text("Three.")

        assert len(anna.answers) == 3
        await api.wait_for(lambda: api.updates.pending == [])

    async def test_the_kinds_of_updates_go_with_every_call(self, anna, api):
        await anna.say("hello")
        await anna.wait_answer()

        kinds = [call.params["allowed_updates"] for call in api.calls_to("getUpdates")]
        assert all("stopped_message_generation" in each for each in kinds)


@contextmanager
def full_disk(store):
    (pages,) = store.database.connection.execute("PRAGMA page_count").fetchone()
    store.database.connection.execute(f"PRAGMA max_page_count = {pages}")
    yield
    store.database.connection.execute("PRAGMA max_page_count = 100000")


async def test_an_update_is_acknowledged_only_when_it_is_safe(api, life, anna):
    with full_disk(life.store):
        await anna.say("😀" * 2000)
        await api.wait_for(lambda: polls(api) >= 3)
        pending = len(api.updates.pending)

    await anna.wait_answer()
    assert pending == 1


async def test_an_answer_outlives_a_full_disk_and_is_not_asked_for_again(anna, life, model):
    held = asyncio.Event()
    model.script(Holds(" ".join(map(str, range(3000))), held))
    await anna.say("question")
    await model.wait_for(lambda: model.served and model.served[0].words)
    with full_disk(life.store):
        held.set()
        await anna.wait_text("the disk")

    await anna.wait_text("2999")
    assert len(model.requests) == 1


@pytest.mark.parametrize("question", ["question", "/compare question"])
async def test_a_disk_that_fails_while_somebody_is_asked_costs_no_attempt(
    anna, life, model, monkeypatch, question
):
    enter, left = life.store.ledger.enter, [StoreFailed("full")] * 4

    def failing(*given):
        if left:
            raise left.pop()
        return enter(*given)

    monkeypatch.setattr(life.store.ledger, "enter", failing)
    model.script(*[Says("Basmati.")] * 5)
    await anna.say(question)

    await anna.wait_text("Basmati.")


async def test_the_second_of_two_with_one_token_says_so_and_ends(api, tmp_path, clock):
    async with serve_bot_api(api) as url:
        first = running_bot(api, url, tmp_path / "a", llama_base_url="http://127.0.0.1:9")
        async with first as life:
            await api.wait_for(lambda: polls(api) == 1)
            clock.pass_seconds(600)
            with pytest.raises(ExceptionGroup) as raised:
                async with running_bot(
                    api, url, tmp_path / "b", llama_base_url="http://127.0.0.1:9"
                ):
                    await asyncio.Event().wait()
            assert not life.task.done()

    assert raised.group_contains(PollingConflict)


async def test_two_in_one_data_folder_are_one_too_many(tmp_path):
    with (
        process.exclusive_lock(tmp_path),
        pytest.raises(PollingConflict),
        process.exclusive_lock(tmp_path),
    ):
        pass


async def test_a_token_that_telegram_does_not_know_ends_it_plainly(api, telegram_url, tmp_path):
    with pytest.raises(ExceptionGroup) as raised:
        async with running_bot(
            api,
            telegram_url,
            tmp_path,
            telegram_bot_token="1:wrongwrongwrongwrongwrong",
            llama_base_url="http://127.0.0.1:9",
        ):
            await asyncio.Event().wait()

    assert raised.group_contains(InvalidBotToken)


async def test_a_stop_in_good_order_leaves_the_rest_for_the_next_start(
    api, telegram_url, tmp_path, anna
):
    model = FakeModelServer()
    async with model.serving() as url:
        model.script(Holds("Half", asyncio.Event()))
        async with running_bot(api, telegram_url, tmp_path, llama_base_url=url):
            await anna.say("question")
            await model.wait_for(lambda: model.served and model.served[0].words)
        model.script(Says("The whole."))
        async with running_bot(api, telegram_url, tmp_path, llama_base_url=url) as life:
            await anna.wait_text("The whole.")
            attempts = life.store.database.read("SELECT attempts FROM inbox")

    assert [line.text for line in anna.answers] == ["The whole."]
    assert [row["attempts"] for row in attempts] == [1]


async def test_what_fails_every_time_is_put_aside_and_told(api, telegram_url, tmp_path, anna):
    model = FakeModelServer()
    async with (
        model.serving() as url,
        running_bot(api, telegram_url, tmp_path, llama_base_url=url) as life,
    ):

        async def failing(*_args, **_more):
            raise RuntimeError("a fault of our own")

        life.assistant.answer = failing  # type: ignore[method-assign]  # once, on one object
        await anna.say("poison")
        await anna.wait_text("failed every time")
        del life.assistant.answer
        model.script(Says("Fine."))
        await anna.say("hello")
        await anna.wait_text("Fine.")

    assert len(anna.answers) == 2


async def test_the_offset_belongs_to_one_bot(tmp_path, clock):
    with Store(tmp_path / "a.db", now=clock) as store:
        store.inbox.receive(1, 900, [])

        assert store.inbox.offset(1) == 900
        assert store.inbox.offset(2) is None


@pytest.mark.parametrize(
    ("update", "seen"),
    [
        ({"message": {"message_id": 7, "chat": {"id": 42}}}, [(Chat(42), 7)]),
        ({"edited_message": {"message_id": 7, "chat": {"id": -9}}}, [(Chat(-9), 7)]),
        ({"callback_query": {"message": {"message_id": 7, "chat": {"id": 42}}}}, [(Chat(42), 7)]),
        ({"callback_query": {"data": "x"}}, []),
        ({"message": {"message_id": "7", "chat": {"id": 42}}}, []),
        ({"message": {"message_id": 7, "chat": 42}}, []),
        ({"message": [], "callback_query": None}, []),
        ({"my_chat_member": {"chat": {"id": 42}}}, []),
    ],
)
def test_what_updates_tell_of_message_ids(update, seen):
    assert poller.seen_messages([update]) == seen
