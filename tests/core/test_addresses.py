"""Which addresses may be fetched for a model."""

import pytest

from ambrosio.core.addresses import is_internet_address


@pytest.mark.parametrize(
    "address",
    [
        *("93.184.215.14", "1.1.1.1", "2606:4700:4700::1111", "2a01:4f8::1", "::ffff:8.8.8.8"),
    ],
)
def test_the_internet_may_be_asked(address):
    assert is_internet_address(address)


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.9.9.9", "0.0.0.0", "0.1.2.3", "10.1.2.3", "172.16.0.1", "192.168.1.1"),
        *("169.254.169.254", "100.64.0.1", "100.100.100.200", "168.63.129.16", "192.0.0.192"),
        *("192.0.2.1", "198.51.100.7", "203.0.113.7", "198.18.0.1", "224.0.0.1", "239.1.1.1"),
        *("240.0.0.1", "255.255.255.255", "192.88.99.1", "::1", "::", "fe80::1", "fe80::1%eth0"),
        *("fc00::1", "fd00:ec2::254", "fec0::1", "ff02::1", "2001:db8::1", "2001::1", "100::1"),
        *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1"),
        *("64:ff9b::7f00:1", "64:ff9b:1::7f00:1", "2002:7f00:1::", "3fff::1", "5f00::1"),
        *("", "localhost", "example.com", "1.1", "0x7f.1", "134744072", "8.8.8.8 ", "8.8.8.8/32"),
    ],
)
def test_everything_else_may_not(address):
    assert not is_internet_address(address)
