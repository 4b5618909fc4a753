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
    ├── AllProvidersFailed         every provider that was asked failed
    │   └── LocalOnlyFailed        … every local one, in private mode
    ├── PageNotRead                a page on the web could not be fetched or read
    ├── SearchFailed               the web search did not work
    ├── Interrupted                the process died twice during one request
    ├── FileError                  a file that someone sent cannot be used, see `file_errors`
    └── ProviderError              one provider failed
        ├── Unreachable            no connection
        ├── TimedOut               no first token, or no next one, in time
        ├── Hung                   a local server that accepts requests and does nothing
        ├── Loading                the server is still loading its model
        ├── NotRunning             our own llama.cpp server is not running
        ├── Overloaded             too many requests, or the server is busy
        ├── ServerError            HTTP 5xx, a broken stream, an unreadable answer
        ├── MalformedToolCall      a tool call that its own server cannot read
        ├── NoText                 an answer without text
        ├── InvalidKey             the API key is wrong or lacks permission
        ├── OutOfCredit            the account at the provider is empty
        ├── Blocked                something on the way to the provider refused the request
        ├── WrongAddress           the base URL leads to something else
        ├── OverBudget             our own budget does not cover the call
        ├── CannotSee              the model takes no pictures
        ├── ModelNotFound          the provider does not have the model
        │   └── ImageModelNotFound … the same for an image model; lists what it has
        ├── InvalidImage           the response is not a complete image
        ├── ImageTooLarge          the image is too large for Telegram
        ├── ImageNotFetched        the image could not be downloaded from its URL
        └── BadRequest             the provider rejected the request itself
            ├── ContextTooLong     the request does not fit the context window
            ├── ContentFiltered    the provider refused to make this image
            └── RecordingRefused   the provider cannot use the recording, see `sound_errors`

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
        self.other_way = "move the file away to begin anew"
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
    remedy = "Get the right one from @BotFather and set `TELEGRAM_BOT_TOKEN`."
    retryable = False


class PollingConflict(AmbrosioError):
    """Another process polls with the same token; Telegram gives each update to only one of them."""

    problem = "Ambrosio is already running with this bot token, here or on another machine."
    remedy = "Stop one of the two."
    retryable = False


class TelegramSilent(AmbrosioError):
    """Telegram has not answered for as long as the owner allows, so the process ends."""

    problem = "Telegram has not answered for too long, so Ambrosio has stopped."
    remedy = "Docker or systemd starts it again; otherwise use `ambrosio run`."
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
            return f"Press the button to switch to {self.offer}, which can."
        task = "set up a model that can, such as Qwen3.5 (see the README)"
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


class ProviderError(AmbrosioError):
    """One provider failed; `retry_after_seconds` comes from the server, None if it sent none.

    `summary` is the short form, for lines that name several providers. `detail` is what the server
    or the network said, as `failure_reasons` words it: for the log and for doctor, not for a chat.
    """

    summary: ClassVar[str] = "failed"
    detail: str = ""

    def __init__(self, provider: str, *, retry_after_seconds: float | None = None) -> None:
        super().__init__(f"{provider} {self.summary}")
        self.provider = provider
        self.retry_after_seconds = retry_after_seconds

    @property
    def log_text(self) -> str:
        """The failure with its detail, for the log."""
        return f"{self} ({self.detail})" if self.detail else str(self)

    def owner_alert(self, others: Sequence[str]) -> str:
        """Word the alert to the owner; `others` are the providers that are asked instead."""
        instead = f"I ask {', then '.join(others)}" if others else "no other provider can answer"
        return f"{self.problem_text} Until you fix this, {instead}."


class Unreachable(ProviderError):
    """No connection could be made, or it broke before an answer."""

    summary = "cannot be reached"
    problem = "{provider} cannot be reached."
    remedy = "Try again in a moment; if it is a local server, check that it is running."


class TimedOut(ProviderError):
    """The first token, or the next one, did not arrive in time."""

    summary = "did not answer in time"
    problem = "{provider} did not answer in time."
    remedy = "Try again, or choose another model with /model."
    other_model_may_help = True


