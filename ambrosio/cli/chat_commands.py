"""The commands of the terminal chat: those of Telegram that make sense here, run the same way."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from ..commands.context import BotContext, CommandCall, CommandResult
from ..commands.registry import BY_NAME
from ..core.messages import TERMINAL

# A path, such as /etc/hosts, is no command.
COMMAND = re.compile(r"/([a-z]+)(?:\s+(.*))?\s*", re.DOTALL)
EXIT = frozenset({"exit", "quit"})
# They go on with a file; `files` has them.
FILE_COMMANDS = frozenset({"next", "find"})
CONTINUE = "continue"
DESCRIPTIONS: Mapping[str, str] = {
    "new": "start a new conversation",
    "retry [model]": "answer the last question again",
    "continue": "get the rest of an answer that was cut off",
    "model [name]": "choose the model",
    "private [on|off|question]": "use only local models",
    "vv [on|off]": "keep all answers short",
    "where": "show which providers saw this chat",
    "usage": "show usage and cost",
    "status": "show the status of the providers",
    "search words": "search your earlier questions",
    "next": "read the next part of the file",
    "find words": "search the file",
    "help": "list the commands",
    "exit": "leave, as Ctrl+D does",
}
NAMES = tuple(row.split()[0] for row in DESCRIPTIONS)
UNKNOWN = "There is no command `/{name}` here. `/help` lists the commands."


@dataclass(frozen=True, slots=True)
class TypedCommand:
    """A command as it was typed."""

    name: str
    args: str


def parse(line: str) -> TypedCommand | None:
    """Return the command that a line is, None if it is a question."""
    match = COMMAND.fullmatch(line.strip())
    return TypedCommand(match[1], (match[2] or "").strip()) if match else None


async def run(context: BotContext, command: TypedCommand, message_id: int) -> CommandResult:
    """Run a command and return what is to be printed or answered."""
    if command.name == "help":
        return CommandResult(_help())
    if command.name not in NAMES:
        return CommandResult(UNKNOWN.format(name=command.name))
    if command == TypedCommand("private", ""):
        return CommandResult(_private_state(context))
    call = CommandCall(TERMINAL, TERMINAL.chat_id, message_id, args=command.args)
    result = await BY_NAME[command.name].run(context, call)
    if command.name == "model" and result.buttons:
        names = "\n".join(f"- {button.text}" for button in result.buttons)
        return CommandResult(f"{result.text}\n\n{names}\n\n`/model NAME` chooses one.")
    return result


def _help() -> str:
    rows = "\n".join(f"- `/{row}` – {description}" for row, description in DESCRIPTIONS.items())
    return f"Just ask. Start with **vv** for a short answer.\n\n{rows}"


def _private_state(context: BotContext) -> str:
    local = [name for name, provider in context.providers.items() if provider.local]
    state = "on" if context.assistant.is_local_only(TERMINAL) else "off"
    return (
        f"Private mode is {state}. When it is on, only local models are asked:"
        f" {', '.join(local) or 'none is set up'}. A model is local if its address is on this"
        " machine or in its local network. `/private on` and `/private off` switch it."
    )
