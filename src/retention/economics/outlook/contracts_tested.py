"""What was foretold of contracts as some periods began, and what became of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw
import numpy as np

from retention import periods as calendar
from retention.activity.from_contracts import contract_periods
from retention.economics.outlook.expected_customers import expected_customers
from retention.economics.outlook.expected_sales import expected_sales
from retention.errors import ContentError, RetentionError, check_choice, count_of
from retention.frames import Columns, beside, collect, one_row, read_out
from retention.spells.of_contracts import contract_spells
from retention.tables import CONTRACTS, SPELLS, require

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

    from numpy.typing import NDArray

    from retention.frames import Frame
    from retention.periods import Freq

    Floats = NDArray[np.float64]

_FEE = "fee_a_month"


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Which periods are held out, and of what.

    Attributes:
        contracts: the table that was given.
        spend: "sales" or "profit", None for none.
        freq: length of a period.
        steps: the numbers of the periods.
        opens: the day on which each opens, and on which the last closes.
        as_of: the last observed day.
        observed_from: as in `contract_spells`.
        grace: as there.
        newcomers: "as_came" or "left_out".
    """

    contracts: Any
    spend: str | None
    freq: Freq
    steps: NDArray[np.int64]
    opens: NDArray[np.int64]
    as_of: date
    observed_from: date | str | None
    grace: int
    newcomers: str

    @property
    def cut(self) -> date:
        """The last day of which anything is known."""
        return calendar.day_of(int(self.opens[0]) - 1)

    def spells_by(self, day: date) -> Any:
        """The spells as they looked on a day."""
        return contract_spells(
            self.contracts, as_of=day, observed_from=self.observed_from, grace=self.grace
        )


def periods_held_out(
    contracts: object,
    *,
    spend: object,
    as_of: date,
    freq: Freq,
    periods: int,
    newcomers: str,
    observed_from: date | str | None,
    grace: int | None,
) -> HeldOut:
    """The last periods that were over, closing included, once ends are known.

    Raises:
        RetentionError: if the grace or the spend is none that may be.
    """
    if grace is None:
        raise RetentionError(
            "Say grace=, the pause in days that ends no customer's time, as in contract_spells; 0 "
            "where contracts must touch."
        )
    if spend is not None:
        check_choice("spend", str(spend), ("sales", "profit"))
    pause = calendar.whole_days(grace, argument="grace", least=0)
    last = calendar.step_of(calendar.days_after(as_of, 1 - pause), freq) - 1
    steps = np.arange(last + 1 - periods, last + 1, dtype=np.int64)
    opens = np.asarray(calendar.first_day_number(np.append(steps, last + 1), freq))
    told = None if spend is None else str(spend)
    return HeldOut(contracts, told, freq, steps, opens, as_of, observed_from, pause, newcomers)


def contracts_tested(
    asked: HeldOut, fit: Callable[[Any], Any], level: float
) -> tuple[Columns, Columns, Columns]:
    """What came, what was foretold of customers, and of sales (null where there are none)."""
    contracts = require(asked.contracts, CONTRACTS, adds="all" if asked.spend else "none")
    refuse_many_periods(contracts, "start", asked.cut, asked.steps.size)
    known = asked.spells_by(asked.cut)
    model = fit(known)
    came, fees = _what_became(asked)
    ask: dict[str, Any] = {"model": model, "as_of": asked.cut, "freq": asked.freq}
    ask |= {"periods": asked.steps.size, "level": level}
    won = came["n_acquired"].astype(np.float64)
    told = read_out(expected_customers(known, acquired=won, **ask))
    if asked.spend is None:
        none = np.full(asked.steps.size, np.nan)
        return came, told, {"sales": none, "lower": none, "upper": none}
    paying = _with_fees(asked, known)
    won_and_fees = _table_of_won(won, fees, asked)
    money = expected_sales(paying, spend=_FEE, acquired=won_and_fees, **ask)
    return came, told, read_out(money)


def refuse_many_periods(log: Frame, column: str, cut: date, periods: int) -> None:
    """Refuse to hold out so many periods that nothing is left for a model to be fitted to."""
    opens = one_row(log.select(first=calendar.day_expr(column, log.implementation).min()))["first"]
    if opens is not None and np.isfinite(float(opens)) and int(opens) > calendar.number_of(cut):
        raise ContentError(
            f"With the last {count_of(periods, 'period')} held out models are fitted to what was "
            f"known by {cut}, but the log begins on {calendar.day_of(int(opens))}. Take fewer "
            "`periods=`."
        )


def _table_of_won(won: Floats, fees: Floats, asked: HeldOut) -> Any:
    import pandas as pd

    days = calendar.first_days(asked.steps, asked.freq)
    return pd.DataFrame({"period": days, "acquired": won, "spend": np.where(won > 0, fees, 0.0)})


