"""Every failure that crosses a border.

    AmbrosioError
    ├── InvalidSettings            a setting is wrong or missing
    ├── StoreFailed                the database cannot be read or written
    ├── InvalidBotToken            Telegram does not know the bot's token
    ├── PollingConflict            somebody else polls with the same token
    ├── DemoFailed                 the demo cannot begin
    ├── NoProvider                 nobody is configured, or nobody may be asked
    │   ├── BudgetSpent            … since those who can cost money that is not there
    │   └── NoImageProvider        … to make pictures
    │       └── NoLocalImageProvider … and what is asked may not leave the house
    ├── AllProvidersFailed         everybody was asked and nobody answered
    │   └── LocalOnlyFailed        … everybody at home: it is private
    ├── Interrupted                a crash in the middle, and another at the second try
    └── ProviderError              one provider failed
        ├── Unreachable            no connection
        ├── TimedOut               silence, before or between the words
        ├── Loading                the model is not in memory yet
        ├── NotRunning             our own server does not run, and why
        ├── Overloaded             too many requests, or too busy
        ├── ServerError            a server error, a cut line, something unreadable
        ├── NoText                 an answer without a word
        ├── InvalidKey             the key is wrong or not allowed
        ├── OutOfCredit            the account is empty
        ├── OverBudget             our own budget does not cover it
        ├── ModelNotFound          the model is not served there
        │   └── ImageModelNotFound … and these image models are
        ├── InvalidImage           what came is no whole picture
        ├── ImageTooLarge          … or far too large
        ├── ImageNotFetched        … or only an address where there is none
        └── BadRequest             the request itself was not accepted
            ├── ContextTooLong     it does not fit the model's window
            └── ContentFiltered    the provider does not want to paint that

Foreign exceptions are translated into these once, at their edge. Each says of itself in one
sentence what happened and in one what can be done, for the person who reads it in the chat; what
comes of that is in `docs/errors.md`, and `python -m scripts.errors_page` writes that page anew.
"""

from collections.abc import Sequence
from typing import ClassVar


class AmbrosioError(Exception):
    """The root: a failure whose sentences may be shown to a person."""

    problem: ClassVar[str] = "Something went wrong."
    remedy: ClassVar[str] = "Try again."
    # Whether the same request may succeed a little later, so that a button for it makes sense.
    retryable: bool = True
    # Whether another model may do better, so that a button to choose one makes sense.
    other_model_may_help: bool = False

    @property
    def problem_text(self) -> str:
        """What happened, in one sentence without any foreign text."""
        return self.problem.format_map(vars(self))

    @property
    def user_message(self) -> str:
        """What happened and what can be done, in one line."""
        return f"{self.problem_text} {self.remedy.format_map(vars(self))}".strip()


class InvalidSettings(AmbrosioError):
    """Settings are invalid or missing; `problems` holds (name, problem, hint) for each."""

    problem = "Some settings are wrong."
    remedy = "Mend them as the terminal says, and start me again."
    retryable = False

    def __init__(self, problems: list[tuple[str, str, str]]) -> None:
        super().__init__("; ".join(f"{name}: {problem}" for name, problem, _ in problems))
        self.problems = problems

    @property
    def lines(self) -> list[str]:
        """One line for each setting, for the terminal."""
        return [f"{name}: {problem}; {hint}" for name, problem, hint in self.problems]


class StoreFailed(AmbrosioError):
    """The database cannot be read or written: a full disk, a damaged or locked file."""

    problem = "I cannot write to my disk."
    remedy = "Nothing is lost: make room there, and I carry on by myself."


class InvalidBotToken(AmbrosioError):
    """Telegram answers 401 or 404 to the bot's token."""

    problem = "Telegram does not accept the bot's token."
    remedy = "Ask BotFather for the right one and set `TELEGRAM_BOT_TOKEN`."
    retryable = False


class PollingConflict(AmbrosioError):
    """Another process asks for updates with the same token; only one of them gets each."""

    problem = "Ambrosio is already running with this token, here or on another machine."
    remedy = "Stop one of the two."
    retryable = False


class DemoFailed(AmbrosioError):
    """The demo cannot begin; says on the terminal why, and what would help."""

    problem = "{reason}"
    remedy = "{advice}"
    retryable = False

    def __init__(self, why: str, remedy: str) -> None:
        super().__init__(why)
        self.reason = why
        self.advice = remedy


