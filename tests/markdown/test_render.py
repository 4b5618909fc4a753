import json

import pytest

from ambrosio import markdown
from ambrosio.core.messages import FormattedText
from ambrosio.markdown.splitting import MAX_UTF16_UNITS, utf16_len
from ambrosio.markdown.tables import MAX_TABLE_COLUMNS, width


def piece(chunk, entity):
    """Cut an entity out of its chunk as Telegram would: by UTF-16 units."""
    data = chunk.text.encode("utf-16-le")
    return data[2 * entity.offset : 2 * (entity.offset + entity.length)].decode("utf-16-le")


def drawn(chunk):
    """Write a chunk's entities as short strings, to compare them with a table."""
    rows = []
    for entity in chunk.entities:
        extra = entity.url or entity.language
        rows.append(f"{entity.type} {piece(chunk, entity)}" + (f" -> {extra}" if extra else ""))
    return rows


def one(source):
    (chunk,) = markdown.render(source).chunks
    return chunk


# Markdown, the text it becomes, and its entities.
CASES = [
    # inline styles
    ("plain", "plain", []),
    ("**b** *i* ~~s~~ `c`", "b i s c", ["bold b", "italic i", "strikethrough s", "code c"]),
    ("***both***", "both", ["bold both", "italic both"]),
    ("**a **b** c**", "a b c", None),
    ("**bold `code` on**", "bold code on", ["bold bold", "code code", "bold on"]),
    ("snake_case_name and 2 * 3 * 4", "snake_case_name and 2 * 3 * 4", []),
    ("~5 km or ~6 km~", "~5 km or ~6 km~", []),
    ("`` a`b ``", "a`b", ["code a`b"]),
    (r"\*not\* \_this\_", "*not* _this_", []),
    ("**注意：**文字", "注意：文字", ["bold 注意："]),
    ("叫**“引用”**的", "叫“引用”的", ["bold “引用”"]),
    ("**Note:**text", "Note:text", ["bold Note:"]),
    ("**😀 x** y", "😀 x y", ["bold 😀 x"]),
    ("a &lt;b&gt; &amp; c", "a <b> & c", []),
    ("**unclosed", "**unclosed", []),
    ("`unclosed", "`unclosed", []),
    # raw HTML
    ("Use <b>x</b> or <div>", "Use <b>x</b> or <div>", []),
    ("vector<int> map<string, vector<T>>", "vector<int> map<string, vector<T>>", []),
    ("<details>\n<summary>S</summary>\n**b**\n</details>", None, ["bold b"]),
    ("<!-- a comment -->\nafter", "<!-- a comment -->\nafter", []),
    ("one<br>two<br/>three", "one\ntwo\nthree", []),
    ("<script>alert('*x*')</script>", None, None),
    ("`<b>` and <b>", "<b> and <b>", ["code <b>"]),
    ("<div>\n\n```html\n<p>x</p>\n```\n</div>", None, ["pre <p>x</p> -> html"]),
    ("a < b and c > d", "a < b and c > d", []),
    (r"\<tag> and `\<`", r"<tag> and \<", [r"code \<"]),
    ("<think>hm</think>\nanswer", "<think>hm</think>\nanswer", []),
    # links and pictures
    ("[a](https://e.org/x_y)", "a", ["text_link a -> https://e.org/x_y"]),
    ("[readme](./README.md)", "readme (./README.md)", []),
    ("[x](tg://user?id=1)", "x (tg://user?id=1)", []),
    ("[x](javascript:alert)", "x (javascript:alert)", []),
    ("[x](http://localhost:8000)", "x (http://localhost:8000)", []),
    ("[x](mailto:a@b.org)", "x (mailto:a@b.org)", []),
    ("[x](https://a.b:99999/)", "x (https://a.b:99999/)", []),
    ("[x](https://bank.com@evil.org)", "x (https://bank.com@evil.org)", []),
    ("[x](#anchor)", "x (#anchor)", []),
    ("[](https://e.org)", "https://e.org", ["text_link https://e.org -> https://e.org"]),
    ("[`c`](https://e.org)", "c", ["text_link c -> https://e.org"]),
    ("**[b](https://e.org)**", "b", ["bold b", "text_link b -> https://e.org"]),
    ("see https://e.org/a_b_c.", "see https://e.org/a_b_c.", []),
    ("<mailto:a@b.org> <c@d.org>", "<mailto:a@b.org> <c@d.org>", []),
    ("<http://localhost:1>", "http://localhost:1", []),
    ("![pic](http://p.q/i.png)", "pic (http://p.q/i.png)", []),
    ("![](http://p.q/i.png)", "http://p.q/i.png", []),
    ("[![b](http://p.q/i)](https://e.org)", "b (http://p.q/i)", None),
    (
        "As [1] says\n\n[1]: https://e.org\n[2]: https://f.org",
        "As [1] says\n\n[1]: https://e.org\n[2]: https://f.org",
        None,
    ),
    ("[no] [x] [^y]", "[no] [x] [^y]", []),
    # blocks
    ("# Title\n\ntext", "Title\n\ntext", ["bold Title"]),
    ("### A **b** `c`", "A b c", ["bold A b", "code c"]),
    ("Title\n=====\ntext", "Title\ntext", ["bold Title"]),
    ("a\n\n---\n\nb", "a\n\n———\n\nb", []),
    ("a  \nb\\\nc\nd", "a\nb\nc\nd", []),
    ("> q\n> **b**\n\nafter", "q\nb\n\nafter", ["blockquote q\nb", "bold b"]),
    ("> a\n>> b\n>>> c", "a\nb\nc", ["blockquote a\nb\nc"]),
    ("> ```py\n> x\n> ```", "x", ["blockquote x", "pre x -> py"]),
    ("Intro:\n- a\n- b", "Intro:\n• a\n• b", []),
    ("- a\n  - b\n    - c\n- d", "• a\n  • b\n    • c\n• d", []),
    ("1. a\n2. b\n   - c\n5. d", "1. a\n2. b\n  • c\n5. d", []),
    ("1. a\n1. b\n1. c", "1. a\n2. b\n3. c", []),
    ("- a\n\n- b", "• a\n\n• b", []),
    ("- [ ] do\n- [x] done", "☐ do\n☑ done", []),
    ("1. [ ] do", "1. ☐ do", []),
    ("- a\n\n  ```py\n  x\n  ```\n- b", "• a\n\nx\n• b", ["pre x -> py"]),
    ("fact[^1]\n\n[^1]: the **note**", "fact[1]\n\n[1] the note", ["bold note"]),
    ("fact[^1] without", "fact[^1] without", []),
    # code
    ("```python\nprint('<b>')\n```", "print('<b>')", ["pre print('<b>') -> python"]),
    ("```\nx\n```", "x", ["pre x"]),
    ("~~~js\nx ~ y\n~~~", "x ~ y", ["pre x ~ y -> js"]),
    ("```python\nx", "x", ["pre x -> python"]),
    ("    indented\n    code", "indented\ncode", ["pre indented\ncode"]),
    ("```\n  lead\nx\n```", "…\n  lead\nx", ["pre   lead\nx"]),
    ("a\n```\n\tx\n```", "a\n    x", ["pre     x"]),
    ("```\nx\n```\n```python\n```", "x\npython", ["pre x"]),
    ("```js title=x\ny\n```", "title=x\ny", ["pre y -> js"]),
    ("````md\n```py\n```\n````", "```py\n```", ["pre ```py\n``` -> md"]),
    ("```bash\necho $$; a=$b$c \\(x\\) [r]: ~x\n```", None, None),
    # mathematics and money
    (r"so $x^2$ and \(\alpha \leq \beta\)", "so x² and α ≤ β", []),
    (r"\( \frac{a}{b} \)", "a/b", []),
    ("\\[\n\\int_0^1 x\\,dx\n\\]", "∫₀¹ x dx", []),
    ("$$\na\n+ b = c\n$$", "a + b = c", []),
    ("$5 and $10", "$5 and $10", []),
    ("from $10.49 (~$11.20) to 5$ or US$5", "from $10.49 (~$11.20) to 5$ or US$5", []),
    ("it costs 5$ and 10$", "it costs 5$ and 10$", []),
    ("$HOME/bin:$PATH and $a", "$HOME/bin:$PATH and $a", []),
    (r"`$x$` and `\(y\)`", r"$x$ and \(y\)", ["code $x$", r"code \(y\)"]),
    (r"\[not mathematics\] \(see below\)", "[not mathematics] (see below)", []),
    (r"$a_1 * b_2 * c$", "a₁ * b₂ * c", []),
    # tables
    (
        "| a | bé |\n|:--|--:|\n| 1 | 世界 |\n| `x` | **2** |",
        "a    bé\n─  ────\n1  世界\nx     2",
        ["pre a    bé\n─  ────\n1  世界\nx     2"],
    ),
    ("|a|b|\n|-|-|\n|1|2|3|", "a  b\n─  ─────\n1  2 | 3", None),
    (
        "|Name|What for|More|\n|-|-|-|\n|**A**|long and longer, and longest of all!|zzz|\n|B||y|",
        "Name:\nA · What for: long and longer, and longest of all! · More: zzz\nB · More: y",
        ["bold A", "bold B"],
    ),
    (
        "|a|b|\n|-|-|\n|1|[l](https://e.org)|",
        "a:\n1 · b: l",
        ["bold 1", "text_link l -> https://e.org"],
    ),
    ("| a | b |\n|--", "| a | b |\n|--", []),
    # odd characters
    ("a\x00b\x07c\r\nd", "abc\nd", []),
    ("lone \ud800 surrogate", "lone � surrogate", []),
    ("\u200fשלום **עולם**", "\u200fשלום עולם", ["bold עולם"]),
    ("\u202eevil\u202c \ufdd0 \ufdd1", "evil", []),
    ("**é👨‍👩‍👧🇩🇪** x", "é👨‍👩‍👧🇩🇪 x", ["bold é👨‍👩‍👧🇩🇪"]),
]


