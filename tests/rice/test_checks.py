"""Real answers of models, and what the checks must find in them."""

import pytest

from ambrosio.config import prompts
from ambrosio.rice import checks
from ambrosio.rice.language import LANGUAGES, detect_language, fold
from ambrosio.rice.questions import parse_questions

RICE = ("jasmin|jasmine", "basmati")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("Basmati.", 1),
        ("**Basmati**", 1),
        ("# Answer\n\n- Basmati\n- or jasmine", 4),
        ("> 4.41 lb", 2),
        ("2 kg ≈ 4.41 lb", 4),
        ("```sh\ndu -sh .\n```", 2),
        ("It's *long-grain* rice — dry.", 4),
        ("お願いします", 3),
        ("1 + 1 = 2", 3),
        ("", 0),
    ],
)
def test_words_are_counted_without_markup(answer, words):
    assert checks.count_words(answer) == words


@pytest.mark.parametrize(
    "answer",
    [
        "Sure! Basmati.",
        "Sure, here you go: `du -sh .`",
        "Sure thing! Basmati.",
        "Certainly! Basmati rice goes well with falafel.",
        "Of course! The capital of Peru is Lima.",
        "Absolutely! Basmati.",
        "Great question! Basmati rice is the better choice.",
        "That's a great question. Both are good.",
        "What a fun question! Basmati.",
        "Good choice! Basmati.",
        "Well, it depends on your taste.",
        "Okay, so basmati.",
        "Hmm, basmati.",
        "I'd be happy to help! Basmati.",
        "I’m glad you asked. Basmati.",
        "As an AI language model, I have no taste, but basmati.",
        "Here's the command: du -sh",
        "Here is a quick comparison of the two: basmati is dry.",
        "Answer: Basmati",
        "**Answer:** Basmati",
        "Short answer: basmati.",
        "The answer is basmati.",
        "To answer your question, basmati.",
        "When it comes to falafel, basmati.",
        "Based on your question, basmati.",
        "vv: Basmati",
        "Let's see. Basmati.",
        "Hello! Basmati.",
        "Gerne! Großzügig.",
        "Bien sûr ! Non.",
        "Gute Frage! Basmati.",
    ],
)
def test_introductions_are_found(answer):
    assert checks.introduction(answer)


@pytest.mark.parametrize(
    "answer",
    [
        "Basmati.",
        "Sure.",
        "Certainly not.",
        "Of course not.",
        "Well done means 71 °C.",
        "Here, cold water.",
        "Response time: 3 ms",
        "Lima",
        "du -sh .",
        "Okra.",
        "Hiroshima",
        "Surely basmati.",
        "Claret.",
        "Onegaishimasu",
        "I don't know.",
    ],
)
def test_answers_without_an_introduction_pass(answer):
    assert checks.introduction(answer) == ""


def test_assent_is_an_answer_to_a_yes_no_question():
    assert checks.introduction("Certainly, botanically it is.", yes_no=True) == ""
    assert checks.introduction("Great question! Yes.", yes_no=True)


@pytest.mark.parametrize(
    "answer",
    [
        "Basmati. Enjoy your meal!",
        "Basmati.\n\nIn summary, basmati is the better choice.",
        "Basmati. Overall, it is fluffier.",
        "Basmati. I hope this helps!",
        "Basmati. Hope that helps.",
        "Lima. Let me know if you need anything else!",
        "Lima. Feel free to ask more.",
        "Lima. Would you like to know more about Peru?",
        "Lima. Is there anything else I can do?",
        "Lima. If you have any other questions, just ask!",
        "4.41 lb. Happy cooking!",
        "Basmati. In conclusion: basmati.",
        "Basmati. Ultimately, it is a matter of taste.",
        "Großzügig. Ich hoffe, das hilft!",
        "Basmati. Bon appétit!",
    ],
)
def test_closing_remarks_are_found(answer):
    assert checks.closing(answer)


@pytest.mark.parametrize(
    "answer",
    [
        "Basmati.",
        "Overall, basmati.",
        "Basmati: the grains stay apart.",
        "git reset --soft HEAD~1",
        "No. 91 = 7 × 13.",
        "Basmati. If you have none, jasmine.",
    ],
)
def test_answers_without_a_closing_remark_pass(answer):
    assert checks.closing(answer) == ""


