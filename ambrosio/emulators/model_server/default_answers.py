"""The answers of the stand-in model when no script is given.

They follow the "vv" rule, show formatting, and say that no model is involved.
"""

import re

from .responses import ChatCall, Says

_NOTICE = "\n\n_(Canned demo answer, no AI model involved.)_"

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

_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def answer(request: ChatCall) -> Says:
    """Return a canned answer: one line if the question begins with "vv"."""
    # If the question is a reply, the bot quotes the message before it.
    question = re.sub(r"^>.*\n?", "", request.question, flags=re.MULTILINE).strip()
    if (vv := _VV.match(question)) is not None:
        return Says(_short(question[vv.end() :].strip()))
    if request.image_count:
        return Says(f"You sent a picture, but this stand-in cannot see it.{_NOTICE}")
    if re.search(r"\b(table|formatting)\b", question, re.IGNORECASE):
        return Says(_SHOWCASE + _NOTICE)
    if re.search(r"\b(code|function|script|python|program)\b", question, re.IGNORECASE):
        return Says(_CODE + _NOTICE)
    if re.search(r"\b(long|story|essay)\b", question, re.IGNORECASE):
        return Says(_story() + _NOTICE)
    return Says(_friendly(question) + _NOTICE)


def _short(question: str) -> str:
    if (choice := _CHOICE.search(question)) is not None:
        word = choice[1]
        return f"{word[:1].upper()}{word[1:]}."
    topic = " ".join(question.split())[:60]
    return f"(stand-in) No model here to answer: {topic}" if topic else "(stand-in) Yes?"


def _friendly(question: str) -> str:
    quoted = " ".join(question.split())
    quoted = f"{quoted[:160]}…" if len(quoted) > 160 else quoted
    return (
        f"You asked: “{quoted}”. Answering that takes a real model. Set `LLAMA_GGUF` to a model "
        "file or a Hugging Face name to run one on this machine, or set `TOGETHER_API_KEY` to use "
        "together.ai. Then restart Ambrosio and ask again.\n\n"
        "Meanwhile I can *show you a table*, write *some code*, tell *a long story*, or choose "
        "between two things: start with `vv`."
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
