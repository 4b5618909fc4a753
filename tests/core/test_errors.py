"""What a person reads of each failure, and the tree that the docstring draws."""

import ast
import re
from pathlib import Path

import pytest

import ambrosio
from ambrosio.bot import image_view
from ambrosio.bot.answer_view import MODELS, RETRY, buttons_for
from ambrosio.core import errors, file_errors, provider_errors
from ambrosio.core.errors import AmbrosioError
from ambrosio.core.provider_errors import AllProvidersFailed, ProviderError
from scripts.errors_page import (
    ALL,
    EXAMPLES,
    PAGE,
    ROOTS,
    find_model_problems,
    list_texts,
    make_example,
    render_page,
)

PROVIDERS = [kind for kind in ALL if issubclass(kind, ProviderError)]
# Shown under messages only.
IN_TELEGRAM = (
    errors.Interrupted,
    errors.PageNotRead,
    file_errors.FileNotFetched,
    file_errors.FileTooLarge,
    file_errors.ScannedFile,
)
# What Telegram shows for a moment after a button.
TOAST_CHARACTERS = 200
ROUGH = re.compile(
    r"\b(?:please|sorry|oops|HTTP|JSON|exception|traceback|null|None)\b|!", re.IGNORECASE
)


def name(kind):
    return kind.__name__


def sentences(text):
    """Cut a text where a full stop, or the end of an example, comes before a capital or a slash."""
    return re.split(r"(?<=[.])\s+(?=[A-Z/`{])", text)


@pytest.mark.parametrize("kind", ALL, ids=name)
def test_each_says_what_happened_and_what_can_be_done(kind):
    sentence = make_example(kind).user_message

    assert len(sentences(sentence)) == 2
    assert sentence.endswith(".")
    assert sentence[0].isupper() or sentence.startswith("llama")
    assert not re.search(r"[{}\n]|  ", sentence)
    assert not ROUGH.search(sentence)


@pytest.mark.parametrize("kind", ALL, ids=name)
def test_a_button_stands_under_what_it_helps_with(kind):
    failure = make_example(kind)

    assert (MODELS in buttons_for(failure)) == ("/model" in failure.user_message)
    assert (RETRY in buttons_for(failure)) == failure.retryable


@pytest.mark.parametrize("kind", [kind for kind in ALL if kind not in IN_TELEGRAM], ids=name)
def test_what_the_terminal_says_as_well_speaks_of_nothing_that_only_telegram_has(kind):
    message = make_example(kind).owner_message

    assert not re.search(
        r"\b(?:press|button|forward|chat with me|send (?:it|a|me))\b", message, re.IGNORECASE
    )


@pytest.mark.parametrize("kind", ALL, ids=name)
def test_a_picture_that_failed_is_told_like_any_other_failure(kind):
    line = image_view.describe_failure(make_example(kind))

    assert len(sentences(line)) == 2
    assert not ROUGH.search(line)


@pytest.mark.parametrize("text", list_texts().values(), ids=list_texts())
def test_what_is_not_to_be_had_is_told_with_what_to_do(text):
    assert len(sentences(text)) == 2
    assert len(text) <= TOAST_CHARACTERS
    assert not ROUGH.search(text)


@pytest.mark.parametrize(("reason", "remedy"), list(find_model_problems()))
def test_why_a_model_of_our_own_does_not_run_fits_into_a_line(reason, remedy):
    assert not re.search(r"[.]\s|[.]$", reason)
    assert len(sentences(remedy)) == 1
    assert remedy.endswith(".")
    assert not ROUGH.search(reason + remedy)


def test_the_page_of_all_that_is_said_is_so():
    assert PAGE.read_text("utf-8") == render_page(), "run `python -m scripts.errors_page`"


def test_every_failure_has_a_row_and_every_row_a_failure():
    rows = re.findall(r"^\| `(\w+)` \| .*? \| .*?\|$", PAGE.read_text("utf-8"), re.MULTILINE)

    assert rows == [kind.__name__ for kind in ALL if kind not in ROOTS]
    assert set(EXAMPLES) <= set(ALL)