@pytest.mark.parametrize(
    ("answer", "is_code"),
    [
        ('Basmati.\n\n```python\nrice = "basmati"\nprint(rice)\n```', True),
        ("import random\nrandom.choice(rice)", True),
        ("def choose_rice():\n    return 'basmati'", True),
        ('You could write print("Basmati").', True),
        ('console.log("Basmati")', True),
        ("$ echo basmati", True),
        ("Basmati.", False),
        ("`Basmati`", False),
        ("Import duties are 5 %.", False),
        ("The print shop opens at 9.", False),
        ("Let it rest for 10 minutes.", False),
        ("Class A fires: water.", False),
    ],
)
def test_code_is_distinguished_from_text(answer, is_code):
    assert bool(checks.code(answer)) is is_code


@pytest.mark.parametrize(
    ("answer", "decides"),
    [
        ("Basmati.", True),
        ("**Basmati**", True),
        ("JASMINE", True),
        ("Basmati, not jasmine.", True),
        ("Basmati rather than jasmine.", True),
        ("Basmati over jasmine.", True),
        ("Basmati (jasmine is too sticky).", True),
        ("Basmati – fluffier than jasmine", True),
        ("Basmati - jasmine sticks.", True),
        ("Definitely, basmati.", True),
        ("Both are fine, but basmati stays fluffier.", True),
        ("Both work well.", False),
        ("Either jasmine or basmati works.", False),
        ("Jasmine and basmati rice can both be served with falafel.", False),
        ("Jasmine or basmati? It depends on your taste.", False),
        ("Bulgur.", False),
        ("It depends.", False),
        ("", False),
    ],
)
def test_a_choice_must_name_exactly_one_option(answer, decides):
    assert (checks.wrong_choice(answer, RICE) == "") is decides


@pytest.mark.parametrize(
    ("answer", "right"),
    [
        ("Cold.", True),
        ("Cold, hot water sets the stain.", True),
        ("Hot, not cold.", False),
        ("Warm water.", False),
    ],
)
def test_if_one_option_is_best_it_must_be_chosen(answer, right):
    assert (checks.wrong_choice(answer, ("cold", "hot|warm"), best="cold") == "") is right


@pytest.mark.parametrize(
    ("answer", "wanted", "right"),
    [
        ("Yes.", "yes", True),
        ("Yep", "yes", True),
        ("**Yes** – it is a berry.", "yes", True),
        ("Botanically, yes.", "yes", True),
        ("Certainly.", "yes", True),
        ("True.", "yes", True),
        ("Yes, not that anybody cares.", "yes", True),
        ("No.", "no", True),
        ("No—91 = 7 × 13.", "no", True),
        ("Never.", "no", True),
        ("Of course not.", "no", True),
        ("Not a prime: 7 × 13.", "no", True),
        ("They can’t.", "no", True),
        ("No.", "yes", False),
        ("Yes.", "no", False),
        ("It depends.", "yes", False),
        ("I'm not sure.", "no", False),
        ("A tomato is a fruit in the botanical sense, so yes.", "yes", False),
    ],
)
def test_yes_or_no_must_come_first(answer, wanted, right):
    assert (checks.wrong_yes_no(answer, wanted) == "") is right


@pytest.mark.parametrize(
    ("answer", "number", "unit", "right"),
    [
        ("4.41 lb", 4.41, "lb|pounds", True),
        ("4.4 pounds", 4.41, "lb|pounds", True),
        ("≈ 4,41 lb", 4.41, "lb|pounds", True),
        ("2 kg is about 4.4 pounds.", 4.41, "lb|pounds", True),
        ("About 4½ pounds", 4.5, "lb|pounds", True),
        ("4 1/2 lb", 4.5, "lb|pounds", True),
        ("½ lb", 0.5, "lb|pounds", True),
        ("177°C", 177, "°C|degrees Celsius", True),
        ("177 ℃", 177, "°C|degrees Celsius", True),
        ("177 degrees Celsius", 177, "°C|degrees Celsius", True),
        ("Three.", 3, "", True),
        ("There are six players.", 6, "", True),
        ("1,609 m", 1609, "m", True),
        ("1.609 km", 1.609, "km", True),
        ("1\u202f609 m", 1609, "m", True),
        ("−40 °F", -40, "°F", True),
        ("In 1989.", 1989, "", True),
        ("4.41", 4.41, "lb|pounds", False),
        ("4.41 kg", 4.41, "lb|pounds", False),
        ("44.1 lb", 4.41, "lb|pounds", False),
        ("350 °F", 177, "°C", False),
        ("177 cm", 177, "°C|C", False),
        ("Some.", 3, "", False),
        ("1990", 1989, "", False),
    ],
)
def test_a_number_is_found_with_its_unit(answer, number, unit, right):
    within = 0 if number == 1989 else 0.02
    assert (checks.wrong_number(answer, number, unit, within=within) == "") is right