class NoProvider(AmbrosioError):
    """Nobody is configured to answer, or nobody who may be asked."""

    problem = "There is no model that I may ask."
    remedy = "The owner needs to set one up: `ambrosio doctor` says how."
    retryable = False


class BudgetSpent(NoProvider):
    """All who could be asked cost money, and what is left of it does not cover the call."""

    problem = "This month's budget does not cover that, and nobody is set up who works for nothing."
    remedy = "The owner can raise the budget, or set up a model at home."


class NoImageProvider(NoProvider):
    """Nobody is configured to make pictures."""

    problem = "No image model is set up."
    remedy = "The owner can set `TOGETHER_API_KEY`, or `image_model` in ambrosio.toml."


class NoLocalImageProvider(NoImageProvider):
    """The chat is private, and no image server runs in the house."""

    problem = "This chat is private, and no image model runs on this machine, so nothing was sent."
    remedy = "The owner can set one up in ambrosio.toml."


class Interrupted(AmbrosioError):
    """A crash in the middle, and another at the second try: a third might cost as much again."""

    problem = "I was interrupted twice while I painted that."
    remedy = "Press Retry, or send it again."


class ProviderError(AmbrosioError):
    """One provider failed; `retry_after_seconds` is what it asked for, if it did.

    `clause` is the short form, for a line that names several providers.
    """

    summary: ClassVar[str] = "failed"

    def __init__(self, provider: str, *, retry_after_seconds: float | None = None) -> None:
        super().__init__(f"{provider} {self.summary}")
        self.provider = provider
        self.retry_after_seconds = retry_after_seconds

    def owner_alert(self, others: Sequence[str]) -> str:
        """Say what the owner is told, unasked, of what only they can mend; `others` are asked."""
        instead = f"I ask {', then '.join(others)}" if others else "there is nobody else to ask"
        return f"{self.problem_text} Until you mend that in the settings, {instead}."


class Unreachable(ProviderError):
    """No connection could be made, or it broke before an answer."""

    summary = "cannot be reached"
    problem = "{provider} cannot be reached."
    remedy = "Try again in a moment; if it runs at home, check that it is up."


class TimedOut(ProviderError):
    """The first word, or the next one, did not come in time."""

    summary = "did not answer in time"
    problem = "{provider} did not answer in time."
    remedy = "Try again, or choose another model with /model."
    other_model_may_help = True


class Loading(ProviderError):
    """The server is up and still reads the model into memory; `doing` when it is more than that."""

    summary = "is still loading its model"
    problem = "{provider} is still {doing}."
    remedy = "Try again in a minute."

    def __init__(self, provider: str, *, doing: str = "loading its model") -> None:
        super().__init__(provider)
        self.doing = doing

    @property
    def note(self) -> str:
        """What is said to a person who waits."""
        return f"{self.provider} is {self.doing}; the answer comes by itself."


class NotRunning(ProviderError):
    """Our own server does not run: `reason` is a clause, `hint` a sentence."""

    summary = "does not run"
    problem = "{provider} does not run: {reason}."
    remedy = "{hint}"

    def __init__(self, provider: str, *, reason: str, hint: str) -> None:
        super().__init__(provider)
        self.reason, self.hint = reason, hint


class Overloaded(ProviderError):
    """The server has too much to do, or we have asked too often."""

    summary = "is too busy"
    problem = "{provider} is too busy right now."
    remedy = "Try again in a moment."


class ServerError(ProviderError):
    """A server error, a line cut in the middle, or an answer that cannot be read."""

    summary = "ran into an error"
    problem = "{provider} ran into an error of its own."
    remedy = "Try again, or choose another model with /model."
    other_model_may_help = True


class NoText(ProviderError):
    """The server reported success and no words."""

    summary = "gave an empty answer"
    problem = "{provider} gave an empty answer."
    remedy = "Try again, or put it differently."


class InvalidKey(ProviderError):
    """The provider does not accept our key, or not for this."""

    summary = "refused the key"
    problem = "{provider} refused the key."
    remedy = "The owner needs to set a valid one."
    retryable = False


class OutOfCredit(ProviderError):
    """The account has no money left."""

    summary = "has no credit left"
    problem = "The account at {provider} has no credit left."
    remedy = "The owner needs to top it up."
    retryable = False


