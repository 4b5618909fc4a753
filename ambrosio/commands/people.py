"""`/pair` and `/people`: who may use the bot. For owners only."""

from dataclasses import replace

from ..core import texts
from ..core.messages import Button
from .context import BotContext, CommandCall, CommandResult
from .pairing import PAIRING_SECONDS


async def pair(context: BotContext, call: CommandCall) -> CommandResult:
    """Make a link that lets one user in."""
    pairing = context.pairings.create(context.now())
    link = f"https://t.me/{context.username}?start={pairing.code}"
    return CommandResult(
        f"The first person to open this link can use me. It works once, within "
        f"{PAIRING_SECONDS // 60} minutes:\n\n{link}"
    )


async def people(context: BotContext, call: CommandCall) -> CommandResult:
    """List who may use the bot, with buttons to change that."""
    lines, buttons = [], []
    for person in context.store.people.all():
        role = _role(call, person.user_id, is_owner=person.is_owner)
        lines.append(f"- {person.name or 'Unnamed'} `{person.user_id}`{role}")
        if person.user_id != call.user_id:
            buttons.append(
                Button(f"Remove {person.name or person.user_id}", "person", str(person.user_id))
            )
    named = context.owners() - {person.user_id for person in context.store.people.all()}
    lines += [
        f"- `{user_id}`{_role(call, user_id, is_owner=True)}, set in .env"
        for user_id in sorted(named)
    ]
    for number, title in context.store.people.groups().items():
        lines.append(f"- group {title} `{number}`")
        buttons.append(Button(f"Leave {title}"[:40], "group", str(number)))
    return CommandResult("Who can use me:\n\n" + "\n".join(lines), tuple(buttons))


def _role(call: CommandCall, user_id: int, *, is_owner: bool) -> str:
    return f"{', owner' if is_owner else ''}{' (you)' if user_id == call.user_id else ''}"


async def on_person_button(context: BotContext, call: CommandCall) -> CommandResult:
    """Remove a user."""
    if call.user_id not in context.owners():
        return CommandResult(toast=texts.OWNER_ONLY)
    context.store.people.remove(call.number)
    listed = await people(context, call)
    return replace(listed, edit_message_id=call.message_id, toast="Removed")


async def on_group_button(context: BotContext, call: CommandCall) -> CommandResult:
    """Leave a group."""
    if call.user_id not in context.owners():
        return CommandResult(toast=texts.OWNER_ONLY)
    context.store.people.set_group(call.number, None)
    listed = await people(context, call)
    return replace(listed, edit_message_id=call.message_id, toast="Left", leave_chat_id=call.number)
