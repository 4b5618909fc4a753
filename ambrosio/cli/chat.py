"""`ambrosio chat`: the same assistant in the terminal.

Without a question it asks for one after the other, until Ctrl+D. Ctrl+C stops an answer.
"""

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field, replace

from ..app import App, is_model_configured, now, open_app
from ..assistant.answer import Answer
from ..assistant.documents import SHARES, was_too_long
from ..assistant.progress import Progress
from ..commands.context import BotContext, BotStatus
from ..config.program import advise
from ..config.settings import Settings
from ..core import texts
from ..core.default_questions import to_continue
from ..core.errors import NoProvider
from ..core.file_errors import FileError
from ..core.messages import TERMINAL, OutgoingMessage, Turn
from ..core.vv import split_vv
from . import chat_commands
from .attached_files import AttachedFiles, find_shown_file
from .hints import INTERRUPTED, print_error, ways_to_begin, without_commands
from .terminal import REDRAW_SECONDS, Output, open_output, printable, unechoed

# Completes a turn with a share of the files that should fit.
Preparation = Callable[[Turn, App, float], Awaitable[Turn]]
HOW_TO_CONTINUE = "/continue gets the rest"
HOW_TO_CONTINUE_LATER = "`ambrosio chat -c /continue` gets the rest"
HOW_TO_READ_ON = "/next reads the next part, /find words searches the file"
HOW_TO_READ_ON_LATER = (
    "`ambrosio chat -c /next` reads the next part, `ambrosio chat -c /find words` searches the file"
)


async def chat(
    settings: Settings,
    question: str,
    piped: str,
    provider: str,
    *,
    go_on: bool,
    attached: AttachedFiles | None = None,
) -> int:
    """Answer a question, or chat until the input ends; return the exit code.

    Args:
        settings: the loaded settings.
        question: what stands on the command line; "" to be asked for questions.
        piped: text from standard input, added to the question.
        provider: who is asked first, as NAME or NAME/MODEL; "" follows the route.
        go_on: continue the conversation before this one.
        attached: files that are shown with the question.
    """
    text = "\n\n".join(part for part in (question.strip(), piped.strip()) if part)
    if attached and not text:
        text = attached.question
    if not text and not sys.stdin.isatty():
        print_error(texts.NO_QUESTION)
        return 2
    if not await is_model_configured(settings):
        print_error(f"no model is set up. {ways_to_begin()}")
        return 1
    async with open_app(settings) as app:
        name = provider.partition("/")[0]
        if name and name not in app.providers:
            print_error(texts.NO_SUCH_PROVIDER.format(name=name, known=", ".join(app.providers)))
            return 2
        if not go_on:
            app.store.chats.continue_from(TERMINAL, None)
        terminal = TerminalChat(app, provider, takes_commands=not text)
        command = chat_commands.parse(text) if go_on and not attached else None
        if command and command.name in chat_commands.FILE_COMMANDS:
            return await terminal.go_on_with_file(command)
        if command and command.name == chat_commands.CONTINUE:
            return await terminal.get_the_rest()
        return await terminal.ask(text, attached) if text else await terminal.ask_until_eof()


