"""Who reads a text aloud, and who is next if that fails."""

from collections.abc import Callable

from ..core.messages import ModelRef
from ..core.sound import SpokenText
from ..core.sound_errors import NoLocalSpeaker, NoSpeaker
from ..providers.speech import Speaker
from .priced_calls import PricedRequest, PricedRouter


class SpeechRouter(PricedRouter[Speaker]):
    """Asks one provider after the other to read a text aloud."""

    nobody, nobody_local = NoSpeaker, NoLocalSpeaker

    def can_speak(self, *, local_only: bool) -> bool:
        """Say whether anybody who may is known to read aloud, whatever their health and budget."""
        near = (client for client in self.calls.clients if client.local or not local_only)
        return any(client.model for client in near)

    async def speak(
        self,
        text: str,
        *,
        user_id: int,
        local_only: bool,
        on_request: Callable[[ModelRef], None] = lambda _: None,
    ) -> SpokenText:
        """Return the text as sound, or raise.

        Raises:
            NoSpeaker: nobody who may be asked can speak; `BudgetSpent` for want of money.
            AllProvidersFailed: everybody who was asked has failed.
        """
        request = PricedRequest(len(text), user_id, local_only)

        async def ask(client: Speaker) -> SpokenText:
            on_request(client.ref)
            with self.calls.in_ledger(client, request, request.amount):
                return await client.speak(text)

        return await self.calls.ask(request, ask)
