"""A record of OCMF vouches for what its meter has signed, and for nothing else.

The published records are those by which the transparency software of S.A.F.E. e.V. is tested
(github.com/SAFE-eV/transparenzsoftware, d556f1a, src/test/resources/xml, Apache 2.0).
"""

from __future__ import annotations

from decimal import Decimal

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from metering.energy import Direction
from stations.ocmf import MeterKey, MeterKeyUnfit, RecordRefused, read_record
from tests.support.signed_meter import SignedMeter, reading

KEBA = (
    'OCMF|{"FV":"1.0","GI":"KEBA_KCP30","GS":"17619300","GV":"2.8.5","PG":"T32","IS":false,"IL":"NONE'
    '","IF":["RFID_NONE","OCPP_NONE","ISO15118_NONE","PLMN_NONE"],"IT":"NONE","ID":"","RD":[{"TM":"20'
    '19-08-13T10:03:15,000+0000 I","TX":"B","EF":"","ST":"G","RV":0.2596,"RI":"1-b:1.8.0","RU":"kWh"}'
    ',{"TM":"2019-08-13T10:03:36,000+0000 R","TX":"E","EF":"","ST":"G","RV":0.2597,"RI":"1-b:1.8.0","'
    'RU":"kWh"}]}|{"SD":"304502200E2F107C987A300AC1695CA89EA149A8CDFA16188AF0A33EE64B67964AA943F90221'
    '00889A72B6D65364BEA8562E7F6A0253157ACFF84FE4929A93B5964D23C4265699"}'
)
KEBA_KEY = (
    "3059301306072A8648CE3D020106082A8648CE3D030107034200043AEEB45C392357820A58FDFB0857BD77ADA31585C6"
    "1C430531DFA53B440AFBFDD95AC887C658EA55260F808F55CA948DF235C2108A0D6DC7D4AB1A5E1A7955BE"
)
EBEE = (
    'OCMF|{"FV":"1.0","GI":"Heinz_CSA","GS":"","GV":"1.6.0","PG":"T28","MV":"DZG","MM":"DVH4013","MS"'
    ':"000033022620","MF":"","IS":true,"IT":"ISO14443","ID":"7bcf78ad","RD":[{"TM":"2021-08-25T10:01:'
    '04,000+0200 I","TX":"B","RV":7753,"RI":"1-b:1.8.0","RU":"Wh","RT":"AC","EF":"","ST":"G"}]}|{"SD"'
    ':"3045022100AA010A609E2A6D5E5DAC54CB469FA4A430BFBADC0CDF5F82F5291A6C9CEACE9B022052E7ECC79DEF081C'
    '303703ABC67C07C4CFA842AF6EE21B12C1263C21E80D92FF"}'
)
EBEE_KEY = (
    "3059 3013 0607 2A86 48CE 3D02 0106 082A 8648 CE3D 0301 0703 4200 04E5 CE28 01D7 16BF 55B7 1477 C"
    "A66 6BE6 A8B8 994F EBBF 05B0 4BC0 AE78 79A6 2AE7 7460 A143 35F3 F306 57DD 7ADC 4338 398C 837D D2"
    "DE 52D8 FCAA E786 01D1 476F E1C2 1F"
)
NANO = (
    'OCMF|{"FV" : "1.0","GI" : "Nano CH-10311C","GS" : "060643","GV" : "v017","PG" : "T198","MV" : "D'
    'ZG","MM" : "DVH4013","MS" : "1DZG0033016824","IS" : true,"IL" : "VERIFIED","IF" : ["RFID_NONE","'
    'OCPP_NONE","ISO15118_NONE","PLMN_NONE"],"IT" : "EMAID","ID" : "04ab076a345b85","CT" : "CBIDC","C'
    'I" : "CI","RD" : [{"TM" : "2021-10-26T10:20:52,000+0200 I","TX" : "B","RV" : "       9.038","RI"'
    ' : "01-00:01.08.00.FF","RU" : "kWh","RT" : "AC","EF" : "","ST" : "G"}]}|{"SA" : "ECDSA-secp256k1'
    '-SHA256","SD" : "3046022100A4C188533ECA1793336520F7F99E010E62DEC32ABD344A562B00D396F65DFFE902210'
    '0CB0FB3782E406525641D689F4326D2118365A722EE75AAAB976C14B090BE49DA"}'
)
NANO_KEY = (
    "MFYwEAYHKoZIzj0CAQYFK4EEAAoDQgAEqHEykfqZhspgok6zCQh/329B38xine8ujzT8p5Nh7lek47cYeZj507aN6E4/QirF"
    "1b7Q57ln4VGfK6h0d0GOQA=="
)
METER = SignedMeter()


@pytest.mark.parametrize(
    ("record", "key", "watt_hours"),
    [(KEBA, KEBA_KEY, "259.7"), (EBEE, EBEE_KEY, "7753"), (NANO, NANO_KEY, "9038")],
)
def test_published_records_vouch_for_their_stands(record: str, key: str, watt_hours: str) -> None:
    written = record, record.encode().hex(), f"\n{record}\n"
    for signed in written:
        assert read_record(signed, key=MeterKey.read(key)) == {Direction.IMPORT: Decimal(watt_hours)}


