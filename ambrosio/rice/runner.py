"""A run: which questions are asked of whom in which words, how many at once, and what came of it.

Answers are kept as they come, a line of JSON each, so that a run that was broken off goes on where
it was. Checks are made when the report is, so changed checks need no new answers.
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

from ..core.errors import NoProvider, ProviderError
from ..providers.openai_compatible import OpenAIProvider
from ..router import CompletionRequest
from .questions import Question
from .sampler import Sample, Sampler

# A machine at home answers one after the other; several at once would only spoil the times.
AT_ONCE_LOCAL = 1
AT_ONCE_REMOTE = 4
# A server that is down costs seconds for each question; after so many failures in a row it is
# left alone.
MAX_FAILURES = 5


@dataclass(frozen=True, slots=True)
class PromptVariant:
    """A system prompt; `reminder` repeats the vv rule behind the question (None: as set)."""

    name: str
    system: str = field(repr=False)
    reminder: bool | None = None

    def __str__(self) -> str:
        if self.reminder is None:
            return self.name
        return f"{self.name}, {'reminded' if self.reminder else 'not reminded'}"


@dataclass(frozen=True, slots=True)
class Contestant:
    """A model that takes part; `choice` names it to the router, if it is not the provider's own."""

    provider: OpenAIProvider
    model: str = ""
    choice: str = ""

    def __str__(self) -> str:
        return f"{self.provider.name}/{self.model}" if self.model else self.provider.name


Key = tuple[str, str, str, int]


@dataclass(frozen=True, slots=True)
class Trial:
    """One question to one model in one wording, for the n-th time."""

    question: Question
    entrant: Contestant
    wording: PromptVariant
    repeat: int = 1

    @property
    def key(self) -> Key:
        """What it is known by; everything that is sent goes into the third part."""
        sent = f"{self.wording.system}\0{self.wording.reminder}\0{self.question.digest}"
        digest = hashlib.sha256(sent.encode()).hexdigest()[:16]
        return (self.question.id, str(self.entrant), digest, self.repeat)


@dataclass(frozen=True, slots=True)
class JudgeVerdict:
    """What a model thinks of an answer's truth."""

    judge: str
    right: bool | None
    says: str


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a job."""

    key: Key
    wording: str
    spoken: Sample
    opinion: JudgeVerdict | None = None

    @property
    def question(self) -> str:
        """The question's id."""
        return self.key[0]

    @property
    def model(self) -> str:
        """Who was asked."""
        return self.key[1]


async def list_contestants(
    providers: Mapping[str, OpenAIProvider], wanted: Sequence[str] = ()
) -> list[Contestant]:
    """List who takes part: everybody who talks, or those wanted as NAME or NAME/MODEL.

    Where no model is named, the server is asked what it has loaded, for the report to name it.
    """
    found = []
    talking = [name for name, provider in providers.items() if provider.config.supports_chat]
    for choice in wanted or talking:
        name, _, named = choice.partition("/")
        provider = providers[name]
        model = named or provider.config.model
        if not model:
            with suppress(ProviderError):
                served = await provider.models()
                model = served[0].id if served else ""
        found.append(Contestant(provider, model, choice if named else ""))
    return found


def plan(
    questions: Iterable[Question],
    entrants: Iterable[Contestant],
    wordings: Iterable[PromptVariant],
    *,
    repeat: int = 1,
) -> list[Trial]:
    """List what is to be asked; what is marked private is asked only of models at home.

    Wordings follow each other whole: a small machine reads a changed system prompt anew.
    """
    questions = list(questions)
    return [
        Trial(question, entrant, wording, number)
        for entrant in entrants
        for wording in wordings
        for number in range(1, repeat + 1)
        for question in questions
        if entrant.provider.local or not question.private
    ]


@dataclass(slots=True)
class RunOutcome:
    """How a run ended: who was given up on, and why, and whether the budget came to its end."""

    given_up: dict[str, str] = field(default_factory=dict)
    out_of_budget: set[str] = field(default_factory=set)


