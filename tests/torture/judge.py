"""What became of every message: one answer, one refusal, or a fault."""

from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise

from ambrosio.core.texts import MAYBE_SENT
from ambrosio.emulators.botapi.api import BotApi
from ambrosio.emulators.botapi.chats import ShownMessage
from ambrosio.emulators.botapi.users import UserChat
from ambrosio.store import Store

from .people import Sent
from .servers import PaidCall, answer_text

# A kill explains a second copy only if it came within this time of the first.
WINDOW_SECONDS = 1.0


@dataclass
class Report:
    """The counts, and what must not be: one line a fault."""

    counts: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    windows: list[float] = field(default_factory=list)
    paid_windows: list[float] = field(default_factory=list)

    def __str__(self) -> str:
        rows = [f"{name:32}{number:>8}" for name, number in self.counts.items()]
        for name, windows in (("shown", self.windows), ("paid", self.paid_windows)):
            if windows:
                milliseconds = ", ".join(f"{seconds * 1000:.0f}" for seconds in sorted(windows))
                rows.append(f"twice {name}: the kill came after {milliseconds} ms")
        return "\n".join([*rows, *(f"FAULT: {fault}" for fault in self.faults)])


class Judge:
    """Compares what was sent with what is on the screens and in the database."""

    def __init__(self, api: BotApi, store: Store, kills: list[float]) -> None:
        self._api, self._store, self._kills = api, store, kills
        self._report = Report()
        self._accepted_at = {
            (call.params.get("chat_id"), call.result["message_id"]): call.at
            for call in api.calls_to("sendMessage")
            if isinstance(call.result, dict)
        }
        rows = store.database.read("SELECT * FROM answer_messages")
        self._notices = Counter(
            chat.id
            for chat in api.state.chats.values()
            for line in chat.screen()
            if line.text == MAYBE_SENT
        )
        self._may_be_unnoted = self._notices.total()
        self._noted = {(row["chat_id"], row["message_id"]): row["turn_id"] for row in rows}

    def judge(self, sent: list[Sent], paid_calls: dict[str, list[PaidCall]]) -> Report:
        counts = self._report.counts
        counts["kills"] = len(self._kills)
        counts["messages"] = len(sent)
        for message in sent:
            if message.kind == "reminder":
                self._judge_reminder(message)
            else:
                self._judge_question(message)
        self._judge_store()
        self._judge_ledger(sent, paid_calls)
        counts["shown twice"] = len(self._report.windows)
        counts["paid twice"] = len(self._report.paid_windows)
        return self._report

    def _judge_question(self, sent: Sent) -> None:
        shown = [line for line in sent.seat.answers if f"{sent.tag} ends." in line.text]
        begun = [line for line in sent.seat.answers if f"{sent.tag} begins." in line.text]
        self._report.counts["answered"] += bool(shown)
        if shown:
            self._check_history(sent, shown)
            # "Longer" adds a message, and keeps the short one.
            self._check_copies(sent.seat, sent.tag, shown[sent.presses :])
            self._check_parts(sent, begun, shown)
        elif self._is_refused(sent):
            self._report.counts["refused"] += 1
        elif self._notices[sent.seat.id]:
            # Killed twice while it was on its way.
            self._notices[sent.seat.id] -= 1
            self._report.counts["perhaps missing"] += 1
        else:
            self._fault(f"{sent.tags} of {sent.seat.id} has no answer and no refusal")
        for tag in sent.tags[:-1]:
            # An edit replaces what it finds; what the bot does not know of stays.
            old = [line for line in sent.seat.answers if f"{tag} ends." in line.text]
            if old:
                self._check_copies(sent.seat, tag, [*old, *old[:1]])

    def _check_parts(
        self, sent: Sent, begun: list[ShownMessage], shown: list[ShownMessage]
    ) -> None:
        """Check that all of the answer is there, and count the previews that were left."""
        text = "".join(line.text for line in sent.seat.answers)
        words = answer_text(sent.tag).split()
        if len(shown) == 1 and len(begun) == 1 and not all(word in text for word in words):
            self._fault(f"the answer to {sent.tag} is not whole")
        if not begun:
            self._fault(f"the answer to {sent.tag} has no beginning")
        if len(begun) > len(shown):
            self._report.counts["previews left"] += len(begun) - len(shown)

    def _check_history(self, sent: Sent, shown: list[ShownMessage]) -> None:
        turns = self._store.database.read(
            "SELECT id FROM turns WHERE chat_id = ? AND answer LIKE ?",
            sent.seat.id,
            f"%{sent.tag} ends.%",
        )
        noted = [self._noted.get((sent.seat.id, line.message_id)) for line in shown]
        known = {row["id"] for row in turns}
        if len(known & set(noted)) != 1 and not self._notices[sent.seat.id]:
            self._fault(f"{sent.tag} is in the turns {known}, and shown as those of {noted}")

    def _check_copies(self, seat: UserChat, tag: str, shown: list[ShownMessage]) -> None:
        """Explain every copy but the last by a kill that came right after it."""
        for line in shown[:-1]:
            at = self._accepted_at.get((seat.id, line.message_id), 0.0)
            after = [kill - at for kill in self._kills if kill >= at]
            if not after or min(after) > WINDOW_SECONDS:
                self._fault(f"{tag} was shown twice, without a kill in between")
            else:
                self._report.windows.append(min(after))

    def _is_refused(self, sent: Sent) -> bool:
        turns = self._store.database.read(
            "SELECT id FROM turns WHERE chat_id = ? AND message_id = ? AND answer IS NULL",
            sent.seat.id,
            sent.message_id,
        )
        failed = {row["id"] for row in turns}
        shown = [self._noted.get((sent.seat.id, line.message_id)) for line in sent.seat.answers]
        return bool(failed & set(shown))

    def _judge_reminder(self, sent: Sent) -> None:
        for text in (f"⏰ {sent.tag}", f":\n{sent.tag}"):
            shown = [line for line in sent.seat.answers if text in line.text]
            if not shown and self._notices[sent.seat.id]:
                self._notices[sent.seat.id] -= 1
            elif not shown:
                self._fault(f"{text!r} was never sent")
            self._check_copies(sent.seat, sent.tag, shown)
        self._report.counts["reminders"] += 1

    def _judge_store(self) -> None:
        read = self._store.database.read
        for what, sql in (
            ("waits in the inbox", "SELECT * FROM inbox WHERE state = 'new'"),
            ("was given up", "SELECT * FROM inbox WHERE state = 'dead'"),
            ("waits in the outbox", "SELECT * FROM outbox"),
            ("is a reminder that is late", "SELECT * FROM reminders WHERE due_at IS NOT NULL"),
        ):
            for row in read(sql):
                self._fault(f"{dict(row)} {what}")
        answered = [row["id"] for row in read("SELECT id FROM turns WHERE answer IS NOT NULL")]
        unsent = [id_ for id_ in answered if id_ not in self._noted.values()]
        unsent = [id_ for id_ in unsent if not self._is_replaced(id_)]
        if len(unsent) > self._may_be_unnoted:
            self._fault(f"the turns {unsent} have answers that were never sent")
        [(verdict,)] = read("PRAGMA integrity_check")
        if verdict != "ok":
            self._fault(f"the database: {verdict}")

    def _is_replaced(self, turn_id: int) -> bool:
        """Say whether a newer turn has taken over the messages of this one."""
        rows = self._store.database.read(
            "SELECT newer.id FROM turns AS newer JOIN turns AS older"
            " ON newer.chat_id = older.chat_id AND newer.message_id = older.message_id"
            " WHERE older.id = ? AND newer.id > older.id",
            turn_id,
        )
        return bool(rows)

    def _judge_ledger(self, sent: list[Sent], paid_calls: dict[str, list[PaidCall]]) -> None:
        """Check that each paid call has its row, and that none was made again for nothing."""
        rows = self._store.database.read("SELECT * FROM ledger WHERE provider = 'together'")
        made = sum(map(len, paid_calls.values()))
        self._report.counts["paid calls"] = made
        if len(rows) < made:
            self._fault(f"{made} paid calls, and {len(rows)} of them in the ledger")
        presses = {message.tag: message.presses for message in sent}
        for tag, calls in paid_calls.items():
            for call, following in pairwise(calls):
                if call.sent_at is not None:
                    self._check_paid_again(tag, call, following, presses.get(tag, 0))

    def _check_paid_again(
        self, tag: str, call: PaidCall, following: PaidCall, presses: int
    ) -> None:
        sent_at = call.sent_at or 0.0
        kills = [kill for kill in self._kills if call.asked_at <= kill <= following.asked_at]
        if kills and min(kills) < sent_at + WINDOW_SECONDS:
            # One that came before all was sent explains it, too.
            self._report.paid_windows += [min(kills) - sent_at] if min(kills) > sent_at else []
        elif not presses:
            self._fault(f"{tag} was paid again, without a kill in between")

    def _fault(self, line: str) -> None:
        self._report.faults.append(line)
