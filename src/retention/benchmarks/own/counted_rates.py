"""A table of rates as arrays: whom each is of, how many of how many, and which way is better."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from retention.catalogue import FIGURES
from retention.errors import ColumnError, ContentError, RetentionError, check_choice
from retention.frames import as_lazy, as_text, collect
from retention.intervals import ratio

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import narwhals.stable.v2 as nw
    from numpy.typing import NDArray

    from retention.frames import Columns

    Floats = NDArray[np.float64]

_COUNTED = {
    "retention_rate": (("n_retained",), ("n_base",)),
    "churn_rate": (("n_churned",), ("at_risk", "n_base", "n_known", "n")),
    "rate": (("n_retained",), ("n_eligible",)),
}
"""Above and below the line of the rates that the library counts, the first that is there."""

_ALIKE = 1e-6
"""A rate that lies farther than this from its counts is no share of them."""


@dataclass(frozen=True, slots=True)
class CountedRates:
    """Rates with their counts, a row each.

    Attributes:
        keys: the columns that tell the rows apart: text, or days.
        figure: what the rate is called.
        better: "higher", "lower", or "neither" where that is not known.
        n: below the line; NaN where the rate is not known.
        k: above it.
    """

    keys: Columns
    figure: str
    better: str
    n: Floats
    k: Floats

    @property
    def rate(self) -> Floats:
        """K over n; NaN where n is 0 or not known."""
        return ratio(self.k, self.n)

    def cells_of(self, names: Sequence[str]) -> NDArray[np.intp]:
        """For each row the number of its cell, the cells of those columns being in order."""
        place = np.zeros(self.n.size, np.intp)
        for name in names:
            distinct, code = np.unique(self.keys[name], return_inverse=True)
            _, place = np.unique(place * max(distinct.size, 1) + code, return_inverse=True)
        return place


def counted_rates(
    table: object,
    names: Mapping[str, Sequence[str]],
    *,
    figure: str,
    counts: tuple[str | None, str | None],
    better: str | None = None,
    steps: bool = False,
) -> CountedRates:
    """The rates of a table with their counts.

    Args:
        table: of any engine.
        names: the columns that tell rows apart, under the argument that names them.
        figure: the rate.
        counts: the columns above and below its line, both or neither said.
        better: which way is better; None for what the catalogue says of the figure.
        steps: whether the column `step` is wanted among the keys as well, where there is one.

    Raises:
        ColumnError: if a column is missing, or does not hold what it should.
        ContentError: if the counts are not those of a share, or several rows have the same keys.
        RetentionError: if one count is said without the other, or `better` is no direction.
    """
    frame = as_lazy(table, name="the table of rates")
    schema = frame.collect_schema()
    _refuse_counts_of_another(figure, counts)
    for argument, columns in names.items():
        for name in columns:
            if name not in schema and name == "period":
                said = ("the table of rates", name, "the first day of the period")
                raise ColumnError.missing(*said, schema, "retention_rate")
            if name not in schema:
                raise ColumnError.unknown(argument, name, schema)
    above, below, told = _columns_of_counts(figure, counts, schema)
    keys = [name for columns in names.values() for name in columns]
    if len(set(keys)) < len(keys):
        twice = next(name for name in keys if keys.count(name) > 1)
        raise ColumnError(f"{twice!r} is named twice, in `of` and in `by`: name it once.")
    more = ["step"] * (steps and "step" in schema and "step" not in keys)
    more += ["bounds"] * (figure == "churn_rate" and "bounds" in schema and counts[0] is None)
    shown = [figure] if figure in schema and figure not in (*above, below) else []
    wanted = [*(_key_column(name, schema[name]) for name in keys), *more]
    read = list(dict.fromkeys([*above, below, *shown]))
    for name in read:
        if not (schema[name].is_numeric() or str(schema[name]) == "Unknown"):
            raise ColumnError(f"{name!r} must hold numbers; it holds {schema[name]}.")
    found = collect(frame.select(*wanted, *(name for name in read if name not in [*keys, *more])))
    n = found[below].astype(np.float64)
    k = found[above[0]].astype(np.float64)
    k = n - k if told == "complement" else k
    if shown and counts[0] is not None:
        _refuse_opposite_rates(found[figure], ratio(k, n), (figure, above[0]))
    elif shown:
        _refuse_other_rates(found, figure, ratio(k, n))
        unknown = np.isnan(found[figure].astype(np.float64)) & (n > 0)
        n = np.where(unknown, np.nan, n)
    _refuse_impossible_counts(k, n, (above[0], below))
    known = ~(np.isnan(n) | np.isnan(k))  # of a rate that is not known neither count is one
    n, k = np.where(known, n, np.nan), np.where(known, k, np.nan)
    kept = {name: _plain_key(found[name], name) for name in [*keys, *more] if name != "bounds"}
    rates = CountedRates(kept, figure, _direction(figure, better), n, k)
    _refuse_repeated_rows(rates, keys, names)
    return rates


def _columns_of_counts(
    figure: str, counts: tuple[str | None, str | None], schema: Mapping[str, Any]
) -> tuple[tuple[str, ...], str, str]:
    """The columns above and below the line, and whether the one above is the complement."""
    if (counts[0] is None) != (counts[1] is None):
        raise RetentionError("Say both `count=` and `base=`: so many of so many; or neither.")
    if counts[0] is not None and counts[1] is not None:
        for argument, name in (("count", counts[0]), ("base", counts[1])):
            if name not in schema:
                raise ColumnError.unknown(argument, name, schema)
        return (counts[0],), counts[1], ""
    if figure not in _COUNTED:
        raise RetentionError(
            f"Which columns count {figure!r} is not known: say `count=` and `base=`, so many of so "
            f"many. It is known of {', '.join(map(repr, _COUNTED))}."
        )
    above, below = _COUNTED[figure]
    base = next((name for name in below if name in schema), None)
    if above[0] in schema and base:
        return above, base, ""
    if figure == "churn_rate" and {"n_retained", "n_base"} <= set(schema):
        return ("n_retained",), "n_base", "complement"
    raise ColumnError(
        f"The counts of {figure!r} are not in the table: {above[0]!r} and one of "
        f"{', '.join(map(repr, below))}. It has: {', '.join(map(repr, schema))}. "
        "Say `figure=`, or `count=` and `base=`."
    )


def _refuse_counts_of_another(figure: str, counts: tuple[str | None, str | None]) -> None:
    """Refuse those lost as counts of retention, and those kept as counts of churn."""
    opposite = {"n_churned": "retention_rate", "n_retained": "churn_rate"}
    if counts[0] is not None and opposite.get(counts[0]) == figure:
        other = next(name for name in opposite.values() if name != figure)
        raise RetentionError(
            f"`count={counts[0]!r}` counts no {figure!r} but its opposite: say `figure={other!r}`."
        )


def days_of_periods(rates: CountedRates) -> NDArray[np.datetime64]:
    """The first days of the periods of a table of rates.

    Raises:
        ColumnError: if they are no days: what is text or a number has another order.
    """
    days = rates.keys["period"]
    if days.dtype.kind != "M" and days.size:
        raise ColumnError(
            f"'period' must hold days, the first of each period; it holds text or numbers, such as "
            f"{days[0]!r}. Make days of them, in pandas with pandas.to_datetime."
        )
    return days.astype("datetime64[D]")


def _key_column(name: str, dtype: nw.dtypes.DType) -> Any:
    plain = dtype.is_temporal() or (name == "step" and dtype.is_integer())
    return name if plain else as_text(name, dtype)


def _plain_key(values: NDArray[Any], name: str) -> NDArray[Any]:
    """Days as days, numbers of periods as numbers, all else as text."""
    if values.dtype.kind == "M":
        if n := int(np.isnat(values).sum()):
            raise ContentError(f"{name!r} is missing in {n:,} rows of the table. Drop them.")
        return values.astype("datetime64[D]")
    return values if values.dtype.kind in "iu" else values.astype(object)


def _refuse_other_rates(found: Columns, figure: str, rate: Floats) -> None:
    """Refuse a rate that is no share of the counts: of money, weighted, or of time at risk."""
    shown = found[figure].astype(np.float64)
    apart = np.abs(shown - rate) > _ALIKE
    if apart.any():
        row = int(np.flatnonzero(apart)[0])
        raise ContentError(
            f"{figure!r} of {shown[row]:.6g} is not the share of its counts, which is "
            f"{rate[row]:.6g}: it is of money, or weighted. Say `count=` and `base=`."
        )
    if "bounds" in found and (found["bounds"] == "poisson").any():
        raise ContentError(
            "This churn is a rate of events in the time at risk, no share of customers. Take "
            "churn_rate(..., `convention='start_cohort'`)."
        )


def _refuse_opposite_rates(shown: NDArray[Any], rate: Floats, names: tuple[str, str]) -> None:
    """Refuse counts of those kept for a rate of those lost, and the other way round."""
    if shown.dtype.kind not in "fiu":
        return
    known = ~(np.isnan(shown.astype(np.float64)) | np.isnan(rate))
    apart, opposite = np.abs(shown - rate)[known], np.abs(shown + rate - 1)[known]
    if (opposite <= _ALIKE).all() and (apart > _ALIKE).any():
        raise ContentError(
            f"{names[0]!r} is 1 less the share that {names[1]!r} is: the counts are of its "
            "opposite. Say `figure=` what they count."
        )


def _refuse_impossible_counts(k: Floats, n: Floats, names: tuple[str, str]) -> None:
    wrong = (k < 0) | (n < 0) | (k > n) | np.isinf(n)
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise ContentError(
            f"{names[0]!r} must be so many of {names[1]!r}; in {int(wrong.sum()):,} rows it is "
            f"not: the first has {k[row]:g} of {n[row]:g}."
        )


def _direction(figure: str, better: str | None) -> str:
    if better is not None:
        check_choice("better", better, ("higher", "lower"))
        return better
    return next((record.better for record in FIGURES if record.name == figure), "neither")


def _refuse_repeated_rows(
    rates: CountedRates, keys: Sequence[str], names: Mapping[str, Sequence[str]]
) -> None:
    if np.unique(rates.cells_of(keys)).size == rates.n.size:
        return
    said = " and ".join(f"`{argument}={list(of)!r}`" for argument, of in names.items() if of)
    raise ContentError(
        f"The table has several rows per {' and '.join(map(repr, keys)) or 'table'} ({said}). Keep "
        "the rows you mean, such as those of one period, or name in `by=` what tells them apart."
    )
