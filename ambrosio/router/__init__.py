"""Whom to ask, and whom next, for words and for pictures.

The one way to a provider: who may be asked (privacy, budget), in which order (the chat's choice,
then the route), who is resting, and when to move on.
"""

from ..providers.warmup import LOADING_PAUSE_SECONDS
from .answers import CompletionRequest, Router
from .health import HealthMonitor
from .images import ImageRouter

__all__ = ["LOADING_PAUSE_SECONDS", "CompletionRequest", "HealthMonitor", "ImageRouter", "Router"]
