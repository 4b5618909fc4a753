"""What was spoken is taken as if it was typed."""

import pytest

from ambrosio.core.spoken import read_spoken_command, split_spoken_vv

NAMES = {"new", "private", "remind", "voice"}
SHORT = {
    "as typed": ("vv capital of Peru?", "capital of Peru?"),
    "capitals": ("VV, capital of Peru?", "capital of Peru?"),
    "spelled": ("V V capital of Peru?", "capital of Peru?"),
    "with full stops": ("V. V. Capital of Peru?", "Capital of Peru?"),
    "as it sounds": ("Vee vee, capital of Peru?", "capital of Peru?"),
    "as one word": ("Vee-vee capital of Peru?", "capital of Peru?"),
    "in words": ("Short answer: capital of Peru?", "capital of Peru?"),
    "a sentence of its own": ("Short answer. Capital of Peru?", "Capital of Peru?"),
}
LONG = [
    "Vivaldi or Verdi?",
    "VVS diamonds?",
    "Shortly answer me",
    "Short answers are good.",
    "Vee?",
]


@pytest.mark.parametrize(("said", "question"), SHORT.values(), ids=SHORT)
def test_a_short_answer_is_asked_for_in_many_ways(said, question):
    assert split_spoken_vv(said) == (True, question)


@pytest.mark.parametrize("said", LONG)
def test_other_words_ask_for_no_short_answer(said):
    assert split_spoken_vv(said) == (False, said)


COMMANDS = {
    "Slash new.": ("new", ""),
    "/new": ("new", ""),
    "slash, private on.": ("private", "on"),
    "Slash remind tomorrow 9:30 call Mum.": ("remind", "tomorrow 9:30 call Mum"),
    "Slash and burn": None,
    "new conversation": None,
    "Slash news": None,
    "What does slash new do?": None,
}


@pytest.mark.parametrize(("said", "command"), COMMANDS.items())
def test_a_command_is_spoken_with_its_slash(said, command):
    assert read_spoken_command(said, NAMES) == command
