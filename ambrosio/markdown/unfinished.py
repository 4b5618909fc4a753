"""Completes or leaves out what is half-typed at the end of an unfinished answer, for streaming.

Pure. Open fences are closed by the parser, open stars and underscores by `emphasis`.
"""

import re

from .placeholders import BLOCK_STAR, BLOCK_TILDE, BLOCK_UNDERSCORE

_LINK = re.compile(r"!?\[([^\[\]]*)\]\((?:[^()\n]|\([^()\n]*\))*\Z")
_FENCE = re.compile(
    rf"[ \t>]*(?:(?:[-{BLOCK_STAR}+]|\d+[.)])[ \t]+)*(`{{3,}}|{BLOCK_TILDE}{{3,}})(.*)"
)
_HALF_FENCE = re.compile(r"[ \t>]*(?:`{1,2}|~{1,2})|" + _FENCE.pattern)
_BLOCK = re.compile(rf"\n(?=[ \t]*(?:[-{BLOCK_STAR}+#>|]|\d+[.)])|[ \t]*\n)")
_TICKS = re.compile(r"\\.|(?P<ticks>`+)")

_BLOCK_MARKS = f"[-*+=_{BLOCK_STAR}{BLOCK_UNDERSCORE}]"

# A tag, citation, command, mark of a list or a link that is not yet typed to its end.
_HALF_TYPED = re.compile(
    rf"""
    (?: </?(?:b(?:r[ ]?/?)?)?
      | \ue200[^\ue201\n]*
      | 【[\d:]*(?:†[^】\n]*)?
      | \[cite[^\]\n]{{0,40}} | :contentReference[^\s]{{0,40}}
      | (?<!\\)\\[A-Za-z]*
      | (?:^|(?<=\n))[ \t>]*\\?{_BLOCK_MARKS}(?:{_BLOCK_MARKS}|[ ])*
      | [`[ \t!]+
    )\Z
    """,
    re.VERBOSE,
)


def close_unfinished(markdown: str) -> str:
    """Return the text without what is half-typed, and with code in backticks closed."""
    if _in_fence(markdown):
        last = markdown.rfind("\n") + 1
        return markdown[:last] if _HALF_FENCE.fullmatch(markdown, last) else markdown
    start = max((match.end() for match in _BLOCK.finditer(markdown)), default=0)
    block = _LINK.sub(r"\1", markdown[start:])
    ticks = _open_ticks(block)
    if ticks:
        return markdown[:start] + block.rstrip("` \t") + ticks
    return markdown[:start] + _HALF_TYPED.sub("", block)


def _in_fence(markdown: str) -> bool:
    fence = ""
    for line in markdown.split("\n"):
        match = _FENCE.match(line)
        if not match:
            continue
        mark, info = match.groups()
        if not fence:
            fence = "" if mark[0] == "`" and "`" in info else mark
        elif mark.startswith(fence) and not info.strip():
            fence = ""
    return bool(fence)


def _open_ticks(block: str) -> str:
    """Return the backticks that a block of text leaves open."""
    position = 0
    while match := _TICKS.search(block, position):
        position = match.end()
        if ticks := match["ticks"]:
            end = re.compile(rf"(?<!`){ticks}(?!`)").search(block, position)
            if end is None:
                return "" if position == len(block) else ticks
            position = end.end()
    return ""
