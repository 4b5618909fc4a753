import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ambrosio import markdown
from ambrosio.markdown.preprocess import clean
from ambrosio.markdown.splitting import MAX_ENTITIES, MAX_UTF16_UNITS, utf16_len
from ambrosio.markdown.walker import is_valid_link

from ..support import tdlib
from .test_render import CASES, NASTY, PREVIEWS, WIDE, piece


def habit(examples=120):
    return settings(
        max_examples=examples,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )


SNIPPETS = [source for source, *_ in (*CASES, *PREVIEWS)]

MARKS = st.sampled_from(
    [
        *("*", "**", "_", "__", "~", "~~", "`", "``", "```", "[", "]", "(", ")", "![", "]("),
        *("<", "</", ">", "\\", "|", "|-", "#", "- ", "+", "1. ", "$", "$$", "\\(", "\\)", "\\["),
        *("\\]", ":", "&", "{", "}", "^", "https://e.org/", "http://", "[^1]", "[1]:", "- [ ] "),
    ]
)
SPACE = st.sampled_from([" ", " ", "\n", "\n\n", "\n    ", "\n> ", "\n- ", "\n| ", "\t"])
WORD = st.sampled_from(
    ["alpha", "beta", "7", "x", "文字", "é", "😀", "🇩🇪", "שלום", "：", "\u200d", "\u202e"]
)
JUNK = st.text(max_size=6)
LONG = st.sampled_from(["word " * 1500, "y" * 5000, "**b** " * 150, "😀" * 2500])
TEXTS = st.lists(MARKS | SPACE | WORD | JUNK, max_size=60).map("".join)
LONG_TEXTS = st.tuples(TEXTS, LONG, TEXTS, LONG, TEXTS).map("".join)

# Marks that are themselves words, or whose words may be put elsewhere: fence languages, numbers of
# lists, targets and titles of links, entities, mathematics; and tables, which repeat their heads.
PROSE_MARKS = st.sampled_from(
    ["**", "*", "_", "~~", "`", "<", ">", "[", "]", "(", "#", "- ", "\\", "!"]
)
PROSE = st.lists(PROSE_MARKS | SPACE.filter(lambda s: "|" not in s) | WORD, max_size=60).map(
    "".join
)


def check(chunk):
    assert utf16_len(chunk.text) <= MAX_UTF16_UNITS
    assert len(chunk.entities) <= MAX_ENTITIES
    assert chunk.text == chunk.text.strip()
    assert tdlib.refusal(chunk) == ""
    for entity in chunk.entities:
        assert entity.offset >= 0
        assert entity.length > 0
        assert entity.offset + entity.length <= utf16_len(chunk.text)
        assert piece(chunk, entity).strip()
        assert not entity.url or is_valid_link(entity.url)


def check_all(source):
    for chunk in markdown.render(source).chunks:
        assert chunk.text
        check(chunk)
    check(markdown.preview(source))


def in_order(words, text):
    place = 0
    for word in words:
        found = text.find(word, place)
        if found < 0:
            return word
        place = found + len(word)
    return None


@pytest.mark.parametrize("source", SNIPPETS, ids=range(len(SNIPPETS)))
def test_every_prefix_of_every_snippet_is_accepted_by_telegram(source):
    for end in range(len(source) + 1):
        check_all(source[:end])


@pytest.mark.parametrize("source", NASTY, ids=range(len(NASTY)))
def test_whatever_is_nasty_is_accepted_by_telegram(source):
    check_all(source)


@habit()
@given(TEXTS)
def test_any_text_becomes_what_telegram_accepts(text):
    check_all(text)
    check(markdown.plain(text))
    check(markdown.expandable(text))


@habit(40)
@given(LONG_TEXTS)
def test_any_long_text_becomes_what_telegram_accepts(text):
    check_all(text)
    check(markdown.plain(text))
    check(markdown.expandable(text))


@habit()
@given(st.text(st.characters(codec=None), max_size=200))
def test_any_character_can_be_sent(text):
    check_all(text)
    markdown.rich(text).encode()


@habit(300)
@given(PROSE)
def test_no_word_is_lost(text):
    words = re.findall(r"[^\W_]+", clean(text))
    words = [word for word in words if not word.isascii() or not word.isdigit()]

    shown = "".join(chunk.text for chunk in markdown.render(text).chunks)

    assert in_order(words, shown) is None


@habit(40)
@given(LONG_TEXTS.map(lambda text: re.sub(r"[$\\&|()`]|\]:", "", text)))
def test_no_word_of_a_long_text_is_lost_where_it_is_cut(text):
    words = [word for word in re.findall(r"[^\W_]+", clean(text)) if not word.isdigit()]

    chunks = markdown.render(text).chunks

    assert in_order(words, "".join(chunk.text.removeprefix("…\n") for chunk in chunks)) is None


@habit()
@given(TEXTS)
def test_rich_markdown_that_is_asked_for_has_no_html_and_no_picture(text):
    source = WIDE + "\n" + text

    if markdown.needs_rich(source):
        assert not re.search(r"<(?!https?://)[a-z/!?]|!\[", markdown.rich(source), re.IGNORECASE)


@habit()
@given(st.text("abc.:/@#?0123456789-_[]%é ", max_size=30))
def test_telegram_takes_every_address_that_becomes_a_link(rest):
    check_all(f"[label](https://{rest}) [label](<http://e.org{rest}>)")
