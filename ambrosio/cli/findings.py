"""What `ambrosio doctor` has found, in columns, and what to fix first."""

import os
import shutil
import sys
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import click

from ..config.program import advise

# Failed: nothing works without it. Flawed: something works without it. Skipped: there was nothing
# to check, or no way to check it.
Outcome = Literal["ok", "failed", "flawed", "skipped"]
MARKS: dict[Outcome, tuple[str, str]] = {
    "ok": ("✓", "green"),
    "failed": ("✗", "red"),
    "flawed": ("!", "yellow"),
    "skipped": ("–", "bright_black"),
}
# Wide enough for the subjects that every installation has.
MIN_SUBJECT_CHARS = 8
MIN_DETAIL_CHARS = 30


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: what was checked, how it is, and how to fix it if it is not fine."""

    subject: str
    outcome: Outcome
    detail: str
    fix: str = ""

    @property
    def ok(self) -> bool:
        """Whether there is nothing to fix."""
        return self.outcome in {"ok", "skipped"}


def print_finding(finding: Finding, subjects: Sequence[str]) -> None:
    """Print a finding; `subjects` are those of all lines, for the width of their column."""
    mark, colour = MARKS[finding.outcome]
    width = max(MIN_SUBJECT_CHARS, *map(len, subjects))
    _print_line(mark, colour, finding.subject.ljust(width), advise(finding.detail))


def print_fixes(findings: Sequence[Finding]) -> None:
    """Print what to fix, what nothing works without first; or that there is nothing to fix."""
    order: dict[Outcome, int] = {"failed": 0, "flawed": 1}
    broken = [finding for finding in findings if finding.outcome in order and finding.fix]
    broken.sort(key=lambda finding: order[finding.outcome])
    click.echo()
    if not broken:
        click.echo("Everything works.")
        return
    click.echo("Fix this first:" if len(broken) == 1 else "Fix these, in this order:")
    width = max(len(finding.subject) for finding in broken)
    for number, finding in enumerate(broken, start=1):
        subject = finding.subject.ljust(width)
        _print_line(f"{number}.", MARKS[finding.outcome][1], subject, advise(finding.fix))


def _print_line(mark: str, colour: str, subject: str, text: str) -> None:
    head = f"{mark} {subject}  "
    lines = [text]
    if sys.stdout.isatty():
        columns = shutil.get_terminal_size().columns - len(head)
        lines = textwrap.wrap(
            text, max(columns, MIN_DETAIL_CHARS), break_long_words=False, break_on_hyphens=False
        )
    if not os.environ.get("NO_COLOR"):
        # click leaves colours out of a pipe.
        mark = click.style(mark, fg=colour)
    click.echo(f"{mark} {subject}  " + f"\n{' ' * len(head)}".join(lines or [""]))