@pytest.mark.parametrize(
    ("answer", "admits"),
    [
        ("I don't know.", True),
        ("I don’t know what you had.", True),
        ("I can't see your window.", True),
        ("Unknown.", True),
        ("No idea.", True),
        ("I cannot read minds.", True),
        ("I do not have access to your location.", True),
        ("Nobody knows.", True),
        ("It is impossible to predict.", True),
        ("You haven't told me.", True),
        ("I have no access to live weather data.", True),
        ("Weiß ich nicht.", True),
        ("Seven.", False),
        ("Toast and coffee.", False),
        ("You had oatmeal, which is known to be healthy.", False),
        ("Probably 42!", False),
        ("Yes, it is raining.", False),
    ],
)
def test_admitting_ignorance_is_recognised(answer, admits):
    assert (checks.missing_doubt(answer) == "") is admits


@pytest.mark.parametrize(
    ("answer", "term", "there"),
    [
        ("Lima.", "Lima", True),
        ("The capital is **Lima**", "lima", True),
        ("The climate is mild.", "Lima", False),
        ("Egeszsegedre!", "egészségedre", True),
        ("Grosszügig", "großzügig", True),
        ("Ricevuta (or scontrino).", "scontrino|ricevuta", True),
        ("お願いします", "お願い", True),
        ("It has no moon.", "no|none", True),
        ("Nothing.", "no|none", False),
        ("21:00", "9 pm|21:00", True),
    ],
)
def test_terms_match_whole_words(answer, term, there):
    assert (checks.missing_term(answer, term) == "") is there
    assert (checks.contains_term(answer, term) != "") is there


@pytest.mark.parametrize(
    ("answer", "repeats"),
    [
        ("Jasmin or basmati rice with falafel? Basmati.", True),
        ("**Jasmin or basmati rice with falafel:** basmati", True),
        ("Basmati rice with falafel.", False),
    ],
)
def test_a_repeated_question_is_found(answer, repeats):
    assert bool(checks.echo(answer, "jasmin or basmati rice with falafel?")) is repeats


@pytest.mark.parametrize(
    ("answer", "language"),
    [
        ("Basmati.", ""),
        ("Lima is the capital of Peru, and it lies on the coast.", "en"),
        ("Das Gegenteil von geizig ist großzügig, und das ist eine Tugend.", "de"),
        ("Non, ce n'est pas la même chose: la levure est un mélange.", "fr"),
        ("Il riso basmati è più adatto, perché non si attacca.", "it"),
        ("El arroz basmati es mejor para la ensalada con falafel.", "es"),
        ("Basmatirijst is beter, want het kleeft niet aan de pan en de smaak is fijn.", "nl"),
    ],
)
def test_a_language_is_detected_by_its_function_words(answer, language):
    assert detect_language(answer) == language


def test_folding_removes_differences_in_spelling():
    assert fold("Don’t  STOP\nÀ la carte") == "don't stop a la carte"


MIXTRAL = """Great question! Both jasmine and basmati rice go well with falafel, but basmati is \
often preferred for its fluffy texture.

Here's a Python snippet that helps you choose:

```python
def choose_rice(dish):
    return "basmati" if dish == "falafel" else "jasmine"
```

In summary, basmati rice is a good choice. Enjoy!"""


def test_the_answer_that_inspired_the_test_fails_in_every_way():
    rice = parse_questions(prompts.read("rice.toml"), source="rice.toml")["rice"]

    failed = [failure.check for failure in checks.check_answer(rice, MIXTRAL)]

    assert failed == ["introduction", "closing", "code", "max_words", "one_of"]
    assert checks.check_answer(rice, "Basmati.") == ()


def test_a_cut_answer_is_incomplete():
    rice = parse_questions(prompts.read("rice.toml"), source="rice.toml")["rice"]

    failures = checks.check_answer(rice, "Basmati.", cut=True)

    assert [failure.check for failure in failures] == ["complete"]