@pytest.mark.parametrize(
    ("record", "key"),
    [
        (KEBA.replace("2019-08-13T10:03:15", "2019-08-12T10:03:15"), KEBA_KEY),  # published as one that fails
        (KEBA.replace('"RV":0.2597', '"RV":0.2598'), KEBA_KEY),
        (KEBA, EBEE_KEY),
        (KEBA.replace(',"RI"', ', "RI"'), KEBA_KEY),
        (KEBA.replace("5699", "569A"), KEBA_KEY),
        (KEBA.replace("3045", "XX45"), KEBA_KEY),
    ],
)
def test_what_was_changed_after_it_was_signed_vouches_for_nothing(record: str, key: str) -> None:
    with pytest.raises(RecordRefused, match="its signature is not that of the meter"):
        read_record(record, key=MeterKey.read(key))


@pytest.mark.parametrize(
    ("curve", "algorithm"),
    [
        (ec.SECP192R1(), "ECDSA-secp192r1-SHA256"),
        (ec.SECP256K1(), "ECDSA-secp256k1-SHA256"),
        (ec.SECP384R1(), "ECDSA-secp384r1-SHA256"),
        (ec.BrainpoolP256R1(), "ECDSA-brainpool256r1-SHA256"),
        (ec.BrainpoolP384R1(), "ECDSA-brainpoolP384r1-SHA256"),
    ],
)
def test_a_record_says_by_which_curve_it_is_signed(curve: ec.EllipticCurve, algorithm: str) -> None:
    meter = SignedMeter(ec.generate_private_key(curve))
    payload = {"RD": [reading("12.5")]}
    signed = meter.sign(payload, SA=algorithm)
    assert read_record(signed, key=meter.key) == {Direction.IMPORT: Decimal(12_500)}
    for other in (meter.sign(payload), meter.sign(payload, SA="ECDSA-of-nobody")):
        with pytest.raises(RecordRefused, match="and the meter's key is on"):
            read_record(other, key=meter.key)


def test_a_signature_may_be_written_in_base64_and_not_otherwise_than_as_der() -> None:
    payload = {"RD": [reading("1")]}
    assert read_record(METER.sign(payload, base64=True, SE="base64"), key=METER.key)
    with pytest.raises(RecordRefused, match="not as DER"):
        read_record(METER.sign(payload, SM="application/pdf"), key=METER.key)
    with pytest.raises(RecordRefused, match="not that of the meter"):
        read_record(METER.sign(payload, base64=True, SE="base64", SD="?"), key=METER.key)


def test_what_a_reading_leaves_out_is_as_in_the_one_before() -> None:
    signed = METER.sign({"RD": [reading("1.5"), {"TM": "…", "TX": "E", "RV": "2.5"}]})
    assert read_record(signed, key=METER.key) == {Direction.IMPORT: Decimal(2_500)}


def test_the_register_nearest_to_the_vehicle_counts_and_the_sum_of_all_tariffs() -> None:
    signed = METER.sign(
        {
            "RD": [
                reading("1", RI="01-00:B1.08.00*FF"),
                reading("2", RI="01-00:01.08.00*FF"),
                reading("3", RI="1-0:1.8.1"),
                reading("4", RI="01-00:B0.08.00*FF"),
                reading("5", RI="01-00:B3.08.00*FF"),
                reading("6", RI="01-00:02.08.00*FF"),
                reading("30", RI="01-00:00.08.06.FF", RU="sec"),
            ]
        }
    )
    assert read_record(signed, key=METER.key) == {
        Direction.IMPORT: Decimal(1_000),
        Direction.EXPORT: Decimal(6_000),
    }


def test_a_record_without_stands_vouches_for_none() -> None:
    for payload in ("{}", '{"RD": 7}', '{"RD": []}'):
        assert read_record(METER.sign(payload), key=METER.key) == {}


@pytest.mark.parametrize(
    ("signed", "why"),
    [
        ("", "no OCMF record"),
        ("AA==", "no OCMF record"),
        ("/+8=", "no OCMF record"),
        ("not base64 either!", "no OCMF record"),
        ("OCMF|{}", "no OCMF record"),
        ("OCMFX|{}|{}", "no OCMF record"),
        ("OCMF|{}|{}|{}", "no OCMF record"),
        ("OCMF|{}|7", "the signature of the signed record is no JSON object"),
        ("OCMF|{}|" + "[" * 100_000, "the signature of the signed record is no JSON object"),
        (METER.sign("7"), "the payload of the signed record is no JSON object"),
        (METER.sign({"RD": ["x"]}), "is no object"),
        (METER.record("1", ST="M"), "not to be billed: state M, errors none"),
        (METER.record("1", EF="Et"), "not to be billed: state G, errors Et"),
        (METER.record("-1"), "states no energy: -1"),
        (METER.record("1e3"), "states no energy: 1e3"),
        (METER.record("1", RU="kvarh"), "states no energy: 1 kvarh"),
        (METER.record("999999999999999"), "more than any meter counts"),
    ],
)
def test_a_record_that_says_no_energy_says_why(signed: str, why: str) -> None:
    with pytest.raises(RecordRefused, match=why):
        read_record(signed, key=METER.key)


def test_a_key_is_one_on_a_curve_of_ocmf() -> None:
    formats = Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    others = (
        ed25519.Ed25519PrivateKey.generate().public_key().public_bytes(*formats),
        ec.generate_private_key(ec.SECP521R1()).public_key().public_bytes(*formats),
    )
    for der in others:
        with pytest.raises(MeterKeyUnfit, match="no key on one of the curves brainpool"):
            MeterKey.read(der.hex())
    for text in ("", "00", "?"):
        with pytest.raises(MeterKeyUnfit, match="no public key"):
            MeterKey.read(text)
