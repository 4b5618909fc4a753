"""Texts that repeat: some because they were asked to, some because the model runs away.

Each is (name, question, text). A runaway text is a beginning and a round that has no end; the tests
let it go on for `RUNAWAY_CHARS`.
"""

from collections.abc import Iterator
from itertools import cycle

RUNAWAY_CHARS = 24_000
Sample = tuple[str, str, str]

VERSE = (
    "The river ran beneath the hill and carried all our boats along,\n"
    "The miller slept beside his mill and dreamt about an older song.\n"
)
REFRAIN = "Row on, row on, my brothers dear,\nthe evening comes, the harbour's near.\n\n"
FRUITS = ("apple", "pear", "plum", "quince", "cherry", "fig", "lemon")
LOREM = (
    "Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor incididunt ut "
    "labore et dolore magna aliqua. Ut enim ad minim veniam, quis nostrud exercitation ullamco "
    "laboris nisi ut aliquip ex ea commodo consequat. Duis aute irure dolor in reprehenderit.\n\n"
)
CARD = (
    '<div class="card"><h2>Our title goes here</h2><p>Some quick example text to build on the '
    "title of the card and make up the bulk of its content.</p><a href='#' class='button'>Go "
    "somewhere nice with this button</a></div>\n"
)
LONG_ROUND = (
    "Let me think about this again. The question asks which of the two trains arrives first, and "
    "I assumed that both of them leave at noon. If the slower one leaves earlier, the result is a "
    "different one, so I have to check the timetable. The timetable says that the first train "
    "leaves at noon. Therefore my assumption was right, but I should make sure once more.\n\n"
)


def rows(template: str, count: int, first: int = 1) -> str:
    return "".join(template.format(n=number) for number in range(first, first + count))


def wanted_texts() -> Iterator[Sample]:
    """Yield texts that must come whole."""
    yield from _asked_for_repeats()
    yield from _layout()
    yield from _rows_of_data()
    yield from _prose()


def _asked_for_repeats() -> Iterator[Sample]:
    ask = "Write 'I shall be on time.' 100 times"
    yield "a line a hundred times", ask, "I shall be on time.\n" * 100
    yield "the same unasked", "Punish me", "Here they are:\n\n" + "I shall be on time.\n" * 140
    yield (
        "numbered lines",
        "write it 400 times, numbered",
        rows("{n}. I shall be on time.\n", 400),
    )
    yield (
        "five hundred long lines",
        "500 lines, please",
        "I must not talk during the lesson.\n" * 500,
    )
    yield "deutsch", "Schreib 300 mal: Ich soll nicht reden.", "Ich soll nicht reden.\n" * 300
    yield "français", "Écris 400 fois je serai sage", "Je serai bien sage.\n" * 400
    yield "русский", "Напиши 300 раз: я буду вовремя", "Я всегда буду приходить вовремя.\n" * 300
    yield "中文", "请把我爱你写1000遍", "我爱你,永远爱你!\n" * 1000
    yield "日本語", "「ごめんなさい」を千回書いて", "ごめんなさい。\n" * 1000
    yield "ha ha", "Write ha 3000 times", "ha" * 3000
    yield "over and over", "Say it over and over: om mani padme hum", "om mani padme hum\n" * 600
    yield "a concise rule", "vv 100 dashes", "-" * 100
    yield "concise repeats", "vv write ha 400 times", "ha " * 400
    yield "filler text", "10 paragraphs of filler text", LOREM * 10
    yield "a thousand by words", "Write yes a thousand times", "yes, of course\n" * 1000


def _layout() -> Iterator[Sample]:
    yield "zeros", "A 40x40 grid of zeros", ("0 " * 40 + "\n") * 40
    yield "a large grid of zeros", "A 100 by 100 matrix of zeros", ("0 " * 100 + "\n") * 100
    yield "zeros unasked", "Show me an empty bitmap", ("0, " * 40 + "\n") * 70
    yield "a wide rule", "A title with a rule", "Title\n" + "-" * 5_000 + "\nText"
    yield "an equals rule", "Same with =", "=" * 3_000
    yield (
        "an empty table",
        "A blank table",
        "| a | b |\n|---|---|\n" + "|   |   |\n" * 400 + "\nDone.",
    )
    yield (
        "a wide empty table",
        "A form",
        ("|" + " " * 30) * 12 + "|\n" + (("|" + "_" * 30) * 12 + "|\n") * 20,
    )
    yield "a board", "A chess board", ("+---" * 8 + "+\n" + "|   " * 8 + "|\n") * 40
    yield "art", "Draw hills", "".join(" " * (n % 20) + "/\\" * 12 + "\n" for n in range(200))
    yield "a banner", "A banner", ("#" * 78 + "\n") * 60
    yield "dots", "A table of contents", rows("Chapter {n} " + "." * 60 + " {n}\n", 40)
    yield (
        "check boxes",
        "A habit tracker",
        "| Habit | " + "☐ | " * 31 + "\n" + ("| | " + "☐ | " * 31 + "\n") * 40,
    )
    yield "emoji", "Send me hearts", "❤️" * 1_500
    yield "staves", "Empty music paper", ("-" * 70 + "\n") * 60 + "\n"