# A good answer to every shipped question, and one that misses the point.
GOOD = {
    "rice": ("Basmati.", "Both are fine."),
    "bicycle-rain": ("Rain jacket.", "Umbrella."),
    "blood-stain": ("Cold.", "Hot."),
    "searing": ("Oil, then butter.", "Butter."),
    "usb-stick": ("exFAT", "NTFS"),
    "bookshelf": ("Screws with plugs.", "Nails."),
    "to-or-too": ("too", "to"),
    "train-or-plane": ("Train.", "Car."),
    "peru": ("Lima", "Cusco"),
    "the-trial": ("Franz Kafka", "Max Brod"),
    "berlin-wall": ("1989", "1990"),
    "tungsten": ("W", "Tu"),
    "volleyball": ("6", "11"),
    "everest-tea": ("About 71 °C", "100 °C"),
    "chicken": ("74 °C", "165 °F"),
    "shortest-day": ("Jupiter", "Mercury"),
    "tokyo": ("9 hours", "8 hours"),
    "pounds": ("4.4 lb", "0.9 lb"),
    "oven": ("177 °C", "350 °C"),
    "height": ("178 cm", "1.78"),
    "tablespoon": ("3", "4"),
    "percent": ("12.6", "12"),
    "speed": ("56 mph", "90 mph"),
    "new-york": ("9 pm", "3 pm"),
    "folder-size": ("`du -sh .`", "ls -l"),
    "undo-commit": ("git reset --soft HEAD~1", "git revert HEAD"),
    "reverse-list": ("```python\nxs.reverse()\n```", "sorted(xs)"),
    "count-rows": ("SELECT COUNT(*) FROM orders;", "SELECT * FROM orders;"),
    "year-regex": (r"`\d{4}`", r"\d+"),
    "vim": (":q!", ":wq"),
    "listening": ("sudo lsof -i :8080", "ps aux"),
    "receipt": ("Scontrino", "Conto"),
    "cheers": ("Egészségedre!", "Na zdrowie!"),
    "please": ("Onegaishimasu", "Arigatou"),
    "octopus": ("Octopuses", "Octopus"),
    "geizig": ("großzügig", "sparsam"),
    "levure": ("Non.", "Oui."),
    "tomato": ("Yes.", "No, a vegetable."),
    "grapes": ("No – toxic.", "Yes."),
    "sound": ("Yes, about four times.", "No."),
    "prime": ("No (7 × 13).", "Yes."),
    "freeze-rice": ("Yes.", "No."),
    "einstein": ("He got only one, for 1921.", "1935"),
    "venus": ("It has none.", "Phobos"),
    "swiss-king": ("None; it never had a king.", "Wilhelm II"),
    "dark-side": ("None.", "The far side."),
    "breakfast": ("I don't know.", "Toast."),
    "thinking-of": ("I can't know.", "7"),
    "window": ("I can't see your window.", "Yes."),
    "lottery": ("Nobody can know.", "3, 17, 22"),
    "and-chile": ("Santiago", "Lima"),
    "and-five": ("11 lb", "5 kg"),
    "which-then": ("Basmati", "Either."),
    "why-butter": ("It tastes richer and browns the edges.", "Because."),
}


@pytest.mark.parametrize("name", GOOD)
def test_every_shipped_vv_question_tells_a_good_answer_from_a_bad_one(name):
    question = parse_questions(prompts.read("rice.toml"), source="rice.toml")[name]
    good, bad = GOOD[name]

    assert checks.check_answer(question, good) == ()
    assert checks.check_answer(question, bad) != ()


def test_the_shipped_questions_are_numerous_and_varied():
    shipped = parse_questions(prompts.read("rice.toml"), source="rice.toml")
    concise = {name for name, question in shipped.items() if question.concise}
    kinds = {shipped[name].kind for name in concise}

    assert set(GOOD) == concise
    assert len(concise) >= 40
    assert len(shipped) - len(concise) >= 10
    assert len([question for question in shipped.values() if question.quick]) == 8
    assert len(kinds) == 9


def test_ordinary_questions_need_full_answers():
    ordinary = [
        question
        for question in parse_questions(prompts.read("rice.toml"), source="rice.toml").values()
        if not question.concise
    ]

    for question in ordinary:
        failures = checks.check_answer(question, "Basmati.")
        assert "min_words" in {failure.check for failure in failures}


def test_every_language_has_words_of_its_own():
    for code, small in LANGUAGES.items():
        others = frozenset().union(*(words for name, words in LANGUAGES.items() if name != code))
        assert len(small - others) > 10
