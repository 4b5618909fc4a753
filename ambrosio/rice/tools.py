"""The tools part of the rice test: the right tool, the right arguments, and restraint.

Each question is asked alone, once, and only the first request is made: what a model calls is
counted and not run.
"""

import json
import re
import tomllib
from collections.abc import Iterable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal

from pydantic import BaseModel, ConfigDict

from ..config import prompts
from ..core.arithmetic import NotCalculated, calculate
from ..core.messages import AnswerFinished
from ..core.provider_errors import AllProvidersFailed
from ..core.tools import NO_TOOLS, ToolCall, ToolDefinition, ToolUse
from ..core.zones import time_note
from ..router import CompletionRequest, Router
from .runner import Contestant

# The moment that the questions are about: a Friday.
ASKED_AT = datetime(2026, 11, 27, 10, tzinfo=UTC).timestamp()


class ToolQuestion(BaseModel):
    """One question, and the call that it needs, if any."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    ask: str
    tool: str = ""
    value: str = ""
    arguments: Mapping[str, str] = {}

    def is_passed_on(self, call: ToolCall) -> bool:
        """Say whether a call of the right tool has the right arguments."""
        given = json.loads(call.arguments)
        if call.fault or (self.value and not _comes_to(given.get("expression"), self.value)):
            return False
        return all(
            re.search(pattern, str(given.get(name, "")), re.IGNORECASE)
            for name, pattern in self.arguments.items()
        )


def load_tool_questions() -> dict[str, ToolQuestion]:
    """Read the shipped questions, by their names."""
    tables = tomllib.loads(prompts.read("rice-tools.toml"))
    return {name: ToolQuestion.model_validate(table) for name, table in tables.items()}


def _comes_to(expression: object, value: str) -> bool:
    try:
        return calculate(str(expression)).value == Decimal(value)
    except NotCalculated:
        return False


@dataclass(slots=True)
class ToolScore:
    """How one model did; `missed` has a line for each question that went wrong.

    `definition_tokens` is what the definitions add to a prompt, by the server's count.
    """

    model: str
    needed: int = 0
    right_tool: int = 0
    right_arguments: int = 0
    needless: int = 0
    restrained: int = 0
    failures: int = 0
    definition_tokens: int | None = None
    can_call: bool = True
    missed: list[str] = field(default_factory=list)

    def count(self, name: str, question: ToolQuestion, calls: tuple[ToolCall, ...] | None) -> None:
        """Count the outcome of one question; None is a failed request."""
        if calls is None:
            self.failures += 1
            return
        if question.tool:
            self.needed += 1
            right = [call for call in calls if call.name == question.tool]
            good = bool(right) and question.is_passed_on(right[0])
            self.right_tool += bool(right)
            self.right_arguments += good
        else:
            self.needless += 1
            good = not calls
            self.restrained += good
        if not good:
            said = ", ".join(f"{call.name}{call.arguments}" for call in calls) or "no call"
            self.missed.append(f"{name}: {said}")


async def run_tool_test(
    router: Router,
    contestant: Contestant,
    definitions: tuple[ToolDefinition, ...],
    questions: Mapping[str, ToolQuestion],
    system: str,
) -> ToolScore:
    """Ask one model all questions, or none if it cannot call tools.

    Raises `NoProvider` if the budget does not allow a call.
    """
    score = ToolScore(str(contestant))
    profile = await contestant.provider.profile(contestant.model)
    if not profile.tools:
        score.can_call = False
        return score
    alone = router.only(contestant.provider)
    for name, question in questions.items():
        request = CompletionRequest(
            system,
            (),
            question.ask,
            model=contestant.choice,
            note=time_note(ASKED_AT, "UTC"),
            tools=ToolUse(definitions),
        )
        finished = await _ask(alone, request)
        score.count(name, question, finished.calls if finished else None)
        if score.definition_tokens is None and finished and finished.usage:
            bare = await _ask(alone, replace(request, tools=NO_TOOLS))
            if bare and bare.usage:
                score.definition_tokens = finished.usage.prompt - bare.usage.prompt
    return score


async def _ask(router: Router, request: CompletionRequest) -> AnswerFinished | None:
    finished = None
    try:
        async with aclosing(router.stream(request)) as events:
            async for event in events:
                if isinstance(event, AnswerFinished):
                    finished = event
    except AllProvidersFailed:
        return None
    return finished


def format_scores(scores: Iterable[ToolScore]) -> str:
    """Write the results as text: a line for each model, and under it what went wrong."""
    lines = []
    for score in scores:
        if not score.can_call:
            lines.append(f"{score.model}: cannot call tools; /remind and /remember do without")
            continue
        parts = [
            f"right tool {score.right_tool} of {score.needed}",
            f"right arguments {score.right_arguments} of {score.needed}",
            f"restraint {score.restrained} of {score.needless}",
        ]
        if score.definition_tokens is not None:
            parts.append(f"{score.definition_tokens} tokens of definitions")
        if score.failures:
            parts.append(f"{score.failures} failed")
        lines.append(f"{score.model}: {', '.join(parts)}")
        lines += [f"  {line}" for line in score.missed]
    return "\n".join(lines)
