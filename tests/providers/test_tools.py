"""Tools in the requests and answers of one provider, against the emulated servers."""

import json
from contextlib import asynccontextmanager

import httpx
import pytest

from ambrosio.config.provider import ProviderConfig
from ambrosio.core.context_window import ModelProfile, PastTurn, build_context
from ambrosio.core.messages import AnswerFinished, AnswerStarted, Delta
from ambrosio.core.provider_errors import ServerError
from ambrosio.core.tools import ToolCall, ToolDefinition, ToolResult, ToolRound, ToolUse
from ambrosio.emulators.model_server.server import (
    Calls,
    ErrorObject,
    ErrorStatus,
    FakeModelServer,
    Says,
    SaysNothing,
)
from ambrosio.providers.openai_compatible import OpenAIProvider

SCHEMA = {"type": "object", "properties": {"expression": {"type": "string"}}}
TOOL = ToolDefinition("calculator", "Works out arithmetic.", SCHEMA)
OFFERED = ToolUse((TOOL,))
CALL = ToolCall("abcdefgh1", "calculator", '{"expression": "2+2"}')
ROUND = ToolRound((CALL,), (ToolResult("4"),))
FAILED_TO_PARSE = "Failed to parse input at pos 12: </tool_call>"


@asynccontextmanager
async def talking(server, **row):
    kind = {"server_kind": server.server_kind, "model": "stand-in"}
    async with server.serving() as url, httpx.AsyncClient(verify=False) as http:
        yield OpenAIProvider("it", ProviderConfig(base_url=url, **kind, **row), http)


async def ask(provider, tools=OFFERED, *, history=(), concise=False):
    profile = await provider.profile()
    context = build_context(
        "Be brief.", history, "two and two?", profile=profile, tools=tools, concise=concise
    )
    return [event async for event in provider.stream(context, concise=concise)]


def finished(events):
    (event,) = (event for event in events if isinstance(event, AnswerFinished))
    return event


def text(events):
    return "".join(event.text for event in events if isinstance(event, Delta))


@pytest.mark.parametrize("kind", ["llama", "together"])
async def test_a_call_comes_whole_however_the_server_sends_it(kind):
    server = FakeModelServer(server_kind=kind, tools=True)
    server.script(Calls("calculator", CALL.arguments, whole=kind == "together"))
    async with talking(server) as provider:
        events = await ask(provider)
    (call,) = finished(events).calls
    assert (call.name, call.arguments, call.fault) == ("calculator", CALL.arguments, "")
    assert isinstance(next(event for event in events), AnswerStarted)


async def test_the_request_names_the_tools_and_the_last_one_allows_no_call():
    server = FakeModelServer(tools=True)
    async with talking(server) as provider:
        await ask(provider)
        await ask(provider, ToolUse((TOOL,), (ROUND,), must_answer=True))
    first, second = (request.body for request in server.requests)
    function = {"name": TOOL.name, "description": TOOL.description, "parameters": SCHEMA}
    assert first["tools"] == second["tools"] == [{"type": "function", "function": function}]
    assert "tool_choice" not in first
    assert second["tool_choice"] == "none"
    assert [message["role"] for message in second["messages"]][1:] == ["user", "assistant", "tool"]
    assert second["messages"][:2] == first["messages"]


@pytest.mark.parametrize("row", [{}, {"tools": False}])
async def test_a_model_without_tools_is_shown_none_and_reads_what_they_found_as_text(row):
    server = FakeModelServer(tools=bool(row))
    async with talking(server, **row) as provider:
        past = PastTurn(1, "one and one?", "2", rounds=(ROUND,))
        await ask(provider, ToolUse((TOOL,), (ROUND,)), history=(past,))
    body = server.requests[0].body
    assert "tools" not in body
    assert [message["role"] for message in body["messages"]] == [
        *("system", "user", "assistant", "user")
    ]
    assert body["messages"][-1]["content"] == "two and two?\n\n(Found for this: 4)"


async def test_the_row_says_that_a_model_has_tools_although_its_server_does_not():
    async with talking(FakeModelServer(), tools=True) as provider:
        assert (await provider.profile()).tools


