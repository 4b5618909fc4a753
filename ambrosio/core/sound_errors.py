"""Failures of transcription and of reading aloud, which derive from those in `errors`."""

from .errors import NoProvider
from .provider_errors import BadRequest


class NoTranscriber(NoProvider):
    """No configured provider transcribes recordings."""

    problem = "I cannot transcribe recordings yet: no transcription model is set up."
    owner_task = "set `LLAMA_EARS` or `TOGETHER_API_KEY`; `ambrosio doctor` shows how"


class NoLocalTranscriber(NoTranscriber):
    """The chat is in private mode and no local provider transcribes recordings."""

    problem = (
        "This is private and no local transcription model is set up, so your recording was not "
        "sent anywhere."
    )
    owner_task = "set `LLAMA_EARS`; `ambrosio doctor` shows how"


class NoSpeaker(NoProvider):
    """No configured provider reads aloud."""

    problem = "I cannot read answers aloud yet: no speech model is set up."
    owner_task = "set `TOGETHER_API_KEY`, or `speech_model` in ambrosio.toml"


class NoLocalSpeaker(NoSpeaker):
    """The answer is private and no local provider reads aloud."""

    problem = (
        "This answer is private and no local speech model is set up, so it was not sent anywhere."
    )
    owner_task = "set `speech_model` for a local server in ambrosio.toml"


class RecordingRefused(BadRequest):
    """The provider rejected the recording: in a format that it does not read, or too large."""

    summary = "rejected the recording"
    problem = "{provider} rejected this recording."
    remedy = "Try another recording, or text."
    other_model_may_help = False
