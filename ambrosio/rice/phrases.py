"""Phrases that models put around their answers, as patterns for `language.fold`ed text."""

import re


def _any(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns))


# "Sure." may be the whole answer, so more must follow.
ASSENT = re.compile(
    r"(?:sure(?: thing)?|certainly|of course|absolutely|definitely)\s*[!,.:–—]+\s+(?=\w)"
)
INTRODUCTION = _any(
    r"(?:okay|ok|alright|well|hello|hi|hey|gladly|no problem|got it|understood|ah|oh|hmm)"
    r"\s*[!,.:–—]+\s+(?=\w)",
    r"(?:what an? |that'?s an? |that is an? )?(?:\w+ )?"
    r"(?:great|good|excellent|interesting|fun|classic|tough|tricky) "
    r"(?:question|choice|dilemma|one)\b",
    r"(?:i'?d|i would|i'?m|i am) (?:be )?(?:happy|glad|delighted)\b",
    r"as an? (?:ai|artificial|large language|language model|assistant)\b",
    r"here(?:'s| is| are| you go)\b.{0,80}?:",
    r"(?:short |quick |brief |concise |final |the )?(?:answer|reply|response)\s*(?::|is\b)",
    r"(?:to answer your question|in short|in brief|simply put|when it comes to)\b",
    r"(?:let me|let's|based on|thank you|thanks for)\b",
    r"vv\b",
    r"(?:naturlich|gerne|klar|selbstverstandlich|gute frage|bien sur|avec plaisir|bonne question"
    r"|claro|por supuesto|certo|certamente|natuurlijk)\s*[!,.:]+\s+(?=\w)",
)
CLOSING = _any(
    r"in (?:summary|conclusion|short|the end)\b",
    r"to (?:sum up|summari[sz]e|conclude)\b",
    r"(?:overall|ultimately|all in all|bottom line|so, (?:to|in|if)|tl;dr)\b",
    r"(?:i )?hope (?:this|that|it) (?:helps|answers|clarifies)\b",
    r"(?:please )?(?:let me know|feel free|don't hesitate|do not hesitate)\b",
    r"(?:would you like|do you want|is there anything|can i help|shall i|should i|want me to)\b",
    r"if you (?:have|need|want|would like|'d like)\b.{0,60}\b(?:ask|know|question|help|happy)",
    r"(?:enjoy|happy \w+ing|bon appetit|good luck|have fun|buon appetito|guten appetit)\b",
    r"(?:zusammenfassend|insgesamt|en resume|en conclusion|en resumen|in sintesi)\b",
    r"(?:ich hoffe|j'espere|espero que|lass mich wissen|n'hesitez pas)\b",
)
# What ends a clause, or introduces the option that was not chosen.
CLAUSE = _any(
    r"[.;:,!?()\n–—]",
    r"\s-\s",
    r"\b(?:not|rather than|instead|over|than|because|since|but|as|while|unless|if)\b",
)
YES = re.compile(
    r"\b(?:yes|yep|yeah|correct|true|absolutely|certainly|definitely|of course|(?<!not )sure)\b"
)
NO = re.compile(
    r"\b(?:no|nope|not(?! sure)|never|false|neither|incorrect|isn't|can't|don't|doesn't)\b"
)
NO_AFTER_ALL = re.compile(r"(?:of course|certainly|absolutely|definitely|sure) not\b")
UNSURE = _any(
    r"\b(?:(?:do|can|could|wo|would)(?:n't| not)|cannot|can't|no way (?:to|of)|unable to"
    r"|(?:im|not )possible to|nobody can|no one can|not able to)\s+(?:\w+ ){0,2}?"
    r"(?:know|tell|say|see|predict|read|access|answer|determine|guess|check|sense|observe|have)",
    r"\bno (?:idea|access|(?:live|real-time|current) \w+)\b",
    r"\b(?:unknown|unpredictable|unknowable|not sure|unsure|uncertain|too early|only you know)\b",
    r"\b(?:(?:nobody|no one) knows|you haven't|you have not|haven't told|not been told)\b",
    r"\b(?:keine ahnung|weiss (?:ich )?nicht|je ne sais pas|no lo se|non lo so)\b",
)
# For unfolded text.
CODE = re.compile(
    r"^\s*(?:```|~~~)"
    r"|^\s*(?:def \w+\(|class \w+[(:]|from \w[\w.]* import |import \w+\s*$)"
    r"|\b(?:print|console\.log|printf|System\.out\.println)\("
    r"|^\s*(?:\$ \w|#include\b|#!/|(?:const|let|var) \w+ ?=)",
    re.MULTILINE,
)
