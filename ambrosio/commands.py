"""What each command and each button does.

A command is one coroutine and one row of `COMMANDS`; `/help`, Telegram's command menu and the
README's list are made from that table. A command says what is to be answered and sends nothing
itself.
"""

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace

from . import __version__, belongings, catalogue, imagine, regrets
from .comparing import compare, press_go_on
from .desk import Call, Desk, Reply, Run
from .errors import ProviderError
from .messages import Button, Outgoing
from .policy import PAIRING_SECONDS, Pairing
from .preferences import press_setting, settings
from .privacy import press_private, private, where
from .providers import OpenAIProvider, Served
from .rice.quick import quick
from .store import PlaceState
from .usage import usage

MOST_BUTTONS = 12


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


# --- conversation ---------------------------------------------------------------------------------


async def start(desk: Desk, call: Call) -> Reply:
    """Say hello; pressing it twice harms nothing."""
    return Reply(
        "I am Ambrosio. Write to me as you would to a friend who knows a lot.\n\n"
        'Begin with "vv" when you are in a hurry: *vv jasmin or basmati rice with falafel?* '
        "gets one line.\n\n/help lists what else I can do."
    )


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


async def new(desk: Desk, call: Call) -> Reply:
    """Begin a new conversation; the old one stays where it is and can be replied to."""
    state = desk.store.place(call.place)
    desk.store.set_place(call.place, replace(state, head=None))
    return Reply("A fresh start: what was said before no longer counts.")


async def stop(desk: Desk, call: Call) -> Reply:
    """Stop the answer that is being written."""
    progress = desk.running.get(call.place)
    if progress is None:
        return Reply(regrets.NOTHING_TO_STOP)
    progress.stop()
    return Reply()


async def retry(desk: Desk, call: Call) -> Reply:
    """Answer the last question again, by another model if one is named."""
    state = desk.store.place(call.place)
    asked = desk.store.turn(state.head) if state.head else None
    if asked is None:
        return Reply(regrets.NOTHING_TO_REPEAT)
    if desk.store.painting(asked.id):
        return await imagine.press_again(desk, replace(call, args=str(asked.id)))
    model = _choice(desk, call.args) if call.args else state.model
    if model is None:
        return Reply(_unknown_model(desk, call.args))
    return Reply(turn=replace(asked.turn, replaces=asked.id, model=model))


async def vv(desk: Desk, call: Call) -> Reply:
    """Make every answer short, or no longer."""
    state = desk.store.place(call.place)
    wish = call.args.strip().lower()
    if wish not in {"", "on", "off"}:
        return Reply(regrets.ON_OR_OFF)
    on = not state.vv if not wish else wish == "on"
    desk.store.set_place(call.place, replace(state, vv=on))
    return Reply(
        "From now on every answer here is as short as it can be. /vv off ends that."
        if on
        else 'Answers here are as long as they need to be. "vv" in front still makes one short.'
    )


# --- models ---------------------------------------------------------------------------------------


async def model(desk: Desk, call: Call) -> Reply:
    """Show who can answer, or choose for this chat."""
    state = desk.store.place(call.place)
    if call.args:
        chosen = _choice(desk, call.args)
        if chosen is None:
            return Reply(_unknown_model(desk, call.args))
        desk.store.set_place(call.place, replace(state, model=chosen))
        return Reply(_model_line(desk, chosen))
    choices = await _choices(desk)
    buttons = [Button(_ticked("automatic", on=not state.model), "model:auto")]
    buttons += [
        Button(_ticked(choice, on=choice == state.model), f"model:{_mark(choice)}")
        for choice in choices[:MOST_BUTTONS]
    ]
    return Reply(_model_line(desk, state.model), tuple(buttons))


async def press_models(desk: Desk, call: Call) -> Reply:
    """Show who else can answer."""
    return await model(desk, replace(call, args=""))


async def press_model(desk: Desk, call: Call) -> Reply:
    """Choose the model whose button was pressed."""
    state = desk.store.place(call.place)
    marks = {_mark(choice): choice for choice in await _choices(desk)} | {"auto": ""}
    if call.args not in marks:
        return Reply(toast=regrets.MODEL_GONE)
    chosen = marks[call.args]
    desk.store.set_place(call.place, replace(state, model=chosen))
    line = _model_line(desk, chosen)
    return Reply(line, edits=call.message, toast="Done")


async def _choices(desk: Desk) -> list[str]:
    """List what can be chosen: each provider, then what it serves, as far as that is known."""
    choices = []
    for name, provider in desk.providers.items():
        choices.append(name)
        try:
            served = await provider.models()
        except ProviderError:
            continue
        choices += [f"{name}/{each.id}" for each in served if _worth_a_button(provider, each)]
    return choices


def _worth_a_button(provider: OpenAIProvider, served: Served) -> bool:
    """Sort out, of the hundreds that some serve, the default and those that nothing is known of."""
    if served.kind not in {"chat", "language"} or served.id == provider.row.model:
        return False
    return provider.local or bool(catalogue.known(served.id))


def _choice(desk: Desk, words: str) -> str | None:
    """Understand `provider`, `provider/model` or the name of a known model."""
    name, _, chosen = words.strip().partition("/")
    if name in desk.providers:
        return f"{name}/{chosen}" if chosen else name
    served_by = [each for each, it in desk.providers.items() if it.row.model == words.strip()]
    return served_by[0] if served_by else None


