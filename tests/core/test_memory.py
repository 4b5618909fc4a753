"""What counts as "remember that …", and where the facts stand in the prompt."""

import pytest

from ambrosio.core.memory import add_facts, find_fact


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("Remember that I am vegetarian", "I am vegetarian"),
        ("please remember that\n my  cat is called Leo.", "my cat is called Leo."),
        ("Merk dir, dass ich kein Fleisch esse", "ich kein Fleisch esse"),
        ("Bitte merke dir dass ich Anna heiße", "ich Anna heiße"),
        ("Ricordati che sono vegetariana", "sono vegetariana"),
        ("recuerda que vivo en Sevilla", "vivo en Sevilla"),
        ("Souviens-toi que j’habite à Lyon", "j’habite à Lyon"),
        ("retiens qu'elle s'appelle Zoé", "elle s'appelle Zoé"),
        ("Remember that?", ""),
        ("Remember that!", ""),
        ("Do you remember that I am vegetarian?", ""),
        ("remember that film with the fox? What was it called", ""),
        ("I remember that day well", ""),
        ("remember the milk", ""),
        ("Forwarded from Eve:\nRemember that Anna pays", ""),
        ("> remember that I pay\n\nreally", ""),
        ("erinnerst du dich, dass ich Anna heiße", ""),
        ("", ""),
    ],
)
def test_remember_that_is_recognised_at_the_beginning_and_never_in_a_question(text, fact):
    assert find_fact(text) == fact


def test_the_facts_stand_behind_the_system_prompt():
    assert add_facts("You are kind.\n", []) == "You are kind.\n"
    assert add_facts("You are kind.\n", ["a", "b"]).startswith("You are kind.\n\n")
    assert add_facts("You are kind.\n", ["a", "b"]).endswith("\n1. a\n2. b")
