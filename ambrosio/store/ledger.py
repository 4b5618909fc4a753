"""What every call of a provider has cost."""

import sqlite3
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from ..messages import ModelRef, Usage
from .database import Database

Kind = Literal["chat", "image", "speech"]


@dataclass(frozen=True, slots=True)
class Expense:
    """One call of a provider; `usd` is None when its price is not known.

    `counts_usd` is what then counts against the budget in its place, and `estimated` says that the
    usage is a guess, since the server did not count.
    """

    person: int
    ref: ModelRef
    usage: Usage | None
    usd: Decimal | None
    counts_usd: Decimal | None = None
    kind: Kind = "chat"
    estimated: bool = False
    outcome: str = "done"
    pictures: int = 0
    megapixels: float = 0.0


@dataclass(frozen=True, slots=True)
class Account:
    """What a day's calls of one kind at one model have come to; `usd` is what is known of it."""

    day: str
    provider: str
    model: str
    kind: str
    calls: int
    prompt: int
    cached: int
    completion: int
    usd: Decimal
    counts_usd: Decimal
    unknown: int
    estimated: int


class Ledger(Database):
    """One row a call."""

    def spent(self, since: float, person: int | None = None) -> Decimal:
        """Sum what counts against the budget since a moment, of one person or of all."""
        found = self._read(
            "SELECT total_usd(counts_usd) AS usd FROM ledger"
            " WHERE at >= ?1 AND (?2 IS NULL OR person = ?2)",
            since,
            person,
        )
        # Of no rows at all the sum is NULL.
        return Decimal(found[0]["usd"] or 0)

    def accounts(self, since: float, person: int | None = None) -> list[Account]:
        """Add the calls since a moment up by day (of UTC), model and kind, oldest first."""
        found = self._read(
            "SELECT date(at, 'unixepoch') AS day, provider, model, kind, count(*) AS calls,"
            " sum(coalesce(prompt, 0)) AS prompt, sum(coalesce(cached, 0)) AS cached,"
            " sum(coalesce(completion, 0)) AS completion, total_usd(usd) AS usd,"
            " total_usd(counts_usd) AS counts_usd, sum(usd IS NULL) AS unknown,"
            " sum(estimated) AS estimated FROM ledger"
            " WHERE at >= ?1 AND (?2 IS NULL OR person = ?2)"
            " GROUP BY day, provider, model, kind ORDER BY day, provider, model, kind",
            since,
            person,
        )
        return [_account(row) for row in found]

    def charge(self, *expenses: Expense) -> None:
        """Enter calls that came to nothing else that is kept."""
        with self._writing() as db:
            for expense in expenses:
                self._charge(db, expense)

    def _charge(self, db: sqlite3.Connection, expense: Expense) -> None:
        usage, usd, counts = expense.usage, expense.usd, expense.counts_usd
        fields: dict[str, object] = {
            "at": self._now(),
            "person": expense.person,
            "provider": expense.ref.provider,
            "model": expense.ref.model,
            "prompt": usage and usage.prompt,
            "cached": usage and usage.cached,
            "completion": usage and usage.completion,
            "usd": None if usd is None else str(usd),
            "counts_usd": str(counts if counts is not None else usd or 0),
            "kind": expense.kind,
            "estimated": expense.estimated,
            "outcome": expense.outcome,
            "pictures": expense.pictures,
            "megapixels": expense.megapixels,
        }
        names, marks = ", ".join(fields), ", ".join("?" * len(fields))
        db.execute(f"INSERT INTO ledger ({names}) VALUES ({marks})", [*fields.values()])  # noqa: S608  our own column names


def _account(row: sqlite3.Row) -> Account:
    fields = dict(row)
    fields["usd"], fields["counts_usd"] = Decimal(row["usd"]), Decimal(row["counts_usd"])
    return Account(**fields)
