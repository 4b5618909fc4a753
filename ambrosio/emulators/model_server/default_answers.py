"""The answers of the stand-in model when no script is given.

They follow the "vv" rule, show formatting, and say once in a conversation that they are canned.
The questions that the demo's page suggests have an answer of their own.
"""

import re

from .requests import ChatCall
from .responses import Calls, Says
from .tool_user import use_tool

NOTICE = "_(Canned demo answer, no AI model involved.)_"

_VV = re.compile(r"\s*vv\b[\s,:;.!-]*", re.IGNORECASE)
_CHOICE = re.compile(
    r"\b[\w'’-]+\s+(?:or|oder|ou)\s+(?:(?:an?|the)\s+)?([\w'’-]+)", re.IGNORECASE | re.UNICODE
)

_SHOWCASE = """\
## A little of everything

| Rice | Grain | With |
|---|---|---|
| Basmati | long, loose | falafel, curry |
| Jasmine | soft, fragrant | fish, stir-fry |
| Arborio | round, creamy | risotto |

1. Rinse it until the water is **clear**.
2. Let it stand for *ten minutes*.
3. Do not stir, ~~not even once~~.

> Patience is half of the recipe.

```python
def water(cups_of_rice: float) -> float:
    return 1.5 * cups_of_rice
```

The steam accounts for $\\frac{1}{3}$, and for $n$ guests you need
$$\\sum_{i=1}^{n} 75\\,\\mathrm{g}.$$"""

_CODE = """\
Here is a small piece of code:

```python
from collections import Counter


def most_common_word(text: str) -> str:
    words = text.lower().split()
    return Counter(words).most_common(1)[0][0]


print(most_common_word("to be or not to be"))
```

`Counter` counts the words, and `most_common(1)` gives the *one* that comes up most often, \
together with how often it does. If two are equally frequent, the first one wins: here that is \
**to**. In a longer text, strip the punctuation first, because `"be,"` and `"be"` count as \
two different words."""

CANNOT_SEE = "You sent a picture, but this stand-in cannot see it."
CANNOT_READ = "You sent a file, but this stand-in cannot read it."
# How the bot begins what it puts before a question about a file.
_FILE = re.compile(r'File "')

_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def answer(request: ChatCall) -> Says | Calls:
    """Return a canned answer: one line if the question begins with "vv", or a call of a tool."""
    if used := use_tool(request):
        return used
    # If the question is a reply, the bot quotes the message before it.
    question = re.sub(r"^>.*\n?", "", request.question, flags=re.MULTILINE).strip()
    if (vv := _VV.match(question)) is not None:
        question = question[vv.end() :].strip()
        return Says(CANNOT_READ if _FILE.match(question) else _short(question))
    said_before = any(role == "assistant" and NOTICE in text for role, text in request.messages)
    text = CANNOT_READ if _FILE.match(question) else _long(question)
    text = CANNOT_SEE if request.question_has_images else text
    return Says(text if said_before else f"{text}\n\n{NOTICE}")


def _long(question: str) -> str:
    known = (text for pattern, text in _ANSWERS if pattern.search(question))
    return next(known, None) or _friendly(question)


def _short(question: str) -> str:
    for pattern, text in _SHORT_ANSWERS:
        if pattern.search(question):
            return text
    if (choice := _CHOICE.search(question)) is not None:
        word = choice[1]
        return f"{word[:1].upper()}{word[1:]}."
    topic = " ".join(question.split())[:60]
    return f"(stand-in) No model here to answer: {topic}" if topic else "(stand-in) Yes?"


def _friendly(question: str) -> str:
    quoted = " ".join(question.split())
    quoted = f"{quoted[:160]}…" if len(quoted) > 160 else quoted
    return (
        f"“{quoted}” needs a real model, and none is set up yet.\n\n"
        "These I can do without one: *show you a table*, write *some code*, tell *a long story*, "
        "compare *basmati and jasmine rice*, or choose between two things: start with `vv`."
    )


