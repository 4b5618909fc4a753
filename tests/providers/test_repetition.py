"""Loops are cut, and nothing that was wanted: over a corpus, and case by case."""

import pytest

from ambrosio.config.prompts import read
from ambrosio.core.context_window import build_context
from ambrosio.core.messages import AnswerFinished, FinishReason, StreamEvent
from ambrosio.core.vv import split_vv
from ambrosio.providers.repetition import LoopGuard, LoopLimits, find_round, is_prose
from ambrosio.providers.stream_parser import StreamParser
from ambrosio.providers.wanted_repeats import repeat_factor, wanted_rounds

from ..support import repetitive_texts as corpus

# Servers send pieces of a token, a word, or a line.
PIECE_CHARS = (4, 6, 13, 61)


def watch(text, question="Hello?", piece_chars=4):
    """Return what is left of a text: all of it, if it is no loop."""
    guard = LoopGuard(LoopLimits.for_question(question, concise=split_vv(question)[0]))
    for start in range(0, len(text), piece_chars):
        guard.feed(text[start : start + piece_chars])
        if guard.repeated_chars:
            return text[: start + piece_chars][: -guard.repeated_chars]
    return text


def is_cut(sample):
    _, question, text = sample
    return any(watch(text, question, size) != text for size in PIECE_CHARS)


def is_cut_always(sample):
    _, question, text = sample
    return all(len(watch(text, question, size)) < len(text) for size in PIECE_CHARS)


