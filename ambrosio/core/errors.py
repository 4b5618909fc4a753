"""Every failure that crosses a border.

    AmbrosioError
    ├── SettingsInvalid          a setting is wrong or missing
    ├── StoreFailed              the database cannot be read or written
    ├── TokenRefused             Telegram does not know the bot's token
    ├── AnotherPoller            somebody else polls with the same token
    ├── DemoFailed               the demo cannot begin
    ├── NoProvider               nobody is configured, or nobody may be asked
    │   ├── BudgetSpent          … since those who can cost money that is not there
    │   └── NoPainter            … to make pictures
    │       └── PaintsHome       … and what is asked may not leave the house
    ├── AllFailed                everybody was asked and nobody answered
    │   └── StaysHome            … everybody at home: it is private
    ├── Interrupted              a crash in the middle, and another at the second try
    └── ProviderError            one provider failed
        ├── Unreachable          no connection
        ├── TimedOut             silence, before or between the words
        ├── Loading              the model is not in memory yet
        ├── NotRunning           our own server does not run, and why
        ├── Overloaded           too many requests, or too busy
        ├── Faulty               a server error, a cut line, something unreadable
        ├── Empty                an answer without a word
        ├── KeyRefused           the key is wrong or not allowed
        ├── NoCredit             the account is empty
        ├── Unaffordable         our own budget does not cover it
        ├── ModelGone            the model is not served there
        │   └── PainterGone      … and these image models are
        ├── BrokenPicture        what came is no whole picture
        ├── HugePicture          … or far too large
        ├── LostPicture          … or only an address where there is none
        └── Rejected             the request itself was not accepted
            ├── TooLong          it does not fit the model's window
            └── Unwelcome        the provider does not want to paint that

Foreign exceptions are translated into these once, at their edge. Each says of itself in one
sentence what happened and in one what can be done, for the person who reads it in the chat; what
comes of that is in `docs/errors.md`, and `python -m scripts.errors_page` writes that page anew.
"""

from collections.abc import Sequence
from typing import ClassVar


class AmbrosioError(Exception):
    """The root: a failure whose sentences may be shown to a person."""

    what: ClassVar[str] = "Something went wrong."
    mend: ClassVar[str] = "Try again."
    # Whether the same request may succeed a little later, so that a button for it makes sense.
    again: bool = True
    # Whether another model may do better, so that a button to choose one makes sense.
    elsewhere: bool = False

    @property
    def happened(self) -> str:
        """What happened, in one sentence without any foreign text."""
        return self.what.format_map(vars(self))

    @property
    def sentence(self) -> str:
        """What happened and what can be done, in one line."""
        return f"{self.happened} {self.mend.format_map(vars(self))}".strip()


class SettingsInvalid(AmbrosioError):
    """A setting is wrong or missing: one (name, what is wrong, what would be right) for each."""

    what = "Some settings are wrong."
    mend = "Mend them as the terminal says, and start me again."
    again = False

    def __init__(self, faults: list[tuple[str, str, str]]) -> None:
        super().__init__("; ".join(f"{name}: {wrong}" for name, wrong, _ in faults))
        self.faults = faults

    @property
    def lines(self) -> list[str]:
        """Say of each setting what is wrong and what would be right."""
        return [f"{name}: {wrong}; right would be: {right}" for name, wrong, right in self.faults]


class StoreFailed(AmbrosioError):
    """The database cannot be read or written: a full disk, a damaged or locked file."""

    what = "I cannot write to my disk."
    mend = "Nothing is lost: make room there, and I carry on by myself."


class TokenRefused(AmbrosioError):
    """Telegram answers 401 or 404 to the bot's token."""

    what = "Telegram does not accept the bot's token."
    mend = "Ask BotFather for the right one and set `TELEGRAM_BOT_TOKEN`."
    again = False


class AnotherPoller(AmbrosioError):
    """Another process asks for updates with the same token; only one of them gets each."""

    what = "Ambrosio is already running with this token, here or on another machine."
    mend = "Stop one of the two."
    again = False


class DemoFailed(AmbrosioError):
    """The demo cannot begin; says on the terminal why, and what would help."""

    what = "{why}"
    mend = "{remedy}"
    again = False

    def __init__(self, why: str, remedy: str) -> None:
        super().__init__(why)
        self.why = why
        self.remedy = remedy


