"""What an answer looks like: its messages, the notes under it, and the buttons that help."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from ..assistant.answers import Answer
from ..core.errors import AmbrosioError, LocalOnlyFailed
from ..core.messages import Button, Chat, Entity, FormattedText, OutgoingMessage
from ..markdown import expandable, plain, render
from ..markdown.rich import needs_rich
from ..store import ProviderLine

LONGER = Button("Longer", "longer:{turn}")
RETRY = Button("Retry", "retry:{turn}")
GO_ON = Button("Go on with this one", "goon:{turn}")
MODELS = Button("Choose a model", "models:")
LEAVE_PRIVATE = Button("Leave private mode", "private:off")
FRESH = Button("New conversation", "fresh:")
# What is less is not worth its digits.
MIN_USD = Decimal("0.0001")
# An underscore that does not end the italics of a note.
ESCAPED_UNDERSCORE = "\\_"


@dataclass(frozen=True, slots=True)
class AnswerStyle:
    """How answers are set: rich messages where entities fall short, thoughts shown or not.

    `via` says when there is a line about who answered.
    """

    rich: bool = False
    reasoning: bool = False
    provider_line: ProviderLine = "auto"


PLAIN = AnswerStyle()


def render_answer(
    answer: Answer,
    *,
    style: AnswerStyle = PLAIN,
    shown: Sequence[int] = (),
    surplus: Sequence[int] = (),
) -> list[OutgoingMessage]:
    """Make messages of an answer; only the first that belongs to it rings.

    Args:
        answer: what there is to say.
        style: how it is set.
        shown: messages of an older answer, which are replaced in place as far as they go.
        surplus: messages that are taken away when the answer is there.
    """
    chat, notes = answer.turn.chat, [*_notes(answer), *_provider_line(answer, style.provider_line)]
    outgoing = _messages(answer, notes, rich=style.rich and not shown)
    outgoing[-1] = replace(outgoing[-1], buttons=_buttons(answer))
    outgoing = _in_place(outgoing, shown, chat)
    if style.reasoning and answer.reasoning.strip() and not shown:
        outgoing.insert(0, OutgoingMessage(chat, expandable(answer.reasoning), silent=True))
    outgoing += _files(answer)
    return outgoing + [OutgoingMessage(chat, edit_message_id=old, delete=True) for old in surplus]


def render_comparison(
    answer: Answer,
    usd: Decimal | None,
    *,
    style: AnswerStyle = PLAIN,
    shown: Sequence[int] = (),
    rings: bool = True,
) -> list[OutgoingMessage]:
    """Make messages of one of several answers, with what it took and a button to go on with it."""
    notes = [*_notes(answer), *_figures(answer, usd)]
    outgoing = _messages(answer, notes, rich=style.rich and not shown)
    if not answer.failure:
        outgoing[-1] = replace(outgoing[-1], buttons=(GO_ON,))
    if not rings:
        outgoing[0] = replace(outgoing[0], silent=True)
    return _in_place(outgoing, shown, answer.turn.chat) + _files(answer)


def _messages(answer: Answer, notes: list[str], *, rich: bool) -> list[OutgoingMessage]:
    chat, text = answer.turn.chat, answer.text
    if rich and needs_rich(text):
        said = "\n\n".join(
            [text, *(f"_{note.replace('_', ESCAPED_UNDERSCORE)}_" for note in notes)]
        )
        outgoing = [OutgoingMessage(chat, rich_markdown=said)]
    else:
        chunks = _append_notes(list(render(text).chunks), notes)
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
    """Say who answered, if that is wanted, and why nobody did who comes first."""
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
    if not usd:
        return "free"
    return f"${usd:.4f}" if usd >= MIN_USD else f"under ${MIN_USD}"


def render_notice(
    chat: Chat, text: str, *, buttons: tuple[Button, ...] = (), reply_to: int | None = None
) -> list[OutgoingMessage]:
    """Make messages of something that Ambrosio says by itself, written in Markdown."""
    outgoing = [OutgoingMessage(chat, chunk, reply_to_id=reply_to) for chunk in render(text).chunks]
    outgoing[-1] = replace(outgoing[-1], buttons=buttons)
    return outgoing


def _notes(answer: Answer) -> list[str]:
    notes = []
    if answer.failure:
        notes.append(answer.failure.user_message)
    elif answer.stopped:
        notes.append("Stopped.")
    elif answer.is_loop:
        notes.append("Cut here: the model only repeated itself from here on.")
    elif answer.is_cut:
        notes.append(
            "Cut off here: the answer reached its length limit. Ask me to go on for the rest."
        )
    if answer.started and answer.started.dropped_turns and not answer.failure:
        count = answer.started.dropped_turns
        turns = "message" if count == 1 else f"{count} messages"
        notes.append(
            f"This conversation is long: I no longer see its first {turns}. /new starts afresh."
        )
    return notes


def _buttons(answer: Answer) -> tuple[Button, ...]:
    if answer.failure:
        return buttons_for(
            answer.failure, in_private=answer.turn.local_only and not answer.turn.detached
        )
    longer = (LONGER,) if answer.turn.concise and not answer.stopped else ()
    return (*longer, FRESH) if answer.started and answer.started.dropped_turns else longer


def buttons_for(failure: AmbrosioError, *, in_private: bool = False) -> tuple[Button, ...]:
    """List the buttons that help with a failure, where the chat may be `in_private` mode."""
    offered = (
        (RETRY, failure.retryable),
        (MODELS, failure.other_model_may_help),
        (LEAVE_PRIVATE, in_private and isinstance(failure, LocalOnlyFailed)),
    )
    return tuple(button for button, helps in offered if helps)


def _append_notes(chunks: list[FormattedText], notes: list[str]) -> list[FormattedText]:
    """Put the notes behind the last chunk, in italics, or into one of their own if it is full."""
    if not notes:
        return chunks
    note = plain("\n".join(notes))
    if not chunks:
        return [note]
    units = len(note.text.encode("utf-16-le")) // 2
    before = len(chunks[-1].text.encode("utf-16-le")) // 2 + 2
    if before + units > 4096 or len(chunks[-1].entities) >= 100:
        return [*chunks, FormattedText(note.text, (Entity("italic", 0, units),))]
    italic = Entity("italic", before, units)
    joined = FormattedText(f"{chunks[-1].text}\n\n{note.text}", (*chunks[-1].entities, italic))
    return [*chunks[:-1], joined]


def _in_place(
    outgoing: list[OutgoingMessage], shown: Sequence[int], chat: Chat
) -> list[OutgoingMessage]:
    """Let the first messages take the place of old ones; old ones too many are taken away."""
    edits = [replace(new, edit_message_id=old) for new, old in zip(outgoing, shown, strict=False)]
    surplus = [
        OutgoingMessage(chat, edit_message_id=old, delete=True) for old in shown[len(outgoing) :]
    ]
    return [*edits, *outgoing[len(edits) :], *surplus]
