"""The short run for /rice: the quick questions, once to each model, until done or stopped."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from ..assistant.progress import Progress
from ..core.errors import InvalidSettings
from ..core.messages import Delta, File
from ..providers.openai_compatible import OpenAIProvider
from ..router import Router
from .html_report import html_report
from .questions import Question, load_questions
from .report import as_message, build_report
from .runner import (
    PromptVariant,
    RunOutcome,
    TrialResult,
    list_contestants,
    plan_trials,
    run_trials,
)
from .sampler import Sampler

MAX_QUESTIONS = 8


async def run_quick_test(
    router: Router,
    providers: Mapping[str, OpenAIProvider],
    system_prompt: str,
    *,
    questions_path: Path,
    user_id: int,
    progress: Progress,
    local_only: bool,
    now: float,
) -> tuple[str, tuple[File, ...]]:
    """Ask every model the quick questions; return a message in Markdown and the HTML report.

    With `local_only`, only local models are asked. Problems in the owner's questions file become
    the message.
    """
    try:
        questions = load_questions(questions_path)
    except InvalidSettings as exc:
        return "\n".join(f"- {line}" for line in exc.lines), ()
    selected = [question for question in questions.values() if question.quick][:MAX_QUESTIONS]
    if local_only:
        selected = [question.model_copy(update={"local_only": True}) for question in selected]
    sampler = Sampler(router, now=asyncio.get_running_loop().time, user_id=user_id)
    variant = PromptVariant("shipped", system_prompt)
    results, notes = await _run(sampler, selected, providers, variant, progress)
    when = f"{datetime.fromtimestamp(now, UTC):%Y-%m-%d %H:%M} UTC"
    report = build_report(results, questions, [variant], when=when, notes=notes)
    files = (File("rice.html", html_report(report).encode()),) if results else ()
    return as_message(report), files


async def _run(
    sampler: Sampler,
    questions: list[Question],
    providers: Mapping[str, OpenAIProvider],
    variant: PromptVariant,
    progress: Progress,
) -> tuple[list[TrialResult], list[str]]:
    """Run every trial, or until Stop; return the results so far and notes on what is missing."""
    results: list[TrialResult] = []
    with progress.stoppable() as scope:
        trials = plan_trials(questions, await list_contestants(providers), [variant])

        def on_result(result: TrialResult) -> None:
            results.append(result)
            progress.reset()
            progress.append(Delta(f"{len(results)} of {len(trials)} answers …"))

        outcome = await run_trials(sampler, trials, on_result)
    if scope.cancelled_caught:
        return results, ["Stopped. These are the results so far."]
    return results, outcome_notes(outcome)


def outcome_notes(outcome: RunOutcome) -> list[str]:
    """Name the models that were not asked everything, and why."""
    notes = [
        f"{name} was skipped after several failures in a row: {reason}"
        for name, reason in outcome.given_up.items()
    ]
    notes += [
        f"{name} was not asked everything: the month's budget is used up."
        for name in sorted(outcome.out_of_budget)
    ]
    return notes
