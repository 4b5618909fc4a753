"""Telegram is told that we have an update only when a power cut can no longer take it away."""

import asyncio
import threading

from ambrosio.bot.disk_sync import DiskSync
from ambrosio.core.errors import StoreFailed
from ambrosio.emulators.model_server.server import Says


def acknowledged(api, update_id):
    return any(call.params.get("offset") == update_id + 1 for call in api.calls_to("getUpdates"))


async def test_an_update_is_acknowledged_when_the_disk_has_it(anna, api, life, model, monkeypatch):
    await api.wait_for(lambda: api.calls_to("getUpdates"))
    released = threading.Event()
    monkeypatch.setattr(life.store.database, "sync", lambda: released.wait(10))
    model.script(Says("Here."))
    await anna.say("question")
    [update] = api.updates.pending
    await anna.wait_text("Here.")
    early = acknowledged(api, update["update_id"])
    released.set()
    await api.wait_for(lambda: acknowledged(api, update["update_id"]))

    assert not early


async def test_a_disk_that_does_not_sync_acknowledges_nothing(anna, api, life, model, monkeypatch):
    await api.wait_for(lambda: api.calls_to("getUpdates"))
    failures = []

    def failing():
        failures.append(1)
        raise StoreFailed("input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(life.store.database, "sync", failing)
        model.script(Says("Here."))
        await anna.say("question")
        [update] = api.updates.pending
        await anna.wait_text("Here.")
        await api.wait_for(lambda: len(failures) >= 3)
        early = acknowledged(api, update["update_id"])
    await api.wait_for(lambda: acknowledged(api, update["update_id"]))
    await life.settled()

    assert not early
    assert [line.text for line in anna.answers] == ["Here."]


async def test_what_is_written_during_a_sync_waits_for_one_more_and_no_longer(store):
    started, released, syncs = threading.Event(), threading.Event(), []

    def slow():
        syncs.append(1)
        started.set()
        released.wait(10)

    store.database.sync = slow
    disk_sync = DiskSync(store)
    running = asyncio.create_task(disk_sync.run())
    first = asyncio.create_task(disk_sync.done())
    await asyncio.to_thread(started.wait)
    for number in range(20):
        store.inbox.receive(1, number, [])
    later = [asyncio.create_task(disk_sync.done()) for _ in range(5)]
    released.set()
    await asyncio.gather(first, *later)
    await disk_sync.done()
    del store.database.sync
    running.cancel()

    assert 2 <= len(syncs) <= 3
