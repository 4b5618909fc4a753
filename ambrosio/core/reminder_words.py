"""The words for days, units and repeats that `/remind` understands, in thirteen languages.

Pure tables; `fold` is applied to the words as to what people type.
"""

# ruff: noqa: ISC004  the tables are easier to read as long strings

import re
import unicodedata
from collections.abc import Iterable, Mapping

from .reminders import Repeat


def fold(text: str) -> str:
    """Write a text in lower case without accents; each character stays where it is."""
    return "".join(_fold_char(char) for char in text)


def _fold_char(char: str) -> str:
    base, *marks = tuple(unicodedata.normalize("NFKD", char))
    plain = base if all(unicodedata.combining(mark) for mark in marks) else char
    lower = plain.lower()
    return lower if len(lower) == 1 else char


# en, de, it, es, fr, pt, nl, pl, ru, tr, ja, zh, ko: the row is how many days ahead.
DAYS: Mapping[str, int] = {
    fold(word): ahead
    for ahead, words in enumerate(
        (
            "today,heute,oggi,hoy,aujourd'hui,aujourd’hui,hoje,vandaag,dzisiaj,dzis,сегодня,bugun,"
            "今日,今天,오늘",
            "tomorrow,tmrw,morgen,domani,manana,demain,amanha,jutro,завтра,yarın,yarin,明日,明天,"
            "내일",
            "day after tomorrow,the day after tomorrow,ubermorgen,dopodomani,pasado manana,"
            "apres-demain,depois de amanha,overmorgen,pojutrze,послезавтра,obur gun,明後日,后天,"
            "後天,모레",
        )
    )
    for word in words.split(",")
}
# Monday first.
WEEKDAYS: Mapping[str, int] = {
    fold(word): number
    for number, words in enumerate(
        (
            "mon,monday,mo,montag,lun,lunedi,lunes,lundi,seg,segunda,segunda-feira,ma,maandag,pon,"
            "poniedziałek,пн,понедельник,pzt,pazartesi,月曜日,月曜,周一,週一,星期一,월요일",
            "tue,tues,tuesday,di,dienstag,mar,martedi,martes,mardi,ter,terca,terca-feira,dinsdag,wt,"
            "wtorek,вт,вторник,sal,salı,sali,火曜日,火曜,周二,週二,星期二,화요일",
            "wed,weds,wednesday,mi,mittwoch,mer,mercoledi,mie,miercoles,mercredi,qua,quarta,"
            "quarta-feira,wo,woensdag,sr,sroda,srode,ср,среда,среду,car,carsamba,水曜日,水曜,周三,"
            "週三,星期三,수요일",
            "thu,thur,thurs,thursday,do,donnerstag,gio,giovedi,jue,jueves,jeu,jeudi,qui,quinta,"
            "quinta-feira,donderdag,czw,czwartek,чт,четверг,per,persembe,木曜日,木曜,周四,週四,"
            "星期四,목요일",
            "fri,friday,fr,freitag,ven,venerdi,vie,viernes,vendredi,sex,sexta,sexta-feira,vr,"
            "vrijdag,pt,piatek,пт,пятница,пятницу,cum,cuma,金曜日,金曜,周五,週五,星期五,금요일",
            "sat,saturday,sa,samstag,sonnabend,sab,sabato,sabado,sam,samedi,za,zaterdag,sob,sobota,"
            "sobote,сб,суббота,субботу,cmt,cumartesi,土曜日,土曜,周六,週六,星期六,토요일",
            "sun,sunday,so,sonntag,dom,domenica,domingo,dim,dimanche,zo,zondag,nd,niedziela,"
            "niedziele,вс,воскресенье,paz,pazar,日曜日,日曜,周日,周天,週日,星期日,星期天,일요일",
        )
    )
    for word in words.split(",")
}
_REPEAT_ROWS: tuple[tuple[Repeat, str], ...] = (
    (
        "daily",
        "daily,every day,taglich,jeden tag,ogni giorno,cada dia,todos los dias,chaque jour,"
        "tous les jours,todos os dias,diariamente,dagelijks,elke dag,codziennie,каждый день,"
        "ежедневно,her gun,毎日,每天,매일",
    ),
    (
        "weekdays",
        "weekdays,every weekday,werktags,giorni feriali,dias laborables,en semaine,dias uteis,"
        "werkdagen,w dni robocze,по будням,hafta ici,平日,工作日,평일",
    ),
    (
        "weekly",
        "weekly,every week,wochentlich,jede woche,ogni settimana,cada semana,chaque semaine,"
        "toda semana,semanalmente,wekelijks,elke week,co tydzien,каждую неделю,еженедельно,"
        "her hafta,毎週,每周,每週,매주",
    ),
    (
        "monthly",
        "monthly,every month,monatlich,jeden monat,ogni mese,cada mes,todos los meses,"
        "chaque mois,tous les mois,todo mes,mensalmente,maandelijks,elke maand,co miesiac,"
        "каждый месяц,ежемесячно,her ay,毎月,每月,매월,매달",
    ),
    (
        "yearly",
        "yearly,every year,jahrlich,jedes jahr,ogni anno,cada ano,todos los anos,chaque annee,"
        "tous les ans,todo ano,anualmente,jaarlijks,elk jaar,co rok,каждый год,ежегодно,"
        "her yıl,her yil,毎年,每年,매년",
    ),
)
REPEAT_WORDS: Mapping[str, Repeat] = {
    fold(word): repeat for repeat, words in _REPEAT_ROWS for word in words.split(",")
}
EVERY = [
    "every",
    "jeden",
    "ogni",
    "cada",
    "chaque",
    "toda",
    "todo",
    "elke",
    "co",
    "каждый",
    "каждую",
    "her",
    "毎週",
    "每",
    "매주",
]
# Seconds in each unit. Days and weeks go by the calendar.
UNITS: Mapping[str, int] = {
    fold(word): seconds
    for seconds, words in (
        (
            60,
            "m,min,mins,minute,minutes,minuten,minuti,minuto,minutos,minuut,minuta,minuty,minut,мин,"
            "минута,минуту,минуты,минут,dk,dakika,分钟,分鐘,分後,分,분",
        ),
        (
            3600,
            "h,hr,hrs,hour,hours,std,stunde,stunden,ora,ore,hora,horas,heure,heures,uur,uren,godz,"
            "godzina,godzine,godziny,godzin,ч,час,часа,часов,saat,時間,小时,小時,시간",
        ),
        (
            86_400,
            "d,day,days,tag,tage,tagen,giorno,giorni,dia,dias,jour,jours,dag,dagen,dzien,dni,день,"
            "дня,дней,gun,天,일",
        ),
        (
            604_800,
            "w,week,weeks,woche,wochen,settimana,settimane,semana,semanas,semaine,semaines,weken,"
            "tydzien,tygodnie,неделю,недели,недель,hafta,週間,周,주",
        ),
    )
    for word in words.split(",")
}
# Words in front of a time or a date that say nothing more.
FILLERS = [
    "in",
    "at",
    "on",
    "next",
    "um",
    "am",
    "alle",
    "il",
    "tra",
    "fra",
    "a las",
    "a la",
    "el",
    "en",
    "dentro de",
    "dans",
    "a",
    "le",
    "as",
    "em",
    "na",
    "no",
    "over",
    "om",
    "op",
    "za",
    "o",
    "w",
    "we",
    "в",
    "во",
    "на",
    "через",
    "saat",
]


def one_of(words: Iterable[str]) -> str:
    """Write a pattern for one of some words, the longest first, that ends where the word ends.

    Chinese, Japanese and Korean are written without spaces, so a word of theirs may end anywhere.
    """
    longest_first = sorted(map(fold, words), key=len, reverse=True)
    spaced = [re.escape(word) for word in longest_first if word[-1] < "\u1100"]
    unspaced = [re.escape(word) for word in longest_first if word[-1] >= "\u1100"]
    patterns = [f"(?:{'|'.join(spaced)})(?![^\\W\\d])"] if spaced else []
    return f"(?:{'|'.join([*patterns, *unspaced])})"
