"""What image servers really send: other clothes for base64, other keys, refusals in words."""

import base64
import json

import httpx
import pytest

from ambrosio.core import provider_errors
from ambrosio.images.client import ImageClient
from ambrosio.providers.content_refusals import refuses_content

from ..support import DATA
from .test_client import LOCAL_URL, PNG, REQUEST, error_response, make_client, mock_images

JPEG = (DATA / "fox.jpg").read_bytes()
B64 = base64.b64encode(PNG).decode()
URL_SAFE = base64.urlsafe_b64encode(PNG).decode()
WRAPPED = "\n".join(B64[start : start + 76] for start in range(0, len(B64), 76))
CDN = "https://cdn.example.com/1.png"


@pytest.fixture
async def http():
    async with httpx.AsyncClient(verify=False) as client:
        yield client


@pytest.mark.parametrize(
    "response",
    [
        {"data": [{"b64_json": B64}]},
        {"data": [{"b64_json": "data:image/png;base64," + B64}]},
        {"data": [{"b64_json": "DATA:;base64," + B64}]},
        {"data": [{"b64_json": WRAPPED}]},
        {"data": [{"b64_json": WRAPPED.replace("\n", "\r\n") + "\r\n"}]},
        {"data": [{"b64_json": URL_SAFE}]},
        {"data": [{"b64_json": URL_SAFE.rstrip("=")}]},
        {"data": [{"b64_json": B64.rstrip("=")}]},
        {"data": [{"url": "data:image/png;base64," + B64.replace("+", "%2B")}]},
        {"data": [{"b64_json": None, "base64": B64}]},
        {"data": [{"b64": B64}]},
        {"data": [{"image": B64}]},
        {"data": [B64]},
        {"data": {"b64_json": B64}},
        {"data": {"images": [B64]}},
        {"images": [B64]},
        {"images": [{"b64_json": B64}]},
        {"images": ["data:image/png;base64," + B64]},
        {"artifacts": [{"base64": B64, "finishReason": "SUCCESS"}]},
        {"result": {"image": B64}},
        {"image": B64},
        [{"b64_json": B64}],
        [B64],
    ],
)
async def test_the_image_is_found(http, server, response):
    mock_images(server, httpx.Response(200, json=response))

    [done] = await make_client(http).request(REQUEST)

    assert done.image.content == PNG


async def test_a_jpeg_begins_like_a_path(http, server):
    mock_images(server, httpx.Response(200, json={"images": [base64.b64encode(JPEG).decode()]}))

    [done] = await make_client(http).request(REQUEST)

    assert done.image.content == JPEG


@pytest.mark.parametrize(
    "item", [{"url": CDN}, {"image_url": CDN}, {"image_url": {"url": CDN}}, {"b64_json": CDN}, CDN]
)
async def test_the_url_is_found(http, server, item):
    mock_images(server, httpx.Response(200, json={"data": [item]}))
    server.get(CDN).respond(content=PNG)

    assert len(await make_client(http).request(REQUEST)) == 1


