"""Would the outlook have been right: the last periods held out, expected beside what came."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import narwhals.stable.v2 as nw
import numpy as np

from retention import periods as calendar
from retention.activity.from_purchases import customer_periods
from retention.economics.outlook.contracts_tested import (
    contracts_tested,
    periods_held_out,
    refuse_many_periods,
)
from retention.economics.outlook.expected_customers import expected_customers
from retention.economics.outlook.expected_sales import expected_sales
from retention.errors import RetentionError, check_choice, whole_number
from retention.frames import Columns, as_lazy, beside, collect, count, read_out, table_like
from retention.repeat_buying.summary.purchase_summary import purchase_summary
from retention.tables import ACTIVITY, TRANSACTIONS, require
from retention.tables.answer_columns import (
    amounts,
    constants,
    flags,
    gives,
    numbers,
    shares,
    texts,
    times,
    whole_numbers,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

    from narwhals.stable.v2.typing import IntoFrameT
    from numpy.typing import NDArray

    from retention.periods import Freq
    from retention.repeat_buying.value.spend import GammaGammaModel

    Floats = NDArray[np.float64]


@gives(
    "period",
    times("period"),
    whole_numbers("step", "n_acquired"),
    numbers("n_beyond", "n_customers", "lower", "upper", unit="customers"),
    numbers("actual", "error", unit="customers"),
    flags("covered"),
    amounts("sales", "sales_lower", "sales_upper", "sales_actual", "sales_error"),
    flags("sales_covered"),
    constants(shares("covered_share", "sales_covered_share"), texts("newcomers", "freq")),
)
def backtest_outlook(  # noqa: PLR0913 - what is fitted, on what, and what is judged
    log: IntoFrameT,
    *,
    fit: Callable[[Any], Any],
    spend: Callable[[Any], GammaGammaModel | float] | str | None,
    as_of: date | str,
    freq: Freq,
    periods: int,
    newcomers: Literal["as_came", "left_out"] = "as_came",
    observed_from: date | str | None = None,
    grace: int | None = None,
    level: float = 0.95,
) -> IntoFrameT:
    """Whether the outlook would have been right: fitted before the last periods, held to them.

    The models are fitted on all that was known as the last `periods` whole periods began, and
    `expected_customers` and `expected_sales` are asked for these. How many customers would be won
    nobody knew: they are told how many were ("as_came"), and of contracts what those paid at first,
    so that what is judged is what becomes of them; or newcomers are left out on both sides
    ("left_out").

    Of contracts customers are counted as each period closes, as in `contract_periods`, and not
    those who begin on just that day; who comes back after more than `grace` days is won anew. Sales
    are what these bring at the close, of a period's length. The periods are the last that were
    over by `as_of` less the `grace`, after which ends are known.

    One holdout of few periods says little: its periods share the same errors. Where `covered_share`
    is far below `level`, times changed, there is a season, or the model does not fit.

    Args:
        log: a table from `as_transactions` or from `as_contracts`.
        fit: of orders `fit_pareto_nbd`, `fit_mbg_nbd` or `fit_bg_nbd`, or any function from a table
            of `purchase_summary` to such a model; of contracts `survival_curve`, or any function
            from a table of `contract_spells` to a curve or a model of `fit_aft`.
        spend: of orders `fit_gamma_gamma`, or any function from that table to such a model or an
            amount; of contracts "sales" or "profit", or None where only customers are judged.
        as_of: the last observed day; of orders it must be the last one of a period.
        freq: length of a period.
        periods: how many are held out.
        newcomers: "as_came" or "left_out", above.
        observed_from: customers with a purchase before this day are left out, of the summary and of
            what came; of contracts as in `contract_spells`.
        grace: of contracts, as in `contract_spells`.
        level: confidence of the bounds.

    Returns:
        One row per period held out, in the caller's kind: `period`, `step`, `n_acquired` (customers
        won in it), `n_beyond` (whom a curve does not reach), `n_customers`, `lower`, `upper`
        (expected; null where a curve does not reach some), `actual` (who bought, or was there),
        `error` (expected − actual), `covered` (whether the bounds hold it; null without bounds),
        the same of sales (`sales`, `sales_lower`, `sales_upper`, `sales_actual`, `sales_error`,
        `sales_covered`; currency; `sales_actual` of orders is less all refunds of the period, which
        no model expects), and the constants `covered_share`, `sales_covered_share` (of the periods
        with bounds), `newcomers`, `freq`.

    Raises:
        RetentionError: if a keyword is none of what it may be, `as_of` of orders is within a
            period, or contracts have no `grace`.
        ColumnError: if a column is missing or of the wrong type.
        ContentError: if there was no customer before the periods held out.

    Example:
        >>> import retention as rt
        >>> orders = rt.sample_company(1_000, seed=1).orders
        >>> table = rt.economics.backtest_outlook(
        ...     orders, fit=rt.repeat_buying.fit_mbg_nbd, spend=rt.repeat_buying.fit_gamma_gamma,
        ...     as_of="2024-12-31", freq="quarter", periods=2, observed_from="2022-01-01",
        ... )
        >>> bool((table["error"].abs() < 0.2 * table["actual"]).all())
        True

    Source:
        Fader, Hardie and Lee (2005), Marketing Science 24(2), 275–284, section 5 (fitted on one
        half, tracked over the other).
    """
    check_choice("newcomers", newcomers, ("as_came", "left_out"))
    many = whole_number("periods", periods, least=1, of="periods", most=1_000)
    last = calendar.as_day(as_of, argument="as_of")
    chosen: dict[str, Any] = {"newcomers": newcomers, "observed_from": observed_from}
    chosen |= {"freq": freq, "periods": many, "as_of": last}
    if "start" in as_lazy(log, name="log").collect_schema():
        asked = periods_held_out(log, spend=spend, grace=grace, **chosen)
        came, told, money = contracts_tested(asked, fit, level)
    else:
        came, told, money = _orders_tested(log, (fit, spend, level), **chosen)
    made: Columns = {name: came[name] for name in ("period", "step", "n_acquired")}
    made["n_beyond"] = told["n_beyond"]
    made |= _judged_figure(told, "n_customers", came["actual"], "")
    made |= _judged_figure(money, "sales", came["sales_actual"], "sales_")
    for name in ("covered", "sales_covered"):
        known = [value for value in made[name].tolist() if value is not None]
        share = float(np.mean(known)) if known else np.nan
        made[f"{name}_share"] = np.full(many, share)
    for name, text in (("newcomers", newcomers), ("freq", str(freq))):
        made[name] = np.full(many, text, dtype=object)
    return table_like(made, log)


def _orders_tested(
    transactions: Any,
    fits: tuple[Any, Any, float],
    *,
    as_of: date,
    freq: Freq,
    periods: int,
    newcomers: str,
    observed_from: date | str | None,
) -> tuple[Columns, Columns, Columns]:
    """What came, what was foretold of customers, and of sales."""
    fit, spend, level = fits
    if not callable(spend):
        raise RetentionError(
            "spend of orders is a function of their summary, such as fit_gamma_gamma, or lambda "
            f"summary: 20.0 for one amount; got {spend!r}."
        )
    first = calendar.step_of(as_of, freq) + 1 - periods
    cut = calendar.day_of(int(np.asarray(calendar.first_day_number(first, freq))) - 1)
    refuse_many_periods(require(transactions, TRANSACTIONS, adds="none"), "date", cut, periods)
    summary = purchase_summary(transactions, as_of=cut, observed_from=observed_from)
    everyone = purchase_summary(transactions, as_of=cut) if observed_from is not None else summary
    came = _what_came(transactions, (summary, everyone), (str(cut), as_of), freq, newcomers)
    asked: dict[str, Any] = {"as_of": cut, "freq": freq, "periods": periods, "level": level}
    asked |= {"model": fit(summary), "acquired": came["n_acquired"].astype(np.float64)}
    told = read_out(expected_customers(summary, **asked))
    return came, told, read_out(expected_sales(summary, spend=spend(summary), **asked))


def _judged_figure(told: Any, name: str, actual: Floats, prefix: str) -> Columns:
    """Expected with bounds, what came, the error, and whether the bounds hold it."""
    expected, lower, upper = (np.asarray(told[n], np.float64) for n in (name, "lower", "upper"))
    inside = ((lower <= actual) & (actual <= upper)).astype(object)
    inside[~np.isfinite(lower)] = None
    return {
        name: expected,
        f"{prefix}lower": lower,
        f"{prefix}upper": upper,
        f"{prefix}actual": actual,
        f"{prefix}error": expected - actual,
        f"{prefix}covered": inside,
    }


def _what_came(
    transactions: Any, known: tuple[Any, Any], days: tuple[str, date], freq: Freq, newcomers: str
) -> Columns:
    """Of each period held out: who was won in it, who bought, and what it sold, refunds off.

    Known are those of the summary, and all who had bought by then: who was left out of the summary
    is no newcomer, and is counted nowhere.
    """
    since = calendar.day_of(calendar.number_of(calendar.as_day(days[0], argument="cut")) + 1)
    activity = customer_periods(transactions, freq=freq, as_of=days[1], observed_from=since)
    rows = require(activity, ACTIVITY, adds="all").select("customer_id", "step", "sales", "active")
    for table, name in zip(known, ("_old", "_seen"), strict=True):
        there = beside(rows, table, name="summary").select("customer_id", _known=nw.lit(1))
        rows = rows.join(there, on="customer_id", how="left")
        rows = rows.with_columns(count(~nw.col("_known").is_null()).alias(name)).drop("_known")
    wanted = nw.col("_old") == 1
    if newcomers == "as_came":
        wanted = wanted | (nw.col("_seen") == 0)
    rows = rows.filter(wanted).with_columns(_bought=count(nw.col("active")))
    first = nw.when(nw.col("active")).then(nw.col("step")).min().over("customer_id")
    won = nw.col("active") & (nw.col("_old") == 0) & (nw.col("step") == first)
    rows = rows.with_columns(_won=count(won))
    sums = (nw.col("_won").sum(), nw.col("_bought").sum(), nw.col("sales").sum())
    found = collect(rows.group_by("step").agg(*sums))
    step = np.arange(calendar.step_of(since, freq), calendar.step_of(days[1], freq) + 1)
    place = found["step"].astype(np.int64) - step[0]
    counts = {
        name: np.bincount(place, found[column].astype(np.float64), step.size)
        for name, column in (
            ("n_acquired", "_won"),
            ("actual", "_bought"),
            ("sales_actual", "sales"),
        )
    }
    days_of = {"period": calendar.first_days(step, freq), "step": step}
    return {**days_of, **counts, "n_acquired": counts["n_acquired"].astype(np.int64)}
