"""Image requests, their responses, every way in which they fail, and the choice of a provider."""

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
from ambrosio.core import errors, provider_errors
from ambrosio.core.costs import Expense
from ambrosio.core.images import ImageOrder, ImagePrompt
from ambrosio.core.messages import Chat, ModelRef, Turn
from ambrosio.images import validation
from ambrosio.images.client import ImageClient, ImageDone, ImageStarted
from ambrosio.images.fitting import ImageRequest
from ambrosio.providers.openai_compatible import OpenAIProvider
from ambrosio.router import ImageRouter
from ambrosio.router.budget import Budget, InMemoryLedger

from ..support import DATA
from ..support.running_bot import SDXL

PNG, WEBP = (DATA / "fox.png").read_bytes(), (DATA / "fox.webp").read_bytes()
BASE = "https://api.together.ai/v1"
LOCAL_URL = "http://127.0.0.1:1234/v1"
REQUEST = ImageRequest(SDXL, "a fox", 1024, 768, seed=7, steps=30, negative_prompt="text")


def image_response(*contents):
    data = [{"index": 0, "b64_json": base64.b64encode(content).decode()} for content in contents]
    return httpx.Response(200, json={"id": "1", "object": "list", "data": data})


def error_response(status, *, headers=None, **error):
    error = {"message": "no", "type": "x", "param": None, "code": None, **error}
    return httpx.Response(status, json={"error": error}, headers=headers)


def make_client(http, *, name="together", configs=None, **settings):
    fields = {"base_url": BASE, "api_key": "key", "server_kind": "together", "image_model": SDXL}
    provider = OpenAIProvider(name, ProviderConfig(**{**fields, **settings}), http)
    return ImageClient(provider, configs or {}, http)


@pytest.fixture
async def http():
    async with httpx.AsyncClient(verify=False) as client:
        yield client


def mock_images(server, *responses):
    return server.post(f"{BASE}/images/generations").mock(side_effect=list(responses))


def sent_body(route, call=0):
    return json.loads(route.calls[call].request.content)


# --- requests -------------------------------------------------------------------------------------


