"""Failures of hearing and reading aloud; they have their places in the tree of `errors`."""

from .errors import NoProvider
from .provider_errors import BadRequest


class NoTranscriber(NoProvider):
    """No configured provider writes down what it hears."""

    problem = "I cannot listen yet: no model for speech is set up."
    owner_task = "set `LLAMA_EARS` or `TOGETHER_API_KEY`; `ambrosio doctor` shows how"


class NoLocalTranscriber(NoTranscriber):
    """The chat is in private mode and no local provider writes down what it hears."""

    problem = (
        "This is private and no local model can listen, so your recording was not sent anywhere."
    )
    owner_task = "set `LLAMA_EARS`; `ambrosio doctor` shows how"


class NoSpeaker(NoProvider):
    """No configured provider reads aloud."""

    problem = "I cannot read aloud yet: no model that speaks is set up."
    owner_task = "set `TOGETHER_API_KEY`, or `speech_model` in ambrosio.toml"


class NoLocalSpeaker(NoSpeaker):
    """The answer is private and no local provider reads aloud."""

    problem = "This answer is private and no local model can speak, so it was not sent anywhere."
    owner_task = "set up a local one with `speech_model` in ambrosio.toml"


class RecordingRefused(BadRequest):
    """The provider cannot use the recording: of a kind that it does not read, or too large."""

    summary = "cannot use the recording"
    problem = "{provider} cannot use this recording."
    remedy = "Send it again, or write to me instead."
    other_model_may_help = False