class TestDownloads:
    @pytest.mark.parametrize("url", ["https://api.together.ai/shrt/Xy1", "/shrt/Xy1"])
    async def test_a_remote_servers_own_host_is_fetched_from(self, http, server, url):
        mock_images(server, httpx.Response(200, json={"data": [{"url": url}]}))
        server.get("https://api.together.ai/shrt/Xy1").respond(content=PNG)

        assert len(await make_client(http).request(REQUEST)) == 1

    async def test_so_is_a_local_servers(self, http, server):
        base = "http://gpu.lan:1234/v1"
        listed = {"data": [{"url": "http://gpu.lan:1234/generated/1.png"}]}
        server.post(f"{base}/images/generations").respond(json=listed)
        server.get("http://gpu.lan:1234/generated/1.png").respond(content=PNG)

        assert len(await make_client(http, base_url=base, local=True).request(REQUEST)) == 1

    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    async def test_redirects_outside_are_followed(self, http, server, status):
        mock_images(server, httpx.Response(200, json={"data": [{"url": "/shrt/a"}]}))
        server.get("https://api.together.ai/shrt/a").respond(status, headers={"location": "b"})
        server.get("https://api.together.ai/shrt/b").respond(status, headers={"location": CDN})
        server.get(CDN).respond(content=PNG)

        assert len(await make_client(http).request(REQUEST)) == 1

    @pytest.mark.parametrize(
        "target",
        [
            "http://127.0.0.1/x",
            "http://127.1/x",
            "http://2130706433/x",
            "http://localhost./x",
            "http://a.localhost/x",
            "http://[::1]/x",
            "http://[::ffff:10.0.0.1]/x",
            "http://10.0.0.1/x",
            "http://169.254.169.254/latest",
            "file:///etc/passwd",
            "http://[",
            "//",
        ],
    )
    @pytest.mark.parametrize("behind", ["first", "redirect"])
    async def test_a_remote_server_never_leads_inside(self, http, server, target, behind):
        url = target if behind == "first" else CDN
        mock_images(server, httpx.Response(200, json={"data": [{"url": url}]}))
        server.get(CDN).respond(302, headers={"location": target})
        inside = server.get(url__regex=r"http://(?!cdn)").respond(content=PNG)

        with pytest.raises(provider_errors.ImageNotFetched):
            await make_client(http).request(REQUEST)

        assert not inside.called

    async def test_a_local_server_does_not_lead_outside(self, http, server):
        local = f"{LOCAL_URL.removesuffix('/v1')}/1.png"
        server.post(f"{LOCAL_URL}/images/generations").respond(json={"data": [{"url": local}]})
        server.get(local).respond(302, headers={"location": CDN})
        outside = server.get(CDN).respond(content=PNG)

        with pytest.raises(provider_errors.ImageNotFetched):
            await make_client(http, base_url=LOCAL_URL).request(REQUEST)

        assert not outside.called

    async def test_a_circle_of_redirects_ends(self, http, server):
        mock_images(server, httpx.Response(200, json={"data": [{"url": CDN}]}))
        route = server.get(CDN).respond(302, headers={"location": CDN})

        with pytest.raises(provider_errors.ImageNotFetched):
            await make_client(http).request(REQUEST)

        assert route.call_count < 10


REFUSALS = [
    {"message": "NSFW content in the prompt", "type": "invalid_request_error", "param": "prompt"},
    {"message": "Your request was rejected as a result of our safety system."},
    {"message": "The prompt was blocked by the content policy.", "code": "400"},
    {"message": "no", "code": "ResponsibleAIPolicyViolation"},
    {"message": "no", "type": "content_filtered"},
    {"message": "Content Moderated"},
    {"message": "This image violates our usage guidelines and policies"},
    {"message": "The prompt contains inappropriate content"},
]
OTHER = [
    {"message": "Parameter 'disable_safety_checker' is not supported", "param": None},
    {"message": "no NSFW here", "param": "steps"},
    {"message": "width is not a multiple of 8"},
]


class TestRefusals:
    @pytest.mark.parametrize("error", REFUSALS)
    @pytest.mark.parametrize("status", [200, 400, 422, 403])
    async def test_refused_content_is_told_as_such_and_not_asked_again(
        self, http, server, error, status
    ):
        route = mock_images(server, httpx.Response(status, json={"error": error}))

        with pytest.raises(provider_errors.ContentFiltered):
            await make_client(http).request(REQUEST)

        assert route.call_count == 1

    @pytest.mark.parametrize("error", OTHER)
    async def test_a_refused_option_is_still_one(self, http, server, error):
        mock_images(
            server,
            error_response(400, **error),
            httpx.Response(200, json={"data": [{"b64_json": B64}]}),
        )

        assert len(await make_client(http).request(REQUEST)) == 1

    @pytest.mark.parametrize(
        ("response", "refused"),
        [
            ({"data": [], "nsfw": [True]}, True),
            ({"images": [], "has_nsfw_concepts": [True]}, True),
            ({"artifacts": [{"base64": "", "finishReason": "CONTENT_FILTERED"}]}, True),
            ({"predictions": [{"raiFilteredReason": "blocked by safety filters"}]}, True),
            ({"detail": [{"msg": "prompt was flagged"}]}, True),
            ("Your prompt was blocked", True),
            ({"data": [], "nsfw": [False]}, False),
            ({"data": [{"revised_prompt": "a policeman blocked by a safety fence"}]}, False),
            ({"status": "ok"}, False),
            ({"error": {"message": "Unknown parameter: moderation"}}, False),
            ({"error": {"message": "steps must be at most 4"}}, False),
            ("Bad gateway", False),
            (None, False),
            (json.loads("[" * 50 + "]" * 50), False),
        ],
    )
    def test_where_a_response_tells_it(self, response, refused):
        assert refuses_content(response) is refused

    async def test_an_image_counts_for_more_than_a_word(self, http, server):
        answer = {"data": [{"b64_json": B64}], "warnings": {"message": "content policy applies"}}
        mock_images(server, httpx.Response(200, json=answer))
        client: ImageClient = make_client(http)

        assert len(await client.request(REQUEST)) == 1
