"""What a tool may do in a conversation: the rule of two, decided by code and not by a model.

Pure. Of these three, a conversation has two at most by itself: words from outside, which may be
made to mislead; what is private to the person; and an act that reaches outside or that lasts. The
third one needs the person's tap. Where something is local only not even a tap helps: a tool that
sends anything out is not in the prompt at all, since a model cannot misuse what it does not know.

What this does not cover: a server that its owner declares local may pass things on, and a search
engine sees every query.
"""

from dataclasses import dataclass
from enum import StrEnum


class ToolKind(StrEnum):
    """What a tool does, as far as it matters here."""

    # Computes, or reads what is stored here.
    LOCAL = "local"
    # Changes something that lasts: a reminder, what is remembered.
    CHANGE = "change"
    # Has an image made. Whether elsewhere, the router decides, which knows what is local only.
    PICTURE = "picture"
    SEARCH = "search"
    PAGE = "page"
    # An MCP server on this machine or in its network, whose results stay here.
    LOCAL_SERVER = "local server"
    # Any other MCP server.
    REMOTE_SERVER = "remote server"


class ArgumentSource(StrEnum):
    """Where what a tool is called with comes from."""

    # The person wrote it, word for word, in this conversation.
    PERSON = "person"
    # The web search returned it in this conversation.
    SEARCH = "search"
    # A model worded it, from whatever it has read.
    MODEL = "model"


class Verdict(StrEnum):
    """What becomes of a call."""

    ABSENT = "absent"
    NEEDS_TAP = "needs a tap"
    ALLOWED = "allowed"


@dataclass(frozen=True, slots=True)
class Situation:
    """What matters about a conversation.

    Attributes:
        local_only: it is local only now, or a turn in its history is.
        read_outside: words from outside are in it: a page, a search result, a file, a photo, a
            forwarded message, the result of an MCP server.
    """

    local_only: bool = False
    read_outside: bool = False


LEAVES_MACHINE = frozenset({ToolKind.SEARCH, ToolKind.PAGE, ToolKind.REMOTE_SERVER})
# What a call may change elsewhere, so that making it twice is not the same as making it once.
CHANGES_ELSEWHERE = frozenset({ToolKind.LOCAL_SERVER, ToolKind.REMOTE_SERVER})


def is_offered(kind: ToolKind, situation: Situation) -> bool:
    """Say whether a model is told of a tool.

    What was read from outside does not matter here: the list of tools stands at the top of the
    prompt, and changing it in the middle of a conversation has all of it read again.
    """
    if situation.local_only:
        return kind not in LEAVES_MACHINE
    # Elsewhere its results would reach remote models.
    return kind is not ToolKind.LOCAL_SERVER


def decide(
    kind: ToolKind,
    situation: Situation,
    *,
    source: ArgumentSource = ArgumentSource.MODEL,
    tapped: bool = False,
    interrupted: bool = False,
) -> Verdict:
    """Decide about one call of a tool.

    Args:
        kind: what the tool does.
        situation: what is in the conversation at this moment, results of this turn included.
        source: where the arguments come from.
        tapped: whether the person has seen this very call and pressed a button for it.
        interrupted: whether an attempt at the same turn was cut off after such a call was begun.
    """
    if not is_offered(kind, situation):
        return Verdict.ABSENT
    if interrupted and not tapped and kind in CHANGES_ELSEWHERE:
        return Verdict.NEEDS_TAP
    if tapped or _is_harmless(kind, situation, source):
        return Verdict.ALLOWED
    return Verdict.NEEDS_TAP


def _is_harmless(kind: ToolKind, situation: Situation, source: ArgumentSource) -> bool:
    if kind is ToolKind.LOCAL:
        return True
    if kind is ToolKind.PAGE:
        # An address that a model has worded can carry words out to whoever owns the host.
        return source is not ArgumentSource.MODEL
    if kind is ToolKind.SEARCH and source is ArgumentSource.PERSON:
        return True
    return not situation.read_outside
