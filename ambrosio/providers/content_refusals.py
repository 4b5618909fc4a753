"""Recognises that a server refuses the content of a request, not its form. Pure.

By code and type first; by the words only where there is nothing else. Sources: OpenAI
(`content_policy_violation`, `moderation_blocked`), Azure (`content_filter`,
`ResponsibleAIPolicyViolation`), Stability (`CONTENT_FILTERED`), Black Forest Labs ("Content
Moderated"), Google ("blocked by safety filters", `raiFilteredReason`), together.ai ("NSFW
content"), and the diffusers' servers (`nsfw_content_detected`).
"""

import re
from collections.abc import Iterator, Mapping

CODES = re.compile(
    r"content_?policy_?violation|moderation_?blocked|(?:image_)?content_?filter(?:ed)?"
    r"|content_?moderated|request_?moderated|responsible_?ai_?policy_?violation"
    r"|nsfw(?:_content)?(?:_detected)?|safety(?:_violation|_error)?|prohibited_?content"
    r"|image_safety|policy_?violation",
    re.IGNORECASE,
)
WORDS = re.compile(
    r"\bnsfw\b|\bcontent (?:polic|moderat|filter|guideline)|\brequest moderated"
    r"|\bsafety (?:system|filter|check|polic|guideline|reason|setting)|\bmoderation\b"
    r"|\b(?:block|reject|flag|refus|violat|filter)\w*\b.{0,60}\b(?:safety|polic|guideline|moderat)"
    r"|\b(?:inappropriate|sexually explicit|sexual|explicit|prohibited|harmful|unsafe|disallowed)"
    r" (?:content|prompt|image|material|words?)|\bblocked (?:words?|terms?|content|prompt)"
    r"|\bprompt (?:was |has been |is )?(?:blocked|flagged)|违规|敏感|不当内容",
    re.IGNORECASE | re.DOTALL,
)
# A parameter that has to do with it is no refusal of content.
PARAMETER = re.compile(
    r"\b(?:un\w+|not|invalid|extra)\b.{0,40}\b(?:parameters?|arguments?|fields?|options?|inputs?)\b"
    r"|\bparameters?\b.{0,60}\bnot\b",
    re.IGNORECASE | re.DOTALL,
)
# The fields that the reason is in.
CODE_FIELDS = ("code", "type", "reason", "finish_reason", "finishReason", "status", "blockReason")
WORD_FIELDS = ("message", "detail", "details", "error", "errors", "raiFilteredReason", "msg")
FLAGS = ("nsfw", "has_nsfw_concepts", "nsfw_content_detected", "is_nsfw", "content_filtered")
# What a content refusal may name as the wrong parameter.
CONTENT_PARAMETERS = ("prompt", "input", "image", "messages", "negative_prompt")
MAX_DEPTH = 4


def refuses_content(response: object) -> bool:
    """Whether a server's answer says so: a whole response, its `error`, or a text."""
    return any(_tells(part) for part in _parts(response))


def _tells(part: object) -> bool:
    if isinstance(part, str):
        return bool(WORDS.search(part)) and not PARAMETER.search(part)
    if not isinstance(part, Mapping):
        return False
    parameter = part.get("param")
    if parameter and parameter not in CONTENT_PARAMETERS:
        return False
    codes = [value for name in CODE_FIELDS if isinstance(value := part.get(name), str)]
    return any(map(CODES.fullmatch, (code.replace(" ", "_") for code in codes))) or any(
        part.get(name) in (True, [True]) for name in FLAGS
    )


def _parts(value: object, depth: int = 0) -> Iterator[object]:
    """Yield the descriptions in a response, and their texts."""
    if isinstance(value, str):
        yield value
    if isinstance(value, Mapping):
        yield value
    if depth < MAX_DEPTH:
        for inner in _inner(value):
            yield from _parts(inner, depth + 1)


def _inner(value: object) -> list[object]:
    """Return what may tell the reason: all structures, and the texts of `WORD_FIELDS`."""
    if isinstance(value, list):
        return [item for item in value if isinstance(item, Mapping | list)]
    if not isinstance(value, Mapping):
        return []
    is_content = value.get("param") in {None, "", *CONTENT_PARAMETERS}
    words = WORD_FIELDS if is_content else ()
    return [
        inner for name, inner in value.items() if name in words or isinstance(inner, Mapping | list)
    ]
