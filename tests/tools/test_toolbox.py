import pytest

from ambrosio.core.context_window import PastTurn
from ambrosio.core.messages import TERMINAL, Chat, Turn
from ambrosio.core.tool_policy import ToolKind
from ambrosio.core.tools import ToolCall, ToolDefinition, ToolResult, ToolRound
from ambrosio.tools.calculator import Calculator
from ambrosio.tools.tool import ToolContext
from ambrosio.tools.toolbox import Toolbox

PRIVATE_CHAT, GROUP = Chat(7), Chat(-7)


class Probe:
    """A tool that says what it was given."""

    def __init__(self, name, **flags):
        schema = {
            "type": "object",
            "properties": {"word": {"type": "string"}, "kind": {"enum": ["a", "b"]}},
            "required": ["word"],
        }
        self.definition = ToolDefinition(name, "A probe.", schema, **flags)

    def note(self, arguments):
        return f"Probing {arguments['word']}"

    async def run(self, arguments, context):
        return ToolResult(repr(dict(arguments)))


def turn(chat=PRIVATE_CHAT, **values):
    return Turn(chat, 1, 7, "?", **values)


def context(asked=None, history=(), rounds=()):
    return ToolContext(asked or turn(), history, rounds, 0.0, "UTC", lambda _: None)


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        (turn(), ["anywhere", "web", "memory"]),
        (turn(local_only=True), ["anywhere", "memory"]),
        (turn(GROUP), ["anywhere", "web"]),
        (turn(GROUP, local_only=True), ["anywhere"]),
        (turn(TERMINAL), ["anywhere", "web"]),
    ],
)
def test_the_list_of_a_turn_is_in_a_fixed_order_and_without_what_must_not_be_there(asked, names):
    toolbox = Toolbox(
        [
            Probe("anywhere"),
            Probe("web", kind=ToolKind.SEARCH),
            Probe("memory", in_groups=False, in_terminal=False),
        ]
    )
    assert [tool.name for tool in toolbox.offered(asked)] == names


@pytest.mark.parametrize(
    ("call", "content"),
    [
        (ToolCall("1", "probe", '{"word": "x"}'), "{'word': 'x'}"),
        (ToolCall("1", "probe", '{"word": 2.5}'), "{'word': '2.5'}"),
        (ToolCall("1", "probe", "{}"), "Error: Missing: word."),
        (ToolCall("1", "probe", '{"word": ["x"]}'), "Error: word must be a text."),
        (
            ToolCall("1", "probe", '{"word": "x", "kind": "c"}'),
            "Error: kind must be one of: a, b.",
        ),
        (ToolCall("1", "probe", "{}", fault="Not JSON."), "Error: Not JSON."),
        (ToolCall("1", "web", '{"word": "x"}'), "Error: there is no tool web."),
        (ToolCall("1", "rm", "{}"), "Error: there is no tool rm."),
    ],
)
async def test_a_call_is_checked_and_only_an_offered_tool_is_run(call, content):
    toolbox = Toolbox([Probe("probe"), Probe("web", kind=ToolKind.SEARCH)])
    offered = toolbox.offered(turn(local_only=True))
    assert (await toolbox.run(call, context(), offered)).content == content


def test_a_person_who_waits_is_told_what_is_done():
    toolbox = Toolbox([Probe("probe")])
    assert toolbox.note(ToolCall("1", "probe", '{"word": "x"}')) == "Probing x"
    assert toolbox.note(ToolCall("1", "probe", "{}")) == ""
    assert toolbox.note(ToolCall("1", "other", "{}")) == ""


@pytest.mark.parametrize(
    "where",
    [
        context(turn(from_outside=True)),
        context(history=(PastTurn(1, "?", "!", from_outside=True),)),
        context(rounds=(ToolRound((), (ToolResult("page", from_outside=True),)),)),
    ],
)
def test_what_was_read_from_outside_is_known_for_the_rest_of_the_conversation(where):
    assert where.situation.read_outside
    assert not context().situation.read_outside


async def test_a_long_result_is_cut():
    class Long(Probe):
        async def run(self, arguments, context):
            return ToolResult("x" * 50_000)

    toolbox = Toolbox([Long("long")])
    result = await toolbox.run(
        ToolCall("1", "long", '{"word": "x"}'), context(), toolbox.offered(turn())
    )
    assert len(result.content) <= 6000


@pytest.mark.parametrize(
    ("expression", "content", "line"),
    [
        ("17 % of 4,380", "744.60", "calculated: 17 % of 4,380 = 744.60"),
        ("10 / 3 =", "3.3333333333", "calculated: 10 / 3 ≈ 3.3333333333"),
    ],
)
async def test_the_calculator_shows_what_it_worked_out(expression, content, line):
    result = await Calculator().run({"expression": expression}, context())
    assert (result.content, result.line) == (content, line)