class Hung(ProviderError):
    """A local server has accepted a request, sends nothing, and answers no health check either."""

    summary = "has stopped responding"
    problem = "{provider} accepts questions but has stopped responding."
    owner_task = "restart the server that runs {provider}"


class Loading(ProviderError):
    """The server is up but not ready; `doing` is a clause, such as "downloading its model"."""

    summary = "is still loading its model"
    problem = "{provider} is still {doing}."
    remedy = "Try again in a minute."

    def __init__(self, provider: str, *, doing: str = "loading its model") -> None:
        super().__init__(provider)
        self.doing = doing

    @property
    def note(self) -> str:
        """The status shown while the user waits."""
        return f"{self.provider} is {self.doing}; your answer will follow."


class NotRunning(ProviderError):
    """Our own server is not running: `reason` is a clause, `hint` a sentence."""

    summary = "is not running"
    problem = "{provider} is not running: {reason}."
    remedy = "{hint}"

    def __init__(self, provider: str, *, reason: str, hint: str) -> None:
        super().__init__(provider)
        self.reason, self.hint = reason, hint


class Overloaded(ProviderError):
    """The server is busy, or we have hit a rate limit."""

    summary = "is too busy"
    problem = "{provider} is too busy right now."
    remedy = "Try again in a moment."


class ServerError(ProviderError):
    """An HTTP 5xx, a stream that broke off, or an answer that cannot be parsed."""

    summary = "ran into an error"
    problem = "{provider} ran into an error."
    remedy = "Try again, or choose another model with /model."
    other_model_may_help = True


class MalformedToolCall(ProviderError):
    """The server could not read a tool call that its own model wrote; asked again without tools."""

    summary = "could not read its model's tool call"
    problem = "The model of {provider} tried to use a tool and got it wrong."
    remedy = "Try again, or rephrase your question."


class NoText(ProviderError):
    """The server reported success but sent no text."""

    summary = "gave an empty answer"
    problem = "{provider} gave an empty answer."
    remedy = "Try again, or rephrase your question."


class InvalidKey(ProviderError):
    """The provider rejected our API key, or the key lacks permission for this."""

    summary = "rejected the API key"
    problem = "{provider} rejected the API key."
    owner_task = "set a valid one"
    retryable = False


class Blocked(ProviderError):
    """A web page instead of an answer: a firewall, a login page or a bot check on the way."""

    summary = "is blocked on the way"
    problem = "Something between me and {provider} blocks my requests."
    owner_task = "check the network, or a firewall or login page in front of it"


class WrongAddress(ProviderError):
    """The base URL leads to a server, or a path, that does not speak the API."""

    summary = "has a wrong address"
    problem = "The base URL of {provider} is wrong: there is no API at that address."
    owner_task = "correct it (it usually ends in /v1)"
    retryable = False


class CannotSee(ProviderError):
    """The model takes no pictures."""

    summary = "cannot see pictures"
    problem = "{provider} cannot see pictures."
    remedy = "Choose another model with /model."
    other_model_may_help = True
    retryable = False


class OutOfCredit(ProviderError):
    """The account at the provider has no credit left."""

    summary = "has no credit left"
    problem = "The account at {provider} has no credit left."
    owner_task = "top it up"
    retryable = False


class OverBudget(ProviderError):
    """What is left of our own budget does not cover the call."""

    summary = "would exceed the budget"
    problem = "This request to {provider} would exceed this month's budget."
    owner_task = BudgetSpent.owner_task
    retryable = False


class ModelNotFound(ProviderError):
    """The provider does not have the model, or no longer has it."""

    summary = "does not have the model"
    problem = "{provider} does not have the model {model}."
    remedy = "Choose another model with /model."
    other_model_may_help = True
    retryable = False

    def __init__(self, provider: str, *, model: str) -> None:
        super().__init__(provider)
        self.model = model


