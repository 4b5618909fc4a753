"""Markdown as models write it, where CommonMark reads something else than what is meant."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ambrosio import markdown
from ambrosio.markdown.splitting import MAX_UTF16_UNITS, utf16_len
from scripts.errors_page import list_texts

from ..support import tdlib
from .test_properties import check_all, habit
from .test_render import drawn, one

# Shown exactly as it is typed, with no formatting at all.
AS_TYPED = [
    # arithmetic and powers
    "4*3*2*1 is 24, and 7*8*9 is 504.",
    "a * b * c and 2 * 3 * 4",
    "The square is a**2 + b**2, the cube x**3 - y**3.",
    "2**10 = 1024 and 2**3**2",
    "(a+b)**2 - (a-b)**2",
    "a ** b ** c, and x ** 2 + y ** 2",
    "2 *3* 4 = 24",
    "SELECT id FROM goods WHERE p*q > 10 AND r*s < 20",
    "COUNT(*) and SUM(*)",
    "长*宽*高",
    "总价=单价*数量*折扣",
    # patterns
    "*.py and **/*.txt, src/**/test_*.py",
    "lib/*/x and src/*/y",
    "Ignore **/dist/** and **/build/**",
    "files matching *report*.pdf or *.tar.gz",
    "rm -rf *; ls *.{py,txt}",
    "Take ^[0-9]*x[0-9]*$ as the pattern.",
    ".*foo.* matches (a|b)*c*",
    '{"pattern": "*a*b*"}',
    "0 0 * * * and */5 * * * *",
    "* * * * * /usr/bin/backup",
    # code outside of code
    "f(*args, **kwargs) and g(*args, **kwargs)",
    "Use **kwargs or **options here",
    "char **argv, int *p, *q;",
    "vector<int*> a; vector<char**> b;",
    "/** doc */ and /*a*/b",
    '"*" or "*"',
    "Price* and more* here, *Terms apply",
    "f**k this sh**t",
    "^_^ and ^_^ or *_* or -_-",
    r"¯\_(ツ)_/¯",
    # names and addresses
    "Put it into __main__.py and test __name__ there.",
    "__init__.py, __all__ = [], obj.__class__.__name__, __del__ and __call__()",
    "WARN [a_b] __LINE__ at __FILE__:12",
    "[WARN] app__core__loop: 3*4*5 done",
    '{"_id": 1, "_rev": 2}',
    "$_GET and $_POST, user_@e.org",
    "snake_case_name_ and a_b*c_d*e",
    "See https://example.com/v1/_list_/all and https://example.com/?q=_rice_",
    "Try https://example.com/*a*/b and https://e.org/b_c_(x).",
    r"C:\Users\_name_\*.txt and C:\new\times",
    # money and brackets
    "$5 and $10, $20k to $30k, $3.50-$4",
    "arr[1][2] and [1][2][3]",
]

# What it becomes, and its entities.
MEANT: list[tuple[str, str | None, list[str] | None]] = [
    # marks beside letters of scripts without blanks, and beside punctuation
    ("**注意：**请先看。", "注意：请先看。", ["bold 注意："]),
    ("**東京(Tokyo)**の天気", "東京(Tokyo)の天気", ["bold 東京(Tokyo)"]),
    ("**`print`**는 함수다.", "print는 함수다.", ["code print"]),
    ("Write */search basmati rice*.", None, ["italic /search basmati rice"]),
    ("*/private what is this rash?* is for one", None, ["italic /private what is this rash?"]),
    ("*제주(Jeju)*는", "제주(Jeju)는", ["italic 제주(Jeju)"]),
    ("_제주(Jeju)_는", "제주(Jeju)는", ["italic 제주(Jeju)"]),
    ("비율은 **30%**였다.", "비율은 30%였다.", ["bold 30%"]),
    ("~~행사(2020)~~는", "행사(2020)는", ["strikethrough 행사(2020)"]),
    ("**단어**는 *중요*한", "단어는 중요한", ["bold 단어", "italic 중요"]),
    ("这是**重点[1]**内容，**API**的", "这是重点[1]内容，API的", ["bold 重点[1]", "bold API"]),
    ("日本語の**「強調」**です。**重要**！", "日本語の「強調」です。重要！", None),
    # bold within words and with blanks inside
    ("**W**orld **H**ealth", "World Health", ["bold W", "bold H"]),
    ("st**r**awbe**rr**y", "strawberry", ["bold r", "bold rr"]),
    ("**10**km and text**bold** on", "10km and textbold on", ["bold 10", "bold bold"]),
    ("This is ** important ** here.", "This is important here.", ["bold important"]),
    ("**Note: **text", "Note: text", ["bold Note:"]),
    ("Use **kwargs. See **this** now", "Use **kwargs. See this now", ["bold this"]),
    ("**2*3 = 6** ok", "2*3 = 6 ok", ["bold 2*3 = 6"]),
    ("__Note:__ text and __important__", "Note: text and important", None),
    ("**https://e.org/a_b**", "https://e.org/a_b", ["bold https://e.org/a_b"]),
    ("**/start** **--flag** **.env**", "/start --flag .env", None),
    ("**A**/**B** *he*/*she*", "A/B he/she", ["bold A", "bold B", "italic he", "italic she"]),
    # line breaks
    ("one<br>two<BR />three</br>four", "one\ntwo\nthree\nfour", []),
    ("- a<br>b\n- c", "• a\n  b\n• c", []),
    ("|Day|Plan|\n|-|-|\n|Mon|run<br/>swim|", "Day  Plan\n───  ────\nMon  run\n     swim", None),
    ("`<br>` a &lt;br&gt;", "<br> a <br>", ["code <br>"]),
    # citations
    (
        "Old [1][2].\n\n[1]: https://e.org\n[2]: https://f.org",
        "Old [1][2].\n\n[1]: https://e.org\n[2]: https://f.org",
        [f"text_link {n} -> https://{h}.org" for n, h in ((1, "e"), (2, "f")) * 2],
    ),
    ("So it is. \ue200cite\ue202turn2view0\ue201", "So it is.", []),
    ("Rice \ue200cite\ue202turn0search1\ue202turn1\ue201, yes", "Rice, yes", []),
    ("Rice 【4†source】【4:1†a.pdf】 is old citeturn0search1turn0view2.", "Rice is old.", []),
    ("A [cite_start]fact[cite: 1, 2]. :contentReference[oaicite:0]{index=0}", "A fact.", []),
    ('In \ue200entity\ue202["city","Bern"]\ue201 now', "In Bern now", []),
    ("`【4†source】`", "【4†source】", ["code 【4†source】"]),
    # LaTeX
    (r"A \rightarrow B at 40^\circ", "A → B at 40°", []),
    (r"2\times3, x \to y, 90^{\circ}, \frac{1}{2}", "2×3, x → y, 90°, ½", []),
    (r"$\ce{CO2}$, \ce{2H2 + O2 -> 2H2O}, \ce{SO4^2-}", "CO₂, 2H₂ + O₂ → 2H₂O, SO₄²⁻", []),
    (r"$\boxed{7}$ and \boxed{x^2}", "⟦7⟧ and ⟦x²⟧", []),
    ("\\begin{equation}\nF = ma\n\\end{equation}", "F = ma", []),
    (r"\(x^2\) and \[ y = 2 \]", "x² and y = 2", []),
    (r"$\dfrac{x+1}{2}$ and $\frac{a}{2a}$", "(x+1) / 2 and a/2a", []),
    (r"`\rightarrow` C:\times \alpha", r"\rightarrow C:\times \alpha", [r"code \rightarrow"]),
    # lines
    ("It works well\n---\nNext part", "It works well\n———\nNext part", []),
    ("A heading\n---------\ntext", "A heading\ntext", ["bold A heading"]),
    ("2 + 2\n=\n4", "2 + 2\n=\n4", []),
    ("a\n-", "a\n-", []),
    ("- x\n  ```\n  a\n  ```\n  tail", "• x\na\n  tail", ["pre a"]),
]

# Fences: what is shown, and the code with its language.
FENCES: list[tuple[str, str | None, list[str] | None]] = [
    ("```lib/tool.py\nx\n```", "lib/tool.py\nx", ["pre x -> py"]),
    ("```main.rs\nx\n```", "main.rs\nx", ["pre x -> rs"]),
    ('```python title="x"\ny\n```', 'title="x"\ny', ["pre y -> python"]),
    ("```{.python}\ny\n```", "y", ["pre y -> python"]),
    ("```python:src/a.py\ny\n```", "src/a.py\ny", ["pre y -> python"]),
    ("```js {1,3}\ny\n```", "{1,3}\ny", ["pre y -> js"]),
    ("```.env\nA=1\n```", ".env\nA=1", ["pre A=1 -> env"]),
    ("```c++\nx\n```", "x", ["pre x -> c++"]),
    ("```python\nx = 1\n```That is why.\n\nMore.", "x = 1\nThat is why.\n\nMore.", None),
    ("```js\na\n```Done", "a\nDone", ["pre a -> js"]),
    ("Run:```bash\nls\n```\nok", "Run:\nls\nok", ["pre ls -> bash"]),
    ("- Run:```bash\n  ls\n  ```\n- b", "• Run:\nls\n• b", ["pre ls -> bash"]),
    ("```python\nprint(1)```\nAfter", "print(1)\nAfter", ["pre print(1) -> python"]),
    ("```py\nx```\n\n```py\ny\n```\nz", "x\n\ny\nz", ["pre x -> py", "pre y -> py"]),
    ("```py\nx\n```js\ny\n```\nz", "x\ny\nz", ["pre x -> py", "pre y -> js"]),
    ("```python print(1)```", "print(1)", ["pre print(1) -> python"]),
    ("```ls -la``` is it", "ls -la is it", ["code ls -la"]),
    ("1. Do:\n   ```sh\nls\n   ```\n2. b", "1. Do:\nls\n2. b", ["pre ls -> sh"]),
    ("```md\nA\n```sh\nls\n```\nB\n```\nC", None, ["pre A\n```sh\nls\n```\nB -> md"]),
    ("````md\n```py\nx\n```\n````\nz", None, ["pre ```py\nx\n``` -> md"]),
    ('```py\n"""\n    ```py\n    f\n    ```\n"""\n```\nz', None, None),
    ("> ```py\n> x\n> ```\nafter", "x\nafter", ["blockquote x", "pre x -> py"]),
    ("```\nx\n\nThat is", "x\n\nThat is", ["pre x\n\nThat is"]),
]


@pytest.mark.parametrize("source", AS_TYPED)
def test_what_is_no_markdown_is_shown_as_typed(source):
    chunk = one(source)

    assert (chunk.text, drawn(chunk)) == (source, [])


@pytest.mark.parametrize(("source", "text", "entities"), MEANT + FENCES)
def test_markdown_is_read_as_it_was_meant(source, text, entities):
    chunk = one(source)

    assert text is None or chunk.text == text
    assert entities is None or drawn(chunk) == entities


def test_a_block_in_the_text_of_a_block_is_code():
    chunk = one('```py\n"""\n    ```py\n    f\n    ```\n"""\n```\nz')

    assert drawn(chunk) == ['pre """\n    ```py\n    f\n    ```\n""" -> py']


@pytest.mark.parametrize("source", [*AS_TYPED, *(row[0] for row in MEANT + FENCES)])
def test_each_half_typed_one_is_accepted_by_telegram(source):
    for end in range(len(source) + 1):
        check_all(source[:end])


@pytest.mark.parametrize("source", AS_TYPED)
def test_what_is_no_markdown_stays_as_typed_in_bold_and_lists(source):
    if not source.startswith(("*", '"')):
        assert one(f"- **Here:** {source}").text == f"• Here: {source}"


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("one<b", "one"),
        ("one<br/", "one"),
        ("So. \ue200cite\ue202turn", "So."),
        ("So 【4†sou", "So"),
        (r"A \righta", "A"),
        ("Intro:\n-", "Intro:"),
        ("Run:```ba", "Run:"),
        ("**東京(Tokyo)**の", "東京(Tokyo)の"),
        ("**bold*", "bold"),
        ("2**1", "2**1"),
        ("*.p", "*.p"),
        ("f(*args, **kw", None),
        ("__init", "__init"),
        ("__init__", "__init__"),
        ("```md\nA\n```sh\nls\n```\nB", "A\n```sh\nls\n```\nB"),
    ],
)
def test_a_half_typed_construct_does_not_flicker(source, text):
    shown = markdown.preview(source).text

    assert text is None or shown == text


OPERAND = st.sampled_from(["a", "b", "x", "2", "10", "(a+b)", "n1"])
TERM = st.tuples(
    OPERAND, st.lists(st.tuples(st.sampled_from(["*", "**"]), OPERAND), max_size=3)
).map(lambda parts: parts[0] + "".join(sign + operand for sign, operand in parts[1]))
SPACED = st.lists(OPERAND, min_size=2, max_size=4).map(" * ".join)
NAME = st.from_regex(r"[a-z]{1,5}(_[a-z0-9]{1,4}){1,3}", fullmatch=True)
GLOB = st.tuples(st.sampled_from(["", "src/", "**/", "lib/*/"]), st.sampled_from(["*.py", "*.txt"]))
WORDS = st.sampled_from(["and", "is", "the", "=", "+", "gives", "or"])
PLAIN = st.lists(st.one_of(TERM, SPACED, NAME, GLOB.map("".join), WORDS), min_size=1, max_size=8)


@habit(400)
@given(PLAIN.map(" ".join))
def test_arithmetic_names_and_patterns_are_shown_as_typed(text):
    if re.match(r"[-+*=]+( |$)", text):
        return
    assert one(text).text == text
    assert one(text).entities == ()


@habit(150)
@given(st.sampled_from(["a", "x", "2a", "(a+b)", "x^2", "|x|", "\\sqrt{a}", "a'", "\\pi"]), OPERAND)
def test_no_fraction_becomes_a_command(numerator, denominator):
    for source in (rf"\frac{{{numerator}}}{{{denominator}}}", f"{numerator}/{denominator}"):
        text = one(f"so $y = {source}$ it is").text
        found = tdlib.execute(**{"@type": "getTextEntities", "text": text})["entities"]

        assert [entity for entity in found if "Command" in entity["type"]["@type"]] == []


def test_four_short_columns_are_a_table():
    rows = "".join(f"|Person {n}|{20 + n}|City {n}|Engineer|\n" for n in range(8))

    chunk = one("|Name|Age|City|Job|\n|-|-|-|-|\n" + rows)

    assert [entity.type for entity in chunk.entities] == ["pre"]
    assert chunk.text.count("\n") == 9


def test_a_wide_table_is_a_list_with_one_line_a_row():
    rows = "".join(f"|Person {n}|{20 + n}|City {n}|builds long bridges|\n" for n in range(8))

    chunk = one("|Name|Age|City of birth|Job|\n|-|-|-|-|\n" + rows)

    assert chunk.text.count("\n") == 8
    assert "Person 7 · Age: 27 · City of birth: City 7 · Job: builds long bridges" in chunk.text


def test_a_long_answer_of_all_of_them_is_split_between_them():
    source = "\n\n".join(row[0] for row in MEANT + FENCES[:-1] if "[1]" not in row[0]) * 4

    chunks = markdown.render(source).chunks

    assert len(chunks) > 1
    assert all(utf16_len(chunk.text) <= MAX_UTF16_UNITS for chunk in chunks)
    assert all(tdlib.refusal(chunk) == "" for chunk in chunks)
    assert "東京(Tokyo)の天気" in "".join(chunk.text for chunk in chunks)


@pytest.mark.parametrize("text", list_texts().values(), ids=list_texts())
def test_the_marks_of_our_own_sentences_are_never_shown(text):
    shown = "".join(chunk.text for chunk in markdown.render(text).chunks)

    assert "*" not in shown
    assert "`" not in shown
