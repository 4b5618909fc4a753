"""Who hears and who speaks: real clients against servers that check what they are sent."""

import asyncio
from contextlib import AsyncExitStack
from decimal import Decimal

import httpx
import pytest

from ambrosio.config.provider import ProviderConfig
from ambrosio.core.errors import BudgetSpent
from ambrosio.core.media import AudioPiece
from ambrosio.core.messages import ModelRef
from ambrosio.core.provider_errors import AllProvidersFailed, LocalOnlyFailed, ServerError
from ambrosio.core.sound import Recording
from ambrosio.core.sound_errors import (
    NoLocalSpeaker,
    NoLocalTranscriber,
    NoSpeaker,
    NoTranscriber,
    RecordingRefused,
)
from ambrosio.emulators.model_server.server import (
    ErrorStatus,
    FakeModelServer,
    HangsUp,
    Holds,
)
from ambrosio.providers.openai_compatible import OpenAIProvider
from ambrosio.providers.speech import Speaker
from ambrosio.providers.transcription import Transcriber
from ambrosio.router import SpeechRouter, TranscriptRouter
from ambrosio.router.budget import Budget, InMemoryLedger
from ambrosio.router.transcripts import TranscriptRequest

WHISPER, KOKORO = "openai/whisper-large-v3", "hexgrad/Kokoro-82M"
OGG = Recording(b"OggS" + bytes(60), "voice.oga", 30.0)
WAV = b"RIFF\x24\0\0\0WAVEfmt "


async def cut(_content):
    """Cut any recording into three pieces, of which the second is silent."""
    for number in range(3):
        yield AudioPiece(WAV, number * 50.0, 50.0, 150.0, number == 1)


class Listener:
    def __init__(self, **known):
        self.known = known
        self.requests, self.texts, self.notes, self.kept = [], [], [], {}

    def on_request(self, ref):
        self.requests.append(ref.provider)

    def on_text(self, text):
        self.texts.append(text)

    def on_note(self, note):
        self.notes.append(note)

    def known_piece(self, ref, number):
        return self.known.get(f"{ref.provider}{number}")

    def on_piece(self, ref, number, text):
        self.kept[ref.provider, number] = text


class Sound:
    """Servers by name, the routers that know them, and the ledger."""

    def __init__(self, stack, *, ceiling=None):
        self.stack, self.ledger = stack, InMemoryLedger()
        self.servers, self.providers = {}, {}
        self.ceiling = ceiling
        self.listener = Listener()

    async def add(self, name, kind="together", *, local=False, **fields):
        server = FakeModelServer("m", kind)
        url = await self.stack.enter_async_context(server.serving())
        http = await self.stack.enter_async_context(httpx.AsyncClient(verify=False))
        models = {} if kind == "llama" else {"transcription_model": WHISPER, "speech_model": KOKORO}
        values = {"base_url": url, "model": "m", "server_kind": kind, **models, **fields}
        config = ProviderConfig(**values, local=local or kind == "llama")
        self.servers[name] = server.sound
        self.providers[name] = OpenAIProvider(name, config, http)
        return server

    def _more(self):
        async def sleep(_seconds):
            await asyncio.sleep(0)

        clock = asyncio.get_running_loop().time
        budget = Budget(now=clock, ledger=self.ledger, ceiling=self.ceiling)
        return {"now": clock, "budget": budget, "sleep": sleep}

    async def hear(self, recording=OGG, **more):
        clients = {name: Transcriber(provider) for name, provider in self.providers.items()}
        router = TranscriptRouter(clients, tuple(clients), **self._more())
        return await router.transcribe(TranscriptRequest(recording, cut=cut, **more), self.listener)

    async def speak(self, text="Hello.", *, local_only=False):
        clients = {name: Speaker(provider) for name, provider in self.providers.items()}
        router = SpeechRouter(clients, tuple(clients), **self._more())
        return await router.speak(text, user_id=7, local_only=local_only)


@pytest.fixture
async def sound():
    async with AsyncExitStack() as stack:
        yield Sound(stack)