class TestCorpus:
    def test_nothing_that_was_wanted_is_cut(self):
        wanted = list(corpus.wanted_texts())

        false_alarms = [sample[0] for sample in wanted if is_cut(sample)]

        assert (len(wanted), false_alarms) == (64, [])

    def test_everything_that_runs_away_is_cut(self):
        runaway = list(corpus.runaway_texts())

        misses = [sample[0] for sample in runaway if not is_cut_always(sample)]

        assert (len(runaway), misses) == (47, [])

    def test_the_known_mistakes_are_these(self):
        hard_wanted, hard_runaway = corpus.hard_wanted_texts(), corpus.hard_runaway_texts()

        false_alarms = [sample[0] for sample in hard_wanted if is_cut(sample)]
        misses = [sample[0] for sample in hard_runaway if not is_cut_always(sample)]

        assert false_alarms == ["filler text", "a knitting pattern", "a chant"]
        assert misses == ["counting", "items", "csv", "numbers that vary", "letters"]

    def test_a_loop_is_cut_before_it_has_gone_on_for_long(self):
        for _, question, text in corpus.runaway_texts():
            factor = repeat_factor(question)
            limits = LoopLimits.for_question(question, concise=split_vv(question)[0])
            most = max(limits.letterless, limits.stretch, 6 * 1_500 * factor)
            assert watch(text[: most * 5 // 4], question) != text[: most * 5 // 4]


class TestWhatIsLeft:
    @pytest.mark.parametrize(
        ("beginning", "same", "left"),
        [
            ("", "Once there was a model. ", "Once there was a model. "),
            ("A start. ", "It goes on. ", "A start. It goes on. "),
            ("A start. ", "ha", "A start. ha"),
            ("", "no ", "no "),
            ("", "!", "!"),
            ("Rice:\n", "- It is white.\n", "Rice:\n- It is white.\n"),
            ("米。", "米很好吃。", "米。米很好吃。"),
            ("I think so. ", "Why? Well, because. ", "I think so. Why? Well, because. "),
            ("One.\n\n", "Two.\n\nThree.\n\n", "One.\n\nTwo.\n\nThree.\n\n"),
        ],
    )
    def test_one_round_is_left_and_ends_where_people_would_end(self, beginning, same, left):
        assert watch(beginning + same * (24_000 // len(same))) == left

    @pytest.mark.parametrize("size", PIECE_CHARS)
    def test_of_a_numbered_loop_too(self, size):
        text = "".join(f"Step {number}: check again.\n" for number in range(98, 2_000))

        assert watch(text, piece_chars=size) == "Step 98: check again.\n"

    def test_as_many_as_were_asked_for_are_left(self):
        line = "I shall be on time.\n"

        assert watch(line * 9_000, "Write it 350 times") == line * 350

    def test_of_every_loop_at_least_one_round_and_at_most_two(self):
        for _, question, text in corpus.runaway_texts():
            left = watch(text, question)
            assert 0 < len(left) <= 2 * 1_500 or wanted_rounds(question)


class TestConcise:
    def test_a_concise_answer_needs_little_to_be_a_loop(self):
        text = "Paris\n" * 150

        assert watch(text, "vv capital of France") == "Paris\n"
        assert watch(text, "capital of France") == text

    def test_the_request_says_that_it_is_concise(self):
        assert LoopLimits.for_question("q", concise=True).stretch <= 600
        assert LoopLimits.for_question("q").stretch >= 6_000


class TestQuestions:
    @pytest.mark.parametrize(
        ("question", "rounds"),
        [
            ("Write it 100 times", 100),
            ("100x please", 100),
            ("Write this sentence 1,000 times.", 1_000),
            ("Write this 2.000 mal", 2_000),
            ("a hundred times", 100),
            ("Schreib es 50 Mal", 50),
            ("écris-le cent fois", 100),
            ("escríbelo 30 veces", 30),
            ("scrivilo 40 volte", 40),
            ("напиши 100 раз", 100),
            ("napisz 70 razy", 70),
            ("写100遍", 100),
            ("百回書いて", 100),
            ("100번 써줘", 100),
            ("a CSV with 500 more rows", 500),
            ("200 lines of zeros", 200),
            ("a 20x30 grid", 600),
            ("a 16 by 16 matrix", 256),
            ("9999999 times", 0),
            ("What happened in 1989?", 0),
            ("The New York Times", 0),
            ("Is 17 prime?", 0),
            ("", 0),
        ],
    )
    def test_the_number_of_repeats_is_read(self, question, rounds):
        assert wanted_rounds(question) == rounds

    @pytest.mark.parametrize(
        "question",
        ["Repeat after me", "Sag es immer wieder", "répète ça", "повтори", "重复", "over and over"],
    )
    def test_repeats_without_a_number_are_cut_later(self, question):
        assert repeat_factor(question) > 1

    def test_the_system_prompt_asks_for_no_repeats(self):
        system = read("system.txt")

        # It stands before the first question where a model has no system role.
        assert (wanted_rounds(system), repeat_factor(system)) == (0, 1)


class TestRounds:
    @pytest.mark.parametrize(
        ("text", "chars"),
        [
            ("", 0),
            ("abc" * 10, 0),
            ("abc" * 40, 3),
            ("a" * 100, 1),
            (("0 " * 40 + "\n") * 9, 81),
            (("0 " * 40 + "\n") * 9 + "0 " * 30, 81),
            ("".join(map(str, range(500))), 0),
        ],
    )
    def test_a_row_is_the_round_and_not_what_it_is_made_of(self, text, chars):
        assert find_round(text) == chars

    @pytest.mark.parametrize(
        ("text", "prose"),
        [
            ("Step 0: check again.\n", True),
            ("第0步：再检查一次。\n", True),
            ("Item 0, ", False),
            ("0,Anna,anna0@example.com\n", False),
            ("0, Anna, in London, active\n", False),
            ('{"id": 0, "name": "a user"},\n', False),
            ("| 0 | the name of it | done |\n", False),
            ("0 × 0 = 0\n", False),
            ("0:0:0 the server is up\n", False),
        ],
    )
    def test_prose_is_told_from_data(self, text, prose):
        assert is_prose(text) is prose


def end_of(text, *, thinking="", question="Hello?"):
    """Feed an answer to a parser until it has enough, and return the end and the text left."""
    parser = StreamParser("p", "m", LoopLimits.for_question(question))
    events: list[StreamEvent] = []
    for start in range(0, len(text), 6):
        delta = {"content": text[start : start + 6], "reasoning": thinking}
        events += parser.feed({"choices": [{"delta": delta}]})
        if parser.looping:
            break
    else:
        parser.feed({"choices": [{"delta": {}, "finish_reason": "stop"}]})
    *rest, finished = parser.end()
    assert isinstance(finished, AnswerFinished)
    whole = "".join(getattr(event, "text", "") for event in events + rest)
    return finished.finish_reason, whole[: len(whole) - finished.repeated_tail_chars]


class TestReportedCases:
    @pytest.mark.parametrize(
        "text",
        [
            "Here they are:\n\n" + "I shall be on time.\n" * 100,
            "| a | b |\n|---|---|\n" + "|   |   |\n" * 120 + "\nPrint it.",
            "Title\n" + "-" * 1_500 + "\nText",
            "0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n" * 40 + "That is all.",
        ],
        ids=["lines", "empty table", "wide rule", "zeros"],
    )
    def test_wanted_repeats_come_whole_with_what_comes_behind(self, text):
        assert end_of(text) == (FinishReason.STOP, text)

    def test_a_numbered_loop_is_stopped(self):
        text = "".join(f"Step {number}: check the cable again.\n" for number in range(1, 900))

        assert end_of(text) == (FinishReason.LOOP, "Step 1: check the cable again.\n")

    def test_what_was_held_back_at_the_end_is_cut_too(self):
        # The beginning of a mark that may become one.
        text = "<thi" * 4_000

        assert end_of(text)[1].count("<thi") <= 2

    def test_the_question_reaches_the_guard(self):
        context = build_context("Be kind.", (), "Write ha 9000 times")

        limits = LoopLimits.for_question(context.messages[-1].content)

        assert limits.wanted_rounds == 9_000


@pytest.mark.parametrize("holds_back", [False, True])
def test_thinking_in_circles_is_cut_while_it_is_held_back_too(holds_back):
    parser = StreamParser("p", "m", holds_back=holds_back)
    for _ in range(500):
        parser.feed({"choices": [{"delta": {"content": "But wait, there is more to it. "}}]})
        if parser.looping:
            break

    assert parser.looping


def test_what_was_held_back_is_not_taken_for_a_repeat():
    parser = StreamParser("p", "m", holds_back=True)
    for number in range(400):
        parser.feed({"choices": [{"delta": {"content": f"Line {number * 7919 % 1000}. "}}]})
    parser.feed({"choices": [{"delta": {}, "finish_reason": "stop"}]})
    last = parser.end()

    assert [event.repeated_tail_chars for event in last if isinstance(event, AnswerFinished)] == [0]
