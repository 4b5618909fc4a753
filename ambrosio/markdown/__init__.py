"""Model Markdown as messages for Telegram: text and entities, which cannot fail to parse.

Everything that the model wrote is shown, what Telegram cannot format as plain text. Nothing here
sends, fetches or knows a chat. Addresses are never followed; whether a link is harmless is for the
reader to judge.
"""

import re
from dataclasses import dataclass

from ..messages import Chunk, Entity, File
from . import chunks
from .chunks import units
from .source import Source, clean, prepared
from .walker import Code, Walker, good, labelled, named, parsed

# Longer code is also sent as a file, which is easier to take away from a phone.
_LONG_CODE = 3500
_LONGEST_RICH = 32_768

_EXTENSIONS = {
    "asm": "asm",
    "bash": "sh",
    "bat": "bat",
    "c": "c",
    "c#": "cs",
    "c++": "cpp",
    "cpp": "cpp",
    "cs": "cs",
    "csharp": "cs",
    "css": "css",
    "csv": "csv",
    "dart": "dart",
    "diff": "diff",
    "dockerfile": "dockerfile",
    "elixir": "ex",
    "go": "go",
    "golang": "go",
    "haskell": "hs",
    "html": "html",
    "ini": "ini",
    "java": "java",
    "javascript": "js",
    "js": "js",
    "json": "json",
    "jsx": "jsx",
    "julia": "jl",
    "kotlin": "kt",
    "latex": "tex",
    "lua": "lua",
    "makefile": "mk",
    "markdown": "md",
    "md": "md",
    "perl": "pl",
    "php": "php",
    "powershell": "ps1",
    "py": "py",
    "python": "py",
    "python3": "py",
    "r": "r",
    "rb": "rb",
    "ruby": "rb",
    "rs": "rs",
    "rust": "rs",
    "scala": "scala",
    "sh": "sh",
    "shell": "sh",
    "sql": "sql",
    "svg": "svg",
    "swift": "swift",
    "tex": "tex",
    "toml": "toml",
    "ts": "ts",
    "tsx": "tsx",
    "typescript": "ts",
    "vue": "vue",
    "xml": "xml",
    "yaml": "yaml",
    "yml": "yml",
    "zsh": "sh",
}

