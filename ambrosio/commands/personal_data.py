"""What was said belongs to who has said it: /export, /search and /forget."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from ..core import texts
from ..core.costs import month_began
from ..core.messages import Button, File, Outgoing, Place
from ..markdown import plain, render
from ..store import Found, Said
from .context import Call, Desk, Reply, Run

MOST_FOUND = 5


# --- export ---------------------------------------------------------------------------------------


async def export(desk: Desk, call: Call) -> Reply:
    """Give the conversation as two files, to read and to work with."""
    said = desk.store.conversation(desk.store.place(call.place).head)
    if not said:
        return Reply(texts.NOTHING_TO_EXPORT)
    name = f"conversation-{datetime.fromtimestamp(desk.now(), UTC):%Y-%m-%d}"
    files = (
        File(f"{name}.md", _markdown(said).encode()),
        File(f"{name}.json", _json(said).encode()),
    )
    turns = "one question" if len(said) == 1 else f"{len(said)} questions"
    return Reply(f"This conversation, {turns} and what came of it:", files=files)


def _markdown(said: Sequence[Said]) -> str:
    parts = []
    for each in said:
        source = f"{each.provider}/{each.model}" if each.model else each.provider
        parts.append(f"## {_when(each.at):%Y-%m-%d %H:%M} UTC\n\n{_quoted(each.question)}")
        parts.append(each.answer if each.answer is not None else "*There was no answer.*")
        parts += [f"*{source}*"] if source else []
    return "\n\n".join(parts) + "\n"


def _quoted(text: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in text.splitlines())


def _json(said: Sequence[Said]) -> str:
    rows = [
        {
            "at": _when(each.at).isoformat(),
            "question": each.question,
            "answer": each.answer,
            "provider": each.provider,
            "model": each.model,
        }
        for each in said
    ]
    return json.dumps({"messages": rows}, ensure_ascii=False, indent=2) + "\n"


def _when(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)


# --- search ---------------------------------------------------------------------------------------


async def search(desk: Desk, call: Call) -> Reply:
    """Find what this person has asked before; each result is a reply to it, to be tapped."""
    if not call.args:
        return Reply(texts.NOTHING_TO_FIND)
    # In a group, nothing from elsewhere is shown to the others.
    chat = None if call.place.private else call.place.chat
    found = desk.store.search(call.args, person=call.person, chat=chat, most=MOST_FOUND)
    if not found:
        return Reply(texts.NOT_FOUND)
    return Reply(sends=tuple(_result(each, call.place) for each in found))


def _result(found: Found, place: Place) -> Outgoing:
    """Make a message of a result: a reply to the question, or a link if it is elsewhere."""
    here = found.place == place
    day = f"**{_when(found.at):%-d %B %Y}**"
    (head,) = render(day if here else f"{day} · {_elsewhere(found)}").chunks
    chunk = replace(plain(f"{head.text}\n\n{_unmarked(found.quote)}"), entities=head.entities)
    told = Outgoing(place, chunk, private=found.private)
    if not here:
        return told
    buttons = (Button("Go on from here", f"go:{found.turn}"),)
    return replace(told, buttons=buttons, reply_to=found.message)


def _unmarked(passage: str) -> str:
    """Give a passage in one line and without the marks of Markdown, which its cut would break."""
    text = " ".join(chunk.text for chunk in render(passage).chunks)
    # The rules of a table are drawn, and are no words either.
    return " ".join(text.replace("─", " ").split())


def _elsewhere(found: Found) -> str:
    """Link to a message of a supergroup; those of other chats have no address."""
    group = str(found.place.chat).removeprefix("-100")
    if found.place.chat < 0 and group.isdigit():
        return f"[in another chat](https://t.me/c/{group}/{found.message})"
    return "in another chat"


async def press_go(desk: Desk, call: Call) -> Reply:
    """Go on from an older turn of this place."""
    asked = desk.store.turn(int(call.args))
    if asked is None or asked.turn.place != call.place or asked.answer is None:
        return Reply(toast=texts.FORGOTTEN)
    desk.store.go_to(call.place, asked.id)
    return Reply(toast="What you write next continues from there.")


# --- forgetting -----------------------------------------------------------------------------------


async def forget(desk: Desk, call: Call) -> Reply:
    """Ask what is to be forgotten."""
    return Reply(
        "What shall I forget? It is deleted for good, with no way back. What stands on this screen "
        "is Telegram's: delete it there. What a provider was sent is not mine to delete.",
        (
            Button("All that was said here", "forget:here"),
            Button("Everything of mine, everywhere", "forget:all"),
            Button("Nothing", "forget:nothing"),
        ),
    )


async def press_forget(desk: Desk, call: Call) -> Reply:
    """Forget what was chosen, unless it is still being added to."""
    if call.args == "nothing":
        return Reply("Nothing was forgotten.", edits=call.message, toast="Kept")
    if call.args == "here" and not call.place.private and call.person not in desk.owners():
        return Reply(toast=texts.OWNER_ONLY_HERE)
    if desk.running:
        return Reply(toast=texts.BUSY)
    if call.args == "here":
        count = desk.store.forget_place(call.place)
        what = "all that was said here"
    else:
        count = desk.store.forget_person(call.person, charged_since=_charged_since(desk, call))
        what = "all that you have ever told me, here and elsewhere"
    turns = "one question and its answer" if count == 1 else f"{count} questions and their answers"
    return Reply(f"I have forgotten {what}: {turns}.", edits=call.message, toast="Forgotten")


def _charged_since(desk: Desk, call: Call) -> float:
    """Tell from when on a share needs to know what was spent of it."""
    limit = desk.assistant.router.budget.limit(call.person)
    return float("inf") if limit is None else month_began(desk.now())


PRESSES: dict[str, Run] = {"go": press_go, "forget": press_forget}
