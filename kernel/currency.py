"""ISO 4217: currencies and how many decimals each one has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_CODES_BY_EXPONENT: Final = {
    0: """
    BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF
    """,
    2: """
    AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BTN BWP BYN BZD CAD
    CDF CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD
    GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL
    MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN
    PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP
    SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG
    """,
    3: """
    BHD IQD JOD KWD LYD OMR TND
    """,
    4: """
    CLF UYW
    """,
}

_EXPONENTS: Final = {
    code: exponent for exponent, codes in _CODES_BY_EXPONENT.items() for code in codes.split()
}


class UnknownCurrency(ValueError):
    """A code that ISO 4217 does not list."""


@dataclass(frozen=True, slots=True)
class Currency:
    """A currency by its ISO 4217 code; `exponent` is the number of its decimals."""

    code: str

    def __post_init__(self) -> None:
        if self.code not in _EXPONENTS:
            raise UnknownCurrency(f"{self.code!r} is no ISO 4217 code; write it like USD or INR")

    @property
    def exponent(self) -> int:
        return _EXPONENTS[self.code]

    def __str__(self) -> str:
        return self.code
