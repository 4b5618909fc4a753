"""What the terminal says when something is wrong, or when nothing is set up yet."""

import signal

import click

from ..config.program import advise, started_as

# The exit code of a program that Ctrl+C has ended.
INTERRUPTED = 128 + signal.SIGINT
NO_BOT_YET = (
    "TELEGRAM_BOT_TOKEN is not set. Get one from @BotFather in Telegram, and put it into `.env`: "
    "TELEGRAM_BOT_TOKEN=123456789:ABC…"
)
# One way a line: the command, and what it needs first.
WAYS_TO_BEGIN = (
    ("demo", "Try it in the browser. Needs no account and no model."),
    (
        "chat",
        "Chat here. First start llama.cpp, Ollama or LM Studio, or set TOGETHER_API_KEY in .env.",
    ),
    ("run", "Chat from your phone. Also set TELEGRAM_BOT_TOKEN, from @BotFather, in .env."),
)

# What can be done instead of a command, where a single question is asked.
INSTEAD = {
    "/model": "--provider",
    "/status": "`ambrosio doctor`",
    "/private off": "/private off in `ambrosio chat`",
}


def print_error(text: str) -> None:
    """Print an error to stderr, with every command as it can be typed here."""
    click.echo(f"error: {advise(text)}", err=True)


def without_commands(text: str) -> str:
    """Replace the commands of a chat that a text advises, for where none can be given."""
    for command, instead in INSTEAD.items():
        text = text.replace(command, instead)
    return text


def ways_to_begin() -> str:
    """List the three ways to begin."""
    program = started_as()
    width = max(len(verb) for verb, _ in WAYS_TO_BEGIN)
    rows = "\n".join(f"  {program} {verb:<{width}}  {text}" for verb, text in WAYS_TO_BEGIN)
    return f"Three ways to begin:\n\n{rows}"