def _rows_of_data() -> Iterator[Sample]:
    yield "items", "1000 items", "Items: " + rows("Item {n}, ", 1000)
    yield "items unasked", "A long list", rows("Item {n}\n", 1500)
    yield (
        "csv",
        "Test data as CSV",
        "id,name,email,state\n" + rows("{n},Anna,anna{n}@example.com,active\n", 400),
    )
    yield "csv with spaces", "Test data", rows("{n}, Anna Smith, Sales, London, active\n", 400)
    yield (
        "json",
        "Test data as JSON",
        "[" + rows('{{"id": {n}, "name": "User {n}", "active": true}},\n', 250),
    )
    yield (
        "json in lines",
        "Test data",
        "[\n"
        + rows(
            '  {{\n    "id": {n},\n    "name": "User number {n}",\n'
            '    "email": "user{n}@example.com",\n    "address": "Main Road {n} in Springfield",\n'
            '    "note": "This is a test user that was made for the tests of the shop"\n  }},\n',
            60,
        ),
    )
    yield "a json array", "An array", "[" + rows('"This is item {n}", ', 600) + "]"
    yield "nulls", "An array of nulls", "[" + "null, " * 900 + "]"
    yield (
        "a table",
        "A table",
        rows("| {n} | Server number {n} in the rack | is running well |\n", 200),
    )
    yield (
        "yaml",
        "Hosts as YAML",
        "```yaml\n" + rows("- name: web server {n}\n  state: running\n", 300) + "```",
    )
    yield "sql", "Inserts", rows("INSERT INTO users VALUES ({n}, 'User {n}');\n", 300)
    yield "html cards", "A page with cards", "```html\n" + CARD * 9 + "```\nDone."
    yield "xml", "XML", rows("<row id='{n}'>The name of the row</row>\n", 300)
    yield (
        "times tables",
        "Times tables",
        "".join(f"{a} × {b} = {a * b}\n" for a in range(1, 26) for b in range(1, 26)),
    )
    yield (
        "a dump",
        "A dump",
        "".join(f"{n * 16:08x}  {'00 ' * 16} |{'.' * 16}|\n" for n in range(120)),
    )
    yield (
        "a log",
        "A log",
        "".join(
            f"2026-11-27 12:{n // 60:02}:{n % 60:02} INFO heartbeat from the node received\n"
            for n in range(300)
        ),
    )
    yield (
        "a log in prose",
        "A log",
        "".join(
            f"INFO Request {n} was handled in {n * 7919 % 97} ms without an error.\n"
            for n in range(300)
        ),
    )
    yield "counting", "Count to 3000", " ".join(map(str, range(1, 3001)))
    yield (
        "counting down",
        "Count down",
        "".join(f"T minus {n} seconds and counting.\n" for n in range(500, 0, -1)),
    )
    yield "primes", "Bits", " ".join(f"{n:012b}" for n in range(900))
    yield (
        "assembly",
        "Code",
        "```asm\n" + rows("    mov eax, {n}\n    call the print function here\n", 250) + "```",
    )
    yield "unrolled", "Code", "```python\n" + "    total = total + next(values)\n" * 150 + "```"
    yield (
        "dates",
        "A diary",
        "".join(f"- {d:02}.{m:02}.2026: free day\n" for m in range(1, 13) for d in range(1, 31)),
    )


