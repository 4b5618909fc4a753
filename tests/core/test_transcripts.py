"""What was said, and what only a model has made up."""

import pytest

from ambrosio.core.transcripts import clean_transcript, is_runaway, is_without_speech

SAID = {
    "as it is": ("What is the capital of Peru?", "What is the capital of Peru?"),
    "llama.cpp's mark of the language": ("language English<asr_text>Hello there.", "Hello there."),
    "the mark alone": ("language None<asr_text>", ""),
    "a sound between words": ("Hello [door slams] there (laughs).", "Hello there ."),
    "only sounds": ("[Music]", ""),
    "notes": ("♪ la la la ♪", ""),
    "nothing but marks": (" ... ", ""),
    "a special token": ("<|nospeech|>", ""),
    "a number": ("1000000000000", "1000000000000"),
    "six times no": ("No, no, no, no, no, no.", "No, no, no, no, no, no."),
    "a loop": ("so so so so so so so so so so ", ""),
    "a loop behind words": (
        "Please call Anna tomorrow. " + "Thank you. " * 30,
        "Please call Anna tomorrow. Thank you.",
    ),
    "credits": ("Subtitles by the Amara.org community", ""),
    "credits in Italian": ("Sottotitoli creati dalla comunità Amara.org", ""),
    "credits in German": ("Untertitel im Auftrag des ZDF, 2021", ""),
    "credits in Russian": ("Субтитры сделал DimaTorzok", ""),
    "credits in Japanese": ("ご視聴ありがとうございました", ""),
    "thanks for watching": ("Thank you for watching!", ""),
    "thanks": ("Thank you.", "Thank you."),
    "a question about credits": (
        "Subtitles made by machines, are they any good?",
        "Subtitles made by machines, are they any good?",
    ),
    "like, in a sentence": ("Like a tiger in a cage.", "Like a tiger in a cage."),
    "to subscribe": (
        "Subscribe me to the paper.",
        "Subscribe me to the paper.",
    ),
    "no spaces": ("東京の天気はどうですか", "東京の天気はどうですか"),
}


@pytest.mark.parametrize(("text", "said"), SAID.values(), ids=SAID)
def test_only_what_can_have_been_said_is_left(text, said):
    assert clean_transcript(text) == said


@pytest.mark.parametrize(
    ("characters", "seconds", "runs_away"),
    [(100, 1, False), (130, 1, True), (1400, 60, False), (5000, 60, True), (5000, 0, False)],
)
def test_nobody_says_that_much_in_that_time(characters, seconds, runs_away):
    assert is_runaway("x" * characters, seconds) is runs_away


@pytest.mark.parametrize(
    ("silence", "words", "without"), [(0.9, -1.4, True), (0.9, -0.2, False), (0.1, -1.4, False)]
)
def test_whisper_knows_when_it_has_heard_nothing(silence, words, without):
    assert is_without_speech(silence, words) is without
