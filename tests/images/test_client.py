"""The edge to image servers: what is asked, what comes back, and every way in which it fails."""

import asyncio
import base64
import json
from contextlib import aclosing
from decimal import Decimal

import httpx
import pytest

from ambrosio.config import image_models
from ambrosio.config.image_models import ImageModelConfig
from ambrosio.config.provider import ProviderConfig
from ambrosio.core import errors
from ambrosio.core.costs import Expense
from ambrosio.core.images import ImagePrompt
from ambrosio.core.messages import ModelRef
from ambrosio.images import validation
from ambrosio.images.client import Commission, ImageClient, ImageDone, ImageStarted
from ambrosio.images.fitting import ImageRequest
from ambrosio.providers.openai_compatible import OpenAIProvider
from ambrosio.router import ImageRouter
from ambrosio.router.budget import Budget, InMemoryLedger

from ..support import DATA
from ..support.running_bot import SDXL

PNG, WEBP = (DATA / "fox.png").read_bytes(), (DATA / "fox.webp").read_bytes()
BASE = "https://api.together.ai/v1"
REQUEST = ImageRequest(SDXL, "a fox", 1024, 768, seed=7, steps=30, negative_prompt="text")


def coded(*contents):
    data = [{"index": 0, "b64_json": base64.b64encode(each).decode()} for each in contents]
    return httpx.Response(200, json={"id": "1", "object": "list", "data": data})


def refusal(status, *, headers=None, **error):
    error = {"message": "no", "type": "x", "param": None, "code": None, **error}
    return httpx.Response(status, json={"error": error}, headers=headers)


def painter(http, *, name="together", rows=None, **row):
    fields = {"base_url": BASE, "api_key": "key", "server_kind": "together", "image_model": SDXL}
    provider = OpenAIProvider(name, ProviderConfig(**{**fields, **row}), http)
    return ImageClient(provider, rows or {}, http)


@pytest.fixture
async def http():
    async with httpx.AsyncClient() as client:
        yield client


def images(server, *answers):
    return server.post(f"{BASE}/images/generations").mock(side_effect=list(answers))


def sent(route, call=0):
    return json.loads(route.calls[call].request.content)


# --- what is asked --------------------------------------------------------------------------------


async def test_together_is_asked_in_its_own_way(http, server):
    route = images(server, coded(PNG))

    await painter(http).request(REQUEST)

    assert sent(route) == {
        "model": SDXL,
        "prompt": "a fox",
        "n": 1,
        "response_format": "base64",
        "width": 1024,
        "height": 768,
        "steps": 30,
        "seed": 7,
        "negative_prompt": "text",
    }
    assert route.calls[0].request.headers["authorization"] == "Bearer key"


async def test_a_model_that_thinks_in_ratios_is_told_one(http, server):
    route = images(server, coded(PNG))

    await painter(http).request(ImageRequest("m", "a fox", 1368, 768, ratio="16:9"))

    assert sent(route)["aspect_ratio"] == "16:9"
    assert "width" not in sent(route)


DIALECTS = [
    ("openai", {"size": "1024x768", "response_format": "b64_json", "prompt": "a fox"}),
    (
        "localai",
        {
            "size": "1024x768",
            "response_format": "b64_json",
            "prompt": "a fox|text",
            "step": 30,
            "seed": 7,
        },
    ),
    (
        "sdcpp",
        {
            "size": "1024x768",
            "output_format": "png",
            "prompt": 'a fox <sd_cpp_extra_args>{"seed": 7, "negative_prompt": "text", '
            '"sample_params": {"sample_steps": 30}}</sd_cpp_extra_args>',
        },
    ),
]


@pytest.mark.parametrize(("dialect", "body"), DIALECTS)
async def test_every_kind_of_server_is_asked_in_its_own_way(http, server, dialect, body):
    route = images(server, coded(PNG))

    await painter(http, image_dialect=dialect, server_kind="openai").request(REQUEST)

    assert sent(route) == {"model": SDXL, "n": 1, **body}


async def test_a_reference_travels_inside_of_the_request(http, server):
    route = images(server, coded(PNG))
    request = ImageRequest("black-forest-labs/FLUX.1-kontext-pro", "a fox", 8, 8, reference=b"png")

    await painter(http).request(request)

    assert sent(route)["image_url"] == "data:image/png;base64,cG5n"