@pytest.mark.parametrize(
    "failure",
    [
        ErrorStatus(500, "server_error", FAILED_TO_PARSE),
        ErrorObject(message=FAILED_TO_PARSE),
        ErrorObject("Let me", message=FAILED_TO_PARSE),
        SaysNothing(),
        Says('<tool_call>{"name": "calculator", "argu'),
        Says('<tool_call>{"name": "rm", "arguments": {}}</tool_call>'),
    ],
)
async def test_a_call_that_its_server_cannot_read_is_asked_for_once_more_without_tools(failure):
    server = FakeModelServer(tools=True)
    server.script(failure, Says("Four."), Says("Five."))
    async with talking(server) as provider:
        first = await ask(provider, ToolUse((TOOL,), (ROUND,)))
        await ask(provider)
    assert text(first).endswith("Four.")
    assert "<tool_call>" not in text(first)
    assert ["tools" in request.body for request in server.requests] == [True, False, True]
    assert server.requests[1].body["messages"][-1]["role"] == "user"


async def test_the_same_failure_without_tools_is_the_servers():
    server = FakeModelServer()
    server.script(ErrorStatus(500, "server_error", FAILED_TO_PARSE))
    async with talking(server) as provider:
        with pytest.raises(ServerError):
            await ask(provider)
    assert len(server.requests) == 1


@pytest.mark.parametrize("names_it", [True, False])
async def test_a_server_that_refuses_tools_is_not_sent_them_again(names_it):
    server = FakeModelServer(server_kind="together")
    if names_it:
        server.refuses = {"tools"}
    else:
        server.script(ErrorStatus(400, message="no"), Says("Four."))
    async with talking(server) as provider:
        await ask(provider)
        assert not (await provider.profile()).tools
        await ask(provider)
    assert ["tools" in request.body for request in server.requests] == [True, False, False]


async def test_a_refusal_for_another_reason_does_not_cost_a_model_its_tools():
    server = FakeModelServer(server_kind="together")
    server.script(*[ErrorStatus(400, message="no")] * 2, Says("Four."))
    async with talking(server) as provider:
        await ask(provider, concise=True)
        assert (await provider.profile()).tools


@pytest.mark.parametrize(
    ("said", "must_answer", "calls"),
    [
        (f'<tool_call>\n{{"name": "calculator", "arguments": {CALL.arguments}}}</tool_call>', 0, 1),
        (f'Four.\n<tool_call>{{"name": "calculator", "arguments": {CALL.arguments}}}', 0, 0),
        ('Four.\n<tool_call>{"name": "calculator"}</tool_call>', 1, 0),
    ],
)
async def test_a_call_written_as_text_is_never_shown(said, must_answer, calls):
    server = FakeModelServer(tools=True)
    server.script(Says(said))
    async with talking(server) as provider:
        events = await ask(provider, ToolUse((TOOL,), must_answer=bool(must_answer)))
    assert text(events).strip() == ("" if calls else "Four.")
    assert len(finished(events).calls) == calls


@pytest.mark.parametrize(
    ("item", "fault"),
    [
        (Calls("calculator", '{"expression": "2+', finish="length"), "cut off"),
        (Calls("calculator", '{"expression": 2+2}'), "not a JSON object"),
    ],
)
async def test_arguments_that_do_not_parse_are_not_kept(item, fault):
    server = FakeModelServer(tools=True)
    server.script(item)
    async with talking(server) as provider:
        (call,) = finished(await ask(provider)).calls
    assert json.loads(call.arguments) == {}
    assert fault in call.fault


def test_definitions_and_rounds_count_in_the_window():
    def tokens(**given):
        profile = ModelProfile(tools=True)
        return build_context("s", (), "q", profile=profile, **given).tokens

    assert tokens(tools=OFFERED) > tokens() + 20
    assert tokens(tools=ToolUse((TOOL,), (ROUND,))) > tokens(tools=OFFERED)


def test_a_cut_leaves_out_a_call_and_its_result_together():
    past = [
        PastTurn(number, "q" * 900, "a", rounds=(ToolRound((CALL,), (ToolResult("r" * 900),)),))
        for number in range(9)
    ]
    profile = ModelProfile(window=4096, tools=True)
    built = build_context("s", tuple(past), "q", profile=profile, tools=OFFERED)
    assert built.dropped_turns
    roles = [message.role for message in built.messages[1:-1]]
    assert roles == ["user", "assistant", "tool", "assistant"] * (len(roles) // 4)
