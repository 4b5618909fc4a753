"""The runner: which model is asked what, how many at once, and where the answers are kept.

Answers are written to a file as they come, one JSON object per line, so that an interrupted run can
be resumed. The checks run later, for the report, so changed checks need no new answers.
"""

import asyncio
import hashlib
import json
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from ..core.errors import NoProvider
from ..core.provider_errors import ProviderError
from ..providers.openai_compatible import OpenAIProvider
from ..router import CompletionRequest
from .questions import Question
from .sampler import Sample, Sampler

# A local server answers one request after the other; several at once would only spoil the times.
MAX_CONCURRENT_LOCAL = 1
MAX_CONCURRENT_REMOTE = 4
# A server that is down takes seconds to fail each time, so a model is skipped after this many
# failures in a row.
MAX_FAILURES = 5


@dataclass(frozen=True, slots=True)
class PromptVariant:
    """A system prompt, and what is sent with a vv question besides (None: as set).

    Attributes:
        name: its name in the report.
        system_prompt: its text.
        reminder: whether the vv rule is repeated after the question.
        exchanges: whether worked exchanges stand before it, and its answer is ended where it is
            complete.
    """

    name: str
    system_prompt: str = field(repr=False)
    reminder: bool | None = None
    exchanges: bool | None = None

    def __str__(self) -> str:
        added = (("reminder", self.reminder), ("exchanges", self.exchanges))
        chosen = [f"{'with' if on else 'without'} {name}" for name, on in added if on is not None]
        return ", ".join([self.name, *chosen])


@dataclass(frozen=True, slots=True)
class Contestant:
    """A model to test; `choice` is its name for the router unless it is the provider's default."""

    provider: OpenAIProvider
    model: str = ""
    choice: str = ""

    def __str__(self) -> str:
        return f"{self.provider.name}/{self.model}" if self.model else self.provider.name


# Question id, model, digest of all that is sent, number of the repeat.
TrialKey = tuple[str, str, str, int]


@dataclass(frozen=True, slots=True)
class Trial:
    """One question to one model with one system prompt; `repeat` counts from 1."""

    question: Question
    contestant: Contestant
    variant: PromptVariant
    repeat: int = 1

    @property
    def key(self) -> TrialKey:
        """Identifies the trial in the record file; trials that send the same share it."""
        variant = self.variant
        switches = f"{variant.reminder}\0{variant.exchanges}"
        sent = f"{variant.system_prompt}\0{switches}\0{self.question.digest}"
        digest = hashlib.sha256(sent.encode()).hexdigest()[:16]
        return (self.question.id, str(self.contestant), digest, self.repeat)


@dataclass(frozen=True, slots=True)
class JudgeVerdict:
    """What a judge said about an answer; `correct` is None if it was unclear."""

    judge: str
    correct: bool | None
    text: str


@dataclass(frozen=True, slots=True)
class TrialResult:
    """The outcome of one trial."""

    key: TrialKey
    variant: str
    sample: Sample
    verdict: JudgeVerdict | None = None

    @property
    def question_id(self) -> str:
        """The question's id."""
        return self.key[0]

    @property
    def model(self) -> str:
        """The model that was asked, as `provider/model`."""
        return self.key[1]


async def list_contestants(
    providers: Mapping[str, OpenAIProvider], wanted: Sequence[str] = ()
) -> list[Contestant]:
    """List the models to test: every chat provider, or those wanted as NAME or NAME/MODEL.

    If no model is configured, the server is asked what it has loaded, so the report can name it.
    """
    contestants = []
    chat_providers = [name for name, provider in providers.items() if provider.config.supports_chat]
    for choice in wanted or chat_providers:
        name, _, chosen_model = choice.partition("/")
        provider = providers[name]
        model = chosen_model or provider.config.model
        if not model:
            with suppress(ProviderError):
                served = await provider.models()
                model = served[0].id if served else ""
        contestants.append(Contestant(provider, model, choice if chosen_model else ""))
    return contestants


def plan_trials(
    questions: Iterable[Question],
    contestants: Iterable[Contestant],
    variants: Iterable[PromptVariant],
    *,
    repeat: int = 1,
) -> list[Trial]:
    """List the trials; questions that are `local_only` go to local models only.

    All questions of one variant come before the next: a small machine has to process a changed
    system prompt from the start.
    """
    questions = list(questions)
    return [
        Trial(question, contestant, variant, number)
        for contestant in contestants
        for variant in variants
        for number in range(1, repeat + 1)
        for question in questions
        if contestant.provider.local or not question.local_only
    ]