async def test_what_a_row_adds_goes_into_every_request(http, server):
    route = images(server, coded(PNG))

    await painter(http, rows={SDXL: ImageModelConfig(extra_body={"guidance_scale": 7})}).request(
        REQUEST
    )

    assert sent(route)["guidance_scale"] == 7


# --- what comes back ------------------------------------------------------------------------------


@pytest.mark.parametrize("content", [PNG, WEBP], ids=["png", "webp"])
async def test_a_picture_comes_back_byte_for_byte(http, server, content):
    images(server, coded(content))

    drawn = await painter(http).request(REQUEST)

    [picture] = drawn.images
    assert picture.content == content
    assert (picture.width, picture.height, picture.seed) == (1024, 1024, 7)


async def test_a_picture_that_is_only_an_address_is_fetched(http, server):
    images(server, httpx.Response(200, json={"data": [{"url": "https://cdn.example.com/1.png"}]}))
    cdn = server.get("https://cdn.example.com/1.png").respond(content=PNG)

    drawn = await painter(http).request(REQUEST)

    assert drawn.images[0].content == PNG
    # together's file servers turn away a blank one.
    assert cdn.calls[0].request.headers["user-agent"].startswith("ambrosio/")
    assert "authorization" not in cdn.calls[0].request.headers


async def test_a_picture_may_stand_in_a_data_address(http, server):
    url = "data:image/png;base64," + base64.b64encode(PNG).decode()
    images(server, httpx.Response(200, json={"data": [{"url": url}]}))

    assert (await painter(http).request(REQUEST)).images[0].content == PNG


async def test_the_whole_ones_of_several_pictures_are_kept(http, server):
    images(server, coded(PNG, b"broken", WEBP))
    request = ImageRequest(SDXL, "a fox", 1024, 1024, count=3, seed=7)

    drawn = await painter(http).request(request)

    assert [each.seed for each in drawn.images] == [7, 9]


# --- parameters that are refused ------------------------------------------------------------------


async def test_a_parameter_that_is_refused_by_name_is_left_out_from_then_on(http, server):
    route = images(server, refusal(400, param="steps"), coded(PNG), coded(PNG))
    easel = painter(http)

    first = await easel.request(REQUEST)
    await easel.request(REQUEST)

    assert first.dropped_options == {"steps"}
    assert "steps" not in sent(route, 1)
    assert sent(route, 1)["seed"] == 7
    assert "steps" not in sent(route, 2)
    assert route.call_count == 3


async def test_a_request_that_is_wrong_somewhere_is_tried_once_in_its_plainest_form(http, server):
    route = images(server, refusal(400), coded(PNG))

    drawn = await painter(http).request(REQUEST)

    assert sent(route, 1) == {
        "model": SDXL,
        "prompt": "a fox",
        "n": 1,
        "response_format": "base64",
    }
    assert drawn.dropped_options >= {"size", "seed", "steps", "no"}
    assert drawn.images[0].seed is None


async def test_a_request_that_stays_wrong_is_not_tried_again_and_again(http, server):
    route = images(server, refusal(400), refusal(400))

    with pytest.raises(errors.BadRequest):
        await painter(http).request(REQUEST)

    assert route.call_count == 2


# --- every failure --------------------------------------------------------------------------------

