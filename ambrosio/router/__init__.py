"""Whom to ask, and whom next, for words and for pictures.

The one way to a provider: who may be asked (privacy, budget), in which order (the chat's choice,
then the route), who is resting, and when to move on.
"""

from .answers import Ask, Router
from .gallery import Gallery
from .health import LOADING_PAUSE_SECONDS, Health

__all__ = ["LOADING_PAUSE_SECONDS", "Ask", "Gallery", "Health", "Router"]
