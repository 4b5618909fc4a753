"""The worked exchanges that stand before a vv question, in the language of the question.

Chosen by measuring on SmolLM2-135M: three are enough, and the last one weighs most. They have
nothing to do with the questions of the rice test, and no two have the same kind of answer, so that
a large model is not led to any of them. In English only, they led it to answer half of the German
questions in English.

Pure.
"""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

# A question without its "vv", and the answer.
Exchange = tuple[str, str]

ENGLISH = "en"


@dataclass(frozen=True, slots=True)
class WorkedExchanges:
    """The exchanges of one language: two for every question, and a third for each shape."""

    first: Exchange
    second: Exchange
    line: Exchange
    code: Exchange
    list: Exchange


WORKED_EXCHANGES: Mapping[str, WorkedExchanges] = {
    ENGLISH: WorkedExchanges(
        ("are whales fish?", "No."),
        ("3 miles in km?", "4.8 km"),
        ("tea or coffee before bed?", "Tea."),
        ("shell: list hidden files", "`ls -a`"),
        ("list three spring flowers", "- tulip\n- crocus\n- daffodil"),
    ),
    "de": WorkedExchanges(
        ("sind Wale Fische?", "Nein."),
        ("3 Meilen in km?", "4,8 km"),
        ("Tee oder Kaffee vor dem Schlafen?", "Tee."),
        ("Shell: versteckte Dateien auflisten", "`ls -a`"),
        ("nenne drei Frühlingsblumen", "- Tulpe\n- Krokus\n- Narzisse"),
    ),
    "fr": WorkedExchanges(
        ("les baleines sont-elles des poissons ?", "Non."),
        ("3 miles en km ?", "4,8 km"),
        ("thé ou café avant de dormir ?", "Thé."),
        ("shell : lister les fichiers cachés", "`ls -a`"),
        ("cite trois fleurs de printemps", "- tulipe\n- crocus\n- jonquille"),
    ),
    "it": WorkedExchanges(
        ("le balene sono pesci?", "No."),
        ("3 miglia in km?", "4,8 km"),
        ("tè o caffè prima di dormire?", "Tè."),
        ("shell: elenca i file nascosti", "`ls -a`"),
        ("elenca tre fiori di primavera", "- tulipano\n- croco\n- narciso"),
    ),
    "es": WorkedExchanges(
        ("¿las ballenas son peces?", "No."),
        ("¿3 millas en km?", "4,8 km"),
        ("¿té o café antes de dormir?", "Té."),
        ("shell: listar los archivos ocultos", "`ls -a`"),
        ("nombra tres flores de primavera", "- tulipán\n- crocus\n- narciso"),
    ),
    "nl": WorkedExchanges(
        ("zijn walvissen vissen?", "Nee."),
        ("3 mijl in km?", "4,8 km"),
        ("thee of koffie voor het slapen?", "Thee."),
        ("shell: toon verborgen bestanden", "`ls -a`"),
        ("noem drie voorjaarsbloemen", "- tulp\n- krokus\n- narcis"),
    ),
}

# Words that questions in a language nearly always contain, and letters that others do not have.
COMMON_WORDS: Mapping[str, frozenset[str]] = {
    language: frozenset(words.split())
    for language, words in {
        ENGLISH: "the is are was of to in on at for with or and not what how who which when where "
        "why does do did can should will would a an my your it this that from than many much long",
        "de": "der die das den dem ist sind war und oder mit für von vom zu zum zur im am nicht "
        "was wie wer wen wo wann warum welche welcher welches wieviel viel viele lange ein eine "
        "einen einem kann soll ich mein meine auf nach aus bei als es man heißt geht",
        "fr": "le la les l un une des du de est sont était et ou où avec pour dans sur au aux ne "
        "pas que qui qu quoi quel quelle quels quelles comment combien quand pourquoi je mon ma "
        "ce cette c il elle en plus",
        "it": "il lo i gli la le l un una di del della dei è sono era e o con per nel nella su da "
        "non che chi quale quali come quanto quanta quanti quando dove perché cosa si mio mia al",
        "es": "el la los las un una de del al es son era y o con para por en qué que quién "
        "cuál cuáles cómo cuánto cuánta cuántos cuándo dónde se mi este esta más lo",
        "nl": "de het een is zijn was en of met voor van in op aan te niet wat hoe wie waar "
        "wanneer waarom welke welk hoeveel lang kan moet ik mijn naar uit bij als er dan",
    }.items()
}
LETTERS: Mapping[str, re.Pattern[str]] = {
    "de": re.compile("[äöüß]"),
    "fr": re.compile("[çœêèâîûàé]"),
    "it": re.compile("[èàòùì]"),
    "es": re.compile("[¿¡ñáéíóú]"),
    "nl": re.compile("ij"),
}
WORD = re.compile(r"[^\W\d_]+")


def worked_exchanges(question: str, shape: str) -> tuple[Exchange, ...]:
    """Return the exchanges for a question and the shape of its answer."""
    chosen = WORKED_EXCHANGES[guess_language(question)]
    third = {"code": chosen.code, "list": chosen.list}.get(shape, chosen.line)
    return chosen.first, chosen.second, third


def guess_language(question: str) -> str:
    """Return the language whose common words a question has most of; English if in doubt."""
    question = question.casefold()
    words = WORD.findall(question)
    counts = Counter(
        {
            language: sum(word in common for word in words)
            for language, common in COMMON_WORDS.items()
        }
    )
    for language, letters in LETTERS.items():
        counts[language] += bool(letters.search(question))
    (best, most), (_, second) = counts.most_common(2)
    return best if most > second else ENGLISH
