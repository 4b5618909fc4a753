"""The vv rule: a question that begins with "vv" gets the shortest possible answer.

* Recognised: the word "vv" at the start, in any case, also followed by punctuation ("Vv: …");
  "vvv" and "vva" are other words. `/vv on` makes every question of a chat one.
* Sent: "vv " and the question, with the rule itself in the system prompt (`prompts/system.txt`).
  A rule alone does not hold with small models, so worked exchanges stand right before the question
  (`AnswerPlan.examples`). They are not stored and not part of the history, so the prompt up to
  there stays what the server has in its cache. Models with `repeat_vv` also get `VV_REMINDER`.
* How short: `AnswerPlan` says what shape of answer is asked for. `concise_guard` ends the stream
  where an answer of that shape ends. Thinking is turned off where the server can do that.

Pure: does not ask a model and does not look at answers.
"""

import re
from dataclasses import dataclass
from typing import Literal

from .worked_exchanges import Exchange, worked_exchanges

# What is asked for: a line or paragraph; code; a list; or a text that is long by nature.
AnswerShape = Literal["line", "code", "list", "text"]

# The last resort where the guard finds no end. Far more than a good answer of the shape needs.
MAX_TOKENS: dict[AnswerShape, int] = {"line": 200, "code": 800, "list": 400, "text": 800}
MAX_CONCISE_TOKENS = 400
# A paragraph that has become this long ends with its sentence, unless the question is longer.
MAX_LINE_WORDS = 40
# Appended to the question for models that ignore their system prompt.
VV_REMINDER = "\n\n(As concise as possible: only the answer, no introduction, no explanation.)"
# Phones capitalise the first letter, and some people type a colon.
VV_PATTERN = re.compile(r"\s*vv\b[\s:,;.!?–—-]*", re.IGNORECASE)
# A model that goes on after its answer often writes the next question of the examples.
STOP_SEQUENCES = ("\nvv ",)

# What asks for a shape, in English, German, French, Italian, Spanish and Dutch.
_VERBS = (
    "write|compose|draft|tell|give|make|invent|schreibe?|verfasse|erzähle?|dichte|gib|"
    "écris|rédige|raconte|donne|scrivi|racconta|dammi|escribe|redacta|cuenta|dame|schrijf|vertel|geef"
)
_LONG_TEXTS = (
    "poem|haiku|limerick|sonnet|song|lyrics|verses?|rhyme|story|tale|joke|essay|letter|e-?mail|"
    "message|speech|toast|recipe|article|dialogue|gedicht|lied|geschichte|märchen|witz|brief|"
    "aufsatz|rezept|rede|nachricht|poème|chanson|histoire|conte|blague|lettre|recette|discours|"
    "poesia|canzone|storia|lettera|ricetta|poema|canción|historia|carta|receta|mensaje|liedje|"
    "verhaal|recept|toespraak|bericht"
)
_CODE = (
    "code|script|function|snippet|one-?liner|regexp?|formula|command|query|"
    "python|bash|shell|zsh|sql|sqlite|postgres|git|vim|emacs|css|html|xml|json|yaml|toml|latex|"
    "javascript|typescript|java|kotlin|golang|ruby|php|perl|haskell|c\\+\\+|c#|awk|sed|grep|jq|curl|"
    "ssh|docker|dockerfile|kubectl|systemd|crontab|makefile|powershell|linux|excel|numpy|pandas|"
    "funktion|skript|befehl|fonction|commande|script|funzione|comando|función|functie|opdracht"
)
_LISTS = (
    "lists?|steps|ingredients|examples|ideas|pros and cons|checklist|itinerary|top \\d+|"
    "liste|schritte|zutaten|beispiele|ideen|vor- und nachteile|étapes|ingrédients|exemples|idées|"
    "elenco|passi|ingredienti|esempi|idee|lista|pasos|ingredientes|ejemplos|lijst|stappen|"
    "ingrediënten|voorbeelden|"
    "(?:name|suggest|give|tell|nenne|nomme|nombra|noem) (?:me )?(?:the )?"
    "(?:\\d+|two|three|four|five|six|seven|eight|nine|ten|zwei|drei|vier|fünf|zehn)"
)
# A text that is long by nature is not cut at all, so it must be what the question asks for and not
# only be mentioned: "haiku about rain" and "write my landlord a letter", but not "who wrote this
# song?".
SHAPE_PATTERNS: tuple[tuple[AnswerShape, re.Pattern[str]], ...] = (
    (
        "text",
        re.compile(
            rf"(?:\w+[ -]){{0,2}}(?:{_LONG_TEXTS})\b[^?]*$|(?:{_VERBS})\b.*\b(?:{_LONG_TEXTS})\b",
            re.IGNORECASE | re.DOTALL,
        ),
    ),
    ("code", re.compile(rf".*?(?<!\w)(?:{_CODE})(?!\w)", re.IGNORECASE | re.DOTALL)),
    ("list", re.compile(rf".*?(?<!\w)(?:{_LISTS})(?!\w)", re.IGNORECASE | re.DOTALL)),
)


@dataclass(frozen=True, slots=True)
class AnswerPlan:
    """What answer a vv question wants: its shape, and how long it may become.

    Attributes:
        shape: what is asked for.
        max_words: a paragraph with more words ends with its sentence.
        max_tokens: the limit that is sent to the server.
        examples: the worked exchanges to send before the question, without their "vv".
    """

    shape: AnswerShape = "line"
    max_words: int = MAX_LINE_WORDS
    max_tokens: int = MAX_CONCISE_TOKENS
    examples: tuple[Exchange, ...] = ()


def plan_answer(question: str) -> AnswerPlan:
    """Find out what a vv question asks for."""
    shape = _shape(question)
    words = len(question.split())
    # Whatever is to be translated or corrected comes back about as long as it was; in some scripts
    # a word is three tokens.
    max_tokens = MAX_TOKENS[shape] + 3 * words
    max_words = max(MAX_LINE_WORDS, 2 * words)
    return AnswerPlan(shape, max_words, max_tokens, worked_exchanges(question, shape))


def _shape(question: str) -> AnswerShape:
    if re.search(r"\S\s*\n\s*\n\s*\S", question.strip()):
        # Several paragraphs to be translated, corrected or rewritten.
        return "text"
    question = question.strip()
    return next((shape for shape, pattern in SHAPE_PATTERNS if pattern.match(question)), "line")


def split_vv(text: str) -> tuple[bool, str]:
    """Return whether the text begins with "vv", and the text without it."""
    match = VV_PATTERN.match(text)
    return (True, text[match.end() :]) if match else (False, text)


def add_vv(question: str, *, reminder: bool) -> str:
    """Return a question as it is sent under the vv rule, with `VV_REMINDER` if wanted."""
    return f"vv {question}{VV_REMINDER if reminder else ''}"
