"""A page is fetched from the internet, and from nowhere else, whoever asks."""

import asyncio

import httpx
import pytest
from starlette.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse

from ambrosio.core.errors import PageNotRead
from ambrosio.emulators.loopback import bind_loopback
from ambrosio.emulators.web import FakeWeb
from ambrosio.tools.fetching import MAX_BYTES, PageFetcher, may_connect, parse_url

HOME = "127.0.0.1"
INSIDE = "127.0.0.66"


@pytest.fixture
async def web():
    web = FakeWeb(pages={"/rice": HTMLResponse("<p>Rice")})
    async with web.serving():
        yield web


def fetcher(http, names=None, **options):
    """Fetch from the emulated web: names lead where they are told, and only there is the internet.

    A name with several lists of addresses gives the next one each time that it is asked for.
    """
    names = {"news.example": [[HOME]], **(names or {})}

    async def resolve(host, _port):
        if host not in names:
            raise OSError
        return names[host].pop(0) if len(names[host]) > 1 else names[host][0]

    return PageFetcher(http, resolve=resolve, may_connect=lambda one: one == HOME, **options)


async def fetch(web, path="/rice", names=None, *, host="news.example", **options):
    port = httpx.URL(web.url).port
    async with httpx.AsyncClient(trust_env=False, verify=False) as http:
        http.cookies.set("session", "secret")
        http.headers["Authorization"] = "Bearer secret"
        return await fetcher(http, names, **options).fetch(f"http://{host}:{port}{path}")


async def refused(web, *args, **options):
    with pytest.raises(PageNotRead) as failed:
        await fetch(web, *args, **options)
    return failed.value.reason


async def test_a_page_comes_from_the_address_that_was_checked(web):
    page = await fetch(web, "/rice?q=1#top")

    assert page.content == b"<p>Rice"
    assert page.media_type.startswith("text/html")
    assert page.url.endswith("/rice?q=1")
    (request,) = web.requests
    assert request.host.startswith("news.example:")
    assert "secret" not in request.text


async def test_the_name_is_resolved_once_for_each_connection(web):
    page = await fetch(web, names={"news.example": [[HOME], [INSIDE]]})

    assert page.content


@pytest.mark.parametrize("addresses", [[INSIDE], [HOME, INSIDE], []])
async def test_a_name_that_leads_inside_is_not_asked(web, addresses):
    reason = await refused(web, names={"news.example": [addresses]})

    assert reason == "it is not on the public internet"
    assert web.requests == []


async def test_a_redirect_is_checked_like_the_first_address(web):
    web.pages["/go"] = RedirectResponse("http://router.example/admin")
    web.pages["/raw"] = RedirectResponse("http://169.254.169.254/latest/meta-data")
    web.pages["/again"] = RedirectResponse("/rice")
    web.pages["/file"] = RedirectResponse("file:///etc/passwd")
    names = {"router.example": [[INSIDE]], "169.254.169.254": [["169.254.169.254"]]}

    assert await refused(web, "/go", names) == "it is not on the public internet"
    assert await refused(web, "/raw", names) == "it is not on the public internet"
    assert await refused(web, "/file", names) == "that is not the address of a web page"
    # A name that leads elsewhere the second time it is asked for.
    rebound = {"news.example": [[HOME], [INSIDE]]}
    assert await refused(web, "/again", rebound) == "it is not on the public internet"
    assert [request.path for request in web.requests] == ["/go", "/raw", "/file", "/again"]
    assert (await fetch(web, "/again")).content == b"<p>Rice"


async def test_redirects_come_to_an_end(web):
    web.pages["/round"] = RedirectResponse("/round")

    assert await refused(web, "/round") == "it redirects too often"
    assert len(web.requests) == 6


async def test_no_cookie_is_taken_along(web):
    first = RedirectResponse("/rice")
    first.set_cookie("who", "anna")
    web.pages["/login"] = first

    await fetch(web, "/login")

    assert "anna" not in web.requests[-1].text


async def endless(piece):
    while True:
        yield piece
        await asyncio.sleep(0)


async def test_what_is_too_much_is_left(web):
    web.pages["/big"] = HTMLResponse("x" * (MAX_BYTES + 1))
    web.pages["/endless"] = StreamingResponse(endless(b"x" * 1000), media_type="text/html")
    web.pages["/full"] = HTMLResponse("x" * MAX_BYTES)

    assert await refused(web, "/big") == "it is larger than 2 MB"
    assert await refused(web, "/endless") == "it is larger than 2 MB"
    assert len((await fetch(web, "/full")).content) == MAX_BYTES


