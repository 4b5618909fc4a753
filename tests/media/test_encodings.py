"""Texts without UTF-8, as old programs of every country write them."""

import pytest

from ambrosio.media.encodings import guess_encoding
from ambrosio.media.text import decode_text

RUSSIAN = "Рис и чай. Сколько времени варить рис?"
LATIN = {
    "English with a quotation": "Boil the “basmati” for ten minutes – no longer.",
    "German": "Größe: fünf Esslöffel Reis, dann über Nacht kühl stellen. ÄÖÜ",
    "French": "Le riz a été lavé à l’eau, où l’on l’a laissé, déjà égoutté.",
    "Spanish": "¿Cuánto arroz? ¡Ocho años después, el niño comió piñón!",
    "Icelandic": "Það er gott að þvo hrísgrjónin áður en þau eru soðin.",
    "Portuguese": "Não há pão; a maçã e o coração são irmãos, então põe-se à mesa.",
}
# What is written, and in which encoding.
TEXTS = {
    **{name: (text, "cp1252") for name, text in LATIN.items()},
    "Russian": (RUSSIAN, "cp1251"),
    "Russian, Unix": (RUSSIAN, "koi8_r"),
    "Russian, DOS": (RUSSIAN, "cp866"),
    "Russian among English": (f"int rice = 1; // {RUSSIAN}\nreturn rice;\n", "cp1251"),
    "Ukrainian": ("Скільки хвилин варити рис? Дякую за чай.", "cp1251"),
    "Greek": ("Ρύζι και τσάι. Πόσα λεπτά βράζει το ρύζι;", "cp1253"),
    "Hebrew": ("אורז ותה. כמה דקות מבשלים את האורז?", "cp1255"),
    "Arabic": ("الأرز والشاي. كم دقيقة يطبخ الأرز في البيت؟", "cp1256"),
    "Japanese": ("お米とお茶。ご飯は何分炊きますか。", "cp932"),
    "Japanese, Unix": ("お米とお茶。ご飯は何分炊きますか。", "euc_jp"),
    "Korean": ("쌀과 차. 밥을 몇 분 동안 짓습니까?", "cp949"),
    "Chinese": ("大米和茶。我们要煮多少分钟的米饭?", "gb18030"),
    "Chinese, only names": ("茶叶,红豆,土豆,白菜", "gb18030"),
    "Chinese, Taiwan": ("白米和茶。我們要煮幾分鐘的飯?", "big5"),
}


@pytest.mark.parametrize(("text", "encoding"), TEXTS.values(), ids=TEXTS)
def test_a_text_is_read_in_the_encoding_it_was_written_in(text, encoding):
    assert decode_text(text.encode(encoding)) == text


@pytest.mark.parametrize(("text", "encoding"), TEXTS.values(), ids=TEXTS)
def test_a_longer_text_is_too_wherever_it_is_cut(text, encoding):
    content = (text + "\n").encode(encoding) * 100

    for length in (3_000, 3_001, len(content)):
        guessed = guess_encoding(content[:length])
        assert content.decode(guessed) == content.decode(encoding)


@pytest.mark.parametrize("content", [b"", b"abc", b"\xff", bytes(range(256))])
def test_what_is_no_text_is_taken_for_a_western_one(content):
    assert guess_encoding(content) == "cp1252"
