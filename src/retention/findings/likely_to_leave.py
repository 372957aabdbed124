"""Who may be leaving: buyers by their chance to buy nothing, contracts by how long they last."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import narwhals.stable.v2 as nw
import numpy as np

from retention import periods
from retention.frames import as_lazy, beside, collect, one_row, table_like
from retention.frames.python_rows import rows_as_dicts
from retention.repeat_buying.scores.churn_score import churn_score
from retention.survival.curves.kaplan_meier import survival_curve
from retention.survival.curves.typical_lifetimes import conditional_survival
from retention.tables import TRANSACTIONS, require
from retention.tables.answer_columns import (
    amounts,
    constants,
    gives,
    ids,
    shares,
    texts,
    whole_numbers,
)

if TYPE_CHECKING:
    from datetime import date

    from narwhals.stable.v2.typing import IntoFrameT
    from numpy.typing import NDArray

    from retention.frames import Columns, Frame

    Numbers = NDArray[np.float64]

_NAMES = {"days": "days_since_last", "chance": "p_no_purchase"}

LIKELY = 0.5
"""At risk is who is more likely than that to buy nothing in the days to come."""

WITHIN = 90
BANDS = (0, 90, 180, 365, 730, 1095)
_YEAR = 365


@dataclass(frozen=True, slots=True)
class AtRisk:
    """Customers who are more likely than not to buy nothing soon, and not yet lost.

    Attributes:
        most: the silence in days after which they are lost; a year where no silence tells.
        tested: the last day on which the same score could be made and be set against what came.
        n: how many they are.
        sales: what they spent in the last 12 months.
        of_sales: what all customers spent in them.
        unknown: customers who are not yet lost and have no chance.
        told: of a row of scores that is like all others: `method`, `reason`, `base_rate` and what
            it is made of, `against_base` and what that is made of.
        rows: those with the most at stake, their chance times their sales: `customer_id`, `days`,
            `chance`, `lower`, `upper`, `sales`.
    """

    most: int
    tested: date
    n: int
    sales: float
    of_sales: float
    unknown: int
    told: dict[str, Any]
    rows: tuple[dict[str, Any], ...]

    @property
    def is_telling(self) -> bool:
        """Whether the score knew better than the base rate, when that could be seen."""
        return bool(self.told["against_base"] == "better")

    @property
    def is_nobody(self) -> bool:
        """Whether neither the score nor the customers of some days ago say that anybody is."""
        return not self.n and self.told["n_base"] > 0 and not self.told["n_base_silent"]


@gives(
    "customer at risk",
    ids("customer_id"),
    whole_numbers("days_since_last", unit="days"),
    shares("p_no_purchase", "lower", "upper"),
    amounts("sales", "stake"),
    constants(
        whole_numbers("within", unit="days"), texts("against_base"), whole_numbers("lost_after")
    ),
)
def customers_at_risk(
    transactions: IntoFrameT,
    *,
    as_of: date | str,
    within: int = WITHIN,
    lost_after: int = _YEAR,
    observed_from: date | str | None = None,
    level: float = 0.95,
) -> IntoFrameT:
    """Who is more likely than not to buy nothing soon and not yet lost, and what is at stake.

    The chance is that of `churn_score`, the stake the chance times the customer's sales of the last
    365 days.

    Args:
        transactions: a table from `as_transactions`.
        as_of: the last observed day.
        within: days ahead.
        lost_after: days of silence after which a customer counts as lost, and is not listed.
        observed_from: as in `churn_score`: customers who bought before it are left out.
        level: confidence of the bounds.

    Returns:
        One row per customer with a chance above ½, most at stake first, in the caller's kind:
        `customer_id`, `days_since_last`, `p_no_purchase`, `lower`, `upper`, `sales` (of the last
        365 days, currency), `stake` (currency), and the constants `within`, `against_base` (whether
        the score told more than the base rate when that could last be seen: "better", "not better"
        …, as in `churn_score`) and `lost_after`.

    Raises:
        RetentionError: if `within` or `lost_after` is not a whole number of days above 0.
        ContentError: as `churn_score`; or if amounts are in several currencies.

    Example:
        >>> import retention as rt
        >>> orders = rt.sample_company(500, seed=1).orders
        >>> found = rt.findings.customers_at_risk(orders, as_of="2024-06-30", lost_after=180)
        >>> bool((found["p_no_purchase"] > 0.5).all() and (found["days_since_last"] <= 180).all())
        True
        >>> bool(found["stake"].is_monotonic_decreasing)
        True
    """
    last = periods.as_day(as_of, argument="as_of")
    most = periods.whole_days(lost_after, argument="lost_after", least=1)
    customers, told = _chances_of_customers(transactions, last, within, level, observed_from)
    found = _likely_to_buy_nothing(customers, most)
    columns = {_NAMES.get(name, name): values for name, values in found.items()}
    carried = {"within": within, "against_base": told["against_base"], "lost_after": most}
    n = found["stake"].size
    columns |= {
        name: np.full(n, value, dtype=object if name == "against_base" else np.int64)
        for name, value in carried.items()
    }
    return table_like(columns, transactions)


def customers_with_stake(
    transactions: object, *, as_of: date, gap: int | None, n_rows: int, level: float
) -> AtRisk:
    """Who is more likely than not to buy nothing in the next 90 days, by `churn_score`.

    Args:
        transactions: a table from `as_transactions`.
        as_of: the last observed day.
        gap: the silence in days after which a customer is lost, None where no silence tells.
        n_rows: how many of them are listed.
        level: confidence of the bounds.
    """
    customers, told = _chances_of_customers(transactions, as_of, WITHIN, level)
    most = min(gap or _YEAR, _YEAR)
    found = _likely_to_buy_nothing(customers, most)
    total = one_row(customers.select(nw.col("sales").sum()))["sales"]
    here = customers.filter(nw.col("days") <= most, nw.col("chance").is_null())
    top = {name: values[:n_rows] for name, values in found.items()}
    return AtRisk(
        most=most,
        tested=periods.days_after(as_of, -WITHIN),
        n=found["stake"].size,
        sales=float(found["sales"].sum()),
        of_sales=float(total or 0),
        unknown=int(one_row(here.select(nw.len().alias("n")))["n"]),
        told=told,
        rows=tuple(rows_as_dicts(_pandas_table(top))),
    )


def _chances_of_customers(
    transactions: object,
    as_of: date,
    within: int,
    level: float,
    observed_from: date | str | None = None,
) -> tuple[Frame, dict[str, Any]]:
    """Each customer's silence, chance to buy nothing, sales and stake; what is told of all."""
    lines = require(transactions, TRANSACTIONS, adds="all")
    asked = {"as_of": as_of, "observed_from": observed_from, "within": within, "level": level}
    scores = churn_score(cast("Any", transactions), **cast("Any", asked))
    told = rows_as_dicts(as_lazy(scores, name="scores").head(1).to_native())[0]
    customers = _scores_with_sales(lines, beside(lines, scores, name="scores"), as_of)
    return customers.with_columns(stake=nw.col("chance") * nw.col("sales")), told


