"""TODO docstring."""

import secrets
from dataclasses import replace

from ..core import texts
from ..core.messages import Button
from .context import Call, Desk, Reply
from .pairing import PAIRING_SECONDS, Pairing


async def pair(desk: Desk, call: Call) -> Reply:
    """Make a link that lets one person in."""
    pairing = Pairing(secrets.token_urlsafe(16), desk.now())
    desk.pairings.append(pairing)
    link = f"https://t.me/{desk.username}?start={pairing.code}"
    return Reply(
        f"Whoever opens this link first may talk to me. It works once, for "
        f"{PAIRING_SECONDS // 60} minutes:\n\n{link}"
    )


async def people(desk: Desk, call: Call) -> Reply:
    """List who may talk to Ambrosio, with buttons to change that."""
    lines, buttons = [], []
    for person in desk.store.people():
        lines.append(f"- {person.name or 'Somebody'} `{person.id}`{_owner(person.owner)}")
        if person.id != call.person:
            buttons.append(Button(f"Remove {person.name or person.id}", f"person:{person.id}"))
    named = desk.owners() - {person.id for person in desk.store.people()}
    lines += [f"- `{number}`, owner, from the settings" for number in sorted(named)]
    for number, title in desk.store.groups().items():
        lines.append(f"- group {title} `{number}`")
        buttons.append(Button(f"Leave {title}"[:40], f"group:{number}"))
    return Reply("These may talk to me:\n\n" + "\n".join(lines), tuple(buttons))


def _owner(yes: bool) -> str:
    return ", owner" if yes else ""


async def press_person(desk: Desk, call: Call) -> Reply:
    """Let somebody in no longer."""
    if call.person not in desk.owners():
        return Reply(toast=texts.OWNER_ONLY)
    desk.store.dismiss(int(call.args))
    listed = await people(desk, call)
    return replace(listed, edits=call.message, toast="Removed")


async def press_group(desk: Desk, call: Call) -> Reply:
    """Go out of a group."""
    if call.person not in desk.owners():
        return Reply(toast=texts.OWNER_ONLY)
    desk.store.set_group(int(call.args), None)
    listed = await people(desk, call)
    return replace(listed, edits=call.message, toast="Left", leaves=int(call.args))