def _prose() -> Iterator[Sample]:
    yield (
        "bottles",
        "Sing 99 bottles",
        "".join(
            f"{n} bottles of beer on the wall, {n} bottles of beer.\nTake one down and "
            f"pass it around, "
            f"{n - 1} bottles of beer on the wall.\n\n"
            for n in range(99, 1, -1)
        ),
    )
    yield (
        "a song",
        "A song",
        "".join(VERSE.replace("hill", fruit) + REFRAIN for fruit in FRUITS * 3),
    )
    yield "the refrain thrice", "A song", VERSE + REFRAIN * 3 + "The end."
    yield "na na", "Hey Jude", "Na na na na na na na, na na na na, hey Jude.\n" * 18
    yield "a litany", "A litany", "".join(f"Holy {fruit}, pray for us.\n" for fruit in FRUITS * 25)
    yield (
        "word problems",
        "100 sums in words",
        "".join(
            f"Problem {n}: Tom has {n * 31 % 17} apples and gets {n * 53 % 23} more. How "
            f"many has he now?\n"
            for n in range(1, 120)
        ),
    )
    yield (
        "elephants",
        "A counting rhyme",
        rows(
            "{n} elephants went out to play upon a spider's web one day. They had such "
            "enormous fun "
            "that they asked for another elephant to come, and so they all began to sing "
            "again of it.\n\n",
            12,
        ),
    )
    yield "days", "A plan", rows("Day {n}: walk to the park, then read a book. Rest well.\n", 90)
    yield (
        "labels",
        "6 address labels",
        "Anna Smith\n12 Long Road\nSpringfield 12345\nEngland\n\n" * 6,
    )
    yield "a dialogue", "A quarrel", "“Yes, it is.”\n“No, it is not.”\n" * 40
    yield (
        "vocabulary",
        "Verbs",
        "".join(f"to {fruit} — I {fruit}, I have {fruit}ed\n" for fruit in FRUITS * 20),
    )
    yield "a mantra", "A long mantra", "ॐ मणि पद्मे हूँ । " * 200


def runaway_texts() -> Iterator[Sample]:
    """Yield texts that never end, as far as `RUNAWAY_CHARS`."""
    for name, question, beginning, parts in (*_same_rounds(), *_long_rounds()):
        yield name, question, _fill(beginning, cycle([parts]))
    for name, question, template in _numbered():
        numbers = iter(range(1, RUNAWAY_CHARS))
        yield name, question, _fill("", (template.format(n=n, m=n * 7) for n in numbers))


def _fill(beginning: str, parts: Iterator[str]) -> str:
    text = [beginning]
    length = len(beginning)
    while length < RUNAWAY_CHARS:
        text.append(next(parts))
        length += len(text[-1])
    return "".join(text)


def _same_rounds() -> Iterator[tuple[str, str, str, str]]:
    yield "no", "Is it true?", "", "no "
    yield "bang", "Hello!", "Hi", "!"
    yield "laughter", "A joke", "That is funny, ", "ha"
    yield "lines", "What is 2+2?", "4\n", "\n"
    yield "blanks", "Thanks", "You are welcome.", " "
    yield (
        "a sentence",
        "Tell me about rice",
        "Rice is a grain. ",
        "It is eaten all over the world. ",
    )
    yield "a line", "List some rivers", "1. The Danube\n", "- The Danube is a river in Europe\n"
    yield "a question", "Hello", "", "How can I help you today? "
    yield "numbers", "What is 1/3?", "0.", "3"
    yield "digits", "Pi", "3.1415926535 ", "8979 "
    yield "a row", "Capitals", "| City | Country |\n|---|---|\n", "| Paris | France |\n"
    yield "an array", "Colours as JSON", "[", '"red", '
    yield "code", "A loop in Python", "```python\n", "    print('hello')\n"
    yield "deutsch", "Erzähl mir etwas", "Gern. ", "Das ist eine gute Frage. "
    yield "français", "Bonjour", "", "Je suis désolé, je ne comprends pas. "
    yield "русский", "Расскажи о рисе", "Рис. ", "Рис — это очень полезный продукт. "
    yield "中文", "讲讲大米", "大米。", "大米是一种重要的粮食作物。"
    yield "日本語", "お米について", "", "お米は日本の主食です。"
    yield "العربية", "ما هو الأرز", "", "الأرز هو غذاء مهم جدا في العالم. "
    yield "after a hundred times", "Write 'I am late' 100 times", "", "I am late\n"
    yield "repeat that", "Can you repeat that?", "Yes. ", "I said that the shop opens at nine. "
    yield "tokens", "Hello", "", "<|im_start|>"
    yield "concise", "vv capital of France", "Paris\n", "Paris\n"
    yield "concise words", "vv is it true", "", "yes no "
    yield "hashes", "A heading", "", "#"


