"""What is asked for a person who says nothing, in their language.

About a picture or a file that came without a word, and when *Continue* is pressed. Languages are
Telegram's codes, such as `de` or `pt-br`. Pure.
"""

from collections.abc import Mapping

from .languages import guess_language

ABOUT_A_PICTURE: Mapping[str, str] = {
    "ar": "ما هذا؟",
    "ca": "Què és això?",
    "cs": "Co je to?",
    "da": "Hvad er det?",
    "de": "Was ist das?",
    "el": "Τι είναι αυτό;",
    "en": "What is this?",
    "es": "¿Qué es esto?",
    "fa": "این چیست؟",
    "fi": "Mikä tämä on?",
    "fr": "Qu'est-ce que c'est ?",
    "he": "מה זה?",
    "hi": "यह क्या है?",
    "hu": "Mi ez?",
    "id": "Apa ini?",
    "it": "Che cos'è?",
    "ja": "これは何ですか？",
    "ko": "이게 뭐예요?",
    "nb": "Hva er dette?",
    "nl": "Wat is dit?",
    "no": "Hva er dette?",
    "pl": "Co to jest?",
    "pt": "O que é isto?",
    "ro": "Ce este asta?",
    "ru": "Что это?",
    "sv": "Vad är det här?",
    "tr": "Bu nedir?",
    "uk": "Що це?",
    "vi": "Đây là gì?",
    "zh": "这是什么？",
}
ABOUT_A_FILE: Mapping[str, str] = {
    "ca": "Resumeix breument què és aquest document.",
    "cs": "Stručně shrň, co je to za soubor.",
    "de": "Fasse kurz zusammen, was das ist.",
    "en": "Summarize briefly what this is.",
    "es": "Resume brevemente qué es esto.",
    "fr": "Résume brièvement ce que c'est.",
    "it": "Riassumi brevemente che cos'è.",
    "nl": "Vat kort samen wat dit is.",
    "pl": "Podsumuj krótko, co to jest.",
    "pt": "Resuma brevemente o que é isto.",
    "ru": "Кратко опиши, что это.",
    "tr": "Bunun ne olduğunu kısaca özetle.",
    "uk": "Коротко опиши, що це.",
}
TO_CONTINUE: Mapping[str, str] = {
    "de": "Setze deine Antwort genau dort fort, wo sie endet, ohne etwas zu wiederholen.",
    "en": "Continue your answer exactly where it ends, without repeating any of it.",
    "es": "Continúa tu respuesta justo donde termina, sin repetir nada.",
    "fr": "Continue ta réponse exactement là où elle s'arrête, sans rien répéter.",
    "it": "Continua la tua risposta esattamente da dove finisce, senza ripetere nulla.",
    "nl": "Ga verder met je antwoord precies waar het ophoudt, zonder iets te herhalen.",
}


def about_a_picture(language: str) -> str:
    """Return the question about a picture; English where the language is not known."""
    return _in_language(ABOUT_A_PICTURE, language)


def about_a_file(language: str) -> str:
    """Return the question about a file; English where the language is not known."""
    return _in_language(ABOUT_A_FILE, language)


def to_continue(answer: str) -> str:
    """Return the question for the rest of an answer, in the language of the answer."""
    return _in_language(TO_CONTINUE, guess_language(answer))


def _in_language(questions: Mapping[str, str], language: str) -> str:
    code = language.lower().replace("_", "-").partition("-")[0]
    return questions.get(code, questions["en"])
