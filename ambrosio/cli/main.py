"""The command line: one click command per verb, with nothing but its arguments.

Each command imports the module of its verb when it runs, so that no verb loads what only another
one needs. What a verb does is in its module; its exit code and errors are `process.run_to_exit`'s.
"""

import os
import sys
from collections.abc import Coroutine
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from .. import __version__
from ..config.program import advise
from .hints import INTERRUPTED, print_error, ways_to_begin

if TYPE_CHECKING:
    from ..config.settings import Settings


class PlainErrorGroup(click.Group):
    """Prints click's complaints the way all other errors are printed."""

    def main(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Run a verb and exit."""
        try:
            code = super().main(*args, **{**kwargs, "standalone_mode": False})
        except click.UsageError as exc:
            print_error(exc.format_message())
            if exc.ctx:
                verb = f"{exc.ctx.info_name} " if exc.ctx.parent else ""
                click.echo(advise(f"hint: `ambrosio {verb}--help` lists the options"), err=True)
            code = exc.exit_code
        except click.ClickException as exc:
            print_error(exc.format_message())
            code = exc.exit_code
        except (click.Abort, KeyboardInterrupt):
            code = INTERRUPTED
        except BrokenPipeError:
            from .process import discard_stdout  # noqa: PLC0415

            discard_stdout()
            code = 0
        sys.exit(code if isinstance(code, int) else 0)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take `version` and `help`, which other programs have as verbs, for the options."""
        if args in (["version"], ["help"]):
            args = [f"--{args[0]}"]
        return super().parse_args(ctx, args)


def load_settings(*, is_service: bool = False) -> "Settings":
    """Load the settings; reading them takes a fifth of a second, which `health` does without."""
    from .process import load_settings as load  # noqa: PLC0415

    return load(is_service=is_service)


def run_to_exit(verb: Coroutine[Any, Any, int]) -> None:
    """Run a verb and exit with its code."""
    from .process import run_to_exit as run_it  # noqa: PLC0415

    run_it(verb)


@click.group(
    cls=PlainErrorGroup,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, prog_name="ambrosio")
@click.pass_context
def main(context: click.Context) -> None:
    """A personal assistant in Telegram that runs on your own machine."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())
        if not load_settings().has_provider:
            click.echo(f"\n{ways_to_begin()}")


@main.command()
def run() -> None:
    """Run the Telegram bot until it is stopped."""
    from .run import run as verb  # noqa: PLC0415

    run_to_exit(verb(load_settings(is_service=True)))


@main.command()
@click.option(
    "--port",
    default=8765,
    show_default=True,
    type=click.IntRange(0, 65535),
    metavar="PORT",
    help="The page's port; 0 picks a free one.",
)
@click.option(
    "--model", default="", metavar="NAME", help="A model file, `owner/repo:QUANT`, or `stand-in`."
)
@click.option("--no-browser", is_flag=True, help="Only print the page's address.")
def demo(port: int, model: str, no_browser: bool) -> None:
    """Try Ambrosio in the browser, without Telegram."""
    from .demo import demo as verb  # noqa: PLC0415

    run_to_exit(verb(load_settings(), port, model, open_browser=not no_browser))


@main.command()
@click.argument("question", nargs=-1)
@click.option("--provider", default="", metavar="NAME[/MODEL]", help="Ask this provider first.")
@click.option("-c", "--continue", "go_on", is_flag=True, help="Continue the last conversation.")
@click.option(
    "--image",
    multiple=True,
    metavar="FILE",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Attach this picture; repeatable.",
)
@click.option(
    "--file",
    multiple=True,
    metavar="FILE",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Attach this file; repeatable.",
)
def chat(
    question: tuple[str, ...],
    provider: str,
    go_on: bool,
    image: tuple[Path, ...],
    file: tuple[Path, ...],
) -> None:
    """Chat in the terminal; piped input is added to QUESTION."""
    from .attached_files import AttachedFiles  # noqa: PLC0415
    from .chat import chat as verb  # noqa: PLC0415

    settings = load_settings()
    piped = "" if sys.stdin.isatty() else sys.stdin.read()
    attached = AttachedFiles(image, file)
    run_to_exit(verb(settings, " ".join(question), piped, provider, go_on=go_on, attached=attached))


@main.command(context_settings={"ignore_unknown_options": True})
@click.argument("prompt", nargs=-1, required=True, type=click.UNPROCESSED)
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Write the image to this file; - is the standard output.",
)
def imagine(prompt: tuple[str, ...], output: Path | None) -> None:
    """Generate images from PROMPT.

    Takes the options of /imagine, as in "a red fox" --ar 16:9 --n 2.
    """
    from .imagine import imagine as verb  # noqa: PLC0415

    run_to_exit(verb(load_settings(), prompt, output))


@main.command()
@click.option(
    "--provider",
    multiple=True,
    metavar="NAME[/MODEL]",
    help="Test only this provider; repeatable. `smollm2` is the demo's small model.",
)
@click.option(
    "--repeat",
    default=1,
    type=click.IntRange(1, 50),
    metavar="N",
    help="Ask each question N times, at most 50.",
)
@click.option("--quick", is_flag=True, help="Ask only the eight questions of /rice.")
@click.option("--vv", is_flag=True, help="Ask only the vv questions.")
@click.option("--tools", is_flag=True, help="Test which models call the right tools, instead.")
@click.option("--json", is_flag=True, help="Print JSON.")
@click.option(
    "--out",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Write an HTML report to this file.",
)
@click.option(
    "--prompt", multiple=True, metavar="FILE", help="Also test this system prompt; repeatable."
)
@click.option(
    "--reminder",
    type=click.Choice(["as-set", "off", "on", "both"]),
    help="Repeat the vv rule after the question. Default: as set for the model; both with"
    " --prompt.",
)
@click.option(
    "--exchanges",
    type=click.Choice(["as-set", "off", "on", "both"]),
    default="as-set",
    help="Send worked exchanges before a vv question, and end its answer where it is complete."
    " Default: on.",
)
@click.option(
    "--judge", default="", metavar="NAME[/MODEL]", help="Have this model judge the answers."
)
@click.option(
    "--questions",
    metavar="FILE",
    type=click.Path(path_type=Path, exists=True),
    help="Use extra questions from this file.",
)
@click.option("--fresh", is_flag=True, help="Do not resume an interrupted run.")
def rice(provider: tuple[str, ...], prompt: tuple[str, ...], **options: Any) -> None:
    """Test which models give a short answer when asked for one."""
    from .rice import RiceOptions  # noqa: PLC0415
    from .rice import rice as verb  # noqa: PLC0415

    run_to_exit(verb(load_settings(), RiceOptions(providers=provider, prompts=prompt, **options)))


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option(
    "--since",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="DATE",
    help="The first day, as in 2026-11-27. Default: the first of this month.",
)
def usage(as_json: bool, since: datetime | None) -> None:
    """Show calls and costs by day and model."""
    from .usage import usage as verb  # noqa: PLC0415

    run_to_exit(verb(load_settings(), since, as_json=as_json))


@main.command()
@click.argument("file", type=click.Path(path_type=Path))
def transcribe(file: Path) -> None:
    """Transcribe a recording."""
    from .transcribe import transcribe as verb  # noqa: PLC0415

    run_to_exit(verb(load_settings(), file))


@main.command()
@click.argument("file", type=click.Path(path_type=Path))
def backup(file: Path) -> None:
    """Copy the database to a new FILE.

    It works while Ambrosio runs.
    """
    from .backup import backup as verb  # noqa: PLC0415

    sys.exit(verb(load_settings(), file))


@main.command()
def health() -> None:
    """Say whether the bot hears from Telegram.

    The exit code is 1 if it has not for 90 seconds.
    """
    from .health import data_dir  # noqa: PLC0415
    from .health import health as verb  # noqa: PLC0415

    sys.exit(verb(data_dir()))


@main.command()
@click.option("--user", "scope", flag_value="user", help="Install a service for your own user.")
@click.option(
    "--system", "scope", flag_value="system", help="Install a system service; needs root."
)
@click.option(
    "--uninstall", "remove", is_flag=True, help="Remove the service; settings and data are kept."
)
@click.option("--dry-run", is_flag=True, help="Only print the unit file.")
def install(scope: str | None, *, remove: bool, dry_run: bool) -> None:
    """Install a systemd service that starts Ambrosio at boot.

    Run it in the folder with your `.env`. As root it installs a system service, otherwise one
    for your own user.
    """
    from . import install as verb  # noqa: PLC0415

    for_machine = scope == "system" or (scope is None and os.geteuid() == 0)
    if remove:
        sys.exit(verb.uninstall(for_machine=for_machine))
    service = verb.service_here(for_machine=for_machine)
    sys.exit(verb.show_unit(service) if dry_run else verb.install(service, load_settings()))


@main.command()
def doctor() -> None:
    """Check the configuration and suggest fixes."""
    from .doctor import doctor as verb  # noqa: PLC0415

    run_to_exit(verb(load_settings()))
