"""A model's opinion on whether answers are true; marked as such, and never counted as passing."""

import asyncio
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from ..core.errors import NoProvider
from ..router import CompletionRequest
from .questions import Question
from .runner import Contestant, JudgeVerdict, Result
from .sampler import Sampler

SYSTEM = (
    "You check answers for truth. You are shown a question and somebody's answer. Judge only "
    "whether what it says is correct and answers the question; a single word is enough. Begin with "
    "RIGHT, WRONG or UNCLEAR, then give the reason in at most ten words."
)
AT_ONCE = 2


async def judge(
    asker: Sampler,
    entrant: Contestant,
    results: Iterable[Result],
    questions: Mapping[str, Question],
    heard: Callable[[Result], None],
) -> str:
    """Ask for an opinion on every answer that may be shown; say why, if it did not come so far."""
    trouble = ""
    waiting = [each for each in results if _wanted(each, entrant, questions[each.question])]

    async def work_down() -> None:
        nonlocal trouble
        while waiting and not trouble:
            result = waiting.pop(0)
            question = questions[result.question]
            ask = CompletionRequest(
                SYSTEM,
                (),
                _shown(question, result),
                model=entrant.choice,
                local_only=question.private,
            )
            try:
                spoken = await asker.ask(entrant.provider, ask)
            except NoProvider:
                trouble = "the month's budget does not allow more"
                return
            if spoken.failure:
                trouble = spoken.failure
                return
            opinion = JudgeVerdict(str(entrant), verdict(spoken.text), spoken.text)
            heard(replace(result, opinion=opinion))

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(work_down())
    return f"{entrant} did not judge to the end: {trouble}" if trouble else ""


def _wanted(result: Result, entrant: Contestant, question: Question) -> bool:
    """Whether an answer may be shown to the judge, and has not been judged by it already."""
    known = result.opinion is not None and result.opinion.judge == str(entrant)
    return (
        bool(result.spoken.text) and not known and (entrant.provider.local or not question.private)
    )


def verdict(text: str) -> bool | None:
    """Read the word that the judge was to begin with; None if it did not."""
    word = re.match(r"\W*(right|wrong)\b", text, re.IGNORECASE)
    return word[1].lower() == "right" if word else None


def _shown(question: Question, result: Result) -> str:
    past = "".join(f"Q: {each.question}\nA: {each.answer}\n" for each in question.before)
    return f"{past}Question: {question.words}\nAnswer: {result.spoken.text}"