async def test_together_gets_its_own_request_format(http, server):
    route = mock_images(server, image_response(PNG))

    await make_client(http).request(REQUEST)

    assert sent_body(route) == {
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


async def test_a_model_that_takes_ratios_is_sent_a_ratio(http, server):
    route = mock_images(server, image_response(PNG))

    await make_client(http).request(ImageRequest("m", "a fox", 1368, 768, ratio="16:9"))

    assert sent_body(route)["aspect_ratio"] == "16:9"
    assert "width" not in sent_body(route)


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
async def test_each_dialect_has_its_own_request_format(http, server, dialect, body):
    route = mock_images(server, image_response(PNG))

    await make_client(http, image_dialect=dialect, server_kind="openai").request(REQUEST)

    assert sent_body(route) == {"model": SDXL, "n": 1, **body}


async def test_a_reference_is_sent_as_a_data_url(http, server):
    route = mock_images(server, image_response(PNG))
    request = ImageRequest("black-forest-labs/FLUX.1-kontext-pro", "a fox", 8, 8, reference=b"png")

    await make_client(http).request(request)

    assert sent_body(route)["image_url"] == "data:image/png;base64,cG5n"


async def test_extra_body_goes_into_every_request(http, server):
    route = mock_images(server, image_response(PNG))

    await make_client(
        http, configs={SDXL: ImageModelConfig(extra_body={"guidance_scale": 7})}
    ).request(REQUEST)

    assert sent_body(route)["guidance_scale"] == 7


# --- responses ------------------------------------------------------------------------------------


@pytest.mark.parametrize("content", [PNG, WEBP], ids=["png", "webp"])
async def test_an_image_is_returned_byte_for_byte(http, server, content):
    mock_images(server, image_response(content))

    [done] = await make_client(http).request(REQUEST)

    assert done.image.content == content
    assert (done.image.width, done.image.height, done.image.seed) == (1024, 1024, 7)


async def test_an_image_given_as_a_url_is_downloaded(http, server):
    mock_images(
        server, httpx.Response(200, json={"data": [{"url": "https://cdn.example.com/1.png"}]})
    )
    cdn = server.get("https://cdn.example.com/1.png").respond(content=PNG)

    [done] = await make_client(http).request(REQUEST)

    assert done.image.content == PNG
    # together's file servers reject requests without one.
    assert cdn.calls[0].request.headers["user-agent"].startswith("ambrosio/")
    assert "authorization" not in cdn.calls[0].request.headers


async def test_an_image_may_be_a_data_url(http, server):
    url = "data:image/png;base64," + base64.b64encode(PNG).decode()
    mock_images(server, httpx.Response(200, json={"data": [{"url": url}]}))

    [done] = await make_client(http).request(REQUEST)

    assert done.image.content == PNG


async def test_the_valid_images_of_a_response_are_kept(http, server):
    mock_images(server, image_response(PNG, b"broken", WEBP))
    request = ImageRequest(SDXL, "a fox", 1024, 1024, count=3, seed=7)

    images = await make_client(http).request(request)

    assert [done.image.seed for done in images] == [7, 9]


# --- refused parameters ---------------------------------------------------------------------------


async def test_a_parameter_refused_by_name_is_left_out_from_then_on(http, server):
    route = mock_images(
        server, error_response(400, param="steps"), image_response(PNG), image_response(PNG)
    )
    client = make_client(http)

    [first] = await client.request(REQUEST)
    await client.request(REQUEST)

    assert first.dropped_options == {"steps"}
    assert "steps" not in sent_body(route, 1)
    assert sent_body(route, 1)["seed"] == 7
    assert "steps" not in sent_body(route, 2)
    assert route.call_count == 3


async def test_an_unexplained_refusal_is_tried_once_with_only_the_essentials(http, server):
    route = mock_images(server, error_response(400), image_response(PNG))

    [done] = await make_client(http).request(REQUEST)

    assert sent_body(route, 1) == {
        "model": SDXL,
        "prompt": "a fox",
        "n": 1,
        "response_format": "base64",
    }
    assert done.dropped_options >= {"size", "seed", "steps", "no"}
    assert done.image.seed is None


async def test_a_request_that_is_refused_twice_is_not_sent_again(http, server):
    route = mock_images(server, error_response(400), error_response(400))

    with pytest.raises(provider_errors.BadRequest):
        await make_client(http).request(REQUEST)

    assert route.call_count == 2


# --- failures -------------------------------------------------------------------------------------

FAILURES = [
    (
        "content",
        [error_response(400, code="content_policy_violation")],
        provider_errors.ContentFiltered,
    ),
    (
        "moderation",
        [error_response(400, code="moderation_blocked")],
        provider_errors.ContentFiltered,
    ),
    ("no credit", [error_response(402)], provider_errors.OutOfCredit),
    ("quota", [error_response(429, code="insufficient_quota")], provider_errors.OutOfCredit),
    ("wrong key", [error_response(401)], provider_errors.InvalidKey),
    ("forbidden", [error_response(403)], provider_errors.InvalidKey),
    ("too many", [error_response(429, headers={"retry-after": "7"})], provider_errors.Overloaded),
    ("busy", [error_response(503)], provider_errors.Overloaded),
    ("server error", [error_response(500)], provider_errors.ServerError),
    ("gateway", [httpx.Response(502, html="<h1>Bad Gateway</h1>")], provider_errors.ServerError),
    ("unknown status", [error_response(418), error_response(418)], provider_errors.BadRequest),
    ("no connection", [httpx.ConnectError("no")], provider_errors.Unreachable),
    ("cut connection", [httpx.ReadError("cut")], provider_errors.Unreachable),
    ("no JSON", [httpx.Response(200, html="<h1>hello</h1>")], provider_errors.ServerError),
    ("an image as such", [httpx.Response(200, content=PNG)], provider_errors.ServerError),
    ("a list", [httpx.Response(200, json=[1])], provider_errors.InvalidImage),
    ("no data", [httpx.Response(200, json={"data": []})], provider_errors.NoText),
    ("null data", [httpx.Response(200, json={"data": None})], provider_errors.NoText),
    ("a damaged image", [image_response(PNG[:1000])], provider_errors.InvalidImage),
    ("an empty image", [image_response(b"")], provider_errors.InvalidImage),
    ("no image", [image_response(b"<html>")], provider_errors.InvalidImage),
    (
        "no base64",
        [httpx.Response(200, json={"data": [{"b64_json": "?"}]})],
        provider_errors.InvalidImage,
    ),
    ("nothing", [httpx.Response(200, json={"data": [{}]})], provider_errors.InvalidImage),
    ("malformed data", [httpx.Response(200, json={"data": ["x"]})], provider_errors.InvalidImage),
]


@pytest.mark.parametrize(
    ("responses", "failure"),
    [pytest.param(responses, failure, id=name) for name, responses, failure in FAILURES],
)
async def test_each_failure_has_its_error_class(http, server, responses, failure):
    mock_images(server, *responses)

    with pytest.raises(provider_errors.ProviderError) as raised:
        await make_client(http).request(ImageRequest(SDXL, "a fox", 0, 0))

    assert type(raised.value) is failure


async def test_retry_after_is_read(http, server):
    mock_images(server, error_response(429, headers={"retry-after": "7"}))

    with pytest.raises(provider_errors.Overloaded) as raised:
        await make_client(http).request(REQUEST)

    assert raised.value.retry_after_seconds == 7


@pytest.mark.parametrize(
    "response",
    [
        error_response(404),
        error_response(400, code="model_not_available"),
        error_response(403, code="model_not_found"),
    ],
    ids=["404", "400", "403"],
)
async def test_a_retired_model_is_reported_with_the_models_still_served(http, server, response):
    mock_images(server, response)
    served = [{"id": "flux", "type": "image"}, {"id": "llama", "type": "chat"}]
    server.get(f"{BASE}/models?serverless").respond(json=served)

    with pytest.raises(provider_errors.ImageModelNotFound) as raised:
        await make_client(http).request(REQUEST)

    assert raised.value.user_message == (
        f"together does not have the model {SDXL}. Choose another one with --model; it has flux."
    )


async def test_a_retired_model_is_reported_even_if_the_model_list_fails(http, server):
    mock_images(server, error_response(404))
    server.get(f"{BASE}/models?serverless").respond(500)

    with pytest.raises(provider_errors.ImageModelNotFound, match="does not have the model"):
        await make_client(http).request(REQUEST)


async def test_a_silent_server_times_out(http, server):
    async def never(_request):
        await asyncio.Event().wait()

    server.post(f"{BASE}/images/generations").mock(side_effect=never)

    with pytest.raises(provider_errors.TimedOut):
        await make_client(http, image_timeout_seconds=0.01).request(REQUEST)


async def test_a_response_of_40_megabytes_is_too_large(http, server):
    mock_images(server, image_response(PNG + bytes(40_000_000)))

    with pytest.raises(provider_errors.ImageTooLarge):
        await make_client(http).request(REQUEST)


async def test_the_size_limit_holds_for_downloads(http, server, monkeypatch):
    monkeypatch.setattr(validation, "MAX_BYTES", 1000)
    mock_images(
        server, httpx.Response(200, json={"data": [{"url": "https://cdn.example.com/1.png"}]})
    )
    server.get("https://cdn.example.com/1.png").respond(content=PNG)

    with pytest.raises(provider_errors.ImageTooLarge):
        await make_client(http).request(REQUEST)


@pytest.mark.parametrize(
    "response",
    [
        httpx.Response(403),
        httpx.Response(404),
        httpx.Response(302, headers={"location": "http://127.0.0.1/"}),
        httpx.ConnectError("no"),
        httpx.ReadTimeout("slow"),
    ],
    ids=["403", "404", "elsewhere", "no connection", "slow"],
)
async def test_a_failed_download_is_an_error(http, server, response):
    mock_images(
        server, httpx.Response(200, json={"data": [{"url": "https://cdn.example.com/1.png"}]})
    )
    server.get("https://cdn.example.com/1.png").mock(side_effect=[response])

    with pytest.raises(provider_errors.ImageNotFetched):
        await make_client(http).request(REQUEST)


async def test_a_downloaded_page_is_not_an_image(http, server):
    mock_images(
        server, httpx.Response(200, json={"data": [{"url": "https://cdn.example.com/1.png"}]})
    )
    server.get("https://cdn.example.com/1.png").respond(html="<h1>hello</h1>")

    with pytest.raises(provider_errors.InvalidImage):
        await make_client(http).request(REQUEST)


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:8080/x", "http://192.168.1.1/x", "file:///etc/passwd", "//x", "http://[::"],
)
async def test_a_remote_server_cannot_make_us_request_a_local_url(http, server, url):
    mock_images(server, httpx.Response(200, json={"data": [{"url": url}]}))
    local = server.get(url__startswith="http://").respond(content=PNG)

    with pytest.raises(provider_errors.ImageNotFetched):
        await make_client(http).request(REQUEST)

    assert not local.called


