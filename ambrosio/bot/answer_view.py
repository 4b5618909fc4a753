"""How an answer looks: its messages, the notes under it, and its buttons."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from urllib.parse import urlsplit

from ..assistant.answer import Answer
from ..config.program import advise
from ..core.costs import format_usd
from ..core.errors import AmbrosioError, NobodySees, NobodySeesHere
from ..core.file_errors import ScannedFile
from ..core.messages import (
    Button,
    Chat,
    Delete,
    Entity,
    FormattedText,
    Outgoing,
    OutgoingMessage,
)
from ..core.provider_errors import LocalOnlyFailed
from ..core.tools import Source
from ..markdown import expandable, plain, render
from ..markdown.rich import needs_rich
from ..markdown.splitting import MAX_ENTITIES, MAX_UTF16_UNITS, utf16_len
from ..store import ProviderLine

LONGER = Button("Longer", "longer", with_turn=True)
RESUME = Button("Continue", "resume", with_turn=True)
RETRY = Button("Retry", "retry", with_turn=True)
CONTINUE = Button("Continue with this one", "continue", with_turn=True)
MODELS = Button("Choose a model", "models")
LEAVE_PRIVATE = Button("Leave private mode", "private", "off")
NEW = Button("New conversation", "new")
READ_ALOUD = Button("Read aloud", "speak", with_turn=True)
NEXT_PART = Button("Next part", "part", with_turn=True)
SEARCH = Button("Search in it", "find", with_turn=True)
LOOK = Button("Look at it", "scan", with_turn=True)
GO_ON = Button("Continue the old one", "go_on", with_turn=True)
# What does not end the italics of a note in a rich message, nor begin anything else.
ESCAPES = str.maketrans({sign: f"\\{sign}" for sign in "\\*_`[]<>~|#"})


@dataclass(frozen=True, slots=True)
class AnswerStyle:
    """How answers look.

    `rich` uses rich messages where entities fall short, `reasoning` shows the model's reasoning,
    `provider_line` says when a line names the provider, `for_owner` words a failure for those
    who can fix it, and `speaks` offers to read the answer aloud.
    """

    rich: bool = False
    reasoning: bool = False
    provider_line: ProviderLine = "auto"
    for_owner: bool = False
    speaks: bool = False


# Of a source's title.
MAX_SOURCE_TITLE = 60
PLAIN = AnswerStyle()


def render_answer(
    answer: Answer,
    *,
    style: AnswerStyle = PLAIN,
    shown: Sequence[int] = (),
    surplus: Sequence[int] = (),
    note: str = "",
) -> list[Outgoing]:
    """Make messages of an answer; only the first one rings.

    Args:
        answer: the result of the turn.
        style: how it looks.
        shown: ids of messages that show an older answer; they are edited as far as they go.
        surplus: ids of messages that are deleted once the answer is there.
        note: a line under it, about the question.
    """
    chat = answer.turn.chat
    notes = [
        *([note] if note else ()),
        *_notes(answer, for_owner=style.for_owner),
        *_provider_line(answer, style.provider_line),
    ]
    outgoing = _messages(answer, notes, rich=style.rich and not shown)
    outgoing[-1] = replace(outgoing[-1], buttons=_buttons(answer, style))
    replies = _in_place(outgoing, shown, chat)
    if style.reasoning and answer.reasoning.strip() and not shown:
        replies.insert(0, OutgoingMessage(chat, expandable(answer.reasoning), silent=True))
    replies += _files(answer)
    return replies + [Delete(chat, message_id) for message_id in surplus]


def render_comparison(
    answer: Answer,
    usd: Decimal | None,
    *,
    style: AnswerStyle = PLAIN,
    shown: Sequence[int] = (),
    rings: bool = True,
) -> list[Outgoing]:
    """Make messages of one of several answers, with its figures and a Continue button."""
    notes = [*_notes(answer, for_owner=style.for_owner), *_figures(answer, usd)]
    if (only_one := answer.only_one) and not answer.failure:
        notes.append(advise(only_one.owner_message if style.for_owner else only_one.user_message))
    outgoing = _messages(answer, notes, rich=style.rich and not shown)
    if not answer.failure:
        outgoing[-1] = replace(outgoing[-1], buttons=(CONTINUE,))
    if not rings:
        outgoing[0] = replace(outgoing[0], silent=True)
    return [*_in_place(outgoing, shown, answer.turn.chat), *_files(answer)]


def _messages(answer: Answer, notes: list[str], *, rich: bool) -> list[OutgoingMessage]:
    chat, text = answer.turn.chat, answer.text
    if rich and needs_rich(text):
        sources = [_linked(source) for source in answer.sources]
        said = "\n\n".join([*map(_italic, answer.lines), text, *sources, *map(_italic, notes)])
        outgoing = [OutgoingMessage(chat, rich_markdown=said)]
    else:
        chunks = _prepend_lines(answer.lines, list(render(text).chunks))
        chunks = _append_notes(_append_sources(chunks, answer.sources), notes)
        outgoing = [
            OutgoingMessage(chat, chunk, silent=part > 0) for part, chunk in enumerate(chunks)
        ]
    if not chat.is_private:
        outgoing[0] = replace(outgoing[0], reply_to_id=answer.turn.message_id)
    return outgoing


def _files(answer: Answer) -> list[OutgoingMessage]:
    files = render(answer.text).files
    return [OutgoingMessage(answer.turn.chat, files=(file,), silent=True) for file in files]


def _provider_line(answer: Answer, when: ProviderLine) -> list[str]:
    """Name the provider, if wanted, and say why those before it did not answer."""
    ref, passed = answer.ref, answer.started.skipped_providers if answer.started else ()
    if ref is None or answer.failure or when == "never" or (when == "auto" and not passed):
        return []
    who = f"{ref.provider}, {ref.model}" if when == "always" and ref.model else ref.provider
    return [" · ".join([f"via {who}", *passed])]


def _figures(answer: Answer, usd: Decimal | None) -> list[str]:
    if answer.ref is None or answer.failure:
        return []
    usage = answer.finished.usage if answer.finished else None
    tokens = [f"{usage.completion} token{'s' * (usage.completion != 1)}"] if usage else []
    who = [answer.ref.provider, answer.ref.model] if answer.ref.model else [answer.ref.provider]
    return [" · ".join([*who, f"{answer.seconds:.1f} s", *tokens, _cost(usd)])]


def _cost(usd: Decimal | None) -> str:
    if usd is None:
        return "price unknown"
    return format_usd(usd) if usd else "free"


def render_notice(
    chat: Chat, text: str, *, buttons: tuple[Button, ...] = (), reply_to: int | None = None
) -> list[OutgoingMessage]:
    """Make messages of a text of the bot's own, in Markdown."""
    outgoing = [OutgoingMessage(chat, chunk, reply_to_id=reply_to) for chunk in render(text).chunks]
    outgoing[-1] = replace(outgoing[-1], buttons=buttons)
    return outgoing


