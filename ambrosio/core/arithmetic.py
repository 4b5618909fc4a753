"""Arithmetic as people write it, exact in decimal: `17 % of 4,380`, `sqrt(2)`, `2^10`.

Pure. Numbers may have thousands separators and a decimal comma where only one reading is possible;
what could be read in two ways is refused and not guessed. Built from its own few tokens, so that
nothing else of a language comes along, and with caps, so that no expression takes long.
"""

import decimal
import re
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

MAX_CHARACTERS = 200
MAX_DEPTH = 40
# Digits that are computed with, and decimals that are shown.
PRECISION = 60
MAX_DECIMALS = 10
MAX_EXPONENT = 300

_SPACES = "\u00a0\u2009\u202f"
_TOKENS = re.compile(
    rf"\s*(?:(?P<number>\d(?:[\d.,'’_{_SPACES}]|\ (?=\d{{3}}(?!\d)))*(?<=[\d.])|\.\d+)"
    r"|(?P<word>[^\W\d_]+)|(?P<sign>\*\*|//|[-+*/%^()×÷·⋅−–√,;]))"
)
_SIGNS = {"×": "*", "·": "*", "⋅": "*", "÷": "/", "−": "-", "–": "-", "^": "**", ";": ","}
# "17 % of 4,380" in the languages that the reminders know.
_OF = frozenset({"of", "von", "vom", "der", "des", "di", "del", "de", "du", "van", "av", "af"})
_WORDS = {"x": "*", "times": "*", "mal": "*", "plus": "+", "minus": "-", "mod": "mod"}
_PI = Decimal("3.14159265358979323846264338327950288419716939937510582097494")
_COMMA = re.compile(r"(\d{1,3}(?:\.\d{3})*|\d+),(\d+)")
_GROUPS = re.compile(r"\d{1,3}(?:,\d{3})+")


class NotCalculated(ValueError):
    """An expression that is not understood, or too large; the text says what is wrong."""


@dataclass(frozen=True, slots=True)
class Calculated:
    """A result; `exact` is False if digits had to be left out."""

    value: Decimal
    exact: bool

    def __str__(self) -> str:
        return _format(self.value)


def calculate(text: str) -> Calculated:
    """Work out an expression, or raise `NotCalculated`."""
    if len(text) > MAX_CHARACTERS:
        raise NotCalculated(f"The expression is longer than {MAX_CHARACTERS} characters.")
    context = decimal.Context(
        prec=PRECISION,
        rounding=ROUND_HALF_UP,
        Emax=MAX_EXPONENT,
        Emin=-MAX_EXPONENT,
        traps=[decimal.InvalidOperation, decimal.DivisionByZero, decimal.Overflow],
    )
    with decimal.localcontext(context) as used:
        try:
            value = _Parser(text).result()
        except decimal.DivisionByZero:
            raise NotCalculated("Division by zero.") from None
        except decimal.Overflow:
            raise NotCalculated("The result is too large.") from None
        except decimal.InvalidOperation:
            raise NotCalculated("This has no result.") from None
        exact = not used.flags[decimal.Inexact]
        return Calculated(value, exact and _decimals(value) <= MAX_DECIMALS)


def _decimals(value: Decimal) -> int:
    exponent = value.as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def _format(value: Decimal) -> str:
    """Write a number with separators, as people read it, and at most ten decimals."""
    if value and not -MAX_DECIMALS <= value.adjusted() < PRECISION:
        return f"{value:.9e}"
    if _decimals(value) > MAX_DECIMALS:
        digits = max(MAX_DECIMALS, -value.adjusted() + 2)
        value = Decimal(f"{value:.{digits}f}").normalize()
    return f"{value:,f}"