async def test_a_local_server_cannot_make_us_request_a_remote_url(http, server):
    server.post(f"{LOCAL_URL}/images/generations").respond(
        json={"data": [{"url": "https://evil.example.com/log"}]}
    )
    remote = server.get("https://evil.example.com/log").respond(content=PNG)

    with pytest.raises(provider_errors.ImageNotFetched):
        await make_client(http, base_url=LOCAL_URL).request(REQUEST)

    assert not remote.called


# --- routing --------------------------------------------------------------------------------------


def make_order(*, count=1, model="", local_only=False):
    prompt = ImagePrompt("a fox", count=count, model=model)
    seeds = tuple(range(7, 7 + count))
    return ImageOrder(Turn(Chat(7), 1, 7, ""), prompt, seeds, local_only=local_only)


async def collect(router, *, count=1, model="", local_only=False):
    """Return the events of an order, and the error at their end."""
    order = make_order(count=count, model=model, local_only=local_only)
    events = []
    try:
        async for event in router.generate(order):
            events.append(event)  # noqa: PERF401  what came before a failure counts
    except errors.AmbrosioError as exc:
        return events, exc
    return events, None


def make_router(*clients, clock, ceiling=None, ledger=None):
    return ImageRouter(
        {client.name: client for client in clients},
        tuple(client.name for client in clients),
        now=clock,
        sleep=clock.sleep,
        budget=Budget(now=clock, ceiling=ceiling, ledger=ledger),
    )


