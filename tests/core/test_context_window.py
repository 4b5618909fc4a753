"""The prompt only grows, is cut rarely, and has the shape that chat templates demand."""

from dataclasses import replace
from itertools import groupby, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ambrosio.core.context_window import (
    MAX_PICTURES,
    UNSEEN_PICTURE,
    ModelProfile,
    PastTurn,
    build_context,
    count_picture_tokens,
    estimate_tokens,
)
from ambrosio.core.messages import Message, PicturePart
from ambrosio.core.tools import ToolDefinition, ToolRound, ToolUse
from ambrosio.core.vv import VV_REMINDER

SYSTEM = "Be kind."
MANNERS = st.builds(
    ModelProfile,
    window=st.integers(200, 5000),
    system_role=st.booleans(),
    repeat_vv=st.booleans(),
)
TURNS = st.lists(
    st.tuples(st.text(max_size=400), st.text(max_size=800), st.booleans()), max_size=20
)


def exchanges(turns):
    return tuple(
        PastTurn(number, question, answer, concise)
        for number, (question, answer, concise) in enumerate(turns, start=1)
    )


def long_history(count):
    return exchanges([(f"question {n} " + "x" * 300, f"answer {n}", False) for n in range(count)])


def flat(messages):
    """Write messages as the server reads them: one text."""
    return "".join(f"<{line.role}>{line.content}" for line in messages)


def count_examples(built):
    """Count the messages of the worked exchanges that are sent."""
    asked = [line.content for line in built.messages if line.role == "user"]
    examples = built.plan.examples if built.plan else ()
    return 2 * sum(any(text.endswith(f"vv {ask}") for text in asked[:-1]) for ask, _ in examples)


@given(TURNS, MANNERS)
def test_each_prompt_begins_with_the_one_before_and_its_answer(turns, manner):
    turns = [*turns, ("last?", "", False)]
    history, sent = exchanges(turns[:-1]), []
    begun = 0
    for number, (question, answer, concise) in enumerate(turns):
        past = history[begun:number]
        built = build_context(SYSTEM, past, question, concise=concise, profile=manner)
        # The conversation goes on from where it was cut.
        begun += built.dropped_turns
        grown = flat((*built.messages, Message("assistant", answer)))
        if concise:
            # All but the question itself, which becomes another line of the list.
            kept = history[begun:number]
            bare = build_context(SYSTEM, kept, "", profile=replace(manner, window=10**6))
            grown = flat(bare.messages).removesuffix("<user>").removesuffix("<assistant>OK.")
        sent.append((built, grown))

    for (_, grown), (after, _) in pairwise(sent):
        if not after.dropped_turns:
            assert flat(after.messages).startswith(grown)


