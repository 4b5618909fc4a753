"""Reads what stands behind the opening fence of a code block: a language, or a file name."""

import re
from dataclasses import dataclass

# The languages that models name, and the extensions of their files.
EXTENSIONS = {
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

_FILE_NAMES = {"dockerfile": "dockerfile", "makefile": "makefile", "cmakelists.txt": "cmake"}
_MORE_LANGUAGES = """
    ada apache arduino awk cfg clj clojure cmake cmd cobol conf console cython django docker elm env
    erlang f90 fish fortran fsharp gitignore glsl gradle graphql groovy hcl http java jinja json5
    jsonc jsonl kt less lisp log matlab mdx mermaid mjs mysql nginx nim nix objc objective-c ocaml
    pascal patch pgsql plain plaintext postgresql prolog properties proto protobuf ps1 pycon qmd rmd
    rst sass scheme scss sed shell-session solidity svelte tcl terraform text tf tsv txt typst vb
    verilog vhdl vim wasm zig
"""
_LANGUAGES = frozenset((*EXTENSIONS, *EXTENSIONS.values(), *_MORE_LANGUAGES.split()))

# Languages whose text often has code blocks of its own.
NESTING_LANGUAGES = frozenset({"markdown", "md", "mdx", "rmd", "qmd", "rst", "text", "txt"})

_NAME = re.compile(r"[\w+#.-]{1,32}")
_BRACED = re.compile(r"\{\s*\.?([\w+#-]{1,32})[\s,]*([^{}]*)\}")
_WITH_PATH = re.compile(r"([\w+#-]{1,20}):(\S+[./]\S+)")
_FILE = re.compile(r"(?:[^\s/]*/)+\S*|\.?[\w@+.-]+\.(\w{1,12})|\.\w[\w.-]*")


@dataclass(frozen=True, slots=True)
class FenceInfo:
    """The language of a code block ("" if none), and what else is written, to be shown above."""

    language: str
    caption: str


def parse_info(info: str) -> FenceInfo:
    """Read what stands behind an opening fence; no word of it is lost."""
    info = info.strip()
    if braced := _BRACED.fullmatch(info):
        return FenceInfo(braced[1], braced[2].strip())
    first, _, rest = info.partition(" ")
    if with_path := _WITH_PATH.fullmatch(first):
        return FenceInfo(with_path[1], f"{with_path[2]} {rest}".strip())
    if is_file_name(first):
        return FenceInfo(_language_of(first), info)
    name = _NAME.match(first)
    if name is None or "=" in first or ":" in first:
        return FenceInfo("", info)
    return FenceInfo(name[0], info[name.end() :].strip(" \t,;"))


def is_language(word: str) -> bool:
    """Return whether a word behind a fence names a language or a file."""
    return word.lower() in _LANGUAGES or is_file_name(word)


def is_file_name(word: str) -> bool:
    """Return whether a word is the path or the name of a file."""
    match = _FILE.fullmatch(word)
    if match is None:
        return word.lower() in _FILE_NAMES and not word.islower()
    return match[1] is None or match[1].lower() in _LANGUAGES


def _language_of(path: str) -> str:
    name = path.rsplit("/", 1)[-1].lower()
    extension = name.rsplit(".", 1)[-1] if "." in name else ""
    return _FILE_NAMES.get(name, extension if extension in _LANGUAGES else "")
