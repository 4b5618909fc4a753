"""Those who share go together; who is alone waits for them and comes before later ones."""

import asyncio

import pytest

from ambrosio.bot.shared_lock import SharedLock


async def settle():
    for _ in range(5):
        await asyncio.sleep(0)


class Crowd:
    """Some tasks that ask for a lock in an order, and who holds it."""

    def __init__(self, group):
        self._group, self._lock = group, SharedLock()
        self._ends = {}
        self.inside = []
        self.waited = {}

    async def enter(self, name):
        self._ends[name] = asyncio.Event()
        task = self._group.create_task(self._hold(name))
        await settle()
        return task

    async def leave(self, name):
        self._ends[name].set()
        await settle()

    async def _hold(self, name):
        lock = self._lock.alone() if name.isupper() else self._lock.shared()
        async with lock as self.waited[name]:
            self.inside.append(name)
            try:
                await self._ends[name].wait()
            finally:
                self.inside.remove(name)


@pytest.mark.parametrize(
    ("steps", "inside"),
    [
        ("a b c", "abc"),
        ("A b c", "A"),
        ("A b c -A", "bc"),
        ("a B c", "a"),
        ("a B c -a", "B"),
        ("a B c -a -B", "c"),
        ("A B c -A", "B"),
        ("a b C -a", "b"),
        ("a b C -a -b", "C"),
    ],
)
async def test_who_holds_it(steps, inside):
    async with asyncio.TaskGroup() as group:
        crowd, names = Crowd(group), []
        for step in steps.split():
            if step.startswith("-"):
                await crowd.leave(step[1:])
            else:
                names.append(step)
                await crowd.enter(step)
        held = sorted(crowd.inside)
        for name in names:
            await crowd.leave(name)

    assert held == sorted(inside)


async def test_it_says_whether_it_had_to_be_waited_for():
    async with asyncio.TaskGroup() as group:
        crowd = Crowd(group)
        for name in "aBc":
            await crowd.enter(name)
        for name in "aBc":
            await crowd.leave(name)

    assert crowd.waited == {"a": False, "B": True, "c": True}


@pytest.mark.parametrize("cancelled", ["B", "A"])
async def test_who_gives_up_holds_up_nobody(cancelled):
    async with asyncio.TaskGroup() as group:
        crowd = Crowd(group)
        tasks = {name: await crowd.enter(name) for name in "ABc"}
        tasks[cancelled].cancel()
        await settle()
        await crowd.leave("A" if cancelled == "B" else "B")

        assert crowd.inside == ["c"]
        await crowd.leave("c")
