"""`ambrosio chat`: one question, or a conversation in a terminal."""

import asyncio
import re
import sys

import pytest

from ambrosio.cli.hints import INTERRUPTED, without_commands
from ambrosio.core.context_window import CONCISE_TURNS, NOTED
from ambrosio.core.default_questions import TO_CONTINUE
from ambrosio.core.provider_errors import (
    AllProvidersFailed,
    BadRequest,
    InvalidKey,
    LocalOnlyFailed,
    Unreachable,
)
from ambrosio.emulators.model_server.server import (
    Dies,
    ErrorStatus,
    FakeModelServer,
    Overflow,
    Says,
    StallsAfter,
)

from ..support import PATIENCE_SECONDS
from ..support.media_files import picture
from ..support.terminal import ALT_ENTER, CTRL_C, CTRL_D, UP
from .conftest import KEY

PROMPT = ">"


class TestOneQuestion:
    async def test_only_the_answer_is_on_stdout_and_the_conversation_continues_on_request(
        self, ambrosio, model
    ):
        model.script(Says("Basmati."), Says("Long grains."), Says("No idea."))

        first = await ambrosio("chat", "vv jasmin or basmati?")
        await ambrosio("chat", "--continue", "Why?")
        await ambrosio("chat", "Why?")

        assert (first.code, first.out) == (0, "Basmati.\n")
        assert first.err == "(llama/default)\n"
        assert [request.temperature for request in model.requests] == [0, None, None]
        first_sent, *sent = [
            [text for _, text in request.messages[1:]] for request in model.requests
        ]
        assert first_sent[-1] == "vv jasmin or basmati?"
        assert sent == [
            [f"{CONCISE_TURNS}\n- jasmin or basmati? → Basmati.", NOTED, "Why?"],
            ["Why?"],
        ]

    async def test_piped_input_follows_the_question(self, ambrosio, model):
        model.script(Says("Add tea"))

        ended = await ambrosio("chat", "vv commit message", stdin="+ tea\n")

        assert (ended.code, ended.out) == (0, "Add tea\n")
        assert model.requests[0].question == "vv commit message\n\n+ tea"

    async def test_pictures_and_files_are_shown_with_the_question(self, ambrosio, model, tmp_path):
        model.script(Says("A cat."), Says("A menu."))
        (tmp_path / "cat.png").write_bytes(picture("png", 64, 48))
        (tmp_path / "menu.txt").write_text("Rice with falafel.")

        seen = await ambrosio("chat", "--image", "cat.png", "vv what is this?")
        read = await ambrosio("chat", "--file", "menu.txt", LANG="de_DE.UTF-8")

        assert (seen.code, seen.out) == (0, "A cat.\n")
        assert (read.code, read.out) == (0, "A menu.\n")
        assert (model.requests[0].image_count, model.requests[0].question) == (
            1,
            "vv what is this?",
        )
        assert model.requests[1].question.startswith('File "menu.txt" (text).')
        assert model.requests[1].question.endswith("Fasse kurz zusammen, was das ist.")

    async def test_a_long_file_is_read_on_and_searched(self, ambrosio, model, tmp_path):
        model.window = 4096
        rows = "".join(f"line {number} is about subject{number}\n" for number in range(1, 1_000))
        (tmp_path / "report.txt").write_text(rows)
        model.script(Says("First."), Says("Second."), Says("Here."), Says("Third."))
        asked = [("-c", "/next"), ("-c", "/find", "subject777"), ("-c", "/next"), ("-c", "/find")]

        nothing = await ambrosio("chat", "-c", "/next")
        first = await ambrosio("chat", "--file", "report.txt", "what is it about?")
        second, found, third, empty = [await ambrosio("chat", *words) for words in asked]
        questions = [request.question for request in model.requests if request.question]
        shown = [
            re.search(r"lines ([\d,]+)–([\d,]+) of 999", it.err) for it in (first, second, third)
        ]
        numbers = [int(it[place].replace(",", "")) for it in shown if it for place in (1, 2)]

        assert [it.out for it in (first, second, found, third)] == [
            *("First.\n", "Second.\n", "Here.\n", "Third.\n")
        ]
        assert "chat -c /next` reads the next part" in first.err
        assert numbers[0] == 1
        assert (numbers[2], numbers[4]) == (numbers[1] + 1, numbers[3] + 1)
        assert questions[1].endswith("what is it about?")
        assert f"subject{numbers[2]}\n" in questions[1]
        assert "subject777" in questions[2]
        assert "report.txt: line" in found.err
        assert (nothing.code, empty.code) == (1, 1)
        assert "There is no file in this conversation." in nothing.err
        assert "There are no words to look for." in empty.err

    async def test_a_file_of_numbers_is_shown_in_a_smaller_part(self, ambrosio, model, tmp_path):
        model.window = 4096
        model.script(Overflow(5746, 4096), Says("Numbers."))
        (tmp_path / "numbers.txt").write_text("\n".join("1 " * 40 for _ in range(2_000)))

        read = await ambrosio("chat", "--file", "numbers.txt", "what is it?")
        before, after = [request.question for request in model.requests if request.question]

        assert read.out == "Numbers.\n"
        assert len(after) < 0.6 * len(before)

    async def test_a_picture_that_nobody_can_see_is_one_line(self, ambrosio, model, tmp_path):
        model.vision = False
        (tmp_path / "cat.png").write_bytes(picture("png", 64, 48))
        (tmp_path / "bad.pdf").write_bytes(b"%PDF-1.7")

        blind = await ambrosio("chat", "--image", "cat.png")
        bad = await ambrosio("chat", "--file", "bad.pdf")

        assert [ended.code for ended in (blind, bad)] == [1, 1]
        assert blind.err.startswith("error: llama cannot see pictures. Set up a model that can")
        assert bad.err == (
            "error: This file is damaged or incomplete. Get a new copy of it and try again.\n"
        )
        assert model.requests == []

    async def test_a_provider_can_be_chosen_by_name(self, ambrosio, model):
        other = FakeModelServer(model="other")
        async with other.serving() as url:
            overrides = {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": url, "OPENAI_MODEL": "other"}
            ended = await ambrosio("chat", "--provider", "openai", stdin="tea?\n", **overrides)

        assert (ended.code, ended.err) == (0, "(openai/other)\n")
        assert other.requests[0].question == "tea?"
        assert model.requests == []

    async def test_a_failure_is_one_line_and_exit_code_one(self, ambrosio, model):
        model.script(ErrorStatus(401))

        ended = await ambrosio("chat", "tea?")

        assert (ended.code, ended.out) == (1, "")
        assert ended.err == f"error: {InvalidKey('llama').owner_message}\n"

    @pytest.mark.parametrize(
        ("failure", "advice"),
        [
            (AllProvidersFailed([BadRequest("llama")]), "Try another model with --provider."),
            (
                AllProvidersFailed([Unreachable("llama"), Unreachable("openai")]),
                "Try again in a moment, or see `ambrosio doctor`.",
            ),
            (LocalOnlyFailed([]), "with /private off in `ambrosio chat`."),
        ],
    )
    def test_no_command_is_advised_where_none_can_be_given(self, failure, advice):
        message = without_commands(failure.owner_message)

        assert message.endswith(advice)

    async def test_a_broken_answer_is_restarted_below(self, ambrosio, model):
        model.script(Dies("Green tea is"), Says("Black tea."))

        ended = await ambrosio("chat", "tea?")

        assert (ended.code, ended.out) == (0, "Green tea isBlack tea.\n")
        assert ended.err.strip().splitlines()[0] == "(restarting)"

    async def test_it_may_be_several_words(self, ambrosio, model):
        await ambrosio("chat", "what", "is", "this?")

        assert model.requests[0].question == "what is this?"

    async def test_a_reader_that_has_seen_enough_ends_it_quietly(
        self, tmp_path, environment, model
    ):
        model.script(Says("".join(f"{n * n}\n" for n in range(3000))))
        shell = f"{sys.executable} -m ambrosio chat tea? | head -n 1; echo ${{PIPESTATUS[0]}}"
        process = await asyncio.create_subprocess_exec(
            *("bash", "-c", shell),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=tmp_path,
            env=environment,
        )
        async with asyncio.timeout(PATIENCE_SECONDS):
            out, err = await process.communicate()

        assert (out.decode(), err.decode()) == ("0\n0\n", "")


class TestChatting:
    async def test_questions_and_answers_follow_each_other(self, in_terminal, model):
        model.script(Says("Basmati."), Says("It is **longer**."))
        async with in_terminal("chat") as terminal:
            await terminal.expect(PROMPT)
            terminal.type("vv jasmin or basmati?\r")
            await terminal.expect("Basmati.")
            await terminal.expect(PROMPT)
            terminal.type("Why?\r")
            # Rendered, not as typed.
            await terminal.expect("It is longer.")
            await terminal.expect(PROMPT)
            terminal.type(CTRL_D)

            assert await terminal.exit_code() == 0
        assert model.requests[1].messages[-3][1].endswith("basmati? → Basmati.")

    async def test_ctrl_c_stops_the_answer_and_keeps_the_chat(self, in_terminal, model):
        model.script(StallsAfter("Green tea is"), Says("the best."), Says("Black."))
        async with in_terminal("chat") as terminal:
            await terminal.expect(PROMPT)
            terminal.type("Which tea?\r")
            await terminal.expect("Green tea is")
            # What is typed while an answer is redrawn would move the cursor.
            terminal.type("And ")
            terminal.type(CTRL_C)
            stopped = await terminal.expect("(stopped)")
            assert "^C" not in stopped
            assert "And" not in stopped
            await terminal.expect("(/continue gets the rest)")
            await terminal.expect(PROMPT)
            terminal.type("\x15/continue\r")
            await terminal.expect("the best.")
            await terminal.expect(PROMPT)
            terminal.type("now?\r")
            await terminal.expect("Black.")
            await terminal.expect(PROMPT)
            terminal.type(CTRL_C)

            assert await terminal.exit_code() == INTERRUPTED
        await model.wait_for(lambda: model.served[0].state == "cancelled")
        assert model.requests[1].messages[-2:] == (
            ("assistant", "Green tea is"),
            ("user", TO_CONTINUE["en"]),
        )

    async def test_earlier_questions_come_back_with_the_arrow(self, in_terminal, model):
        model.script(Says("One."), Says("Two."))
        async with in_terminal("chat") as terminal:
            await terminal.expect(PROMPT)
            terminal.type("vv first?\r")
            await terminal.expect("One.")
            await terminal.expect(PROMPT)
            terminal.type(f"{UP}\r")
            await terminal.expect("Two.")

        assert [request.question for request in model.requests] == ["vv first?"] * 2

    async def test_a_question_may_have_several_lines(self, in_terminal, model):
        model.script(Says("One."))
        async with in_terminal("chat") as terminal:
            await terminal.expect(PROMPT)
            terminal.type(f"first{ALT_ENTER}second\r")
            await terminal.expect("One.")

        assert model.requests[0].question == "first\nsecond"

    async def test_commands_work_as_in_telegram(self, in_terminal, model):
        model.script(Says("One."), Says("Uno."), Says("Two."), Says("Three."))
        async with in_terminal("chat") as terminal:
            await terminal.expect(PROMPT)
            terminal.type("first?\r")
            await terminal.expect("One.")
            terminal.type("/retry\r")
            await terminal.expect("Uno.")
            terminal.type("/new\r")
            await terminal.expect("New conversation")
            terminal.type("/vv on\r")
            await terminal.expect("Short answers are on")
            terminal.type("/private on\r")
            await terminal.expect("only llama will be asked")
            terminal.type("second?\r")
            await terminal.expect("Two.")
            terminal.type("/next\r")
            await terminal.expect("There is no file in this conversation.")
            terminal.type("/dance\r")
            await terminal.expect("There is no command /dance here")
            terminal.type("/etc/hosts?\r")
            await terminal.expect("Three.")
            terminal.type("/search etc hosts\r")
            await terminal.expect("/etc/hosts?")
            terminal.type("/help\r")
            await terminal.expect("/find words")
            terminal.type("/exit\r")

            assert await terminal.exit_code() == 0
        asked = [request.question for request in model.requests]
        assert asked == ["first?", "first?", "vv second?", "vv /etc/hosts?"]
        assert "first?" not in str(model.requests[2].messages)

    async def test_what_is_no_question_asks_nobody(self, in_terminal, model):
        async with in_terminal("chat") as terminal:
            await terminal.expect(PROMPT)
            terminal.type("vv\r")
            await terminal.expect('There is no question after "vv".')
            terminal.type("/continue\r")
            await terminal.expect("There is no answer to continue.")
            terminal.type("/status\r")
            await terminal.expect(", up ")
            uptime = await terminal.expect("\n")
            await terminal.expect(PROMPT)
            terminal.type(CTRL_D)

            assert await terminal.exit_code() == 0
        assert re.fullmatch(r"\d+ s", uptime.strip())
        assert model.requests == []
