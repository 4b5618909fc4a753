import json

import pytest

from ambrosio.core.tools import ToolCall
from ambrosio.providers.tool_calls import CUT, NO_JSON, LeakedCallFilter, ToolCallReader


def piece(arguments, index=0, **named):
    call_id, name = named.get("id"), named.get("name")
    function = {"arguments": arguments} | ({"name": name} if name else {})
    return {"index": index, "function": function} | ({"id": call_id} if call_id else {})


def read(*deltas, cut=False):
    reader = ToolCallReader()
    for delta in deltas:
        reader.feed(delta)
    return reader.calls(cut=cut)


def test_a_call_in_pieces_and_a_call_at_once_are_the_same():
    whole = [piece('{"expression": "2+2"}', id="abcdefgh1", name="calculator")]
    pieces = [[piece("", id="abcdefgh1", name="calculator")]]
    pieces += [[piece(part)] for part in ('{"expr', 'ession": "2', '+2"}')]
    expected = (ToolCall("abcdefgh1", "calculator", '{"expression": "2+2"}'),)
    assert read(whole) == read(*pieces) == expected


def test_calls_side_by_side_are_told_apart_by_their_index():
    found = read(
        [piece("{", 0, id="aaaaaaaaa", name="one"), piece('{"x"', 1, id="bbbbbbbbb", name="two")],
        [piece(": 1}", 1)],
        [piece("}", 0)],
    )
    assert [(call.name, call.arguments) for call in found] == [("one", "{}"), ("two", '{"x": 1}')]


@pytest.mark.parametrize(
    ("arguments", "cut", "fault"),
    [
        ("{", True, CUT),
        ('{"a": ', False, NO_JSON),
        ("[1]", False, NO_JSON),
        ('"text"', False, NO_JSON),
        ("[" * 50_000, False, NO_JSON),
        ("", False, ""),
        ("{}", False, ""),
    ],
)
def test_arguments_that_do_not_parse_are_never_kept(arguments, cut, fault):
    (call,) = read([piece(arguments, id="abcdefgh1", name="x")], cut=cut)
    assert (json.loads(call.arguments), call.fault) == ({}, fault)


def test_arguments_as_an_object_and_calls_without_an_index_or_id_are_understood():
    function = {"name": "x", "arguments": {"a": 1}}
    (call,) = read([{"function": function}])
    assert call.arguments == '{"a": 1}'
    assert len(call.call_id) == 9


def test_an_id_becomes_one_that_every_template_takes():
    (one,) = read([piece("{}", id="call_8f72b1", name="x")])
    (same,) = read([piece("{}", id="call_8f72b1", name="x")])
    assert one.call_id == same.call_id
    assert len(one.call_id) == 9
    assert one.call_id.isalnum()


def test_a_call_without_a_name_is_none():
    assert read([piece("{}", id="abcdefgh1")]) == ()


LEAK = '<tool_call>\n{"name": "calculator", "arguments": {"expression": "2+2"}}\n</tool_call>'


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (LEAK, ""),
        (f"Let me see.\n{LEAK}", "Let me see.\n"),
        (f"{LEAK}\nThat is 4.", "That is 4."),
        ('<tool_call>{"name": "calc', ""),
        ("<tool_call>", ""),
        ("<tool_call>\n<function=calculator>\n2\n</function></tool_call>", ""),
        ("A `<tool_call>` is how a model calls.", "A `<tool_call>` is how a model calls."),
        ("Models write <tool_call>{…}.", "Models write <tool_call>{…}."),
        (f"```\n{LEAK}\n```", f"```\n{LEAK}\n```"),
        ("<tool_call> is a tag.", "<tool_call> is a tag."),
        ("2 < 3, <tool", "2 < 3, <tool"),
    ],
)
def test_a_call_written_as_text_is_not_shown_and_text_about_calls_stays(text, shown):
    for size in (len(text), 1, 7):
        filtering = LeakedCallFilter()
        pieces = (text[start : start + size] for start in range(0, len(text), size))
        assert "".join(map(filtering.feed, pieces)) + filtering.end() == shown


def test_a_call_written_as_text_can_be_read():
    filtering = LeakedCallFilter()
    filtering.feed(LEAK + LEAK.replace("calculator", "rm") + "<tool_call>{]</tool_call>")
    filtering.end()
    (call,) = filtering.calls({"calculator"})
    assert (call.name, json.loads(call.arguments)) == ("calculator", {"expression": "2+2"})