FAILURES = [
    ("content", [refusal(400, code="content_policy_violation")], errors.ContentFiltered),
    ("moderation", [refusal(400, code="moderation_blocked")], errors.ContentFiltered),
    ("no credit", [refusal(402)], errors.OutOfCredit),
    ("quota", [refusal(429, code="insufficient_quota")], errors.OutOfCredit),
    ("wrong key", [refusal(401)], errors.InvalidKey),
    ("forbidden", [refusal(403)], errors.InvalidKey),
    ("too many", [refusal(429, headers={"retry-after": "7"})], errors.Overloaded),
    ("busy", [refusal(503)], errors.Overloaded),
    ("fault", [refusal(500)], errors.ServerError),
    ("gateway", [httpx.Response(502, html="<h1>Bad Gateway</h1>")], errors.ServerError),
    ("odd", [refusal(418), refusal(418)], errors.BadRequest),
    ("no line", [httpx.ConnectError("no")], errors.Unreachable),
    ("cut line", [httpx.ReadError("cut")], errors.Unreachable),
    ("no JSON", [httpx.Response(200, html="<h1>hello</h1>")], errors.ServerError),
    ("an image as such", [httpx.Response(200, content=PNG)], errors.ServerError),
    ("a list", [httpx.Response(200, json=[1])], errors.NoText),
    ("no data", [httpx.Response(200, json={"data": []})], errors.NoText),
    ("null data", [httpx.Response(200, json={"data": None})], errors.NoText),
    ("a broken picture", [coded(PNG[:1000])], errors.InvalidImage),
    ("an empty picture", [coded(b"")], errors.InvalidImage),
    ("no picture", [coded(b"<html>")], errors.InvalidImage),
    ("no base64", [httpx.Response(200, json={"data": [{"b64_json": "?"}]})], errors.InvalidImage),
    ("nothing", [httpx.Response(200, json={"data": [{}]})], errors.InvalidImage),
    ("odd data", [httpx.Response(200, json={"data": ["x"]})], errors.InvalidImage),
]


@pytest.mark.parametrize(
    ("answers", "failure"),
    [pytest.param(answers, failure, id=name) for name, answers, failure in FAILURES],
)
async def test_a_failure_is_told_by_its_class(http, server, answers, failure):
    images(server, *answers)

    with pytest.raises(errors.ProviderError) as raised:
        await painter(http).request(ImageRequest(SDXL, "a fox", 0, 0))

    assert type(raised.value) is failure


async def test_retry_after_is_heard(http, server):
    images(server, refusal(429, headers={"retry-after": "7"}))

    with pytest.raises(errors.Overloaded) as raised:
        await painter(http).request(REQUEST)

    assert raised.value.retry_after_seconds == 7


@pytest.mark.parametrize(
    "answer",
    [refusal(404), refusal(400, code="model_not_available"), refusal(403, code="model_not_found")],
    ids=["404", "400", "403"],
)
async def test_a_retired_model_is_named_with_those_that_are_there(http, server, answer):
    images(server, answer)
    served = [{"id": "flux", "type": "image"}, {"id": "llama", "type": "chat"}]
    server.get(f"{BASE}/models?serverless").respond(json=served)

    with pytest.raises(errors.ImageModelNotFound) as raised:
        await painter(http).request(REQUEST)

    assert raised.value.user_message == (
        f"together does not have the model {SDXL}. Choose another one with --model; it has flux."
    )


async def test_a_retired_model_is_told_even_if_the_list_cannot_be_had(http, server):
    images(server, refusal(404))
    server.get(f"{BASE}/models?serverless").respond(500)

    with pytest.raises(errors.ImageModelNotFound, match="does not have the model"):
        await painter(http).request(REQUEST)


async def test_a_server_that_says_nothing_is_given_up(http, server):
    async def never(_request):
        await asyncio.Event().wait()

    server.post(f"{BASE}/images/generations").mock(side_effect=never)

    with pytest.raises(errors.TimedOut):
        await painter(http, image_timeout_seconds=0.01).request(REQUEST)


async def test_a_picture_of_40_megabytes_is_not_taken_in(http, server):
    images(server, coded(PNG + bytes(40_000_000)))

    with pytest.raises(errors.ImageTooLarge):
        await painter(http).request(REQUEST)


async def test_a_picture_behind_an_address_is_no_larger(http, server, monkeypatch):
    monkeypatch.setattr(validation, "MAX_BYTES", 1000)
    images(server, httpx.Response(200, json={"data": [{"url": "https://cdn.example.com/1.png"}]}))
    server.get("https://cdn.example.com/1.png").respond(content=PNG)

    with pytest.raises(errors.ImageTooLarge):
        await painter(http).request(REQUEST)


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(403),
        httpx.Response(404),
        httpx.Response(302, headers={"location": "http://127.0.0.1/"}),
        httpx.ConnectError("no"),
        httpx.ReadTimeout("slow"),
    ],
    ids=["403", "404", "elsewhere", "no line", "slow"],
)
async def test_an_address_where_there_is_no_picture_is_told(http, server, answer):
    images(server, httpx.Response(200, json={"data": [{"url": "https://cdn.example.com/1.png"}]}))
    server.get("https://cdn.example.com/1.png").mock(side_effect=[answer])

    with pytest.raises(errors.ImageNotFetched):
        await painter(http).request(REQUEST)