def make_local_client(http, **settings):
    return make_client(
        http, name="local", base_url=LOCAL_URL, image_model="sd", server_kind="openai", **settings
    )


async def test_images_are_requested_in_parallel(http, server, clock):
    route = mock_images(
        server, image_response(PNG), image_response(PNG), image_response(PNG), image_response(PNG)
    )

    events, failure = await collect(make_router(make_client(http), clock=clock), count=4)

    assert failure is None
    assert sorted(sent_body(route, call)["seed"] for call in range(4)) == [7, 8, 9, 10]
    assert isinstance(events[0], ImageStarted)
    assert [type(event) for event in events[1:]] == [ImageDone] * 4
    assert events[1].usd == Decimal("0.0019922944")


async def test_the_next_provider_is_asked_if_one_fails(http, server, clock):
    mock_images(server, error_response(402))
    local = server.post(f"{LOCAL_URL}/images/generations").mock(return_value=image_response(PNG))

    events, failure = await collect(
        make_router(make_client(http), make_local_client(http), clock=clock)
    )

    assert failure is None
    assert local.called
    assert [event.ref.provider for event in events if isinstance(event, ImageStarted)] == [
        "together",
        "local",
    ]


async def test_a_partial_result_is_returned_and_no_other_provider_asked(http, server, clock):
    mock_images(
        server, image_response(PNG), error_response(500), image_response(WEBP), error_response(500)
    )
    local = server.post(f"{LOCAL_URL}/images/generations").mock(return_value=image_response(PNG))

    events, failure = await collect(
        make_router(make_client(http), make_local_client(http), clock=clock), count=4
    )

    assert len([event for event in events if isinstance(event, ImageDone)]) == 2
    assert [type(cause) for cause in failure.causes] == [provider_errors.ServerError]
    assert not local.called


