"""The short run for the phone: the quick questions, every model once, and Stop ends it."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from ..assistant.progress import Progress
from ..core.errors import InvalidSettings
from ..core.messages import Delta, File
from ..providers.openai_compatible import OpenAIProvider
from ..router import Router
from .html_report import html_report
from .questions import Question, gather
from .report import message, report
from .runner import PromptVariant, Result, RunOutcome, list_contestants, plan, work
from .sampler import Sampler

MAX_QUESTIONS = 8


async def quick(
    router: Router,
    providers: Mapping[str, OpenAIProvider],
    system: str,
    *,
    own: Path,
    person: int,
    progress: Progress,
    private: bool,
    now: float,
) -> tuple[str, tuple[File, ...]]:
    """Ask everybody the quick questions; give a message in Markdown, and the page.

    Where it is `private`, only models at home are asked.
    """
    try:
        questions = gather(own)
    except InvalidSettings as exc:
        return "\n".join(f"- {line}" for line in exc.lines), ()
    asked = [question for question in questions.values() if question.quick][:MAX_QUESTIONS]
    asked = [replace(each, private=each.private or private) for each in asked]
    asker = Sampler(router, now=asyncio.get_running_loop().time, person=person)
    wording = PromptVariant("shipped", system)
    results, notes = await _work(asker, asked, providers, wording, progress)
    when = f"{datetime.fromtimestamp(now, UTC):%Y-%m-%d %H:%M} UTC"
    told = report(results, questions, [wording], when=when, notes=notes)
    files = (File("rice.html", html_report(told).encode()),) if results else ()
    return message(told), files


async def _work(
    asker: Sampler,
    asked: list[Question],
    providers: Mapping[str, OpenAIProvider],
    wording: PromptVariant,
    progress: Progress,
) -> tuple[list[Result], list[str]]:
    """Ask until all is answered or somebody says stop; give what there is, and notes on it."""
    results: list[Result] = []
    with progress.stoppable() as scope:
        jobs = plan(asked, await list_contestants(providers), [wording])

        def heard(result: Result) -> None:
            results.append(result)
            progress.reset()
            progress.append(Delta(f"{len(results)} of {len(jobs)} answers …"))

        outcome = await work(asker, jobs, heard)
    if scope.cancelled_caught:
        return results, ["Stopped; this is what there was until then."]
    return results, shortcomings(outcome)


def shortcomings(outcome: RunOutcome) -> list[str]:
    """Say who was not asked to the end, and why."""
    notes = [
        f"{name} was given up on after several failures in a row: {why}"
        for name, why in outcome.given_up.items()
    ]
    notes += [
        f"{name} was not asked to the end: the month's budget does not allow more."
        for name in sorted(outcome.out_of_budget)
    ]
    return notes
