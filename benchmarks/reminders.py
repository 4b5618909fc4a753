"""Ten thousand reminders in the database: what starting up and one look at the clock cost.

Run it by itself: `python -m benchmarks.reminders`.
"""

import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from ambrosio.core.messages import Chat, OutgoingMessage
from ambrosio.core.reminders import REPEATS, Rule
from ambrosio.core.zones import local_time
from ambrosio.markdown import plain
from ambrosio.store import Reminder, Store

COUNT, PEOPLE = 10_000, 50
NOW = 1_800_000_000.0
YEAR_SECONDS = 365 * 86_400


def report() -> None:
    """Fill a database, measure, and print."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ambrosio.db"
        with Store(path, now=lambda: NOW) as store:
            _fill(store)
        print(f"\n{COUNT:,} reminders of {PEOPLE} people, {path.stat().st_size / 1e6:.1f} MB:")
        _print("opening the database", lambda: Store(path, now=lambda: NOW).__enter__())
        with Store(path, now=lambda: NOW) as store:
            reminders = store.reminders
            _print("looking when the next one is due", reminders.next_due_at)
            _print("one tick without any due", lambda: _tick(store, NOW))
            _print("/reminders of one person", lambda: reminders.waiting(Chat(1), 1))
            day = NOW + YEAR_SECONDS / 2
            due = len(reminders.due(day, COUNT))
            began = time.perf_counter()
            sent = 0
            while (next_due_at := reminders.next_due_at()) is not None and next_due_at <= day:
                sent += len(store.send_due(day, _write))
            seconds = time.perf_counter() - began
            print(f"  {due:,} due at once after half a year: {seconds:.2f} s for all of them")


def _fill(store: Store) -> None:
    dice = random.Random(7)
    with store.database.transaction():
        for number in range(COUNT):
            due = NOW + dice.uniform(60, YEAR_SECONDS)
            person = 1 + number % PEOPLE
            rule = Rule(local_time(due, "Europe/Berlin").replace(tzinfo=None), "Europe/Berlin")
            if number % 4 == 0:
                rule = Rule(rule.local, rule.zone, REPEATS[1 + number // 4 % 5])
            store.reminders.add(
                Reminder(Chat(person), number + 1, person, f"water plant {number}", rule, due)
            )


def _tick(store: Store, now: float) -> None:
    store.reminders.next_due_at()
    store.reminders.drop_sent(now)
    store.reminders.next_due_at()


def _write(reminder: Reminder) -> OutgoingMessage:
    return OutgoingMessage(reminder.chat, plain(reminder.text))


def _print(what: str, work: Callable[[], object]) -> None:
    times = []
    for _ in range(20):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    print(f"  {what}: {sorted(times)[10] * 1000:.2f} ms")


if __name__ == "__main__":
    report()
