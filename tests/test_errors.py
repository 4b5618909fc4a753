"""What a person reads of each failure, and the tree that the docstring draws."""

import re

import pytest

from ambrosio import errors
from ambrosio.errors import AllFailed, AmbrosioError, ProviderError


def below(kind):
    return [kind, *(each for child in kind.__subclasses__() for each in below(child))]


def made(kind):
    special = {
        errors.SettingsInvalid: lambda: kind([("NAME", "is wrong", "right")]),
        errors.ModelGone: lambda: kind("llama", model="qwen"),
        errors.NotRunning: lambda: kind("llama", reason="it is broken", hint="Mend it."),
        errors.PainterGone: lambda: kind("llama", model="flux", there=("sdxl", "fox")),
        errors.TooLong: lambda: kind("llama", tokens=5000, limit=4096),
        errors.AllFailed: lambda: kind([errors.Faulty("llama"), errors.NoCredit("together")]),
    }
    if kind in special:
        return special[kind]()
    return kind("llama") if issubclass(kind, ProviderError) else kind()


ALL = [kind for kind in below(AmbrosioError) if kind.__module__ == errors.__name__]
PROVIDERS = [kind for kind in ALL if issubclass(kind, ProviderError)]


def name(kind):
    return kind.__name__


@pytest.mark.parametrize("kind", ALL, ids=name)
def test_each_says_what_happened_and_what_can_be_done(kind):
    sentence = made(kind).sentence

    assert len(re.findall(r"[.](?: |$)", sentence)) == 2
    assert sentence.endswith(".")
    assert sentence[0].isupper() or sentence.startswith("llama")
    assert not re.search(r"[{}\n]|  |None", sentence)


@pytest.mark.parametrize("kind", PROVIDERS, ids=name)
def test_each_failure_of_a_provider_names_it(kind):
    failed = made(kind)

    assert "llama" in failed.sentence or kind is ProviderError
    assert str(failed) == f"llama {kind.clause}"


@pytest.mark.parametrize("kind", ALL, ids=name)
def test_each_has_words_of_its_own(kind):
    twins = [
        other.__name__
        for other in ALL
        if other is not kind and made(other).sentence == made(kind).sentence
    ]

    assert kind in {AmbrosioError, ProviderError} or twins == []


def test_the_tree_in_the_docstring_is_the_tree():
    lines = re.findall(r"^    ((?:[│├└─ ]{4})*)(\w+)", errors.__doc__, flags=re.MULTILINE)
    drawn = [(name, len(indent) // 4) for indent, name in lines]

    def depth(kind):
        return len(kind.__mro__) - len(AmbrosioError.__mro__)

    assert sorted(drawn) == sorted((kind.__name__, depth(kind)) for kind in ALL)
    parents = {}
    above = {}
    for name, level in drawn:
        above[level] = name
        parents[name] = above.get(level - 1)
    for kind in ALL[1:]:
        assert parents[kind.__name__] == kind.__base__.__name__


class TestAllFailed:
    def test_one_failure_speaks_for_itself(self):
        failed = AllFailed([errors.NoCredit("together")])

        assert failed.sentence == errors.NoCredit("together").sentence
        assert not failed.again

    def test_several_are_named_in_the_order_they_were_tried(self):
        failed = AllFailed([errors.NoCredit("together"), errors.Unreachable("llama")])

        assert failed.sentence.startswith(
            "Nobody could answer: together has no credit left; llama cannot be reached. "
        )
        assert failed.again

    def test_braces_in_foreign_names_do_no_harm(self):
        failed = errors.ModelGone("{x}", model="{y}{0}")

        assert failed.sentence.startswith("{x} does not serve {y}{0}.")
