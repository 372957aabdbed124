"""The door for order files: any supported table in, checked transactions out, or one refusal."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Unpack

import narwhals.stable.v2 as nw

from retention import periods
from retention.errors import RetentionError, check_choice
from retention.loading.chosen_rows import source_of_rows
from retention.loading.doors.entrance import FromFile, accepted_or_audit, entrance
from retention.loading.order_columns import hinted_checks
from retention.loading.read_values import Values, read_values
from retention.loading.rows.columns import Source, names_to_keep
from retention.loading.rows.duplicates import duplicate_check
from retention.loading.rows.identity import (
    alike_id_notes,
    crowded_id_notes,
    may_be_crowded,
    rows_per_id,
)
from retention.loading.rows.order_notes import lines_dated_by_first, order_notes, status_notes
from retention.loading.rows.row_checks import (
    Check,
    Note,
    Output,
    Reading,
    TableFault,
)
from retention.loading.rows.text import OURS, Written, signs_that_occur
from retention.loading.values.amounts import too_large_check
from retention.loading.zero_orders import who_of, zero_order_check
from retention.orders import NOISE
from retention.tables import TRANSACTIONS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date as Date  # noqa: N812 - `date` is a column's keyword here

    from narwhals.stable.v2.typing import IntoFrameT

    from retention.frames import Frame

_AMOUNTS = ("sales", "quantity", "unit_price", "profit", "cost", "refunded")

_TWO_SIGNS = (
    "What was paid back is written above 0 or below 0, not both. Correct them or leave those rows "
    "out."
)
_TOO_MUCH = (
    "More cannot be paid back than was paid. If `sales=` has it taken off already, leave out "
    "`refunded=`; else correct them or leave those rows out."
)


@entrance(
    "customer_id",
    "date",
    "sales",
    "quantity",
    "unit_price",
    "profit",
    "cost",
    "refunded",
    "order_id",
    "currency",
)
def as_transactions(
    table: IntoFrameT,
    *,
    customer_id: str,
    date: str,
    sales: str | None = None,
    quantity: str | None = None,
    unit_price: str | None = None,
    profit: str | None = None,
    cost: str | None = None,
    refunded: str | None = None,
    order_id: str | None = None,
    per_order: str | Sequence[str] = (),
    currency: str | None = None,
    rates: Any = None,
    keep: str | Sequence[str] = (),
    refunds: str = "error",
    duplicates: str = "error",
    zero_orders: str = "error",
    order_day: str | None = None,
    day_first: bool | None = None,
    date_format: str | None = None,
    decimal: str | None = None,
    blanks: Sequence[str] | None = None,
    tz: str | None = None,
    from_tz: str | None = None,
    as_of: Date | str | None = None,
    **file: Unpack[FromFile],
) -> IntoFrameT:
    """Your order lines as transactions, checked and typed: the way into every figure of purchases.

    One row is one line of an order. Columns are named once, here. Clean data needs no further
    keyword; where something matters for the figures and is not said, the table is refused with
    every problem it has, how many rows each concerns, the first of them, and what to say.

    The checks, in this order: blank customer_id; blank order_id; a date that is missing, cannot be
    read, could be read in two ways, does not exist, or lies after `as_of`; an amount that is
    missing, no number, could be read in two ways, is infinite or beyond 1e15; a currency that is
    missing, has no exchange rate, or contradicts the sign of an amount; where none is named, signs
    of several currencies in the amounts, or a column beside them that says several; exact duplicate
    lines (the same in every column of your table, not only the named ones); refunds; zero orders.

    Text is read as people write it: ids without padding, marks (="007") and ".0" if all have it;
    "£1,234.50", "1.234,50 EUR", "(12.50)"; "2024-02-29 13:05", "29/02/2024", "29 Feb 2024". Where
    day and month, or comma and point, could be swapped, the values that allow only one reading
    decide; if none does, or if they contradict each other, you are asked.

    Args:
        table: a pandas, Polars (eager or lazy), PyArrow, DuckDB, PySpark or Ibis table, which is
            not changed; or a file, several, a folder, or with `connection` a query (`read_table`).
            A header that differs from the name you say by padding, case or a byte-order mark is
            found.
        customer_id: column of who bought: text or whole numbers.
        date: column of when: dates, times, text, or numbers with `date_format`.
        sales: column of the line's net revenue, in currency, refunds negative; or else …
        quantity: … the column of how many, with …
        unit_price: … the column of the price of one: sales = quantity × unit price.
        profit: column of the line's contribution, in currency; or else …
        cost: … the column of what the line cost: profit = sales − cost.
        refunded: column of what was paid back of the line since, empty where nothing was: sales are
            what `sales` (or the product) says less this. Its amounts are all above 0 or all below.
            A line on which it alone is filled in (of a bank's columns of debit and credit) is a
            refund by itself, which `refunds` is about.
        order_id: column of the order a line belongs to. Without it the lines of one customer on one
            day are one order.
        per_order: the columns that are of a whole order, not of its line, whether they are filled
            in on its first line only or said again on each: they hold for every line, and an amount
            counts once, the order's further lines being left out.
        currency: column of the currency of the line's amounts: ISO codes or signs ("€"). To take it
            from the signs in the amounts themselves, name their column again.
        rates: exchange rates that convert the amounts: how much of the currency you convert to one
            unit of each is worth, {"EUR": 1, "USD": 0.92}; or a table of any engine with columns
            `currency`, `date` and `rate`: the last rate on or before the line's day holds.
        keep: further columns to keep as they are (category, region, channel …).
        refunds: lines with sales below 0: "error"; "net" keeps them (they lower sales but make
            nobody active); "drop" leaves them out.
        duplicates: lines that repeat an earlier one: "error", "keep", or "drop" all but the first.
        zero_orders: orders whose sales sum to 0: "error"; "count" lets them in as purchases; "drop"
            leaves out all their lines.
        order_day: of lines of one customer with one `order_id` on several days: "each" (each day is
            an order of its own) or "first" (one order, shipped in parts, on the day of its first
            line; refunds stay where they are). If you say neither it is "each", and a warning
            counts them.
        day_first: whether 03/04/2024 is in April.
        date_format: how dates are written, as in `datetime.strptime` ("%d.%m.%y"); for numbers
            "epoch_s", "epoch_ms", "epoch_us", "epoch_ns" (since 1970, in UTC) or "excel" (days).
            A month is its first day; "%Y-%m" says that this is meant, else a warning counts them.
        decimal: the decimal sign of amounts in text, "." or ",".
        blanks: texts that mean that an id was not filled in, beside an empty cell: () where "NA" or
            "None" is somebody's id. Default: NA, N/A, NULL, None, nan, totals and their like.
        tz: for times that carry a time zone: in whose local days purchases fall, an IANA name such
            as "Europe/Berlin". Local times without a zone need none.
        from_tz: of times without an offset, the zone whose clock they show, such as "UTC": they are
            moved to that of `tz`, which is said beside it. Days without a time stay. Where that
            clock was put back and shows an hour twice, it is the second; parts of a second are
            left out.
        as_of: the last observed day, itself included: a later date is a problem.
        file: of a file or a query: `connection`, `engine`, `sheet`, `encoding`, `separator`,
            `header_row` and `headings`, as in `read_table`. Of any table: `where`, the rows that
            are meant, by the values of their columns, {"Status": ["completed", "processing"]}: None
            is an empty cell, case does not matter, a value that stands in no row is refused; and
            `incomplete`: "drop" leaves out rows that can only be corrected, and a warning counts
            them.

    Returns:
        A table of the same kind, lazy if yours is: `customer_id` (text or whole number), `date`
        (local time in microseconds, parts of a second in text left out; a column of days stays
        one), `sales` (currency) and, where named, `profit` (currency), `order_id`, `currency` (ISO
        codes in capitals; "$", "¥" and other signs of several countries stay) and the columns of
        `keep`. With `rates` there is no `currency`: all is in the one that they convert to. Rows
        keep their order.

    Raises:
        TableError: if it is not a table of a supported engine.
        ColumnError: if a column is missing or cannot carry its meaning: ids of mixed types, times
            with a zone and no `tz`.
        ContentError: if the table is empty, has any problem in its rows, or nobody bought anything.

    Example:
        >>> import pandas as pd
        >>> import retention as rt
        >>> file = pd.DataFrame({
        ...     "Customer": [17850.0, 17850.0, 13047.0],
        ...     "When": ["29/02/2024 13:05", "01/03/2024 09:00", "02/03/2024 10:30"],
        ...     "Qty": [2, -1, 1],
        ...     "Price": ["£1,234.50", "£1,234.50", "£9.95"],
        ... })
        >>> names = {"customer_id": "Customer", "date": "When", "quantity": "Qty"}
        >>> rt.as_transactions(file, **names, unit_price="Price", refunds="net")
           customer_id                date    sales
        0        17850 2024-02-29 13:05:00  2469.00
        1        17850 2024-03-01 09:00:00 -1234.50
        2        13047 2024-03-02 10:30:00     9.95
    """
    roles = _roles_of_columns(
        customer_id, date, sales, quantity, unit_price, profit, cost, order_id
    )
    roles |= {"currency": currency, "refunded": refunded}
    names = names_to_keep(per_order, "per_order")
    reading = _reading_of_transactions(
        source_of_rows(table, TRANSACTIONS, roles, keep, per_order=names, amounts=_AMOUNTS),
        _transaction_policies(refunds, duplicates, zero_orders, order_day, order_id),
        Written(day_first, date_format, decimal, tz, blanks, rates, from_tz=from_tz).checked(),
        None if as_of is None else periods.as_day(as_of, argument="as_of"),
    )
    return accepted_or_audit(reading, table)


def _roles_of_columns(
    customer_id: str,
    date: str,
    sales: str | None,
    quantity: str | None,
    unit_price: str | None,
    profit: str | None,
    cost: str | None,
    order_id: str | None,
) -> dict[str, str | None]:
    """Which column plays which part, once it is sure that amounts are said in one way only."""
    priced = (quantity is not None, unit_price is not None)
    if priced != ((sales is None),) * 2:
        raise RetentionError(
            "Say where the money is: either `sales=` (net revenue of the line), or both "
            "`quantity=` "
            "and `unit_price=`, whose product it is."
        )
    if profit is not None and cost is not None:
        raise RetentionError("Say `profit=` or `cost=` (profit = sales − cost), not both.")
    return {
        "customer_id": customer_id,
        "order_id": order_id,
        "date": date,
        "sales": sales,
        "quantity": quantity,
        "unit_price": unit_price,
        "profit": profit,
        "cost": cost,
    }


def _transaction_policies(
    refunds: str, duplicates: str, zero_orders: str, order_day: str | None, order_id: str | None
) -> dict[str, str]:
    check_choice("refunds", refunds, ("error", "net", "drop"))
    check_choice("duplicates", duplicates, ("error", "keep", "drop"))
    check_choice("zero_orders", zero_orders, ("error", "count", "drop"))
    if order_day is not None:
        check_choice("order_day", order_day, ("each", "first"))
        if order_id is None:
            raise RetentionError(
                f"`order_day={order_day!r}` is about lines of one order: say `order_id=`."
            )
    said = {"refunds": refunds, "duplicates": duplicates, "zero_orders": zero_orders}
    return {**said, "order_day": order_day or ""}


def _reading_of_transactions(
    source: Source, policies: Mapping[str, str], written: Written, as_of: Date | None
) -> Reading:
    """The table read, with its checks in their order."""
    values = read_values(
        source,
        written,
        id_roles=("customer_id", "order_id"),
        date_roles=("date",),
        amount_roles=_AMOUNTS,
    )
    frame, money = _with_money(source, values)
    late = None if as_of is None else _days_late(frame, as_of)
    checks = [
        *hinted_checks(source, values.checks_of("customer_id", "order_id", "date")),
        _late_date_check(source, late),
        *hinted_checks(source, _checks_of_amounts(source, values)),
        *money,
        duplicate_check(source, policies["duplicates"]),
        _refund_check(source, policies["refunds"]),
        zero_order_check(source, values, policies["zero_orders"]),
    ]
    if policies["order_day"] == "first":
        frame = lines_dated_by_first(frame, checks)
    return Reading(
        source=source,
        frame=frame,
        checks=checks,
        outputs=_columns_of_transactions(source, values),
        signs=_signs_of_lines(late),
        faults=_faults_of_transactions(as_of),
        notes=partial(_notes_on_transactions, source, values, policies["order_day"]),
        repeats=policies["duplicates"] != "keep",
        shuffled=values.shuffled or policies["order_day"] == "first" or bool(source.choices),
    )


def _notes_on_transactions(
    source: Source, values: Values, order_day: str, frame: Frame, n_rows: int
) -> list[Note]:
    """What deserves a look among order lines: who is who, and what is one order."""
    column = source.roles["customer_id"]
    customers = values.customers
    if customers is None:
        ids = rows_per_id(frame, "customer_id", eager=source.eager)
    else:
        ids = customers.rows_per_id(frame)
    notes = []
    if customers is None or not customers.apart:
        notes += alike_id_notes(ids, "customer_id", column)
    if customers is None or may_be_crowded(customers.most, n_rows):
        notes += crowded_id_notes(ids, column, n_rows)
    if "order_id" in source.roles and not order_day:
        notes += order_notes(frame, source.roles["order_id"], who_of(values))
    return [*notes, *status_notes(source, frame)]


def _with_money(source: Source, values: Values) -> tuple[Frame, list[Check]]:
    """The frame with sales and profit, however they were said, and the checks of their size."""
    frame, sales = values.frame, nw.col(f"{OURS}sales")
    if "sales" not in source.roles:
        product = nw.col(f"{OURS}quantity") * nw.col(f"{OURS}unit_price")
        frame = frame.with_columns(product.alias(f"{OURS}sales"))
    back: list[Check] = []
    if "refunded" in source.roles:
        frame, back = _with_refunded(source, frame, values.checks_of("sales"))
    if "cost" in source.roles:
        frame = frame.with_columns((sales - nw.col(f"{OURS}cost")).alias(f"{OURS}profit"))
    known = [role for role in ("sales", "profit") if role == "sales" or _has_profit(source)]
    return frame, [*back, *(too_large_check(role, f"{OURS}{role}") for role in known)]


def _checks_of_amounts(source: Source, values: Values) -> list[Check]:
    """The checks of amounts; where nothing is said of a refund, nothing was paid back.

    Where only a refund is filled in, sales are not missing.
    """
    checks = [c for c in values.checks_of(*_AMOUNTS, "currency") if c.reason != "missing refunded"]
    if "refunded" not in source.roles:
        return checks
    unsaid = nw.col(f"{OURS}refunded") == 0
    return [
        replace(c, fails=c.fails & unsaid) if c.reason == "missing sales" and c.fails is not None
        else c
        for c in checks
    ]  # fmt: skip


def _with_refunded(
    source: Source, frame: Frame, missing: Sequence[Check]
) -> tuple[Frame, list[Check]]:
    """Sales less what was paid back, and the checks that it is of one sign and not more."""
    names = ("sales", "refunded", "gross", "back_alone")
    sales, back, gross, alone = (nw.col(f"{OURS}{name}") for name in names)
    back_or_none = nw.when(~back.is_nan()).then(back).otherwise(nw.lit(0.0)).fill_null(0.0)
    frame = frame.with_columns(back_or_none.alias(f"{OURS}refunded"))
    lacking = [check.fails for check in missing if check.reason == "missing sales"]
    is_alone = (lacking[0] if lacking and lacking[0] is not None else nw.lit(False)) & (back != 0)
    frame = frame.with_columns(is_alone.fill_null(value=False).alias(f"{OURS}back_alone"))
    paid = nw.when(~alone).then(sales).otherwise(nw.lit(0.0))
    frame = frame.with_columns(paid.alias(f"{OURS}sales"))
    said = nw.when(~alone).then(sales).otherwise(back.abs() * -1)
    frame = frame.with_columns(said.alias(f"{OURS}gross"))
    signs = signs_that_occur(source.rows_meant(frame), {"above": back > 0, "below": back < 0})
    frame = frame.with_columns((sales - back.abs()).alias(f"{OURS}sales"))
    column = source.roles["refunded"]
    too_much = back.abs() - gross > gross.abs() * NOISE
    both = back < 0 if signs["above"] and signs["below"] else None
    return frame, [
        Check("refunded of two signs", column, _TWO_SIGNS, both),
        Check("refunded more than sales", column, _TOO_MUCH, too_much & ~alone),
    ]


def _has_profit(source: Source) -> bool:
    return "profit" in source.roles or "cost" in source.roles


def _columns_of_transactions(source: Source, values: Values) -> list[Output]:
    """The columns of transactions in their order, then the kept ones."""
    outputs = [values.ids["customer_id"], Output("date", f"{OURS}date")]
    outputs += [Output("sales", f"{OURS}sales")]
    outputs += [Output("profit", f"{OURS}profit")] if _has_profit(source) else []
    outputs += [values.ids["order_id"]] if "order_id" in values.ids else []
    outputs += values.currency
    return outputs + [Output(name, column) for name, column in source.keep.items()]


def _days_late(frame: Frame, as_of: Date) -> nw.Expr:
    """How many days after `as_of` a date lies."""
    return periods.day_expr(f"{OURS}date", frame.implementation) - periods.number_of(as_of)


def _signs_of_lines(late: nw.Expr | None) -> dict[str, nw.Expr]:
    """What the first look is to tell beyond the checks."""
    sales = nw.col(f"{OURS}sales")
    asked = {"refunded": sales < 0, "bought": sales >= 0, "not above 0": sales <= 0}
    return asked if late is None else asked | {"late": late > 0, "in time": late <= 0}


def _faults_of_transactions(as_of: Date | None) -> list[TableFault]:
    bought = TableFault("refunded", "bought", "Every line is a refund: nobody bought anything.")
    if as_of is None:
        return [bought]
    early = f"`as_of` is {as_of}, before the first date: nothing was observed by then."
    return [bought, TableFault("late", "in time", early)]


def _late_date_check(source: Source, late: nw.Expr | None) -> Check:
    fails = None if late is None else late > 0
    advice = "Nothing after `as_of` is observed: leave those rows out, or say a later `as_of`."
    return Check("date after as_of", source.roles["date"], advice, fails)


def _refund_check(source: Source, policy: str) -> Check:
    advice = "Say `refunds='net'` (they lower sales but make nobody active) or `refunds='drop'`."
    sales = nw.col(f"{OURS}gross" if "refunded" in source.roles else f"{OURS}sales")
    fails = None if policy == "net" else sales < 0
    return Check("refund", f"{OURS}sales", advice, fails, drops=policy == "drop", asks=True)
