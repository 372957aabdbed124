"""The currencies of ISO 4217, and how people write them: codes, signs and words."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_ALL = """
AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD
CAD CDF CHF CLF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP
GMD GNF GTQ GYD HKD HNL HRK HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD
KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO
NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SLL
SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VED VES VND VUV
WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG ZWL GBX
"""
CODES = frozenset(_ALL.split())
"""The currencies of ISO 4217 that people pay with, and pence."""

MAJOR = frozenset({"USD", "EUR", "GBP", "JPY", "CNY", "CHF", "AUD", "CAD", "INR", "BRL"})
"""Those that most files hold."""

_DOLLARS = """
USD AUD CAD NZD HKD SGD MXN ARS CLP COP TWD BRL UYU DOP BBD BMD BND BSD BZD CUP FJD GYD JMD KYD LRD
NAD SBD SRD TTD XCD
"""
_SHARERS = {
    "$": _DOLLARS,
    "¥": "JPY CNY",
    "KR": "SEK NOK DKK ISK",
    "RS": "INR PKR LKR NPR MUR SCR",
    "FR": "CHF BIF CDF DJF GNF KMF RWF XAF XOF XPF",
    "FCFA": "XAF XOF",
    "LEI": "RON MDL",
    "SH": "KES TZS UGX SOS",
    "BR": "BYN ETB",
    "BS": "BOB VES VED",
    "DH": "AED MAD",
    "RF": "RWF MVR",
    "SR": "SAR SCR",
    "P": "PHP BWP",
    "Ƒ": "AWG ANG XCG",
    "﷼": "IRR SAR YER OMR QAR",
    "СОМ": "KGS UZS",  # in Cyrillic
    "B$": "BSD BND",
    "LE": "EGP SLE",
    # signs of the one, which others write too
    "GBP": "EGP FKP GIP LBP SDG SHP SSP SYP",
    "RUB": "BYN",
    "CAD": "NIO",
    "CNY": "TWD HKD MOP",
    "RSD": "MKD",
}
_SHARED: Mapping[str, frozenset[str]] = {
    sign: frozenset(codes.split()) for sign, codes in _SHARERS.items()
}
"""Signs that several currencies share; a column that has both is not told to contradict itself."""

_SIGNS = """
EUR € EURO EUROS ΕΥΡΏ ΕΥΡΩ ЕВРО
GBP £ STG £STG UK£
USD US$ $US USD$ U$S U$D U$ US
AUD A$ AU$ $A $AU
CAD C$ CA$ CAN$ $CA $CAN
NZD NZ$ $NZ
HKD HK$ $HK
SGD S$ SG$
BRL R$
MXN MX$ MEX$ $MX
TWD NT$ NT
ARS AR$
CLP CLP$
CLF UF
COP COL$ CO$
UYU $U UY$
DOP RD$
BBD BDS$
BZD BZ$
BND BN$
BMD BD$
FJD FJ$
GYD GY$ G$
JMD J$ JA$
KYD CI$
LRD L$
NAD N$
SBD SI$
SRD SR$
TTD TT$
XCD EC$
TOP T$
WST WS$
MOP MOP$
CVE CVE$ ESC
CNY CN¥ RMB 元 圆 人民币
JPY JP¥ 円 圓 YEN
¥ ￥
KRW ₩ ￦ 원
INR ₹ ரூ रु रू
LKR රු SLRS
PKR PKRS
NPR NRS
BDT ৳ TK
RS ₨
IDR RP
MYR RM
PHP ₱
THB ฿ บาท
VND ₫ Đ VNĐ
KHR ៛
LAK ₭
MNT ₮
KZT ₸ ТГ ТЕНГЕ
KGS SOM
UZS SOʻM СЎМ СУМ
AZN ₼ MAN
GEL ₾ LARI
AMD ֏ ԴՐ
RUB ₽ РУБ Р
UAH ₴ ГРН
TRY ₺ TL
ILS ₪ NIS ש״ח שח
PLN ZŁ ZL ZŁOTY
CZK KČ KC
HUF FT
BGN ЛВ LV
HRK KN
RSD ДИН DIN
MKD ДЕН DEN
BAM KM КМ
ALL LEK LEKË
CHF SFR
DKK DKR
NOK NKR
SEK SKR
ISK ÍKR IKR
FR F ₣
FCFA CFA
XPF CFP FCFP
DJF FDJ
RWF FRW
BIF FBU
GNF FG
CDF FC
KMF CF
ZAR R
NGN ₦ N NAIRA
GHS GH₵ GH¢ ₵ GH
KES KSH
TZS TSH
UGX USH
SH SHS
ZMW ZK
MWK MK
MZN MTN
AOA KZ
ETB ብር
MGA AR
AED DHS دإ
SAR رس
QAR QR رق
OMR رع
KWD KD دك
BHD BD دب
JOD JD دأ
EGP جم E£ £E
MAD دم
TND DT دت
DZD DA دج
LYD LD دل
IQD دع
LBP LL لل £L
SYP لس £S
YER ري
SDG جس
IRR ریال
PEN S/
PAB B/
CRC ₡
PYG ₲ GS
GTQ Q
HNL LPS
BTN NU
VUV VT
ERN NFK
"""


def _codes_of_signs() -> dict[str, str]:
    """Each way of writing, in capitals and without dots, with the currency it stands for."""
    found: dict[str, str] = {}
    for line in _SIGNS.split("\n"):
        name, *ways = line.split() or [""]
        found |= dict.fromkeys(ways, name)
    both: dict[str, str] = {}
    for sign, name in {**found, "$": "$", "¥": "¥", "KR": "KR"}.items():
        for code in possible_currencies(name) & CODES:
            both |= {f"{sign}{code}": code, f"{code}{sign}": code}  # "$12.50 USD"
    return both | found


def currency_code(text: str) -> str:
    """A currency by its ISO code where what people write stands for one alone: "€" is EUR.

    "$", "¥" and "kr" are of several countries and stay. "GBp" are pence, of which 100 make a GBP.
    """
    plain = text.strip()
    if plain == "GBp":
        return "GBX"
    bare = plain.upper().replace(".", "") or plain
    known = bare in CODES or bare in _SHARED
    return _OF_SIGNS.get(bare, bare if known else plain.upper())


def possible_currencies(sign: str) -> frozenset[str]:
    """The currencies that a sign, by its name, does not contradict."""
    shared = {mark for mark, codes in _SHARED.items() if sign in codes}
    return frozenset({sign, *_SHARED.get(sign, ()), *shared})


def is_known_currency(name: str) -> bool:
    """Whether it is a currency by its name, rather than a number or a word of the firm's own."""
    return name in CODES or name in _SHARED


_OF_SIGNS: Mapping[str, str] = _codes_of_signs()

WAYS_TO_WRITE = frozenset({*CODES, *_SHARED, *_OF_SIGNS})
"""Everything that stands for a currency beside an amount, in capitals and without dots."""
