"""Counts what a call comes to, also when it ends before the server has counted."""

from ..context import Context, estimate
from ..messages import Begun, Delta, Ended, ModelRef, Note, Part, Sent, Usage
from ..money import Expense, Outcome, Tariff


class Meter:
    """Listens to one call for words."""

    def __init__(self, person: int, ref: ModelRef, tariff: Tariff, built: Context) -> None:
        self._person, self._ref, self._tariff = person, ref, tariff
        self._prompt = built.tokens
        self._begun = False
        self._words: list[str] = []
        self._usage: Usage | None = None
        self._wasted: Usage | None = None
        self._outcome: Outcome = "stopped"

    def take(self, part: Part) -> None:
        """Count a piece; what a provider said before it began anew has to be paid as well."""
        match part:
            case Begun():
                self._wasted = self._guess() if self._begun else None
                self._begun, self._ref = True, part.ref
                self._words.clear()
            case Delta():
                self._words += part.text, part.reasoning
            case Ended():
                self._outcome, self._ref, self._usage = "done", part.ref, part.usage
            case Sent() | Note():
                pass

    def fail(self) -> None:
        """Note that the provider did not come to an end."""
        self._outcome = "failed"

    def _guess(self) -> Usage:
        words = "".join(self._words)
        return Usage(self._prompt, estimate(words) if words else 0)

    def expense(self) -> Expense:
        """Say what it costs; a call that failed before its first word costs nothing."""
        usage = self._usage
        if usage is None and (self._begun or self._outcome == "stopped"):
            usage = self._guess()
        estimated = usage is not self._usage or self._wasted is not None
        if usage and self._wasted:
            usage = usage.plus(self._wasted)
        counts = self._tariff.cost(usage or Usage(0, 0))
        return Expense(
            self._person,
            self._ref,
            usage,
            counts if self._tariff.known or usage is None else None,
            counts_usd=counts,
            estimated=estimated,
            outcome=self._outcome,
        )