def _notes(answer: Answer, *, for_owner: bool) -> list[str]:
    notes = []
    if answer.failure:
        failure = answer.failure
        notes.append(advise(failure.owner_message if for_owner else failure.user_message))
    elif answer.stopped:
        notes.append("Stopped.")
    elif answer.cut_note:
        notes.append(answer.cut_note)
    if answer.turn.file and answer.turn.file.label and not answer.failure:
        notes.append(answer.turn.file.label)
    if answer.turn.follows_silence and not answer.failure:
        notes.append("This is a new conversation, because the last one was hours ago.")
    if answer.started and answer.started.dropped_turns and not answer.failure:
        count = answer.started.dropped_turns
        turns = "message" if count == 1 else f"{count} messages"
        notes.append(
            f"This conversation is long: I no longer see its first {turns}. /new starts a new one."
        )
    return notes


def _buttons(answer: Answer, style: AnswerStyle) -> tuple[Button, ...]:
    if answer.failure:
        return buttons_for(
            answer.failure, in_private=answer.turn.local_only and not answer.turn.detached
        )
    file = answer.turn.file
    is_more = file is not None and file.number >= 0
    offered = (
        (NEXT_PART, is_more and file and file.next_position is not None),
        (SEARCH, is_more and file and not file.is_scan),
        (LONGER, answer.turn.concise and not answer.stopped),
        (RESUME, answer.can_continue and not answer.turn.concise),
        (NEW, answer.started and answer.started.dropped_turns),
        (GO_ON, answer.turn.follows_silence),
        (READ_ALOUD, style.speaks and answer.text.strip()),
    )
    return tuple(button for button, helps in offered if helps)


