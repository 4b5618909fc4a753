"""What every call of a provider has cost."""

import sqlite3
from dataclasses import dataclass
from decimal import Decimal

from ..messages import ModelRef, Usage
from .database import Database


@dataclass(frozen=True, slots=True)
class Expense:
    """What one model was asked for; `usd` is None when its price is not known."""

    person: int
    ref: ModelRef
    usage: Usage | None
    usd: Decimal | None
    pictures: int = 0
    megapixels: float = 0.0


class Ledger(Database):
    """One row a call."""

    def spent(self, since: float) -> Decimal:
        """Sum what was spent since a moment, in US dollars."""
        found = self._read("SELECT usd FROM ledger WHERE at >= ? AND usd IS NOT NULL", since)
        return sum((Decimal(row["usd"]) for row in found), Decimal(0))

    def charge(self, person: int, ref: ModelRef, usage: Usage | None, usd: Decimal | None) -> None:
        """Enter a call that belongs to no turn."""
        with self._writing() as db:
            self._charge(db, Expense(person, ref, usage, usd))

    def _charge(self, db: sqlite3.Connection, expense: Expense) -> None:
        usage = expense.usage
        counts = (usage.prompt, usage.cached, usage.completion) if usage else (None, None, None)
        usd = None if expense.usd is None else str(expense.usd)
        db.execute(
            "INSERT INTO ledger (at, person, provider, model, prompt, cached, completion, usd,"
            " pictures, megapixels) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(self._now(), expense.person, expense.ref.provider, expense.ref.model),
                *(*counts, usd, expense.pictures, expense.megapixels),
            ),
        )