async def test_behind_an_address_there_may_be_something_else(http, server):
    images(server, httpx.Response(200, json={"data": [{"url": "https://cdn.example.com/1.png"}]}))
    server.get("https://cdn.example.com/1.png").respond(html="<h1>hello</h1>")

    with pytest.raises(errors.InvalidImage):
        await painter(http).request(REQUEST)


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:8080/x", "http://192.168.1.1/x", "file:///etc/passwd", "//x", "http://[::"],
)
async def test_a_server_outside_sends_nobody_to_an_address_inside(http, server, url):
    images(server, httpx.Response(200, json={"data": [{"url": url}]}))
    inside = server.get(url__startswith="http://").respond(content=PNG)

    with pytest.raises(errors.ImageNotFetched):
        await painter(http).request(REQUEST)

    assert not inside.called


async def test_a_server_at_home_sends_nobody_outside(http, server):
    local = "http://127.0.0.1:1234/v1"
    server.post(f"{local}/images/generations").respond(
        json={"data": [{"url": "https://evil.example.com/log"}]}
    )
    outside = server.get("https://evil.example.com/log").respond(content=PNG)

    with pytest.raises(errors.ImageNotFetched):
        await painter(http, base_url=local).request(REQUEST)

    assert not outside.called


# --- whom to ask, and whom next -------------------------------------------------------------------


async def asked(gallery, *, count=1, model="", private=False):
    """Collect what comes of a commission, and the failure at its end."""
    wish = ImagePrompt("a fox", count=count, model=model)
    commission = Commission(wish, tuple(range(7, 7 + count)), local_only=private)
    parts = []
    try:
        async for part in gallery.generate(commission):
            parts.append(part)  # noqa: PERF401  what came before a failure counts
    except errors.AmbrosioError as exc:
        return parts, exc
    return parts, None


def gallery_of(*painters, clock, ceiling=None, slate=None):
    return ImageRouter(
        {each.name: each for each in painters},
        tuple(each.name for each in painters),
        now=clock,
        sleep=clock.sleep,
        budget=Budget(now=clock, ceiling=ceiling, ledger=slate),
    )


HOME = "http://127.0.0.1:1234/v1"


def home(http, **row):
    return painter(http, name="home", base_url=HOME, image_model="sd", server_kind="openai", **row)


async def test_pictures_are_asked_for_side_by_side(http, server, clock):
    route = images(server, coded(PNG), coded(PNG), coded(PNG), coded(PNG))

    parts, failure = await asked(gallery_of(painter(http), clock=clock), count=4)

    assert failure is None
    assert sorted(sent(route, call)["seed"] for call in range(4)) == [7, 8, 9, 10]
    assert isinstance(parts[0], ImageStarted)
    assert [type(part) for part in parts[1:]] == [ImageDone] * 4
    assert parts[1].usd == Decimal("0.0019922944")


async def test_the_next_one_is_asked_where_one_cannot(http, server, clock):
    images(server, refusal(402))
    local = server.post(f"{HOME}/images/generations").mock(return_value=coded(PNG))

    parts, failure = await asked(gallery_of(painter(http), home(http), clock=clock))

    assert failure is None
    assert local.called
    assert [part.ref.provider for part in parts if isinstance(part, ImageStarted)] == [
        "together",
        "home",
    ]


async def test_what_there_is_of_several_is_given_and_nobody_else_is_asked(http, server, clock):
    images(server, coded(PNG), refusal(500), coded(WEBP), refusal(500))
    local = server.post(f"{HOME}/images/generations").mock(return_value=coded(PNG))

    parts, failure = await asked(gallery_of(painter(http), home(http), clock=clock), count=4)

    assert len([part for part in parts if isinstance(part, ImageDone)]) == 2
    assert [type(cause) for cause in failure.causes] == [errors.ServerError]
    assert not local.called