def _likely_to_buy_nothing(customers: Frame, most: int) -> Columns:
    """Those not yet lost who are more likely than not to buy nothing, most at stake first."""
    found = collect(customers.filter(nw.col("days") <= most, nw.col("chance") > LIKELY))
    order = np.lexsort((found["customer_id"], -found["stake"]))
    names = ("customer_id", "days", "chance", "lower", "upper", "sales", "stake")
    return {name: found[name][order] for name in names}


def _pandas_table(columns: Columns) -> Any:
    import pandas as pd

    return pd.DataFrame(columns)


def _scores_with_sales(lines: Frame, scores: Frame, as_of: date) -> Frame:
    """Each customer's silence, chance to buy nothing, and sales of the last 12 months."""
    today = periods.number_of(as_of)
    day = periods.day_expr("date", lines.implementation)
    recent = lines.select("customer_id", nw.col("sales").cast(nw.Float64), _day=day)
    recent = recent.filter(nw.col("_day") <= today, nw.col("_day") > today - _YEAR)
    spent = recent.group_by("customer_id").agg(nw.col("sales").sum())
    chances = scores.select(
        "customer_id",
        "lower",
        "upper",
        days=nw.col("days_since_last"),
        chance=nw.when(~nw.col("p_no_purchase").is_nan()).then(nw.col("p_no_purchase")),
    )
    both = chances.join(spent, on="customer_id", how="left")
    return both.with_columns(nw.col("sales").fill_null(0.0))