@dataclass(frozen=True, slots=True)
class TerminalChat:
    """A conversation in the terminal; `model`, from the command line, is asked first.

    It `takes_commands` such as /model, unless it is a single question.
    """

    app: App
    model: str = ""
    takes_commands: bool = True
    started_at: float = field(default_factory=now)

    async def ask_until_eof(self) -> int:
        """Ask for questions, and answer them, until the input ends."""
        from .line_editor import HELP, LineEditor  # noqa: PLC0415  a one-shot needs no editor

        asked = self.app.store.conversations.latest_questions(TERMINAL)
        editor = LineEditor(asked, chat_commands.NAMES)
        print(HELP, file=sys.stderr)
        while (line := await editor.read()) is not None:
            command = chat_commands.parse(line)
            if command and command.name in chat_commands.EXIT:
                break
            if command and command.name in chat_commands.FILE_COMMANDS:
                await self.go_on_with_file(command)
            elif command and command.name == chat_commands.CONTINUE:
                await self.get_the_rest()
            elif command:
                await self._run(command)
            elif line.strip():
                await self.ask(line.strip())
        return 0

    async def ask(self, text: str, attached: AttachedFiles | None = None) -> int:
        """Answer one question, with the files it is about; return the exit code."""
        concise, question = split_vv(text)
        if not question.strip():
            print_error(texts.EMPTY_VV_QUESTION if concise else texts.NO_QUESTION)
            return 2
        turn = self._turn(question.strip(), concise=concise)
        return await self._answer(turn, attached.add_to if attached else None)

    async def get_the_rest(self) -> int:
        """Ask for the rest of the last answer; return the exit code."""
        latest = self.app.assistant.latest_turn_id(TERMINAL)
        stored = latest and self.app.store.conversations.turn(latest)
        if not stored or not stored.answer:
            print_error(texts.NOTHING_TO_CONTINUE)
            return 1
        return await self._answer(self._turn(to_continue(stored.answer)))

    async def go_on_with_file(self, command: chat_commands.TypedCommand) -> int:
        """Ask of the next part of a file, or of what is found in it; return the exit code."""
        searches = command.name == "find"
        file = find_shown_file(self.app, searches=searches)
        words = command.args.strip()
        if file is None:
            print_error(advise(texts.NO_FILE_SHOWN))
        elif searches and not words:
            print_error(texts.NOTHING_TO_FIND)
        elif searches:
            return await self._answer(self._turn(words), file.add_passages)
        elif not file.has_more:
            print_error(texts.NO_NEXT_PART)
        else:
            model = self._turn("").model
            return await self._answer(file.next_turn(model), file.add_next_part)
        return 1

    def _turn(self, question: str, *, concise: bool = False) -> Turn:
        state = self.app.store.chats.state(TERMINAL)
        return Turn(
            chat=TERMINAL,
            message_id=_message_id(),
            user_id=TERMINAL.chat_id,
            question=question,
            concise=concise or state.vv,
            parent_id=self.app.assistant.latest_turn_id(TERMINAL),
            model=self.model or state.model,
        )

    async def _run(self, command: chat_commands.TypedCommand) -> None:
        context = BotContext(
            store=self.app.store,
            assistant=self.app.assistant,
            image_assistant=self.app.image_assistant,
            providers=self.app.providers,
            transcripts=self.app.transcripts,
            speech=self.app.speech,
            media=self.app.media,
            owners=lambda: frozenset({TERMINAL.chat_id}),
            now=now,
            data_dir=self.app.settings.ambrosio_data_dir,
            default_zone=self.app.settings.ambrosio_zone,
            status=BotStatus(self.started_at),
        )
        result = await chat_commands.run(context, command, _message_id())
        if result.text:
            open_output().finish(result.text)
        for message in result.messages:
            if isinstance(message, OutgoingMessage):
                print(printable(message.content.text), end="\n\n")
        if result.turn:
            await self._answer(replace(result.turn, model=result.turn.model or self.model))

    async def _answer(self, turn: Turn, prepare: Preparation | None = None) -> int:
        """Answer a turn, completed by `prepare`; return the exit code."""
        if prepare is None:
            return self._finish(*await self._ask(turn))
        shares = iter(SHARES)
        try:
            asked = await self._ask(await prepare(turn, self.app, next(shares)))
            for share in shares:
                if not was_too_long(asked[0]):
                    break
                asked = await self._ask(await prepare(turn, self.app, share))
        except (FileError, NoProvider) as exc:
            print_error(exc.owner_message)
            return 1
        except OSError as exc:
            print_error(texts.FILE_NOT_READ.format(path=exc.filename))
            return 1
        return self._finish(*asked)

    async def _ask(self, turn: Turn) -> tuple[Answer, Output]:
        progress, output = Progress(), open_output()
        async with AsyncExitStack() as stack:
            stack.enter_context(_stopped_by_ctrl_c(progress))
            stack.enter_context(unechoed())
            group = await stack.enter_async_context(asyncio.TaskGroup())
            showing = group.create_task(_show_progress(progress, output))
            try:
                answer = await self.app.assistant.answer(turn, progress)
            finally:
                showing.cancel()
        return answer, output

    def _finish(self, answer: Answer, output: Output) -> int:
        self.app.assistant.save(answer)
        output.finish(answer.text)
        if output.closed:
            # Whoever read it has seen enough.
            return 0
        _print_footer(answer, takes_commands=self.takes_commands)
        if answer.stopped:
            return INTERRUPTED
        return 1 if answer.failure else 0


def _message_id() -> int:
    return int(now() * 1000)


@contextmanager
def _stopped_by_ctrl_c(progress: Progress) -> Iterator[None]:
    """Let Ctrl+C stop the answer, and not the program, until the block ends."""
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGINT, progress.stop)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGINT)


async def _show_progress(progress: Progress, output: Output) -> None:
    while True:
        await progress.changed.wait()
        progress.changed.clear()
        output.show(progress)
        if output.closed:
            progress.stop()
        # The words that come meanwhile are shown together.
        await asyncio.sleep(REDRAW_SECONDS)


def _print_footer(answer: Answer, *, takes_commands: bool) -> None:
    for line in answer.lines:
        print(f"({line})", file=sys.stderr)
    for source in answer.sources:
        print(f"({source.title}: {source.url})", file=sys.stderr)
    if answer.failure:
        message = answer.failure.owner_message
        print_error(message if takes_commands else without_commands(message))
    elif answer.stopped or answer.cut_note:
        print(f"({answer.cut_note or 'stopped'})", file=sys.stderr)
        if answer.can_continue:
            how = HOW_TO_CONTINUE if takes_commands else advise(HOW_TO_CONTINUE_LATER)
            print(f"({how})", file=sys.stderr)
    elif answer.finished:
        file = answer.turn.file
        said = [file.label] if file and file.label else []
        print(f"({' · '.join([str(answer.finished.ref), *said])})", file=sys.stderr)
        if file and file.number >= 0 and file.next_position is not None:
            how = HOW_TO_READ_ON if takes_commands else advise(HOW_TO_READ_ON_LATER)
            print(f"({how})", file=sys.stderr)
