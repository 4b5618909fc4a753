"""Small questions to a server beside the answers: is it alive, what does it serve, its properties.

What follows from a server's silence is `patience`'s to say; here is how it is asked, and what is
known of how it answers.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any
from urllib.parse import urlencode

from ..config.provider import ProviderConfig
from ..core.provider_errors import (
    Loading,
    ModelNotFound,
    ProviderError,
    ServerError,
    TimedOut,
    Unreachable,
    WrongAddress,
)
from .errors import translate_error
from .openai_client import ApiClient, ConnectionFailed, RequestFailed, preload
from .patience import Patience
from .server_facts import ServedModel, ServerFacts, parse_models, parse_props

log = logging.getLogger(__name__)

PROBE_SECONDS = 3.0
# How often a server that is alive but slow is asked for its properties.
PROPERTY_TRIES = 3


class ServerProbe:
    """Asks one server about itself.

    Args:
        name: what the settings call it.
        config: its address and what is particular about it.
        client: sends the requests.
        local: whether it is local.
        now: the clock that its silence is measured by.
        sleep: waits while it is silent.
    """

    def __init__(
        self,
        name: str,
        config: ProviderConfig,
        client: ApiClient,
        *,
        local: bool,
        now: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self._name, self._config, self._client, self._local = name, config, client, local
        self._now, self._sleep = now, sleep
        # Whether it has been seen to answer beside its work. A single-threaded server, such as
        # older ones of llama-cpp-python, answers nothing while it computes.
        self._answers_beside_work = False

    async def models(self) -> list[ServedModel]:
        """List what the server serves, or raise `ProviderError`."""
        query = "?serverless" if self._config.server_kind == "together" else ""
        models = parse_models(await self._get("/models" + query))
        if models is None:
            raise ServerError(self._name)
        return models

    async def health(self) -> None:
        """Ask a llama.cpp server whether it is ready, any other what it serves, or raise."""
        if self._config.server_kind == "llama":
            # Ollama and LM Studio, which stand in for llama.cpp, have no such page.
            with suppress(WrongAddress, ModelNotFound):
                await self._get(self._root + "/health")
                return
        await self.models()

    async def learn_properties(self, model: str, facts: ServerFacts) -> None:
        """Read the window, the slots and the chat template from llama.cpp's `/props`.

        Raises `Loading`, `Hung` or `Unreachable`.
        """
        query = f"?{urlencode({'model': model})}" if model else ""
        for _ in range(PROPERTY_TRIES):
            try:
                parse_props(await self._get(f"{self._root}/props{query}"), facts)
            except (Loading, Unreachable):
                raise
            except TimedOut:
                # Busy ones may be late with them. This is the first question to it, so a server
                # that answers nothing is not at work for us, and it is of no use to wait.
                await self.patience(knows_life=True).check_health()
            except (ProviderError, KeyError, TypeError, ValueError, AttributeError):
                # Not every server that speaks like llama.cpp has them.
                break
            else:
                # No other server has them, and the threads of llama.cpp answer while it computes.
                self._answers_beside_work = True
                return
        log.info("%s does not tell its properties", self._name)

    def patience(self, *, extra_seconds: float = 0, knows_life: bool = False) -> Patience:
        """Return what watches a request; `extra_seconds` is how much longer it may take.

        With `knows_life`, a server that answers nothing is taken for hung although it has never
        been seen to answer beside its work.
        """
        return Patience(
            self._name,
            self._config,
            self._is_alive,
            local=self._local,
            extra_seconds=extra_seconds,
            answers_beside_work=lambda: knows_life or self._answers_beside_work,
            now=self._now,
            sleep=self._sleep,
        )

    async def _is_alive(self) -> bool:
        """Say whether the server answers anything at all, even if only to refuse."""
        path = self._root + "/health" if self._config.server_kind == "llama" else "/models"
        try:
            await self._client.get(path)
        except ConnectionFailed:
            return False
        except RequestFailed:
            # It has no such page, or none for us; it has answered all the same.
            pass
        self._answers_beside_work = True
        return True

    @property
    def _root(self) -> str:
        return self._config.url.removesuffix("/v1")

    async def _get(self, path: str) -> Any:
        # On a busy machine the SDK's import takes longer than the answer may.
        await preload()
        try:
            async with asyncio.timeout(PROBE_SECONDS):
                return await self._client.get(path)
        except TimeoutError:
            raise TimedOut(self._name) from None
        except RequestFailed as exc:
            raise translate_error(exc, self._name, model=self._config.model, said="") from exc
