from typing import Any

import httpx
import pytest

from ambrosio.config.provider import ProviderConfig
from ambrosio.core.tools import ToolCall
from ambrosio.emulators.model_server.server import Calls, ErrorStatus, FakeModelServer, Says
from ambrosio.providers.openai_compatible import OpenAIProvider
from ambrosio.rice.runner import Contestant
from ambrosio.rice.tools import ToolQuestion, format_scores, load_tool_questions, run_tool_test
from ambrosio.router import Router
from ambrosio.tools.registry import make_tools

QUESTIONS = load_tool_questions()


async def score(store, server, questions=QUESTIONS):
    definitions = tuple(tool.definition for tool in make_tools(store))
    async with server.serving() as url, httpx.AsyncClient(verify=False) as http:
        row = ProviderConfig(base_url=url, server_kind="llama")
        provider = OpenAIProvider("it", row, http)
        router = Router({"it": provider}, ("it",), now=lambda: 0.0)
        return await run_tool_test(router, Contestant(provider), definitions, questions, "s")


def test_the_shipped_questions_need_tools_that_there_are(store):
    definitions = {tool.definition.name: tool.definition for tool in make_tools(store)}
    needed = [question for question in QUESTIONS.values() if question.tool]
    assert (len(needed), len(QUESTIONS)) == (20, 40)
    for question in needed:
        properties: Any = definitions[question.tool].parameters["properties"]
        assert set(question.arguments) <= set(properties)


async def test_the_stand_in_does_as_a_large_model_does(store):
    found = await score(store, FakeModelServer(tools=True))
    assert (found.right_tool, found.right_arguments, found.restrained) == (20, 20, 20)
    assert found.definition_tokens
    assert "right arguments 20 of 20, restraint 20 of 20" in format_scores([found])


async def test_what_went_wrong_is_counted_and_shown(store):
    server = FakeModelServer(tools=True)
    server.script(Calls("calculator", '{"expression": "17 * 4380"}'), Says("No usage, please."))
    server.script(Says("About 744."), Calls("remember", "{}"), ErrorStatus(401))
    asked = {name: QUESTIONS[name] for name in ("percentage", "division", "sky", "poem")}
    found = await score(store, server, asked)
    assert (found.right_tool, found.right_arguments, found.needed) == (1, 0, 2)
    assert (found.restrained, found.needless, found.failures) == (0, 1, 1)
    assert found.missed == [
        'percentage: calculator{"expression": "17 * 4380"}',
        "division: no call",
        "sky: remember{}",
    ]


async def test_a_model_that_cannot_call_tools_is_not_asked(store):
    server = FakeModelServer()
    found = await score(store, server)
    assert server.requests == []
    assert "cannot call tools" in format_scores([found])


@pytest.mark.parametrize(
    ("arguments", "right"),
    [
        ('{"expression": "4380 * 0.17"}', True),
        ('{"expression": "4,380 * 17%"}', True),
        ('{"expression": "744"}', False),
        ('{"expression": "17 of 4380"}', False),
        ("{}", False),
    ],
)
def test_a_calculation_is_right_if_it_comes_to_the_value(arguments, right):
    question = ToolQuestion(ask="?", tool="calculator", value="744.6")
    assert question.is_passed_on(ToolCall("1", "calculator", arguments)) is right
