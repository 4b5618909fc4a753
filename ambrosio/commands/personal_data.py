"""A user's own data: /export, /search and /forget."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from io import BytesIO

from ..core import texts
from ..core.costs import month_start
from ..core.messages import Button, Chat, File, OutgoingMessage, PicturePart
from ..core.zones import local_time
from ..markdown import plain, render
from ..store import ConversationTurn, Erasure, SearchHit
from .context import BotContext, CommandCall, CommandFunc, CommandResult

MAX_HITS = 5
# Of pictures; all of it is in memory at once, and a bot may send 50 MB.
MAX_EXPORT_BYTES = 20_000_000


# --- export ---------------------------------------------------------------------------------------


async def export(context: BotContext, call: CommandCall) -> CommandResult:
    """Send the conversation as Markdown and as JSON."""
    turns = context.store.archive.conversation(context.store.chats.state(call.chat).latest_turn_id)
    if not turns:
        return CommandResult(texts.NOTHING_TO_EXPORT)
    zone = context.zone(call.user_id)
    name = f"conversation-{local_time(context.now(), zone):%Y-%m-%d}"
    files: tuple[File, ...] = (
        File(f"{name}.md", _markdown(turns, zone).encode()),
        File(f"{name}.json", _json(turns, zone).encode()),
    )
    if packed := _pictures(turns, context.store.pictures.read):
        files = (*files, File(f"{name}-pictures.zip", packed))
    count = "1 question" if len(turns) == 1 else f"{len(turns)} questions"
    return CommandResult(f"This conversation ({count}):", files=files)


def _markdown(turns: Sequence[ConversationTurn], zone: str) -> str:
    parts = []
    for turn in turns:
        source = f"{turn.provider}/{turn.model}" if turn.model else turn.provider
        parts.append(f"## {local_time(turn.at, zone):%Y-%m-%d %H:%M}\n\n{_quote(turn.question)}")
        parts += [f"*{turn.preface.splitlines()[0]}*"] if turn.preface else []
        parts += [f"![]({picture_name(picture)})" for picture in turn.pictures]
        parts.append(turn.answer if turn.answer is not None else "*No answer.*")
        parts += [f"*{source}*"] if source else []
    return "\n\n".join(parts) + "\n"


def picture_name(picture: PicturePart) -> str:
    """Name the file of a picture in an export."""
    return f"{picture.hash[:16]}.jpg"


def _pictures(turns: Sequence[ConversationTurn], read: Callable[[str], bytes]) -> bytes:
    """Pack the pictures of a conversation, the newest first as many as fit; empty if none."""
    found = {picture.hash: picture for turn in reversed(turns) for picture in turn.pictures}
    if not found:
        return b""
    from zipfile import ZipFile  # noqa: PLC0415  for the few who export pictures

    packed = BytesIO()
    with ZipFile(packed, "w") as archive:
        for picture in found.values():
            content = read(picture.hash)
            if content and packed.tell() + len(content) < MAX_EXPORT_BYTES:
                archive.writestr(picture_name(picture), content)
    return packed.getvalue()


def _quote(text: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in text.splitlines())


def _json(turns: Sequence[ConversationTurn], zone: str) -> str:
    rows = [
        {
            "at": local_time(turn.at, zone).isoformat(),
            "question": turn.question,
            "file": turn.preface,
            "pictures": [picture_name(picture) for picture in turn.pictures],
            "answer": turn.answer,
            "provider": turn.provider,
            "model": turn.model,
        }
        for turn in turns
    ]
    return json.dumps({"messages": rows}, ensure_ascii=False, indent=2) + "\n"


# --- search ---------------------------------------------------------------------------------------


async def search(context: BotContext, call: CommandCall) -> CommandResult:
    """Find this user's earlier turns; each result is a reply to the question."""
    if not call.args:
        return CommandResult(texts.EMPTY_SEARCH)
    # In a group, nothing from other chats is shown to the others.
    chat = None if call.chat.is_private else call.chat.chat_id
    hits = context.store.turn_search.find(
        call.args, user_id=call.user_id, chat_id=chat, limit=MAX_HITS
    )
    if not hits:
        return CommandResult(texts.NO_MATCHES)
    zone = context.zone(call.user_id)
    return CommandResult(messages=tuple(_result(turn, call.chat, zone) for turn in hits))


