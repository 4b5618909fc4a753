"""The oracle: Telegram's own library says, offline, whether a chunk would be accepted."""

import importlib
import json
from importlib.util import find_spec
from typing import Any

import pytest

from ambrosio.core.messages import FormattedText

# There are wheels for few platforms.
tdjson: Any = importlib.import_module("tdjson") if find_spec("tdjson") else None

_TYPES = {
    "bold": "Bold",
    "italic": "Italic",
    "strikethrough": "Strikethrough",
    "code": "Code",
    "pre": "Pre",
    "blockquote": "BlockQuote",
    "expandable_blockquote": "ExpandableBlockQuote",
    "text_link": "TextUrl",
}


def execute(**request):
    """Ask TDLib something that it answers without a network, or skip the test."""
    if tdjson is None:
        pytest.skip("tdjson has no wheel for this platform")
    return json.loads(tdjson.td_execute(json.dumps(request).encode()))


def refusal(chunk: FormattedText) -> str:
    """Return why TDLib refuses a chunk, or what it would change in it; empty if it is content."""
    entities = [_entity(entity) for entity in chunk.entities]
    answer = _markdown(chunk.text, entities)
    if answer["@type"] == "error":
        return str(answer["message"])
    kept = _markdown(chunk.text, [])["text"]
    if kept != chunk.text:
        return f"the text would become {kept!r}"
    return ""


def _markdown(text, entities):
    formatted = {"@type": "formattedText", "text": text, "entities": entities}
    return execute(**{"@type": "getMarkdownText", "text": formatted})


def _entity(entity):
    kind = "PreCode" if entity.type == "pre" and entity.language else _TYPES[entity.type]
    details = {"@type": f"textEntityType{kind}"}
    if entity.url:
        details["url"] = entity.url
    if entity.language:
        details["language"] = entity.language
    return {"offset": entity.offset, "length": entity.length, "type": details}
