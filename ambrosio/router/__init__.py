"""Whom to ask, and whom next, for answers, images and sound. The one way to a provider.

Start with `answers`; `policy` has the rule, `call` one request to one provider. Imports `images`,
`providers`, `config` and `core`. Sends nothing to a chat and keeps nothing but health in memory.
"""

from .answers import Router
from .health import HealthMonitor
from .images import ImageRouter
from .request import CompletionRequest
from .speech import SpeechRouter
from .transcripts import TranscriptRouter

__all__ = [
    "CompletionRequest",
    "HealthMonitor",
    "ImageRouter",
    "Router",
    "SpeechRouter",
    "TranscriptRouter",
]