def _result(hits: SearchHit, chat: Chat, zone: str) -> OutgoingMessage:
    """Make a message of a result: a reply to the question, or a link if it is in another chat."""
    here = hits.chat == chat
    day = f"**{local_time(hits.at, zone):%-d %B %Y}**"
    (head,) = render(day if here else f"{day} · {_elsewhere(hits)}").chunks
    chunk = replace(plain(f"{head.text}\n\n{_strip_markdown(hits.quote)}"), entities=head.entities)
    message = OutgoingMessage(chat, chunk, local_only=hits.local_only)
    if not here:
        return message
    buttons = (Button("Continue from here", "go", str(hits.turn_id)),)
    return replace(message, buttons=buttons, reply_to_id=hits.message_id)


def _strip_markdown(passage: str) -> str:
    """Write a passage in one line, without Markdown, which cutting would break."""
    text = " ".join(chunk.text for chunk in render(passage).chunks)
    # The lines of a table are not text.
    return " ".join(text.replace("─", " ").split())


def _elsewhere(hits: SearchHit) -> str:
    """Link to a message of a supergroup; messages of other chats have no address."""
    group = str(hits.chat.chat_id).removeprefix("-100")
    if hits.chat.chat_id < 0 and group.isdigit():
        return f"[in another chat](https://t.me/c/{group}/{hits.message_id})"
    return "in another chat"


async def on_go_button(context: BotContext, call: CommandCall) -> CommandResult:
    """Continue from an older turn of this chat."""
    stored = context.pressed_turn(call)
    if stored is None or stored.answer is None:
        return CommandResult(toast=texts.TURN_DELETED)
    context.store.chats.continue_from(call.chat, stored.turn_id)
    return CommandResult(toast="Your next message continues from there.")


# --- forgetting -----------------------------------------------------------------------------------


async def forget(context: BotContext, call: CommandCall) -> CommandResult:
    """Ask what to delete."""
    return CommandResult(
        "What should I delete? This cannot be undone. It does not delete the messages in Telegram "
        "or what providers have already received.",
        (
            Button("This chat", "forget", "here"),
            Button("Everything I ever wrote", "forget", "all"),
            Button("Cancel", "forget", "nothing"),
        ),
    )


async def on_forget_button(context: BotContext, call: CommandCall) -> CommandResult:
    """Begin to delete what was chosen, unless an answer is being written."""
    if call.args == "nothing":
        return CommandResult(
            "Nothing was deleted.", edit_message_id=call.message_id, toast="Cancelled"
        )
    if call.args == "here" and not call.chat.is_private and call.user_id not in context.owners():
        return CommandResult(toast=texts.OWNER_ONLY_HERE)
    if _may_be_answered(context, call):
        return CommandResult(toast=texts.ANSWER_IN_PROGRESS)
    return CommandResult(
        texts.DELETING,
        edit_message_id=call.message_id,
        toast="Deleting…",
        confirm=lambda: _begin_to_forget(context, call),
    )


def _may_be_answered(context: BotContext, call: CommandCall) -> bool:
    """Say whether an answer is being written that belongs to what is to be forgotten."""
    return any(
        chat == call.chat
        # Who asked in a group is not known here.
        or (call.args == "all" and (chat.chat_id == call.user_id or not chat.is_private))
        for chat in context.running.chats()
    )


def _begin_to_forget(context: BotContext, call: CommandCall) -> tuple[()]:
    """Note what is to be forgotten, together with the press of the button."""
    erasing = context.store.erasing
    if call.args == "here":
        erasing.begin_chat(call.chat, call.message_id)
    else:
        charged_since = _charged_since(context, call)
        erasing.begin_person(call.user_id, call.chat, call.message_id, charged_since=charged_since)
    context.erasures_changed.set()
    return ()


def describe_erased(erased: Erasure) -> str:
    """Say what was forgotten."""
    count, scope = erased.turns, "this chat" if erased.kind == "chat" else "all chats"
    turns = "1 question and its answer" if count == 1 else f"{count} questions and their answers"
    return f"Deleted {turns}, from {scope}."


def _charged_since(context: BotContext, call: CommandCall) -> float:
    """Return from when on the ledger must keep the user, whose budget share depends on it."""
    limit = context.assistant.router.budget.limit(call.user_id)
    return float("inf") if limit is None else month_start(context.now(), context.default_zone)


BUTTONS: dict[str, CommandFunc] = {"go": on_go_button, "forget": on_forget_button}
