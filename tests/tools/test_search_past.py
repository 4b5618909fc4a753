import pytest

from ambrosio.core.messages import Chat, Turn
from ambrosio.core.tools import FactSuggestion
from ambrosio.store import TurnResult
from ambrosio.tools.remember import Remember
from ambrosio.tools.search_past import SearchPast
from ambrosio.tools.tool import ToolContext, ToolError

HERE, GROUP = Chat(7), Chat(-5)


def context(chat=HERE, **turn):
    return ToolContext(Turn(chat, 99, 7, "?", **turn), (), (), 0.0, "UTC", lambda _: None)


def said(store, number, question, answer, *, chat=HERE, user_id=7, **more):
    turn = Turn(chat, number, user_id, question, **more)
    store.conversations.save(TurnResult(turn, answer))


@pytest.fixture
def past(store):
    said(store, 1, "which rice with falafel?", "Basmati.")
    said(store, 2, "falafel and my illness", "See a doctor.", local_only=True)
    said(store, 3, "falafel for the party", "Forty pieces.", chat=GROUP)
    said(store, 4, "falafel of somebody else", "Theirs.", user_id=8)
    said(store, 5, "what the page says of falafel", "It says.", from_outside=True)
    return store


async def found(store, words, where):
    return await SearchPast(store).run({"words": words}, where)


@pytest.mark.parametrize(
    ("where", "inside", "outside"),
    [
        (context(), ["which rice", "party", "the page"], ["illness", "somebody"]),
        (context(local_only=True), ["which rice", "illness", "party"], ["somebody"]),
        (context(GROUP), ["party"], ["which rice", "illness", "somebody", "the page"]),
    ],
)
async def test_only_what_this_person_may_read_here_is_found(past, where, inside, outside):
    content = (await found(past, "falafel", where)).content
    assert [word for word in inside if word not in content] == []
    assert [word for word in outside if word in content] == []


async def test_any_of_the_words_is_enough_if_nothing_has_all_of_them(past):
    assert "You: Basmati." in (await found(past, "rice bowl falafel", context())).content
    assert (await found(past, "the zzz", context())).content == "Nothing was found."
    assert (await found(past, 'xyz" OR *', context())).content == "Nothing was found."


async def test_what_came_from_outside_counts_as_that_when_it_is_found_again(past):
    assert (await found(past, "page", context())).from_outside
    assert not (await found(past, "rice", context())).from_outside


async def test_a_fact_is_only_suggested(store):
    result = await Remember(store).run({"fact": "I am\nvegetarian"}, context())
    assert result.effects == (FactSuggestion("I am vegetarian"),)
    assert store.facts.all(7) == []


async def test_a_fact_that_is_known_or_too_long_is_not_suggested(store):
    store.facts.add(7, "I am vegetarian", message_id=1, local_only=False)
    known = await Remember(store).run({"fact": "I am vegetarian"}, context())
    assert known.effects == ()
    for fact in ("", "x" * 1500):
        with pytest.raises(ToolError):
            await Remember(store).run({"fact": fact}, context())


def test_a_suggestion_is_no_fact_until_it_is_accepted_and_only_the_newest_are_kept(store):
    ids = [
        store.facts.suggest(7, f"fact {number}", message_id=number, local_only=False)
        for number in range(25)
    ]
    again = store.facts.suggest(7, "fact 24", message_id=24, local_only=False)
    assert store.facts.all(7) == []
    assert store.facts.suggestion(7, ids[0]) is None
    assert store.facts.suggestion(7, ids[24]) is None
    assert store.facts.suggestion(8, again) is None
    store.facts.accept(7, again)
    (fact,) = store.facts.all(7)
    assert (fact.text, store.facts.suggestion(7, again)) == ("fact 24", None)