class _Parser:
    """Reads one expression from left to right, with the usual precedence."""

    def __init__(self, text: str) -> None:
        self._tokens = _tokens(text)
        self._position = self._depth = 0

    def result(self) -> Decimal:
        value, _ = self._sum()
        if self._peek():
            raise NotCalculated(f"Not understood from here on: {self._peek()}")
        return +value

    def _peek(self) -> str:
        return self._tokens[self._position] if self._position < len(self._tokens) else ""

    def _take(self, *wanted: str) -> str:
        """Take the next token if it is one of these; "" if it is another."""
        found = self._peek()
        if found not in wanted:
            return ""
        self._position += 1
        return found

    def _sum(self) -> tuple[Decimal, bool]:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise NotCalculated("Too many parentheses.")
        value, is_percentage = self._product()
        while sign := self._take("+", "-"):
            term, of_the_value = self._product()
            # As on a pocket calculator: 80 + 25 % is 100.
            term = value * term if of_the_value and not is_percentage else term
            value = value + term if sign == "+" else value - term
        self._depth -= 1
        return value, is_percentage

    def _product(self) -> tuple[Decimal, bool]:
        value, is_percentage = self._signed()
        while sign := self._take("*", "/", "//", "mod"):
            factor, _ = self._signed()
            is_percentage = False
            match sign:
                case "*":
                    value *= factor
                case "/":
                    value /= factor
                case "//":
                    value //= factor
                case _:
                    value %= factor
        return value, is_percentage

    def _signed(self) -> tuple[Decimal, bool]:
        if sign := self._take("+", "-"):
            self._depth += 1
            if self._depth > MAX_DEPTH:
                raise NotCalculated("Too many signs.")
            value, is_percentage = self._signed()
            self._depth -= 1
            return (-value if sign == "-" else value), is_percentage
        return self._percentage()

    def _percentage(self) -> tuple[Decimal, bool]:
        value = self._power()
        if not self._take("%"):
            return value, False
        value /= 100
        if self._take("of"):
            return value * self._signed()[0], False
        if self._peek() and self._peek() not in {"+", "-", "*", "/", "//", ")", ","}:
            raise NotCalculated('Write "17 % of 200" for a percentage, "17 mod 5" for a remainder.')
        return value, True

    def _power(self) -> Decimal:
        value = self._operand()
        if not self._take("**"):
            return value
        return value ** self._signed()[0]

    def _operand(self) -> Decimal:
        token = self._peek()
        self._position += 1
        if token[:1].isdigit() or token[:1] == ".":
            return Decimal(token)
        match token:
            case "(":
                value, _ = self._sum()
                self._close()
                return value
            case "√":
                return self._operand().sqrt()
            case "pi" | "π":
                return _PI
            case "sqrt" | "round" | "abs":
                return self._function(token)
            case _:
                pass
        raise NotCalculated(f"Not understood: {token or 'it ends too early'}.")

    def _function(self, name: str) -> Decimal:
        if not self._take("("):
            raise NotCalculated(f"{name} needs parentheses.")
        values = [self._sum()[0]]
        while self._take(","):
            values.append(self._sum()[0])
        self._close()
        match name, values:
            case "sqrt", [value]:
                return value.sqrt()
            case "abs", [value]:
                return abs(value)
            case "round", [value]:
                return _round(value, 0)
            case "round", [value, Decimal() as places] if places in range(MAX_DECIMALS + 1):
                return _round(value, int(places))
        raise NotCalculated(f"{name} cannot take {len(values)} numbers like these.")

    def _close(self) -> None:
        if not self._take(")"):
            raise NotCalculated("A parenthesis is not closed.")


def _round(value: Decimal, places: int) -> Decimal:
    """Round as asked for, which does not make a result inexact."""
    flags = decimal.getcontext().flags
    was_inexact = flags[decimal.Inexact]
    rounded = value.quantize(Decimal(1).scaleb(-places))
    flags[decimal.Inexact] = was_inexact
    return rounded


def _tokens(text: str) -> list[str]:
    """Cut a text into numbers, as Python writes them, signs and words."""
    tokens: list[str] = []
    # For each parenthesis that is open, whether a function's: a comma ends an argument there.
    functions: list[bool] = []
    text, position = text.strip().rstrip("=").strip().lower(), 0
    while position < len(text):
        match = _TOKENS.match(text, position)
        if match is None:
            raise NotCalculated(f"Not understood: {text[position : position + 20].strip()}")
        in_function = bool(functions) and functions[-1]
        number = match["number"]
        if number and in_function and "," in number:
            number, _, _ = number.partition(",")
            if re.match(r",\d{3}(?!\d)", text[match.start("number") + len(number) :]):
                raise NotCalculated("Write numbers inside a function without separators.")
            position = match.start("number") + len(number)
        else:
            position = match.end()
        found = _number(number) if number else _word(match["word"] or match["sign"])
        if found == "(":
            functions.append(bool(tokens) and tokens[-1] in {"sqrt", "round", "abs"})
        if found == ")" and functions:
            functions.pop()
        tokens.append(found)
    return tokens


def _word(word: str) -> str:
    if word in _OF:
        return "of"
    return _SIGNS.get(word) or _WORDS.get(word) or word


def _number(text: str) -> str:
    """Write a number as Python does, or refuse one that could be read in two ways."""
    text = re.sub(rf"['’_ {_SPACES}]", "", text)
    if text.count(",") == 1 and (
        decimal_comma := re.fullmatch(r"(\d{1,3}(?:\.\d{3})*|\d+),(\d+)", text)
    ):
        whole, decimals = decimal_comma.groups()
        # "4,380" has a separator, "3,5" and "0,125" and "4.380,500" a decimal comma.
        if "." in whole or len(decimals) != 3 or whole.startswith("0") or len(whole) > 3:
            return f"{whole.replace('.', '')}.{decimals}"
    whole, point, decimals = text.partition(".")
    if re.fullmatch(r"\d{1,3}(?:\.\d{3}){2,}", text):
        return text.replace(".", "")
    if ("," in whole and not _GROUPS.fullmatch(whole)) or "," in decimals or "." in decimals:
        raise NotCalculated(f"The number {text} can be read in two ways.")
    return f"{whole.replace(',', '')}{point}{decimals}"
