"""`docs/errors.md`: everything that is said when something goes wrong, as the code says it.

`python -m scripts.errors_page` writes the page anew; a test holds it against the code.
"""

import ast
import inspect
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from ambrosio import llama
from ambrosio.bot.answer_view import buttons_for
from ambrosio.core import errors, texts
from ambrosio.core.errors import AmbrosioError, ProviderError
from ambrosio.llama import supervisor

PAGE = Path(__file__).parent.parent / "docs" / "errors.md"
HEAD = """\
# What Ambrosio says when something goes wrong

Each is one sentence of what happened and one of what to do, with a button where that helps. Names
of providers, and numbers, are examples. `python -m scripts.errors_page` writes this page out of
the code, and a test holds it against the code.
"""
LOOK = str(inspect.signature(supervisor._failure).parameters["mend"].default)


def below(kind: type[AmbrosioError]) -> list[type[AmbrosioError]]:
    """List a class and all that come of it, in the order of the file."""
    return [kind, *(each for child in kind.__subclasses__() for each in below(child))]


ALL = [kind for kind in below(AmbrosioError) if kind.__module__ == errors.__name__]
# Those that nobody reads, since only what comes of them is raised.
ROOTS = (AmbrosioError, ProviderError)
# Those that need more than the name of a provider, or nothing.
EXAMPLES: dict[type[AmbrosioError], Callable[[], AmbrosioError]] = {
    errors.InvalidSettings: partial(errors.InvalidSettings, [("NAME", "is wrong", "right")]),
    errors.DemoFailed: partial(errors.DemoFailed, "The port is taken.", "Choose another one."),
    errors.ModelNotFound: partial(errors.ModelNotFound, "llama", model="qwen"),
    errors.NotRunning: partial(
        errors.NotRunning, "llama", reason="there was not enough memory", hint="Free some memory."
    ),
    errors.ImageModelNotFound: partial(
        errors.ImageModelNotFound, "llama", model="flux", there=("sdxl", "sd3-medium")
    ),
    errors.ContextTooLong: partial(errors.ContextTooLong, "llama", tokens=5000, limit=4096),
    errors.AllProvidersFailed: partial(
        errors.AllProvidersFailed, [errors.ServerError("llama"), errors.OutOfCredit("together")]
    ),
    errors.LocalOnlyFailed: partial(errors.LocalOnlyFailed, [errors.Overloaded("llama")]),
}


def made(kind: type[AmbrosioError]) -> AmbrosioError:
    """Make an example of a failure."""
    if kind in EXAMPLES:
        return EXAMPLES[kind]()
    return kind("llama") if issubclass(kind, ProviderError) else kind()


def regretted() -> dict[str, str]:
    """List what is said of what is not to be had, by the name that the code has for it."""
    found: dict[str, str] = {}
    for name, said in vars(texts).items():
        if name.isupper() and isinstance(said, str):
            found[name] = said
        elif name.isupper():
            found |= {f"{name} {kind}": each for kind, each in said.items()}
    return found


def unusable() -> Iterator[tuple[str, str]]:
    """Read out of the code why a model of our own cannot be served, and what mends it."""
    for path in sorted(Path(inspect.getfile(llama)).parent.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in {"Unusable", "_failure"}:
                why, *mends = node.args
                yield _text(why), _text(mends[0]) if mends else LOOK


def _text(node: ast.expr) -> str:
    """Give a text with an ellipsis for what is put into it."""
    match node:
        case ast.Constant():
            return str(node.value)
        case ast.JoinedStr():
            return "".join(_text(part) for part in node.values)
        case ast.FormattedValue():
            return "…"
        case _:
            raise AssertionError(f"no text, but {ast.unparse(node)}")


def page() -> str:
    """Write the whole page."""
    parts = [
        HEAD,
        "## Failures\n",
        *_table(
            ("failure", "what is read", "buttons"),
            [
                (
                    f"`{kind.__name__}`",
                    made(kind).user_message,
                    ", ".join(each.text for each in buttons_for(made(kind), in_private=True)),
                )
                for kind in ALL
                if kind not in ROOTS
            ],
        ),
        "\n## What is not to be had\n",
        *_table(
            ("name", "what is read"), [(f"`{name}`", said) for name, said in regretted().items()]
        ),
        "\n## Why a model of our own does not run\n",
        *_table(("why", "what mends it"), list(unusable())),
    ]
    return "\n".join(parts) + "\n"


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> list[str]:
    lines = [head, ("---",) * len(head), *rows]
    return [f"| {' | '.join(cells)} |".replace("|  |", "| |") for cells in lines]


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
