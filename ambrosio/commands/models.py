"""`/model`: which model answers in a chat; `/rice`: the short rice test."""

import hashlib
from dataclasses import replace

from ..assistant.progress import Progress
from ..config import catalogue
from ..config.program import advise
from ..core import texts
from ..core.messages import Button, Chat, ModelRef, OutgoingMessage
from ..core.provider_errors import ProviderError
from ..providers.openai_compatible import OpenAIProvider
from ..providers.server_facts import ServedModel
from .context import BotContext, CommandCall, CommandResult
from .senses import describe_senses

MAX_BUTTONS = 12
# The words for no choice; the first is the one on the button.
AUTOMATIC = ("automatic", "auto")


async def model(context: BotContext, call: CommandCall) -> CommandResult:
    """Show the models, or choose one for this chat."""
    state = context.store.chats.state(call.chat)
    if call.args:
        chosen = _choice(context, call.args)
        if chosen is None:
            return CommandResult(_unknown_model(context, call.args))
        context.store.chats.set_state(call.chat, replace(state, model=chosen))
        return CommandResult(_model_line(context, call.chat, chosen))
    choices = await _choices(context)
    buttons = [Button(ticked(AUTOMATIC[0], on=not state.model), "model", "auto")]
    buttons += [
        Button(ticked(choice, on=choice == state.model), "model", _choice_id(choice))
        for choice in choices[:MAX_BUTTONS]
    ]
    lines = (
        _model_line(context, call.chat, state.model),
        *await describe_senses(context, call.chat),
    )
    return CommandResult("\n\n".join(lines), tuple(buttons))


async def on_models_button(context: BotContext, call: CommandCall) -> CommandResult:
    """Show the models."""
    return await model(context, replace(call, args=""))


async def on_model_button(context: BotContext, call: CommandCall) -> CommandResult:
    """Choose the model whose button was pressed."""
    state = context.store.chats.state(call.chat)
    marks = {_choice_id(choice): choice for choice in await _choices(context)} | {"auto": ""}
    if call.args not in marks:
        return CommandResult(toast=texts.MODEL_UNAVAILABLE)
    chosen = marks[call.args]
    context.store.chats.set_state(call.chat, replace(state, model=chosen))
    line = _model_line(context, call.chat, chosen)
    return CommandResult(line, edit_message_id=call.message_id, toast="Done")


async def on_see_button(context: BotContext, call: CommandCall) -> CommandResult:
    """Let the chat's pictures, this one first, be looked at by a model that sees."""
    stored = context.pressed_turn(call)
    if stored is None or stored.answer is not None:
        return CommandResult(toast=texts.ALREADY_ANSWERED if stored else texts.TURN_DELETED)
    assistant = context.assistant
    turn = replace(stored.turn, parent_id=assistant.latest_turn_id(call.chat))
    request = assistant.completion_request(assistant.with_privacy(turn))
    chosen = await assistant.router.offer_viewer(request)
    if not chosen:
        return CommandResult(toast=texts.MODEL_UNAVAILABLE)
    state = context.store.chats.state(call.chat)
    context.store.chats.set_state(call.chat, replace(state, model=chosen))
    return CommandResult(turn=replace(turn, replaces_id=stored.turn_id, model=chosen))


async def _choices(context: BotContext) -> list[str]:
    """List the choices: each provider that chats, then the models it serves, if it says so."""
    choices = []
    for name in _chat_names(context):
        provider = context.providers[name]
        choices.append(name)
        try:
            served = await provider.models()
        except ProviderError:
            continue
        choices += [
            f"{name}/{served_model.id}"
            for served_model in served
            if _worth_a_button(provider, served_model)
        ]
    return choices


def _worth_a_button(provider: OpenAIProvider, served: ServedModel) -> bool:
    """Leave out the default and, of the hundreds that some servers have, the unknown models."""
    if served.kind not in {"chat", "language"} or served.id == provider.config.model:
        return False
    return provider.local or bool(catalogue.look_up(served.id))


def _choice(context: BotContext, words: str) -> str | None:
    """Parse `provider`, `provider/model` or the name of a provider's model; None if unknown.

    "" is the automatic choice.
    """
    name, _, chosen = words.strip().partition("/")
    if name in context.providers and chosen:
        return f"{name}/{chosen}"
    if name in _chat_names(context):
        return name
    if words.strip().lower() in AUTOMATIC:
        return ""
    served_by = [
        name
        for name, provider in context.providers.items()
        if provider.config.model == words.strip()
    ]
    return served_by[0] if served_by else None


def _unknown_model(context: BotContext, words: str) -> str:
    names = ", ".join(f"`{name}`" for name in (AUTOMATIC[0], *_chat_names(context)))
    return texts.UNKNOWN_MODEL.format(model=words, names=names)


def _chat_names(context: BotContext) -> list[str]:
    """Name the providers that chat; some only make images or transcribe."""
    return [name for name, row in context.providers.items() if row.config.supports_chat]


def _model_line(context: BotContext, chat: Chat, chosen: str) -> str:
    route = context.assistant.router.route(model=chosen)
    if not route:
        return advise(texts.NO_MODEL)
    if context.assistant.is_local_only(chat):
        near = [str(ModelRef(*row)) for row in route if context.providers[row[0]].local]
        return (
            f"This chat is private, so I ask local models only: {', then '.join(near) or 'none'}."
        )
    order = ", then ".join(name for name, _ in route)
    return f"**{chosen}** is asked first in this chat." if chosen else f"Automatic: {order}."


def ticked(label: str, *, on: bool) -> str:
    """Put a tick before the label of a button whose choice is on."""
    return f"✓ {label}" if on else label


def _choice_id(choice: str) -> str:
    # Telegram allows 64 bytes of callback data, and some ids are longer.
    return hashlib.sha256(choice.encode()).hexdigest()[:16]


async def rice(context: BotContext, call: CommandCall) -> CommandResult:
    """Ask every model a few short questions, and lay the answers side by side."""
    from ..rice.quick import run_quick_test  # noqa: PLC0415  0.8 MB that few owners need

    text, files = await run_quick_test(
        context.assistant.router,
        context.providers,
        context.assistant.system,
        questions_path=context.data_dir / "rice.toml",
        user_id=call.user_id,
        progress=context.running.get(call.chat) or Progress(),
        local_only=context.assistant.is_local_only(call.chat),
        now=context.now(),
    )
    return CommandResult(
        text, messages=(OutgoingMessage(call.chat, files=files, silent=True),) if files else ()
    )
