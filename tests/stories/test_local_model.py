"""The whole bot with llama.cpp inside: from the phone to the model and back."""

import asyncio
import re

import pytest

from ambrosio.core.vv import split_vv
from ambrosio.emulators.model_server.server import Says

from ..support import PATIENCE_SECONDS
from ..support.gguf_model import LITANY, REPLY, SLOW, make
from ..support.running_bot import OWNER, running_bot
from ..support.running_llama import LOG

FIRST = LITANY.split()[0]


@pytest.fixture(scope="session")
def chatml(tmp_path_factory):
    return make(tmp_path_factory.mktemp("models") / "tiny.gguf")


@pytest.fixture(scope="session")
def tools(tmp_path_factory):
    return make(tmp_path_factory.mktemp("models") / "tools.gguf", "tools")


@pytest.fixture(scope="session")
def endless(tmp_path_factory):
    path = tmp_path_factory.mktemp("models") / "endless.gguf"
    return make(path, size=SLOW, reply=LITANY, endless=True)


@pytest.fixture
def life_with(api, telegram_url, tmp_path, clock):
    async def unhurried(seconds):
        # The model takes the time that it really takes to load.
        clock.pass_seconds(seconds)
        await asyncio.sleep(min(seconds, 0.2))

    def start(model, **given):
        more = {"llama_gguf": str(model), **given}
        return running_bot(api, telegram_url, tmp_path, sleep=unhurried, **more)

    return start


async def written(path, words, times):
    """Wait until the server's log says something so many times."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not path.exists() or path.read_text().count(words) < times:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


def prompts(folder):
    """Read from the server's log how many tokens of each prompt were read."""
    found = re.findall(r"prompt eval time = .* / +(\d+) tokens", (folder / LOG).read_text())
    return [int(each) for each in found]


async def test_a_message_is_answered_by_the_model_inside(anna, life_with, chatml, tmp_path):
    async with life_with(chatml):
        await anna.say("tell about rashes")
        answer = await anna.wait_answer()

    assert answer.text == REPLY
    log = (tmp_path / LOG).read_text()
    assert "stop processing" in log
    assert "rashes" not in log
    assert REPLY not in log


# What a concise turn reads besides its own words: the worked exchanges, and the turn before, if it
# was a concise one, as a line of the list above them.
EXAMPLE_TOKENS = 140


async def test_over_many_turns_no_history_is_read_twice(anna, life_with, chatml, tmp_path):
    questions = ["tell about rice", "vv and tea?", "Vv: and coffee", "tell about the morning"]
    async with life_with(chatml):
        for question in [*questions, *questions]:
            await anna.say(question)
            await anna.wait_answer()

    # Each brings its own words, the marks around them and the end of the answer before.
    asked = [split_vv(question) for question in (*questions, *questions)]
    for before, (concise, words), read in zip(
        asked, asked[1:], prompts(tmp_path)[-7:], strict=False
    ):
        extra = EXAMPLE_TOKENS if concise or before[0] else 0
        assert read <= len(words) + 30 + extra, (words, read)


async def test_an_edited_question_stops_the_answer_to_the_old_one(
    anna, life_with, endless, tmp_path
):
    async with life_with(endless):
        number = await anna.say("tell about rice")
        await anna.wait_draft(FIRST)
        await anna.edit(number, "tell about tea")
        await written(tmp_path / LOG, "stop processing", 1)
        await anna.wait_draft(FIRST)
        await anna.say("/stop")
        await anna.wait_answer()

    assert len(anna.answers) == 1


async def test_a_stop_in_the_chat_stops_the_server(anna, life_with, endless, tmp_path):
    async with life_with(endless):
        await anna.say("tell about rice")
        await anna.wait_draft(FIRST)
        await anna.say("/stop")
        answer = await anna.wait_answer()
        await written(tmp_path / LOG, "stop processing", 1)

    assert answer.text.endswith("Stopped.")


async def test_a_second_chat_is_told_its_place(api, anna, life_with, endless):
    bella = api.person(43, "Bella").private()
    async with life_with(endless, ambrosio_owner=frozenset({OWNER, 43})) as life:
        life.assistant.router.providers["llama"]._notice_seconds = 0.01
        await anna.say("tell about rice")
        await anna.wait_draft(FIRST)
        await bella.say("tell about tea")
        seen = await bella.wait_draft("Waiting:")
        await anna.say("/stop")
        await bella.wait_draft(FIRST)
        await bella.say("/stop")
        await bella.wait_answer()

    assert seen == "Waiting: one answer is ahead of yours."
    assert len(bella.rings) == 1


async def test_a_loop_is_cut_and_said(anna, life_with, tmp_path):
    model = make(tmp_path / "loop.gguf", endless=True)
    async with life_with(model):
        await anna.say("tell about rice")
        answer = await anna.wait_answer()

    assert answer.text == f"{REPLY}\n\nCut here: the model only repeated itself after this."


async def test_a_model_that_does_not_start_is_explained_in_the_chat(anna, life_with, tmp_path):
    async with life_with(tmp_path / "missing.gguf"):
        await anna.say("tell about rice")
        answer = await anna.wait_answer()

    assert answer.text.startswith("llama is not running: the file ")


async def test_while_the_model_does_not_start_the_others_answer(
    anna, model, model_url, life_with, tmp_path
):
    row = f'[providers.other]\nbase_url = "{model_url}"\nmodel = "stand-in"\n'
    (tmp_path / "ambrosio.toml").write_text(row)
    model.script(Says("Green tea."))
    async with life_with(tmp_path / "missing.gguf", ambrosio_route=("llama", "other")):
        await anna.say("tea?")
        answer = await anna.wait_answer()

    assert re.fullmatch(r"Green tea\.\n\nvia other · llama .+", answer.text)


async def test_a_tool_costs_the_reading_of_its_call_and_result_only(
    anna, life_with, tools, tmp_path
):
    async with life_with(tools) as life:
        await written(tmp_path / LOG, "stop processing", 1)
        await anna.say("please tell what 17 % of 4,380 is")
        answer = await anna.wait_answer()
        await anna.say("and now please tell about rice")
        await anna.wait_answer()
        rows = life.store.database.read("SELECT * FROM ledger WHERE outcome = 'done' ORDER BY id")

    assert answer.text == f"calculated: 17 % of 4,380 = 744.60\n\n{REPLY}"
    # The definitions are read ahead; a result and the next question continue what is read.
    unread = [1 - row["cached_tokens"] / row["prompt_tokens"] for row in rows]
    assert len(unread) == 4
    assert max(unread) <= 0.2
