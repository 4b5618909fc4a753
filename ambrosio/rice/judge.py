"""A model as judge of whether answers are true; its verdicts never count towards passing."""

import asyncio
import re
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from ..core.errors import NoProvider
from ..router import CompletionRequest
from .questions import Question
from .runner import Contestant, JudgeVerdict, TrialResult
from .sampler import Sampler

SYSTEM_PROMPT = (
    "You check answers for truth. You are shown a question and somebody's answer. Judge only "
    "whether what it says is correct and answers the question; a single word is enough. Begin with "
    "RIGHT, WRONG or UNCLEAR, then give the reason in at most ten words."
)
MAX_CONCURRENT = 2


async def judge(
    sampler: Sampler,
    judge_model: Contestant,
    results: Iterable[TrialResult],
    questions: Mapping[str, Question],
    on_result: Callable[[TrialResult], None],
) -> str:
    """Get a verdict on every answer the judge may see; return why it stopped early, or "".

    Each judged result goes to `on_result` as it comes. The first failure ends the judging.
    """
    queue = deque(
        result
        for result in results
        if _needs_verdict(result, judge_model, questions[result.question_id])
    )

    async def work_off_queue() -> str:
        while queue:
            result = queue.popleft()
            request = _judge_request(questions[result.question_id], result, judge_model)
            try:
                sample = await sampler.sample(judge_model.provider, request)
            except NoProvider:
                queue.clear()
                return "the month's budget is used up"
            if sample.failure:
                queue.clear()
                return sample.failure
            verdict = JudgeVerdict(str(judge_model), parse_verdict(sample.text), sample.text)
            on_result(replace(result, verdict=verdict))
        return ""

    async with asyncio.TaskGroup() as group:
        workers = [group.create_task(work_off_queue()) for _ in range(MAX_CONCURRENT)]
    reason = next((worker.result() for worker in workers if worker.result()), "")
    return f"{judge_model} did not judge every answer: {reason}" if reason else ""


def _needs_verdict(result: TrialResult, judge_model: Contestant, question: Question) -> bool:
    """Whether this judge may see the answer and has not judged it yet."""
    judged = result.verdict is not None and result.verdict.judge == str(judge_model)
    allowed = judge_model.provider.local or not question.local_only
    return bool(result.sample.text) and not judged and allowed


def _judge_request(
    question: Question, result: TrialResult, judge_model: Contestant
) -> CompletionRequest:
    past = "".join(f"Q: {turn.question}\nA: {turn.answer}\n" for turn in question.history)
    return CompletionRequest(
        SYSTEM_PROMPT,
        (),
        f"{past}Question: {question.text}\nAnswer: {result.sample.text}",
        model=judge_model.choice,
        local_only=question.local_only,
    )


def parse_verdict(text: str) -> bool | None:
    """Read the judge's first word: True for RIGHT, False for WRONG, None for anything else."""
    word = re.match(r"\W*(right|wrong)\b", text, re.IGNORECASE)
    return word[1].lower() == "right" if word else None