@dataclass(slots=True)
class RunOutcome:
    """Which models were not asked everything: given up on, with the reason, or out of budget."""

    given_up: dict[str, str] = field(default_factory=dict)
    out_of_budget: set[str] = field(default_factory=set)


async def run_trials(
    sampler: Sampler, trials: Iterable[Trial], on_result: Callable[[TrialResult], None]
) -> RunOutcome:
    """Run all trials, providers in parallel; each result goes to `on_result` as it comes."""
    queues: dict[str, deque[Trial]] = {}
    for trial in trials:
        queues.setdefault(trial.contestant.provider.name, deque()).append(trial)
    outcome = RunOutcome()
    async with asyncio.TaskGroup() as group:
        for queue in queues.values():
            local = queue[0].contestant.provider.local
            failures: dict[str, int] = {}
            for _ in range(MAX_CONCURRENT_LOCAL if local else MAX_CONCURRENT_REMOTE):
                group.create_task(_work_off_queue(sampler, queue, on_result, outcome, failures))
    return outcome


async def _work_off_queue(
    sampler: Sampler,
    queue: deque[Trial],
    on_result: Callable[[TrialResult], None],
    outcome: RunOutcome,
    failures: dict[str, int],
) -> None:
    """Run the trials of one provider's queue, which several workers may share."""
    while queue:
        trial = queue.popleft()
        name = str(trial.contestant)
        if name in outcome.given_up or name in outcome.out_of_budget:
            continue
        try:
            sample = await _run_trial(sampler, trial)
        except NoProvider:
            outcome.out_of_budget.add(name)
            continue
        on_result(TrialResult(trial.key, str(trial.variant), sample))
        failures[name] = failures.get(name, 0) + 1 if sample.failure else 0
        if failures[name] >= MAX_FAILURES:
            outcome.given_up[name] = sample.failure


async def _run_trial(sampler: Sampler, trial: Trial) -> Sample:
    question, variant = trial.question, trial.variant
    request = CompletionRequest(
        system=variant.system_prompt,
        history=question.history,
        question=question.text,
        concise=question.concise,
        model=trial.contestant.choice,
        local_only=question.local_only,
    )
    return await sampler.sample(
        trial.contestant.provider,
        request,
        reminder=variant.reminder,
        exchanges=variant.exchanges,
    )


# --- the record file ------------------------------------------------------------------------------


class TrialRecords:
    """Results in files: one for all unfinished runs, and one for each finished run."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / "unfinished.jsonl"

    def load(self) -> dict[TrialKey, TrialResult]:
        """Read the answers of unfinished runs, without failures and incomplete lines."""
        results: dict[TrialKey, TrialResult] = {}
        if self._path.exists():
            for line in self._path.read_text("utf-8").splitlines():
                with suppress(ValueError, KeyError, TypeError):
                    result = _from_json(json.loads(line))
                    results[result.key] = result
        return {key: result for key, result in results.items() if not result.sample.failure}

    def append(self, result: TrialResult) -> None:
        """Write a result; it replaces an earlier one with the same key."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with self._path.open("a", encoding="utf-8") as file:
            file.write(_json_line(result))

    def finish(self, results: Iterable[TrialResult], name: str) -> Path:
        """Move the results of a finished run to a file of their own, and return its path."""
        finished = {result.key: result for result in results}
        others = [result for key, result in self.load().items() if key not in finished]
        path = self._folder / f"{name}.jsonl"
        self._folder.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(map(_json_line, finished.values())), "utf-8")
        if others:
            self._path.write_text("".join(map(_json_line, others)), "utf-8")
        else:
            self.discard()
        return path

    def discard(self) -> None:
        """Delete the answers of unfinished runs."""
        self._path.unlink(missing_ok=True)


def _json_line(result: TrialResult) -> str:
    return json.dumps(asdict(result), default=str, ensure_ascii=False) + "\n"


def _from_json(fields: dict[str, Any]) -> TrialResult:
    question_id, model, digest, repeat = fields["key"]
    sample = Sample(**fields["sample"])
    usd = None if sample.usd is None else Decimal(sample.usd)
    verdict = JudgeVerdict(**fields["verdict"]) if fields["verdict"] else None
    key = (question_id, model, digest, repeat)
    return TrialResult(key, fields["variant"], replace(sample, usd=usd), verdict)
