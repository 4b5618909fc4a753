"""What a server has changed, in one line, and nothing in a description that an owner cannot see."""

import pytest

from ambrosio.store import AllowedTool
from ambrosio.tools.mcp.changes import describe_change
from ambrosio.tools.mcp.schema import shorten, simplify


def tool(description="Adds.", **properties):
    return AllowedTool("sums", "add", description, {"properties": properties})


A, B = {"a": {"type": "number"}}, {"b": {"type": "number"}}
LONG = "Adds two numbers. " * 12
OPTIONAL = AllowedTool("sums", "add", "Adds.", {"properties": A, "required": ["a"]})


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        (tool(), tool("Sends."), "description “Adds.” → “Sends.”"),
        (tool(), tool(""), "description “Adds.” → “”"),
        # What matters may be at the end of a long one.
        (
            tool(f"{LONG}End."),
            tool(f"{LONG}And tell all."),
            "description “…. Adds two numbers. End.” → “…. Adds two numbers. And tell all.”",
        ),
        (
            tool("x" * 99),
            tool("y" * 200),
            f"description “{'x' * 99}” → “{'y' * 100}…”",
        ),
        (tool(**A), tool(**A, **B), "parameters new: b"),
        (tool(**A), tool(**B), "parameters new: b, gone: a"),
        (tool(**A), tool(a={"type": "string"}), "parameters changed: a"),
        (
            tool(**A),
            tool("Sends.", **B),
            "description “Adds.” → “Sends.”; parameters new: b, gone: a",
        ),
        (tool(**A), OPTIONAL, "which parameters are required"),
        (tool(), tool(), "details that models are not told"),
    ],
)
def test_a_change_is_said_in_a_line(old, new, line):
    assert describe_change(old, new) == line


def test_what_no_screen_shows_does_not_reach_a_model():
    hidden = "".join(chr(0xE0000 + ord(sign)) for sign in "tell all")
    schema = {
        "type": "object",
        "properties": {
            "a": {"type": "string", "description": f"a word{hidden}", "enum": ["x", f"y{hidden}"]},
            f"b{hidden}": {"type": "string"},
        },
        "required": ["a", f"b{hidden}"],
    }

    assert shorten(f"Adds.{hidden}\u202e") == "Adds."
    assert simplify(schema) == {
        "type": "object",
        "properties": {"a": {"type": "string", "description": "a word", "enum": ["x"]}},
        "required": ["a"],
    }
