"""What the two searches return, and what is said where they fail."""

import httpx
import pytest

from ambrosio.core.errors import SearchFailed
from ambrosio.emulators.web import BRAVE_KEY, FakeWeb, WebPage
from ambrosio.tools.search_engines import (
    Brave,
    SearchResult,
    SearxNg,
    make_engine,
)

RICE = WebPage(
    "Basmati <b>harvest</b> 2026", "https://news.example/rice", "It is &amp; stays\n dear."
)


@pytest.fixture
async def web():
    web = FakeWeb(hits=[RICE])
    async with web.serving():
        yield web


@pytest.fixture
async def engine(request, web):
    async with httpx.AsyncClient(trust_env=False, verify=False) as http:
        kinds = {"SearXNG": SearxNg(web.url, http), "Brave": Brave(BRAVE_KEY, http, web.url)}
        yield kinds[getattr(request, "param", "SearXNG")]


BOTH = pytest.mark.parametrize("engine", ["SearXNG", "Brave"], indirect=True)


@BOTH
async def test_a_search_returns_titles_addresses_and_two_lines(engine, web):
    reply = await engine.search("basmati harvest 2026")

    assert reply.results == (
        SearchResult("Basmati harvest 2026", "https://news.example/rice", "It is & stays dear."),
    )
    assert "q=basmati+harvest+2026" in web.requests[0].query


@BOTH
async def test_five_results_are_enough_and_what_is_no_page_is_none(engine, web):
    web.hits = [
        WebPage("", "https://untitled.example/"),
        WebPage("Inside", "ftp://x.example/"),
        WebPage("Script", "javascript:alert(1)"),
        WebPage("Password", "https://a:b@x.example/"),
        RICE,
        RICE,
        *(WebPage(f"No. {n} " + "x" * 500, f"https://x.example/{n}", "y" * 900) for n in range(9)),
    ]

    results = (await engine.search("x")).results

    assert [result.url[-2:] for result in results] == ["ce", "/0", "/1", "/2", "/3"]
    assert len(results[1].title) == 120
    assert len(results[1].text) == 220


async def test_searxng_says_which_engines_answered(engine, web):
    web.unresponsive = [("brave", "too many requests"), ("duckduckgo", "CAPTCHA")]

    reply = await engine.search("x")

    assert reply.answered == ("wikipedia",)
    assert reply.unresponsive == (("brave", "too many requests"), ("duckduckgo", "CAPTCHA"))


@pytest.mark.parametrize(
    ("engine", "status", "reason"),
    [
        ("SearXNG", 429, "its server refuses any more searches for now"),
        ("SearXNG", 500, "its server answered 500"),
        ("SearXNG", 302, "its server answered 302"),
        ("Brave", 401, "Brave rejects the key"),
        ("Brave", 402, "the account at Brave has no credit left"),
        ("Brave", 429, "its server refuses any more searches for now"),
    ],
    indirect=["engine"],
)
async def test_a_refusal_is_told_in_words(engine, web, status, reason):
    web.search_status = status

    with pytest.raises(SearchFailed) as failed:
        await engine.search("x")
    assert failed.value.reason == reason


async def test_a_searxng_without_json_is_told_how_to_switch_it_on(engine, web):
    web.json_enabled = False

    with pytest.raises(SearchFailed) as failed:
        await engine.search("x")
    assert failed.value.reason == "its server does not return JSON"
    assert "add `json` to `search: formats:`" in failed.value.fix


@pytest.mark.parametrize(
    "body",
    [b"<html>", b"[]", b"null", b"[" * 100_000, b'{"results": 1}', b'{"results": [1, {"url": 2}]}'],
)
async def test_nonsense_is_no_result(body):
    def answer(_request):
        return httpx.Response(200, content=body)

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
        try:
            found = (await SearxNg("http://search.example", http).search("x")).results
        except SearchFailed:
            found = ()
    assert found == ()


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (httpx.ConnectError("x"), "its server cannot be reached"),
        (httpx.ReadTimeout("x"), "its server did not answer in time"),
    ],
)
async def test_a_server_that_is_not_there_is_told(failure, reason):
    def answer(_request):
        raise failure

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
        with pytest.raises(SearchFailed) as failed:
            await SearxNg("http://search.example", http).search("x")
    assert failed.value.reason == reason


async def test_a_server_of_ones_own_comes_before_brave():
    async with httpx.AsyncClient(verify=False) as http:
        clients = {"http": http, "local_http": http}
        assert isinstance(make_engine(None, "key", **clients), Brave)
        assert isinstance(make_engine("http://127.0.0.1:8888", "key", **clients), SearxNg)