@given(TURNS, MANNERS, st.text(max_size=2000), st.booleans())
def test_roles_alternate_and_the_question_stands_last(turns, manner, question, concise):
    built = build_context(SYSTEM, exchanges(turns), question, concise=concise, profile=manner)

    roles = [line.role for line in built.messages]
    if manner.system_role:
        assert roles.pop(0) == "system"
    assert roles == ["user", "assistant"] * (len(roles) // 2) + ["user"]
    assert built.messages[-1].content.endswith(question + VV_REMINDER * built_with(manner, concise))
    kept = turns[built.dropped_turns :]
    # Concise turns in a row are one exchange.
    runs = groupby(was_concise for _, _, was_concise in kept)
    exchanged = sum(1 if was_concise else len(list(run)) for was_concise, run in runs)
    assert len(roles) - count_examples(built) == 2 * exchanged + 1
    text = flat(built.messages)
    assert all(asked in text and answer in text for asked, answer, _ in kept)


def built_with(manner, concise):
    """Say whether the rule stands behind the question."""
    return manner.repeat_vv and concise


@given(TURNS, MANNERS)
def test_the_same_is_built_the_same_way_again(turns, manner):
    history = exchanges(turns)

    once, twice = (
        build_context(SYSTEM, history, "q", concise=True, profile=manner) for _ in range(2)
    )

    assert once == twice


def test_a_history_that_fits_is_whole():
    history = long_history(5)

    built = build_context(SYSTEM, history, "tea?")

    assert (built.first_turn_id, built.dropped_turns) == (1, 0)
    assert [line.content for line in built.messages[1:3]] == [history[0].question, "answer 0"]


def test_a_history_that_is_too_long_is_cut_to_a_quarter_in_one_go():
    history = long_history(40)

    built = build_context(SYSTEM, history, "tea?")

    kept = history[built.dropped_turns :]
    cost = sum(estimate_tokens(past.question) + estimate_tokens(past.answer) for past in kept)
    room = 4096 - 4096 // 3 - estimate_tokens(SYSTEM) - estimate_tokens("tea?")
    assert cost <= room // 4
    assert (
        cost + estimate_tokens(history[0].question) + estimate_tokens(history[0].answer) > room // 4
    )
    assert built.first_turn_id == kept[0].turn_id
    assert built.messages[1].content == kept[0].question


def test_after_a_cut_there_is_room_for_many_turns():
    first = build_context(SYSTEM, long_history(40), "tea?")
    rest = long_history(40)[first.dropped_turns :]
    more = tuple(replace(each, turn_id=each.turn_id + 40) for each in long_history(8))

    assert build_context(SYSTEM, rest + more, "tea?").dropped_turns == 0


def test_room_is_kept_for_the_answer():
    manner = ModelProfile(window=3000)
    fits = build_context(SYSTEM, (), "x" * 100, profile=manner)

    history = exchanges([("q", "a" * 3 * (3000 - 1000 - fits.tokens - 20), False)])

    assert build_context(SYSTEM, history, "x" * 100, profile=manner).dropped_turns == 0
    assert build_context(SYSTEM, history, "x" * 400, profile=manner).dropped_turns == 1


@pytest.mark.parametrize("window", [100, 1000])
def test_the_newest_question_is_asked_whether_it_fits_or_not(window):
    built = build_context(SYSTEM, long_history(3), "y" * 9000, profile=ModelProfile(window=window))

    assert built.messages == (Message("system", SYSTEM), Message("user", "y" * 9000))
    assert (built.first_turn_id, built.dropped_turns) == (None, 3)


def test_a_smaller_window_overrules_the_manner():
    history = long_history(20)

    assert build_context(SYSTEM, history, "tea?", profile=ModelProfile(100_000)).dropped_turns == 0
    assert (
        build_context(
            SYSTEM, history, "tea?", profile=ModelProfile(100_000), window=1000
        ).dropped_turns
        > 15
    )


def test_without_a_system_role_the_prompt_stands_before_the_first_question():
    history = exchanges([("first?", "First.", False)])

    built = build_context(SYSTEM, history, "second?", profile=ModelProfile(system_role=False))

    assert [(line.role, line.content) for line in built.messages] == [
        ("user", "Be kind.\n\nfirst?"),
        ("assistant", "First."),
        ("user", "second?"),
    ]


def test_the_rule_is_said_again_where_a_model_passes_over_it():
    built = build_context(SYSTEM, (), "tea?", concise=True, profile=ModelProfile(repeat_vv=True))

    assert built.messages[-1].content == f"vv tea?{VV_REMINDER}"


def test_concise_turns_are_no_examples_for_an_ordinary_question():
    history = exchanges([("tea?", "Green.", True), ("list hidden files", "`ls -a`", True)])

    first = build_context(SYSTEM, history, "why?")
    second = build_context(SYSTEM, (*history, PastTurn(3, "why?", "Because.")), "really?")

    assert first.messages[1:] == (
        Message("user", "vv:\n\n- tea? → Green.\n- list hidden files → `ls -a`"),
        Message("assistant", "OK."),
        Message("user", "why?"),
    )
    assert second.messages == (
        *first.messages,
        Message("assistant", "Because."),
        Message("user", "really?"),
    )


def test_a_concise_turn_with_a_picture_or_a_call_stays_an_exchange():
    history = (
        PastTurn(1, "what is this?", "A fox.", concise=True, pictures=(PICTURE,)),
        PastTurn(2, "and now?", "Noon.", concise=True, rounds=(ToolRound((), ()),)),
    )

    profile = ModelProfile(vision=True, tools=True)
    tools = ToolUse((ToolDefinition("clock", "Tell the time.", {}),))
    built = build_context(SYSTEM, history, "why?", profile=profile, tools=tools)

    asked = [line.content for line in built.messages if line.role == "user"]
    assert asked == ["vv what is this?", "vv and now?", "why?"]


def test_the_worked_exchanges_stand_before_a_vv_question_only():
    history = exchanges([("first?", "First.", False), ("second?", "Second.", True)])

    concise = build_context(SYSTEM, history, "third?", concise=True)
    ordinary = build_context(SYSTEM, history, "third?")

    # What is before them is what the server has in its cache.
    assert concise.messages[:5] == ordinary.messages[:5]
    assert [line.content for line in concise.messages[3:]] == [
        *("vv:\n\n- second? → Second.", "OK."),
        *("vv are whales fish?", "No."),
        *("vv 3 miles in km?", "4.8 km"),
        *("vv tea or coffee before bed?", "Tea."),
        "vv third?",
    ]
    assert ordinary.messages[5:] == (Message("user", "third?"),)


def test_the_wording_alone_can_be_tested():
    profile = ModelProfile(shapes_vv=False)

    built = build_context(SYSTEM, (), "tea?", concise=True, profile=profile)

    assert built.messages[1:] == (Message("user", "vv tea?"),)
    assert built.plan is None


def test_a_small_window_has_no_room_for_worked_exchanges():
    built = build_context(SYSTEM, (), "tea?", concise=True, window=600)

    assert [line.content for line in built.messages] == [SYSTEM, "vv tea?"]


@pytest.mark.parametrize("text", ["", "tea", "ä" * 100, "茶" * 100, "🍵" * 100, "\ud800"])
def test_tokens_are_guessed_rather_too_high(text):
    assert estimate_tokens(text) >= len(text.encode("utf-8", "replace")) / 3


# --- pictures -------------------------------------------------------------------------------------

EYE = ModelProfile(100_000, vision=True)
PICTURE = PicturePart("ab" * 32, 1280, 960)


def looks(count):
    return tuple(
        PastTurn(number, "what is this?", "A cat.", pictures=(PICTURE,)) for number in range(count)
    )


@pytest.mark.parametrize(
    ("width", "height", "limit", "tokens"),
    [
        # As the real llama.cpp counts them.
        (320, 240, 0, 98),
        (512, 384, 0, 210),
        (640, 480, 0, 318),
        (800, 600, 0, 493),
        (1024, 768, 0, 786),
        (1280, 960, 0, 1218),
        (1280, 960, 256, 274),
        (320, 240, 256, 98),
    ],
)
def test_a_picture_counts_by_its_size(width, height, limit, tokens):
    profile = replace(EYE, picture_tokens=limit)

    assert count_picture_tokens(PicturePart("ab", width, height), profile) == tokens


def test_pictures_stand_with_the_question_they_came_with():
    built = build_context(SYSTEM, looks(1), "and this?", pictures=(PICTURE,) * 2, profile=EYE)

    assert [len(message.pictures) for message in built.messages] == [0, 1, 0, 2]
    assert built.messages[1] == Message("user", "what is this?", (PICTURE,))
    without = build_context(SYSTEM, looks(0), "and this?", profile=EYE)
    assert built.tokens > without.tokens + 3 * 1218


def test_without_a_system_role_the_first_pictures_are_kept():
    profile = replace(EYE, system_role=False)
    built = build_context(SYSTEM, (), "what is this?", pictures=(PICTURE,), profile=profile)

    assert built.messages == (Message("user", f"{SYSTEM}\n\nwhat is this?", (PICTURE,)),)


def test_who_cannot_see_reads_that_there_was_a_picture():
    built = build_context(SYSTEM, looks(1), "vv", concise=True, profile=ModelProfile())

    assert built.messages[1] == Message("user", f"{UNSEEN_PICTURE}\nwhat is this?")
    assert not any(message.pictures for message in built.messages)


def test_too_many_pictures_are_cut_at_once_as_too_many_words_are():
    kept = [
        len(build_context(SYSTEM, looks(count), "more?", profile=EYE).messages) // 2
        for count in (MAX_PICTURES, MAX_PICTURES + 1)
    ]

    assert kept == [MAX_PICTURES + 1, MAX_PICTURES // 4 + 1]
    blind = build_context(SYSTEM, looks(MAX_PICTURES + 1), "more?", profile=ModelProfile(100_000))
    assert blind.dropped_turns == 0


def test_a_file_stays_where_it_was_asked_about_also_with_vv():
    past = PastTurn(1, "what is this?", "A menu.", concise=True, preface='File "menu.txt"')
    built = build_context(SYSTEM, (past,), "cold or warm?")

    assert [message.content for message in built.messages] == [
        SYSTEM,
        'vv File "menu.txt"\n\nwhat is this?',
        "A menu.",
        "cold or warm?",
    ]
