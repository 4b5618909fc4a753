"""`ambrosio rice`: the whole run on a terminal, with progress, a table, and the failures in full.

What was found goes to stdout, everything else to stderr.
"""

import asyncio
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from rich.console import Console
from rich.padding import Padding
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from ..config import prompts
from ..providers.openai_compatible import OpenAIProvider
from ..rice.html_report import html_report
from ..rice.judge import judge
from ..rice.questions import Question, gather
from ..rice.quick import shortcomings
from ..rice.report import Report, as_json, cells, report
from ..rice.runner import (
    Key,
    PromptVariant,
    Records,
    Result,
    RunOutcome,
    Trial,
    list_contestants,
    plan,
    work,
)
from ..rice.sampler import Sampler
from ..rice.statistics import ScoreRow

Reminder = Literal["as-set", "off", "on", "both"]
REMINDERS: Mapping[str, tuple[bool | None, ...]] = {
    "as-set": (None,),
    "off": (False,),
    "on": (True,),
    "both": (False, True),
}


@dataclass(frozen=True, slots=True)
class RiceOptions:
    """What stood on the command line."""

    providers: tuple[str, ...] = ()
    repeat: int = 1
    quick: bool = False
    json: bool = False
    out: Path | None = None
    prompts: tuple[str, ...] = ()
    reminder: Reminder | None = None
    judge: str = ""
    questions: Path | None = None
    fresh: bool = False


@dataclass(frozen=True, slots=True)
class RiceContext:
    """What a run works with."""

    sampler: Sampler
    providers: Mapping[str, OpenAIProvider]
    system: str
    folder: Path
    now: Callable[[], float]


async def rice(kitchen: RiceContext, wish: RiceOptions) -> int:
    """Ask, count, tell; give the exit code."""
    if unknown := _unknown([*wish.providers, wish.judge], kitchen.providers):
        known = ", ".join(kitchen.providers)
        return _complain(f"no provider is called `{unknown}`; there are: {known}")
    try:
        wordings = _wordings(kitchen.system, wish)
    except OSError as exc:
        known = ", ".join(prompts.list_prompts("variants"))
        return _complain(f"no prompt is at `{exc.filename}`, and the variants are: {known}")
    questions = gather(wish.questions or kitchen.folder / "rice.toml")
    chosen = [question for question in questions.values() if question.quick or not wish.quick]
    taking_part = await list_contestants(kitchen.providers, wish.providers)
    jobs = plan(chosen, taking_part, wordings, repeat=wish.repeat)
    records = Records(kitchen.folder / "rice")
    if wish.fresh:
        records.forget()
    results, outcome = await _asked(kitchen, jobs, records)
    judge_name, trouble = await _judged(kitchen, wish.judge, results, questions, records)
    when = datetime.fromtimestamp(kitchen.now(), UTC)
    if not outcome.out_of_budget:
        records.finish(results.values(), f"{when:%Y-%m-%d-%H%M%S}")
    result = report(
        results.values(),
        questions,
        wordings,
        when=f"{when:%Y-%m-%d %H:%M} UTC",
        judge=judge_name,
        notes=[*shortcomings(outcome), *trouble],
    )
    _tell(result, wish)
    return 0 if any(each.spoken.text for each in results.values()) else 1


def _unknown(names: Iterable[str], providers: Mapping[str, OpenAIProvider]) -> str:
    named = [name.partition("/")[0] for name in names if name]
    return next((name for name in named if name not in providers), "")


def _complain(text: str) -> int:
    print(f"error: {text}", file=sys.stderr)
    return 2


def _wordings(system: str, wish: RiceOptions) -> list[PromptVariant]:
    """List the wordings, the shipped one first; several are compared both ways if not told."""
    prompts = {"shipped": system} | {Path(name).name: _prompt(name) for name in wish.prompts}
    reminders = REMINDERS[wish.reminder or ("both" if wish.prompts else "as-set")]
    return [PromptVariant(name, text, each) for name, text in prompts.items() for each in reminders]


def _prompt(name: str) -> str:
    """Read a prompt from a file, or one of the shipped variants by its name."""
    if name in prompts.list_prompts("variants"):
        return prompts.read(f"variants/{name}")
    return Path(name).read_text("utf-8").strip()


