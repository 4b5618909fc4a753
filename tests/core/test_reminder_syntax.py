"""What stands behind /remind is read as people write it, and nothing is guessed."""

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ambrosio.core.reminder_syntax import NewReminder, ReminderError, parse
from ambrosio.core.reminders import to_utc

ZONE = "Europe/Berlin"
# A Friday.
NOW = to_utc(datetime.fromisoformat("2026-11-27 10:00"), ZONE)


def read(text):
    found = parse(text, NOW, ZONE)
    if isinstance(found, ReminderError):
        return found.line
    return f"{found.rule.local:%Y-%m-%d %H:%M} {found.rule.repeat} {found.text}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("9:30 call mum", "2026-11-28 09:30 none call mum"),
        ("10:30 call mum", "2026-11-27 10:30 none call mum"),
        ("at 18:00 dinner", "2026-11-27 18:00 none dinner"),
        ("at 6pm dinner", "2026-11-27 18:00 none dinner"),
        ("6 pm dinner", "2026-11-27 18:00 none dinner"),
        ("12am sleep", "2026-11-28 00:00 none sleep"),
        ("18.30 Abendessen", "2026-11-27 18:30 none Abendessen"),
        ("18 Uhr Abendessen", "2026-11-27 18:00 none Abendessen"),
        ("18h30 diner", "2026-11-27 18:30 none diner"),
        ("fri 18:00 text", "2026-11-27 18:00 none text"),
        ("fri 9:00 text", "2026-12-04 09:00 none text"),
        ("friday text", "2026-12-04 09:00 none text"),
        ("Monday text", "2026-11-30 09:00 none text"),
        ("on monday at 9 eggs", "2026-11-30 09:00 none eggs"),
        ("do 9:00 Zahnarzt", "2026-12-03 09:00 none Zahnarzt"),
        ("tomorrow 9 eggs", "2026-11-28 09:00 none eggs"),
        ("tomorrow 9:00 9 eggs", "2026-11-28 09:00 none 9 eggs"),
        ("9:00 tomorrow eggs", "2026-11-28 09:00 none eggs"),
        ("tomorrow buy milk", "2026-11-28 09:00 none buy milk"),
        ("the day after tomorrow 8:00 x", "2026-11-29 08:00 none x"),
        ("24.12. 18:00 dinner", "2026-12-24 18:00 none dinner"),
        ("1.2. 18:00 dinner", "2027-02-01 18:00 none dinner"),
        ("29.2. 8:00 leap", "2028-02-29 08:00 none leap"),
        ("24.12.2027 18:00 dinner", "2027-12-24 18:00 none dinner"),
        ("2026-12-24 18:00 dinner", "2026-12-24 18:00 none dinner"),
        ("2026-12-24T18:00 dinner", "2026-12-24 18:00 none dinner"),
        ("3d pay", "2026-11-30 10:00 none pay"),
        ("2 weeks pay", "2026-12-11 10:00 none pay"),
        ("daily 9:00 pills", "2026-11-28 09:00 daily pills"),
        ("daily 11 pills", "2026-11-27 11:00 daily pills"),
        ("every day at 11:00 pills", "2026-11-27 11:00 daily pills"),
        ("weekdays 9:00 stand-up", "2026-11-30 09:00 weekdays stand-up"),
        ("weekly fri 18:00 bins", "2026-11-27 18:00 weekly bins"),
        ("every friday 18:00 bins", "2026-11-27 18:00 weekly bins"),
        ("every fri bins", "2026-12-04 09:00 weekly bins"),
        ("monthly 31.1. 9:00 rent", "2027-01-31 09:00 monthly rent"),
        ("yearly 24.12. 18:00 x", "2026-12-24 18:00 yearly x"),
        ("tomorrow 9:00: call mum", "2026-11-28 09:00 none call mum"),
        ("TOMORROW 9:00 Mum", "2026-11-28 09:00 none Mum"),
        ("９：３０ tea", "2026-11-28 09:30 none tea"),
        ("tomorrow 9:00 line one\nline two", "2026-11-28 09:00 none line one\nline two"),
        # In other languages.
        ("morgen um 9 Uhr Mama", "2026-11-28 09:00 none Mama"),
        ("übermorgen 8:00 x", "2026-11-29 08:00 none x"),
        ("freitag um 18:00 Müll", "2026-11-27 18:00 none Müll"),
        ("täglich 9:00 Tabletten", "2026-11-28 09:00 daily Tabletten"),
        ("jeden Freitag 18 Uhr Müll", "2026-11-27 18:00 weekly Müll"),
        ("domani alle 9 mamma", "2026-11-28 09:00 none mamma"),
        ("venerdì 18:00 cena", "2026-11-27 18:00 none cena"),
        ("mañana a las 9 mamá", "2026-11-28 09:00 none mamá"),
        ("manana 9:00 mama", "2026-11-28 09:00 none mama"),
        ("demain à 9h maman", "2026-11-28 09:00 none maman"),
        ("tous les jours à 9h pilule", "2026-11-28 09:00 daily pilule"),
        ("amanhã às 9 mãe", "2026-11-28 09:00 none mãe"),
        ("terça-feira 9:00 x", "2026-12-01 09:00 none x"),
        ("overmorgen om 8:00 x", "2026-11-29 08:00 none x"),
        ("jutro o 9:00 mama", "2026-11-28 09:00 none mama"),
        ("w środę o 9:00 mama", "2026-12-02 09:00 none mama"),
        ("завтра в 9:00 мама", "2026-11-28 09:00 none мама"),
        ("в пятницу в 18:00 ужин", "2026-11-27 18:00 none ужин"),
        ("каждый день 9:00 таблетки", "2026-11-28 09:00 daily таблетки"),
        ("yarın saat 9:00 anne", "2026-11-28 09:00 none anne"),
        ("明日9時 電話", "2026-11-28 09:00 none 電話"),
        ("明日9時30分電話", "2026-11-28 09:30 none 電話"),
        ("明天下午3点开会", "2026-11-28 15:00 none 开会"),
        ("每天9:00吃药", "2026-11-28 09:00 daily 吃药"),
        ("每周五18:00倒垃圾", "2026-11-27 18:00 weekly 倒垃圾"),
        ("毎週金曜日18時 ゴミ", "2026-11-27 18:00 weekly ゴミ"),
        ("내일 오후 3시 회의", "2026-11-28 15:00 none 회의"),
        ("매일 9:00 약", "2026-11-28 09:00 daily 약"),
    ],
)
def test_a_time_and_a_text_are_found(text, expected):
    assert read(text) == expected


