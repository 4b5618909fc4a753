"""Every failure that crosses a package border, with the sentences people read.

    AmbrosioError
    ├── InvalidSettings            settings are invalid or missing
    ├── StoreFailed                the database cannot be read or written
    │   └── DatabaseVersion        … because another version of Ambrosio wrote it
    ├── NotStorable                the database refuses what it is given
    ├── InvalidBotToken            Telegram rejected the bot token
    ├── PollingConflict            another process polls with the same bot token
    ├── TelegramSilent             Telegram has been out of reach for too long
    ├── DemoFailed                 the demo cannot start
    ├── NoProvider                 no provider is configured, or none may be asked
    │   ├── BudgetSpent            … only paid ones, and the budget does not cover the call
    │   ├── NobodySees             … none that can see the pictures of the question
    │   │   └── NobodySeesHere     … none that is local, in a private chat
    │   ├── NoImageProvider        … none that makes images
    │   │   └── NoLocalImageProvider … none that is local, in a private chat
    │   ├── NoTranscriber          … none that writes down what it hears, see `sound_errors`
    │   │   └── NoLocalTranscriber … none that is local, in a private chat
    │   └── NoSpeaker              … none that reads aloud
    │       └── NoLocalSpeaker     … none that is local, for a private answer
    ├── AllProvidersFailed         every provider that was asked failed, see `provider_errors`
    ├── PageNotRead                a page on the web could not be fetched or read
    ├── SearchFailed               the web search did not work
    ├── OnlyOneModel               there is nothing to compare an answer with
    │   ├── OnlyOneLocalModel      … in a private chat
    │   └── OnlyOneInBudget        … that the budget covers
    ├── Interrupted                the process died twice during one request
    ├── FileError                  a file that someone sent cannot be used, see `file_errors`
    └── ProviderError              one provider failed, see `provider_errors`

Foreign exceptions are translated into these once, where they are first caught. Each error has two
sentences for the chat: what happened, and what to do about it. `docs/errors.md` lists them all;
`python -m scripts.errors_page` generates that page.
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar


class _Fields(dict[str, object]):
    """The values for a sentence; an unknown name stays as it is instead of raising `KeyError`."""

    def __missing__(self, name: str) -> str:
        return f"{{{name}}}"


def _fill(sentence: str, values: Mapping[str, object]) -> str:
    return sentence.format_map(_Fields(values))


def join_names(names: Sequence[str]) -> str:
    """Join names with commas and an "and"."""
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last


class AmbrosioError(Exception):
    """The root: a failure whose sentences may be shown to a user.

    The sentences are templates; `{name}` stands for an attribute of the error.
    """

    problem: ClassVar[str] = "Something went wrong."
    remedy: ClassVar[str] = "Try again."
    # What only the owner can do, as in "Ask the owner to …"; replaces `remedy` if it is not empty.
    owner_task: ClassVar[str] = ""
    # Whether the same request may succeed later, so that a Retry button makes sense.
    retryable: bool = True
    # Whether another model may succeed, so that buttons to choose one make sense.
    other_model_may_help: bool = False

    @property
    def problem_text(self) -> str:
        """What happened, in one sentence; contains no text from a server."""
        return _fill(self.problem, vars(self))

    def remedy_text(self, *, for_owner: bool = False) -> str:
        """Say what to do: what the owner can do, or, for everyone else, to ask the owner."""
        task = _fill(self.owner_task, vars(self))
        if not task:
            return _fill(self.remedy, vars(self))
        return f"{task[0].upper()}{task[1:]}." if for_owner else f"Ask the owner to {task}."

    @property
    def user_message(self) -> str:
        """What happened and what to do, for anyone who uses the bot."""
        return f"{self.problem_text} {self.remedy_text()}".strip()

    @property
    def owner_message(self) -> str:
        """What happened and what to do, for the owner."""
        return f"{self.problem_text} {self.remedy_text(for_owner=True)}".strip()


class InvalidSettings(AmbrosioError):
    """Settings are invalid or missing; `problems` holds (name, problem, hint) for each."""

    problem = "Some settings are invalid."
    remedy = "Correct them as shown in the terminal, then start Ambrosio again."
    retryable = False

    def __init__(self, problems: list[tuple[str, str, str]]) -> None:
        super().__init__("; ".join(f"{name}: {problem}" for name, problem, _ in problems))
        self.problems = problems

    @property
    def lines(self) -> list[str]:
        """One line for each setting, for the terminal."""
        return [f"{name}: {problem}; {hint}" for name, problem, hint in self.problems]


class StoreFailed(AmbrosioError):
    """The database cannot be read or written: full disk, damaged or locked file."""

    problem = "I cannot write to the disk."
    remedy = "Nothing is lost: I continue as soon as there is free space."


class DatabaseVersion(StoreFailed):
    """Another version of Ambrosio wrote the database; `copy` is one in our format, if there is."""

    problem = "The database {path} was written by another version of Ambrosio."
    remedy = "Start that version, or {other_way}."
    retryable = False

    def __init__(self, path: str, copy: str = "") -> None:
        super().__init__(path)
        self.path = path
        self.other_way = "move the file away to start with an empty one"
        if copy:
            self.other_way = f"go back to the copy from before the upgrade, {copy}"


class NotStorable(AmbrosioError):
    """The database refuses what it is given, and will every time: it is not the disk."""

    problem = "This answer contains something that cannot be stored or sent."
    remedy = "Try again, or choose another model with /model."
    other_model_may_help = True


class InvalidBotToken(AmbrosioError):
    """Telegram answers 401 or 404 to the bot token."""

    problem = "Telegram rejected the bot token."
    remedy = "Get the right one from @BotFather and put it into .env as `TELEGRAM_BOT_TOKEN`."
    retryable = False


class PollingConflict(AmbrosioError):
    """Another process polls with the same token; Telegram gives each update to only one of them."""

    problem = "Ambrosio is already running with this bot token, here or on another machine."
    remedy = "Stop one of the two."
    retryable = False


class TelegramSilent(AmbrosioError):
    """Telegram has not answered for as long as the owner allows, so the process ends."""

    problem = "Telegram has not answered for too long, so Ambrosio has stopped."
    remedy = "Docker or systemd restarts it; otherwise start it with `ambrosio run`."
    retryable = False


class DemoFailed(AmbrosioError):
    """The demo cannot start; the terminal shows why and what to do."""

    problem = "{reason}"
    remedy = "{advice}"
    retryable = False

    def __init__(self, why: str, remedy: str) -> None:
        super().__init__(why)
        self.reason = why
        self.advice = remedy


class NoProvider(AmbrosioError):
    """No provider is configured, or none that may be asked."""

    problem = "No model is available."
    owner_task = "set one up; `ambrosio doctor` shows how"
    retryable = False


class BudgetSpent(NoProvider):
    """All available providers are paid, and the rest of the budget does not cover the call."""

    problem = "This month's budget does not cover this request and no free model is configured."
    owner_task = "raise the budget or set up a local model"


class NobodySees(NoProvider):
    """No model that may be asked takes pictures; `offer` names another one that does, or is ""."""

    problem = "{asked} cannot see pictures."

    def __init__(self, asked: Sequence[str], *, offer: str = "") -> None:
        super().__init__(f"{', '.join(asked)}: cannot see pictures")
        self.asked = join_names(asked)
        self.offer = offer

    def remedy_text(self, *, for_owner: bool = False) -> str:
        """Name the model that can see, or say how to set one up."""
        if self.offer:
            return f"Switch to {self.offer}, which can."
        task = "set up a model that can; `ambrosio doctor` shows how"
        return f"{task[0].upper()}{task[1:]}." if for_owner else f"Ask the owner to {task}."


class NobodySeesHere(NobodySees):
    """In a private chat, no local model takes pictures; some that are not local do."""

    problem = "This is private, so it stays on this machine, and {asked} cannot see pictures."

    def remedy_text(self, *, for_owner: bool = False) -> str:  # noqa: ARG002  the same for all
        """Offer to leave private mode."""
        return "Describe what it shows, or turn private mode off with /private off."


class NoImageProvider(NoProvider):
    """No configured provider makes images."""

    problem = "No image model is set up."
    owner_task = "set `TOGETHER_API_KEY`, or `image_model` in ambrosio.toml"


class NoLocalImageProvider(NoImageProvider):
    """The chat is in private mode and no local provider makes images."""

    problem = "This chat is private and no local image model is set up, so nothing was sent."
    owner_task = "set one up in ambrosio.toml"


class OnlyOneModel(AmbrosioError):
    """Only one model may be asked to compare; said below its answer, not in its place."""

    problem = "There is only one model to ask, so there is nothing to compare."
    owner_task = "add another provider to ambrosio.toml"
    retryable = False


class OnlyOneLocalModel(OnlyOneModel):
    """The chat is in private mode, and the others are not local."""

    problem = "This is private and there is only one local model, so there is nothing to compare."
    owner_task = ""
    remedy = "To compare it with the others, turn private mode off with /private off."


class OnlyOneInBudget(OnlyOneModel):
    """The others are paid, and the rest of the budget does not cover the call."""

    problem = "This month's budget does not cover the other models, so there is nothing to compare."
    owner_task = "raise the budget"


class PageNotRead(AmbrosioError):
    """A page on the web could not be fetched or read; `reason` completes "could not read …:"."""

    problem = "I could not read the page at {host}: {reason}."
    remedy = "Copy the part you mean and send it to me."
    retryable = False

    def __init__(self, host: str, reason: str) -> None:
        super().__init__(f"{host}: {reason}")
        self.host = host
        self.reason = reason


class SearchFailed(AmbrosioError):
    """The web search did not work; `reason` completes "failed:", `fix` is what the owner can do."""

    problem = "The web search failed: {reason}."
    owner_task = "run `ambrosio doctor`, which tries the search"
    retryable = False

    def __init__(self, reason: str, fix: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.fix = fix


class Interrupted(AmbrosioError):
    """The process died during a request and again during the retry.

    There is no third try by itself, since each one may cost money.
    """

    problem = "I was interrupted twice while making this image."
    remedy = "Press Retry, or send it again."