async def test_a_short_retry_after_is_waited_out_once(http, server, clock):
    route = images(server, refusal(429, headers={"retry-after": "7"}), coded(PNG))
    began = clock()

    _, failure = await asked(gallery_of(painter(http), clock=clock))

    assert failure is None
    assert route.call_count == 2
    assert clock() - began == 7


async def test_a_model_that_one_wish_names_and_nobody_serves_harms_no_other_wish(
    http, server, clock
):
    server.get(f"{BASE}/models?serverless").respond(json=[])
    images(server, refusal(404), coded(PNG))
    server.post(f"{HOME}/images/generations").mock(return_value=coded(PNG))
    gallery = gallery_of(painter(http), home(http), clock=clock)

    await asked(gallery, model="together/x/typo")
    parts, _ = await asked(gallery)

    assert parts[0].ref.provider == "together"


async def test_a_picture_with_a_price_is_charged_where_words_cost_nothing(http, server, clock):
    images(server, coded(PNG))
    slate = InMemoryLedger()
    free = painter(http, input_usd=0, output_usd=0)

    await asked(gallery_of(free, clock=clock, slate=slate))
    _, failure = await asked(gallery_of(free, clock=clock, ceiling=Decimal(0)))

    assert slate.spent(0) > 0
    assert isinstance(failure, errors.BudgetSpent)


async def test_a_picture_that_comes_broken_beside_a_whole_one_is_paid(http, server, clock):
    images(server, coded(PNG, PNG[:20]))
    slate = InMemoryLedger()
    rows = {SDXL: ImageModelConfig(max_count=2, seed=False, usd=Decimal("0.5"))}

    parts, _ = await asked(gallery_of(painter(http, rows=rows), clock=clock, slate=slate), count=2)

    assert len([part for part in parts if isinstance(part, ImageDone)]) == 1
    assert slate.spent(0) == 1


async def test_a_private_commission_stays_at_home(http, server, clock):
    outside = images(server, coded(PNG))
    server.post(f"{HOME}/images/generations").mock(return_value=refusal(500))

    _, failure = await asked(gallery_of(painter(http), home(http), clock=clock), private=True)

    assert [type(cause) for cause in failure.causes] == [errors.ServerError]
    assert not outside.called


async def test_a_private_commission_without_a_painter_at_home_asks_nobody(http, server, clock):
    outside = images(server, coded(PNG))

    _, failure = await asked(gallery_of(painter(http), clock=clock), private=True)

    assert type(failure) is errors.NoLocalImageProvider
    assert not outside.called


async def test_a_spent_budget_leaves_those_that_cost_nothing(http, server, clock):
    outside = images(server, coded(PNG))
    server.post(f"{HOME}/images/generations").mock(return_value=coded(PNG))
    spent = Expense(7, ModelRef("together", "m"), None, Decimal(5))
    limits = {"clock": clock, "ceiling": Decimal(5), "slate": InMemoryLedger([spent])}

    parts, _ = await asked(gallery_of(painter(http), home(http), **limits))
    _, failure = await asked(gallery_of(painter(http), **limits))

    assert parts[0].ref.provider == "home"
    assert parts[1].usd == 0
    assert type(failure) is errors.BudgetSpent
    assert not outside.called


LARGE = Decimal("0.0019922944")


@pytest.mark.parametrize(("ceiling", "paid"), [(LARGE * 4, True), (LARGE * 4 - LARGE / 99, False)])
async def test_the_worst_case_of_all_pictures_has_to_be_covered(http, server, clock, ceiling, paid):
    images(server, *[coded(PNG)] * 4)
    slate = InMemoryLedger()

    gallery = gallery_of(painter(http), clock=clock, ceiling=ceiling, slate=slate)
    _, failure = await asked(gallery, count=4)

    assert (failure is None) is paid
    assert [(each.usd, each.images, each.outcome) for each in slate.calls] == (
        [(LARGE * 4, 4, "done")] if paid else []
    )


