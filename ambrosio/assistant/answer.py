"""What came of a turn: the answer, what was used for it, and what it has cost."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from ..core.costs import Expense, sum_usd
from ..core.errors import AmbrosioError
from ..core.messages import AnswerFinished, AnswerStarted, FinishReason, ModelRef, Turn
from ..core.tools import Source, ToolEffect, ToolResult, ToolRound
from ..tools.own_words import SEARCH_NAME

# Results of a search that an answer names, where no page was read.
MAX_SEARCH_SOURCES = 3
# What is said under an answer that ended before its end.
CUT_NOTES: Mapping[FinishReason, str] = {
    FinishReason.LOOP: "Cut here: the model only repeated itself after this.",
    FinishReason.LENGTH: "Cut off here: the answer reached its length limit.",
    FinishReason.FILTER: "Cut off here by the provider's content filter.",
    FinishReason.SERVER: "Cut off here: the server ended the answer early.",
}


@dataclass(slots=True)
class Answer:
    """The result of a turn: the text, or the failure shown instead, and how it ended.

    It is `unread` if the failure kept the files of its question from being read, so that another
    attempt must begin with the message itself. `only_one` says why there is nothing to compare.
    """

    turn: Turn
    text: str = ""
    reasoning: str = ""
    started: AnswerStarted | None = None
    finished: AnswerFinished | None = None
    stopped: bool = False
    failure: AmbrosioError | None = None
    expenses: list[Expense] = field(default_factory=list)
    seconds: float = 0.0
    rounds: tuple[ToolRound, ...] = ()
    read_outside: bool = False
    unread: bool = False
    only_one: AmbrosioError | None = None

    @property
    def ref(self) -> ModelRef | None:
        """The provider and model that answered."""
        source = self.finished or self.started
        return source.ref if source else None

    @property
    def usd(self) -> Decimal | None:
        """What it has cost; None if a price is not known or no provider was asked."""
        return sum_usd(self.expenses)

    @property
    def lines(self) -> list[str]:
        """What tools were used for, a line each."""
        return [result.line for result in self._results if result.line]

    @property
    def sources(self) -> list[Source]:
        """What the answer is from: the pages that were read, else the first results of a search."""
        read: list[Source] = []
        searched: list[Source] = []
        for one in self.rounds:
            for call, result in zip(one.calls, one.results, strict=True):
                (searched if call.name == SEARCH_NAME else read).extend(result.sources)
        return list(dict.fromkeys(read or searched[:MAX_SEARCH_SOURCES]))

    @property
    def effects(self) -> list[ToolEffect]:
        """What is to be done with the answer; nothing of what was stopped."""
        if self.stopped:
            return []
        return [effect for result in self._results for effect in result.effects]

    @property
    def _results(self) -> list[ToolResult]:
        return [result for one in self.rounds for result in one.results]

    @property
    def can_continue(self) -> bool:
        """Whether it ended before its end and there is more to be had."""
        reason = self.finished.finish_reason if self.finished else None
        is_cut = self.stopped or reason in {FinishReason.LENGTH, FinishReason.SERVER}
        return is_cut and not self.failure and bool(self.text.strip())

    @property
    def cut_note(self) -> str:
        """Why it ended before its end; "" if it did not."""
        return CUT_NOTES.get(self.finished.finish_reason, "") if self.finished else ""
