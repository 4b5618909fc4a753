"""What a model is shown of a server's schema."""

import pytest

from ambrosio.tools.mcp.schema import is_too_large, shorten, simplify
from ambrosio.tools.mcp.tool import tool_name

TEXT = {"type": "string"}


@pytest.mark.parametrize(
    ("schema", "simple"),
    [
        ({}, {"type": "object"}),
        (
            {
                "$schema": "x",
                "type": "object",
                "title": "T",
                "properties": {"a": {**TEXT, "title": "A", "pattern": "^a"}},
                "required": ["a", "b"],
                "additionalProperties": False,
            },
            {"type": "object", "properties": {"a": TEXT}, "required": ["a"]},
        ),
        (
            {"properties": {"a": {"anyOf": [{"type": "null"}, TEXT], "description": " x\n y "}}},
            {"type": "object", "properties": {"a": {**TEXT, "description": "x y"}}},
        ),
        (
            {"properties": {"a": {"type": ["null", "integer"], "enum": [1, None, "b", {}]}}},
            {"type": "object", "properties": {"a": {"type": "integer", "enum": [1, "b"]}}},
        ),
        (
            {"properties": {"a": {"type": "array", "items": {**TEXT, "format": "uri"}}}},
            {"type": "object", "properties": {"a": {"type": "array", "items": TEXT}}},
        ),
        ({"properties": {"a": {"$ref": "#/$defs/x"}}}, {"type": "object", "properties": {"a": {}}}),
        ({"properties": {"a": 1, "b": True}, "required": 3}, None),
        ({"type": "string", "properties": []}, {"type": "object"}),
    ],
)
def test_only_what_models_understand_is_left(schema, simple):
    assert simplify(schema) == (simple or {"type": "object", "properties": {"a": {}, "b": {}}})


def test_a_schema_without_end_is_cut():
    endless: dict[str, object] = {"type": "object"}
    endless["properties"] = {"a": endless}

    assert str(simplify(endless)).count("properties") == 5


def test_a_tool_that_is_too_large_is_known():
    many = {"properties": {f"argument_{n}": TEXT for n in range(100)}}

    assert is_too_large("a", "b", simplify(many))
    assert not is_too_large("a", "b", simplify({"properties": {"a": TEXT}}))
    assert len(shorten("x" * 1000)) == 300


@pytest.mark.parametrize(
    ("tool", "name"),
    [("read_note", "notes__read_note"), ("a.b", "notes__a_b"), ("x" * 90, "notes__" + "x" * 57)],
)
def test_a_name_is_one_that_every_server_takes(tool, name):
    assert tool_name("notes", tool) == name