@pytest.mark.parametrize(("source", "text", "entities"), CASES, ids=range(len(CASES)))
def test_markdown_becomes_text_and_entities(source, text, entities):
    chunk = one(source)

    if text is not None:
        assert chunk.text == text
    if entities is not None:
        assert drawn(chunk) == entities


@pytest.mark.parametrize("source", ["", " \n\t", "\x00", "```\n```", "\u200b\u2060", "****", "> "])
def test_what_shows_nothing_makes_no_message(source):
    assert all(chunk.text.strip("*") for chunk in markdown.render(source).chunks)
    assert markdown.preview(source).text.strip() == ""
    assert markdown.plain(source).text.strip("*>`\n ") == ""


def test_code_keeps_what_looks_like_markdown_or_mathematics():
    code = "echo $$; a=$b$c \\(x\\) [r]: ~x <y> **z**:"

    assert one(f"```bash\n{code}\n```").text == code


# What is shown of an answer that is still growing.
PREVIEWS = [
    ("a **b *c", "a b c", ["bold b c", "italic c"]),
    ("a [text](https://exa", "a text", []),
    ("**x [y](ht", "x y", ["bold x y"]),
    ("![pic](ht", "pic", []),
    ("x `co", "x co", ["code co"]),
    ("x ``co`d", "x co`d", ["code co`d"]),
    ("```py\nfoo\n``", "foo", ["pre foo -> py"]),
    ("```py\n**foo", "**foo", ["pre **foo -> py"]),
    ("a **", "a", []),
    ("a **b**", "a b", ["bold b"]),
    ("~~x", "x", ["strikethrough x"]),
    ("__a b", "a b", ["bold a b"]),
    ("- **a**\n- b *c", "• a\n• b c", ["bold a", "italic c"]),
    ("2*3 = 6", "2*3 = 6", []),
    ("x\n```pyth", "x", []),
    ("x\n``", "x", []),
    ("|a|b|\n|-|-|\n|1", "a  b\n─  ─\n1", None),
]


