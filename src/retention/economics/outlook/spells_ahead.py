"""Customers under contract in the periods to come, by a curve of how long spells last."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import narwhals.stable.v2 as nw
import numpy as np

from retention import periods
from retention.economics.outlook.base_ahead import Foretold, variance_of_model
from retention.errors import ColumnError, ContentError, RetentionError, count_of
from retention.frames import Columns, as_lazy, as_text, collect, count
from retention.numerics import step_functions
from retention.numerics.frozen import array_of_table
from retention.orders import MOST
from retention.survival.aft.model import AftModel
from retention.survival.curves.curve_tables import curves_of
from retention.survival.models.lifetime_model import ORIGIN, LifetimeModel, is_table
from retention.tables import Column, Kind, require

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import date

    from numpy.typing import NDArray

    from retention.economics.outlook.base_ahead import Window
    from retention.frames import Frame
    from retention.numerics.codes import Key
    from retention.survival.curves.curve_tables import Curve

    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]
    Spans = tuple[Floats, Floats]
    """From which ages to which."""

OPEN = Kind(
    "customers",
    "a spell in days",
    "contract_spells",
    (
        Column("start", "time", "first day of the relationship"),
        Column("duration", "number", "days from start to end, or as far as it was seen"),
        Column("churned", "flag", "whether its end was seen"),
        Column("grace", "integer", "after how many days an end is known", optional=True),
        Column("n_spells", "integer", "how many spells the row stands for", optional=True),
        Column("set_aside", "text", "why it cannot be used, null if it can", optional=True),
        Column("reactivation", "text", "new_spell, or same_spell which is refused", optional=True),
    ),
)

_NO_START = ("start unknown", "start after an order")
_EMPTIED = "all who were watched left at one age, which says nothing of chance"
_SUMS = ("_n", "_paid", "_squares")


@dataclass(frozen=True, slots=True)
class OpenSpells:
    """The spells of one segment that go on, by how long they have.

    Attributes:
        seen: days after which they were seen to go on.
        age: days from their start to the last observed one; NaN where the start is not known.
        n: how many there are.
        paid: Σ of what they pay a month.
        squares: Σ of its squares.
    """

    seen: Floats
    age: Floats
    n: Floats
    paid: Floats
    squares: Floats


NOBODY = OpenSpells(*np.zeros((5, 0)))
"""No spell at all."""


class Staying(Protocol):
    """How long spells last, and how sure that is."""

    @property
    def why(self) -> str | None:
        """Why there are no bounds; None if there are."""

    def chances(self, spans: Spans) -> tuple[Floats, Flags]:
        """The chance of going on from one age to another, and whether it is known."""

    def variance(self, spans: Spans, weight: Floats) -> float:
        """The variance of Σ weight · chance over the known spans that comes from the fit."""


@dataclass(frozen=True, slots=True)
class CurveAhead:
    """A curve of `survival_curve`, as it goes on from any age."""

    curve: Curve

    @property
    def why(self) -> str | None:
        """Bounds may lack in single periods, of which the variance is NaN."""
        return None

    def chances(self, spans: Spans) -> tuple[Floats, Flags]:
        """S(b)/S(a) as the product of 1 − d/n over a < u ≤ b.

        It is not known beyond the last duration, unless all who were watched had left by then, nor
        through or from within a stretch in which nobody was watched.
        """
        one, (a, b) = self.curve, spans
        hazard = step_functions.hazard(one.n_churned, one.n_at_risk)
        emptied = np.append(0, np.cumsum(hazard == 1))
        logs = np.append(0.0, np.cumsum(np.log1p(-np.where(hazard == 1, 0.0, hazard))))
        low, high = self._places(spans)
        chance = np.where(emptied[high] > emptied[low], 0.0, np.exp(logs[high] - logs[low]))
        last = one.duration[-1]
        reached = (b <= last) | ((hazard[-1] == 1) & (a < last))
        unseen = one.unseen
        hidden = (unseen.first_unknown(a, b) >= 0) | unseen.starts_in_leading(a, b)
        known = reached & ~hidden
        return np.where(known, chance, 0.0), known

    def variance(self, spans: Spans, weight: Floats) -> float:
        """Greenwood's: Σ over u of (Σ of weight · chance of those who pass u)² d / (n (n − d)).

        NaN where somebody passes a duration at which all who were watched left: that says nothing
        of chance.
        """
        one, (low, high) = self.curve, self._places(spans)
        terms = step_functions.greenwood_terms(one.n_churned, one.n_at_risk)
        sure = np.isfinite(terms)
        counted = weight > 0
        passed, chance = np.append(0, np.cumsum(~sure)), self.chances(spans)[0]
        if (passed[high] > passed[low])[counted].any():
            return float("nan")
        through = np.bincount(low, weight * chance, terms.size + 1)
        through -= np.bincount(high, weight * chance, terms.size + 1)
        at = np.cumsum(through)[:-1]
        return float((at[sure] ** 2 * terms[sure]).sum())

    def _places(self, spans: Spans) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        low, high = (np.searchsorted(self.curve.duration, each, side="right") for each in spans)
        return low, np.maximum(low, high)


@dataclass(frozen=True, slots=True)
class FormulaAhead:
    """A model of `fit_aft` without covariates, which knows every age."""

    model: AftModel

    @property
    def why(self) -> str | None:
        """The model's status, if it has no errors."""
        if self.model.status == "converged":
            return None
        return " ".join(self.model.notes) or f"the model is {self.model.status}"

    def chances(self, spans: Spans) -> tuple[Floats, Flags]:
        """e^−(H(b) − H(a))."""
        return _chances_by_formula(self.model, spans), np.ones(spans[0].size, np.bool_)

    def variance(self, spans: Spans, weight: Floats) -> float:
        """Delta method on intercept and log σ."""
        if self.why is not None:
            return float("nan")
        told = np.exp([self.model.intercept or 0.0, self.model.log_scale or 0.0])
        covariance = np.nan_to_num(array_of_table(self.model.full_covariance, 2))

        def total(theta: Floats) -> Floats:
            intercept, log_scale = np.log(theta).tolist()
            moved = {"intercept": intercept, "log_scale": log_scale}
            chance = _chances_by_formula(self.model.model_copy(update=moved), spans)
            return np.array([weight @ chance])

        return float(variance_of_model(told, covariance, total)[0])