def _story() -> str:
    week = (
        f"On **{day}** the cook put {number} more "
        f"{'grain' if number == 1 else 'grains'} of rice into the pot than the day before, "
        "stirred nothing, looked out of the window for a while, and wrote down in a small green "
        "book how it had tasted. The neighbours came to the door one after the other, each with "
        "a spoon behind the back, and each of them found a reason to stay for dinner."
        for number, day in enumerate(_DAYS, start=1)
    )
    return "\n\n".join(week)


_RICE = """\
**Basmati** goes best with falafel. Its grains are long and stay apart, so it takes up the tahini \
and the juice of the salad without turning into a lump, and its faint taste of nuts suits \
chickpeas and cumin.

**Jasmine** rice is softer, a little sticky, and smells of flowers. That is what you want beside \
fish, coconut milk or a stir-fry. With falafel, which is soft inside, it is too much of the same.

For two people:

1. Rinse 150 g of basmati until the water runs clear, and soak it for twenty minutes.
2. Drain it, add 225 ml of water and a pinch of salt, and bring it to the boil.
3. Cover it, turn the heat down as far as it goes, and leave it alone for ten minutes.
4. Take it off the heat, wait five minutes with the lid on, and loosen it with a fork.

Stir in some lemon juice and chopped parsley before you serve it."""

_TABLE = """\
Five kinds of rice, and what to cook with them:

| Rice | Grain | With |
|---|---|---|
| Basmati | loose | falafel |
| Jasmine | soft | stir-fry |
| Arborio | creamy | risotto |
| Sushi rice | sticky | sushi |
| Brown rice | firm | salads |

Rinse all of them but arborio, whose starch makes the risotto creamy."""

_CANBERRA = """\
The capital of Australia is **Canberra**.

Sydney and Melbourne both wanted to be the capital when the colonies became one country in 1901. \
The compromise was a new city between the two: the site was chosen in 1908, an international \
competition for its plan was won by Walter Burley Griffin, and parliament moved there in 1927. \
About 470,000 people live in Canberra today."""

_LENTILS = """\
It depends on the kind; none of them needs soaking:

| Lentils | Minutes | Good for |
|---|---|---|
| Red | 10 to 15 | soup, dal |
| Brown | 20 to 30 | stews |
| Green | 25 to 35 | salads |

Use about three cups of water for one of lentils, and add salt and anything sour only at the end: \
both keep the skins hard."""

_SKY = """\
Sunlight holds all colours. In the air it meets molecules that are much smaller than the \
wavelength of light, and these scatter **blue light about four times as strongly as red**: the \
shorter the wave, the stronger the effect (Rayleigh scattering). So blue reaches your eye from \
every part of the sky, and the other colours come mostly straight from the sun.

In the evening the light has a longer way through the air. Most of the blue is scattered out of it \
before it arrives, and what is left is orange and red."""

_SHORT_ANSWERS = (
    (re.compile(r"\bcapital of australia\b", re.IGNORECASE), "Canberra."),
    (re.compile(r"\blentils\b.*\b(cook|boil)|\bcook\b.*\blentils\b", re.IGNORECASE), "20–30 min."),
)
_ANSWERS = (
    (re.compile(r"\bformatting\b", re.IGNORECASE), _SHOWCASE),
    (re.compile(r"\btable\b", re.IGNORECASE), _TABLE),
    (re.compile(r"\b(code|function|script|python|program)\b", re.IGNORECASE), _CODE),
    (re.compile(r"\b(long|story|essay)\b", re.IGNORECASE), _story()),
    (re.compile(r"\b(basmati|jasmine?)\b", re.IGNORECASE), _RICE),
    (re.compile(r"\bcapital of australia\b", re.IGNORECASE), _CANBERRA),
    (re.compile(r"\blentils\b.*\bcook|\bcook\b.*\blentils\b", re.IGNORECASE), _LENTILS),
    (re.compile(r"\bsky\b.*\bblue\b", re.IGNORECASE), _SKY),
)
