"""What every call of a provider has cost."""

import sqlite3
from dataclasses import dataclass
from decimal import Decimal

from ..core.costs import Expense
from .database import Database


@dataclass(frozen=True, slots=True)
class UsageSummary:
    """What a day's calls of one kind at one model have come to; `usd` is what is known of it."""

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


class Ledger(Database):
    """One row a call."""

    def spent(self, since: float, user_id: int | None = None) -> Decimal:
        """Sum what counts against the budget since a moment, of one person or of all."""
        found = self._read(
            "SELECT total_usd(counts_usd) AS usd FROM ledger"
            " WHERE at >= ?1 AND (?2 IS NULL OR person = ?2) AND counts_usd <> '0'",
            since,
            user_id,
        )
        # Of no rows at all the sum is NULL.
        return Decimal(found[0]["usd"] or 0)

    def waive_images(self) -> None:
        """Charge nothing for orders that a crash has cut off: they are given again."""
        with self._writing() as db:
            db.execute(
                "UPDATE ledger SET outcome = 'stopped', usd = '0', counts_usd = '0', pictures = 0"
                " WHERE outcome = 'open' AND kind = 'image'"
            )

    def usage(self, since: float, person: int | None = None) -> list[UsageSummary]:
        """Add the calls since a moment up by day (of UTC), model and kind, oldest first."""
        found = self._read(
            "SELECT date(at, 'unixepoch') AS day, provider, model, kind, count(*) AS calls,"
            " sum(coalesce(prompt, 0)) AS prompt, sum(coalesce(cached, 0)) AS cached,"
            " sum(coalesce(completion, 0)) AS completion, sum(pictures) AS images,"
            " total_usd(usd) AS usd,"
            " total_usd(counts_usd) AS charged_usd, sum(usd IS NULL) AS unknown,"
            " sum(estimated) AS estimated FROM ledger"
            " WHERE at >= ?1 AND (?2 IS NULL OR person = ?2)"
            " GROUP BY day, provider, model, kind ORDER BY day, provider, model, kind",
            since,
            person,
        )
        return [_account(row) for row in found]

    def enter(self, expense: Expense, call: int | None = None) -> int:
        """Enter a call, or what one that is there has come to; give its number."""
        usage = expense.usage
        fields: dict[str, object] = {
            "at": self._now(),
            "person": expense.user_id,
            "provider": expense.ref.provider,
            "model": expense.ref.model,
            "prompt": usage and usage.prompt,
            "cached": usage and usage.cached,
            "completion": usage and usage.completion,
            "usd": None if expense.usd is None else str(expense.usd),
            "counts_usd": str(expense.charge),
            "kind": expense.kind,
            "estimated": expense.estimated,
            "outcome": expense.outcome,
            "pictures": expense.images,
            "megapixels": expense.megapixels,
        }
        with self._writing() as db:
            if call is None:
                names, marks = ", ".join(fields), ", ".join("?" * len(fields))
                statement = f"INSERT INTO ledger ({names}) VALUES ({marks})"  # noqa: S608  our own column names
                return db.execute(statement, [*fields.values()]).lastrowid or 0
            # Whose it was, and when, may have been forgotten meanwhile.
            del fields["at"], fields["person"]
            marks = ", ".join(f"{name} = ?" for name in fields)
            db.execute(f"UPDATE ledger SET {marks} WHERE id = ?", [*fields.values(), call])  # noqa: S608
            return call


def _account(row: sqlite3.Row) -> UsageSummary:
    fields = dict(row)
    fields["usd"], fields["charged_usd"] = Decimal(row["usd"]), Decimal(row["charged_usd"])
    return UsageSummary(**fields)
