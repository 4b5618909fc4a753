"""What each command and each button does.

A command is one coroutine and one row of `COMMANDS`; `/help`, Telegram's command menu and the
README's list are made from that table. A command says what is to be answered and sends nothing
itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from . import imagine, personal_data
from .compare import compare, on_continue_button
from .context import BotContext, CommandCall, CommandFunc, CommandResult
from .conversation import (
    new,
    on_longer_button,
    on_new_button,
    on_retry_button,
    on_stop_button,
    retry,
    start,
    stop,
    vv,
)
from .models import model, on_model_button, on_models_button, rice
from .people import on_group_button, on_person_button, pair, people
from .privacy import on_private_button, private, where
from .settings import on_setting_button, settings
from .status import status
from .usage import usage


@dataclass(frozen=True, slots=True)
class Command:
    """One row of the table; a slow one is shown while it runs, and /stop ends it."""

    name: str
    description: str
    run: CommandFunc
    aliases: tuple[str, ...] = ()
    args: str = ""
    owner_only: bool = False
    slow: bool = False


async def show_help(context: BotContext, call: CommandCall) -> CommandResult:
    """List the commands that this person may give."""
    rows = [
        f"/{command.name}{' ' + command.args if command.args else ''} – {command.description}"
        for command in COMMANDS
        if not command.owner_only or call.user_id in context.owners()
    ]
    return CommandResult(
        "Just write. Begin with **vv** for the shortest answer. Reply to an older answer to go on "
        "from there; edit a question to have it answered again.\n\n" + "  \n".join(rows)
    )


COMMANDS: tuple[Command, ...] = (
    Command("start", "say hello", start),
    Command("help", "show what I can do", show_help),
    Command("new", "begin a new conversation", new, ("reset",)),
    Command("stop", "stop the answer that is being written", stop, ("cancel",)),
    Command("retry", "answer the last question again", retry, args="[model]"),
    Command("imagine", "paint pictures", imagine.imagine, ("image", "img"), args="prompt"),
    Command("vv", "make every answer here short", vv, args="[on|off]"),
    Command("model", "choose who answers here", model, args="[name]"),
    Command("private", "keep what is said here at home", private, args="[on|off|question]"),
    Command("compare", "ask everybody at once", compare, args="question"),
    Command("where", "show who was asked what is said here", where),
    Command("settings", "choose how answers look here", settings),
    Command("status", "show how everybody is doing", status),
    Command("usage", "show what it has cost", usage, ("stats",)),
    Command("search", "find what you said before", personal_data.search, args="words"),
    Command("export", "give you this conversation as files", personal_data.export),
    Command("forget", "delete what was said", personal_data.forget),
    Command("pair", "make a link that lets one person in", pair, owner_only=True),
    Command("people", "show who may talk to me", people, owner_only=True),
    Command("rice", "see which model answers in short", rice, owner_only=True, slow=True),
)
BY_NAME: Mapping[str, Command] = {
    name: command for command in COMMANDS for name in (command.name, *command.aliases)
}
# Buttons by the word before the colon of their data.
BUTTONS: Mapping[str, CommandFunc] = {
    "retry": on_retry_button,
    "longer": on_longer_button,
    **imagine.BUTTONS,
    "stop": on_stop_button,
    "model": on_model_button,
    "models": on_models_button,
    "new": on_new_button,
    "private": on_private_button,
    "continue": on_continue_button,
    "set": on_setting_button,
    "person": on_person_button,
    "group": on_group_button,
    **personal_data.BUTTONS,
}
