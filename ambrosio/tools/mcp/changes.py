"""What a server has changed in a tool since an owner allowed it, in one line. Pure."""

from collections.abc import Mapping

from ...store import AllowedTool

MAX_QUOTED_CHARACTERS = 100
# Of what stands before the first difference.
LEAD_CHARACTERS = 20


def describe_change(old: AllowedTool, new: AllowedTool) -> str:
    """Say what differs of what models are told."""
    parts = []
    if old.description != new.description:
        start = max(0, _common_length(old.description, new.description) - LEAD_CHARACTERS)
        before, after = (_quote(tool.description, start) for tool in (old, new))
        parts.append(f"description {before} → {after}")
    parts += _parameter_changes(_parameters(old.schema), _parameters(new.schema))
    if not parts and old.schema != new.schema:
        parts.append("which parameters are required")
    # Such as the end of a long description.
    return "; ".join(parts) or "details that models are not told"


def _common_length(one: str, other: str) -> int:
    pairs = enumerate(zip(one, other, strict=False))
    return next((n for n, (a, b) in pairs if a != b), min(len(one), len(other)))


def _quote(text: str, start: int) -> str:
    piece = text[start : start + MAX_QUOTED_CHARACTERS]
    end = "…" if len(text) > start + MAX_QUOTED_CHARACTERS else ""
    return f"“{'…' if start else ''}{piece}{end}”"


def _parameters(schema: Mapping[str, object]) -> Mapping[str, object]:
    properties = schema.get("properties")
    return properties if isinstance(properties, Mapping) else {}


def _parameter_changes(old: Mapping[str, object], new: Mapping[str, object]) -> list[str]:
    changes = {
        "new": [name for name in new if name not in old],
        "gone": [name for name in old if name not in new],
        "changed": [name for name in new if name in old and new[name] != old[name]],
    }
    found = [f"{what}: {', '.join(names)}" for what, names in changes.items() if names]
    return [f"parameters {', '.join(found)}"] if found else []
