"""A certificate behind a proxy: who is believed, in which forms, and what is refused."""

from __future__ import annotations

import base64
import hashlib
from ipaddress import ip_network
from pathlib import Path
from urllib.parse import quote

import pytest

from metering.documents import MirrorMeterReadings
from metering.sep.sender import DeviceForeign, Sender, as_sent_by, sender_by_certificate
from metering.sep.terminator import CertificateHeader, CertificateHeaderUnreadable
from tests.support.device_certificates import Credentials, DeviceAuthority
from tests.support.metering_documents import meter

HEADER = CertificateHeader(name="X-Client-Cert", proxies=(ip_network("10.0.0.0/24"), ip_network("fd00::/64")))
PROXY = ("10.0.0.7", 40_000)


@pytest.fixture(scope="module")
def device(tmp_path_factory: pytest.TempPathFactory) -> Credentials:
    folder: Path = tmp_path_factory.mktemp("device")
    return DeviceAuthority(folder).device("house")


def scope(
    *values: str, client: tuple[str, int] | None = PROXY, chain: tuple[str, ...] = ()
) -> dict[str, object]:
    return {
        "type": "http",
        "client": client,
        "headers": [(b"x-client-cert", value.encode()) for value in values],
        "extensions": {"tls": {"client_cert_chain": chain}},
    }


def test_every_form_of_a_certificate_names_the_same_device(device: Credentials) -> None:
    fingerprint = hashlib.sha256(device.der).hexdigest()
    forms = (
        quote(device.pem),
        f":{base64.b64encode(device.der).decode()}:",
        fingerprint,
        ":".join(fingerprint[i : i + 2] for i in range(0, 64, 2)).upper(),
    )
    assert {HEADER.lfdi_in(scope(form)) for form in forms} == {device.lfdi}


def test_a_plus_in_escaped_pem_stays_one(tmp_path: Path) -> None:
    authority = DeviceAuthority(tmp_path)
    credentials = next(one for i in range(50) if "+" in (one := authority.device(f"d{i}")).pem)
    assert HEADER.lfdi_in(scope(quote(credentials.pem, safe="+/="))) == credentials.lfdi


@pytest.mark.parametrize(
    "client", [("10.0.1.7", 1), ("127.0.0.1", 1), ("::ffff:10.0.0.7", 1), ("testclient", 1), None]
)
def test_nobody_but_the_named_proxies_is_believed(
    device: Credentials, client: tuple[str, int] | None
) -> None:
    asked = scope(quote(device.pem), client=client)
    assert HEADER.lfdi_in(asked) is None
    assert sender_by_certificate(asked, HEADER) is None


def test_without_the_setting_the_header_means_nothing(device: Credentials) -> None:
    assert sender_by_certificate(scope(quote(device.pem)), None) is None


@pytest.mark.parametrize("values", [(), ("",), (" ",)])
def test_a_proxy_that_passes_nothing_on_names_nobody(values: tuple[str, ...]) -> None:
    assert HEADER.lfdi_in(scope(*values)) is None


def test_a_header_that_stands_twice_is_refused(device: Credentials) -> None:
    with pytest.raises(CertificateHeaderUnreadable, match="more than once"):
        HEADER.lfdi_in(scope(quote(device.pem), "ab" * 32))


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("ab" * 20, "SHA-1"),
        ("nonsense", "no certificate"),
        (quote("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), "no certificate"),
        (":AAAA:", "no certificate"),
        (":AAA:", "no certificate"),
        ("x" * 30_000, "too long"),
    ],
)
def test_what_names_no_device_is_refused(value: str, words: str) -> None:
    with pytest.raises(CertificateHeaderUnreadable, match=words) as caught:
        HEADER.lfdi_in(scope(value))
    assert caught.value.http_status == 401


def test_the_device_behind_a_proxy_goes_before_the_proxys_own_certificate(
    device: Credentials, tmp_path: Path
) -> None:
    proxy = DeviceAuthority(tmp_path).device("proxy")
    told = sender_by_certificate(scope(quote(device.pem), chain=(proxy.pem,)), HEADER)
    assert told == Sender.of_device(device.lfdi)


@pytest.mark.parametrize("values", [(), ("",)])
def test_a_proxy_that_names_no_device_is_not_taken_for_one_by_its_own_certificate(
    tmp_path: Path, values: tuple[str, ...]
) -> None:
    proxy = DeviceAuthority(tmp_path).device("proxy")
    assert sender_by_certificate(scope(*values, chain=(proxy.pem,)), HEADER) is None


def test_a_device_that_comes_past_the_proxy_is_known_by_its_own_certificate(device: Credentials) -> None:
    asked = scope(client=("192.0.2.9", 1), chain=(device.pem,))
    assert sender_by_certificate(asked, HEADER) == Sender.of_device(device.lfdi)


LFDI, OTHER = "AB" * 20, "CD" * 20


def test_a_sender_without_a_certificate_may_speak_for_any_device() -> None:
    assert as_sent_by(Sender("utility"), meter(lfdi=OTHER), aggregators=()).device_lfdi == OTHER  # type: ignore[union-attr]


def test_readings_alone_name_no_device() -> None:
    told = MirrorMeterReadings(meter_readings=())
    assert as_sent_by(Sender.of_device(LFDI), told, aggregators=()) is told


def test_a_device_speaks_for_itself_and_an_aggregator_for_others() -> None:
    device = Sender.of_device(LFDI)
    assert as_sent_by(device, meter(lfdi=LFDI), aggregators=()) == meter(lfdi=LFDI)
    assert as_sent_by(device, meter(), aggregators=()) == meter(lfdi=LFDI)
    assert as_sent_by(device, meter(lfdi=OTHER), aggregators={LFDI}) == meter(lfdi=OTHER)
    with pytest.raises(DeviceForeign, match="may not speak for others"):
        as_sent_by(device, meter(lfdi=OTHER), aggregators={OTHER})