_UNFINISHED_LINK = re.compile(r"!?\[([^\[\]]*)\]\((?:[^()\n]|\([^()\n]*\))*\Z")
_FENCE = re.compile(r"[ \t>]*(?:(?:[-*+]|\d+[.)])[ \t]+)*(`{3,}|~{3,})(.*)")
_HALF_FENCE = re.compile(r"[ \t>]*(?:`{1,2}|~{1,2})|" + _FENCE.pattern)
_BLOCK = re.compile(r"\n(?=[ \t]*(?:[-*+#>|]|\d+[.)])|[ \t]*\n)")
_MARKS = re.compile(r"\\.|(?P<ticks>`+)|(?P<mark>\*{1,3}|~~|(?<!\w)__?(?=\S)|(?<=\S)__?(?!\w))")
_RICH_DANGER = re.compile(r"<(?!https?://)[a-z/!?]|!\[", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Rendered:
    """An answer ready to be sent: its messages, in order, and the long code in it as files."""

    chunks: tuple[Chunk, ...]
    files: tuple[File, ...] = ()


def render(markdown: str, *, files: bool = True) -> Rendered:
    """Turn a complete answer into messages, and long code into files as well."""
    walker = _walked(markdown)
    long = [code for code in walker.codes if files and len(code.text) > _LONG_CODE]
    named = tuple(_file(code, number) for number, code in enumerate(long, start=1))
    return Rendered(chunks.split(walker.passage), named)


def preview(markdown: str) -> Chunk:
    """Show an answer that is still growing: what is half open is closed, of the rest the end."""
    return chunks.tail(_walked(_closed(clean(markdown).rstrip())).passage)


def plain(text: str) -> Chunk:
    """Return a notice without formatting, cut to fit into one message."""
    return Chunk(chunks.head(clean(text).expandtabs(4)))


def expandable(reasoning: str) -> Chunk:
    """Return a model's reasoning as a quote that opens when it is touched, cut to fit."""
    text = chunks.head(clean(reasoning).expandtabs(4))
    if not text:
        return Chunk("")
    return Chunk(text, (Entity("expandable_blockquote", 0, units(text)),))


def needs_rich(markdown: str) -> bool:
    """Say whether entities cannot express the answer and a rich message safely can."""
    if not _walked(markdown).needs_rich:
        return False
    cleaned = rich(markdown)
    # Where two parsers could disagree on what is code, no HTML and no picture may stand at all.
    return len(cleaned) <= _LONGEST_RICH and not _RICH_DANGER.search(cleaned)


def rich(markdown: str) -> str:
    """Return the Markdown for Telegram's own parser, which would take HTML and fetch pictures."""
    source = prepared(markdown)
    data = source.text.encode()
    parts: list[str] = []
    place = 0
    for start, end, text in _replacements(source):
        parts += (_prose(source, data[place:start]), text)
        place = end
    return "".join((*parts, _prose(source, data[place:])))


def _walked(markdown: str) -> Walker:
    walker = Walker(prepared(markdown))
    walker.walk()
    return walker


def _file(code: Code, number: int) -> File:
    extension = _EXTENSIONS.get(code.language.lower(), "txt")
    return File(f"code-{number}.{extension}", code.text.encode() + b"\n")


# --- what is half open ----------------------------------------------------------------------------


def _closed(markdown: str) -> str:
    """Close the marks that are still open at the end; open fences are closed by the parser."""
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
    """Return the marks that close what a block of text leaves open."""
    stack: list[str] = []
    place = 0
    while match := _MARKS.search(block, place):
        place = match.end()
        if ticks := match["ticks"]:
            end = re.compile(rf"(?<!`){ticks}(?!`)").search(block, place)
            if end is None:
                return ticks + "".join(reversed(stack))
            place = end.end()
        elif mark := match["mark"]:
            _toggle(stack, mark, block[match.start() - 1 : match.start()], block[place : place + 1])
    return "".join(reversed(stack))


def _toggle(stack: list[str], mark: str, before: str, after: str) -> None:
    """Let a mark between two characters close what it can, or else open."""
    pair = ["**", "*"] if mark == "***" else [mark]
    if before.strip() and all(single in stack for single in pair):
        for single in pair:
            if single in stack:
                del stack[stack.index(single) :]
    elif after.strip() and not (mark == "*" and before.isalnum()):
        stack += pair


# --- for Telegram's own parser --------------------------------------------------------------------


def _replacements(source: Source) -> list[tuple[int, int, str]]:
    """Return what must not be passed on as prose: code, pictures and links that are refused."""
    found: list[tuple[int, int, str]] = []
    label: list[str] = []
    targets: list[str] = []
    data = source.text.encode()
    for event, extent in parsed(source):
        kind, value = named(event)
        start, end = extent["start"], extent["end"]
        if kind in {"Code", "Start CodeBlock"} and not targets:
            found.append((start, end, source.raw(data[start:end].decode())))
        elif kind in {"Text", "Code"} and targets:
            label.append(source.shown(value))
        elif kind in {"Start Link", "Start Image"}:
            url = source.raw(value["dest_url"])
            if targets or kind == "Start Image" or not good(url):
                targets.append(url)
        elif kind in {"End Link", "End Image"} and targets:
            label.append(labelled("".join(label).strip(), targets.pop()))
            if not targets:
                found.append((start, end, _escaped("".join(label))))
                label.clear()
    return found


def _escaped(text: str) -> str:
    text = re.sub(r"([\\`*_\[\]!$|~=#])", r"\\\1", text)
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _prose(source: Source, data: bytes) -> str:
    return source.rich(data.decode()).replace("![", r"!\[")
