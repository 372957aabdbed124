"""What a programme that keeps customers was worth: its effect as money, beside what it cost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw
import numpy as np

from retention import intervals
from retention.errors import ColumnError, ContentError, RetentionError, is_number
from retention.frames import Columns, Frame, as_text, collect, table_like
from retention.names import inner_name
from retention.numerics.codes import distinct_segments
from retention.orders import MOST
from retention.tables import EFFECTS, require, segments
from retention.tables.answer_columns import amounts, gives, numbers, texts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from narwhals.stable.v2.typing import IntoFrameT
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_EFFECT = ("difference", "lower", "upper")
_WATCHED, _FORECAST = "money that was watched", "a value for each customer kept"
_NOT_ABOVE_0 = "The effect is not above 0: it saved nobody who could have a price."
_MAY_BE_0 = "The effect may be 0 or less: there is no highest price of a saved customer."
_UNKNOWN = "The effect is not known."


@gives(
    "effect (and segment)",
    numbers("n_offered", unit="customers"),
    numbers("difference", "lower", "upper", unit="for each customer offered"),
    numbers("n_saved", "n_saved_lower", "n_saved_upper", unit="customers"),
    amounts("value_saved", "profit_saved", "profit_saved_lower", "profit_saved_upper", "spend"),
    amounts("net_gain", "net_gain_lower", "net_gain_upper"),
    amounts("cost_per_saved", "cost_per_saved_lower", "cost_per_saved_upper"),
    numbers("break_even_effect", unit="for each customer offered"),
    texts("pays", "basis", "reason"),
)
def programme_value(
    effects: IntoFrameT,
    *,
    n_offered: float | str,
    value_saved: float | str,
    spend: float | str,
    by: str | Sequence[str] = (),
) -> IntoFrameT:
    """What a programme was worth: the customers it saved, their profit, and what it cost.

    With N the customers who were offered it, Δ its effect on each (as an experiment found it, with
    bounds), V what a saved customer is worth and C all that was spent:

        saved          N Δ              saved profit       N Δ V
        net gain       N Δ V − C        cost of a saved    C / (N Δ)
        break-even     C / (N V)        the effect from which on the programme pays

    each with the bounds that the effect's give. Two kinds of effect:

    - on retention (a difference of shares): V is currency for a customer kept. What lies beyond the
      days of the experiment is then a forecast, which V makes.
    - on profit (currency a customer): say `value_saved=1`. Only what was watched counts; no
      customers are counted as saved and there is no price of one.

    V is the value of the *saved*, not of the average customer. Who had to be saved is likelier to
    leave again: of beta-geometric renewals of the High End service of Fader and Hardie (2007),
    discounted at 10 %, a survivor is worth 6.365 payments and a saved one 3.401, little more than
    half of it. `residual_value(..., whose="saved")` gives that value, `whose="survivors"` the
    other.

    Args:
        effects: a row an effect: `difference` (positive where the programme keeps customers), with
            its bounds `difference_lower` and `difference_upper`, or if it lacks these `lower` and
            `upper`; null bounds are taken for not known.
        n_offered: N, a number, or the column of `effects` that has it.
        value_saved: V, currency for a saved customer, above 0, or a column; 1 if the effect is
            money already.
        spend: C, currency, of the whole programme (of a row's segment), 0 or more, or a column.
        by: columns of `effects` that tell its rows apart, such as the arm or a segment.

    Returns:
        One row per effect, in the order and the kind of `effects`: the `by` columns, `n_offered`;
        `difference`, `lower`, `upper`; `n_saved`, `n_saved_lower`, `n_saved_upper` (null for an
        effect on profit); `value_saved`; `profit_saved` with bounds, `spend`, `net_gain` with
        bounds (currency); `cost_per_saved` with `cost_per_saved_lower`, `cost_per_saved_upper`,
        which are null where the effect from which they come is not above 0: nobody has a negative
        price; `break_even_effect`; `pays` ("yes" where even the lower bound reaches break-even,
        "no" where even the upper one does not, else "not known"); `basis` ("a value for each
        customer kept" or "money that was watched"); and `reason`, why a price lacks, else null.

    Raises:
        ColumnError: if `effects` lacks `difference` or bounds, or a named column is none or holds
            no numbers.
        ContentError: if rows are not told apart, a number is out of its range, a difference lies
            outside its bounds, or is no share although `value_saved` is not 1.
        RetentionError: if a number is out of its range.

    Example:
        Of 1,000 offered, 2 in 100 more stay, each worth 500; the programme cost 6,000.

        >>> import pandas as pd
        >>> import retention as rt
        >>> effects = pd.DataFrame({"difference": [0.02], "lower": [-0.005], "upper": [0.045]})
        >>> worth = rt.economics.programme_value(
        ...     effects, n_offered=1_000, value_saved=500, spend=6_000
        ... )
        >>> worth[["n_saved", "profit_saved", "net_gain", "cost_per_saved", "break_even_effect"]]
           n_saved  profit_saved  net_gain  cost_per_saved  break_even_effect
        0     20.0       10000.0    4000.0           300.0              0.012
        >>> worth[["net_gain_lower", "net_gain_upper", "cost_per_saved_upper", "pays"]]
           net_gain_lower  net_gain_upper  cost_per_saved_upper       pays
        0         -8500.0         16500.0                   NaN  not known

    Source:
        The arithmetic of incremental gain, as in Neslin, S. A. and others (2006), Defection
        detection, Journal of Marketing Research 43, 204–211; the value of the saved: Fader, P. S.
        and Hardie, B. G. S. (2010), Customer-base valuation in a contractual setting, Marketing
        Science 29, 85–93.
    """
    names = segments(by, EFFECTS)
    frame = require(effects, EFFECTS, extra=names, adds="none")
    bounds = _names_of_bounds(frame)
    asked = {"n_offered": n_offered, "value_saved": value_saved, "spend": spend}
    schema = frame.collect_schema()
    found = collect(
        frame.select(
            *(as_text(name, schema[name]) for name in names),
            *(
                nw.col(column).cast(nw.Float64).alias(f"_{name}")
                for name, column in zip(_EFFECT, ("difference", *bounds), strict=True)
            ),
            *_named_columns(frame, asked),
        )
    )
    _refuse_rows_alike(found, names)
    effect = {name: found[f"_{name}"].astype(np.float64) for name in _EFFECT}
    said = {
        name: _checked_numbers(name, value, found, effect["difference"].size)
        for name, value in asked.items()
    }
    _refuse_odd_effects(effect, said["value_saved"])
    keys: Columns = {name: found[name] for name in names}
    return table_like({**keys, **_worth_of(effect, said)}, effects)


def _names_of_bounds(frame: Frame) -> tuple[str, str]:
    """The columns that bound the difference; `lower` and `upper` may bound something else."""
    present = frame.collect_schema().names()
    for pair in (("difference_lower", "difference_upper"), ("lower", "upper")):
        if set(pair) <= set(present):
            return pair
    raise ColumnError.missing(
        f"effects ({EFFECTS.row})",
        "lower",
        "the least that the difference may be",
        present,
        EFFECTS.door,
        "An effect goes with its bounds, `lower` and `upper`; where they are not known, make them "
        "columns of missing numbers.",
    )


def _named_columns(frame: Frame, asked: Mapping[str, float | str]) -> list[nw.Expr]:
    """The columns in which numbers stand that were not given as such."""
    schema, columns = frame.collect_schema(), []
    for argument, value in asked.items():
        if isinstance(value, str):
            name = inner_name(value)
            if name not in schema:
                raise ColumnError.unknown(argument, value, schema)
            if not schema[name].is_numeric():
                raise ColumnError(
                    f"{argument}: column {value!r} of effects must be numbers; got {schema[name]}."
                )
            columns.append(nw.col(name).cast(nw.Float64).alias(f"_{argument}"))
    return columns


def _refuse_rows_alike(found: Columns, names: Sequence[str]) -> None:
    """Refuse an empty table, and rows that nothing tells apart."""
    n_rows = found["_difference"].size
    if not n_rows:
        raise ContentError("effects: the table is empty.")
    labels, place = distinct_segments(found, names)
    if np.unique(place).size < n_rows:
        alike = int(np.argmax(np.bincount(place)))
        of = f" of {', '.join(str(labels[name][alike]) for name in names)}" if names else ""
        raise ContentError(
            f"effects has {int(np.bincount(place).max()):,} rows{of}. Say `by=` with the columns "
            "that tell its effects apart, or give one row."
        )


_RANGES: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "n_offered": ("a number of customers, 1 or more", lambda n: n >= 1),
    "value_saved": ("currency for a saved customer, above 0", lambda n: n >= 1 / MOST),
    "spend": ("what the programme cost, 0 or more", lambda n: n >= 0),
}


def _checked_numbers(argument: str, value: object, found: Columns, n_rows: int) -> Floats:
    """A number of each row, as it was given or as its column has it."""
    what, fits = _RANGES[argument]
    if isinstance(value, str):
        each = found[f"_{argument}"].astype(np.float64)
        wrong = np.flatnonzero(~((each <= MOST) & fits(each)))
        if wrong.size:
            raise ContentError(
                f"{argument}: column {value!r} of effects must hold {what}, in every row; it holds "
                f"{each[wrong[0]]:g} in {wrong.size:,} of {n_rows:,}, counting what is missing."
            )
        return each
    if not (is_number(value) and value <= MOST and fits(value)):
        raise RetentionError(
            f"{argument} must be {what}, or name a column of effects; got {value!r}."
        )
    return np.full(n_rows, float(value))


def _refuse_odd_effects(effect: Mapping[str, Floats], value: Floats) -> None:
    """Refuse effects that are infinite, outside their bounds, or money taken for shares."""
    middle, lower, upper = (effect[name] for name in _EFFECT)
    if any(np.isinf(values).any() for values in effect.values()):
        raise ContentError("effects: a difference or a bound of one is infinite.")
    outside = np.flatnonzero((lower > middle) | (upper < middle) | (lower > upper))
    if outside.size:
        row = outside[0]
        raise ContentError(
            f"effects: the difference {middle[row]:g} is not within its bounds {lower[row]:g} to "
            f"{upper[row]:g}."
        )
    large = np.flatnonzero((np.abs(middle) > 1) & (value != 1))
    if large.size:
        raise ContentError(
            f"effects: a difference of {middle[large[0]]:g} is no share of customers. In points of "
            "percent, divide it by 100; if it is money for each customer, say `value_saved=1`."
        )


def _worth_of(effect: Mapping[str, Floats], said: Mapping[str, Floats]) -> Columns:
    """All columns beside the segments."""
    n, value, spend = (said[name] for name in ("n_offered", "value_saved", "spend"))
    middle, lower, upper = (effect[name] for name in _EFFECT)
    watched = value == 1
    counted = np.where(watched, np.nan, n)
    break_even = spend / (n * value)
    return {
        "n_offered": n,
        **effect,
        **_with_bounds("n_saved", [counted * part for part in (middle, lower, upper)]),
        "value_saved": value,
        **_with_bounds("profit_saved", [n * value * part for part in (middle, lower, upper)]),
        "spend": spend,
        **_with_bounds("net_gain", [n * value * part - spend for part in (middle, lower, upper)]),
        **_with_bounds(
            "cost_per_saved",
            [intervals.ratio(spend, counted * part) for part in (middle, upper, lower)],
        ),
        "break_even_effect": break_even,
        "pays": np.select(
            [lower >= break_even, upper < break_even], ["yes", "no"], "not known"
        ).astype(object),
        "basis": np.where(watched, _WATCHED, _FORECAST).astype(object),
        "reason": _reasons_without_price(middle, lower, watched),
    }


def _with_bounds(name: str, parts: Sequence[Floats]) -> Columns:
    return {name + end: values for end, values in zip(("", "_lower", "_upper"), parts, strict=True)}


def _reasons_without_price(middle: Floats, lower: Floats, watched: NDArray[np.bool_]) -> Any:
    """Why a saved customer has no price, or no highest one."""
    unknown, none, open_ended = np.isnan(middle), middle <= 0, lower <= 0
    money = "The effect is money: it does not tell how many customers were saved."
    said = np.array([None, _UNKNOWN, money, _NOT_ABOVE_0, _MAY_BE_0], dtype=object)
    return said[np.select([unknown, watched, none, open_ended], [1, 2, 3, 4], 0)]
