"""Generate `docs/errors.md`, the list of all messages about failures, from the code.

Run `python -m scripts.errors_page` after changing one; a test compares the page with the code.
"""

import ast
import inspect
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from ambrosio import llama
from ambrosio.bot.answer_view import buttons_for
from ambrosio.core import errors, file_errors, provider_errors, sound_errors, texts
from ambrosio.core.errors import AmbrosioError
from ambrosio.core.provider_errors import ProviderError
from ambrosio.llama import supervisor
from ambrosio.llama.errors import ModelUnusable

PAGE = Path(__file__).parent.parent / "docs" / "errors.md"
HEAD = """\
# What Ambrosio says when something goes wrong

Each message says what happened and what to do, with buttons where they help. Provider names and
numbers are examples. At the terminal and in alerts, "Ask the owner to …" becomes an instruction.
This page is generated from the code by `python -m scripts.errors_page`.
"""
CALLS_WITH_REASONS = {ModelUnusable.__name__, supervisor._failure.__name__}
DEFAULT_REMEDY = str(inspect.signature(supervisor._failure).parameters["remedy"].default)


def list_subclasses(kind: type[AmbrosioError]) -> list[type[AmbrosioError]]:
    """List a class and all its subclasses, in the order of the file."""
    return [
        kind,
        *(below for child in kind.__subclasses__() for below in list_subclasses(child)),
    ]


MODULES = (errors.__name__, provider_errors.__name__, file_errors.__name__, sound_errors.__name__)
ALL = [kind for kind in list_subclasses(AmbrosioError) if kind.__module__ in MODULES]
# Never raised themselves, only their subclasses.
ROOTS = (AmbrosioError, ProviderError)
# Examples of those that need more arguments than a provider name.
EXAMPLES: dict[type[AmbrosioError], Callable[[], AmbrosioError]] = {
    errors.InvalidSettings: partial(errors.InvalidSettings, [("NAME", "is invalid", "expected …")]),
    errors.DatabaseVersion: partial(errors.DatabaseVersion, "ambrosio.db", "ambrosio.db.v1"),
    errors.DemoFailed: partial(errors.DemoFailed, "The port is in use.", "Choose another one."),
    errors.NobodySees: partial(errors.NobodySees, ["llama"], offer="together/Qwen/Qwen3.5-9B"),
    errors.NobodySeesHere: partial(errors.NobodySeesHere, ["llama"]),
    errors.PageNotRead: partial(errors.PageNotRead, "example.com", "it took too long"),
    errors.SearchFailed: partial(errors.SearchFailed, "no search engine answered"),
    provider_errors.ModelNotFound: partial(provider_errors.ModelNotFound, "llama", model="qwen"),
    provider_errors.NotRunning: partial(
        provider_errors.NotRunning,
        "llama",
        reason="there was not enough memory",
        hint="Free some memory.",
    ),
    provider_errors.ImageModelNotFound: partial(
        provider_errors.ImageModelNotFound, "llama", model="flux", there=("sdxl", "sd3-medium")
    ),
    provider_errors.ContextTooLong: partial(
        provider_errors.ContextTooLong, "llama", tokens=5000, limit=4096
    ),
    provider_errors.AllProvidersFailed: partial(
        provider_errors.AllProvidersFailed,
        [provider_errors.ServerError("llama"), provider_errors.OutOfCredit("together")],
    ),
    provider_errors.LocalOnlyFailed: partial(
        provider_errors.LocalOnlyFailed, [provider_errors.Overloaded("llama")]
    ),
}


def make_example(kind: type[AmbrosioError]) -> AmbrosioError:
    """Build an example of a failure."""
    if kind in EXAMPLES:
        return EXAMPLES[kind]()
    return kind("llama") if issubclass(kind, ProviderError) else kind()


def list_texts() -> dict[str, str]:
    """List the replies in `core.texts` by their names in the code."""
    found: dict[str, str] = {}
    for name, text in vars(texts).items():
        if name.isupper() and isinstance(text, str):
            found[name] = text
        elif name.isupper():
            found |= {f"{name} {kind}": kind_text for kind, kind_text in text.items()}
    return found


def find_model_problems() -> Iterator[tuple[str, str]]:
    """Find in the code why our own llama.cpp server cannot serve a model, and what to do."""
    for path in sorted(Path(inspect.getfile(llama)).parent.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in CALLS_WITH_REASONS:
                reason, *remedies = node.args
                yield _text(reason), _text(remedies[0]) if remedies else DEFAULT_REMEDY


def _text(node: ast.expr) -> str:
    """Return the text of a string literal, with an ellipsis for each value in it."""
    match node:
        case ast.Constant():
            return str(node.value)
        case ast.JoinedStr():
            return "".join(_text(part) for part in node.values)
        case ast.FormattedValue():
            return "…"
        case _:
            raise AssertionError(f"not a string literal: {ast.unparse(node)}")


def render_page() -> str:
    """Render the whole page."""
    parts = [
        HEAD,
        "## Failures\n",
        *_table(
            ("failure", "message", "buttons"),
            [
                (
                    f"`{kind.__name__}`",
                    make_example(kind).user_message,
                    ", ".join(
                        button.text for button in buttons_for(make_example(kind), in_private=True)
                    ),
                )
                for kind in ALL
                if kind not in ROOTS
            ],
        ),
        "\n## Unsupported input and refusals\n",
        *_table(("name", "message"), [(f"`{name}`", text) for name, text in list_texts().items()]),
        "\n## Why the local model is not running\n",
        *_table(("reason", "what to do"), list(find_model_problems())),
    ]
    return "\n".join(parts) + "\n"


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> list[str]:
    lines = [head, ("---",) * len(head), *rows]
    return [f"| {' | '.join(cells)} |".replace("|  |", "| |") for cells in lines]


if __name__ == "__main__":
    PAGE.write_text(render_page(), "utf-8")