@pytest.mark.parametrize(("source", "text", "entities"), PREVIEWS)
def test_a_growing_answer_is_shown_with_its_marks_closed(source, text, entities):
    chunk = markdown.preview(source)

    assert chunk.text == text
    if entities is not None:
        assert drawn(chunk) == entities


def test_a_long_growing_answer_shows_its_end():
    chunk = markdown.preview("\n\n".join(f"Paragraph **{n}** is here." for n in range(2000)))

    assert chunk.text.startswith("…\nParagraph ")
    assert chunk.text.endswith("Paragraph 1999 is here.")
    assert utf16_len(chunk.text) <= MAX_UTF16_UNITS
    assert len(chunk.entities) <= 100
    assert all(piece(chunk, entity).isdigit() for entity in chunk.entities)


def test_a_message_of_exactly_the_limit_is_not_cut():
    assert [chunk.text for chunk in markdown.render("x" * MAX_UTF16_UNITS).chunks] == [
        "x" * MAX_UTF16_UNITS
    ]
    assert len(markdown.render("x" * (MAX_UTF16_UNITS + 1)).chunks) == 2


def test_twenty_thousand_characters_arrive_in_order():
    words = [f"word{n}" for n in range(2400)]

    chunks = markdown.render(" ".join(words)).chunks

    assert " ".join(chunk.text for chunk in chunks).split() == words
    assert all(utf16_len(chunk.text) <= MAX_UTF16_UNITS for chunk in chunks)


