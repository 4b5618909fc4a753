"""What every call of a provider has cost."""

import sqlite3
from dataclasses import dataclass
from decimal import Decimal

from ..core.costs import CallKind, Expense
from .database import Database


@dataclass(frozen=True, slots=True)
class UsageSummary:
    """A day's calls of one kind to one model.

    `day` is an ISO date. `prompt`, `cached` and `completion` are tokens. `usd` sums the
    known prices; `unknown` counts the calls without one, `estimated` those whose tokens are
    guessed.
    """

    day: str
    provider: str
    model: str
    kind: str
    calls: int
    prompt: int
    cached: int
    completion: int
    images: int
    usd: Decimal
    charged_usd: Decimal
    unknown: int
    estimated: int


class Ledger:
    """One row a call."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def spent(self, since: float, user_id: int | None = None) -> Decimal:
        """Sum what counts against the budget since a moment, of one user or of all."""
        rows = self._database.read(
            "SELECT total_usd(charged_usd) AS usd FROM ledger"
            " WHERE at >= ?1 AND (?2 IS NULL OR user_id = ?2) AND charged_usd <> '0'",
            since,
            user_id,
        )
        # The sum of no rows is NULL.
        return Decimal(rows[0]["usd"] or 0)

    def count(self, kind: CallKind, since: float) -> int:
        """Count the calls of one kind since a moment, of all users, however they ended."""
        rows = self._database.read(
            "SELECT count(*) AS calls FROM ledger WHERE kind = ? AND at >= ?", kind, since
        )
        return int(rows[0]["calls"])

    def waive_images(self) -> None:
        """Charge nothing for image orders that a crash has cut off: they run again."""
        with self._database.transaction() as db:
            db.execute(
                "UPDATE ledger SET outcome = 'stopped', usd = '0', charged_usd = '0', images = 0"
                " WHERE outcome = 'open' AND kind = 'image'"
            )

    def usage(
        self, since: float, user_id: int | None = None, *, zone: str = "UTC"
    ) -> list[UsageSummary]:
        """Add up the calls since a moment by day in a time zone, model and kind, oldest first."""
        rows = self._database.read(
            "SELECT local_day(at, ?3) AS day, provider, model, kind, count(*) AS calls,"
            " sum(coalesce(prompt_tokens, 0)) AS prompt, sum(coalesce(cached_tokens, 0)) AS cached,"
            " sum(coalesce(completion_tokens, 0)) AS completion, sum(images) AS images,"
            " total_usd(usd) AS usd,"
            " total_usd(charged_usd) AS charged_usd, sum(usd IS NULL) AS unknown,"
            " sum(estimated) AS estimated FROM ledger"
            " WHERE at >= ?1 AND (?2 IS NULL OR user_id = ?2)"
            " GROUP BY day, provider, model, kind ORDER BY day, provider, model, kind",
            since,
            user_id,
            zone,
        )
        return [_summary(row) for row in rows]

    def enter(self, expense: Expense, call: int | None = None) -> int:
        """Enter a new call, or overwrite the row `call`; return the row's id."""
        usage = expense.usage
        fields: dict[str, object] = {
            "at": self._database.now(),
            "user_id": expense.user_id,
            "provider": expense.ref.provider,
            "model": expense.ref.model,
            "kind": expense.kind,
            "outcome": expense.outcome,
            "prompt_tokens": usage and usage.prompt,
            "cached_tokens": usage and usage.cached,
            "completion_tokens": usage and usage.completion,
            "images": expense.images,
            "usd": None if expense.usd is None else str(expense.usd),
            "charged_usd": str(expense.charge),
            "estimated": expense.estimated,
        }
        with self._database.transaction() as db:
            if call is None:
                names, marks = ", ".join(fields), ", ".join("?" * len(fields))
                statement = f"INSERT INTO ledger ({names}) VALUES ({marks})"  # noqa: S608  our own column names
                return db.execute(statement, [*fields.values()]).lastrowid or 0
            # The user may have been erased from the row meanwhile.
            del fields["at"], fields["user_id"]
            marks = ", ".join(f"{name} = ?" for name in fields)
            db.execute(f"UPDATE ledger SET {marks} WHERE id = ?", [*fields.values(), call])  # noqa: S608
            return call


def _summary(row: sqlite3.Row) -> UsageSummary:
    fields = dict(row)
    fields["usd"], fields["charged_usd"] = Decimal(row["usd"]), Decimal(row["charged_usd"])
    return UsageSummary(**fields)
