"""One sentence for a table: what it says, no louder than its bounds allow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from retention.catalogue import figure
from retention.errors import ContentError, count_of
from retention.findings.changed_rates import has_changed
from retention.frames import as_lazy
from retention.frames.python_rows import rows_as_dicts
from retention.wording import is_missing, money, number, percent, with_commas

if TYPE_CHECKING:
    from collections.abc import Callable

    from narwhals.stable.v2.typing import IntoFrame

_RATES = (
    *("retention_rate", "sales_adjusted_retention", "profit_adjusted_retention", "churn_rate"),
    *("net_revenue_retention", "gross_revenue_retention", "logo_churn"),
)


def finding(table: IntoFrame, *, apart: int = 1) -> str:
    """What a table of this library says, in one sentence.

    Args:
        table: the answer of `outcome_kpis`, a rate by period (without segments), `survival_curve`
            (without segments), `reason_summary` or `customers_at_risk`.
        apart: of a rate by period, how many periods lie between it and what it is compared with.

    Returns:
        A sentence with its counts; of rates, that a change is not clear where bounds leave 0 in.

    Raises:
        ContentError: if the table has no row, or is none of these.

    Example:
        >>> import pandas as pd
        >>> import retention as rt
        >>> rates = pd.DataFrame({
        ...     "period": pd.to_datetime(["2024-01-01", "2024-02-01"]), "step": [24288, 24289],
        ...     "retention_rate": [0.8, 0.75], "lower": [0.69, 0.65], "upper": [0.88, 0.83],
        ... })
        >>> rt.findings.finding(rates).partition(", ")[0]
        'Raw retention rate of Feb 2024: 75.0%'
    """
    columns = set(as_lazy(table, name="the table").collect_schema().names())
    for needed, sentence in _SENTENCES.items():
        if set(needed) <= columns:
            rows = rows_as_dicts(table)
            if not rows:
                raise ContentError("The table has no row, so it says nothing.")
            _refuse_segments(rows, needed[0])
            return sentence(rows)
    for name in _RATES:
        if {name, "period", "step"} <= columns:
            return _sentence_of_rate(table, name, apart)
    raise ContentError(
        "There is no sentence for this table. Give that of outcome_kpis, a rate by period, "
        "survival_curve, reason_summary or customers_at_risk."
    )


def _refuse_segments(rows: list[dict[str, Any]], place: str) -> None:
    """Refuse the answers for several segments, whose columns come before all others."""
    for name in rows[0]:
        if name == place:
            return
        several_there = {str(row[name]) for row in rows}
        if len(several_there) > 1:
            raise ContentError(
                f"The table has a row for each {name!r}, and one sentence cannot tell of all: "
                f"give the rows of one, such as {min(several_there)!r}."
            )


def _sentence_of_rate(table: Any, name: str, apart: int) -> str:
    told = rows_as_dicts(has_changed(table, figure=name, apart=apart), order=("step",))
    if told:
        return str(told[-1]["finding"])
    rows = rows_as_dicts(table, order=("step",))
    if not rows:
        raise ContentError("The table has no row, so it says nothing.")
    return f"{figure(name).label}: {percent(rows[-1][name])}, with nothing earlier beside it."


def _sentence_of_curve(rows: list[dict[str, Any]]) -> str:
    rows = sorted(rows, key=lambda row: row["duration"])
    known = [row for row in rows if not is_missing(row["survival"])]
    half = next((row["duration"] for row in known if row["survival"] <= 0.5), None)
    last = known[-1] if known else rows[-1]
    if half is None:
        still = percent(last["survival"])
        return f"{still} are still here after {number(last['duration'], 0)}: more than half stay."
    return f"Half of them have left by {number(half, 0)}."


def _sentence_of_reasons(rows: list[dict[str, Any]]) -> str:
    told = [row for row in rows if not row["category"].startswith(("unspecified", "x_"))]
    if not told:
        return "Nobody told a reason."
    first = max(told, key=lambda row: row["n_customers"])
    return (
        f"Most often told: {first['label'].lower()}, by "
        f"{with_commas(first['n_customers'])} of {count_of(int(first['n_base']), 'customer')} "
        f"({percent(first['share'])})."
    )


def _sentence_of_risk(rows: list[dict[str, Any]]) -> str:
    stake = sum(row["stake"] for row in rows)
    return (
        f"{count_of(len(rows), 'customer')} {'is' if len(rows) == 1 else 'are'} more likely than "
        f"not to buy nothing in the next {rows[0]['within']} days: {money(stake)} are at stake."
    )


_SENTENCES: dict[tuple[str, ...], Callable[[list[dict[str, Any]]], str]] = {
    ("duration", "survival", "n_at_risk"): _sentence_of_curve,
    ("category", "share", "n_customers", "n_base"): _sentence_of_reasons,
    ("customer_id", "stake", "p_no_purchase", "within"): _sentence_of_risk,
}
