"""What a server, or the network, says about a failure, in a form that may be logged. Pure.

A refusal may quote what somebody wrote, a key or an address with a token in it. So of its words
only those stay that the conversation does not contain, apart from a fixed vocabulary, and whatever
looks like a key is left out. These texts are for the log and for `ambrosio doctor`, never a chat.
"""

import html
import os
import re
import socket
import ssl
from collections.abc import Callable, Iterator
from itertools import pairwise
from urllib.parse import urlsplit

MAX_REASON_CHARS = 200
# A server's text beyond this is not worth reading.
MAX_SOURCE_CHARS = 4_000
LEFT_OUT = "…"
# Of this many characters on, a word of the conversation is also found inside another word.
MIN_PART_CHARS = 5
# So many words of the conversation in a row are a quotation, whatever words they are.
RUN_WORDS = 4
# Words between two that are left out are left out too, up to this distance.
MAX_GAP_WORDS = 3
# The words of refusals, which stay even if somebody has also written them.
_WORDS = """
a about above access account active additional address admin after all allowed already also an and
any api are argument arguments array as at attempts audio authentication authorized available away
be because been before below between billing blocked body bot broken but by cache call calls can
cannot cause certain certificate chat check choose client closed code completion completions
configured connect connecting connection content context could credit credits cuda current
currently cut day days deleted denied deprecated description details did disabled disconnected do
does due during each edited either empty enabled end endpoint enough error errors exceed exceeded
exceeds execute execution expected expired failed failure field fields file files first for
forbidden format found free from function gateway generation get given gpu group has have host
hostname hour http https id if image images in incorrect increase input inputs insufficient
integer internal into invalid is issue it its json key kicked language large last later least
length less limit limits list load loaded loading local long longer many match max maximum may
member memory message messages method million min minimum minute minutes missing mode model models
moderation modified month monthly more most must name near need network new no not null number
object of on one only operation options or organization out output over page parameter parameters
parse passed payment peer per permission permissions pipe plan please policy port prompt property
protocol provide provided quota range rate reached read reason received receiving reduce refused
region reject rejected request requested requests require required requires reset resolve resource
response retry return returned rights role run running runtime same schema second seconds see self
send sending sent server servers service set should signed size small smaller sorry speech ssl
status stop stream streaming string success supergroup support supported syntax system temperature
temporarily temporary tensor than that the their there these this those time timed timeout tls to
today token tokens too tool tools top topic total try type types unable unauthorized unavailable
understand unexpected unknown unreachable unrecognized unsuccessful unsupported until up upgrade
upstream usage use used user users using valid validation value values verify version via vision
voice wait was we were when where which while will with within without write wrong you your
"""
VOCABULARY = frozenset(_WORDS.split())
ESCAPED_CHARACTER = re.compile(r"\\u([0-9a-fA-F]{4})")
ESCAPED_CONTROL = re.compile(r"\\[nrtbf\"'/\\]")
TAG = re.compile(r"<[^<>]{0,200}>")
TITLE = re.compile(r"<title[^>]{0,200}>(.{1,200}?)</title>", re.IGNORECASE | re.DOTALL)
ADDRESS = re.compile(r"https?://[^\s\"'<>()\[\]{}]+", re.IGNORECASE)
# Keys and account ids by their beginning, masked keys, bearer tokens, bot tokens, e-mail addresses,
# and long runs of letters with digits.
SECRET = re.compile(
    r"\b(?:sk|pk|rk|gsk|hf|xai|api|key|tok|token|org|proj|user|acct|AIza)[-_]?(?=[\w-]*\d)[\w*-]{8,}"
    r"|[\w-]*\*{2,}[\w*-]*"
    r"|\bbearer\s+\S+"
    r"|(?<!\d)\d{6,}:[\w-]{20,}"
    r"|[\w.+-]+@[\w-]+(?:\.[\w-]+)+"
    r"|(?<![\w/.-])(?=[\w+=]*\d)(?=[\w+=]*[A-Za-z])[\w+=]{20,}",
    re.IGNORECASE,
)
# Letters outside ASCII count one by one: some scripts have no spaces between words.
WORD = re.compile(r"[A-Za-z0-9]+|[^\W_]")
# A quotation of which something is left out, unless it is a single word.
QUOTATION = re.compile(rf"(['\"`])(?=[^'\"`]*\s)[^'\"`]*{LEFT_OUT}[^'\"`]*\1")
MASKS = re.compile(rf"{LEFT_OUT}(?:[\s,;:.'\"`()\[\]{{}}_-]*{LEFT_OUT})+")


