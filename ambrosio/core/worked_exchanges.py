"""The worked exchanges that stand before a vv question, in the language of the question.

Chosen by measuring on SmolLM2-135M: three are enough, and the last one weighs most. They have
nothing to do with the questions of the rice test, and no two have the same kind of answer, so that
a large model is not led to any of them. In English only, they led it to answer half of the German
questions in English.

Pure.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from .languages import ENGLISH, guess_language

# A question without its "vv", and the answer.
Exchange = tuple[str, str]


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


def worked_exchanges(question: str, shape: str) -> tuple[Exchange, ...]:
    """Return the exchanges for a question and the shape of its answer."""
    chosen = WORKED_EXCHANGES[guess_language(question)]
    third = {"code": chosen.code, "list": chosen.list}.get(shape, chosen.line)
    return chosen.first, chosen.second, third
