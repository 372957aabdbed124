"""The door for contract files: any supported table in, checked contracts out, or one refusal."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Unpack

import narwhals.stable.v2 as nw

from retention import periods
from retention.errors import RetentionError, check_choice
from retention.loading.chosen_rows import source_of_rows
from retention.loading.contract_days import (
    BEGAN,
    contracts_with_dates,
    contracts_with_days,
    contracts_with_trial_marks,
    late_start_check,
    too_short_check,
    unsaid_end_check,
)
from retention.loading.contract_pauses import ROLES, check_pauses, contracts_with_pauses
from retention.loading.doors.entrance import FromFile, accepted_or_audit, entrance
from retention.loading.read_values import Values, read_values
from retention.loading.rows.contract_notes import (
    OUT,
    contracts_cut_at_next,
    overlap_notes,
    twin_notes,
)
from retention.loading.rows.duplicates import duplicate_check
from retention.loading.rows.identity import alike_id_notes
from retention.loading.rows.row_checks import Check, Note, Output, Reading, TableFault
from retention.loading.rows.text import OURS, Written
from retention.loading.values.amounts import too_large_check
from retention.loading.values.billing_intervals import (
    amount_per_month,
    is_interval,
    with_months_of_amount,
)
from retention.tables import CONTRACTS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from narwhals.stable.v2.typing import IntoFrameT

    from retention.frames import Frame
    from retention.loading.rows.columns import Source

_AMOUNTS = ("sales", "quantity", "unit_price", "profit", "sales_per_count")


@entrance(
    "customer_id",
    "start",
    "end",
    "sales",
    "quantity",
    "unit_price",
    "sales_per",
    "sales_per_count",
    "profit",
    "contract_id",
    "currency",
    "trial",
    "trial_end",
    "pause_start",
    "pause_end",
    words={"sales_per": is_interval},
)
def as_contracts(
    table: IntoFrameT,
    *,
    customer_id: str,
    start: str,
    end: str,
    sales: str | None = None,
    quantity: str | None = None,
    unit_price: str | None = None,
    sales_per: str | None = None,
    sales_per_count: str | None = None,
    profit: str | None = None,
    contract_id: str | None = None,
    currency: str | None = None,
    rates: Any = None,
    keep: str | Sequence[str] = (),
    refunds: str = "error",
    end_is: str = "error",
    trials: str = "error",
    trial: str | None = None,
    trial_end: str | None = None,
    pauses: str = "error",
    pause_start: str | None = None,
    pause_end: str | None = None,
    duplicates: str = "error",
    overlaps: str | None = None,
    day_first: bool | None = None,
    date_format: str | None = None,
    decimal: str | None = None,
    blanks: Sequence[str] | None = None,
    tz: str | None = None,
    from_tz: str | None = None,
    as_of: date | str | None = None,
    **file: Unpack[FromFile],
) -> IntoFrameT:
    """Your contracts, checked and typed: the way into contract periods and contract spells.

    One row is one contract of a customer; a customer may hold several, one after another or at the
    same time. Columns are named once, here. What matters for the figures and is not said is refused
    with every problem the table has, how many rows each concerns, the first, and what to say.

    The checks, in this order: blank customer_id; blank contract_id; a start that is missing, cannot
    be read, could be read in two ways, does not exist, or lies after `as_of`; an end that cannot be
    read, could be read in two ways or does not exist; an end of which it is not said whether it is
    the last day in force; an end before the start, so that the contract was in force for no day; an
    amount that is missing, no number, could be read in two ways, is infinite or beyond 1e15; an
    interval of which it cannot be told how many months it lasts; an amount for a whole term that
    has no end; sales below 0; the currency, as in `as_transactions`; exact duplicates (the same in
    every column of
    your table); a trial mark that is neither yes nor no; trials; pauses that end before they start;
    pauses. Text is read as in `as_transactions`; all days are taken to be written alike.

    An amount comes out per month: divided by the months of the interval that it is for (a week has
    7/30.4375, a quarter 3). Of "term" these are the months from start to end, such as 12 of a
    contract that is billed once for a year, or of a line of an invoice with its own service period:
    whole months first (from 15 March to 15 June three, from 31 January to 29 February one, as
    billing systems renew at the end of a shorter month), and each day beyond as 1/30.4375. Of
    "once" nothing recurs: a lifetime deal is in force, for 0 a month.

    Args:
        table: a pandas, Polars (eager or lazy), PyArrow, DuckDB, PySpark or Ibis table, which is
            not changed; or a file, several, a folder, or with `connection` a query (`read_table`).
        customer_id: column of whose contract it is: text or whole numbers.
        start: column of the first day in force.
        end: column of the end, empty while the contract runs.
        sales: column of the recurring net revenue, in currency per `sales_per`; or else …
        quantity: … the column of how many (seats), with …
        unit_price: … the column of the price of one: sales = quantity × unit price.
        sales_per: what `sales` and `profit` are for: "month", "quarter", "year" or another interval
            ("week", "3 months", "P1Y"), "term" for the whole contract, or "once"; or the column in
            which each row says so.
        sales_per_count: column of how many of these intervals it is, where they have one of their
            own (Stripe's `interval_count`); empty is one.
        profit: column of the recurring contribution, in currency per `sales_per`.
        contract_id: column of which contract it is.
        currency: column of the currency of its amounts: ISO codes or signs ("€"). To take it from
            the signs in the amounts themselves, name their column again.
        rates: exchange rates that convert the amounts: how much of the currency you convert to one
            unit of each is worth, {"EUR": 1, "USD": 0.92}; or a table of any engine with columns
            `currency`, `date` and `rate`: the last rate on or before its first day holds.
        keep: further columns to keep as they are.
        refunds: rows with sales below 0, such as credits among lines of invoices: "error"; "net"
            keeps them (they lower sales while they last, and count as contracts in force like any
            other); "drop" leaves them out, and what they credit counts in full up to its end.
        end_is: what a filled-in end means: "last_day" in force, or "first_day_out"; of a month, its
            last day or its first. An end that is
            the last day, read as the first day out, leaves a gap before each renewal: everybody
            churns.
        trials: contracts marked in `trial`, or that began with a trial by `trial_end`: "error";
            "exclude" leaves marked ones out, and lets the others begin when their trial is over,
            without those that ended by then, or of which that is after `as_of`; "include" counts
            trials like the rest.
        trial: column that marks trials: true/false, yes/no or 1/0; empty means no.
        trial_end: or the column of when the trial ends with which a contract begins, empty where
            there was none; the last day of it or the first one that is paid, as `end_is` says.
        pauses: contracts paused for a time (`pause_start`): "error"; "exclude" parts each into what
            was in force before and after, so that its customer is none meanwhile, but for a `grace`
            of `contract_spells` and `contract_periods`; "include" keeps the time between as a row
            of its own, in force for 0 a month. An amount for a term is spread over all of it.
        pause_start: column of the first day of the pause, empty where there was none.
        pause_end: column of the first day on which it went on, empty where it has not.
        duplicates: contracts that repeat an earlier row: "error", "keep", or "drop" all but the
            first.
        overlaps: rows of one `contract_id` that overlap in time: "keep" (their sales add up) or
            "cut" (a row ends where a later one starts: a change of plan). If you say neither they
            are kept, and a warning counts them.
        day_first: whether 03/04/2024 is in April.
        date_format: how dates are written (see `as_transactions`).
        decimal: the decimal sign of amounts in text, "." or ",".
        blanks: texts that mean that an id was not filled in, beside an empty cell: () where "NA" or
            "None" is somebody's id. Default: NA, N/A, NULL, None, nan, totals and their like.
        tz: for times that carry a time zone: in whose local days they fall.
        from_tz: of times without an offset, the zone whose clock they show, such as "UTC": they are
            moved to that of `tz`, as in `as_transactions`.
        as_of: the last observed day, itself included: a later start is a problem, a later end none.
        file: of a file or a query: `connection`, `engine`, `sheet`, `encoding`, `separator`,
            `header_row` and `headings`, as in `read_table`. Of any table: `where`, the rows that
            are meant, by the values of their columns, {"Status": ["completed", "processing"]}: None
            is an empty cell, case does not matter, a value that stands in no row is refused; and
            `incomplete`: "drop" leaves out rows that can only be corrected, and a warning counts
            them.

    Returns:
        A table of the same kind, lazy if yours is: `customer_id`, `start` (first day in force),
        `end` (first day out of force, null while it runs) and, where named, `sales` and `profit`
        (currency per month), `contract_id`, `currency` (unless `rates` convert) and the columns of
        `keep`. Rows keep their order; the parts of a paused contract follow one another.

    Raises:
        TableError: if it is not a table of a supported engine.
        ColumnError: if a column is missing or cannot carry its meaning.
        ContentError: if the table is empty or has any problem in its rows.

    Example:
        >>> import pandas as pd
        >>> import retention as rt
        >>> file = pd.DataFrame({
        ...     "account": ["A", "A", "B"],
        ...     "from": ["01-01-2023", "01-01-2024", "15-06-2023"],
        ...     "until": ["31-12-2023", None, None],
        ...     "per year": [120.0, 132.0, 600.0],
        ... })
        >>> rt.as_contracts(
        ...     file, customer_id="account", start="from", end="until", end_is="last_day",
        ...     sales="per year", sales_per="year",
        ... )
          customer_id      start        end  sales
        0           A 2023-01-01 2024-01-01   10.0
        1           A 2024-01-01        NaT   11.0
        2           B 2023-06-15        NaT   50.0
    """
    roles = {"customer_id": customer_id, "contract_id": contract_id, "start": start, "end": end}
    roles |= {"sales": sales, "quantity": quantity, "unit_price": unit_price, "profit": profit}
    roles |= {"sales_per": None if is_interval(sales_per) else sales_per}
    roles |= {"sales_per_count": sales_per_count, "currency": currency}
    roles |= {"trial": trial, "trial_end": trial_end}
    roles |= {"pause_start": pause_start, "pause_end": pause_end}
    check_pauses(roles, pauses)
    reading = _reading_of_contracts(
        source_of_rows(table, CONTRACTS, roles, keep),
        _contract_policies(roles, sales_per, end_is, trials, duplicates, overlaps)
        | {"refunds": _one_of_refunds(refunds), "pauses": pauses},
        Written(day_first, date_format, decimal, tz, blanks, rates, from_tz=from_tz).checked(),
        None if as_of is None else periods.as_day(as_of, argument="as_of"),
    )
    return accepted_or_audit(reading, table)


def _one_of_refunds(refunds: str) -> str:
    check_choice("refunds", refunds, ("error", "net", "drop"))
    return refunds


def _contract_policies(
    roles: Mapping[str, str | None],
    sales_per: str | None,
    end_is: str,
    trials: str,
    duplicates: str,
    overlaps: str | None,
) -> dict[str, str]:
    """What the user said about contracts, once it is sure that it fits together."""
    check_choice("end_is", end_is, ("error", "last_day", "first_day_out"))
    check_choice("trials", trials, ("error", "exclude", "include"))
    check_choice("duplicates", duplicates, ("error", "keep", "drop"))
    if overlaps is not None:
        check_choice("overlaps", overlaps, ("keep", "cut"))
        if roles["contract_id"] is None:
            raise RetentionError(
                f"`overlaps={overlaps!r}` is about rows of one contract: say `contract_id=`."
            )
    _refuse_unclear_amounts(roles, sales_per)
    marked = [name for name in ("trial", "trial_end") if roles[name] is not None]
    if len(marked) > 1:
        raise RetentionError(
            "Say `trial=` (the whole row is a trial) or `trial_end=` (it begins with one), not "
            "both: `trial_end=` says more."
        )
    if trials != "error" and not marked:
        raise RetentionError(
            f"`trials={trials!r}` needs the column that marks them: say `trial=`, or `trial_end=` "
            "for the column of when they end."
        )
    said = {"end_is": end_is, "trials": trials, "duplicates": duplicates}
    return {**said, "sales_per": sales_per or "month", "overlaps": overlaps or ""}


def _refuse_unclear_amounts(roles: Mapping[str, str | None], sales_per: str | None) -> None:
    """Refuse amounts said in two ways or half, or of which it is not said what they are for."""
    priced = [roles[name] is not None for name in ("quantity", "unit_price")]
    if any(priced) and (roles["sales"] is not None or not all(priced)):
        raise RetentionError(
            "Say where the money is: either `sales=` (recurring net revenue), or both "
            "`quantity=` and `unit_price=`, whose product it is."
        )
    if sales_per is not None:
        return
    if any(roles[name] is not None for name in ("sales", "profit", "quantity")):
        raise RetentionError(
            "Say what sales and profit are for: `sales_per='month'`, 'quarter' or 'year', 'term' "
            "for the whole contract, or the column that says it."
        )
    if roles["sales_per_count"] is not None:
        raise RetentionError("`sales_per_count=` counts intervals: say `sales_per=`, too.")


def _reading_of_contracts(
    source: Source, policies: Mapping[str, str], written: Written, as_of: date | None
) -> Reading:
    """The table read, with its checks in their order."""
    values = read_values(
        source,
        written,
        id_roles=("customer_id", "contract_id"),
        date_roles=("start", "end", "trial_end", *ROLES),
        amount_roles=_AMOUNTS,
    )
    frame, trials = contracts_with_trial_marks(source, values.frame, policies["trials"])
    frame, late_trials = contracts_with_days(source, frame, policies, as_of)
    frame, money = _with_monthly_amounts(frame, source, policies["sales_per"])
    frame, pauses, parted = contracts_with_pauses(source, frame, policies["pauses"])
    checks = _checks_of_contracts(source, values, policies["end_is"], as_of)
    checks += [
        *money,
        *_credit_checks(source, policies["refunds"]),
        duplicate_check(source, policies["duplicates"]),
        *trials,
        *late_trials,
        *pauses,
    ]
    if policies["overlaps"] == "cut":
        frame = contracts_cut_at_next(frame, checks)
    return Reading(
        source=source,
        frame=contracts_with_dates(frame),
        checks=checks,
        outputs=_columns_of_contracts(source, values),
        signs=_signs_of_late_starts(as_of),
        faults=_faults_of_contracts(as_of),
        notes=partial(_notes_on_contracts, source, policies["overlaps"]),
        repeats=policies["duplicates"] != "keep",
        shuffled=values.shuffled or policies["overlaps"] == "cut",
        parted=parted,
    )


def _notes_on_contracts(source: Source, overlaps: str, frame: Frame, _: int) -> list[Note]:
    """What deserves a look among contracts: who is who, and what may count twice."""
    notes = alike_id_notes(frame, "customer_id", source.roles["customer_id"])
    if "contract_id" in source.roles:
        if overlaps != "keep":
            notes += overlap_notes(source, frame, cut=overlaps == "cut")
        notes += twin_notes(source, frame)
    return notes


def _checks_of_contracts(
    source: Source, values: Values, end_is: str, as_of: date | None
) -> list[Check]:
    """What can be wrong with one contract, in order; without an end it runs, which is not wrong."""
    return [
        *values.checks_of("customer_id", "contract_id", "start"),
        late_start_check(source, as_of),
        *(
            check
            for role in ("end", "trial_end", *ROLES)
            for check in values.checks_of(role)
            if check.reason != f"missing {role}"
        ),
        unsaid_end_check(source, end_is),
        too_short_check(source),
        *(
            check
            for check in values.checks_of(*_AMOUNTS, "currency")
            if check.reason != "missing sales_per_count"
        ),
    ]


def _with_monthly_amounts(
    frame: Frame, source: Source, sales_per: str
) -> tuple[Frame, list[Check]]:
    """Sales and profit a month, however they were said, and the checks of that."""
    money = _money_of_contracts(source)
    if not money:
        return frame, []
    if "quantity" in source.roles:
        product = nw.col(f"{OURS}quantity") * nw.col(f"{OURS}unit_price")
        frame = frame.with_columns(product.alias(f"{OURS}sales"))
    frame, checks = with_months_of_amount(source, frame, sales_per, (BEGAN, OUT))
    for role in money:
        frame = frame.with_columns(amount_per_month(role).alias(f"{OURS}{role}"))
    return frame, [*checks, *(too_large_check(role, f"{OURS}{role}") for role in money)]


def _credit_checks(source: Source, policy: str) -> list[Check]:
    """The check that it is said what sales below 0 mean, where there are sales."""
    column = source.roles.get("sales", source.roles.get("unit_price", ""))
    below = None if policy == "net" else nw.col(f"{OURS}sales") < 0
    advice = (
        "Credits and discounts: say `refunds='net'` (they lower sales while they last; right if "
        "another row is in force) or `refunds='drop'` (what they credit counts in full)."
    )
    credit = Check("sales below 0", column, advice, below, drops=policy == "drop", asks=True)
    return [credit] if column else []


def _money_of_contracts(source: Source) -> list[str]:
    """The amounts that come out."""
    present = {"sales" if role == "quantity" else role for role in source.roles}
    return [role for role in ("sales", "profit") if role in present]


def _columns_of_contracts(source: Source, values: Values) -> list[Output]:
    """The columns of contracts in their order, then the kept ones."""
    outputs = [values.ids["customer_id"]]
    named = ["start", "end", *_money_of_contracts(source)]
    outputs += [Output(name, f"{OURS}{name}") for name in named]
    outputs += [values.ids["contract_id"]] if "contract_id" in values.ids else []
    outputs += values.currency
    return outputs + [Output(name, column) for name, column in source.keep.items()]


def _signs_of_late_starts(as_of: date | None) -> dict[str, nw.Expr]:
    if as_of is None:
        return {}
    last = periods.number_of(as_of)
    return {"late": nw.col(BEGAN) > last, "in time": nw.col(BEGAN) <= last}


def _faults_of_contracts(as_of: date | None) -> list[TableFault]:
    early = f"`as_of` is {as_of}, before the first start: nothing was observed by then."
    return [] if as_of is None else [TableFault("late", "in time", early)]
