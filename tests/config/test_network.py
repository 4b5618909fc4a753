"""The environment's proxies and certificates work, or one line names the variable."""

import asyncio
import ssl

import httpx
import pytest

from ambrosio.config.network import client_options, remote_client, trusted_certificates
from ambrosio.core.errors import InvalidSettings

SECRET = "hunter22"
VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "ssl_cert_file", "ssl_cert_dir")


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch):
    for name in (*VARIABLES, "sslkeylogfile"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture(scope="module")
def certificates():
    return httpx.create_ssl_context(verify=False)


def patterns(certificates):
    return set(client_options(certificates)["mounts"])


def the_line():
    with pytest.raises(InvalidSettings) as caught:
        remote_client(trusted_certificates())
    (line,) = caught.value.lines
    assert "\n" not in line
    assert SECRET not in line
    return line


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("all_proxy", "socks4://127.0.0.1:1080"),
        ("ALL_PROXY", "socks4a://127.0.0.1:1080"),
        ("HTTPS_PROXY", f"ftp://user:{SECRET}@127.0.0.1:21"),
        ("https_proxy", "http://127.0.0.1:port"),
        ("HTTP_PROXY", "http://127.0.0.1:99999"),
        ("http_proxy", "http://["),
        ("http_proxy", "http://"),
        ("http_proxy", "http://my proxy:3128"),
        ("http_proxy", "://127.0.0.1"),
        ("http_proxy", "http:127.0.0.1:3128"),
        ("ALL_PROXY", f"127.0.0.1:3128:user:{SECRET}"),
        ("ALL_PROXY", "http://127.0.0.1:0"),
        ("ALL_PROXY", "socks5://"),
    ],
)
def test_a_proxy_that_cannot_be_used_is_one_line(monkeypatch, name, value):
    monkeypatch.setenv(name, value)

    assert the_line().startswith(f"{name}: ")


@pytest.mark.parametrize("name", ["HTTP_PROXY", "https_proxy", "ALL_PROXY"])
@pytest.mark.parametrize(
    "value",
    [
        "http://127.0.0.1:3128",
        "https://user:pass@proxy.example:443/",
        "127.0.0.1:3128",
        "foo",
        "socks5://127.0.0.1:1080",
        "socks5h://user:pass@127.0.0.1:1080",
        "socks://127.0.0.1:1080/",
        "SOCKS5://[::1]:1080",
        " http://127.0.0.1:3128\n",
    ],
)
def test_a_proxy_is_used(monkeypatch, certificates, name, value):
    monkeypatch.setenv(name, value)

    assert patterns(certificates) == {f"{name.lower().removesuffix('_proxy')}://"}


def test_no_variables_no_proxies(monkeypatch, certificates):
    monkeypatch.setenv("NO_PROXY", "[::1],")
    monkeypatch.setenv("HTTP_PROXY", "")

    assert patterns(certificates) == set()


# What is excepted, and which addresses are then asked directly or not.
EXCEPTED = [
    ("[::1]", ["http://[::1]:8000"], ["http://[::2]"]),
    ("::1", ["http://[::1]/"], ["http://example.com"]),
    ("::1/128,fd00::/8", [], ["http://example.com"]),
    ("10.0.0.0/8, 192.168.0.0/16", [], ["http://example.com"]),
    (".example.com", ["http://example.com", "http://a.example.com"], ["http://anexample.com"]),
    ("*.example.com", ["http://example.com", "http://a.example.com"], ["http://example.org"]),
    ("example.com:8443", ["https://example.com:8443"], ["https://example.com"]),
    ("localhost 127.0.0.1", ["http://localhost", "http://127.0.0.1"], ["http://127.0.0.2"]),
    ("http://example.com", ["http://example.com"], ["https://example.com"]),
    ("", [], ["http://example.com"]),
    (",, ,", [], ["http://example.com"]),
    ("a,*", ["http://example.com", "https://example.org"], []),
]


@pytest.mark.parametrize(("value", "direct", "proxied"), EXCEPTED)
async def test_what_is_excepted_is_asked_directly(
    monkeypatch, certificates, value, direct, proxied
):
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:3128")
    monkeypatch.setenv("NO_PROXY", value)

    async with remote_client(certificates) as client:
        default = client._transport

        for url in direct:
            assert client._transport_for_url(httpx.URL(url)) is default
        for url in proxied:
            assert client._transport_for_url(httpx.URL(url)) is not default


@pytest.mark.parametrize("value", ["[::1", "a:b:c:d", "[zz]", "host:port", "a,http://["])
@pytest.mark.parametrize("name", ["NO_PROXY", "no_proxy"])
def test_an_exception_that_is_no_host_is_one_line(monkeypatch, name, value):
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:3128")
    monkeypatch.setenv(name, value)

    assert the_line().startswith(f"{name}: has the entry `")


@pytest.mark.parametrize("scheme", ["socks5", "socks5h", "socks"])
async def test_a_socks_proxy_works(monkeypatch, certificates, scheme):
    asked = []

    async def serve(reader, writer):
        await reader.readexactly(3)
        writer.write(b"\x05\x00")
        head = await reader.readexactly(5)
        asked.append((await reader.readexactly(head[4] + 2))[:-2])
        writer.write(b"\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x50")
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        monkeypatch.setenv("ALL_PROXY", f"{scheme}://127.0.0.1:{port}")
        async with remote_client(certificates) as client:
            answer = await client.get("http://models.example/v1/models")

    assert (answer.text, asked) == ("ok", [b"models.example"])


class TestCertificates:
    @pytest.mark.parametrize("content", [None, "folder", "", "not a certificate\n", "\x00\x01"])
    def test_a_file_without_any_is_one_line(self, monkeypatch, tmp_path, content):
        path = tmp_path / "ca.pem"
        if content == "folder":
            path.mkdir()
        elif content is not None:
            path.write_text(content, "utf-8")
        monkeypatch.setenv("SSL_CERT_FILE", str(path))

        assert the_line().startswith("SSL_CERT_FILE: ")

    @pytest.mark.parametrize("made", [False, True])
    def test_a_folder_without_any_is_one_line(self, monkeypatch, tmp_path, made):
        folder = tmp_path / "certs"
        if made:
            folder.mkdir()
            (folder / "ca.pem").write_text("without a hash for its name", "utf-8")
        monkeypatch.setenv("SSL_CERT_DIR", str(folder))

        assert the_line().startswith("SSL_CERT_DIR: ")

    def test_a_log_of_keys_that_cannot_be_written_is_one_line(self, monkeypatch, tmp_path):
        monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "nowhere" / "keys"))

        assert the_line().startswith("SSLKEYLOGFILE: ")

    def test_right_ones_are_read(self, monkeypatch, tmp_path):
        (tmp_path / "a1b2c3d4.0").write_text("read when it is needed", "utf-8")
        monkeypatch.setenv("SSL_CERT_DIR", f"{tmp_path / 'nowhere'}:{tmp_path}")

        assert isinstance(trusted_certificates(), ssl.SSLContext)
