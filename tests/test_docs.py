"""What is written about Ambrosio is so."""

import ast
import re
import tomllib
from pathlib import Path

import pytest

import ambrosio
from ambrosio.cli import main
from ambrosio.commands.registry import COMMANDS
from ambrosio.config import prompts, settings
from ambrosio.config.mcp import McpServerConfig
from ambrosio.config.provider import ProviderConfig

from .support import ROOT

PACKAGE = Path(ambrosio.__file__).parent
README = (ROOT / "README.md").read_text("utf-8")


def section(title):
    """Cut out a section of the README, or fail."""
    found = re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", README, re.DOTALL | re.MULTILINE)
    assert found, f"the README has no section {title}"
    return found[1]


def rows(text):
    """Read the rows of Markdown tables as (first cell, second cell)."""
    cells = re.findall(r"^\| (`.*?) \| (.*) \|$", text, re.MULTILINE)
    return [(name.replace(r"\|", "|"), says.replace(r"\|", "|")) for name, says in cells]


def test_the_readme_lists_every_command_as_the_bot_does():
    listed = [row for row in rows(section("Commands")) if row[0].startswith("`/")]
    expected = []
    for command in COMMANDS:
        aliases = ", ".join(f"`/{alias}`" for alias in command.aliases)
        usage = f"`/{command.name}{' ' + command.args if command.args else ''}`"
        name = f"{usage} ({aliases})" if aliases else usage
        expected.append((name, command.description + (" (owner)" if command.owner_only else "")))
    assert listed == expected


def test_the_readme_lists_every_verb_of_the_command_line():
    listed = {name.strip("`") for name, _ in rows(section("Commands")) if name[1] != "/"}
    assert listed == {f"ambrosio {verb}" for verb in main.main.commands}


def test_the_map_in_the_readme_is_the_package():
    there = {path.stem for path in PACKAGE.glob("*.py")} - {"__init__", "__main__"}
    there |= {f"{path.parent.name}/" for path in PACKAGE.glob("*/__init__.py")}
    cells = " ".join(cell for cell, _ in rows(section("How it works")))
    names = re.findall(r"`(.*?)`", cells)
    assert sorted(names) == sorted(there)


def test_the_readme_can_be_read_at_a_sitting():
    assert len(README.splitlines()) <= 200


def test_the_example_of_a_provider_can_be_used_and_names_every_field(tmp_path):
    example = (ROOT / "docs" / "ambrosio.toml").read_text("utf-8")
    everything = re.sub(r"^# (?=\w+ = )", "", example, flags=re.MULTILINE)
    (row,) = tomllib.loads(everything)["providers"].values()
    assert set(row) == set(ProviderConfig.model_fields)
    for text in (example, everything):
        (tmp_path / "ambrosio.toml").write_text(text, "utf-8")
        assert set(settings.load(tmp_path).providers) == {"cluster"}


def test_the_example_of_an_mcp_server_can_be_used_and_names_every_field(tmp_path):
    example = (ROOT / "docs" / "ambrosio.toml").read_text("utf-8")
    everything = re.sub(r"^#(?=[\[\w])", "", example, flags=re.MULTILINE)
    (row,) = tomllib.loads(everything)["mcp"].values()
    assert set(row) == set(McpServerConfig.model_fields)
    for left_out in ("command", "url"):
        text = re.sub(rf"^{left_out} = .*$", "", everything, flags=re.MULTILINE)
        (tmp_path / "ambrosio.toml").write_text(text, "utf-8")
        assert set(settings.load(tmp_path).mcp) == {"notes"}


@pytest.mark.parametrize(
    "page",
    [
        "README.md",
        "CONTRIBUTING.md",
        "docs/architecture.md",
        "compose.yaml",
        "Dockerfile",
        "docs/ambrosio.service",
        "docs/server.md",
        "docs/scaling.md",
    ],
)
def test_only_settings_that_exist_are_spoken_of(page):
    spoken_of = re.findall(
        r"\b(?:AMBROSIO|LLAMA|TELEGRAM|TOGETHER|OPENAI|BRAVE)_[A-Z_]+\b",
        (ROOT / page).read_text("utf-8"),
    )
    known = {name.upper() for name in settings.Settings.model_fields} | {"LLAMA_CACHE"}
    assert set(spoken_of) <= known


def test_the_example_of_the_settings_names_each_of_them_and_loads(tmp_path):
    example = (ROOT / ".env.example").read_text("utf-8")
    named = re.findall(r"^#?([A-Z][A-Z_]+)=", example, re.MULTILINE)
    assert sorted(named) == sorted(
        name.upper()
        for name in settings.Settings.model_fields
        if name not in settings.NOT_VARIABLES
    )
    uncommented = re.sub(r"^#(?=[A-Z_]+=)", "", example, flags=re.MULTILINE)
    for text in (example, uncommented):
        (tmp_path / ".env").write_text(text, "utf-8")
        settings.load(tmp_path)