def buttons_for(failure: AmbrosioError, *, in_private: bool = False) -> tuple[Button, ...]:
    """List the buttons that help after a failure; `in_private` says that the chat is local only."""
    offered = (
        (RETRY, failure.retryable),
        (MODELS, failure.other_model_may_help),
        (LOOK, isinstance(failure, ScannedFile)),
        (LEAVE_PRIVATE, in_private and isinstance(failure, LocalOnlyFailed | NobodySeesHere)),
    )
    buttons = tuple(button for button, helps in offered if helps)
    if isinstance(failure, NobodySees) and failure.offer:
        return (*buttons, Button(f"Ask {failure.offer}", "see", with_turn=True))
    return buttons


def _italic(note: str) -> str:
    return f"_{note.translate(ESCAPES)}_"


def _prepend_lines(lines: list[str], chunks: list[FormattedText]) -> list[FormattedText]:
    """Put what tools were used for above an answer, in italics."""
    if not lines:
        return chunks
    text = "\n".join(lines)
    units = utf16_len(text)
    line = FormattedText(text, (Entity("italic", 0, units),))
    if not chunks:
        return [line]
    first, *rest = chunks
    gap = units + 2
    if gap + utf16_len(first.text) > MAX_UTF16_UNITS or len(first.entities) >= MAX_ENTITIES:
        return [line, *chunks]
    moved = (replace(entity, offset=entity.offset + gap) for entity in first.entities)
    return [FormattedText(f"{text}\n\n{first.text}", (*line.entities, *moved)), *rest]


def _append_sources(chunks: list[FormattedText], sources: list[Source]) -> list[FormattedText]:
    """Name the sources below an answer, as links; each with its host, which titles may hide."""
    if not sources or not chunks:
        return chunks
    text, entities = "", []
    for source in sources:
        label = _source_label(source)
        begin = utf16_len(text) + 2
        entities.append(Entity("text_link", begin, utf16_len(label), url=source.url))
        text += f"\u2022 {label}\n"
    return _append(chunks, FormattedText(text.rstrip("\n"), tuple(entities)))


def _linked(source: Source) -> str:
    """Write a source in Markdown; an address in angle brackets ends at the bracket only."""
    address = source.url.replace("<", "%3C").replace(">", "%3E")
    return f"\u2022 [{_source_label(source).translate(ESCAPES)}](<{address}>)"


def _source_label(source: Source) -> str:
    host = (urlsplit(source.url).hostname or "").removeprefix("www.")
    title = source.title[:MAX_SOURCE_TITLE].strip()
    return title if title == host else f"{title} ({host})"


def _append_notes(chunks: list[FormattedText], notes: list[str]) -> list[FormattedText]:
    """Append the notes to the last message, in italics, or make one of their own if it is full."""
    if not notes:
        return chunks
    return _append(chunks, _note("\n".join(notes), "italic" if chunks else ""))


def _append(chunks: list[FormattedText], more: FormattedText) -> list[FormattedText]:
    """Put a text below the last message, or make one of its own if that is full."""
    if not chunks:
        return [more]
    last = chunks[-1]
    before = utf16_len(last.text) + 2
    is_full = len(last.entities) + len(more.entities) > MAX_ENTITIES
    if is_full or before + utf16_len(more.text) > MAX_UTF16_UNITS:
        return [*chunks, more]
    moved = (replace(entity, offset=entity.offset + before) for entity in more.entities)
    joined = FormattedText(f"{last.text}\n\n{more.text}", (*last.entities, *moved))
    return [*chunks[:-1], joined]


def _note(text: str, style: str) -> FormattedText:
    """Format a note: commands and settings, in backticks, as code, and the rest in a style."""
    shown, entities = "", list[Entity]()
    for number, part in enumerate(plain(text).text.split("`")):
        kind = "code" if number % 2 else style
        if kind and part:
            entities.append(Entity(kind, utf16_len(shown), utf16_len(part)))
        shown += part
    return FormattedText(shown, tuple(entities))


def _in_place(outgoing: list[OutgoingMessage], shown: Sequence[int], chat: Chat) -> list[Outgoing]:
    """Edit the old messages as far as they go, and delete those that are left over."""
    edits = [replace(new, edit_message_id=old) for new, old in zip(outgoing, shown, strict=False)]
    surplus = [Delete(chat, message_id) for message_id in shown[len(outgoing) :]]
    return [*edits, *outgoing[len(edits) :], *surplus]