@dataclass(frozen=True, slots=True)
class Held:
    """Customers under contract for so long, and who of them is expected to leave soon.

    Attributes:
        least: how long at least, in days.
        last: where the last of the bands begins that stand together; mostly `least` itself.
        n: how many they are.
        sales: what they pay a month; None where that is not known.
        unknown: of them, those who have stayed longer than can be told from.
        leaving: how many of the others are expected to leave.
        stake: what these pay a month.
    """

    least: int
    last: int
    n: int
    sales: float | None
    unknown: int
    leaving: float
    stake: float | None

    def with_next(self, band: Held) -> Held:
        """These and those of a later band together."""
        return Held(
            least=self.least,
            last=band.last,
            n=self.n + band.n,
            sales=_sum_if_known(self.sales, band.sales),
            unknown=self.unknown + band.unknown,
            leaving=self.leaving + band.leaving,
            stake=_sum_if_known(self.stake, band.stake),
        )


def _sum_if_known(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one + other


def held_by_tenure(contracts: object, spells: object, *, as_of: date, level: float) -> list[Held]:
    """Those under contract on the last day, by how long: how many will leave in the next 90 days.

    For each customer the chance is that of `conditional_survival` at their own tenure: of those who
    had stayed so long, the share that left in the next 90 days.

    Args:
        contracts: a table from `as_contracts`.
        spells: their spells.
        as_of: the last observed day.
        level: confidence of the bounds.
    """
    days, n, sales = _customers_under_contract(contracts, spells, as_of)
    if not days.size:
        return []
    curve = survival_curve(cast("Any", spells), level=level)
    later = rows_as_dicts(conditional_survival(curve, tenure=days.tolist(), horizon=WITHIN))
    stays = {row["tenure"]: row["survival"] for row in later}
    known = [stays[day] for day in days.tolist()]
    chance = np.array([np.nan if stay is None else 1 - stay for stay in known])
    band = np.searchsorted(BANDS, days, side="right") - 1
    return [
        _band_of_tenure(BANDS[place], *(values[band == place] for values in (n, sales, chance)))
        for place in np.unique(band).tolist()
    ]


def _band_of_tenure(least: int, n: Numbers, sales: Numbers, chance: Numbers) -> Held:
    known, paid = ~np.isnan(chance), not np.isnan(sales).any()
    return Held(
        least=least,
        last=least,
        n=int(n.sum()),
        sales=float(sales.sum()) if paid else None,
        unknown=int(n[~known].sum()),
        leaving=float((n * chance)[known].sum()),
        stake=float((sales * chance)[known].sum()) if paid else None,
    )


def _customers_under_contract(
    table: object, spells: object, as_of: date
) -> tuple[Numbers, Numbers, Numbers]:
    """Those under contract on the last day: tenures in days, how many, what they pay a month."""
    contracts = as_lazy(table, name="the table")
    lasting = beside(contracts, spells, name="spells")
    running = lasting.filter(~nw.col("churned")).select("customer_id", "duration")
    today = periods.number_of(as_of)
    start, end = (periods.day_expr(name, contracts.implementation) for name in ("start", "end"))
    force = contracts.filter(start <= today, nw.col("end").is_null() | (end > today))
    has_sales = "sales" in force.collect_schema()
    sales = nw.col("sales") if has_sales else nw.lit(0.0).alias("sales")
    paid = force.select("customer_id", sales).group_by("customer_id").agg(nw.col("sales").sum())
    both = paid.join(running, on="customer_id", how="inner")
    rows = collect(both.group_by("duration").agg(nw.len().alias("n"), nw.col("sales").sum()))
    order = np.argsort(rows["duration"])
    days, n, money = (rows[name][order].astype(np.float64) for name in ("duration", "n", "sales"))
    return days, n, money if has_sales else np.full(money.size, np.nan)