def test_no_button_says_a_sentence_that_is_not_in_the_table():
    written = []
    for path in Path(ambrosio.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.keyword) and node.arg == "toast":
                texts = [
                    str(part.value) for part in ast.walk(node) if isinstance(part, ast.Constant)
                ]
                written += [text for text in texts if " " in text]

    # These say that it worked.
    assert sorted(written) == [
        "The conversation continues from here.",
        "Your next message continues from there.",
    ]


@pytest.mark.parametrize("kind", PROVIDERS, ids=name)
def test_each_failure_of_a_provider_names_it(kind):
    failed = make_example(kind)

    assert "llama" in failed.user_message or kind is ProviderError
    assert str(failed) == f"llama {kind.summary}"


@pytest.mark.parametrize("kind", ALL, ids=name)
def test_each_has_words_of_its_own(kind):
    twins = [
        other.__name__
        for other in ALL
        if other is not kind and make_example(other).user_message == make_example(kind).user_message
    ]

    assert kind in {AmbrosioError, ProviderError} or twins == []


def read_tree(docstring, level=0):
    lines = re.findall(r"^    ((?:[│├└─ ]{4})*)(\w+)", docstring, flags=re.MULTILINE)
    return [(name, level + len(indent) // 4) for indent, name in lines]


def test_the_trees_in_the_docstrings_are_the_tree():
    # The roots of the others are leaves of the first.
    whole = read_tree(errors.__doc__)
    others = [
        *read_tree(file_errors.__doc__, level=1),
        *read_tree(provider_errors.__doc__, level=1),
    ]
    drawn = {*whole, *others}

    def depth(kind):
        return len(kind.__mro__) - len(AmbrosioError.__mro__)

    assert sorted(drawn) == sorted((kind.__name__, depth(kind)) for kind in ALL)
    parents = {}
    above = {}
    for name, level in [*whole, *others]:
        above[level] = name
        parents[name] = above.get(level - 1)
    for kind in ALL[1:]:
        assert parents[kind.__name__] == kind.__mro__[1].__name__


class Misspelt(AmbrosioError):
    problem = "{provder} failed."


def test_a_misspelt_field_is_shown_and_does_not_raise():
    assert Misspelt().user_message == "{provder} failed. Try again."


def test_the_owner_is_told_what_to_do_and_others_to_ask_the_owner():
    rejected = provider_errors.InvalidKey("llama")

    assert rejected.user_message.endswith("Ask the owner to set a valid one.")
    assert rejected.owner_message == "llama rejected the API key. Set a valid one."
    assert AllProvidersFailed([rejected]).owner_message == rejected.owner_message
    assert provider_errors.LocalOnlyFailed([rejected]).owner_message.endswith("Set a valid one.")
    assert (
        provider_errors.TimedOut("llama").owner_message
        == provider_errors.TimedOut("llama").user_message
    )


def test_every_reason_of_the_local_model_is_on_the_page():
    reasons = [reason for reason, _ in find_model_problems()]

    assert "the disk is full" in reasons
    assert "there was not enough memory" in reasons


class TestAllFailed:
    def test_one_failure_speaks_for_itself(self):
        failed = AllProvidersFailed([provider_errors.OutOfCredit("together")])

        assert failed.user_message == provider_errors.OutOfCredit("together").user_message
        assert not failed.retryable

    def test_several_are_named_in_the_order_they_were_tried(self):
        failed = AllProvidersFailed(
            [provider_errors.OutOfCredit("together"), provider_errors.Unreachable("llama")]
        )

        assert failed.user_message.startswith(
            "No provider could answer: together has no credit left; llama cannot be reached. "
        )
        assert failed.retryable

    def test_the_owner_is_told_who_is_asked_instead(self):
        refused = provider_errors.InvalidKey("llama")

        assert refused.owner_alert(["together", "openai"]).endswith("I ask together, then openai.")
        assert refused.owner_alert([]).endswith("no other provider can answer.")
        assert all(len(sentences(refused.owner_alert(names))) == 2 for names in ([], ["together"]))

    def test_braces_in_foreign_names_do_no_harm(self):
        failed = provider_errors.ModelNotFound("{x}", model="{y}{0}")

        assert failed.user_message.startswith("{x} does not have the model {y}{0}.")