@pytest.mark.parametrize("border", ["\n\n", "\n", ". ", " "])
def test_a_cut_is_made_at_the_best_border(border):
    source = "word " * 700 + "end" + border + "Next " + "word " * 300

    first, second = markdown.render(source).chunks

    assert (
        first.text.endswith("word")
        if border == " "
        else first.text.endswith("end" + border.strip())
    )
    assert second.text.startswith("word" if border == " " else "Next")


def test_code_that_is_cut_keeps_its_language():
    source = "Look:\n\n```python\n" + "\n".join(f"if {n}:\n    call({n})" for n in range(600))

    chunks = markdown.render(source).chunks

    assert len(chunks) > 2
    for chunk in chunks:
        assert [entity.language for entity in chunk.entities] == ["python"]
        assert piece(chunk, chunk.entities[0]).startswith("if ")


def test_code_that_begins_with_indentation_after_a_cut_keeps_it():
    source = "```\n" + "\n".join(f"    line {n}" for n in range(600)) + "\n```"

    for chunk in markdown.render(source).chunks:
        assert chunk.text.startswith("…\n    line")
        assert piece(chunk, chunk.entities[0]).startswith("    line")


def test_no_chunk_has_more_than_a_hundred_entities():
    chunks = markdown.render("".join(f"**{n}** and *{n}*\n" for n in range(300))).chunks

    assert sum(len(chunk.entities) for chunk in chunks) == 600
    assert max(len(chunk.entities) for chunk in chunks) <= 100


@pytest.mark.parametrize("cluster", ["😀", "👨‍👩‍👧", "🇩🇪", "é", "👍🏽"])
def test_no_cut_goes_through_a_cluster(cluster):
    for chunk in markdown.render("x" + cluster * 3000).chunks:
        assert chunk.text.removeprefix("x").replace(cluster, "") == ""


def test_long_code_is_also_a_file():
    code = "\n".join(f"print({n})" for n in range(500))

    rendered = markdown.render(f"```python\n{code}\n```\n\n```rust\nx\n```\n\n```zig\n{code}\n```")

    assert [file.name for file in rendered.files] == ["code-1.py", "code-2.txt"]
    assert rendered.files[0].content.decode() == code + "\n"
    assert markdown.render(f"```\n{code}\n```", files=False).files == ()


def test_a_file_keeps_the_tabs_that_a_message_cannot_have():
    (file,) = markdown.render("```make\nall:\n" + "\techo x\n" * 500 + "```").files

    assert b"\n\techo x\n" in file.content


def test_a_notice_is_plain_and_cut_to_fit():
    assert markdown.plain("**a** <b>\t\x00c") == FormattedText("**a** <b>   c")

    chunk = markdown.plain("😀 word " * 2000)

    assert chunk.text.endswith(("word…", "😀…"))
    assert utf16_len(chunk.text) <= MAX_UTF16_UNITS


def test_reasoning_is_one_expandable_quote():
    chunk = markdown.expandable("  so 😀 **x**\n")

    assert drawn(chunk) == ["expandable_blockquote so 😀 **x**"]
    assert drawn(markdown.expandable("y " * 5000))[0].endswith("y…")
    assert markdown.expandable(" ") == FormattedText("")


WIDE = "| a | b |\n|-|-|\n| something that is long | and something more than that |\n"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("text", False),
        ("|a|b|\n|-|-|\n|1|2|", False),
        (WIDE, True),
        ("$$x^2$$", True),
        ("\\[\nx = 1\n\\]", True),
        ("$x^2$", False),
        ("`$$x^2$$`", False),
        ("```\n$$x$$\n```", False),
        (WIDE + "\n`<img src=x>`", False),
        (WIDE + "\n`![](https://evil.org)`", False),
        (WIDE + "\nUse <b> and ![x](https://e.org)", True),
        (WIDE + "x" * 33_000, False),
    ],
)
def test_a_rich_message_is_asked_for_only_where_it_helps_and_is_safe(source, expected):
    assert markdown.needs_rich(source) is expected