def clean_reason(text: str, said: str | None = None) -> str:
    """Shorten a server's words to one line, without anything of a conversation, keys or addresses.

    Args:
        text: what the server says; a web page counts as its title.
        said: all of what was sent to it. Without it only words of the vocabulary stay, since any
            other may be quoted.
    """
    text = _plain(text[:MAX_SOURCE_CHARS])
    text = ADDRESS.sub(_without_path, text)
    text = SECRET.sub(LEFT_OUT, text)
    text = _without_conversation(text, said)
    text = QUOTATION.sub(rf"\1{LEFT_OUT}\1", " ".join(text.split()))
    text = MASKS.sub(LEFT_OUT, text).rstrip(".")
    if len(text) <= MAX_REASON_CHARS:
        return text
    return text[:MAX_REASON_CHARS].rsplit(" ", 1)[0] + LEFT_OUT


def connection_reason(exc: BaseException) -> str:
    """Say why there is no connection, or why it broke, in the words of the system below."""
    chain = list(_chain(exc))
    for cause in reversed(chain):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return clean_reason(f"certificate not accepted: {cause.verify_message}", "")
        if isinstance(cause, socket.gaierror):
            return "the host name cannot be resolved"
        if isinstance(cause, ssl.SSLError):
            return clean_reason(cause.strerror or str(cause), "")
        if isinstance(cause, OSError) and cause.errno:
            # asyncio has the address in its words.
            return os.strerror(cause.errno)
    words = next((str(cause) for cause in reversed(chain) if str(cause)), "")
    name = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(exc).__name__).lower()
    return clean_reason(words, "") or name


def _chain(exc: BaseException | None) -> Iterator[BaseException]:
    """Yield an exception and what caused it, the last cause last."""
    while exc is not None:
        yield exc
        if isinstance(exc, BaseExceptionGroup):
            exc = exc.exceptions[0]
        else:
            exc = exc.__cause__ or exc.__context__


def _plain(text: str) -> str:
    """Return a text without escapes and tags; of a web page only the title."""
    if text.lstrip().startswith("<"):
        title = TITLE.search(text)
        text = f"a web page: {title[1]}" if title else "a web page"
    text = ESCAPED_CHARACTER.sub(lambda match: chr(int(match[1], 16)), text)
    return TAG.sub(" ", ESCAPED_CONTROL.sub(" ", html.unescape(text)))


def _without_path(match: re.Match[str]) -> str:
    try:
        parts = urlsplit(match[0])
        host = parts.hostname or LEFT_OUT
    except ValueError:
        return LEFT_OUT
    return f"{parts.scheme}://{host}"


def _without_conversation(text: str, said: str | None) -> str:
    """Leave out the words that are hidden, and the few between two of them."""
    words = list(WORD.finditer(text))
    hides = _word_filter(said)
    hidden = [hides(match[0].lower()) for match in words]
    for start in _quoted_runs([match[0].lower() for match in words], said or ""):
        hidden[start : start + RUN_WORDS] = [True] * RUN_WORDS
    places = [index for index, hides_word in enumerate(hidden) if hides_word]
    for place, following in pairwise(places):
        if following - place <= MAX_GAP_WORDS:
            hidden[place:following] = [True] * (following - place)
    for match, hides_word in reversed([*zip(words, hidden, strict=True)]):
        if hides_word:
            text = text[: match.start()] + LEFT_OUT + text[match.end() :]
    return text


def _word_filter(said: str | None) -> Callable[[str], bool]:
    """Return what says whether a word, in lower case, is to be left out by itself."""
    if said is None:
        return lambda word: word not in VOCABULARY
    conversation = said.lower()
    parts = {word for word in WORD.findall(conversation) if len(word) >= MIN_PART_CHARS}

    def hides(word: str) -> bool:
        if word in VOCABULARY:
            return False
        # A quotation may be cut in the middle of a word, or be glued to another one.
        return word in conversation or any(part in word for part in parts)

    return hides


def _quoted_runs(words: list[str], said: str) -> Iterator[int]:
    """Yield where a run of words begins that somebody has also written in this order."""
    conversation = f" {' '.join(WORD.findall(said.lower()))} "
    for start in range(len(words) - RUN_WORDS + 1):
        if f" {' '.join(words[start : start + RUN_WORDS])} " in conversation:
            yield start