def _dated_contracts(asked: HeldOut, where: Frame) -> Frame:
    """Each contract: the customer, its first day, its first day out, and what it brings a month."""
    frame = beside(where, asked.contracts, name="contracts")
    paid = nw.col(asked.spend).cast(nw.Float64) if asked.spend else nw.lit(0.0)
    rows = frame.select(
        "customer_id",
        "start",
        _paid=paid,
        _runs=nw.col("end").is_null(),
        _last=nw.coalesce("end", "start"),
    )
    engine = frame.implementation
    rows = rows.with_columns(
        _first=calendar.day_expr("start", engine), _out=calendar.day_expr("_last", engine)
    )
    running = nw.when(nw.col("_runs")).then(nw.lit(10_000_000)).otherwise(nw.col("_out"))
    return rows.select("customer_id", "_paid", "_first", _out=running.cast(nw.Int64))


def _with_fees(asked: HeldOut, spells: Any) -> Any:
    """The spells known then, beside what the customers paid: of what was in force, or was last."""
    cut = calendar.number_of(asked.cut)
    there = require(spells, SPELLS, adds="none")
    rows = _dated_contracts(asked, there)
    rows = rows.filter(nw.col("_first") <= cut)
    latest = rows.group_by("customer_id").agg(nw.col("_out").max().alias("_latest"))
    rows = rows.join(latest, on="customer_id", how="left")
    counts = (nw.col("_out") > cut) | (nw.col("_out") == nw.col("_latest"))
    fees = rows.filter(counts).group_by("customer_id").agg(nw.col("_paid").sum().alias(_FEE))
    return there.join(fees, on="customer_id", how="left").to_native()


def _what_became(asked: HeldOut) -> tuple[Columns, Floats]:
    """Of each period who was won and who was there as it closed, what they brought, and at first.

    Both by what the contracts say a day after the last observed one, as a period that closes with
    it does in `contract_periods`.
    """
    spells = asked.spells_by(calendar.days_after(asked.as_of, 1))
    rows = require(spells, SPELLS, adds="none")
    placed = rows.with_columns(
        _first=calendar.day_expr("start", rows.implementation),
        _until=nw.when(nw.col("churned")).then(nw.col("duration")).otherwise(nw.lit(10_000_000)),
    )
    placed = placed.with_columns(_until=nw.col("_first") + nw.col("_until"))
    lives = placed.select("customer_id", "_first", "_until")
    won, fees = _won_by_period(asked, lives)
    n, sales = _there_at_close(asked, lives)
    came: Columns = {"period": calendar.first_days(asked.steps, asked.freq), "step": asked.steps}
    came |= {"n_acquired": won.astype(np.int64), "actual": n}
    came["sales_actual"] = sales if asked.spend else np.full(n.size, np.nan)
    return came, fees


def _won_by_period(asked: HeldOut, lives: Frame) -> tuple[Floats, Floats]:
    """How many spells began in each period, and what they paid a month at first, on average."""
    if asked.newcomers == "left_out":
        return np.zeros(asked.steps.size), np.zeros(asked.steps.size)
    new = lives.filter(nw.col("_first") >= int(asked.opens[0]))
    new = new.filter(nw.col("_first") < int(asked.opens[-1]))
    fees = _dated_contracts(asked, new)
    paid = fees.group_by("customer_id", "_first").agg(nw.col("_paid").sum())
    both = new.join(paid, on=["customer_id", "_first"], how="left")
    found = collect(both.group_by("_first").agg(nw.len().alias("n"), nw.col("_paid").sum()))
    place = np.searchsorted(asked.opens, found["_first"].astype(np.int64), side="right") - 1
    n = _sums_of_periods(place, found["n"], asked.steps.size)
    total = _sums_of_periods(place, found["_paid"], asked.steps.size)
    return n, np.divide(total, n, out=np.zeros(n.size), where=n > 0)


def _there_at_close(asked: HeldOut, lives: Frame) -> tuple[Floats, Floats]:
    """Who is under contract as each period closes, but for those who begin just then; their sum."""
    activity = contract_periods(
        asked.contracts,
        freq=asked.freq,
        as_of=asked.as_of,
        observed_from=calendar.day_of(int(asked.opens[0])),  # no other openings are wanted
        grace=asked.grace,
    )
    rows = beside(lives, activity, name="activity")
    money = asked.spend or "sales"
    rows = rows.filter(nw.col("active"), nw.col("step") > int(asked.steps[0]))
    rows = rows.select(
        "customer_id",
        "step",
        _sum=nw.col(money).cast(nw.Float64),
        _close=calendar.day_expr("period", rows.implementation),
    )
    there = rows.join(lives, on="customer_id", how="inner")
    there = there.filter(nw.col("_first") < nw.col("_close"), nw.col("_until") > nw.col("_close"))
    if asked.newcomers == "left_out":
        there = there.filter(nw.col("_first") < int(asked.opens[0]))
    found = collect(there.group_by("step").agg(nw.len().alias("n"), nw.col("_sum").sum()))
    place = found["step"].astype(np.int64) - asked.steps[0] - 1
    inside = (place >= 0) & (place < asked.steps.size)
    n, total = found["n"][inside], found["_sum"][inside]
    size = asked.steps.size
    return _sums_of_periods(place[inside], n, size), _sums_of_periods(place[inside], total, size)


def _sums_of_periods(place: NDArray[Any], weights: NDArray[Any], n: int) -> Floats:
    return np.bincount(place, weights.astype(np.float64), n).astype(np.float64)
