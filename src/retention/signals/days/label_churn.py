"""Labels of churn: whose relationship ended in a window after the day, once that is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import narwhals.stable.v2 as nw

from retention import periods
from retention.errors import ContentError, check_choice, count_of
from retention.frames import Frame, count, one_row
from retention.periods import as_day, whole_days
from retention.signals.days.asked_days import tables_together
from retention.signals.days.label_columns import LABELS_MADE, NAMES, NOT_OVER, labelled
from retention.signals.days.running_spells import refuse_joined_spells, with_days_of_spells
from retention.tables import SNAPSHOTS, SPELLS
from retention.tables.answer_columns import gives

if TYPE_CHECKING:
    from datetime import date

    from narwhals.stable.v2.typing import IntoFrameT

_NOBODY = "not a customer on that day"
_TOO_SOON = "ended within the lead"
_NOT_SEEN = "not seen to the end of the window"


@dataclass(frozen=True, slots=True)
class _Window:
    """The window of a label: so many days, after so many, as known on a day.

    Attributes:
        within: days of the window.
        lead: days between the snapshot and the window.
        as_of: the last observed day, as a number.
        counts_lead: whether an end within the lead is an end.
    """

    within: int
    lead: int
    as_of: int
    counts_lead: bool


@gives("a customer on a day, labelled", SNAPSHOTS.columns[:2], LABELS_MADE)
def label_churn(
    snapshots: IntoFrameT,
    spells: IntoFrameT,
    *,
    within: int,
    as_of: date | str,
    lead: int = 0,
    in_lead: Literal["leave_out", "count"] = "leave_out",
) -> IntoFrameT:
    """Whose relationship ended in the window after the day, where that is known.

    For the snapshot of day a, with a lead of l days and a window of w, of the spell that ran on a,

        churned = 1 if it ended on a + l + 1 … a + l + w,   0 if it went on after that.

    An end within the lead came too soon to act on: it is left out, or counted as an end where the
    label is to say who leaves, whether or not anything can be done. A window that is not over is
    null for all its customers, also for those who were seen to leave already: to keep the ones that
    are known would make the days whose windows are half seen look lost. It is over, and its label
    known, on its last day, and by `grace` days later for spells of contracts, whose ends are not
    known before that.

    Args:
        snapshots: a table of `contract_snapshots`, or of `snapshots`.
        spells: the spells, of the same kind: from `contract_spells`, or of `purchase_spells` with
            `reactivation="new_spell"`.
        within: days of the window, 1 or more.
        as_of: the last observed day, itself included: that with which the spells were made, or an
            earlier one.
        lead: days after the snapshot that it takes to act, 0 or more.
        in_lead: what becomes of an end within the lead: "leave_out" (null) or "count" (1).

    Returns:
        The snapshots, in the caller's kind, with `churned` (1, 0, null where not known),
        `label_from`, `label_to` (first and last day of the window), `known_on` (the first day on
        whose evening the label is known: `label_to` + grace) and `label_reason` (why it is null:
        "not a customer on that day", "window not over", "ended within the lead", "not seen to the
        end of the window"; else null). Eager tables are sorted by customer, day and spell.

    Raises:
        RetentionError: if `within` or `lead` is no whole number of days, `in_lead` is not one of
            the two, or the spells were made with `reactivation="same_spell"`.
        ColumnError: if a column is missing, of the wrong type, or the snapshots have labels.
        ContentError: if a snapshot lacks its customer or day, two spells of a customer run on one
            day, or `as_of` lies after the last day on which spells were seen.
        TableError: if the two are different kinds of table.

    Example:
        On 31 January all three were customers. Ann left in February, Bob in March.

        >>> import pandas as pd
        >>> import retention as rt
        >>> contracts = pd.DataFrame({
        ...     "customer_id": ["Ann", "Bob", "Cem"],
        ...     "start": pd.to_datetime(["2024-01-01", "2024-01-01", "2024-01-15"]),
        ...     "end": pd.to_datetime(["2024-02-05", "2024-03-01", None]),
        ... })
        >>> spells = rt.contract_spells(contracts, as_of="2024-04-30", grace=0)
        >>> days = rt.signals.contract_snapshots(spells, dates="2024-01-31")
        >>> asked = {"within": 30, "lead": 14, "as_of": "2024-04-30"}
        >>> found = rt.signals.label_churn(days, spells, **asked)
        >>> found[["customer_id", "churned", "label_from", "label_to", "label_reason"]]
          customer_id  churned label_from   label_to           label_reason
        0         Ann      NaN 2024-02-15 2024-03-15  ended within the lead
        1         Bob      1.0 2024-02-15 2024-03-15                    NaN
        2         Cem      0.0 2024-02-15 2024-03-15                    NaN

    Source:
        Windows with a lead and known outcomes: Gattermann-Itschert and Thonemann (2022), European
        Journal of Operational Research.
    """
    check_choice("in_lead", in_lead, ("leave_out", "count"))
    window = _Window(
        whole_days(within, argument="within", least=1),
        whole_days(lead, argument="lead", least=0),
        periods.number_of(as_day(as_of, argument="as_of")),
        in_lead == "count",
    )
    rows, told = tables_together(snapshots, spells, SPELLS, adds=NAMES)
    refuse_joined_spells(told)
    dated = _days_of_each_spell(told)
    grace = _grace_of(told)
    _refuse_beyond_spells(dated, window.as_of, grace)
    names = [name for name in rows.collect_schema().names() if name != "_day"]
    keys = ["customer_id", "_day", *(["spell"] if "spell" in names else [])]
    found = _spell_of_each_day(rows.select(*keys).unique(), dated, keys)
    met = rows.join(found, on=keys, how="left")
    return labelled(_with_churn(met, window, grace), snapshots, names)


def _days_of_each_spell(told: Frame) -> Frame:
    """Spells with their days as numbers, and no more than that."""
    dated = with_days_of_spells(told)
    return dated.select("customer_id", "spell", "_start", "_end", "_left")


def _grace_of(told: Frame) -> int:
    """The days after which an end is known, where the spells say so."""
    if "grace" not in told.collect_schema():
        return 0
    return int(one_row(told.select(n=nw.col("grace").max()))["n"] or 0)


def _refuse_beyond_spells(dated: Frame, as_of: int, grace: int) -> None:
    """Refuse a last day up to which running spells were not seen."""
    still = nw.when((nw.col("_left") == 0) & (nw.col("_end") > nw.col("_start"))).then("_end")
    seen = dated.with_columns(_still=still)
    found = one_row(seen.select(nw.len().alias("n"), last=nw.col("_still").max()))
    if not found["n"]:
        raise ContentError("spells is empty: there is no relationship in it.")
    if found["last"] is not None and found["last"] + grace < as_of:
        raise ContentError(
            f"`as_of` is {periods.day_of(as_of)}, but the spells were made as of "
            f"{periods.day_of(found['last'] + grace)}: make them with that `as_of`, or say an "
            "earlier one here."
        )


def _spell_of_each_day(asked: Frame, dated: Frame, keys: list[str]) -> Frame:
    """The end of the spell that ran on each day, or the last day on which it was seen.

    Raises:
        ContentError: if two of a customer did.
    """
    on = [name for name in keys if name != "_day"]
    met = asked.join(dated, on=on, how="inner")
    begun = nw.col("_start") <= nw.col("_day")
    running = begun & ((nw.col("_left") == 0) | (nw.col("_day") < nw.col("_end")))
    found = met.filter(running, (nw.col("_left") == 1) | (nw.col("_day") <= nw.col("_end")))
    each = found.group_by(*keys).agg(
        nw.len().alias("n"), nw.col("_end").max(), nw.col("_left").max()
    )
    twice = each.filter(nw.col("n") > 1)
    told = one_row(twice.select(nw.len().alias("n"), nw.col("customer_id").min()))
    if n := int(told["n"]):
        raise ContentError(
            f"spells: {count_of(n, 'customer has', 'customers have')} several that run on one day, "
            f"such as {told['customer_id']!r}. Keep one of them, or make the snapshots with "
            "contract_snapshots(...), which has a row for each."
        )
    return each.drop("n")


def _with_churn(met: Frame, window: _Window, grace: int) -> Frame:
    """The label of each customer and day, the window it is of, and why it is not known."""
    opens = nw.col("_day") + window.lead
    closes = opens + window.within
    left = nw.col("_left") == 1
    end = nw.col("_end")
    too_soon = left & (end <= (nw.col("_day") if window.counts_lead else opens))
    why = (
        nw.when(end.is_null())
        .then(nw.lit(_NOBODY))
        .when(closes + grace > window.as_of)
        .then(nw.lit(NOT_OVER))
        .when(too_soon)
        .then(nw.lit(_TOO_SOON))
        .when((nw.col("_left") == 0) & (end < closes))
        .then(nw.lit(_NOT_SEEN))
    )
    return met.with_columns(
        _label=count(left & (end <= closes)),
        _why=why,
        _from=(opens + 1).cast(nw.Float64),
        _to=closes.cast(nw.Float64),
        _known=(closes + grace).cast(nw.Float64),
    )