async def test_a_short_retry_after_is_waited_for(http, server, clock):
    route = mock_images(
        server, error_response(429, headers={"retry-after": "7"}), image_response(PNG)
    )
    started_at = clock()

    _, failure = await collect(make_router(make_client(http), clock=clock))

    assert failure is None
    assert route.call_count == 2
    assert clock() - started_at == 7


async def test_a_missing_model_in_one_order_does_not_affect_other_orders(http, server, clock):
    server.get(f"{BASE}/models?serverless").respond(json=[])
    mock_images(server, error_response(404), image_response(PNG))
    server.post(f"{LOCAL_URL}/images/generations").mock(return_value=image_response(PNG))
    router = make_router(make_client(http), make_local_client(http), clock=clock)

    await collect(router, model="together/x/typo")
    events, _ = await collect(router)

    assert events[0].ref.provider == "together"


async def test_an_image_with_a_price_is_charged_where_text_is_free(http, server, clock):
    mock_images(server, image_response(PNG))
    ledger = InMemoryLedger()
    free = make_client(http, input_usd=0, output_usd=0)

    await collect(make_router(free, clock=clock, ledger=ledger))
    _, failure = await collect(make_router(free, clock=clock, ceiling=Decimal(0)))

    assert ledger.spent(0) > 0
    assert isinstance(failure, errors.BudgetSpent)


async def test_a_damaged_image_beside_a_valid_one_is_charged(http, server, clock):
    mock_images(server, image_response(PNG, PNG[:20]))
    ledger = InMemoryLedger()
    configs = {SDXL: ImageModelConfig(max_count=2, seed=False, usd=Decimal("0.5"))}

    events, _ = await collect(
        make_router(make_client(http, configs=configs), clock=clock, ledger=ledger), count=2
    )

    assert len([event for event in events if isinstance(event, ImageDone)]) == 1
    assert ledger.spent(0) == 1


async def test_a_local_only_order_stays_local(http, server, clock):
    remote = mock_images(server, image_response(PNG))
    server.post(f"{LOCAL_URL}/images/generations").mock(return_value=error_response(500))

    _, failure = await collect(
        make_router(make_client(http), make_local_client(http), clock=clock), local_only=True
    )

    assert [type(cause) for cause in failure.causes] == [provider_errors.ServerError]
    assert not remote.called


async def test_a_local_only_order_without_a_local_client_is_not_sent(http, server, clock):
    remote = mock_images(server, image_response(PNG))

    _, failure = await collect(make_router(make_client(http), clock=clock), local_only=True)

    assert type(failure) is errors.NoLocalImageProvider
    assert not remote.called


async def test_a_spent_budget_leaves_free_providers(http, server, clock):
    remote = mock_images(server, image_response(PNG))
    server.post(f"{LOCAL_URL}/images/generations").mock(return_value=image_response(PNG))
    spent = Expense(7, ModelRef("together", "m"), None, Decimal(5))
    limits = {"clock": clock, "ceiling": Decimal(5), "ledger": InMemoryLedger([spent])}

    events, _ = await collect(make_router(make_client(http), make_local_client(http), **limits))
    _, failure = await collect(make_router(make_client(http), **limits))

    assert events[0].ref.provider == "local"
    assert events[1].usd == 0
    assert type(failure) is errors.BudgetSpent
    assert not remote.called


LARGE = Decimal("0.0019922944")


@pytest.mark.parametrize(("ceiling", "paid"), [(LARGE * 4, True), (LARGE * 4 - LARGE / 99, False)])
async def test_the_budget_must_cover_the_maximum_cost_of_all_images(
    http, server, clock, ceiling, paid
):
    mock_images(server, *[image_response(PNG)] * 4)
    ledger = InMemoryLedger()

    router = make_router(make_client(http), clock=clock, ceiling=ceiling, ledger=ledger)
    _, failure = await collect(router, count=4)

    assert (failure is None) is paid
    assert [(call.usd, call.images, call.outcome) for call in ledger.calls] == (
        [(LARGE * 4, 4, "done")] if paid else []
    )