class OverBudget(ProviderError):
    """What is left of our own budget does not cover the call."""

    summary = "costs more than is left of the budget"
    problem = "{provider} costs more than is left of this month's budget."
    remedy = BudgetSpent.remedy
    retryable = False


class ModelNotFound(ProviderError):
    """The model is not served there, or not any more."""

    summary = "no longer serves the model"
    problem = "{provider} does not serve {model}."
    remedy = "Choose another model with /model."
    other_model_may_help = True
    retryable = False

    def __init__(self, provider: str, *, model: str) -> None:
        super().__init__(provider)
        self.model = model


class ImageModelNotFound(ModelNotFound):
    """The image model is not served there; `there` are those that are."""

    remedy = "Name another one with --model: it has {names}."
    other_model_may_help = False

    def __init__(self, provider: str, *, model: str, there: tuple[str, ...]) -> None:
        super().__init__(provider, model=model)
        self.names = ", ".join(there) or "no other"


class InvalidImage(ProviderError):
    """What came is no picture, or only a piece of one."""

    summary = "sent something that is no picture"
    problem = "{provider} sent something that is no picture, or only a piece of one."


class ImageTooLarge(ProviderError):
    """What came is larger than anybody wants to take in."""

    summary = "sent a picture that is far too large"
    problem = "{provider} sent a picture that is far too large for Telegram."
    remedy = "Ask for a smaller one with --size."


class ImageNotFetched(ProviderError):
    """The provider gave an address for the picture, and there is none."""

    summary = "made a picture that could not be fetched"
    problem = "{provider} made a picture, but it could not be fetched."


class BadRequest(ProviderError):
    """The provider does not accept the request as it is; `parameter` is what it names as wrong."""

    summary = "did not accept the request"
    problem = "{provider} did not accept the request."
    remedy = "Try another model with /model."
    other_model_may_help = True

    def __init__(self, provider: str, *, parameter: str = "") -> None:
        super().__init__(provider)
        self.parameter = parameter


class ContentFiltered(BadRequest):
    """The provider does not want to paint that."""

    summary = "does not want to paint that"
    problem = "{provider} does not want to paint that."
    remedy = "Say it in other words."
    other_model_may_help = False


class ContextTooLong(BadRequest):
    """The request does not fit the model's window; `tokens` may be an estimate."""

    summary = "cannot take in so much text"
    problem = "This is too long for {provider}: about {tokens} tokens, and its limit is {limit}."
    remedy = "Shorten it, or choose a model that takes more with /model."
    other_model_may_help = True
    retryable = False

    def __init__(self, provider: str, *, tokens: int, limit: int) -> None:
        super().__init__(provider)
        self.tokens = tokens
        self.limit = limit


class AllProvidersFailed(AmbrosioError):
    """Everybody who may be asked was asked and nobody answered; `causes` in the order tried.

    `partial` is what the last one said before its line broke.
    """

    def __init__(self, causes: list[ProviderError], *, partial: str = "") -> None:
        super().__init__("; ".join(str(cause) for cause in causes))
        self.causes = causes
        self.partial = partial
        self.retryable = not causes or any(cause.retryable for cause in causes)
        # The line that names several does not speak of other models.
        self.other_model_may_help = len(causes) == 1 and causes[0].other_model_may_help

    @property
    def user_message(self) -> str:
        """One provider's own two sentences, or a line that names all of them."""
        if len(self.causes) == 1:
            return self.causes[0].user_message
        tried = "; ".join(str(cause) for cause in self.causes)
        return f"Nobody could answer: {tried}. Try again in a moment, or see /status."


class LocalOnlyFailed(AllProvidersFailed):
    """What is asked is private, and nobody at home can answer; nothing has left the house."""

    def __init__(self, causes: list[ProviderError], *, partial: str = "") -> None:
        super().__init__(causes, partial=partial)
        self.other_model_may_help = bool(causes) and causes[0].other_model_may_help

    @property
    def user_message(self) -> str:
        """Say that it stayed, and what would help."""
        if not self.causes:
            return (
                "This is private and stays at home, where no model is set up. "
                "Start a llama.cpp server there, or leave private mode with /private off."
            )
        why = "; ".join(str(cause) for cause in self.causes)
        mend = self.causes[0].remedy.format_map(vars(self.causes[0]))
        return f"This is private and stays at home, where {why}. {mend}"
