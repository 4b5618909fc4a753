"""`ambrosio rice`: the whole rice test in the terminal, with progress bars, a table and failures.

Results go to stdout, everything else to stderr.
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

from ..app import now, open_app
from ..config import prompts
from ..config.settings import Settings
from ..core.errors import NoProvider
from ..core.provider_errors import ProviderError
from ..core.tools import ToolDefinition
from ..providers.openai_compatible import OpenAIProvider
from ..rice.html_report import html_report
from ..rice.judge import judge
from ..rice.questions import Question, load_questions
from ..rice.quick import outcome_notes
from ..rice.report import Report, answer_cells, as_json, build_report, cells
from ..rice.runner import (
    Contestant,
    PromptVariant,
    RunOutcome,
    Trial,
    TrialKey,
    TrialRecords,
    TrialResult,
    list_contestants,
    plan_trials,
    run_trials,
)
from ..rice.sampler import Sampler
from ..rice.statistics import ScoreRow
from ..rice.tools import format_scores, load_tool_questions, run_tool_test
from .hints import print_error
from .rice_providers import rice_providers

Switch = Literal["as-set", "off", "on", "both"]
SWITCHED: Mapping[str, tuple[bool | None, ...]] = {
    "as-set": (None,),
    "off": (False,),
    "on": (True,),
    "both": (False, True),
}


@dataclass(frozen=True, slots=True)
class RiceOptions:
    """The options of the command line."""

    providers: tuple[str, ...] = ()
    repeat: int = 1
    quick: bool = False
    vv: bool = False
    json: bool = False
    out: Path | None = None
    prompts: tuple[str, ...] = ()
    reminder: Switch | None = None
    exchanges: Switch = "as-set"
    judge: str = ""
    questions: Path | None = None
    fresh: bool = False
    tools: bool = False


@dataclass(frozen=True, slots=True)
class RiceContext:
    """What a run needs; `folder` is the data folder."""

    sampler: Sampler
    providers: Mapping[str, OpenAIProvider]
    system_prompt: str
    folder: Path
    now: Callable[[], float]
    tools: tuple[ToolDefinition, ...] = ()


async def rice(settings: Settings, options: RiceOptions) -> int:
    """Open the app, run the test and print the report; return the exit code."""
    clock = asyncio.get_running_loop().time
    async with open_app(settings) as app, rice_providers(app, options.providers) as providers:
        context = RiceContext(
            sampler=Sampler(app.assistant.router, now=clock),
            providers=providers,
            system_prompt=app.assistant.system,
            folder=settings.ambrosio_data_dir,
            now=now,
            tools=app.assistant.toolbox.usual(local_only=False),
        )
        return await run_rice_test(context, options)


async def run_rice_test(context: RiceContext, options: RiceOptions) -> int:
    """Run the test and print the report; return the exit code.

    Raises `InvalidSettings` if the questions file is not valid.
    """
    if unknown := _unknown_provider([*options.providers, options.judge], context.providers):
        known = ", ".join(context.providers)
        return _print_error(f"no provider is called `{unknown}`; choose from: {known}")
    try:
        variants = _variants(context.system_prompt, options)
    except OSError as exc:
        known = ", ".join(prompts.list_prompts("variants"))
        return _print_error(f"cannot read the prompt `{exc.filename}`; shipped ones: {known}")
    questions = load_questions(options.questions or context.folder / "rice.toml")
    selected = [
        question
        for question in questions.values()
        if (question.quick or not options.quick) and (question.concise or not options.vv)
    ]
    contestants = await list_contestants(context.providers, options.providers)
    if options.tools:
        return await _test_tools(context, contestants)
    trials = plan_trials(selected, contestants, variants, repeat=options.repeat)
    records = TrialRecords(context.folder / "rice")
    if options.fresh:
        records.discard()
    results, outcome = await _run_trials(context, trials, records)
    judge_name, judge_notes = await _judge(context, options.judge, results, questions, records)
    when = datetime.fromtimestamp(context.now(), UTC)
    if not outcome.out_of_budget:
        records.finish(results.values(), f"{when:%Y-%m-%d-%H%M%S}")
    report = build_report(
        results.values(),
        questions,
        variants,
        when=f"{when:%Y-%m-%d %H:%M} UTC",
        judge=judge_name,
        notes=[*outcome_notes(outcome), *judge_notes],
    )
    _print_report(report, options)
    return 0 if any(result.sample.text for result in results.values()) else 1


async def _test_tools(context: RiceContext, contestants: Sequence[Contestant]) -> int:
    """Run the tools part and print its results; return the exit code."""
    questions = load_tool_questions()
    scores = []
    try:
        for contestant in contestants:
            print(f"asking {contestant}", file=sys.stderr)
            score = await run_tool_test(
                context.sampler.router,
                contestant,
                context.tools,
                questions,
                context.system_prompt,
            )
            scores.append(score)
    except (NoProvider, ProviderError) as exc:
        print(f"error: {exc}", file=sys.stderr)
    print(format_scores(scores))
    return 0 if scores else 1


def _unknown_provider(choices: Iterable[str], providers: Mapping[str, OpenAIProvider]) -> str:
    names = [choice.partition("/")[0] for choice in choices if choice]
    return next((name for name in names if name not in providers), "")


def _print_error(text: str) -> int:
    print_error(text)
    return 2


def _variants(system_prompt: str, options: RiceOptions) -> list[PromptVariant]:
    """List the prompts to test, the shipped one first.

    Several prompts are compared with and without the reminder unless `--reminder` says otherwise.
    """
    texts = {"shipped": system_prompt}
    texts |= {Path(name).name: _read_prompt(name) for name in options.prompts}
    reminders = SWITCHED[options.reminder or ("both" if options.prompts else "as-set")]
    return [
        PromptVariant(name, text, reminder, exchanges)
        for exchanges in SWITCHED[options.exchanges]
        for name, text in texts.items()
        for reminder in reminders
    ]


def _read_prompt(name: str) -> str:
    """Read a shipped variant by its name, or a file; raise `OSError` if there is neither."""
    if name in prompts.list_prompts("variants"):
        return prompts.read(f"variants/{name}")
    return Path(name).read_text("utf-8").strip()


# --- running --------------------------------------------------------------------------------------


async def _run_trials(
    context: RiceContext, trials: Sequence[Trial], records: TrialRecords
) -> tuple[dict[TrialKey, TrialResult], RunOutcome]:
    """Run the trials that have no recorded answer yet, with a progress bar per model."""
    recorded = records.load()
    results = {
        trial.key: replace(recorded[trial.key], variant=str(trial.variant))
        for trial in trials
        if trial.key in recorded
    }
    remaining = [trial for trial in trials if trial.key not in results]
    if results:
        print(f"resuming an interrupted run, which has {len(results)} answers", file=sys.stderr)
    with _progress_bars([str(trial.contestant) for trial in remaining]) as advance:

        def on_result(result: TrialResult) -> None:
            records.append(result)
            results[result.key] = result
            advance(result.model)

        try:
            outcome = await run_trials(context.sampler, remaining, on_result)
        except asyncio.CancelledError:
            print("\nhint: run the same command again to resume", file=sys.stderr)
            raise
    ordered = {trial.key: results[trial.key] for trial in trials if trial.key in results}
    return ordered, outcome


async def _judge(
    context: RiceContext,
    choice: str,
    results: dict[TrialKey, TrialResult],
    questions: Mapping[str, Question],
    records: TrialRecords,
) -> tuple[str, list[str]]:
    """Add the judge's verdicts to `results`, if one was chosen; return its name and any notes."""
    if not choice:
        return "", []
    (judge_model,) = await list_contestants(context.providers, [choice])
    answered = [result for result in results.values() if result.sample.text]
    label = f"{judge_model} judges"
    with _progress_bars([label] * len(answered)) as advance:

        def on_result(result: TrialResult) -> None:
            records.append(result)
            results[result.key] = result
            advance(label)

        note = await judge(context.sampler, judge_model, answered, questions, on_result)
    return str(judge_model), [note] if note else []


