"""The tools of the web: whose words go out, what is read, and what comes back."""

import json
from decimal import Decimal

import httpx
import pytest
from starlette.responses import HTMLResponse, Response

from ambrosio.core.context_window import PastTurn
from ambrosio.core.messages import Chat, Turn
from ambrosio.core.tool_policy import ArgumentSource
from ambrosio.core.tools import Source, ToolCall, ToolResult, ToolRound
from ambrosio.emulators.web import FakeWeb, WebPage
from ambrosio.media.client import MediaClient
from ambrosio.router import Router
from ambrosio.router.budget import Budget
from ambrosio.tools.fetching import PageFetcher
from ambrosio.tools.metered_search import MeteredSearch
from ambrosio.tools.own_words import source_of_address, source_of_query
from ambrosio.tools.page_reader import PageReader
from ambrosio.tools.read_page import ReadPage
from ambrosio.tools.search_engines import SearxNg
from ambrosio.tools.tool import ToolContext
from ambrosio.tools.toolbox import Toolbox
from ambrosio.tools.web_search import WebSearch

from ..support.echo import Echo

PERSON, SEARCH, MODEL = ArgumentSource
RICE = "http://news.example:{port}/rice"


def context(question="?", *, history=(), rounds=(), **turn):
    asked = Turn(Chat(7), 1, 7, question, **turn)
    return ToolContext(asked, tuple(history), tuple(rounds), 0.0, "UTC", lambda _: None)


def past(question, *, url="", name="web_search", **fields):
    result = ToolResult("", from_outside=True, sources=(Source("t", url),))
    rounds = (ToolRound((ToolCall("1", name, "{}"),), (result,)),) if url else ()
    return PastTurn(1, question, "Fine.", rounds=rounds, read_outside=bool(url), **fields)


@pytest.mark.parametrize(
    ("query", "told", "source"),
    [
        ("basmati harvest 2026", context("How is the Basmati harvest of 2026?"), PERSON),
        ("basmati anna@x.org", context("How is the basmati harvest?"), MODEL),
        ("basmati", context("basmati", from_outside=True), MODEL),
        ("basmati price", context("And the price?", history=[past("basmati?")]), PERSON),
        ("basmati", context("And?", history=[past("basmati?", url="http://x.example")]), PERSON),
        ("basmati", context("And?", history=[past("basmati?", from_outside=True)]), MODEL),
        ("Fine", context("And?", history=[past("Basmati?")]), MODEL),
    ],
)
def test_a_query_is_the_persons_if_every_word_is(query, told, source):
    assert source_of_query(query, told) is source


@pytest.mark.parametrize(
    ("url", "told", "source"),
    [
        ("https://x.example/a", context("Read https://x.example/a."), PERSON),
        ("https://x.example/a", context("Read (https://X.example/a)!"), PERSON),
        ("https://x.example/a", context("HTTPS://x.example:443/a#part"), PERSON),
        ("https://x.example/a_(b)", context("see https://x.example/a_(b), or not"), PERSON),
        ("https://x.example/a?memory=vegetarian", context("https://x.example/a"), MODEL),
        ("https://x.example/", context("https://x.example/a"), MODEL),
        ("http://x.example/a", context("https://x.example/a"), MODEL),
        ("https://x.example/a", context("https://x.example/a", from_outside=True), MODEL),
        ("https://x.example/a", context("?", history=[past("https://x.example/a")]), PERSON),
        (
            "https://x.example/a",
            context("?", history=[past("?", url="https://x.example/a")]),
            SEARCH,
        ),
        (
            "https://x.example/a",
            context("?", history=[past("?", url="https://x.example/a", name="notes_read")]),
            MODEL,
        ),
        (
            "https://x.example/b",
            context("?", history=[past("?", url="https://x.example/a")]),
            MODEL,
        ),
        ("file:///etc/passwd", context("Read file:///etc/passwd"), MODEL),
        ("", context(""), MODEL),
    ],
)
def test_an_address_is_given_by_the_person_by_the_search_or_by_nobody(url, told, source):
    assert source_of_address(url, told) is source


class House:
    """Both tools, with a model that repeats what it is told, on the emulated web."""

    def __init__(self, web, http, store, clock):
        self.web, self.model, self.visits = web, Echo("one"), []
        budget = Budget(now=clock, ledger=store.ledger, ceiling=Decimal(5))
        router = Router({"one": self.model}, ("one",), now=clock, sleep=clock.sleep, budget=budget)

        async def resolve(_host, _port):
            return ["127.0.0.1"]

        fetcher = PageFetcher(http, resolve=resolve, may_connect=lambda _: True)
        search = MeteredSearch(
            SearxNg(web.url, http),
            budget=budget,
            searches_since=lambda since: store.ledger.count("search", since),
            max_per_day=3,
            now=clock,
        )
        self.store = store
        self.toolbox = Toolbox(
            [
                WebSearch(search),
                ReadPage(fetcher, PageReader(router, MediaClient(), record=self.visit)),
            ]
        )

    def visit(self, chat, provider):
        self.visits.append(provider)

    async def call(self, name, told, **arguments):
        call = ToolCall("1", name, json.dumps(arguments))
        return await self.toolbox.run(call, told, self.toolbox.offered(told.turn))


