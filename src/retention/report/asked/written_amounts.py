"""How a currency and a locale want numbers written, as Babel knows it."""

from __future__ import annotations

import re
from typing import Any

from retention.errors import RetentionError, warn
from retention.spelling import OUR_OWN, Signs

_INSTALL = "pip install babel"
_CODE = re.compile(r"[A-Z]{3}\Z")
_NUMBER_OF_PATTERN = re.compile(r"[#0,.]+")


def signs_of_currency(currency: str | None, locale: str) -> Signs:
    """The signs for a currency, as Babel knows them for a locale; plain ones without Babel.

    Args:
        currency: its code, such as "EUR"; None for plain numbers.
        locale: such as "en", "de_DE".

    Raises:
        RetentionError: if there is no such currency or locale, or Babel is needed and is not there.
    """
    if currency is not None and not (isinstance(currency, str) and _CODE.match(currency)):
        raise RetentionError(f"currency= is a code such as 'EUR'; got {currency!r}.")
    if currency is None and locale == "en":
        return OUR_OWN
    try:
        import babel
    except ImportError:
        if locale != "en":
            raise RetentionError(f"`locale={locale!r}` needs Babel: {_INSTALL}") from None
        warn(f"Amounts are written with the code {currency}, as Babel is not there: {_INSTALL}")
        return Signs(currency=str(currency), before=f"{currency}\u00a0")
    try:
        place = babel.Locale.parse(locale)
    except (ValueError, TypeError, babel.UnknownLocaleError):
        raise RetentionError(f"`locale=` is such as 'en' or 'de_DE'; got {locale!r}.") from None
    return _signs_by_babel(currency, place, locale)


def _signs_by_babel(currency: str | None, place: Any, locale: str) -> Signs:
    from babel.numbers import (
        get_currency_precision,
        get_currency_symbol,
        get_decimal_symbol,
        get_group_symbol,
        is_currency,
    )

    plain: dict[str, Any] = {
        "decimal": get_decimal_symbol(place),
        "group": get_group_symbol(place),
        "locale": locale,
    }
    if currency is None:
        return Signs(**plain)
    if not is_currency(currency):
        raise RetentionError(f"currency= {currency!r} is no currency. Say such as 'EUR'.")
    pattern = place.currency_formats["standard"].pattern.partition(";")[0]
    symbol = get_currency_symbol(currency, place)
    before, after = (part.replace("¤", symbol) for part in _NUMBER_OF_PATTERN.split(pattern, 1))
    return Signs(
        currency=currency,
        before=before,
        after=after,
        digits=get_currency_precision(currency),
        pattern=pattern,
        **plain,
    )
