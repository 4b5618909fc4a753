"""The stand-in's transcription and speech models, checked as the real servers check requests.

It does not listen: a transcript is what the script says. What it reads aloud is silence, as MP3.
"""

import asyncio
import json
import re
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from .payloads import encode_sse
from .responses import ErrorStatus, HangsUp, Holds, StallsBefore
from .validation import RequestRules

# The first bytes of what each server reads.
READABLE = {
    "llama": rb"RIFF....WAVE|fLaC|ID3|\xff[\xe2-\xff]",
    "together": rb"RIFF....WAVE|fLaC|ID3|\xff[\xe2-\xff]|OggS|....ftyp|\x1aE\xdf\xa3",
}
SUFFIXES = re.compile(r".+\.(?:wav|mp3|m4a|webm|flac|ogg|oga|mp4|mpga)")
MAX_UPLOAD_BYTES = 80_000_000
MAX_INPUT_CHARACTERS = 4_096
# Frames of silence: MPEG 1, layer III, 128 kbit/s, 44.1 kHz, each 26 ms.
SILENT_MP3 = (b"\xff\xfb\x90\x64" + bytes(413)) * 40

TranscriptItem = str | ErrorStatus | StallsBefore | Holds | HangsUp
SpeechItem = bytes | ErrorStatus | StallsBefore | HangsUp
Refuse = Callable[[ErrorStatus], Response]


@dataclass(frozen=True, slots=True)
class TranscriptionCall:
    """A request to `/v1/audio/transcriptions`."""

    fields: Mapping[str, str]
    file_name: str
    content: bytes = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class SpeechCall:
    """A request to `/v1/audio/speech`."""

    body: Mapping[str, object]
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def text(self) -> str:
        """What is to be read aloud."""
        return str(self.body.get("input", ""))


class SoundEndpoints:
    """The two endpoints of one stand-in, with their scripts and what they have been asked.

    Args:
        rules: whether a request is served at all.
        refuse: words an error as the server does.
        notify: is called when a request has come.
    """

    def __init__(self, rules: RequestRules, refuse: Refuse, notify: Callable[[], None]) -> None:
        self._rules, self._refuse, self._notify = rules, refuse, notify
        self.transcripts: list[TranscriptionCall] = []
        self.speeches: list[SpeechCall] = []
        self.transcript_script: deque[TranscriptItem] = deque()
        self.speech_script: deque[SpeechItem] = deque()
        self.default_transcript = "What is the capital of Peru?"
        # Listens when the script has run out; None hears the default in everything.
        self.listen: Callable[[TranscriptionCall], TranscriptItem] | None = None
        # Whether a transcript comes with whisper's details, and how sure it is of silence.
        self.silence_probability = 0.01

    async def transcribe(self, request: Request) -> Response:
        """Answer with the next transcript of the script."""
        call = await _read_form(request)
        self.transcripts.append(call)
        self._notify()
        refusal = self._rules.check_headers(call.headers) or self._check_transcription(call)
        if refusal is not None:
            return self._refuse(refusal)
        default = self.default_transcript
        item: TranscriptItem = self.listen(call) if self.listen else default
        if self.transcript_script:
            item = self.transcript_script.popleft()
        if isinstance(item, ErrorStatus):
            return self._refuse(item)
        if isinstance(item, HangsUp):
            request.scope["state"]["transport"].close()
        if isinstance(item, StallsBefore):
            await asyncio.Event().wait()
        if isinstance(item, Holds):
            await item.until.wait()
        return self._reply(call, item if isinstance(item, str) else default)

    def _reply(self, call: TranscriptionCall, text: str) -> Response:
        if call.fields.get("stream") == "true":
            deltas = [
                {"type": "transcript.text.delta", "delta": part}
                for part in re.findall(r"\s*\S+", text)
            ]
            done = {"type": "transcript.text.done", "text": text}
            events = encode_sse(*deltas, done)
            return StreamingResponse(iter([events]), media_type="text/event-stream")
        if call.fields.get("response_format") == "verbose_json":
            segment = {
                "text": text,
                "avg_logprob": -1.5,
                "no_speech_prob": self.silence_probability,
            }
            return JSONResponse({"text": text, "language": "en", "segments": [segment]})
        return JSONResponse({"text": text})

    def _check_transcription(self, call: TranscriptionCall) -> ErrorStatus | None:
        kind = self._rules.server_kind
        formats = {"json"} if kind == "llama" else {"json", "verbose_json"}
        error = partial(ErrorStatus, 400, "invalid_request_error")
        if not call.file_name or not call.content:
            return error("'file' is required", param="file")
        if len(call.content) > MAX_UPLOAD_BYTES:
            return ErrorStatus(413, message="The file is too large.")
        if not SUFFIXES.fullmatch(call.file_name.lower()):
            return error("Unsupported file extension.", param="file")
        if not re.match(READABLE[kind], call.content, re.DOTALL):
            return error("Failed to load image or audio file", param="file")
        if call.fields.get("response_format", "json") not in formats:
            return error("Unsupported response_format.", param="response_format")
        if kind == "llama" and not self._rules.audio:
            return ErrorStatus(501, message="This server does not support audio input.")
        return self._rules.check_served(call.fields.get("model", ""), "transcribe")

    async def speak(self, request: Request) -> Response:
        """Answer with the next file of the script, or with silence."""
        call = SpeechCall(json.loads(await request.body()), dict(request.headers))
        self.speeches.append(call)
        self._notify()
        refusal = self._rules.check_headers(call.headers) or self._check_speech(call)
        if refusal is not None:
            return self._refuse(refusal)
        item = self.speech_script.popleft() if self.speech_script else SILENT_MP3
        if isinstance(item, ErrorStatus):
            return self._refuse(item)
        if isinstance(item, HangsUp):
            request.scope["state"]["transport"].close()
        if isinstance(item, StallsBefore):
            await asyncio.Event().wait()
        content = item if isinstance(item, bytes) else SILENT_MP3
        return Response(content, media_type="audio/mpeg")

    def _check_speech(self, call: SpeechCall) -> ErrorStatus | None:
        if self._rules.server_kind == "llama":
            return ErrorStatus(404)
        for name in ("model", "input", "voice"):
            if not call.body.get(name):
                return ErrorStatus(400, message=f"'{name}' is required", param=name)
        if len(call.text) > MAX_INPUT_CHARACTERS:
            return ErrorStatus(400, message="'input' is too long", param="input")
        if call.body.get("response_format", "wav") not in {"mp3", "wav", "raw"}:
            return ErrorStatus(400, message="Unsupported format.", param="response_format")
        return self._rules.check_served(str(call.body["model"]), "audio")


async def _read_form(request: Request) -> TranscriptionCall:
    fields: dict[str, str] = {}
    file_name, content = "", b""
    async with request.form() as form:
        for name, value in form.items():
            if not isinstance(value, UploadFile):
                fields[name] = value
            elif name == "file":
                file_name, content = value.filename or "", await value.read()
    return TranscriptionCall(fields, file_name, content, dict(request.headers))