@pytest.fixture
async def house(store, clock):
    web = FakeWeb(hits=[WebPage("Basmati", "https://news.example/rice", "It is\ndear.")])
    web.pages["/rice"] = HTMLResponse("<title>Rice news</title><p>The harvest fell by 12 %.")
    async with web.serving(), httpx.AsyncClient(trust_env=False, verify=False) as http:
        yield House(web, http, store, clock)


def rice(house):
    return RICE.format(port=httpx.URL(house.web.url).port)


async def test_a_search_comes_back_as_a_quotation_with_its_sources(house):
    result = await house.call("web_search", context("?"), query="basmati  harvest")

    assert result.line == "searched: basmati harvest"
    assert result.content.splitlines()[1:] == [
        "> 1. Basmati",
        "> https://news.example/rice",
        "> It is dear.",
    ]
    assert result.from_outside
    assert result.sources == (Source("Basmati", "https://news.example/rice"),)
    assert house.store.ledger.count("search", 0) == 1


async def test_a_page_is_read_by_a_call_that_knows_the_question_and_nothing_else(house):
    told = context(f"How was the harvest? {rice(house)}", history=[past("I am a vegetarian")])

    result = await house.call("read_page", told, url=rice(house))

    (seen,) = house.model.seen
    assert "The harvest fell by 12 %." in seen
    assert "How was the harvest?" in seen
    assert "vegetarian" not in seen
    assert house.visits == ["one"]
    assert result.line == "read: news.example"
    assert result.sources == (Source("Rice news", rice(house)),)
    assert result.from_outside
    assert all(line.startswith("> ") for line in result.content.splitlines()[1:])
    assert "12 %" in result.content


async def test_a_page_that_nobody_gave_is_not_asked_for(house):
    port = httpx.URL(house.web.url).port
    told = context("Read the page.", history=[past("hi", url=rice(house))])

    for url in (
        f"http://news.example:{port}/rice?word=vegetarian",
        f"http://vegetarian.news.example:{port}/",
        "http://127.0.0.1/",
    ):
        result = await house.call("read_page", told, url=url)
        (asked,) = result.effects
        assert (asked.shown, json.loads(asked.arguments)) == (url, {"url": url})
        assert not result.from_outside
    for url in ("nonsense", "file:///etc/passwd", "http://a:b@news.example/"):
        result = await house.call("read_page", told, url=url)
        assert result.content == "Error: url must be the whole address of a web page."
    assert house.web.requests == []
    assert house.model.seen == []
    assert (await house.call("read_page", told, url=rice(house))).line == "read: news.example"


async def test_after_something_from_outside_only_the_persons_words_are_searched_for(house):
    told = context("And in Pakistan?", history=[past("Basmati harvest?", url=rice(house))])

    asked = await house.call("web_search", told, query="Anna  is vegetarian")
    allowed = await house.call("web_search", told, query="basmati harvest pakistan")

    assert [effect.shown for effect in asked.effects] == ["Anna is vegetarian"]
    assert json.loads(asked.effects[0].arguments) == {"query": "Anna is vegetarian"}
    assert allowed.line == "searched: basmati harvest pakistan"
    assert len(house.web.queries) == 1


@pytest.mark.parametrize("query", ["", "   ", "x" * 151])
async def test_a_query_is_short(house, query):
    result = await house.call("web_search", context("?"), query=query)

    assert result.content == "Error: The query must have 1 to 150 characters."
    assert house.web.queries == []


async def test_nothing_of_it_is_there_where_something_is_local_only(house):
    told = context(f"Read {rice(house)}", local_only=True)

    assert house.toolbox.offered(told.turn) == ()
    for name, arguments in (("web_search", {"query": "x"}), ("read_page", {"url": rice(house)})):
        assert (await house.call(name, told, **arguments)).content.startswith("Error: there is no")
    assert house.web.requests == []


@pytest.mark.parametrize(
    ("page", "line"),
    [
        (None, "could not read news.example: its server answered 404"),
        (HTMLResponse(""), "could not read news.example: it is empty"),
        (
            HTMLResponse("<script>x</script>"),
            "could not read news.example: there is no text in it that I can read",
        ),
        (
            Response(b"\0\1\2" * 99, media_type="text/plain"),
            "could not read news.example: there is no text in it that I can read",
        ),
    ],
)
async def test_a_page_that_cannot_be_read_is_told(house, page, line):
    house.web.pages = {"/rice": page} if page else {}

    result = await house.call("read_page", context(rice(house)), url=rice(house))

    assert result.line == line
    assert result.content.startswith("Error: ")


@pytest.mark.parametrize(
    ("url", "sent"),
    [
        ("HTTP://News.Example:80/a b#part", "http://news.example/a%20b"),
        # Letters that look like others.
        ("http://\u0430pple.example/", "http://xn--pple-43d.example/"),
        ("http://x.example/\u202egpj", "http://x.example/%E2%80%AEgpj"),
    ],
)
async def test_an_address_is_shown_as_it_is_sent(house, url, sent):
    (asked,) = (await house.call("read_page", context("?"), url=url)).effects

    assert (asked.shown, json.loads(asked.arguments)) == (sent, {"url": sent})


async def test_a_search_that_fails_is_told(house):
    house.web.search_status = 500
    for _ in range(3):
        await house.call("web_search", context("?"), query="rice")
    result = await house.call("web_search", context("?"), query="rice")

    assert result.line == "could not search: the limit of 3 searches a day is reached"
    assert len(house.web.queries) == 3
