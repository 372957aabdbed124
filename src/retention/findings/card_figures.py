"""What each table tells of a customer on a day: the figures of a card."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, cast

import narwhals.stable.v2 as nw
import numpy as np

from retention import periods
from retention.errors import ContentError
from retention.frames import as_lazy, as_text, collect, one_row, table_like
from retention.frames.python_rows import rows_as_dicts
from retention.orders import purchases
from retention.signals.daily.overdue import overdue_contacts
from retention.signals.features.contact_features import (
    contact_features,
    evenings_of_contacts,
    known_clock,
)
from retention.signals.features.invoice_features import invoice_features
from retention.signals.features.offer_and_survey_features import survey_features
from retention.signals.features.purchase_features import purchase_features
from retention.signals.known.open_by_then import earlier_of
from retention.tables import CONTACTS, RISKS, SEGMENTS, require

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from retention.business_hours import BusinessHours
    from retention.frames import Frame
    from retention.repeat_buying.buying.purchase_model import PurchaseModel

_DAY = [column for column in SEGMENTS.columns if column.name == "as_of"]
RISKS_OF_DAYS = replace(RISKS, columns=(*RISKS.columns, *_DAY))
"""Risks of a day, or of several."""

_EVER = 100_000
"""Days: longer ago nobody was asked."""


@dataclass(frozen=True, slots=True)
class CardAsked:
    """Whose card it is, of which day, and what else was said."""

    who: int | str
    day: date
    window: int
    targets: Mapping[str, float] | None
    hours: BusinessHours | None
    model: PurchaseModel | None
    observed_from: date | str | None

    @property
    def last(self) -> int:
        """The number of the day."""
        return periods.number_of(self.day)


def array_of_one(value: Any) -> NDArray[Any]:
    """One text or whole number, also one beyond the signed ones of 64 bits."""
    if not isinstance(value, int):
        return np.array([value], dtype=object)
    return np.array([value], dtype=np.uint64 if value > np.iinfo(np.int64).max else np.int64)


def _snapshot_of_customer(rows: Any, asked: CardAsked) -> Any:
    """The customer on the day, as features are asked of them."""
    columns: dict[str, Any] = {"customer_id": array_of_one(asked.who)}
    columns["as_of"] = np.array([asked.last], np.int64).astype("datetime64[D]")
    return table_like(columns, rows)


def _only_row(table: Any, *names: str) -> dict[str, Any]:
    """What the only row of a table says under some names, as far as it has them."""
    row = rows_as_dicts(table)[0]
    return {name: row.get(name) for name in names}


def _told_by_orders(rows: Any, asked: CardAsked) -> dict[str, Any]:
    """What was bought, and how long the silence is beside the usual gap."""
    lines = as_lazy(rows, name="transactions", by_row=True)
    day = periods.day_expr("date", lines.implementation)
    by_then = lines.with_columns(_day=day).filter(nw.col("_day") <= asked.last)
    sales = nw.col("sales").cast(nw.Float64)
    of_late = by_then.filter(nw.col("_day") > asked.last - asked.window)
    told: dict[str, Any] = {
        name: one_row(part.select(sales.sum()))["sales"] or 0.0
        for name, part in (("sales", by_then), ("sales_now", of_late))
    }
    if not one_row(purchases(by_then, "_day").select(nw.len().alias("n")))["n"]:
        return told
    said: dict[str, Any] = {"window": asked.window, "observed_from": asked.observed_from}
    found = purchase_features(_snapshot_of_customer(rows, asked), rows, model=asked.model, **said)
    names = ("days_since_last", "n_orders", "mean_gap", "gap_ratio", "p_silence", "p_no_purchase")
    told |= _only_row(found, *names)
    silent = told["days_since_last"]
    if silent is not None:
        told["last_purchase"] = asked.day - timedelta(days=round(silent))
        between = (told["mean_gap"] or 0.0) * (told["n_orders"] - 1)
        told["_bought_first"] = told["last_purchase"] - timedelta(days=round(between))
    return told


def _told_by_contracts(rows: Any, asked: CardAsked) -> dict[str, Any]:
    """Since when there is a contract, and until when."""
    frame = as_lazy(rows, name="contracts", by_row=True)
    engine = frame.implementation
    open_end = nw.col("end").is_null()
    ends = periods.day_expr("end", engine).cast(nw.Float64)
    found = collect(
        frame.select(
            _start=periods.day_expr("start", engine).cast(nw.Int64),
            _end=nw.when(~open_end).then(ends),
        )
    )
    begun = found["_start"] <= asked.last
    ends_on, first = found["_end"][begun], int(found["_start"][begun].min())
    told: dict[str, Any] = {"_signed_first": periods.day_of(first)}
    if np.isnan(ends_on).any():
        return told | {"contract": "running"}
    until = int(ends_on.max())
    which = "ends" if until > asked.last else "ended"
    return told | {"contract": which, "contract_until": periods.day_of(until)}


def _told_by_contacts(rows: Any, asked: CardAsked) -> dict[str, Any]:
    """How the customer was served, and what is open."""
    targets = cast("Mapping[str, float]", asked.targets)
    snapshot = _snapshot_of_customer(rows, asked)
    said: dict[str, Any] = {"targets": targets, "business_hours": asked.hours}
    found = contact_features(snapshot, rows, window=asked.window, **said)
    told = _only_row(found, "n_contacts", "n_late", "longest_open_hours")
    waiting = overdue_contacts(rows, as_of=asked.day, **said)
    log = as_lazy(waiting, name="contacts", by_row=True)
    told["n_waiting"] = int(one_row(log.select(nw.len().alias("n")))["n"])
    contacts = require(rows, CONTACTS, by_row=True, adds="none")
    evenings = evenings_of_contacts(contacts, known_clock(rows, asked.hours), targets)
    closed = earlier_of(nw.col("_done_resolution_hours"), nw.col("_done_unsatisfied_hours"))
    still = evenings.filter(nw.col("_date") <= asked.last, closed > asked.last)
    told["n_open"] = int(one_row(still.select(nw.len().alias("n")))["n"])
    return told


def _told_by_surveys(rows: Any, asked: CardAsked) -> dict[str, Any]:
    """How content the customer last said to be."""
    found = survey_features(_snapshot_of_customer(rows, asked), rows, window=_EVER, patience=1)
    return _only_row(found, "satisfaction", "satisfaction_change")


def _told_by_invoices(rows: Any, asked: CardAsked) -> dict[str, Any]:
    """Which bills are overdue."""
    found = invoice_features(_snapshot_of_customer(rows, asked), rows, window=asked.window)
    return _only_row(found, "n_overdue", "days_overdue")


def _told_by_calls(rows: Any, asked: CardAsked) -> dict[str, Any]:
    """When somebody last got in touch, and what came of it."""
    frame = as_lazy(rows, name="calls", by_row=True)
    names, engine = frame.collect_schema().names(), frame.implementation
    day = periods.day_expr("date", engine)
    made = frame.with_columns(_day=day.cast(nw.Int64)).filter(nw.col("_day") <= asked.last)
    if "known" in names:
        heard = periods.day_expr("known", engine)
        made = made.filter(nw.col("known").is_null() | (heard <= asked.last))
    outcome = nw.col("outcome") if "outcome" in names else nw.lit(None, dtype=nw.String)
    found = collect(made.select("_day", _outcome=outcome))
    said = zip(found["_day"].tolist(), found["_outcome"].tolist(), strict=True)
    last = max(((day, str(text or "")) for day, text in said), default=None)
    if last is None:
        return {}
    return {"last_call": periods.day_of(last[0]), "last_outcome": last[1] or None}


def _latest_by_then(frame: Frame, value: nw.Expr, name: str, asked: CardAsked) -> NDArray[Any]:
    """The values of the last day by the one asked; what is of no day comes before all others."""
    dated = "as_of" in frame.collect_schema().names()
    day, never = nw.lit(0.0), nw.lit(-np.inf)
    if dated:
        day = periods.day_expr("as_of", frame.implementation).cast(nw.Float64)
        day = nw.when(~nw.col("as_of").is_null()).then(day).otherwise(never)
    found = collect(frame.select(value, _day=day))
    by_then = found["_day"] <= asked.last if dated else np.ones(found["_day"].size, bool)
    latest: NDArray[Any] = found[name][by_then & (found["_day"] == found["_day"][by_then].max())]
    return latest


def _told_by_segments(name: str, column: str) -> Callable[[Any, CardAsked], dict[str, Any]]:
    """What puts the last segment of a table into a column.

    Raises:
        ContentError: if there are several.
    """

    def told_by_table(rows: Any, asked: CardAsked) -> dict[str, Any]:
        frame = require(rows, SEGMENTS, by_row=True, adds="none")
        label = as_text("segment", frame.collect_schema()["segment"])
        latest = _latest_by_then(frame, label, "segment", asked)
        several = sorted({str(each) for each in latest.tolist()})
        if len(several) > 1:
            raise ContentError(
                f"{name}: customer {asked.who!r} has several, such as {several[0]!r} and "
                f"{several[1]!r}. Give one per customer and day."
            )
        return {column: None if several[0] == "(missing)" else several[0]}

    return told_by_table


def _told_by_risk(rows: Any, asked: CardAsked) -> dict[str, Any]:
    """The chance that the customer leaves.

    Raises:
        ContentError: if there are several, or it is none.
    """
    frame = require(rows, RISKS_OF_DAYS, by_row=True, adds="none")
    found = _latest_by_then(frame, nw.col("risk").cast(nw.Float64), "risk", asked)
    if found.size > 1:
        raise ContentError(
            f"risk: customer {asked.who!r} has several. Give a row per customer, or per customer "
            "and day with the day as `as_of`."
        )
    chance = float(found[0])
    if chance < 0 or chance > 1:
        raise ContentError(f"risk: {chance:g} of customer {asked.who!r} is no chance, 0 to 1.")
    return {"risk": None if np.isnan(chance) else chance}


CARD_TELLERS: dict[str, Callable[[Any, CardAsked], dict[str, Any]]] = {
    "transactions": _told_by_orders,
    "contracts": _told_by_contracts,
    "contacts": _told_by_contacts,
    "surveys": _told_by_surveys,
    "invoices": _told_by_invoices,
    "calls": _told_by_calls,
    "tiers": _told_by_segments("tiers", "tier"),
    "segments": _told_by_segments("segments", "segment"),
    "states": _told_by_segments("states", "state"),
    "risk": _told_by_risk,
}
