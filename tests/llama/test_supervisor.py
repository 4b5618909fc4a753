"""The real llama.cpp, run by Ambrosio, on a model of a few hundred kilobytes."""

import asyncio
import os
import signal
import sys
from contextlib import aclosing

import pytest

from ambrosio.core.context_window import PastTurn, build_context
from ambrosio.core.messages import AnswerFinished, AnswerStarted, Delta, FinishReason, StatusNote
from ambrosio.core.provider_errors import AllProvidersFailed, ContextTooLong, Loading, NotRunning
from ambrosio.router import CompletionRequest

from ..support import PATIENCE_SECONDS, ROOT
from ..support.gguf_model import LITANY, REPLY, SLOW, THOUGHT, make
from ..support.running_llama import SYSTEM, alive, last_prompt, running_llama, words


@pytest.fixture(scope="session")
def models(tmp_path_factory):
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="session")
def chatml(models):
    return make(models / "chatml.gguf")


@pytest.fixture(scope="session")
def endless(models):
    return make(models / "endless.gguf", endless=True)


@pytest.fixture(scope="session")
def slow(models):
    return make(models / "slow.gguf", size=SLOW)


def ended(parts):
    return next(part for part in parts if isinstance(part, AnswerFinished))


def is_progress(part):
    return isinstance(part, StatusNote) and part.text.startswith("Reading")


def usage(parts):
    found = ended(parts).usage
    assert found is not None
    return found


class TestAnswers:
    async def test_an_answer_comes_word_by_word_and_is_counted(self, chatml, tmp_path):
        async with running_llama(chatml, tmp_path) as llama:
            parts = await llama.ask("tell about rice")

        said = [part for part in parts if isinstance(part, Delta)]
        assert words(parts).strip() == REPLY
        assert len(said) > 20
        assert usage(parts).completion >= len(said)
        assert ended(parts).ref.model == "chatml"

    async def test_thoughts_are_told_from_the_answer(self, models, tmp_path):
        model = make(models / "thinking.gguf", "thinking")
        async with running_llama(model, tmp_path) as llama:
            parts = await llama.ask("tell about rice")

        thoughts = "".join(part.reasoning for part in parts if isinstance(part, Delta))
        assert thoughts.strip() == THOUGHT
        assert words(parts).strip() == REPLY
        assert "<think>" not in words(parts)

    async def test_a_concise_question_is_not_thought_about(self, models, tmp_path):
        model = make(models / "unthinking.gguf", "thinking")
        async with running_llama(model, tmp_path) as llama:
            parts = await llama.ask("tell about rice", concise=True)

        assert not any(part.reasoning for part in parts if isinstance(part, Delta))
        assert words(parts).strip() == REPLY

    @pytest.mark.parametrize("template", ["starling", "mixtral", "gemma"])
    async def test_templates_without_a_system_role_get_the_prompt_with_the_first_question(
        self, models, tmp_path, template
    ):
        model = make(models / f"{template}.gguf", template)
        past = PastTurn(1, "first question", " " + REPLY)
        async with running_llama(model, tmp_path) as llama:
            parts = await llama.ask("second question", past)
            manner = await llama.provider.profile()

        assert words(parts).strip() == REPLY
        assert not manner.system_role

    async def test_a_model_that_repeats_itself_is_cut_off_and_stopped(self, endless, tmp_path):
        async with running_llama(endless, tmp_path) as llama:
            parts = await llama.ask("tell about rice")
            await llama.idle()

        assert ended(parts).finish_reason is FinishReason.LOOP
        kept = words(parts)[: -ended(parts).repeated_tail_chars]
        assert kept.strip() == REPLY


class TestNothingTwice:
    async def test_the_next_turn_reads_only_what_is_new(self, chatml, tmp_path):
        async with running_llama(chatml, tmp_path) as llama:
            first = await llama.ask("tell about rice")
            second = await llama.ask("and tea?", PastTurn(1, "tell about rice", words(first)))

        before = usage(first).prompt + usage(first).completion
        assert usage(second).cached >= before - 2

    async def test_a_concise_turn_shares_what_was_read(self, chatml, tmp_path):
        async with running_llama(chatml, tmp_path) as llama:
            first = await llama.ask("tell about rice")
            past = PastTurn(1, "tell about rice", words(first))
            second = await llama.ask("tea?", past, concise=True)
            past_both = (past, PastTurn(2, "tea?", words(second), concise=True))
            third = await llama.ask("and coffee?", *past_both)

        # What a concise turn adds behind the history, its worked exchanges, is not kept for the
        # next one; all that is before them is.
        shared = usage(first).prompt + usage(first).completion - 2
        assert usage(second).cached >= shared
        assert usage(third).cached >= shared

    async def test_the_system_prompt_is_read_before_the_first_question(self, chatml, tmp_path):
        async with running_llama(chatml, tmp_path) as llama:
            await llama.ready()
            with llama.provider._facts("").slots.wait_in_line("", priority=False) as ticket:
                await ticket.called.wait()
            await llama.idle()
            parts = await llama.ask("tell about rice")

        assert usage(parts).cached > 20


