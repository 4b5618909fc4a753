"""Closes the Markdown marks that an unfinished answer leaves open, for streaming.

Pure; open code fences are left to the parser, which closes them itself.
"""

import re

_UNFINISHED_LINK = re.compile(r"!?\[([^\[\]]*)\]\((?:[^()\n]|\([^()\n]*\))*\Z")
_FENCE = re.compile(r"[ \t>]*(?:(?:[-*+]|\d+[.)])[ \t]+)*(`{3,}|~{3,})(.*)")
_HALF_FENCE = re.compile(r"[ \t>]*(?:`{1,2}|~{1,2})|" + _FENCE.pattern)
_BLOCK = re.compile(r"\n(?=[ \t]*(?:[-*+#>|]|\d+[.)])|[ \t]*\n)")
_MARKS = re.compile(r"\\.|(?P<ticks>`+)|(?P<mark>\*{1,3}|~~|(?<!\w)__?(?=\S)|(?<=\S)__?(?!\w))")


def close_unfinished(markdown: str) -> str:
    """Append the closing marks that are missing at the end."""
    if _in_fence(markdown):
        last = markdown.rfind("\n") + 1
        return markdown[:last] if _HALF_FENCE.fullmatch(markdown, last) else markdown
    start = max((match.end() for match in _BLOCK.finditer(markdown)), default=0)
    block = _UNFINISHED_LINK.sub(r"\1", markdown[start:])
    block = block.rstrip("*_~`[ \t!")
    return markdown[:start] + block + _closers(block)


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


def _closers(block: str) -> str:
    """Return the closing marks for everything that a block of text leaves open."""
    stack: list[str] = []
    position = 0
    while match := _MARKS.search(block, position):
        position = match.end()
        if ticks := match["ticks"]:
            end = re.compile(rf"(?<!`){ticks}(?!`)").search(block, position)
            if end is None:
                return ticks + "".join(reversed(stack))
            position = end.end()
        elif mark := match["mark"]:
            _toggle(
                stack,
                mark,
                block[match.start() - 1 : match.start()],
                block[position : position + 1],
            )
    return "".join(reversed(stack))


def _toggle(stack: list[str], mark: str, before: str, after: str) -> None:
    """Let a mark between two characters close an open one, or else open."""
    pair = ["**", "*"] if mark == "***" else [mark]
    if before.strip() and all(single in stack for single in pair):
        for single in pair:
            if single in stack:
                del stack[stack.index(single) :]
    elif after.strip() and not (mark == "*" and before.isalnum()):
        stack += pair