async def test_parallel_orders_cannot_spend_the_same_dollar(http, server, clock):
    mock_images(server, image_response(PNG))
    router = make_router(make_client(http), clock=clock, ceiling=LARGE)

    results = await asyncio.gather(*(collect(router) for _ in range(3)))

    failures = sorted(type(failure).__name__ for _, failure in results)
    assert failures == ["BudgetSpent", "BudgetSpent", "NoneType"]


async def test_money_spent_meanwhile_is_not_available_to_the_next_provider(http, server, clock):
    ledger = InMemoryLedger()

    def fail(request):
        ledger.enter(Expense(8, ModelRef("other", "m"), None, LARGE))
        return error_response(402)

    server.post(f"{BASE}/images/generations").mock(side_effect=fail)
    other_route = server.post("https://b.example/v1/images/generations").mock(
        return_value=image_response(PNG)
    )
    other = make_client(http, name="b", base_url="https://b.example/v1")
    router = make_router(make_client(http), other, clock=clock, ceiling=LARGE, ledger=ledger)

    _, failure = await collect(router)

    assert type(failure.causes[1]) is provider_errors.OverBudget
    assert not other_route.called


@pytest.mark.parametrize(
    ("responses", "usd", "images", "estimated"),
    [
        # A refused image was not generated; a damaged one may have been charged.
        ([image_response(PNG), error_response(500)], LARGE, 1, False),
        ([image_response(PNG), image_response(PNG[:100])], LARGE * 2, 1, True),
        ([error_response(402), error_response(402)], Decimal(0), 0, False),
    ],
)
async def test_a_failed_order_costs_the_images_generated(
    http, server, clock, responses, usd, images, estimated
):
    mock_images(server, *responses)
    ledger = InMemoryLedger()
    await collect(make_router(make_client(http), clock=clock, ledger=ledger), count=2)

    (call,) = ledger.calls
    assert (call.usd, call.images, call.estimated) == (usd, images, estimated)
    assert call.outcome == "failed"


async def test_a_stopped_order_costs_the_images_generated(http, server, clock):
    mock_images(server, image_response(PNG), image_response(PNG))
    ledger = InMemoryLedger()
    router = make_router(make_client(http), clock=clock, ledger=ledger)
    async with aclosing(router.generate(make_order(count=2))) as events:
        async for event in events:
            assert isinstance(event, ImageStarted)
            break

    (call,) = ledger.calls
    assert (call.usd, call.images, call.outcome) == (Decimal(0), 0, "stopped")


async def test_an_unknown_model_is_charged_at_the_highest_price(http, server, clock):
    mock_images(server, image_response(PNG))
    ledger = InMemoryLedger()
    await collect(make_router(make_client(http), clock=clock, ledger=ledger), model="together/x/y")

    (call,) = ledger.calls
    assert call.usd is None
    assert call.charge == image_models.highest_price(width=1024, height=1024) > Decimal("0.04")


async def test_without_clients_there_is_no_image_provider(clock):
    _, failure = await collect(make_router(clock=clock))

    assert type(failure) is errors.NoImageProvider


async def test_a_named_model_is_not_replaced_by_another(http, server, clock):
    mock_images(server, error_response(404))
    server.get(f"{BASE}/models?serverless").respond(json=[{"id": "flux", "type": "image"}])
    local = server.post(f"{LOCAL_URL}/images/generations").mock(return_value=image_response(PNG))

    _, failure = await collect(
        make_router(make_client(http), make_local_client(http), clock=clock), model="unknown"
    )

    assert "it has flux" in failure.user_message
    assert not local.called


@pytest.mark.parametrize(
    ("model", "first"),
    [
        ("", ("local", "sd")),
        ("local", ("local", "sd")),
        ("together", ("together", SDXL)),
        ("sdxl", ("together", SDXL)),
        ("flux", ("together", "black-forest-labs/FLUX.2-dev")),
        ("together/x/y", ("together", "x/y")),
        ("x/y", ("together", "x/y")),
        ("sd", ("local", "sd")),
    ],
)
async def test_a_model_is_routed_to_the_provider_that_serves_it(http, clock, model, first):
    router = make_router(make_local_client(http), make_client(http), clock=clock)

    assert router.route(model)[0] == first
    assert {name for name, _ in router.route(model)} == {"local", "together"}