def test_the_model_is_told_what_vv_means():
    prompt = prompts.read("system.txt")
    assert prompt == (ROOT / "prompts" / "system.txt").read_text("utf-8").strip()
    assert 'begins with the string "vv"' in prompt
    assert "as concisely as possible" in prompt
    assert {"/remind", "/remember"} <= set(re.findall(r"/\w+", prompt))


def test_the_changelog_tells_of_this_version():
    changelog = (ROOT / "CHANGELOG.md").read_text("utf-8")
    assert re.search(
        rf"^## \[{re.escape(ambrosio.__version__)}\] - \d{{4}}-\d\d-\d\d$", changelog, re.MULTILINE
    )


PAGES_FOR_DEVELOPERS = ("docs/architecture.md", "CONTRIBUTING.md", "SECURITY.md")


def paths_in(page):
    """Find the backticked words of a page, outside of code blocks, that look like our own paths."""
    text = re.sub(
        r"^```.*?^```$", "", (ROOT / page).read_text("utf-8"), flags=re.DOTALL | re.MULTILINE
    )
    packages = {init.parent.name for init in PACKAGE.glob("*/__init__.py")}
    for word in re.findall(r"`([^`\n]+)`", text):
        first, slash, _ = word.partition("/")
        if not re.fullmatch(r"[\w./-]+", word) or not (first and slash):
            continue
        if first in packages or (ROOT / first).is_dir():
            yield word


def exists(path):
    """Say whether a path is there: from the root, or a package or module of ours without `.py`."""
    return any(
        found.exists()
        for found in (ROOT / path, PACKAGE / path, PACKAGE / f"{path.rstrip('/')}.py")
    )


@pytest.mark.parametrize("page", PAGES_FOR_DEVELOPERS)
def test_every_path_in_the_pages_for_developers_exists(page):
    named = set(paths_in(page))
    assert any(path.endswith(".py") for path in named)
    assert sorted(path for path in named if not exists(path)) == []


def defined_names():
    """Every class, function, constant, field and attribute that the package defines."""
    names = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                names.add(node.name)
            elif isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Store):
                names.add(node.id if isinstance(node, ast.Name) else node.attr)
    return names


@pytest.mark.parametrize("page", ["docs/architecture.md", "CONTRIBUTING.md"])
def test_every_class_and_constant_in_the_pages_for_developers_exists(page):
    text = (ROOT / page).read_text("utf-8")
    # Qualified names, classes, private names and constants; plain words may be anything.
    spoken = re.findall(r"`(_?[A-Z]\w*(?:\.\w+)*|_\w+)`", text)
    settings_or_tests = re.compile(
        r"AMBROSIO_|TOGETHER_|LLAMA_|OPENAI_|BRAVE_|GOOD$|FULL$|WAL$|PATH$"
    )
    parts = {part for name in spoken if not name.endswith(".md") for part in name.split(".")}
    unknown = {part for part in parts - defined_names() if not settings_or_tests.match(part)}

    assert unknown == set()


def test_the_tree_in_the_architecture_page_is_the_package():
    text = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    tree = re.search(r"^ambrosio/\n(.*?)^prompts/", text, re.DOTALL | re.MULTILINE)
    assert tree, "docs/architecture.md has no tree"
    here, wrong, packages = PACKAGE, [], set()
    for line in tree[1].splitlines():
        indent = len(line) - len(line.lstrip())
        # Several files may share a line, and a description may name another one by its path.
        names = [
            name for name in line.split() if re.fullmatch(r"[\w./]+(?:/|\.(?:py|html|toml))", name)
        ]
        if indent == 2 and names[0].endswith("/"):
            here = PACKAGE / names[0]
            packages.add(names[0])
        folder = here if indent > 2 else PACKAGE
        wrong += [name for name in names if not (folder / name).exists() and not exists(name)]
    assert wrong == []
    assert packages == {f"{init.parent.name}/" for init in PACKAGE.glob("*/__init__.py")}


@pytest.mark.parametrize(
    "page", ["README.md", "docs/server.md", "docs/scaling.md", *PAGES_FOR_DEVELOPERS]
)
def test_every_link_to_a_file_or_a_heading_leads_somewhere(page):
    text = (ROOT / page).read_text("utf-8")
    for target in re.findall(r"\]\((?!https?:)([^)]+)\)", text):
        path, _, heading = target.partition("#")
        linked = (ROOT / page).parent / path if path else ROOT / page
        assert linked.exists(), target
        if heading:
            titles = re.findall(r"^#+ (.*)$", linked.read_text("utf-8"), re.MULTILINE)
            slugs = {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}
            assert heading in slugs, target
