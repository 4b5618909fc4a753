import json
from dataclasses import replace

import pytest

from ambrosio.core.context_window import PastTurn
from ambrosio.core.messages import TERMINAL, Chat, Turn
from ambrosio.core.tool_policy import ArgumentSource, ToolKind
from ambrosio.core.tools import ProposedCall, ToolCall, ToolDefinition, ToolResult, ToolRound
from ambrosio.tools.asking import ASKED, ASKS, NOT_HERE, ONE_AT_A_TIME, UNREADABLE
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


@pytest.mark.parametrize(
    ("arguments", "asked", "told"),
    [
        ('{"word": "x"}', {}, ["Probing x"]),
        ("{}", {}, []),
        # It is only proposed, or refused: so it is no use of the tool.
        ('{"word": "x"}', {"from_outside": True}, []),
    ],
)
async def test_what_is_done_is_told_before_and_only_if_it_is_done(arguments, asked, told):
    toolbox, notes = Toolbox([Probe("probe", kind=ToolKind.SEARCH)]), []
    call, where = ToolCall("1", "probe", arguments), context(turn(**asked))
    await toolbox.run(
        call, where, toolbox.offered(turn()), begin=lambda _, note: notes.append(note)
    )
    assert notes == told


class Asker(Probe):
    def source(self, arguments, context):
        return ArgumentSource.MODEL

    def proposal(self, arguments):
        word = str(arguments["word"])
        return ProposedCall("probe", json.dumps({"word": word}), "Shall I?", word, "Do it")


PROPOSAL = ProposedCall("probe", '{"word": "x"}', "Shall I?", "x", "Do it")
ASKED_BEFORE = ToolResult("", effects=(PROPOSAL,))


@pytest.mark.parametrize("kind", sorted(ASKED))
@pytest.mark.parametrize(
    ("word", "changes", "content", "effects"),
    [
        ("x", {}, ASKS, (PROPOSAL,)),
        ("x", {"tapped": True}, "{'word': 'x'}", ()),
        ("x", {"round_results": (ASKED_BEFORE,)}, f"Error: {ONE_AT_A_TIME}", ()),
        ("x", {"rounds": (ToolRound((), (ASKED_BEFORE,)),)}, f"Error: {ONE_AT_A_TIME}", ()),
        ("x" * 501, {}, f"Error: {UNREADABLE}", ()),
        ("x\u202ey", {}, f"Error: {UNREADABLE}", ()),
        ("x\U000e0041", {}, f"Error: {UNREADABLE}", ()),
    ],
)
async def test_after_outside_text_the_person_is_asked_with_all_that_would_be_sent(
    kind, word, changes, content, effects
):
    toolbox = Toolbox([Asker("probe", kind=kind)])
    asked = turn(from_outside=True, local_only=kind is ToolKind.LOCAL_SERVER)
    where = replace(context(asked), **changes)

    call = ToolCall("1", "probe", json.dumps({"word": word}))
    result = await toolbox.run(call, where, toolbox.offered(asked))

    assert (result.content, result.effects) == (content, effects)


@pytest.mark.parametrize(
    ("tool", "asked"),
    [
        (Probe("probe", kind=ToolKind.SEARCH), turn(from_outside=True)),
        (Asker("probe", kind=ToolKind.SEARCH), turn(TERMINAL, from_outside=True)),
        (Asker("probe", kind=ToolKind.SEARCH), turn(local_only=True)),
    ],
)
async def test_where_nobody_can_be_asked_a_call_is_refused(tool, asked):
    toolbox = Toolbox([tool])
    call = ToolCall("1", "probe", '{"word": "x"}')
    result = await toolbox.run(call, context(asked), toolbox.offered(turn()))

    assert (result.content, result.effects) == (f"Error: {NOT_HERE}", ())


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
