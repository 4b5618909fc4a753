"""How the stand-in uses tools: like a large model, which calls the right one and refrains.

It knows the tools by their names, and reckons dates from the time that stands before the question.
"""

import json
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from .requests import ChatCall
from .responses import Calls, Says

_NOW = re.compile(r"\((?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) (\d{4}-\d\d-\d\d \d\d:\d\d)\)\n\n")
_NUMBER = r"\d[\d.,' ]*"
_PERCENTAGE = re.compile(rf"({_NUMBER}) ?(?:%|per ?cent|percent) (?:of|from) ({_NUMBER})")
_TERM = re.compile(rf"(?:sqrt\()?{_NUMBER}\)?(?:\s*(?:\*\*|[-+*/×÷^x])\s*\(?{_NUMBER}\)?)+")
_ROOT = re.compile(rf"square root of ({_NUMBER})")
_REMIND = re.compile(r"\bremind me\b|\bset a reminder\b", re.IGNORECASE)
_PAST = re.compile(
    r"\bwhat did (?:we|i|you) (?:say|talk|decide|tell|write)\b"
    r"|\b(?:last|the other) (?:week|time|day)\b|\bearlier\b|\bwe talked about\b",
    re.IGNORECASE,
)
_FACT = re.compile(
    r"\b((?:I am|I'm|I live in|I work as|my \w+ is|I'm allergic to|I don't eat|I never eat)"
    r"\b(?! looking| trying| going| not sure)[^.,;!?]*)",
    re.IGNORECASE,
)
_HOURS = {
    **{
        name: number
        for number, name in enumerate(
            (
                *("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
                *("eleven", "noon"),
            ),
            start=1,
        )
    },
    "midnight": 0,
}
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_REPEATS = (
    (r"every (?:working|work|week)\s?day|on weekdays", "weekdays"),
    (r"every (?:day|morning|evening)|daily", "daily"),
    (rf"every (?:{'|'.join(_DAYS)})|weekly|every week", "weekly"),
    (r"every month|monthly", "monthly"),
    (r"every year|yearly", "yearly"),
)


def use_tool(request: ChatCall) -> Calls | Says | None:
    """Return a call, or what is said of a result; None for a question that needs no tool."""
    body = request.body.get("messages") or [{}]
    if body[-1].get("role") == "tool":
        calls = [call for message in body for call in message.get("tool_calls") or ()]
        return Says(_report(calls[-1]["function"]["name"], body[-1]["content"]))
    if not request.tools or request.body.get("tool_choice") == "none":
        return None
    # What stands before it was said earlier.
    question = request.question.rpartition("\n\n")[2]
    names = {tool["function"]["name"] for tool in request.tools}
    for name, arguments in _wanted(question, str(body[-1].get("content"))):
        if name in names:
            return Calls(name, json.dumps(arguments, ensure_ascii=False))
    return None


def _report(name: str, result: str) -> str:
    """Say what came of the call of a tool."""
    match name:
        case "calculator":
            return f"That is **{result}**."
        case "remind":
            return "I will, at the time below."
        case "remember":
            return "Good to know. Shall I keep it in mind?"
        case "search_past":
            return f"This is what I have of it:\n\n{result}"
        case _:
            return f"Here is what I found: {result}"


def _wanted(question: str, sent: str) -> list[tuple[str, Mapping[str, Any]]]:
    """List the calls that a question asks for, the likeliest first."""
    calls: list[tuple[str, Mapping[str, Any]]] = []
    if _REMIND.search(question) and (now := _NOW.search(sent)):
        calls.append(("remind", _reminder(question, datetime.fromisoformat(now[1]))))
    if _PAST.search(question):
        words = re.findall(r"[^\W\d_]{5,}", re.sub(_PAST, "", question))
        calls.append(("search_past", {"words": " ".join(words[-3:])}))
    if expression := _expression(question):
        calls.append(("calculator", {"expression": expression}))
    if fact := _FACT.search(question):
        calls.append(("remember", {"fact": fact[1].strip()}))
    return calls


def _expression(question: str) -> str:
    if part := _PERCENTAGE.search(question):
        return f"{part[1].strip()} % of {part[2].strip(' .,')}"
    if root := _ROOT.search(question):
        return f"sqrt({root[1].strip(' .,').replace(',', '')})"
    term = _TERM.search(question)
    return term[0].strip(" .,") if term else ""


def _reminder(question: str, now: datetime) -> Mapping[str, Any]:
    words = question.lower()
    at = _moment(words, now)
    repeat = next((name for pattern, name in _REPEATS if re.search(pattern, words)), "none")
    what = re.search(r"\b(?:to|about|that|of) (.+)", question)
    text = what[1].rstrip(".!?") if what else question
    return {"at": at.strftime("%Y-%m-%dT%H:%M"), "text": text, "repeat": repeat}


def _moment(words: str, now: datetime) -> datetime:
    if after := re.search(r"\bin (\d+|an?|half an) (minute|hour|day|week)s?", words):
        count = {"a": 1.0, "an": 1.0, "half an": 0.5}.get(after[1]) or float(after[1])
        return now + timedelta(**{f"{after[2]}s": count})
    day = now
    if "tomorrow" in words:
        day = now + timedelta(days=2 if "day after tomorrow" in words else 1)
    elif named := next((name for name in _DAYS if name in words), ""):
        day = now + timedelta(days=(_DAYS.index(named) - now.weekday() - 1) % 7 + 1)
    hour, minute = _clock(words)
    at = day.replace(hour=hour, minute=minute)
    return at if at > now else at + timedelta(days=1)


def _clock(words: str) -> tuple[int, int]:
    names = "|".join(_HOURS)
    found = re.search(
        rf"\bat (?:(\d{{1,2}})(?:[:.](\d\d))?|({names}))\s*(am|pm|in the evening)?", words
    )
    if found is None:
        return 9, 0
    hour = int(found[1]) if found[1] else _HOURS.get(found[3], 12)
    later = found[4] in {"pm", "in the evening"} and hour < 12
    return hour + 12 * later, int(found[2] or 0)