def _long_rounds() -> Iterator[tuple[str, str, str, str]]:
    yield "a paragraph", "Which train is first?", "Well. ", LONG_ROUND
    yield "two paragraphs", "Which train?", "", LONG_ROUND + LOREM
    yield (
        "1,500 characters",
        "Tell me more",
        "",
        (LONG_ROUND + LOREM + LONG_ROUND[:300] + VERSE + REFRAIN + LOREM)[:1_500],
    )
    yield "a verse", "A poem", "A poem\n\n", VERSE + REFRAIN
    yield (
        "a list",
        "Tips",
        "Here are some tips:\n",
        "".join(f"- Eat a {fruit} every day, it is good for you.\n" for fruit in FRUITS),
    )
    yield (
        "文章",
        "讲个故事",
        "",
        "从前有座山，山里有座庙，庙里有个老和尚在讲故事。他对小和尚说：从前有座山，这座山很高，上面住着许多人。"
        * 3
        + "后来呢？",
    )
    yield (
        "Absatz",
        "Erkläre",
        "",
        (
            "Zunächst ist zu sagen, dass die Frage nicht einfach ist. Viele Menschen sehen "
            "das anders, und es gibt gute Gründe dafür. Man sollte daher beide Seiten hören, "
            "bevor man urteilt, und am Ende selbst entscheiden.\n\n"
        ),
    )


def _numbered() -> Iterator[tuple[str, str, str]]:
    yield "steps", "How do I check it?", "Step {n}: check again.\n"
    yield "steps without a stop", "How?", "Step {n}: check the result again\n"
    yield "a numbered list", "Why rice?", "{n}. Rice is very good for your health.\n"
    yield "two numbers", "Explain", "In round {n} we add seven and get {m} points. "
    yield "long numbered rounds", "Which train?", "Attempt {n}: " + LONG_ROUND
    yield (
        "long rounds with a number inside",
        "Which?",
        LONG_ROUND + "That was attempt {n}. " + LOREM,
    )
    yield "bold", "Plan", "**Step {n}:** Look at the result of step {n} and improve it.\n\n"
    yield "headings", "Plan", "### Part {n}\n\nThis part explains what was said before.\n\n"
    yield "Schritte", "Wie?", "Schritt {n}: Prüfen Sie das Ergebnis noch einmal.\n"
    yield "步骤", "怎么做?", "第{n}步：再检查一次结果。\n"
    yield "шаги", "Как?", "Шаг {n}: проверьте результат ещё раз.\n"
    yield "versions", "News", "In version 1.{n} we fixed some bugs. "
    yield "concise steps", "vv how", "Step {n}: check again.\n"
    yield (
        "chapters",
        "A book",
        "Chapter {n}\nThe hero goes to the next village and meets a friend.\n\n",
    )
    yield "years", "History", "In the year 2{n:03} nothing of importance happened.\n"


def hard_wanted_texts() -> Iterator[Sample]:
    """Yield wanted texts that nothing in them or in the question tells from a loop: all are cut."""
    yield "filler text", "Fill the page with some text", LOREM * 8
    yield (
        "a knitting pattern",
        "How do I knit a scarf?",
        rows("Row {n}: knit all the stitches.\n", 300),
    )
    yield "a chant", "A chant for the match", "Olé, olé, olé, olé! We are the champions! " * 160


def hard_runaway_texts() -> Iterator[Sample]:
    """Yield runaway texts that look like data or like news: none is cut."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    ways: dict[str, Iterator[str]] = {
        "counting": (f"{n}, " for n in range(RUNAWAY_CHARS)),
        "items": (f"Item {n}\n" for n in range(RUNAWAY_CHARS)),
        "csv": (f"{n},Anna,anna{n}@example.com\n" for n in range(RUNAWAY_CHARS)),
        "numbers that vary": (
            f"My confidence is {n * 7919 % 101} percent now.\n" for n in range(RUNAWAY_CHARS)
        ),
        "letters": (
            f"Option {letters[n % 26]}{letters[n // 26 % 26]}{letters[n // 676 % 26]}: none.\n"
            for n in range(RUNAWAY_CHARS)
        ),
    }
    for name, parts in ways.items():
        yield name, "Tell me about rice", _fill("", parts)
