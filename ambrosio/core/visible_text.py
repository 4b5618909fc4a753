"""Whether a person sees all of a text: a text may hide some of itself. Pure.

What a model words after it has read a stranger's text may hold signs that no screen shows, with
which words can be carried out under the eyes of the person who agrees, or turned around on screen.
"""

# Shown as nothing, though Unicode counts them as letters or marks, which `isprintable` lets pass:
# variation selectors, joiners, and the fillers and blanks of Hangul, Khmer, Mongolian and Braille.
FILLERS = "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0"
SELECTORS = (range(0xFE00, 0xFE10), range(0xE0100, 0xE01F0))


def is_visible(text: str) -> bool:
    """Say whether every sign of a text is shown, in the order in which it is sent."""
    return text.isprintable() and not any(
        sign in FILLERS or any(ord(sign) in selectors for selectors in SELECTORS) for sign in text
    )


def drop_unseen(text: str) -> str:
    """Return a text without the signs that are not shown; line breaks and tabs become spaces."""
    spaced = "".join(" " if sign.isspace() else sign for sign in text)
    return "".join(sign for sign in spaced if is_visible(sign))
