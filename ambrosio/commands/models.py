"""TODO docstring."""

import hashlib
from dataclasses import replace

from ..config import catalogue
from ..core import texts
from ..core.errors import ProviderError
from ..core.messages import Button, Outgoing
from ..providers.openai_compatible import OpenAIProvider, Served
from ..rice.quick import quick
from .context import Call, Desk, Reply

MOST_BUTTONS = 12


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
        return Reply(toast=texts.MODEL_GONE)
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
    return texts.UNKNOWN_MODEL.format(model=words, names=names)


def _model_line(desk: Desk, chosen: str) -> str:
    route = desk.assistant.router.route(model=chosen)
    if not route:
        return texts.NO_MODEL
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
