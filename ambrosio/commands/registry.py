"""What each command and each button does.

A command is one coroutine and one row of `COMMANDS`; `/help`, Telegram's command menu and the
README's list are made from that table. A command says what is to be answered and sends nothing
itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from . import imagine, personal_data
from .compare import compare, press_go_on
from .context import Call, Desk, Reply, Run
from .conversation import (
    new,
    press_fresh,
    press_longer,
    press_retry,
    press_stop,
    retry,
    start,
    stop,
    vv,
)
from .models import model, press_model, press_models, rice
from .people import pair, people, press_group, press_person
from .privacy import press_private, private, where
from .settings import press_setting, settings
from .status import status
from .usage import usage


@dataclass(frozen=True, slots=True)
class Command:
    """One row of the table; a slow one is shown while it runs, and /stop ends it."""

    name: str
    does: str
    run: Run
    aliases: tuple[str, ...] = ()
    args: str = ""
    owner: bool = False
    slow: bool = False


async def show_help(desk: Desk, call: Call) -> Reply:
    """List the commands that this person may give."""
    rows = [
        f"/{command.name}{' ' + command.args if command.args else ''} – {command.does}"
        for command in COMMANDS
        if not command.owner or call.person in desk.owners()
    ]
    return Reply(
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
    Command("pair", "make a link that lets one person in", pair, owner=True),
    Command("people", "show who may talk to me", people, owner=True),
    Command("rice", "see which model answers in short", rice, owner=True, slow=True),
)
BY_NAME: Mapping[str, Command] = {
    name: command for command in COMMANDS for name in (command.name, *command.aliases)
}
# Buttons by the word before the colon of their data.
PRESSES: Mapping[str, Run] = {
    "retry": press_retry,
    "longer": press_longer,
    **imagine.PRESSES,
    "stop": press_stop,
    "model": press_model,
    "models": press_models,
    "fresh": press_fresh,
    "private": press_private,
    "goon": press_go_on,
    "set": press_setting,
    "person": press_person,
    "group": press_group,
    **personal_data.PRESSES,
}