async def test_orders_side_by_side_cannot_spend_the_same_dollar(http, server, clock):
    images(server, coded(PNG))
    gallery = gallery_of(painter(http), clock=clock, ceiling=LARGE)

    outcomes = await asyncio.gather(*(asked(gallery) for _ in range(3)))

    said = sorted(type(failure).__name__ for _, failure in outcomes)
    assert said == ["BudgetSpent", "BudgetSpent", "NoneType"]


async def test_what_was_spent_while_one_failed_is_not_there_for_the_next(http, server, clock):
    slate = InMemoryLedger()

    def fails(request):
        slate.enter(Expense(8, ModelRef("other", "m"), None, LARGE))
        return refusal(402)

    server.post(f"{BASE}/images/generations").mock(side_effect=fails)
    elsewhere = server.post("https://b.example/v1/images/generations").mock(return_value=coded(PNG))
    other = painter(http, name="b", base_url="https://b.example/v1")
    gallery = gallery_of(painter(http), other, clock=clock, ceiling=LARGE, slate=slate)
    _, failure = await asked(gallery)

    assert type(failure.causes[1]) is errors.OverBudget
    assert not elsewhere.called


@pytest.mark.parametrize(
    ("answers", "usd", "pictures", "estimated"),
    [
        # Nobody has painted what was refused, and nobody is sure of what did not come whole.
        ([coded(PNG), refusal(500)], LARGE, 1, False),
        ([coded(PNG), coded(PNG[:100])], LARGE * 2, 1, True),
        ([refusal(402), refusal(402)], Decimal(0), 0, False),
    ],
)
async def test_an_order_that_fails_costs_what_was_painted(
    http, server, clock, answers, usd, pictures, estimated
):
    images(server, *answers)
    slate = InMemoryLedger()
    await asked(gallery_of(painter(http), clock=clock, slate=slate), count=2)

    (call,) = slate.calls
    assert (call.usd, call.images, call.estimated) == (usd, pictures, estimated)
    assert call.outcome == "failed"


async def test_an_order_that_is_left_costs_what_was_painted(http, server, clock):
    images(server, coded(PNG), coded(PNG))
    slate = InMemoryLedger()
    gallery = gallery_of(painter(http), clock=clock, slate=slate)
    async with aclosing(
        gallery.generate(Commission(ImagePrompt("a fox", count=2), (7, 8)))
    ) as parts:
        async for part in parts:
            assert isinstance(part, ImageStarted)
            break

    (call,) = slate.calls
    assert (call.usd, call.images, call.outcome) == (Decimal(0), 0, "stopped")


async def test_what_a_stranger_asks_is_unknown_and_counts_as_the_dearest(http, server, clock):
    images(server, coded(PNG))
    slate = InMemoryLedger()
    await asked(gallery_of(painter(http), clock=clock, slate=slate), model="together/x/y")

    (call,) = slate.calls
    assert call.usd is None
    assert call.charge == image_models.highest_price(width=1024, height=1024) > Decimal("0.04")


async def test_nobody_to_ask_is_told(clock):
    _, failure = await asked(gallery_of(clock=clock))

    assert type(failure) is errors.NoImageProvider


async def test_whoever_names_a_model_gets_no_other_one(http, server, clock):
    images(server, refusal(404))
    server.get(f"{BASE}/models?serverless").respond(json=[{"id": "flux", "type": "image"}])
    local = server.post(f"{HOME}/images/generations").mock(return_value=coded(PNG))

    _, failure = await asked(gallery_of(painter(http), home(http), clock=clock), model="nobody")

    assert "it has flux" in failure.user_message
    assert not local.called


@pytest.mark.parametrize(
    ("model", "first"),
    [
        ("", ("home", "sd")),
        ("home", ("home", "sd")),
        ("together", ("together", SDXL)),
        ("sdxl", ("together", SDXL)),
        ("flux", ("together", "black-forest-labs/FLUX.2-dev")),
        ("together/x/y", ("together", "x/y")),
        ("x/y", ("together", "x/y")),
        ("sd", ("home", "sd")),
    ],
)
async def test_a_model_is_asked_for_where_it_is_served(http, clock, model, first):
    gallery = gallery_of(home(http), painter(http), clock=clock)

    assert gallery.route(model)[0] == first
    assert {name for name, _ in gallery.route(model)} == {"home", "together"}