class NoProvider(AmbrosioError):
    """Nobody is configured to answer, or nobody who may be asked."""

    what = "There is no model that I may ask."
    mend = "The owner needs to set one up: `ambrosio doctor` says how."
    again = False


class BudgetSpent(NoProvider):
    """All who could be asked cost money, and what is left of it does not cover the call."""

    what = "This month's budget does not cover that, and nobody is set up who works for nothing."
    mend = "The owner can raise the budget, or set up a model at home."


class NoPainter(NoProvider):
    """Nobody is configured to make pictures."""

    what = "No image model is set up."
    mend = "The owner can set `TOGETHER_API_KEY`, or `image_model` in ambrosio.toml."


class PaintsHome(NoPainter):
    """The chat is private, and no image server runs in the house."""

    what = "This chat is private, and no image model runs on this machine, so nothing was sent."
    mend = "The owner can set one up in ambrosio.toml."


class Interrupted(AmbrosioError):
    """A crash in the middle, and another at the second try: a third might cost as much again."""

    what = "I was interrupted twice while I painted that."
    mend = "Press Retry, or send it again."


class ProviderError(AmbrosioError):
    """One provider failed; `retry_after_seconds` is what it asked for, if it did.

    `clause` is the short form, for a line that names several providers.
    """

    clause: ClassVar[str] = "failed"

    def __init__(self, provider: str, *, retry_after_seconds: float | None = None) -> None:
        super().__init__(f"{provider} {self.clause}")
        self.provider = provider
        self.retry_after_seconds = retry_after_seconds

    def alarm(self, others: Sequence[str]) -> str:
        """Say what the owner is told, unasked, of what only they can mend; `others` are asked."""
        instead = f"I ask {', then '.join(others)}" if others else "there is nobody else to ask"
        return f"{self.happened} Until you mend that in the settings, {instead}."


class Unreachable(ProviderError):
    """No connection could be made, or it broke before an answer."""

    clause = "cannot be reached"
    what = "{provider} cannot be reached."
    mend = "Try again in a moment; if it runs at home, check that it is up."


class TimedOut(ProviderError):
    """The first word, or the next one, did not come in time."""

    clause = "did not answer in time"
    what = "{provider} did not answer in time."
    mend = "Try again, or choose another model with /model."
    elsewhere = True


class Loading(ProviderError):
    """The server is up and still reads the model into memory; `doing` when it is more than that."""

    clause = "is still loading its model"
    what = "{provider} is still {doing}."
    mend = "Try again in a minute."

    def __init__(self, provider: str, *, doing: str = "loading its model") -> None:
        super().__init__(provider)
        self.doing = doing

    @property
    def note(self) -> str:
        """What is said to a person who waits."""
        return f"{self.provider} is {self.doing}; the answer comes by itself."


class NotRunning(ProviderError):
    """Our own server does not run: `reason` is a clause, `hint` a sentence."""

    clause = "does not run"
    what = "{provider} does not run: {reason}."
    mend = "{hint}"

    def __init__(self, provider: str, *, reason: str, hint: str) -> None:
        super().__init__(provider)
        self.reason, self.hint = reason, hint


class Overloaded(ProviderError):
    """The server has too much to do, or we have asked too often."""

    clause = "is too busy"
    what = "{provider} is too busy right now."
    mend = "Try again in a moment."


class Faulty(ProviderError):
    """A server error, a line cut in the middle, or an answer that cannot be read."""

    clause = "ran into an error"
    what = "{provider} ran into an error of its own."
    mend = "Try again, or choose another model with /model."
    elsewhere = True


class Empty(ProviderError):
    """The server reported success and no words."""

    clause = "gave an empty answer"
    what = "{provider} gave an empty answer."
    mend = "Try again, or put it differently."


class KeyRefused(ProviderError):
    """The provider does not accept our key, or not for this."""

    clause = "refused the key"
    what = "{provider} refused the key."
    mend = "The owner needs to set a valid one."
    again = False


class NoCredit(ProviderError):
    """The account has no money left."""

    clause = "has no credit left"
    what = "The account at {provider} has no credit left."
    mend = "The owner needs to top it up."
    again = False