class TestOverflow:
    def long_past(self, count):
        return [PastTurn(n, "rice " * 40, "tea " * 40) for n in range(1, count)]

    async def test_a_history_too_long_for_the_server_is_cut_in_the_same_breath(
        self, chatml, tmp_path
    ):
        async with running_llama(chatml, tmp_path, context=512) as llama:
            llama.provider._facts("").window = 100_000
            parts = await llama.ask("tell about rice", *self.long_past(40))

        begun = next(part for part in parts if isinstance(part, AnswerStarted))
        assert words(parts).strip() == REPLY
        assert begun.dropped_turns > 0

    async def test_a_message_too_long_by_itself_is_refused_with_its_size(self, chatml, tmp_path):
        async with running_llama(chatml, tmp_path, context=512) as llama:
            with pytest.raises(AllProvidersFailed) as raised:
                await llama.ask("rice " * 1000)

        (cause,) = raised.value.causes
        assert isinstance(cause, ContextTooLong)
        assert cause.tokens > 900
        assert cause.limit == 512


class TestNothingForNobody:
    async def test_a_stop_in_mid_answer_stops_the_server(self, endless, tmp_path):
        async with running_llama(endless, tmp_path) as llama:
            await llama.ready()
            context = build_context(SYSTEM, (), "tell about rice")
            async with aclosing(llama.provider.stream(context)) as parts:
                async for part in parts:
                    if isinstance(part, Delta):
                        break
                busy = await llama.slots()
            await llama.idle()

        assert busy[0]["is_processing"]

    async def test_a_stop_while_the_prompt_is_read_stops_the_server(self, slow, tmp_path):
        async with running_llama(slow, tmp_path, context=16_384, batch=64) as llama:
            await llama.ready()
            await llama.idle()
            context = build_context(SYSTEM, (), "rice " * 12_000, window=30_000)
            async with aclosing(llama.provider.stream(context)) as parts:
                # "llama has not responded yet" may come first, before the server has begun.
                while not is_progress(await anext(parts)):
                    pass
            await llama.idle()
            stopped_at = await last_prompt(tmp_path)

        assert stopped_at < 6_000

    async def test_a_second_chat_is_told_that_it_waits_and_a_hasty_one_goes_first(
        self, endless, tmp_path
    ):
        async with running_llama(endless, tmp_path) as llama:
            await llama.ready()
            await llama.idle()
            # The router asks this first, and with it comes the number of slots.
            await llama.provider.profile()
            order, waiting = [], asyncio.Event()

            async def ask(name, *, concise=False):
                stream = llama.provider.stream(
                    build_context(SYSTEM, (), name), concise=concise, chat_key=name
                )
                async with aclosing(stream) as parts:
                    async for part in parts:
                        if isinstance(part, StatusNote):
                            order.append((name, part.text))
                            waiting.set()
                        if isinstance(part, Delta):
                            order.append((name, ""))
                            return

            async with aclosing(llama.provider.stream(build_context(SYSTEM, (), "first"))) as first:
                while not isinstance(await anext(first), Delta):
                    pass
                async with asyncio.TaskGroup() as group:
                    group.create_task(ask("second"))
                    await waiting.wait()
                    waiting.clear()
                    group.create_task(ask("vv", concise=True))
                    await waiting.wait()
                    await first.aclose()

        assert order[0] == ("second", "Waiting: one answer is ahead of yours.")
        assert [name for name, note in order if not note] == ["vv", "second"]


