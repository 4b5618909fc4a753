"""Whom to ask, and whom next, for words and for pictures.

The one way to a provider: who may be asked (privacy, budget), in which order (the chat's choice,
then the route), who is resting, and when to move on.
"""

from ..providers.warmup import LOADING_PAUSE_SECONDS
from .answers import Ask, Router
from .health import Health
from .images import Gallery

__all__ = ["LOADING_PAUSE_SECONDS", "Ask", "Gallery", "Health", "Router"]
