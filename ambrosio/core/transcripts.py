"""What of a transcript was really said. Pure.

Models that listen invent words where there are none: credits of the films they learned from, one
phrase again and again, or more than anyone can say in the time. Sources: whisper's own rules for a
segment without speech, and what its users report of music and silence.
"""

import re

# The fastest speakers say 25 characters a second; the rest is for very short recordings.
MAX_CHARACTERS_PER_SECOND = 40
SPARE_CHARACTERS = 80
# So many rounds of a phrase in a row are a loop.
MAX_ROUNDS = 8
# Whisper's own thresholds: a segment above the first and below the second holds no speech.
MAX_SILENCE_PROBABILITY = 0.6
MIN_MEAN_LOG_PROBABILITY = -1.0

# llama.cpp gives Qwen3-ASR's answer as it is: "language English<asr_text>…".
LANGUAGE_MARK = re.compile(r"^\s*language [^<]*<asr_text>")
# "[Music]", "(applause)", "*sighs*", "♪ … ♪", "<|nospeech|>": sounds, and no words.
SOUND_MARKS = re.compile(r"\[[^\[\]]*\]|\([^()]*\)|\*[^*]*\*|<\|[^|]*\|>|♪[^♪]*♪|[♪♫]")
LOOP = re.compile(rf"(.{{1,80}}?)\1{{{MAX_ROUNDS - 1},}}", re.DOTALL)
# Whole transcripts of silence and music; a longer one, or a question, is none.
MAX_INVENTED_CHARACTERS = 80
INVENTED = re.compile(
    r"(?:thank you|thanks)(?: so much| very much)? for (?:watching|listening)\b.*"
    r"|(?:please |don't forget to |like and )+subscribe\b.*"
    r"|.*\bamara[ .]?org\b.*"
    r"|(?:subtitles|captions|transcription|subtítulos|sottotitoli|untertitel\w*|sous-titr\w*"
    r"|legendas|napisy|субтитры)\b.*\b(?:by|por|creati|a cura|von|im auftrag|des|par|réalis\w*|pela"
    r"|stworzone|создавал|сделал|подогнал)\b.*"
    r"|ご視聴ありがとうございました|продолжение следует|字幕.*|请不吝点赞.*"
    r"|vielen dank fürs zuschauen\b.*|merci d'avoir regardé\b.*|grazie per la visione\b.*"
    r"|gracias por ver\b.*|obrigad[oa] por assistir\b.*",
    re.IGNORECASE,
)
BORDER_MARKS = " \t\n.,!?…。、！？\"'«»„“”’-–—"


def clean_transcript(text: str) -> str:
    """Return what of a transcript can have been said; "" if nothing can."""
    text = LANGUAGE_MARK.sub("", text)
    text = " ".join(SOUND_MARKS.sub(" ", text).split())
    looped = next((loop for loop in LOOP.finditer(text) if _has_letter(loop[1])), None)
    text = LOOP.sub(lambda loop: loop[1] if _has_letter(loop[1]) else loop[0], text).strip()
    words = text.strip(BORDER_MARKS)
    if not any(character.isalnum() for character in words) or _is_invented(text, words):
        return ""
    # What is left of a loop may be a word that nobody has said.
    return "" if looped and len(words) < len(looped[1]) * 2 else text


def _is_invented(text: str, words: str) -> bool:
    is_short = len(words) <= MAX_INVENTED_CHARACTERS and not set("?？") & set(text)
    return is_short and INVENTED.fullmatch(words) is not None


def _has_letter(text: str) -> bool:
    # A long number is no loop.
    return any(character.isalpha() for character in text)


def is_runaway(text: str, seconds: float) -> bool:
    """Say whether a text is longer than anyone can speak in so many seconds."""
    return bool(seconds) and len(text) > SPARE_CHARACTERS + seconds * MAX_CHARACTERS_PER_SECOND


def is_without_speech(silence_probability: float, mean_log_probability: float) -> bool:
    """Say whether a segment of whisper holds no speech, by whisper's own rule."""
    return (
        silence_probability > MAX_SILENCE_PROBABILITY
        and mean_log_probability < MIN_MEAN_LOG_PROBABILITY
    )
