"""Customers of two arms, one of them treated: what came of each, and how long it was watched.

With `time=` the outcome is to be still here at that time h. Of a customer not watched for so long
that is not known; in its place stands the pseudo-value of Andersen, Klein and Rosthøj, what the
customer adds to the Kaplan–Meier S(h) of the own arm. With Y_u at risk and d_u ends at u,

    s = S(h) (1 − n Σ over u ≤ h of (1{ended at u} − 1{at risk at u} d_u / Y_u) / (Y_u − d_u)).

Where nobody is censored it is 1 for who stays and 0 for who left. The mean of an arm is its S(h),
exactly; of a part of the arm it is an estimate of the same, where censoring does not hang on what
tells the part.

Source: Andersen, P. K., Klein, J. P. and Rosthøj, S. (2003), Biometrika 90, 15–27.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw
import numpy as np

from retention.errors import ColumnError, ContentError, RetentionError, count_of
from retention.frames import Columns, as_lazy, collect
from retention.names import columns_as_asked, inner_name
from retention.numerics import step_functions
from retention.orders import MOST
from retention.survival.counts.histories import Histories, read_spells
from retention.survival.scores.scored_tables import Ends, check_time, ends_of, places_of_values
from retention.tables import LIFETIMES, refuse_repeated_customers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

ARMS = ((True, "treated"), (False, "control"))
"""The arms, and what messages call them."""


@dataclass(frozen=True, slots=True)
class TwoArms:
    """The customers of two arms as arrays, one element a customer.

    Attributes:
        treated: whether the customer is in the arm that was treated.
        outcome: what came of the customer, higher is better; or the pseudo-value of staying.
        watched: how long each was, whether the end was seen, and the time at which one is to be
            still here; None where the outcome is a column.
        columns: further columns of numbers, by the argument that names them.
    """

    treated: NDArray[np.bool_]
    outcome: Floats
    watched: tuple[Floats, NDArray[np.bool_], float] | None
    columns: dict[str, Floats]


def read_two_arms(
    table: object,
    asked: Mapping[str, str],
    *,
    name: str,
    outcome: str | None,
    time: float | None,
    gaps: tuple[str, ...] = (),
) -> TwoArms:
    """The customers of two arms, with what came of them.

    Args:
        table: a row per customer; with `time`, spells since the day from which all is counted.
        asked: columns of numbers, by the argument that names them; one of them is `treated`.
        name: what messages call the table.
        outcome: the column that says what came of each; None with `time`.
        time: how long one must stay; None with `outcome`.
        gaps: arguments whose columns may have missing values.

    Raises:
        RetentionError: if neither or both of `outcome` and `time` are said.
        ColumnError: if a column is missing or holds no numbers.
        ContentError: if there is no row, a value is missing or infinite, a customer is there twice,
            an arm is empty, or nobody of an arm was watched for so long.
    """
    if (outcome is None) == (time is None):
        raise RetentionError(
            "Say either `outcome=`, a column in which higher is better, or `time=`, how long one "
            "must stay, in a table of spells."
        )
    asked = dict(asked) if outcome is None else {**asked, "outcome": outcome}
    _refuse_odd_names(asked, table, name)
    if time is None:
        found, spells, at = _columns_of_customers(table, asked, name), None, 0.0
    else:
        at = check_time(time, "time")
        spells = _spells_one_by_one(table, asked, name)
        found = {argument: spells.columns[column] for argument, column in asked.items()}
    numbers = {
        argument: _numbers(found[argument], argument, asked[argument], argument in gaps)
        for argument in asked
    }
    treated = _flags_of_arm(numbers.pop("treated"), asked["treated"])
    if spells is None:
        return TwoArms(treated, numbers.pop("outcome"), watched=None, columns=numbers)
    watched = (spells.duration.astype(np.float64), spells.churned, at)
    return TwoArms(treated, _pseudo_values(spells, treated, at), watched, numbers)


def _refuse_odd_names(asked: Mapping[str, str], table: object, name: str) -> None:
    """Refuse arguments that name no column, and customers who are there twice."""
    frame = as_lazy(table, name=name, only=["customer_id", *map(inner_name, _texts(asked))])
    schema = frame.collect_schema()
    for argument, column in asked.items():
        if not isinstance(column, str):
            raise ColumnError(f"{argument} must name a column of the table; got {column!r}.")
        if inner_name(column) not in schema:
            raise ColumnError.unknown(argument, column, schema)
        dtype = schema[inner_name(column)]
        if not (dtype.is_numeric() or isinstance(dtype, nw.Boolean)):
            say = "Make a column of numbers."
            if argument == "treated":
                mixed = isinstance(dtype, nw.Object)
                made = ".astype('boolean')" if mixed else " == 'offer'"
                say = f"Make one, as in {name}.assign(treated={name}[{column!r}]{made}) in pandas."
            raise ColumnError(
                f"{argument}: column {column!r} must hold numbers or true and false; got {dtype}. "
                f"{say}"
            )
    if "customer_id" in schema:
        refuse_repeated_customers(frame, name)


def _texts(asked: Mapping[str, Any]) -> list[str]:
    return [column for column in asked.values() if isinstance(column, str)]


def _columns_of_customers(table: object, asked: Mapping[str, str], name: str) -> Columns:
    """The columns, by the argument that names them."""
    names = list(dict.fromkeys(asked.values()))
    frame = as_lazy(table, name=name, only=[inner_name(each) for each in names])
    found = collect(frame.select(*(nw.col(inner_name(each)).cast(nw.Float64) for each in names)))
    found = columns_as_asked(found, names)
    if not found[names[0]].size:
        raise ContentError(f"{name}: the table is empty.")
    return {argument: found[column] for argument, column in asked.items()}


def _spells_one_by_one(table: object, asked: Mapping[str, str], name: str) -> Histories:
    """The spells, one element each, all of them watched from the day on."""
    for argument, column in asked.items():
        if column in LIFETIMES.names:
            raise ColumnError(
                f"{argument} names {column!r}, which says what happened to the spell. Name another "
                "column."
            )
    columns = {argument: [column] for argument, column in asked.items()}
    found = read_spells(table, columns=columns, table=name)
    if found.entry is not None:
        n = int(found.weights[found.entry > 0].sum())
        raise ContentError(
            f"{name}: {count_of(n, 'spell')} came under observation later than the day from which "
            "it is counted (entry): who had left by then is not in the table. Leave out the "
            "customers who could not be watched from that day on, whether they left or not."
        )
    if found.weight is None:
        return found
    each = np.repeat(np.arange(found.duration.size), found.weight)
    return replace(
        found,
        duration=found.duration[each],
        churned=found.churned[each],
        weight=None,
        columns={column: values[each] for column, values in found.columns.items()},
    )


def _numbers(values: NDArray[Any], argument: str, column: str, gaps: bool) -> Floats:
    """A column as floats, without missing and infinite values."""
    found = values.astype(np.float64)
    wrong = np.isinf(found) if gaps else ~np.isfinite(found)
    if wrong.any():
        n = count_of(int(wrong.sum()), "row has", "rows have")
        raise ContentError(
            f"{argument}: {n} no number in {column!r}, of {found.size:,}. Leave them out, of both "
            "arms alike, or fill them in."
        )
    if (large := np.abs(found) > MOST).any():
        raise ContentError(
            f"{argument}: column {column!r} holds {found[large][0]:g}, beyond {MOST:g}, to which "
            "numbers can be reckoned with. Is it right? If so, say it in larger units."
        )
    return found


def _flags_of_arm(values: Floats, column: str) -> NDArray[np.bool_]:
    """Who was treated, once it is sure that somebody was and somebody was not."""
    odd = values[(values != 0) & (values != 1)]
    if odd.size:
        raise ContentError(
            f"treated: column {column!r} must hold 1 or true for the treated and 0 or false for "
            f"the control; got {odd[0]:g}."
        )
    treated: NDArray[np.bool_] = values == 1
    if treated.all() or not treated.any():
        who = "everyone" if treated.all() else "nobody"
        raise ContentError(
            f"treated: {who} of {treated.size:,} was treated. What an offer does is seen beside "
            "those who were not made it, and by whom alone: give the rows of both arms."
        )
    return treated


def _pseudo_values(spells: Histories, treated: NDArray[np.bool_], time: float) -> Floats:
    """What each customer adds to the share of the own arm that is still here."""
    found = np.zeros(treated.size)
    for arm, called in ARMS:
        here = treated == arm
        duration, churned = spells.duration[here], spells.churned[here]
        ends = ends_of(replace(spells, duration=duration, churned=churned, columns={}))
        longest = float(ends.duration[-1])
        if longest < time and ends.n_censored[-1]:
            raise ContentError(
                f"time={time:g}: the longest that anyone of the {called} was watched is "
                f"{longest:g}. Say time={longest:g} or less, or wait."
            )
        found[here] = _pseudo_values_of_arm(ends, duration, churned, time)
    return found


def _pseudo_values_of_arm(
    ends: Ends, duration: NDArray[Any], churned: NDArray[np.bool_], time: float
) -> Floats:
    """The pseudo-value of each spell of one arm; 0 for all where nobody stays."""
    past = ends.duration <= time
    d, n = ends.n_churned * past, ends.n_at_risk.astype(np.float64)
    staying = float(step_functions.kaplan_meier(d, n)[-1])
    if staying <= 0:
        return np.zeros(duration.size)
    jump = np.where(d > 0, 1 / np.maximum(n - d, 1), 0.0)
    so_far = np.cumsum(jump * step_functions.hazard(d, n))
    place = places_of_values(duration)[1]
    own = np.where(churned, jump[place], 0.0) - so_far[place]
    return np.asarray(staying * (1 - duration.size * own))
