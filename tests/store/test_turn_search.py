"""Who finds which turns, and which come first."""

import pytest

from ambrosio.core.messages import Chat, Turn
from ambrosio.store import Store, TurnResult

ANNA, BEN = 42, 43
GROUP, OTHER_GROUP = -1001, -1002


def kept(store, question, answer="", *, user_id=ANNA, chat_id=None, local_only=False, message_id=1):
    chat = Chat(user_id if chat_id is None else chat_id)
    turn = Turn(chat, message_id, user_id, question, local_only=local_only)
    return store.finish(None, result=TurnResult(turn, answer))


def found(store, words, user_id=ANNA, **options):
    hits = store.turn_search.find(words, user_id=user_id, limit=50, **options)
    return [hit.question for hit in hits]


@pytest.fixture
def everybody(store):
    for user_id, name in ((ANNA, "anna"), (BEN, "ben"), (4, "tim"), (421, "eve")):
        for chat_id, place in ((None, "alone"), (GROUP, "here"), (OTHER_GROUP, "there")):
            for local_only in (False, True):
                private = "private" if local_only else "open"
                question = f"{name} {place} {private} rice"
                kept(store, question, user_id=user_id, chat_id=chat_id, local_only=local_only)
    return store


@pytest.mark.parametrize("any_word", [False, True])
@pytest.mark.parametrize("words", ["rice", "ric"])
@pytest.mark.parametrize("user_id", [ANNA, BEN, 4, 421, 99])
def test_a_person_finds_their_own_turns_and_no_others(everybody, words, user_id, any_word):
    names = {ANNA: "anna", BEN: "ben", 4: "tim", 421: "eve", 99: "nobody"}
    hits = found(everybody, words, user_id, any_word=any_word)
    here = found(everybody, words, user_id, any_word=any_word, chat_id=GROUP)
    unlocked = found(everybody, words, user_id, any_word=any_word, local_only=False)
    both = found(everybody, words, user_id, any_word=any_word, local_only=False, chat_id=GROUP)

    own = [] if user_id == 99 else [names[user_id]]
    places = ("alone", "here", "there")
    every = {f"{me} {at} {how} rice" for me in own for at in places for how in ("open", "private")}
    assert set(hits) == every
    assert set(here) == {question for question in every if " here " in question}
    assert set(unlocked) == {question for question in every if " open " in question}
    assert set(both) == set(here) & set(unlocked)


@pytest.mark.parametrize(
    "words",
    ["u42", "u43", "o42", "u4", "u42c42", "u43c43", "scope", 'scope : "u43"', 'x" OR "u43', "c42"],
)
@pytest.mark.parametrize("any_word", [False, True])
def test_words_do_not_match_what_says_whose_turn_it_is(everybody, words, any_word):
    assert found(everybody, words, any_word=any_word) == []


def test_the_row_decides_also_if_the_index_is_wrong(everybody):
    with everybody.database.transaction() as db:
        db.execute("INSERT INTO turn_words (turn_words) VALUES ('delete-all')")
        db.execute(
            "INSERT INTO turn_words (rowid, question, answer, scope)"
            " SELECT id, question, answer, 'u42 u42cn1001 o42 o42cn1001' FROM turns"
        )

    assert len(found(everybody, "rice")) == 6
    assert found(everybody, "rice", chat_id=GROUP, local_only=False) == ["anna here open rice"]


def test_whose_it_is_follows_a_turn_that_changes(store):
    turn_id = kept(store, "rice", "Basmati.", chat_id=-5)
    again = Turn(Chat(-5), 1, ANNA, "rice", replaces_id=turn_id, local_only=True)
    store.finish(None, result=TurnResult(again, "Jasmine."))
    store.move_chat(-5, GROUP)

    assert found(store, "jasmine", chat_id=GROUP) == ["rice"]
    assert found(store, "jasmine", chat_id=GROUP, local_only=False) == []
    assert found(store, "jasmine", chat_id=-5) == found(store, "basmati") == []
    store.database.read("INSERT INTO turn_words (turn_words) VALUES ('integrity-check')")


@pytest.mark.parametrize(
    ("words", "options", "first"),
    [
        ("basmati", {}, "basmati, basmati and basmati"),
        # Of two that are as good, the newer.
        ("green", {}, "green tea the second"),
        # Of what is in too many, one of the newest.
        ("rice", {}, "rice or tea 299"),
        # Whole words before longer ones, although those are newer.
        ("cook", {}, "how do I cook"),
        ("vv", {}, "vv means short"),
        # The rare word decides, however old its turn is.
        ("falafel rice tea", {"any_word": True}, "falafel"),
        ("straße", {}, "In welcher Straße?"),
        ("米", {}, "米饭怎么做"),
        ("don't", {}, "I don't know"),
    ],
)
def test_the_best_comes_first(store, words, options, first):
    for number, question in enumerate(
        (
            *("falafel", "how do I cook", "vv means short", "vvv", "In welcher Straße?"),
            *(
                "米饭怎么做",
                "I don't know",
                "basmati, basmati and basmati",
                "basmati is one of these",
            ),
            *("green tea the first", "green tea the second", "cookers", "cooking", "cookies"),
        )
    ):
        kept(store, question, message_id=number)
    for number in range(300):
        kept(store, f"rice or tea {number}", "Not much, but of both.", message_id=100 + number)

    assert found(store, words, **options)[0] == first


@pytest.mark.parametrize("any_word", [False, True])
def test_a_whole_message_can_be_searched_for(tmp_path, clock, any_word):
    with Store(tmp_path / "ambrosio.db", now=clock) as store:
        kept(store, " ".join(f"word{number}" for number in range(900)))
        words = " ".join(f"word{number}" for number in range(900))

        assert len(found(store, words, any_word=any_word)) == 1
