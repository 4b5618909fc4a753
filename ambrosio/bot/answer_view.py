"""What an answer looks like: its messages, the notes under it, and the buttons that help."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from ..assistant.answers import Answer
from ..core.errors import AmbrosioError, StaysHome
from ..core.messages import Button, Chunk, Entity, Outgoing, Place
from ..markdown import expandable, plain, render
from ..markdown.rich import needs_rich
from ..store import Via

LONGER = Button("Longer", "longer:{turn}")
RETRY = Button("Retry", "retry:{turn}")
GO_ON = Button("Go on with this one", "goon:{turn}")
MODELS = Button("Choose a model", "models:")
LEAVE = Button("Leave private mode", "private:off")
FRESH = Button("New conversation", "fresh:")
# What is less is not worth its digits.
LEAST_USD = Decimal("0.0001")
# An underscore that does not end the italics of a note.
MARK = "\\_"


@dataclass(frozen=True, slots=True)
class Style:
    """How answers are set: rich messages where entities fall short, thoughts shown or not.

    `via` says when there is a line about who answered.
    """

    rich: bool = False
    reasoning: bool = False
    via: Via = "auto"


PLAIN = Style()


def compose(
    answer: Answer,
    *,
    style: Style = PLAIN,
    shown: Sequence[int] = (),
    surplus: Sequence[int] = (),
) -> list[Outgoing]:
    """Make messages of an answer; only the first that belongs to it rings.

    Args:
        answer: what there is to say.
        style: how it is set.
        shown: messages of an older answer, which are replaced in place as far as they go.
        surplus: messages that are taken away when the answer is there.
    """
    place, notes = answer.turn.place, [*_notes(answer), *_via(answer, style.via)]
    outgoing = _set(answer, notes, rich=style.rich and not shown)
    outgoing[-1] = replace(outgoing[-1], buttons=_buttons(answer))
    outgoing = _in_place(outgoing, shown, place)
    if style.reasoning and answer.reasoning.strip() and not shown:
        outgoing.insert(0, Outgoing(place, expandable(answer.reasoning), silent=True))
    outgoing += _files(answer)
    return outgoing + [Outgoing(place, edits=old, delete=True) for old in surplus]


def compose_compared(
    answer: Answer,
    usd: Decimal | None,
    *,
    style: Style = PLAIN,
    shown: Sequence[int] = (),
    rings: bool = True,
) -> list[Outgoing]:
    """Make messages of one of several answers, with what it took and a button to go on with it."""
    notes = [*_notes(answer), *_figures(answer, usd)]
    outgoing = _set(answer, notes, rich=style.rich and not shown)
    if not answer.failure:
        outgoing[-1] = replace(outgoing[-1], buttons=(GO_ON,))
    if not rings:
        outgoing[0] = replace(outgoing[0], silent=True)
    return _in_place(outgoing, shown, answer.turn.place) + _files(answer)


def _set(answer: Answer, notes: list[str], *, rich: bool) -> list[Outgoing]:
    place, text = answer.turn.place, answer.text
    if rich and needs_rich(text):
        said = "\n\n".join([text, *(f"_{note.replace('_', MARK)}_" for note in notes)])
        outgoing = [Outgoing(place, rich=said)]
    else:
        chunks = _noted(list(render(text).chunks), notes)
        outgoing = [Outgoing(place, chunk, silent=part > 0) for part, chunk in enumerate(chunks)]
    if not place.private:
        outgoing[0] = replace(outgoing[0], reply_to=answer.turn.message)
    return outgoing


def _files(answer: Answer) -> list[Outgoing]:
    files = render(answer.text).files
    return [Outgoing(answer.turn.place, files=(file,), silent=True) for file in files]


def _via(answer: Answer, when: Via) -> list[str]:
    """Say who answered, if that is wanted, and why nobody did who comes first."""
    ref, passed = answer.ref, answer.begun.passed if answer.begun else ()
    if ref is None or answer.failure or when == "never" or (when == "auto" and not passed):
        return []
    who = f"{ref.provider}, {ref.model}" if when == "always" and ref.model else ref.provider
    return [" · ".join([f"via {who}", *passed])]


def _figures(answer: Answer, usd: Decimal | None) -> list[str]:
    if answer.ref is None or answer.failure:
        return []
    usage = answer.ended.usage if answer.ended else None
    tokens = [f"{usage.completion} token{'s' * (usage.completion != 1)}"] if usage else []
    who = [answer.ref.provider, answer.ref.model] if answer.ref.model else [answer.ref.provider]
    return [" · ".join([*who, f"{answer.seconds:.1f} s", *tokens, _cost(usd)])]


def _cost(usd: Decimal | None) -> str:
    if usd is None:
        return "price unknown"
    if not usd:
        return "free"
    return f"${usd:.4f}" if usd >= LEAST_USD else f"under ${LEAST_USD}"


def notice(
    place: Place, text: str, *, buttons: tuple[Button, ...] = (), reply_to: int | None = None
) -> list[Outgoing]:
    """Make messages of something that Ambrosio says by itself, written in Markdown."""
    outgoing = [Outgoing(place, chunk, reply_to=reply_to) for chunk in render(text).chunks]
    outgoing[-1] = replace(outgoing[-1], buttons=buttons)
    return outgoing


def _notes(answer: Answer) -> list[str]:
    notes = []
    if answer.failure:
        notes.append(answer.failure.sentence)
    elif answer.stopped:
        notes.append("Stopped.")
    elif answer.looped:
        notes.append("Cut here: the model only repeated itself from here on.")
    elif answer.cut:
        notes.append(
            "Cut off here: the answer reached its length limit. Ask me to go on for the rest."
        )
    if answer.begun and answer.begun.dropped and not answer.failure:
        count = answer.begun.dropped
        turns = "message" if count == 1 else f"{count} messages"
        notes.append(
            f"This conversation is long: I no longer see its first {turns}. /new starts afresh."
        )
    return notes


def _buttons(answer: Answer) -> tuple[Button, ...]:
    if answer.failure:
        return helping(answer.failure, in_private=answer.turn.private and not answer.turn.beside)
    longer = (LONGER,) if answer.turn.concise and not answer.stopped else ()
    return (*longer, FRESH) if answer.begun and answer.begun.dropped else longer


def helping(failure: AmbrosioError, *, in_private: bool = False) -> tuple[Button, ...]:
    """List the buttons that help with a failure, where the chat may be `in_private` mode."""
    offered = (
        (RETRY, failure.again),
        (MODELS, failure.elsewhere),
        (LEAVE, in_private and isinstance(failure, StaysHome)),
    )
    return tuple(button for button, helps in offered if helps)


def _noted(chunks: list[Chunk], notes: list[str]) -> list[Chunk]:
    """Put the notes behind the last chunk, in italics, or into one of their own if it is full."""
    if not notes:
        return chunks
    note = plain("\n".join(notes))
    if not chunks:
        return [note]
    units = len(note.text.encode("utf-16-le")) // 2
    before = len(chunks[-1].text.encode("utf-16-le")) // 2 + 2
    if before + units > 4096 or len(chunks[-1].entities) >= 100:
        return [*chunks, Chunk(note.text, (Entity("italic", 0, units),))]
    italic = Entity("italic", before, units)
    joined = Chunk(f"{chunks[-1].text}\n\n{note.text}", (*chunks[-1].entities, italic))
    return [*chunks[:-1], joined]


def _in_place(outgoing: list[Outgoing], shown: Sequence[int], place: Place) -> list[Outgoing]:
    """Let the first messages take the place of old ones; old ones too many are taken away."""
    edits = [replace(new, edits=old) for new, old in zip(outgoing, shown, strict=False)]
    surplus = [Outgoing(place, edits=old, delete=True) for old in shown[len(outgoing) :]]
    return [*edits, *outgoing[len(edits) :], *surplus]