RICH = [
    ("**b** `c` | $5", r"**b** `c` | \$5"),
    ("from $20k to $30k", r"from \$20k to \$30k"),
    (r"a \$5 \* &lt;b&gt; &amp;lt;", r"a \$5 \* &lt;b> &amp;lt;"),
    ("||s|| ==m== a_b __init__ ~x~", r"\|\|s\|\| \=\=m\=\= a_b \_\_init\_\_ \~x\~"),
    ("2*3*4 *i* ** bold **", r"2\*3\*4 *i* **bold**"),
    ("**東京(Tokyo)**の", "**東京(Tokyo)\u2060**の"),
    ("|a|b|\n|-|-|\n|x<br>y|$5|", "|a|b|\n|-|-|\n|x · y|\\$5|"),
    (r"A \rightarrow B", "A → B"),
    ("<img src=x> <tg-button> </b> <!-- -->", "&lt;img src=x> &lt;tg-button> &lt;/b> &lt;!-- -->"),
    (r"\<img src=x>", "&lt;img src=x>"),
    ("`a < b`", "`a < b`"),
    ("![pic](https://evil.org/?q=1)", r"pic (https://evil.org/?q\=1)"),
    ("![pic][r]\n\n[r]: https://e.org", "pic (https://e.org)\n\n[r]: https://e.org"),
    ("![not a picture] ", r"!\[not a picture] "),
    ("[![p](http://i.j)](https://e.org)", "[p (http://i.j)](https://e.org)"),
    ("[x](tg://user?id=1) [y](https://e.org)", r"x (tg://user?id\=1) [y](https://e.org)"),
    (r"\(a<b\) \[ x=1 \] $y$ $$z$$", r"$a\lt b$ $$x=1$$ $y$ $$z$$"),
    ("```html\n<p>\\(x\\)</p>\n```", "```html\n<p>\\(x\\)</p>\n```"),
    ("[a <img> b](./x)", "a &lt;img&gt; b (./x)"),
]


@pytest.mark.parametrize(("source", "expected"), RICH)
def test_rich_markdown_has_no_html_and_no_pictures(source, expected):
    assert markdown.rich(source) == expected


@pytest.mark.parametrize(
    ("text", "columns"),
    [("abc", 3), ("世界", 4), ("😀", 2), ("👨‍👩‍👧", 2), ("🇩🇪", 2), ("é", 1), ("⚠️", 2), ("👍🏽", 2)],
)
def test_width_counts_what_is_drawn(text, columns):
    assert width(text) == columns


def test_a_table_of_the_full_width_is_still_aligned():
    table = "|{}|{}|\n|-|-|\n|1|2|"

    fitting = one(table.format("a" * 17, "b" * (MAX_TABLE_COLUMNS - 19)))
    wide = one(table.format("a" * 17, "b" * (MAX_TABLE_COLUMNS - 18)))

    assert [entity.type for entity in fitting.entities] == ["pre"]
    assert [entity.type for entity in wide.entities] == ["bold"]


NASTY = [
    "\\(" * 500,
    "$" * 1000,
    "**a " * 500,
    "[" * 1000,
    "![" * 300 + "a" + "](b)" * 300,
    ">" * 300 + " a\n" + ">" * 300,
    "> - " * 300,
    "\n".join("  " * n + "- a" for n in range(60)),
    "".join("`" * n + " " for n in range(1, 50)),
    "|a" * 300 + "|\n" + "|-" * 300 + "|\n" + "|\n" * 50,
    "$" + "\\frac{" * 400 + "$",
    "$" + "a_{" * 400 + "$",
    "$" + "\\hat" * 400 + "$",
    "\\(" + "x" * 5000 + "\\)",
    "<" * 2000,
    "a\u0301" * 3000,
    "[a]: b\n" * 300,
    "\\",
    "\\[\\]\\(\\)$$$$",
]


@pytest.mark.parametrize("source", NASTY, ids=range(len(NASTY)))
def test_nothing_nasty_breaks_it(source):
    for chunk in (*markdown.render(source).chunks, markdown.preview(source)):
        assert utf16_len(chunk.text) <= MAX_UTF16_UNITS
        assert len(chunk.entities) <= 100
    json.dumps(markdown.rich(source)).encode()