def _chances_by_formula(model: AftModel, spans: Spans) -> Floats:
    n = spans[0].size
    hazard, _ = model.hazard_between(np.zeros((n, 0)), np.zeros(n, np.intp), *spans)
    return np.exp(-hazard)


def is_of_spells(model: object) -> bool:
    """Whether somebody gave how long spells last: a table of curves, or a formula.

    Raises:
        RetentionError: if it is another model of lifetimes.
    """
    if isinstance(model, LifetimeModel) and not isinstance(model, AftModel):
        raise RetentionError(
            f"model: {type(model).__name__} knows customers by their covariates, and of those to "
            "be won it knows none. Give survival_curve(spells), or fit_aft(spells) without any."
        )
    return isinstance(model, AftModel) or is_table(model)


def read_staying(model: Any, by: Sequence[str]) -> Callable[[Key], Staying]:
    """How long spells of each segment last: by one model or curve for all, or a curve for each.

    Raises:
        RetentionError: if the model has covariates.
        ContentError: if a curve is no curve, or that of a segment is missing (once it is asked).
    """
    if isinstance(model, AftModel):
        if model.covariates:
            names = ", ".join(repr(one.name) for one in model.covariates)
            raise RetentionError(
                f"model has the covariates {names}, which those to be won do not have. Fit it "
                "without, or give survival_curve(spells, by=...) with the same by=."
            )
        formula = FormulaAhead(model)
        return lambda _: formula
    there = as_lazy(model, name="model").collect_schema()
    told = [name for name in by if name in there]
    curves = {one.key: CurveAhead(one) for one in curves_of(model, told)}
    places = [by.index(name) for name in told]

    def of_segment(key: Key) -> Staying:
        mine = tuple(key[place] for place in places)
        if mine not in curves:
            raise ContentError(
                f"model: the curve has no segment {', '.join(map(repr, mine))}, of which there are "
                "customers. Make it of all spells with the same by=, or give one curve for all."
            )
        return curves[mine]

    return of_segment