async def work(
    asker: Sampler, jobs: Iterable[Trial], heard: Callable[[Result], None]
) -> RunOutcome:
    """Ask everything, providers side by side; `heard` is given each result as it comes."""
    lines: dict[str, deque[Trial]] = {}
    for job in jobs:
        lines.setdefault(job.entrant.provider.name, deque()).append(job)
    outcome = RunOutcome()
    async with asyncio.TaskGroup() as group:
        for line in lines.values():
            local = line[0].entrant.provider.local
            failures: dict[str, int] = {}
            for _ in range(AT_ONCE_LOCAL if local else AT_ONCE_REMOTE):
                group.create_task(_work_down(asker, line, heard, outcome, failures))
    return outcome


async def _work_down(
    asker: Sampler,
    line: deque[Trial],
    heard: Callable[[Result], None],
    outcome: RunOutcome,
    failures: dict[str, int],
) -> None:
    """Take one job after the other from a provider's line, which several may share."""
    while line:
        job = line.popleft()
        name = str(job.entrant)
        if name in outcome.given_up or name in outcome.out_of_budget:
            continue
        try:
            spoken = await _ask(asker, job)
        except NoProvider:
            outcome.out_of_budget.add(name)
            continue
        heard(Result(job.key, str(job.wording), spoken))
        failures[name] = failures.get(name, 0) + 1 if spoken.failure else 0
        if failures[name] >= MAX_FAILURES:
            outcome.given_up[name] = spoken.failure


async def _ask(asker: Sampler, job: Trial) -> Sample:
    question, wording = job.question, job.wording
    ask = CompletionRequest(
        system=wording.system,
        history=question.before,
        question=question.words,
        concise=question.concise,
        model=job.entrant.choice,
        local_only=question.private,
    )
    return await asker.ask(job.entrant.provider, ask, reminder=wording.reminder)


# --- what is kept ---------------------------------------------------------------------------------


class Records:
    """The answers of unfinished runs, in a file; a finished run gets a file of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / "unfinished.jsonl"

    def load(self) -> dict[Key, Result]:
        """Read what was answered already; failures are not, and a torn last line neither."""
        results: dict[Key, Result] = {}
        if self._path.exists():
            for line in self._path.read_text("utf-8").splitlines():
                with suppress(ValueError, KeyError, TypeError):
                    result = _unpack(json.loads(line))
                    results[result.key] = result
        return {key: each for key, each in results.items() if not each.spoken.failure}

    def append(self, result: Result) -> None:
        """Keep a result; a later one of the same key takes its place."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with self._path.open("a", encoding="utf-8") as file:
            file.write(_line(result))

    def finish(self, results: Iterable[Result], name: str) -> Path:
        """Put the results of a finished run away, and leave the others unfinished."""
        kept = {result.key: result for result in results}
        others = [result for key, result in self.load().items() if key not in kept]
        done = self._folder / f"{name}.jsonl"
        self._folder.mkdir(parents=True, exist_ok=True)
        done.write_text("".join(map(_line, kept.values())), "utf-8")
        if others:
            self._path.write_text("".join(map(_line, others)), "utf-8")
        else:
            self.forget()
        return done

    def forget(self) -> None:
        """Begin anew."""
        self._path.unlink(missing_ok=True)


def _line(result: Result) -> str:
    return json.dumps(asdict(result), default=str, ensure_ascii=False) + "\n"


def _unpack(packed: dict[str, Any]) -> Result:
    question, model, digest, repeat = packed["key"]
    spoken = Sample(**packed["spoken"])
    usd = None if spoken.usd is None else Decimal(spoken.usd)
    opinion = JudgeVerdict(**packed["opinion"]) if packed["opinion"] else None
    key = (question, model, digest, repeat)
    return Result(key, packed["wording"], replace(spoken, usd=usd), opinion)