class Unaffordable(ProviderError):
    """What is left of our own budget does not cover the call."""

    clause = "costs more than is left of the budget"
    what = "{provider} costs more than is left of this month's budget."
    mend = BudgetSpent.mend
    again = False


class ModelGone(ProviderError):
    """The model is not served there, or not any more."""

    clause = "no longer serves the model"
    what = "{provider} does not serve {model}."
    mend = "Choose another model with /model."
    elsewhere = True
    again = False

    def __init__(self, provider: str, *, model: str) -> None:
        super().__init__(provider)
        self.model = model


class PainterGone(ModelGone):
    """The image model is not served there; `there` are those that are."""

    mend = "Name another one with --model: it has {names}."
    elsewhere = False

    def __init__(self, provider: str, *, model: str, there: tuple[str, ...]) -> None:
        super().__init__(provider, model=model)
        self.names = ", ".join(there) or "no other"


class BrokenPicture(ProviderError):
    """What came is no picture, or only a piece of one."""

    clause = "sent something that is no picture"
    what = "{provider} sent something that is no picture, or only a piece of one."


class HugePicture(ProviderError):
    """What came is larger than anybody wants to take in."""

    clause = "sent a picture that is far too large"
    what = "{provider} sent a picture that is far too large for Telegram."
    mend = "Ask for a smaller one with --size."


class LostPicture(ProviderError):
    """The provider gave an address for the picture, and there is none."""

    clause = "made a picture that could not be fetched"
    what = "{provider} made a picture, but it could not be fetched."


class Rejected(ProviderError):
    """The provider does not accept the request as it is; `parameter` is what it names as wrong."""

    clause = "did not accept the request"
    what = "{provider} did not accept the request."
    mend = "Try another model with /model."
    elsewhere = True

    def __init__(self, provider: str, *, parameter: str = "") -> None:
        super().__init__(provider)
        self.parameter = parameter


class Unwelcome(Rejected):
    """The provider does not want to paint that."""

    clause = "does not want to paint that"
    what = "{provider} does not want to paint that."
    mend = "Say it in other words."
    elsewhere = False


class TooLong(Rejected):
    """The request does not fit the model's window; `tokens` may be an estimate."""

    clause = "cannot take in so much text"
    what = "This is too long for {provider}: about {tokens} tokens, and its limit is {limit}."
    mend = "Shorten it, or choose a model that takes more with /model."
    elsewhere = True
    again = False

    def __init__(self, provider: str, *, tokens: int, limit: int) -> None:
        super().__init__(provider)
        self.tokens = tokens
        self.limit = limit


class AllFailed(AmbrosioError):
    """Everybody who may be asked was asked and nobody answered; `causes` in the order tried.

    `partial` is what the last one said before its line broke.
    """

    def __init__(self, causes: list[ProviderError], *, partial: str = "") -> None:
        super().__init__("; ".join(str(cause) for cause in causes))
        self.causes = causes
        self.partial = partial
        self.again = not causes or any(cause.again for cause in causes)
        # The line that names several does not speak of other models.
        self.elsewhere = len(causes) == 1 and causes[0].elsewhere

    @property
    def sentence(self) -> str:
        """One provider's own two sentences, or a line that names all of them."""
        if len(self.causes) == 1:
            return self.causes[0].sentence
        tried = "; ".join(str(cause) for cause in self.causes)
        return f"Nobody could answer: {tried}. Try again in a moment, or see /status."


class StaysHome(AllFailed):
    """What is asked is private, and nobody at home can answer; nothing has left the house."""

    def __init__(self, causes: list[ProviderError], *, partial: str = "") -> None:
        super().__init__(causes, partial=partial)
        self.elsewhere = bool(causes) and causes[0].elsewhere

    @property
    def sentence(self) -> str:
        """Say that it stayed, and what would help."""
        if not self.causes:
            return (
                "This is private and stays at home, where no model is set up. "
                "Start a llama.cpp server there, or leave private mode with /private off."
            )
        why = "; ".join(str(cause) for cause in self.causes)
        mend = self.causes[0].mend.format_map(vars(self.causes[0]))
        return f"This is private and stays at home, where {why}. {mend}"
