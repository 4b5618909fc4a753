"""How answers are printed: in a pipe, and as Markdown that grows on a screen."""

import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from ambrosio.assistant.progress import Progress
from ambrosio.cli.terminal import (
    RESTARTING,
    MarkdownOutput,
    PlainOutput,
    end_of_finished_blocks,
    printable,
)

ANSWER = """\
# Rice

Rinse it **well**.

| Rice | With |
|---|---|
| Basmati | falafel |

1. Wash

2. Cook

```python
cups = 2

water = cups * 1.5
```

Done.
"""


@pytest.mark.parametrize(
    ("markdown", "finished"),
    [
        ("", ""),
        ("One paragraph", ""),
        ("One.\n\n", ""),
        ("One.\n\nTw", "One.\n\n"),
        ("One.\n\nTwo.\n\nThree", "One.\n\nTwo.\n\n"),
        # What is indented may belong to the list above.
        ("- a\n\n  b", ""),
        ("- a\n\n  b\n\nEnd", "- a\n\n  b\n\n"),
        # Blank lines inside code do not end it.
        ("```\na\n\nb", ""),
        ("```\na\n\nb\n```\n\nEnd", "```\na\n\nb\n```\n\n"),
        ("~~~~\n~~~\n\nb", ""),
        ("````\n```\n\n```\n\nx", ""),
        ("```\n\n``` not the end\n\nx", ""),
        ("One.\r\n\r\nTwo", "One.\r\n\r\n"),
    ],
)
def test_finished_blocks_end_at_a_blank_line_outside_of_code(markdown, finished):
    assert markdown[: end_of_finished_blocks(markdown)] == finished


@given(st.text(alphabet="ab \n`~-\t", max_size=60), st.text(alphabet="ab \n`~-\t", max_size=20))
def test_what_is_finished_stays_finished(markdown, more):
    finished = end_of_finished_blocks(markdown)

    assert end_of_finished_blocks(markdown + more) >= finished
    assert finished <= len(markdown)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\tb\n", "a\tb\n"),
        ("\x1b[2Jgone", "[2Jgone"),
        ("\x1b]52;c;aGk=\x07", "]52;c;aGk="),
        ("\x9b31m", "31m"),
        ("back\b\b\rspace\x7f", "backspace"),
        ("日本 👍🏽", "日本 👍🏽"),
    ],
)
def test_an_answer_cannot_command_the_terminal(text, shown):
    assert printable(text) == shown


@pytest.fixture
def screen():
    console = Console(file=io.StringIO(), force_terminal=True, width=60, height=20, no_color=True)
    return MarkdownOutput(console), console.file


def show_growing(output, text, step):
    progress = Progress()
    for end in range(0, len(text), step):
        progress.text = text[:end]
        output.show(progress)


def printed_for_good(stream):
    """Play what was printed: lines that are redrawn are erased first."""
    lines = [""]
    for escape, text in re.findall(r"(\x1b\[[0-9;?]*[A-Za-z])|([^\x1b\r]+)", stream.getvalue()):
        if escape == "\x1b[1A":
            lines.pop()
        elif escape == "\x1b[2K":
            lines[-1] = ""
        first, *further = text.split("\n")
        lines[-1] += first
        lines += further
    return [" ".join(line.split()) for line in lines if line.strip()]


@pytest.mark.parametrize("step", [1, 7, 1000])
def test_a_growing_answer_ends_the_same_however_it_came(screen, step):
    output, stream = screen
    show_growing(output, ANSWER, step)

    output.finish(ANSWER)

    assert printed_for_good(stream) == [
        "Rice",
        "Rinse it well.",
        "Rice With",
        "─" * 16,
        "Basmati falafel",
        "1 Wash",
        "2 Cook",
        "cups = 2",
        "water = cups * 1.5",
        "Done.",
    ]


def test_what_is_cut_from_the_end_is_not_printed_anew(screen, capsys):
    output, stream = screen
    looping, kept = "Tea.\n\nTea.\n\nTea.\n\n", "Tea."
    plain = PlainOutput()
    for shown in (output, plain):
        show_growing(shown, looping, 1)
        shown.finish(kept)

    assert printed_for_good(stream) == ["Tea.", "Tea."]
    assert capsys.readouterr() == (f"{looping[:-1]}\n", "")


def test_another_provider_begins_anew_below(screen):
    output, stream = screen
    show_growing(output, "Green tea.\n\nIt is", 1)

    output.finish("Black tea.")

    assert printed_for_good(stream) == ["Green tea.", RESTARTING, "Black tea."]
