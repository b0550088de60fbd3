from ipaddress import ip_address

import pytest

from outbound.client import send
from outbound.errors import Blocked
from outbound.policy import Allowance, Policy, check_url, is_public, parse_allowances

NEVER = [
    "127.0.0.1",
    "127.1",
    "127.0.0.2",
    "0",
    "0.0.0.0",
    "0x7f000001",
    "2130706433",
    "0177.0.0.1",
    "0x7f.1",
    "017700000001",
    "127.0.0.1.",
    "10.0.0.1",
    "10.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.0.1",
    "192.168.65281",
    "100.64.0.1",
    "100.100.100.200",
    "169.254.169.254",
    "0xa9fea9fe",
    "2852039166",
    "169.254.43518",
    "192.0.0.8",
    "192.0.0.192",
    "192.0.2.1",
    "198.18.0.1",
    "198.51.100.7",
    "203.0.113.9",
    "192.88.99.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "168.63.129.16",
    "[::]",
    "[::1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:169.254.169.254]",
    "[64:ff9b::a9fe:a9fe]",
    "[64:ff9b::10.0.0.1]",
    "[64:ff9b:1::1]",
    "[::127.0.0.1]",
    "[fe80::1]",
    "[fe80::1%25eth0]",
    "[fc00::1]",
    "[fd00:ec2::254]",
    "[fec0::1]",
    "[ff02::1]",
    "[2001:db8::1]",
    "[2002:7f00:1::]",
    "[2001::1]",
    "[100::1]",
    "[3fff::1]",
    "[5f00::1]",
    "user@host.test",
    "user:pass@host.test",
    "host\\@x",
    "host.test\\",
    "ho%73t",
    ".test",
    "-bad",
    "host..test",
    "１２７.0.0.1",
    "１２７。０。０。１",
    "127。0。0。1",
    "①27.0.0.1",
]
NAMES_OF_METADATA = ("metadata.google.internal", "metadata", "instance-data.ec2.internal")


@pytest.mark.parametrize("host", NEVER)
def test_a_private_or_crooked_host_is_refused(host):
    with pytest.raises(Blocked):
        send("GET", f"https://{host}/")


def test_the_table_of_hosts_is_long():
    assert len(NEVER) >= 40


@pytest.mark.parametrize("host", NAMES_OF_METADATA)
def test_a_name_of_a_metadata_server_is_refused(host, names):
    names[host] = [["169.254.169.254"]]
    with pytest.raises(Blocked):
        send("GET", f"https://{host}/")


@pytest.mark.parametrize(
    "address", ["1.1.1.1", "93.184.216.34", "2606:4700::1111", "2a00:1450:4001::200e"]
)
def test_a_public_address_is_public(address):
    assert is_public(ip_address(address))
    assert Policy().refusal("https", ip_address(address), 443) is None


@pytest.mark.parametrize(
    "url",
    [
        "",
        "api.openai.com",
        "ftp://api.openai.com/",
        "file:///etc/passwd",
        "https:api.openai.com",
        "https:///v1",
        "https://",
        "https://api.openai.com:/v1",
        "https://api.openai.com:0/",
        "https://api.openai.com:70000/",
        "https://api.openai.com:abc/",
        "https://api.openai.com/#x",
        "https://api.openai.com/a b",
        "https://api.openai.com/\r\nHost: x",
        "https://[api.openai.com]/",
        "https://[::1/",
        "https://api.openai.com:22/",
        "http://api.openai.com/",
        "https://" + "a" * 64 + ".com/",
        "https://api.openai.com/" + "x" * 5000,
        "https://a..b/",
        "https://\ud800/",
    ],
)
def test_an_unusual_url_is_refused(url):
    with pytest.raises(Blocked):
        check_url(url)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://api.openai.com/v1", ("https", "api.openai.com", 443)),
        ("HTTPS://API.OpenAI.com:8443/v1?x=1", ("https", "api.openai.com", 8443)),
        ("https://api.openai.com./v1", ("https", "api.openai.com", 443)),
        ("https://bücher.example/", ("https", "xn--bcher-kva.example", 443)),
        ("https://api．openai.com/", ("https", "api.openai.com", 443)),
        ("https://[2606:4700::1111]/", ("https", "2606:4700::1111", 443)),
    ],
)
def test_a_plain_url_is_taken_apart(url, expected):
    assert check_url(url) == expected


def test_http_is_allowed_to_an_opened_network_only(allow):
    allow("10.0.0.0/8")
    assert check_url("http://10.1.2.3:9000/") == ("http", "10.1.2.3", 9000)
    with pytest.raises(Blocked, match="plain http"):
        check_url("http://1.1.1.1/")


def test_an_allowance_for_one_port_opens_no_other(allow):
    allow("10.0.0.0/8:443")
    assert check_url("https://10.0.0.1/")
    with pytest.raises(Blocked):
        check_url("https://10.0.0.1:6379/")


def test_our_own_ports_stay_shut_in_an_opened_network(allow):
    allow("127.0.0.0/8", forbidden_ports=frozenset({6379}))
    assert check_url("http://127.0.0.1:8000/")
    with pytest.raises(Blocked, match="TuneBell"):
        check_url("http://127.0.0.1:6379/")


@pytest.mark.parametrize(
    "host",
    [
        "169.254.169.254",
        "100.100.100.200",
        "168.63.129.16",
        "192.0.0.192",
        "[fd00:ec2::254]",
        "[::ffff:169.254.169.254]",
        "[64:ff9b::a9fe:a9fe]",
    ],
)
def test_metadata_stays_shut_whatever_the_list_says(host, allow):
    allow("0.0.0.0/0 ::/0")
    with pytest.raises(Blocked):
        check_url(f"https://{host}/")


def test_the_demo_opens_one_port_of_one_address(allow):
    allow(demo_port=4010)
    assert check_url("http://127.0.0.1:4010/v1")
    for url in ("http://127.0.0.1:4011/", "http://127.0.0.2:4010/", "http://10.0.0.1:4010/"):
        with pytest.raises(Blocked):
            check_url(url)


def test_a_mapped_address_is_judged_by_the_one_inside(allow):
    allow("10.0.0.0/8")
    assert check_url("https://[::ffff:10.0.0.1]/")


def test_allowances_are_read_in_every_form():
    read = parse_allowances("10.20.0.0/16, 192.168.5.7/32:8000 [fd12::/32]:443,fd13::/32 ::1")
    assert [(str(a.network), a.port) for a in read] == [
        ("10.20.0.0/16", None),
        ("192.168.5.7/32", 8000),
        ("fd12::/32", 443),
        ("fd13::/32", None),
        ("::1/128", None),
    ]
    assert parse_allowances(" , ") == ()


@pytest.mark.parametrize(
    "text",
    ["localhost", "10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/8:0", "10.0.0.0/8:99999", "[::1", "x"],
)
def test_a_wrong_allowance_is_named(text):
    with pytest.raises(ValueError, match=r"is not a network|names a port"):
        parse_allowances(f"127.0.0.1,{text}")


def test_an_allowance_covers_its_own_port_only():
    allowance = Allowance(parse_allowances("10.0.0.0/8")[0].network, 443)
    assert allowance.covers(ip_address("10.9.9.9"), 443)
    assert not allowance.covers(ip_address("10.9.9.9"), 80)
    assert not allowance.covers(ip_address("fd00::1"), 443)