def open_spells(
    customers: object, as_of: date, by: Sequence[str], spend: str | float = 0.0
) -> dict[Key, OpenSpells]:
    """The spells that go on, by segment and by how long they have: grouped where they are.

    Args:
        customers: a table of spells in days.
        as_of: the last observed day.
        by: segment columns.
        spend: what each pays a month, or the column that says so.

    Raises:
        ColumnError: if a column is missing or of the wrong type.
        ContentError: if spells were not made as of that day, or what each pays is not known.
        RetentionError: if the spells know the future.
    """
    column = [spend] if isinstance(spend, str) else []
    frame = require(customers, OPEN, extra=by, adds="within" if column else "none")
    schema = frame.collect_schema()
    if "length" in schema:
        raise ColumnError(
            "customers is a table of renewals, whose durations are no days. Give the spells of "
            "contract_spells, or a model of fit_beta_geometric."
        )
    for name in column:
        if name not in schema:
            raise ColumnError.unknown("spend", name, schema)
        if not schema[name].is_numeric():
            raise ColumnError(f"customers: {name!r}, what each pays, must be numbers. Convert it.")
    keys = ["_seen", "_age", "_blind", "_grace", *by]
    rows = _rows_of_open(frame, as_of, by, spend)
    counted = (*_SUMS, "_unknown", "_unpaid", "_foresight")
    found = collect(rows.group_by(*keys).agg(*(nw.col(name).sum() for name in counted)))
    _refuse_odd_spells(found, as_of, str(spend))
    return _spells_by_segment(found, by)


def _rows_of_open(frame: Frame, as_of: date, by: Sequence[str], spend: str | float) -> Frame:
    """What is counted of each spell that goes on, or of which that is not known."""
    schema = frame.collect_schema()
    there = {name: nw.col(name) for name in OPEN.names if name in schema}
    stands = there.get("n_spells", nw.lit(1)).cast(nw.Float64)
    paid = nw.col(spend).cast(nw.Float64) if isinstance(spend, str) else nw.lit(float(spend))
    aside = there.get("set_aside", nw.lit(None, nw.String)).cast(nw.String)
    told = there.get("reactivation", nw.lit("new_spell")).cast(nw.String)
    rows = frame.with_columns(
        *(as_text(name, schema[name]) for name in by),
        _first=periods.day_expr("start", frame.implementation),
        _seen=nw.col("duration").cast(nw.Float64),
        _grace=there.get("grace", nw.lit(0)).cast(nw.Float64),
        _blind=count(aside.is_in(_NO_START)),
        _foresight=count(told == "same_spell"),
        _stands=stands,
        _pays=paid,
        _out=nw.col("churned"),
    )
    rows = rows.filter(~nw.col("_out") | nw.col("_out").is_null())
    last = periods.number_of(as_of)
    blank = nw.col("_stands").is_null() | ~(nw.col("_stands") >= 0) | nw.col("_out").is_null()
    unpaid = nw.col("_pays").is_null() | ~((nw.col("_pays") >= 0) & (nw.col("_pays") <= MOST))
    return rows.select(
        *by,
        "_seen",
        "_grace",
        "_blind",
        "_foresight",
        _age=(nw.lit(last) - nw.col("_first")).cast(nw.Float64),
        _unknown=count(blank),
        _unpaid=count(unpaid),
        _n=nw.col("_stands"),
        _paid=nw.col("_stands") * nw.col("_pays"),
        _squares=nw.col("_stands") * nw.col("_pays") * nw.col("_pays"),
    )


def _refuse_odd_spells(found: Columns, as_of: date, spend: str) -> None:
    """Refuse spells of which it is not known whether or how long they go on."""
    if found["_foresight"].any():
        raise RetentionError(
            "customers: these spells were made with reactivation='same_spell', which knows the "
            "future. Make them with 'new_spell'."
        )
    if n := int(found["_unknown"].sum()):
        raise ContentError(
            f"customers: of {count_of(n, 'spell')} `churned` or n_spells is missing, or n_spells "
            "is below 0: say whether it has ended, and how many it stands for."
        )
    if n := int(found["_unpaid"].sum()):
        raise ContentError(
            f"customers: {count_of(n, 'spell that goes on', 'spells that go on')} "
            f"{'has' if n == 1 else 'have'} no {spend!r}, or one below 0: say what each pays a "
            "month."
        )
    seen, age, grace = (found[name].astype(np.float64) for name in ("_seen", "_age", "_grace"))
    lately = (seen == 0) & (age >= 0) & (age <= grace)
    odd = ~((seen + grace == age) | lately)
    if odd.any():
        until = periods.day_of(int(periods.number_of(as_of) - age[odd][0]))
        n = int(found["_n"][odd].astype(np.float64).sum())
        raise ContentError(
            f"customers: of {count_of(n, 'spell that goes on', 'spells that go on')} the duration "
            f"does not lead from `start` to as_of {as_of}, such as of one that began on {until} "
            f"and has lasted {seen[odd][0]:g} days. Make the spells with the same as_of, in days."
        )


