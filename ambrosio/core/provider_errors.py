"""What can be wrong with a provider, or with all of them, with the sentences people read.

    ProviderError
    ├── Unreachable            no connection
    │   └── NotSetUp           … at the usual port, since no provider is set up
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
    ├── ImageTooLarge          the image is too large
    ├── ImageNotFetched        the image could not be downloaded from its URL
    └── BadRequest             the provider rejected the request itself
        ├── ContextTooLong     the request does not fit the context window
        ├── ContentFiltered    the provider refused to make this image
        └── RecordingRefused   the provider cannot use the recording, see `sound_errors`

    AllProvidersFailed             every provider that was asked failed
    └── LocalOnlyFailed            … every local one, in private mode

Part of the tree in `errors`.
"""

from collections.abc import Sequence
from typing import ClassVar

from .errors import AmbrosioError, BudgetSpent


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


class NotSetUp(Unreachable):
    """There is nothing at the usual port of llama.cpp, and no other provider is set up."""

    summary = "is not set up"
    problem = "No model is set up yet."
    remedy = ""
    owner_task = (
        "start a llama.cpp server, or set `LLAMA_GGUF` or `TOGETHER_API_KEY` in .env and restart me"
    )


class TimedOut(ProviderError):
    """The first token, or the next one, did not arrive in time."""

    summary = "did not answer in time"
    problem = "{provider} did not answer in time."
    remedy = "Try again, or choose another model with /model."
    other_model_may_help = True


class Hung(ProviderError):
    """A local server has accepted a request, sends nothing, and answers no health check either."""

    summary = "has stopped responding"
    problem = "{provider} accepts requests but no longer answers them."
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

    summary = "could not read the tool call of its model"
    problem = "The model at {provider} made an invalid tool call."
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
    problem = "Something between me and {provider} is blocking my requests."
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
    problem = "{provider} sent an image that is too large."
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