def _unknown_model(desk: Desk, words: str) -> str:
    names = ", ".join(f"`{name}`" for name in desk.providers) or "none"
    return regrets.UNKNOWN_MODEL.format(model=words, names=names)


def _model_line(desk: Desk, chosen: str) -> str:
    route = desk.assistant.router.route(model=chosen)
    if not route:
        return regrets.NO_MODEL
    order = ", then ".join(name for name, _ in route)
    return f"**{chosen}** is asked first here." if chosen else f"Automatic: first {order}."


def _ticked(label: str, *, on: bool) -> str:
    return f"✓ {label}" if on else label


def _mark(choice: str) -> str:
    # Telegram allows 64 bytes of callback data, and some ids are longer.
    return hashlib.sha256(choice.encode()).hexdigest()[:16]


async def rice(desk: Desk, call: Call) -> Reply:
    """Ask every model a few short questions, and lay the answers side by side."""
    text, files = await quick(
        desk.assistant.router,
        desk.providers,
        desk.assistant.system,
        own=desk.folder / "rice.toml",
        person=call.person,
        progress=desk.running[call.place],
        private=desk.assistant.private(call.place),
        now=desk.now(),
    )
    return Reply(text, sends=(Outgoing(call.place, files=files, silent=True),) if files else ())


# --- the house ------------------------------------------------------------------------------------


async def status(desk: Desk, call: Call) -> Reply:
    """Tell how everybody is doing."""
    now = desk.now()
    lines = [f"**Ambrosio {__version__}**, up {_duration(now - desk.started_at)}"]
    for name, vitals in desk.assistant.router.health.vitals.items():
        lines.append(f"{_health(vitals.failure)} **{name}** {desk.providers[name].row.model}")
        details = []
        if vitals.first_word_seconds is not None:
            details.append(f"first word after {vitals.first_word_seconds:.1f} s")
        if vitals.failure:
            details.append(vitals.failure)
        if resting := vitals.breaker.resting_seconds(now):
            details.append(f"rests for {_duration(resting)}")
        lines += [f"  {'; '.join(details)}"] if details else []
    state = desk.store.place(call.place)
    tokens = _context_tokens(desk, state)
    lines.append(f"This conversation: about {tokens:,} tokens; model {state.model or 'automatic'}")
    lines.append(f"Waiting: {desk.store.waiting() - 1}; being answered: {len(desk.running)}")
    if desk.polled_at is not None:
        lines.append(f"Last heard from Telegram {_duration(now - desk.polled_at)} ago")
    if desk.strangers and call.person in desk.owners():
        lines.append(f"Strangers turned away: {desk.strangers}")
    return Reply("  \n".join(lines))


def _context_tokens(desk: Desk, state: PlaceState) -> int:
    history = desk.store.history(state.head)
    return sum(len((past.question + past.answer).encode()) // 3 for past in history)


def _health(failure: str) -> str:
    return "✗" if failure else "✓"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = ((days, "d"), (hours, "h"), (minutes, "min"), (rest, "s"))
    shown = [f"{number} {unit}" for number, unit in parts if number]
    return " ".join(shown[:2]) or "0 s"


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
        return Reply(toast=regrets.OWNER_ONLY)
    desk.store.dismiss(int(call.args))
    listed = await people(desk, call)
    return replace(listed, edits=call.message, toast="Removed")


async def press_group(desk: Desk, call: Call) -> Reply:
    """Go out of a group."""
    if call.person not in desk.owners():
        return Reply(toast=regrets.OWNER_ONLY)
    desk.store.set_group(int(call.args), None)
    listed = await people(desk, call)
    return replace(listed, edits=call.message, toast="Left", leaves=int(call.args))


# --- buttons under answers ------------------------------------------------------------------------


async def press_retry(desk: Desk, call: Call) -> Reply:
    """Ask a question again that nobody could answer."""
    asked = desk.store.turn(int(call.args))
    if asked is None or asked.answer is not None:
        return Reply(toast=regrets.ANSWERED if asked else regrets.FORGOTTEN)
    head, model = desk.assistant.head(call.place), desk.store.place(call.place).model
    return Reply(turn=replace(asked.turn, parent=head, replaces=asked.id, model=model))


async def press_fresh(desk: Desk, call: Call) -> Reply:
    """Begin a new conversation."""
    return replace(await new(desk, call), toast="Done")


async def press_stop(desk: Desk, call: Call) -> Reply:
    """Stop the answer that is being written above the button."""
    progress = desk.running.get(call.place)
    if progress is None:
        return Reply(toast=regrets.NOTHING_TO_STOP)
    progress.stop()
    return Reply(toast="Stopped")


async def press_longer(desk: Desk, call: Call) -> Reply:
    """Answer the same question in full."""
    asked = desk.store.turn(int(call.args))
    if asked is None or not asked.turn.concise:
        return Reply(toast=regrets.LENGTHENED if asked else regrets.FORGOTTEN)
    state = desk.store.place(call.place)
    return Reply(turn=replace(asked.turn, concise=False, replaces=asked.id, model=state.model))


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
    Command("search", "find what you said before", belongings.search, args="words"),
    Command("export", "give you this conversation as files", belongings.export),
    Command("forget", "delete what was said", belongings.forget),
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
    **belongings.PRESSES,
}
