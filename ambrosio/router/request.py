"""What the router is asked, and what it needs of a provider."""

from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from ..core.context_window import Context, ModelProfile, PastTurn, add_note, build_context
from ..core.costs import Expense, Pricing
from ..core.messages import PicturePart, StreamEvent
from ..core.tools import NO_TOOLS, ToolUse
from .health import HealthProbe

# Called with the expense of each call that was made, however it ended.
ExpenseSink = Callable[[Expense], None]


class Provider(HealthProbe, Protocol):
    """One server; `providers.openai_compatible` has the real one."""

    @property
    def name(self) -> str:
        """What the settings call it."""
        ...

    @property
    def paid(self) -> bool:
        """Whether a call costs money."""
        ...

    @property
    def local(self) -> bool:
        """Whether what it is asked stays on this machine or its own network."""
        ...

    async def profile(self, model: str = "") -> ModelProfile:
        """Return how a model there is asked, or raise `ProviderError`."""
        ...

    async def sees(self, model: str = "") -> bool:
        """Say whether a model there takes pictures, or raise `ProviderError`."""
        ...

    async def models_that_see(self) -> Sequence[str]:
        """List other models there that take pictures, the best known first; empty if unknown."""
        ...

    def stream(
        self, context: Context, *, concise: bool = False, model: str = "", chat_key: str = ""
    ) -> AsyncGenerator[StreamEvent]:
        """Yield an answer as it comes, or raise `ProviderError`."""
        ...

    def pricing(self, model: str = "") -> Pricing:
        """Return what a model there costs."""
        ...


@dataclass(frozen=True, slots=True)
class CompletionRequest:
    """A question on its way to a model.

    Args:
        system: the system prompt.
        history: the conversation so far, oldest turn first.
        question: what is asked now.
        concise: whether it is a vv question.
        model: the chat's choice: a provider, or `provider/model`.
        local_only: only local providers may be asked.
        single_provider: nobody but the first in the order is asked.
        user_id: who pays for it.
        chat_key: tells conversations apart for servers that cache them.
        note: what is sent before the question: the person's local time.
        halved: whether it may fill only half of each window, after refusals nobody understands.
        tools: what the model may call, and what it has called.
        pictures: what is shown with the question.
        preface: what is sent before the question, the text of a file.
    """

    system: str
    history: tuple[PastTurn, ...]
    question: str
    concise: bool = False
    model: str = ""
    local_only: bool = False
    single_provider: bool = False
    user_id: int = 0
    chat_key: str = ""
    note: str = ""
    halved: bool = False
    tools: ToolUse = NO_TOOLS
    pictures: tuple[PicturePart, ...] = ()
    preface: str = ""

    @property
    def is_local_only(self) -> bool:
        """Whether it, or anything in its history, must stay local."""
        return self.local_only or any(past.local_only for past in self.history)

    @property
    def has_pictures(self) -> bool:
        """Whether there are pictures in it or in its history."""
        return bool(self.pictures) or any(past.pictures for past in self.history)

    def context(self, profile: ModelProfile, window: int = 0) -> Context:
        """Build what one model is sent; `window` (in tokens) overrules the profile's."""
        if self.halved:
            window = min(window or profile.window, profile.window // 2)
        return build_context(
            self.system,
            self.history,
            add_note(self.note, self.question),
            pictures=self.pictures,
            preface=self.preface,
            concise=self.concise,
            profile=profile,
            window=window,
            tools=self.tools,
        )