class TestLife:
    async def test_whoever_asks_while_it_loads_is_told_and_answered(self, chatml, tmp_path):
        async with running_llama(chatml, tmp_path) as llama:
            with pytest.raises(Loading):
                llama.server.ensure_ready("llama")
            parts = await llama.ask("tell about rice")

        assert StatusNote("llama is loading its model; your answer will follow.") in parts
        assert words(parts).strip() == REPLY

    async def test_it_comes_back_from_the_dead_and_the_question_is_answered(
        self, chatml, tmp_path, caplog
    ):
        async with running_llama(chatml, tmp_path) as llama:
            await llama.ask("tell about rice")
            os.kill(llama.server.pid or 0, signal.SIGKILL)
            parts = await llama.ask("tell about tea")

        assert words(parts).strip() == REPLY
        assert llama.server.starts == 2
        assert "local model failed: it was killed, most likely" in caplog.text

    async def test_it_sleeps_when_nobody_asks_and_wakes_for_a_question(self, chatml, tmp_path):
        async with running_llama(chatml, tmp_path, sleep_seconds=1) as llama:
            await llama.ready()
            await llama.sleeping()
            parts = await llama.ask("tell about rice")

        assert words(parts).strip() == REPLY
        assert llama.server.starts == 1

    async def test_a_death_in_mid_answer_is_made_good_from_the_beginning(self, models, tmp_path):
        # A quick one would have said it all before anybody gets to kill it.
        slow = make(models / "litany.gguf", size=SLOW, reply=LITANY)
        async with running_llama(slow, tmp_path) as llama:
            await llama.ready()
            stream = llama.router.stream(CompletionRequest(SYSTEM, (), "tell about rice"))
            begun = 0
            async with aclosing(stream) as parts:
                while begun < 2:
                    if not isinstance(await anext(parts), AnswerStarted):
                        continue
                    begun += 1
                    if begun == 1:
                        os.kill(llama.server.pid or 0, signal.SIGKILL)
                        await llama.until("loading")

        assert llama.server.starts == 2

    async def test_it_ends_with_the_bot(self, chatml, tmp_path):
        async with running_llama(chatml, tmp_path) as llama:
            await llama.ready()
            pid = llama.server.pid or 0
            assert alive(pid)

        assert not alive(pid)

    async def test_a_second_ambrosio_uses_the_server_of_the_first(self, chatml, tmp_path):
        async with running_llama(chatml, tmp_path) as first:
            await first.ready()
            async with running_llama(chatml, tmp_path) as second:
                parts = await second.ask("tell about rice")

        assert words(parts).strip() == REPLY
        assert second.server.pid is None

    @pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
    @pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
    async def test_it_does_not_outlive_a_killed_bot(self, chatml, tmp_path, number):
        script = (
            "import asyncio, sys\n"
            "from pathlib import Path\n"
            "from tests.support.running_llama import running_llama\n"
            "async def main():\n"
            "    async with running_llama(sys.argv[1], Path(sys.argv[2])) as llama:\n"
            "        await llama.ready()\n"
            "        print(llama.server.pid, flush=True)\n"
            "        await asyncio.Event().wait()\n"
            "asyncio.run(main())\n"
        )
        parent = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", script, str(chatml), str(tmp_path)),
            stdout=asyncio.subprocess.PIPE,
            cwd=ROOT,
        )
        assert parent.stdout is not None
        pid = int(await parent.stdout.readline())
        ending = os.pidfd_open(pid)
        gone = asyncio.Event()
        asyncio.get_running_loop().add_reader(ending, gone.set)
        parent.send_signal(number)
        await parent.wait()

        async with asyncio.timeout(PATIENCE_SECONDS):
            await gone.wait()

        asyncio.get_running_loop().remove_reader(ending)
        os.close(ending)
        assert not alive(pid)


class TestWhatIsWrong:
    async def failure(self, model, folder):
        async with running_llama(model, folder) as llama:
            await llama.until("failed")
            with pytest.raises(NotRunning) as raised:
                llama.server.ensure_ready("llama")
            return raised.value

    async def test_a_file_that_is_not_there(self, tmp_path):
        failure = await self.failure(tmp_path / "no.gguf", tmp_path)

        path = tmp_path / "no.gguf"
        assert failure.user_message == (
            f"llama is not running: the file {path} does not exist. Correct `LLAMA_GGUF`."
        )

    async def test_a_file_cut_short(self, chatml, tmp_path):
        broken = tmp_path / "broken.gguf"
        broken.write_bytes(chatml.read_bytes()[:100_000])
        failure = await self.failure(broken, tmp_path)

        assert failure.reason == "broken.gguf is damaged or incomplete"

    async def test_a_kind_that_this_llama_cpp_does_not_know(self, models, tmp_path):
        model = make(models / "strange.gguf", architecture="strange")
        failure = await self.failure(model, tmp_path)

        assert failure.reason == "this version of llama.cpp does not support the model"

    async def test_a_model_larger_than_the_machine_is_refused_with_the_sum(self, chatml, tmp_path):
        huge = tmp_path / "huge.gguf"
        huge.write_bytes(chatml.read_bytes())
        os.truncate(huge, 4_000_000_000_000)
        failure = await self.failure(huge, tmp_path)

        assert failure.reason.startswith(
            "the model needs 4000.6 GB of memory: 4000.0 GB for its weights"
        )
        assert "are free" in failure.reason

    async def test_one_that_dies_again_and_again_is_explained(self, chatml, tmp_path):
        async with running_llama(chatml, tmp_path) as llama, asyncio.timeout(PATIENCE_SECONDS):
            while llama.server.status.state != "failed":
                if llama.server.status.state == "ready":
                    os.kill(llama.server.pid or 0, signal.SIGKILL)
                await llama.server.changed.wait()
            with pytest.raises(NotRunning) as raised:
                llama.server.ensure_ready("llama")
            await llama.ready()
            parts = await llama.ask("tell about rice")

        assert raised.value.reason == "it was killed, most likely because memory ran out"
        assert words(parts).strip() == REPLY

    async def test_others_answer_meanwhile(self, tmp_path):
        async with running_llama(tmp_path / "no.gguf", tmp_path) as llama:
            await llama.until("failed")
            with pytest.raises(AllProvidersFailed) as raised:
                await llama.ask("tell about rice")

        assert [type(cause) for cause in raised.value.causes] == [NotRunning]