class TestHearing:
    async def test_a_remote_server_gets_the_voice_note_as_it_is(self, sound):
        server = await sound.add("together", transcription_usd_per_minute=Decimal("0.0015"))
        server.sound.transcript_script.append("Buongiorno.")

        heard = await sound.hear()

        assert (heard.text, heard.ref) == ("Buongiorno.", ModelRef("together", WHISPER))
        (call,) = server.sound.transcripts
        assert call.content == OGG.content
        assert call.fields == {
            "model": WHISPER,
            "response_format": "verbose_json",
            "temperature": "0",
            "language": "auto",
        }
        (expense,) = sound.ledger.calls
        assert (expense.kind, expense.outcome) == ("transcript", "done")
        assert expense.usd == expense.charge == Decimal("0.00075")

    async def test_llama_gets_pieces_of_wav_and_streams(self, sound):
        server = await sound.add("llama", "llama")
        server.audio = True
        server.sound.transcript_script += ["language English<asr_text>One.", "Three."]

        heard = await sound.hear()

        assert heard.text == "One. Three."
        assert [call.content for call in server.sound.transcripts] == [WAV, WAV]
        assert {call.fields["stream"] for call in server.sound.transcripts} == {"true"}
        assert sound.listener.texts[-1] == "One. Three."
        assert sound.listener.notes == [f"Transcribing: minute {n} of 2." for n in (1, 1, 2)]
        assert sound.listener.kept == {("llama", 0): "One.", ("llama", 2): "Three."}

    async def test_what_was_heard_before_is_not_asked_again(self, sound):
        server = await sound.add("llama", "llama")
        server.audio = True
        server.sound.transcript_script.append("Three.")
        sound.listener = Listener(llama0="One, from before.")

        assert (await sound.hear()).text == "One, from before. Three."
        assert len(server.sound.transcripts) == 1

    async def test_a_llama_without_ears_is_not_asked(self, sound):
        server = await sound.add("llama", "llama")

        with pytest.raises(NoTranscriber):
            await sound.hear()
        assert server.sound.transcripts == []

    async def test_who_fails_is_followed_by_the_next_and_not_charged(self, sound):
        first = await sound.add("first")
        await sound.add("second")
        first.sound.transcript_script.append(ErrorStatus(500))

        heard = await sound.hear()

        assert heard.ref.provider == "second"
        assert sound.listener.requests == ["first", "second"]
        assert [call.outcome for call in sound.ledger.calls] == ["failed", "done"]
        assert sound.ledger.calls[0].charge == 0

    @pytest.mark.parametrize(
        ("item", "failure"),
        [
            (ErrorStatus(500), ServerError),
            (HangsUp(), None),
            (ErrorStatus(413), RecordingRefused),
            (ErrorStatus(400, message="bad file"), RecordingRefused),
        ],
    )
    async def test_a_failure_is_told_by_its_kind(self, sound, item, failure):
        server = await sound.add("together")
        server.sound.transcript_script += [item] * 6

        with pytest.raises(AllProvidersFailed) as raised:
            await sound.hear()
        assert failure is None or isinstance(raised.value.causes[0], failure)

    async def test_a_server_without_details_is_asked_without_them(self, sound):
        server = await sound.add("together")
        server.sound.transcript_script += [ErrorStatus(400, message="verbose_json?"), "Hello."]

        assert (await sound.hear()).text == "Hello."
        assert [call.fields["response_format"] for call in server.sound.transcripts] == [
            "verbose_json",
            "json",
        ]

    async def test_what_whisper_takes_for_silence_is_no_text(self, sound):
        server = await sound.add("together")
        server.sound.silence_probability = 0.95
        server.sound.transcript_script.append("Thank you.")

        assert (await sound.hear()).text == ""

    async def test_more_than_can_be_said_was_not_said(self, sound):
        server = await sound.add("together")
        server.sound.transcript_script.append(" ".join(map(str, range(400))))

        assert (await sound.hear(Recording(OGG.content, "a.ogg", 2.0))).text == ""

    async def test_private_stays_local(self, sound):
        await sound.add("together")
        with pytest.raises(NoLocalTranscriber):
            await sound.hear(local_only=True)
        near = await sound.add("home", local=True)
        near.sound.transcript_script += [ErrorStatus(500)] * 3

        with pytest.raises(LocalOnlyFailed):
            await sound.hear(local_only=True)

        assert sound.servers["together"].transcripts == []
        assert len(near.sound.transcripts) > 1

    async def test_the_budget_is_looked_at_before(self, sound):
        sound.ceiling = Decimal("0.0007")
        server = await sound.add("together", transcription_usd_per_minute=Decimal("0.0015"))

        with pytest.raises(BudgetSpent):
            await sound.hear()
        assert server.sound.transcripts == []
        assert (await sound.hear(Recording(OGG.content, "a.ogg", 20.0))).text

    async def test_two_at_once_do_not_spend_the_same_money(self, sound):
        sound.ceiling = Decimal("0.001")
        server = await sound.add("together", transcription_usd_per_minute=Decimal("0.0015"))
        gate = asyncio.Event()
        server.sound.transcript_script.append(Holds("", gate))

        first = asyncio.create_task(sound.hear())
        await server.wait_for(lambda: server.sound.transcripts)
        with pytest.raises(BudgetSpent):
            await sound.hear()
        gate.set()

        assert (await first).text


class TestSpeaking:
    async def test_a_text_becomes_an_mp3_and_is_paid_by_the_character(self, sound):
        price = {"speech_usd_per_million_characters": Decimal(4), "speech_voice": "af_heart"}
        server = await sound.add("together", **price)

        spoken = await sound.speak("Hello. " * 100)

        assert spoken.content[:2] == b"\xff\xfb"
        assert spoken.ref == ModelRef("together", KOKORO)
        (call,) = server.sound.speeches
        assert call.body == {
            "model": KOKORO,
            "input": "Hello. " * 100,
            "voice": "af_heart",
            "response_format": "mp3",
        }
        (expense,) = sound.ledger.calls
        assert (expense.kind, expense.usd) == ("speech", Decimal("0.0028"))

    @pytest.mark.parametrize("item", [ErrorStatus(500), ErrorStatus(400), b"", b'{"error": 1}'])
    async def test_the_next_one_speaks_where_one_fails(self, sound, item):
        first = await sound.add("first")
        await sound.add("second")
        first.sound.speech_script.append(item)

        assert (await sound.speak()).ref.provider == "second"

    async def test_private_stays_local(self, sound):
        await sound.add("together")
        with pytest.raises(NoLocalSpeaker):
            await sound.speak(local_only=True)
        await sound.add("home", local=True)

        assert (await sound.speak(local_only=True)).ref.provider == "home"
        assert sound.servers["together"].speeches == []
        assert sound.ledger.calls[-1].charge == 0

    async def test_without_anybody_it_says_so(self, sound):
        await sound.add("llama", "llama")

        with pytest.raises(NoSpeaker):
            await sound.speak()
