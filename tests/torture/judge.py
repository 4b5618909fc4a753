"""What became of every message: one answer, one refusal, or a fault.

What came twice is a fault unless a kill fell into the moment in which it cannot be helped: between
Telegram's acceptance, or the end of a paid answer, and our note of it.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from sqlite3 import Row

from ambrosio.bot.callback_data import decode
from ambrosio.bot.streaming import STOP
from ambrosio.core.texts import MAYBE_SENT
from ambrosio.emulators.botapi.api import BotApi
from ambrosio.emulators.botapi.chats import ShownMessage, buttons
from ambrosio.emulators.botapi.users import UserChat
from ambrosio.store import Store

from .people import TAG, Sent
from .servers import TOOL_ROUND, CallKey, PaidCall, answer_text

# A kill explains a second copy only if it came so soon after the first: as long as it takes to note
# it on a busy machine. Each case is in the report with its milliseconds.
WINDOW_SECONDS = 0.5
# What was on its way when the process was killed may be accepted after that.
ON_THE_WAY_SECONDS = 1.0
# What begins the bot's other messages in a private chat, besides answers and refusals.
ZONE_QUESTION = "Is it "
# What begins the line about tools, which is a message of its own before a very long paragraph.
TOOL_LINES = ("reminder: ", "calculated: ")


@dataclass
class Report:
    """The counts, and what must not be: one line a fault."""

    counts: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    windows: list[float] = field(default_factory=list)
    paid_windows: list[float] = field(default_factory=list)
    # What came twice, one line each.
    copies: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        rows = [f"{name:32}{number:>8}" for name, number in self.counts.items()]
        for name, windows in (("shown", self.windows), ("paid", self.paid_windows)):
            if windows:
                milliseconds = ", ".join(f"{seconds * 1000:.0f}" for seconds in sorted(windows))
                rows.append(f"twice {name}: the kill came after {milliseconds} ms")
        rows += self.copies
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
        self._screens: dict[tuple[int, int], list[ShownMessage]] = {}
        rows = self._read("SELECT * FROM answer_messages")
        self._noted = {(row["chat_id"], row["message_id"]): row["turn_id"] for row in rows}
        rows = self._read("SELECT * FROM turns")
        self._turns = {row["id"]: row for row in rows}
        # Lines that stand for what may be missing: killed twice while it was on its way.
        self._notices: Counter[int] = Counter()
        self._may_be_unnoted = 0

    def judge(
        self, sent: Sequence[Sent], paid_calls: Mapping[CallKey, Sequence[PaidCall]]
    ) -> Report:
        counts = self._report.counts
        counts["kills"], counts["messages"] = len(self._kills), len(sent)
        for seat in _seats(sent):
            self._notices[seat.id] += sum(line.text == MAYBE_SENT for line in self._screen(seat))
        self._may_be_unnoted = self._notices.total()
        refused: Counter[int] = Counter()
        for message in sent:
            counts[f"  {message.kind}"] += 1
            if message.kind != "reminder" and not self._judge_question(message):
                refused[message.seat.id] += 1
            if message.kind in {"reminder", "order"}:
                self._judge_reminder(message)
        for seat in _seats(sent):
            self._judge_refusals(seat, refused[seat.id])
        self._judge_store()
        self._judge_buttons()
        self._judge_ledger(sent, paid_calls)
        counts["shown twice"] = len(self._report.windows)
        counts["paid twice"] = len(self._report.paid_windows)
        return self._report

    # --- one message ------------------------------------------------------------------------------

    def _judge_question(self, sent: Sent) -> bool:
        """Judge the answers to a question in all its versions; False if it has none."""
        shown = self._lines(sent.seat, f"{sent.tag} ends.")
        self._report.counts["answered"] += bool(shown)
        if shown:
            self._check_history(sent, shown)
            self._check_copies(sent.tag, sent.seat, shown, expected=1 + sent.presses[sent.tag])
            self._check_whole(sent, shown)
        for tag in sent.tags[:-1]:
            # An edit replaces what it finds, but not the short answer beside a longer one; and what
            # the bot does not know of stays.
            old = self._lines(sent.seat, f"{tag} ends.")
            self._check_copies(tag, sent.seat, old, expected=sent.presses[tag])
        if sent.kind == "voice" and shown:
            quotes = [
                line
                for line in self._lines(sent.seat, f"{sent.tag}: ")
                if "ends." not in line.text and "begins." not in line.text
            ]
            self._check_copies(f"the transcript of {sent.tag}", sent.seat, quotes, expected=1)
            if not quotes:
                self._fault(f"the transcript of {sent.tag} was not shown")
        return bool(shown)

    def _check_whole(self, sent: Sent, shown: Sequence[ShownMessage]) -> None:
        """Check that all of the answer is there, and count the previews that were left."""
        begun = self._lines(sent.seat, f"{sent.tag} begins.")
        text = "".join(line.text for line in self._screen(sent.seat))
        if len(shown) == 1 and not all(word in text for word in answer_text(sent.tag).split()):
            self._fault(f"the answer to {sent.tag} is not whole")
        if not begun:
            self._fault(f"the answer to {sent.tag} has no beginning")
        self._report.counts["previews left"] += max(0, len(begun) - len(shown))

    def _check_history(self, sent: Sent, shown: Sequence[ShownMessage]) -> None:
        known = {
            turn["id"]
            for turn in self._turns.values()
            if turn["chat_id"] == sent.seat.id and f"{sent.tag} ends." in (turn["answer"] or "")
        }
        noted = [self._noted.get((sent.seat.id, line.message_id)) for line in shown]
        most = 1 + sent.presses[sent.tag]
        if not 1 <= len(known & set(noted)) <= most and not self._notices[sent.seat.id]:
            self._fault(f"{sent.tag} is in the turns {known}, and shown as those of {noted}")

    def _check_copies(
        self, what: str, seat: UserChat, shown: Sequence[ShownMessage], *, expected: int
    ) -> None:
        """Explain every copy too many by a kill that came right after it."""
        windows = []
        # The last one is what was sent again.
        for line in shown[: len(shown) - bool(expected)]:
            at = self._accepted_at.get((seat.id, line.message_id), 0.0)
            after = [kill - at for kill in self._kills if kill >= at - ON_THE_WAY_SECONDS]
            windows.append(
                (min(after, key=abs, default=float("inf")), line.buttons == (STOP.text,))
            )
        surplus = sorted(windows, key=lambda window: abs(window[0]))
        for window, is_preview in surplus[: max(0, len(shown) - expected)]:
            if window > WINDOW_SECONDS:
                self._fault(f"{what} of {seat.id} came twice, and the kill {window:.2f} s later")
            else:
                self._report.windows.append(window)
                kind = "a preview of " if is_preview else ""
                self._report.copies.append(f"twice: {kind}{what} of {seat.id}")

    def _judge_reminder(self, sent: Sent) -> None:
        """Check that a reminder was shown back once, and sent once when it was due."""
        rows = self._read(
            "SELECT * FROM reminders WHERE chat_id = ? AND message_id = ?",
            sent.seat.id,
            sent.message_id,
        )
        asked = self._lines(sent.seat, f"?\n{sent.tag}")
        back, due = (
            self._lines(sent.seat, f":\n{sent.tag}"),
            self._lines(sent.seat, f"⏰ {sent.tag}"),
        )
        self._report.counts["reminders sent"] += bool(due)
        expected = [("shown back", [*asked, *back])] if rows else []
        # What was only proposed is not sent.
        expected += [("due", due)] if rows and not asked else []
        for what, lines in expected:
            self._check_copies(f"the reminder {sent.tag}, {what},", sent.seat, lines, expected=1)
            if not lines and self._notices[sent.seat.id]:
                self._notices[sent.seat.id] -= 1
                self._report.counts["perhaps missing"] += 1
            elif not lines:
                self._fault(f"the reminder {sent.tag} of {sent.seat.id} was never {what}")
        if (not rows or asked) and due:
            self._fault(f"the reminder {sent.tag} was sent, and nobody wanted it")
        if not rows and sent.kind == "reminder":
            self._fault(f"the reminder {sent.tag} was never made")

    # --- refusals ---------------------------------------------------------------------------------

    def _judge_refusals(self, seat: UserChat, unanswered: int) -> None:
        """Check that there is one plain line for each message without an answer, and no more."""
        lines = [line for line in self._screen(seat) if self._is_refusal(line)]
        plain = [line for line in lines if line.text != MAYBE_SENT]
        perhaps = max(0, min(self._notices[seat.id], unanswered - len(plain)))
        self._report.counts["refused"] += min(unanswered, len(plain))
        self._report.counts["perhaps missing"] += perhaps
        if unanswered > len(plain) + perhaps:
            missing = unanswered - len(plain) - perhaps
            self._fault(f"{missing} of {seat.id} have no answer and no refusal")
        spare = len(plain) + perhaps - unanswered
        self._check_copies("a refusal", seat, plain, expected=len(plain) - max(0, spare))

    def _is_refusal(self, line: ShownMessage) -> bool:
        return (
            not TAG.search(line.text)
            and not line.text.startswith((ZONE_QUESTION, *TOOL_LINES))
            and bool(line.text)
        )

    # --- the database -----------------------------------------------------------------------------

    def _judge_store(self) -> None:
        for what, sql in (
            ("waits in the inbox", "SELECT * FROM inbox WHERE state = 'new'"),
            ("was given up", "SELECT * FROM inbox WHERE state = 'dead'"),
            ("waits in the outbox", "SELECT * FROM outbox"),
            ("is a reminder that is late", "SELECT * FROM reminders WHERE due_at IS NOT NULL"),
        ):
            for row in self._read(sql):
                self._fault(f"{dict(row)} {what}")
        noted = set(self._noted.values())
        unsent = [
            turn["id"]
            for turn in self._turns.values()
            if turn["answer"] is not None
            and turn["id"] not in noted
            and not self._is_replaced(turn)
        ]
        if len(unsent) > self._may_be_unnoted:
            self._fault(f"the turns {unsent} have answers that were never sent")
        [(verdict,)] = self._read("PRAGMA integrity_check")
        if verdict != "ok":
            self._fault(f"the database: {verdict}")

    def _judge_buttons(self) -> None:
        """Check that no message has the buttons of another, and count what was left of previews."""
        for chat in self._api.state.chats.values():
            for message in chat.messages.values():
                noted = self._noted.get((chat.id, message["message_id"]))
                for button in buttons(message):
                    action, arg = decode(button["callback_data"])
                    self._report.counts["Stop buttons left"] += action == STOP.action
                    if action == "longer" and noted is not None and arg != str(noted):
                        self._fault(f"the answer of turn {noted} has the button of turn {arg}")

    def _is_replaced(self, turn: Row) -> bool:
        """Say whether a newer turn has taken over the messages of this one."""
        return any(
            newer["id"] > turn["id"]
            and (newer["chat_id"], newer["message_id"]) == (turn["chat_id"], turn["message_id"])
            for newer in self._turns.values()
        )

    # --- money ------------------------------------------------------------------------------------

    def _judge_ledger(
        self, sent: Sequence[Sent], paid_calls: Mapping[CallKey, Sequence[PaidCall]]
    ) -> None:
        """Check that each paid call has its row, and that none was made again for nothing."""
        rows = self._read("SELECT * FROM ledger WHERE provider = 'together'")
        made = sum(map(len, paid_calls.values()))
        self._report.counts["paid calls"] = made
        if len(rows) < made:
            self._fault(f"{made} paid calls, and {len(rows)} of them in the ledger")
        for (tag, part, concise), calls in paid_calls.items():
            if part == TOOL_ROUND:
                # A turn that was interrupted runs again, with its tools.
                self._report.counts["rounds of tools again"] += len(calls) - 1
                continue
            for call, following in pairwise(calls):
                if call.sent_at is not None:
                    what = f"{tag} ({part}{', concise' * concise})"
                    self._check_paid_again(what, call, following, call.sent_at)

    def _check_paid_again(
        self, what: str, call: PaidCall, following: PaidCall, sent_at: float
    ) -> None:
        # What the bot has sent before a kill may be read after it.
        begun_at = call.asked_at - WINDOW_SECONDS
        kills = [kill for kill in self._kills if begun_at <= kill <= following.asked_at]
        window = min(kills, default=float("inf")) - sent_at
        if window > WINDOW_SECONDS:
            self._fault(f"{what} was paid again, and the kill came {window:.2f} s after the answer")
        elif window > 0:
            # A kill before all was sent explains it, too.
            self._report.paid_windows.append(window)

    # --- reading ----------------------------------------------------------------------------------

    def _screen(self, seat: UserChat) -> list[ShownMessage]:
        key = (seat.id, id(seat))
        if key not in self._screens:
            self._screens[key] = seat.answers
        return self._screens[key]

    def _lines(self, seat: UserChat, text: str) -> list[ShownMessage]:
        return [line for line in self._screen(seat) if text in line.text]

    def _read(self, sql: str, *args: object) -> list[Row]:
        return self._store.database.read(sql, *args)

    def _fault(self, line: str) -> None:
        self._report.faults.append(line)


def _seats(sent: Iterable[Sent]) -> list[UserChat]:
    """List the seats that have sent something, each once."""
    return list({id(message.seat): message.seat for message in sent}.values())