@contextmanager
def _progress_bars(labels: Sequence[str]) -> Iterator[Callable[[str], None]]:
    """Show a bar per distinct label, with one step per occurrence; yield what advances a bar."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        bars = {
            label: progress.add_task(label, total=labels.count(label))
            for label in dict.fromkeys(labels)
        }
        yield lambda label: progress.advance(bars[label])


# --- printing -------------------------------------------------------------------------------------


def _print_report(report: Report, options: RiceOptions) -> None:
    if options.out:
        options.out.write_text(html_report(report), "utf-8")
        print(f"wrote {options.out}", file=sys.stderr)
    if options.json:
        print(as_json(report))
        return
    # A pipe has no width of its own, and tables need some.
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 120)
    console.print(_table(report))
    for comparison in report.comparisons:
        console.print(Text(comparison.summary))
    for note in report.notes:
        console.print(Text(note))
    console.print(_question_table(report))
    for row in report.rows:
        _print_failures(console, row)
    if not options.out:
        print("\nhint: add `--out report.html` to see all answers side by side", file=sys.stderr)


def _table(report: Report) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 1, 0, 0))
    table.add_column("model", overflow="fold", min_width=18)
    headers = ["passed", "95 %", "length", "content", "words", "first", "whole", "tok/s"]
    headers += ["per 1,000", "failed"]
    headers += ["correct*"] if report.judge else []
    for header in headers:
        table.add_column(header, justify="right", no_wrap=True)
    for row in report.rows:
        table.add_row(Text(row.name), *cells(row, report))
    if report.judge:
        table.caption = f"* according to {report.judge}; does not count towards passing"
    return table


def _question_table(report: Report) -> Table:
    """Make a table with a line per question and, for each model, its first answer's figures."""
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 1, 0, 0))
    table.add_column("length, content, seconds, cost", no_wrap=True)
    answers = []
    for row in report.rows:
        table.add_column(Text(row.name), overflow="fold")
        # The first of several repeats.
        answers.append({answer.result.question_id: answer for answer in reversed(row.graded)})
    for question_id in report.questions:
        found = [graded.get(question_id) for graded in answers]
        table.add_row(question_id, *(" ".join(answer_cells(one)) if one else "" for one in found))
    return table


def _print_failures(console: Console, row: ScoreRow) -> None:
    missed = [answer for answer in row.graded if not answer.passed]
    if not missed:
        return
    console.print(Text(f"\n{row.name} missed {len(missed)} of {row.asked}", style="bold"))
    printed: set[tuple[str, str]] = set()
    for answer in missed:
        question_id, text = answer.result.question_id, answer.result.sample.text
        # Repeats with the same answer are shown once.
        if (question_id, text) in printed:
            continue
        printed.add((question_id, text))
        failures = "; ".join(str(failure) for failure in answer.failures)
        console.print(Text.assemble("  ", (question_id, "bold"), "  ", (failures, "red")))
        if text:
            console.print(Padding(Text(text), (0, 0, 0, 4), expand=False))