# --- asking ---------------------------------------------------------------------------------------


async def _asked(
    kitchen: RiceContext, jobs: Sequence[Trial], records: Records
) -> tuple[dict[Key, Result], RunOutcome]:
    """Ask what was not answered before, with a bar for each model."""
    there = records.load()
    results = {
        job.key: replace(there[job.key], wording=str(job.wording))
        for job in jobs
        if job.key in there
    }
    todo = [job for job in jobs if job.key not in results]
    if results:
        print(f"{len(results)} answers are there from a run that was broken off", file=sys.stderr)
    with _bars([str(job.entrant) for job in todo]) as advance:

        def heard(result: Result) -> None:
            records.append(result)
            results[result.key] = result
            advance(result.model)

        try:
            outcome = await work(kitchen.sampler, todo, heard)
        except asyncio.CancelledError:
            print("\nhint: the same command goes on from here", file=sys.stderr)
            raise
    ordered = {job.key: results[job.key] for job in jobs if job.key in results}
    return ordered, outcome


async def _judged(
    kitchen: RiceContext,
    name: str,
    results: dict[Key, Result],
    questions: Mapping[str, Question],
    records: Records,
) -> tuple[str, list[str]]:
    """Add a model's opinions to the results, if one was named; give it, and what went wrong."""
    if not name:
        return "", []
    (entrant,) = await list_contestants(kitchen.providers, [name])
    waiting = [result for result in results.values() if result.spoken.text]
    with _bars([f"{entrant} judges"] * len(waiting)) as advance:

        def heard(result: Result) -> None:
            records.append(result)
            results[result.key] = result
            advance(f"{entrant} judges")

        trouble = await judge(kitchen.sampler, entrant, waiting, questions, heard)
    return str(entrant), [trouble] if trouble else []


@contextmanager
def _bars(names: Sequence[str]) -> Iterator[Callable[[str], None]]:
    """Draw a bar for each name, as long as it is often; what is given moves one on."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        bars = {
            name: progress.add_task(name, total=names.count(name)) for name in dict.fromkeys(names)
        }
        yield lambda name: progress.advance(bars[name])


# --- telling --------------------------------------------------------------------------------------


def _tell(result: Report, wish: RiceOptions) -> None:
    if wish.out:
        wish.out.write_text(html_report(result), "utf-8")
        print(f"wrote {wish.out}", file=sys.stderr)
    if wish.json:
        print(as_json(result))
        return
    # What is piped has no width of its own, and tables need some.
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 120)
    console.print(table(result))
    for each in result.comparisons:
        console.print(Text(each.sentence))
    for note in result.notes:
        console.print(Text(note))
    for line in result.lines:
        _print_failures(console, line)
    if not wish.out:
        print("\nhint: `--out report.html` lays the answers side by side", file=sys.stderr)


def table(result: Report) -> Table:
    """Lay the numbers out."""
    drawn = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 1, 0, 0))
    drawn.add_column("model", overflow="fold", min_width=18)
    heads = ["passed", "95 %", "words", "first", "whole", "tok/s", "per 1,000", "failed"]
    heads += ["right*"] if result.judge else []
    for head in heads:
        drawn.add_column(head, justify="right", no_wrap=True)
    for line in result.lines:
        drawn.add_row(Text(line.name), *cells(line, result))
    if result.judge:
        drawn.caption = f"* in the opinion of {result.judge}, and no part of what passed"
    return drawn


def _print_failures(console: Console, line: ScoreRow) -> None:
    missed = [each for each in line.judged if not each.passed]
    if not missed:
        return
    console.print(Text(f"\n{line.name} missed {len(missed)} of {line.asked}", style="bold"))
    said: set[tuple[str, str]] = set()
    for each in missed:
        # What a repeat has said in the same words is not said again here.
        words = (each.result.question, each.result.spoken.text)
        if words in said:
            continue
        said.add(words)
        told_of = "; ".join(str(complaint) for complaint in each.complaints)
        console.print(Text.assemble("  ", (each.result.question, "bold"), "  ", (told_of, "red")))
        if each.result.spoken.text:
            answer = Padding(Text(each.result.spoken.text), (0, 0, 0, 4), expand=False)
            console.print(answer)