@pytest.mark.parametrize(
    ("text", "minutes", "rest"),
    [
        ("20m tea", 20, "tea"),
        ("20 min tea", 20, "tea"),
        ("in 20 minutes tea", 20, "tea"),
        ("2h tea", 120, "tea"),
        ("2h30m tea", 150, "tea"),
        ("1h 5 min tea", 65, "tea"),
        ("in 2 Stunden Tee", 120, "Tee"),
        ("tra 20 minuti tè", 20, "tè"),
        ("dans 2 heures thé", 120, "thé"),
        ("через 20 минут чай", 20, "чай"),
        ("za 2 godziny herbata", 120, "herbata"),
        ("20分後 お茶", 20, "お茶"),
        ("20分钟后 茶", 20, "茶"),
        ("2시간 차", 120, "차"),
        ("1d2h x", 26 * 60, "x"),
    ],
)
def test_a_duration_counts_from_now(text, minutes, rest):
    found = parse(text, NOW, ZONE)

    assert isinstance(found, NewReminder)
    assert (found.due - NOW) / 60 == minutes
    assert found.text == rest
    assert found.rule.zone == "UTC"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "time is missing"),
        ("call mum", "time is missing"),
        ("do the dishes", "time is missing"),
        ("so what", "time is missing"),
        ("3 eggs", "time is missing"),
        ("24 rolls", "time is missing"),
        ("monthly report", "time is missing"),
        ("today 9:00 x", "has passed"),
        ("2026-11-26 9:00 x", "has passed"),
        ("24.12.2025 9:00 x", "has passed"),
        ("0m x", "has passed"),
        ("2029-01-01 9:00 x", "two years"),
        ("9999d x", "two years"),
        ("9999w x", "two years"),
        ("31.2. 9:00 x", "no such day"),
        ("32.1. 9:00 x", "no such day"),
        ("2026-13-01 9:00 x", "no such day"),
        ("25:00 x", "no such time"),
        ("9:61 x", "no such time"),
        ("9:00 " + "x" * 1001, "1000 characters"),
    ],
)
def test_anything_else_is_refused_in_a_sentence_with_an_example(text, says):
    line = read(text)

    assert says in line
    assert "/remind" in line or "Shorten" in line


@given(st.text(max_size=40), st.floats(0, 4e9))
def test_whatever_is_typed_gives_a_future_time_or_a_sentence(text, now):
    found = parse(text, now, "Australia/Lord_Howe")

    if isinstance(found, NewReminder):
        assert now < found.due <= now + 732 * 86_400
        assert found.text in text
    else:
        assert found.line