def _spells_by_segment(found: Columns, by: Sequence[str]) -> dict[Key, OpenSpells]:
    keys: list[Key] = [*zip(*(found[name].tolist() for name in by), strict=True)]
    keys = keys or [()] * found["_n"].size
    distinct = sorted(set(keys)) if by else [()]
    number = {key: place for place, key in enumerate(distinct)}
    code = np.array([number[key] for key in keys], np.intp)
    values = {name: found[name].astype(np.float64) for name in ("_seen", "_age", *_SUMS)}
    values["_age"] = np.where(found["_blind"] > 0, np.nan, values["_age"])
    order = np.lexsort([values["_age"], values["_seen"], code])
    cuts = np.searchsorted(code[order], np.arange(1, len(distinct)))
    parts = [np.split(each[order], cuts) for each in values.values()]
    return {key: OpenSpells(*(part[i] for part in parts)) for i, key in enumerate(distinct)}


@dataclass(frozen=True, slots=True)
class Amounts:
    """What is added up: customers, or what they pay a period.

    Attributes:
        old: Σ of it over the spells of each age.
        old_squares: Σ of its squares.
        new: of one who is won, period by period.
    """

    old: Floats
    old_squares: Floats
    new: Floats


def stays_ahead(stay: Staying, spells: OpenSpells, window: Window, amounts: Amounts) -> Foretold:
    """What those bring who are under contract as each period closes, which is as the next opens."""
    closes = window.edges + 1.0
    sums = np.array([
        _sums_at_close(stay, spells, (closes, j), window.acquired, amounts)
        for j in range(1, closes.size)
    ])  # fmt: skip
    old, new, variance, beyond = sums.T
    return Foretold(old, new, variance, beyond, stay.why, _EMPTIED)


def _sums_at_close(
    stay: Staying,
    spells: OpenSpells,
    close: tuple[Floats, int],
    acquired: Floats,
    amounts: Amounts,
) -> tuple[float, float, float, float]:
    """Of the present, of those won, the variance, and what those bring of whom nothing is known."""
    (closes, j), known_age = close, np.isfinite(spells.age)
    until = np.where(known_age, spells.age, spells.seen) + closes[j]
    chance, known = stay.chances((spells.seen, until))
    known &= known_age
    spread = float((amounts.old_squares * chance * (1 - chance))[known].sum())
    old, beyond = float((amounts.old * chance)[known].sum()), float(amounts.old[~known].sum())
    days, period = _days_of_winning(closes, j, acquired)
    won = (np.full(days.size, ORIGIN), days)
    kept, sure = stay.chances(won)
    each = 1 / np.diff(closes)[period]
    by_period = np.bincount(period, kept * sure * each, j)
    n, worth = acquired[:j], amounts.new[:j]
    brought = n * worth
    new = float(brought @ by_period)
    beyond += float((brought[period] * each)[~sure].sum())
    spread += float((n * worth**2 * by_period * (1 - by_period)).sum())
    spans = (np.concatenate([spells.seen, won[0]]), np.concatenate([until, won[1]]))
    weight = np.concatenate([
        np.where(known, amounts.old, 0.0), np.where(sure, brought[period] * each, 0.0)
    ])  # fmt: skip
    return old, new, spread + stay.variance(spans, weight), beyond


def _days_of_winning(closes: Floats, j: int, acquired: Floats) -> tuple[Floats, NDArray[np.intp]]:
    """How old those are as period j closes who are won on each day up to it, and in which period.

    Args:
        closes: days from the last observed one to each opening, that of the first period first.
        j: how many periods are over.
        acquired: how many are won in each.
    """
    length = np.diff(closes[: j + 1]).astype(np.int64)
    length = np.where(acquired[:j] > 0, length, 0)
    period = np.repeat(np.arange(j), length)
    first = np.repeat(closes[:j], length)
    within = np.arange(period.size) - np.repeat(np.cumsum(length) - length, length)
    return closes[j] - (first + within), period