async def never():
    yield b"<p>"
    await asyncio.Event().wait()


async def test_what_takes_too_long_is_left(web):
    web.pages["/slow"] = StreamingResponse(never(), media_type="text/html")

    assert await refused(web, "/slow", total_seconds=0.2) == "it took too long"


@pytest.mark.parametrize(
    ("response", "reason"),
    [
        (Response(b"PK", media_type="application/zip"), "it is not a page of text"),
        (Response(b"x", media_type="image/svg+xml"), "it is not a page of text"),
        (HTMLResponse("no", 404), "its server answered 404"),
        (HTMLResponse("no", 204), "its server answered 204"),
        (
            HTMLResponse(b"\x1f\x8b", headers={"Content-Encoding": "gzip"}),
            "it is compressed, which I cannot read",
        ),
    ],
)
async def test_only_text_is_taken(web, response, reason):
    web.pages["/it"] = response

    assert await refused(web, "/it") == reason


async def test_a_server_that_is_not_there_is_named(web):
    assert await refused(web, host="nowhere.example") == "there is no such address"
    web.url = f"http://127.0.0.1:{unused_port()}"
    assert await refused(web) == "its server cannot be reached"


def unused_port():
    with bind_loopback() as listener:
        return listener.getsockname()[1]


async def test_another_address_of_the_same_name_is_tried(web):
    asked = []

    class FirstRefuses(httpx.AsyncHTTPTransport):
        async def handle_async_request(self, request):
            asked.append(request.url.host)
            if request.url.host == "127.0.0.2":
                raise httpx.ConnectError("refused")
            return await super().handle_async_request(request)

    async def resolve(_host, _port):
        return ["127.0.0.2", HOME]

    async with httpx.AsyncClient(transport=FirstRefuses()) as http:
        pages = PageFetcher(http, resolve=resolve, may_connect=lambda _: True)
        page = await pages.fetch(f"http://news.example:{httpx.URL(web.url).port}/rice")
    assert page.content
    assert asked == ["127.0.0.2", HOME]


async def test_tls_is_spoken_with_the_name_and_not_with_the_address():
    heard = asyncio.get_running_loop().create_future()

    async def listen(reader, writer):
        heard.set_result(await reader.read(4096))
        writer.close()

    with bind_loopback() as listener:
        server = await asyncio.start_server(listen, sock=listener)
        async with server, httpx.AsyncClient(trust_env=False, verify=False) as http:
            port = listener.getsockname()[1]
            with pytest.raises(PageNotRead):
                await fetcher(http).fetch(f"https://news.example:{port}/")
            hello = await heard
    assert b"news.example" in hello


@pytest.mark.parametrize(
    "url",
    [
        *("ftp://news.example/", "file:///etc/passwd", "javascript:alert(1)", "data:,x", "//x", ""),
        *("http://", "http:///x", "http://anna:pw@news.example/", "http://token@news.example/"),
        *("http://news.example:22/", "http://news.example:0/", "http://news.example:99999/"),
        *("http://new%73.example/", "http://" + "a" * 3000, "http://[::1", "http://a b/"),
        *("unix:///run/x.sock", "http+unix://x", "http://xn--\u0080/", "http://news.example:x/"),
    ],
)
def test_what_is_no_address_of_a_page_is_refused(url):
    with pytest.raises(PageNotRead):
        parse_url(url)


@pytest.mark.parametrize(
    "url",
    [
        *("http://127.0.0.1/", "http://127.1/", "http://2130706433/", "http://0x7f000001/"),
        *("http://[::1]/", "http://[::ffff:127.0.0.1]/", "http://localhost/", "http://localhost./"),
        *("http://0/", "http://0177.0.0.1/", "http://①②⑦.0.0.1/", "http://127。0。0。1/"),
    ],
)
async def test_no_spelling_leads_to_this_machine(url):
    async with httpx.AsyncClient(trust_env=False, verify=False) as http:
        with pytest.raises(PageNotRead):
            await PageFetcher(http).fetch(url)


def test_this_machines_own_addresses_are_not_the_internet():
    assert may_connect("93.184.215.14")
    assert not may_connect("127.0.0.1")


def test_an_address_that_this_machine_has_is_refused_even_if_it_is_public(monkeypatch):
    monkeypatch.setattr("ambrosio.tools.fetching.is_internet_address", lambda _: True)

    assert not may_connect("127.0.0.1")
    assert may_connect("93.184.215.14")