class ImageModelNotFound(ModelNotFound):
    """The provider does not have the image model; `there` are the ids of those it has."""

    remedy = "Choose another one with --model; it has {available}."
    other_model_may_help = False

    def __init__(self, provider: str, *, model: str, there: tuple[str, ...]) -> None:
        super().__init__(provider, model=model)
        self.available = ", ".join(there) or "no other"


class InvalidImage(ProviderError):
    """The response is not an image, or an incomplete one."""

    summary = "sent an invalid image"
    problem = "{provider} sent an invalid or incomplete image."


class ImageTooLarge(ProviderError):
    """The image is larger than we can send."""

    summary = "sent an image that is too large"
    problem = "{provider} sent an image that is too large for Telegram."
    remedy = "Ask for a smaller one with --size."


class ImageNotFetched(ProviderError):
    """The provider sent a URL, and the image could not be downloaded from it."""

    summary = "made an image that could not be downloaded"
    problem = "{provider} made an image, but it could not be downloaded."


class BadRequest(ProviderError):
    """The provider rejected the request; `parameter` is the field it objects to, if it says."""

    summary = "rejected the request"
    problem = "{provider} rejected the request."
    remedy = "Try another model with /model."
    other_model_may_help = True

    def __init__(self, provider: str, *, parameter: str = "") -> None:
        super().__init__(provider)
        self.parameter = parameter


class ContentFiltered(BadRequest):
    """The provider's content filter refused the prompt."""

    summary = "refused to make this image"
    problem = "{provider} refused to make this image."
    remedy = "Try different wording."
    other_model_may_help = False


class ContextTooLong(BadRequest):
    """The request does not fit the context window; both in tokens, `tokens` may be an estimate."""

    summary = "cannot read that much text"
    problem = "This is too long for {provider}: about {tokens} tokens, and the limit is {limit}."
    remedy = "Shorten it, or choose a model with a longer context with /model."
    other_model_may_help = True
    retryable = False

    def __init__(self, provider: str, *, tokens: int, limit: int) -> None:
        super().__init__(provider)
        self.tokens = tokens
        self.limit = limit


class AllProvidersFailed(AmbrosioError):
    """Every provider that may be asked has failed; `causes` are in the order they were tried.

    `partial` is the text that the last one sent before it failed.
    """

    def __init__(self, causes: list[ProviderError], *, partial: str = "") -> None:
        super().__init__("; ".join(str(cause) for cause in causes))
        self.causes = causes
        self.partial = partial
        self.retryable = not causes or any(cause.retryable for cause in causes)
        # The message about several failures does not mention /model.
        self.other_model_may_help = len(causes) == 1 and causes[0].other_model_may_help

    @property
    def user_message(self) -> str:
        """One provider's own message, or one that names all of them."""
        return self.causes[0].user_message if len(self.causes) == 1 else self._summary()

    @property
    def owner_message(self) -> str:
        """The same, for the owner."""
        return self.causes[0].owner_message if len(self.causes) == 1 else self._summary()

    def _summary(self) -> str:
        tried = "; ".join(str(cause) for cause in self.causes)
        return f"No provider could answer: {tried}. Try again in a moment, or see /status."


class LocalOnlyFailed(AllProvidersFailed):
    """Private mode is on and no local provider could answer; nothing was sent elsewhere."""

    def __init__(self, causes: list[ProviderError], *, partial: str = "") -> None:
        super().__init__(causes, partial=partial)
        self.other_model_may_help = bool(causes) and causes[0].other_model_may_help

    @property
    def user_message(self) -> str:
        """Say that only local providers were asked, why they failed, and what to do."""
        return self._message(for_owner=False)

    @property
    def owner_message(self) -> str:
        """The same, for the owner."""
        return self._message(for_owner=True)

    def _message(self, *, for_owner: bool) -> str:
        if not self.causes:
            return (
                "This is private, so it stays on this machine, and no local model is set up. "
                "Start a llama.cpp server, or turn private mode off with /private off."
            )
        tried = "; ".join(str(cause) for cause in self.causes)
        remedy = self.causes[0].remedy_text(for_owner=for_owner)
        return f"This is private, so only local models were asked: {tried}. {remedy}"
