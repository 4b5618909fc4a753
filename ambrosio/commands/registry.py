"""The table of all commands and buttons.

A command is one coroutine and one row of `COMMANDS`; `/help`, Telegram's command menu and the
README's list are made from that table. A command returns what is to be sent and sends nothing
itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from ..core.messages import Button
from . import files, imagine, memory, personal_data, proposed_calls, reminders
from .compare import compare, on_continue_button
from .context import BotContext, CommandCall, CommandFunc, CommandResult
from .conversation import (
    new,
    on_go_on_button,
    on_longer_button,
    on_new_button,
    on_resume_button,
    on_retry_button,
    on_stop_button,
    retry,
    start,
    stop,
    vv,
)
from .mcp import mcp, on_mcp_button
from .models import model, on_model_button, on_models_button, on_see_button, rice
from .people import on_group_button, on_person_button, pair, people
from .privacy import on_private_button, private, where
from .settings import on_setting_button, settings
from .status import status
from .usage import usage
from .voice import on_speak_button, on_wrong_button, voice


@dataclass(frozen=True, slots=True)
class Command:
    """One row of the table; a slow command shows its progress, and /stop ends it."""

    name: str
    description: str
    run: CommandFunc
    aliases: tuple[str, ...] = ()
    args: str = ""
    owner_only: bool = False
    slow: bool = False


async def show_help(context: BotContext, call: CommandCall) -> CommandResult:
    """Show the commands that matter most, and a button for the others."""
    rows = "  \n".join(_row(BY_NAME[name]) for name in MAIN_COMMANDS)
    return CommandResult(f"{HOW_TO_ASK}\n\n{rows}", (Button("More", "help"),))


async def on_help_button(context: BotContext, call: CommandCall) -> CommandResult:
    """Show every command that this user may give, in groups."""
    is_owner = call.user_id in context.owners()
    groups = []
    for title, names in HELP_GROUPS.items():
        commands = [BY_NAME[name] for name in names]
        rows = [_row(command) for command in commands if is_owner or not command.owner_only]
        if rows:
            groups.append("  \n".join([f"**{title}**", *rows]))
    return CommandResult("\n\n".join(groups), edit_message_id=call.message_id)


def _row(command: Command) -> str:
    usage = f"/{command.name} {command.args}".rstrip()
    return f"{usage} – {command.description}"


HOW_TO_ASK = (
    "Just write. Start with **vv** for a short answer. Reply to an older answer to continue from "
    "there; edit a question to get a new answer."
)
MAIN_COMMANDS = ("new", "imagine", "remind", "model", "private")
HELP_GROUPS: Mapping[str, tuple[str, ...]] = {
    "Conversation": ("new", "stop", "retry", "vv", "voice", "compare", "imagine"),
    "Reminders and memory": ("remind", "reminders", "remember", "memory"),
    "Models and cost": ("model", "status", "usage", "rice"),
    "Privacy and data": ("private", "where", "search", "export", "forget"),
    "Settings and people": ("settings", "pair", "people", "mcp", "start", "help"),
}
# In the order of Telegram's menu: what is used most comes first.
COMMANDS: tuple[Command, ...] = (
    Command("new", "start a new conversation", new, ("reset",)),
    Command("stop", "stop the current answer", stop, ("cancel",)),
    Command("retry", "answer the last question again", retry, args="[model]"),
    Command("imagine", "generate images", imagine.imagine, ("image", "img"), args="prompt"),
    Command("vv", "keep all answers here short", vv, args="[on|off]"),
    Command("model", "choose the model for this chat", model, args="[name]"),
    Command("voice", "answer voice notes by voice", voice, args="[on|off]"),
    Command("private", "use only local models here", private, args="[on|off|question]"),
    Command("compare", "ask all models at once", compare, args="question"),
    Command("where", "show which providers saw this chat", where),
    Command("remind", "set a reminder", reminders.remind, args="time text"),
    Command("reminders", "list your reminders in this chat", reminders.reminders),
    Command("remember", "remember a fact about you", memory.remember, args="text"),
    Command("memory", "show what I remember", memory.memory, args="[number text|delete number]"),
    Command("settings", "change the settings of this chat", settings, args="[zone city]"),
    Command("status", "show the status of the providers", status),
    Command("usage", "show usage and cost", usage, ("stats",)),
    Command("search", "search your earlier messages", personal_data.search, args="words"),
    Command("export", "export this conversation", personal_data.export),
    Command("forget", "delete your data", personal_data.forget),
    Command("help", "list the commands", show_help),
    Command("start", "introduce the bot", start),
    Command("pair", "make a link that lets one person in", pair, owner_only=True),
    Command("people", "show who can use the bot", people, owner_only=True),
    Command("mcp", "allow tools of MCP servers", mcp, owner_only=True, slow=True),
    Command("rice", "test which model keeps answers short", rice, owner_only=True, slow=True),
)
BY_NAME: Mapping[str, Command] = {
    name: command for command in COMMANDS for name in (command.name, *command.aliases)
}
# By `Button.action`.
BUTTONS: Mapping[str, CommandFunc] = {
    "retry": on_retry_button,
    "longer": on_longer_button,
    "resume": on_resume_button,
    **imagine.BUTTONS,
    "stop": on_stop_button,
    "model": on_model_button,
    "models": on_models_button,
    "see": on_see_button,
    "new": on_new_button,
    "go_on": on_go_on_button,
    "help": on_help_button,
    "private": on_private_button,
    "continue": on_continue_button,
    "set": on_setting_button,
    "person": on_person_button,
    "group": on_group_button,
    "mcp": on_mcp_button,
    "wrong": on_wrong_button,
    "speak": on_speak_button,
    **personal_data.BUTTONS,
    **reminders.BUTTONS,
    **memory.BUTTONS,
    **files.BUTTONS,
    **proposed_calls.BUTTONS,
}
