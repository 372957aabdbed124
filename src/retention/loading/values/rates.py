"""Exchange rates: one number a currency, or a table of them by day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np

from retention.errors import ColumnError, ContentError, RetentionError
from retention.frames import as_lazy, collect
from retention.loading.rows.columns import column_meant
from retention.tables.currency_signs import currency_code
from retention.tables.mixed_currencies import currency_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_WAYS = (
    "`rates=` is {'EUR': 1, 'USD': 0.92}, how much of one currency a unit of each is worth, or a "
    "table with the columns currency, date and rate"
)


@dataclass(frozen=True, slots=True)
class Rates:
    """Of each currency the days from which a rate holds, in order, and the rates.

    Where rates hold for all time, `by_day` is false.
    """

    of: Mapping[str, tuple[NDArray[np.int64], NDArray[np.float64]]]
    by_day: bool

    def rates_on(self, currency: str, days: Sequence[int]) -> NDArray[np.float64]:
        """The rate of each day: the last one told by then; NaN before the first."""
        if currency not in self.of:
            return np.full(len(days), np.nan)
        since, rate = self.of[currency]
        place = np.searchsorted(since, np.asarray(days, np.int64), side="right") - 1
        return np.where(place >= 0, rate[place], np.nan)

    def first_day(self, currency: str) -> np.datetime64:
        """The first day of which there is a rate."""
        return np.datetime64(int(self.of[currency][0][0]), "D")


def read_rates(given: Any) -> Rates:
    """What the user said of exchange rates, once it makes sense.

    Raises:
        RetentionError: if it is neither numbers nor a table of them, or one is not above 0.
        ColumnError: if the table lacks a column, or one cannot carry its meaning.
        ContentError: if the table is empty, or holds what is no day, no rate, or two for one day.
    """
    if not isinstance(given, Mapping):
        return _rates_of_table(given)
    rates: dict[str, float] = {}
    for name, rate in given.items():
        number = isinstance(rate, Real | Decimal) and not isinstance(rate, bool)
        if not number or not 0 < float(rate) < np.inf:
            raise RetentionError(f"rates: {name!r} must have a number above 0; got {rate!r}.")
        if rates.setdefault(currency_code(str(name)), float(rate)) != float(rate):
            raise RetentionError(
                f"rates: {currency_code(str(name))} is there twice, with two rates."
            )
    if not rates:
        raise RetentionError(f"rates is empty: {_WAYS}.")
    ever = np.array([np.iinfo(np.int64).min])
    return Rates({name: (ever, np.array([rate])) for name, rate in rates.items()}, by_day=False)


def _rates_of_table(given: Any) -> Rates:
    """The rates of a table of any engine; its dates and numbers may be text."""
    import pandas as pd

    if isinstance(given, str | float | int | list | tuple) or given is None:
        raise RetentionError(f"{_WAYS}; got {given!r}.")
    frame = as_lazy(given, name="rates", by_row=True)
    schema = frame.collect_schema()
    has = [name for name in schema if name.strip().lower() == "date"]
    at = {role: column_meant(role, schema, asked="rates") for role in ("currency", "rate")}
    names = currency_text(at["currency"], schema[at["currency"]]).alias("currency")
    found = collect(frame.select(names, *{at["rate"], *has[:1]} - {"currency"}))
    said = [str(text) for text in found["currency"].tolist()]
    if not said:
        raise ContentError("rates is empty: there is no exchange rate in it.")
    rate = _rates_as_numbers(found[at["rate"]])
    _refuse_wrong_rates(
        ~((rate > 0) & (rate < np.inf)), "rate that is not a number above 0", found[at["rate"]]
    )
    day = np.zeros(rate.size, np.int64)
    if has:
        times = pd.to_datetime(
            pd.Series(found[has[0]]), errors="coerce", format=_date_format_of(found[has[0]])
        )
        _refuse_wrong_rates(
            times.isna().to_numpy(), "date that is not a day such as 2024-12-31", found[has[0]]
        )
        day = times.to_numpy().astype("datetime64[D]").astype(np.int64)
    return _rates_in_order(
        np.array([currency_code(text) for text in said], object), day, rate, by_day=bool(has)
    )


def _date_format_of(values: NDArray[Any]) -> str | None:
    return None if values.dtype.kind == "M" else "ISO8601"


def _rates_as_numbers(values: NDArray[Any]) -> NDArray[np.float64]:
    """Rates as numbers; in text a comma can only be a decimal sign, as no rate has thousands."""
    import pandas as pd

    if values.dtype.kind in "OUST":
        texts = pd.Series(values, dtype="string").str.strip().str.replace(",", ".", regex=False)
        return pd.to_numeric(texts, errors="coerce").to_numpy(np.float64, na_value=np.nan)
    if values.dtype.kind not in "iuf":
        raise ColumnError(f"rates: 'rate' holds {values.dtype}, not numbers. Convert it first.")
    return values.astype(np.float64)


def _refuse_wrong_rates(wrong: NDArray[np.bool_], what: str, shown: NDArray[Any]) -> None:
    if wrong.any():
        n, first = int(wrong.sum()), shown[int(np.argmax(wrong))]
        said = repr(first) if isinstance(first, str) else str(first)
        raise ContentError(
            f"rates: {n:,} row{'s' * (n != 1)} with a {what}, such as {said}. Correct them."
        )


def _rates_in_order(
    name: NDArray[np.object_], day: NDArray[np.int64], rate: NDArray[np.float64], *, by_day: bool
) -> Rates:
    order = np.lexsort((rate, day, name.astype(str)))
    name, day, rate = name[order], day[order], rate[order]
    same = (name[1:] == name[:-1]) & (day[1:] == day[:-1]) & (rate[1:] != rate[:-1])
    if same.any():
        i = int(np.argmax(same))
        on = f" on {np.datetime64(int(day[i]), 'D')}" if by_day else ", and there is no column date"
        raise ContentError(f"rates: {name[i]} has two rates, {rate[i]:g} and {rate[i + 1]:g}{on}.")
    since = day if by_day else np.full(day.size, np.iinfo(np.int64).min)
    return Rates({n: (since[name == n], rate[name == n]) for n in set(name.tolist())}, by_day)
