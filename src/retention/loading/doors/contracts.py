"""The door for contract files: any supported table in, checked contracts out, or one refusal."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Unpack

import narwhals.stable.v2 as nw

from retention import periods
from retention.errors import ColumnError, RetentionError, counted, one_of
from retention.frames import Frame, count, one_row
from retention.loading.doors.entrance import FromFile, accepted_or_audit, entrance
from retention.loading.read_values import Values, read_values
from retention.loading.rows.columns import Source, source_of_table
from retention.loading.rows.contract_notes import (
    OUT,
    START,
    contracts_cut_at_next,
    overlap_notes,
    twin_notes,
)
from retention.loading.rows.duplicates import duplicate_check
from retention.loading.rows.identity import alike_id_notes
from retention.loading.rows.row_checks import Check, Note, Output, Reading, TableFault
from retention.loading.rows.text import OURS, Written, flat_text, is_text
from retention.loading.values.amounts import too_large_check
from retention.tables import CONTRACTS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from narwhals.stable.v2.typing import IntoFrameT

_MONTHS = {"month": 1, "quarter": 3, "year": 12}
_YES, _NO = ("true", "t", "yes", "y", "1", "1.0"), ("", "false", "f", "no", "n", "0", "0.0", "nan")
_START, _END, _OUT, _ID = START, f"{OURS}end_day", OUT, f"{OURS}customer_id"


@entrance("customer_id", "start", "end", "sales", "profit", "contract_id", "currency", "trial")
def as_contracts(
    table: IntoFrameT,
    *,
    customer_id: str,
    start: str,
    end: str,
    sales: str | None = None,
    sales_per: str | None = None,
    profit: str | None = None,
    contract_id: str | None = None,
    currency: str | None = None,
    rates: Any = None,
    keep: str | Sequence[str] = (),
    end_is: str = "error",
    trials: str = "error",
    trial: str | None = None,
    duplicates: str = "error",
    overlaps: str | None = None,
    day_first: bool | None = None,
    date_format: str | None = None,
    decimal: str | None = None,
    blanks: Sequence[str] | None = None,
    tz: str | None = None,
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
    amount that is missing, no number, could be read in two ways, is infinite or beyond 1e15; the
    currency, as in `as_transactions`; exact duplicates (the same in every column of your table); a
    trial mark that is neither yes nor no; trials. Text is read as in `as_transactions`; start and
    end are taken to be written alike.

    Args:
        table: a pandas, Polars (eager or lazy), PyArrow, DuckDB, PySpark or Ibis table, which is
            not changed; or a file, several, a folder, or with `connection` a query (`read_table`).
        customer_id: column of whose contract it is: text or whole numbers.
        start: column of the first day in force.
        end: column of the end, empty while the contract runs.
        sales: column of the recurring net revenue, in currency per `sales_per`.
        sales_per: what `sales` and `profit` are for: "month", "quarter" or "year".
        profit: column of the recurring contribution, in currency per `sales_per`.
        contract_id: column of which contract it is.
        currency: column of the currency of its amounts: ISO codes or signs ("€"). To take it from
            the signs in the amounts themselves, name their column again.
        rates: exchange rates that convert the amounts: how much of the currency you convert to one
            unit of each is worth, {"EUR": 1, "USD": 0.92}; or a table of any engine with columns
            `currency`, `date` and `rate`: the last rate on or before its first day holds.
        keep: further columns to keep as they are.
        end_is: what a filled-in end means: "last_day" in force, or "first_day_out". An end that is
            the last day, read as the first day out, leaves a gap before each renewal: everybody
            churns.
        trials: contracts marked in `trial`: "error", "exclude" or "include".
        trial: column that marks trials: true/false, yes/no or 1/0; empty means no.
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
        as_of: the last observed day, itself included: a later start is a problem, a later end none.
        file: of a file or a query: `connection`, `engine`, `sheet`, `encoding`, `separator` and
            `header_row`, as in `read_table`.

    Returns:
        A table of the same kind, lazy if yours is: `customer_id`, `start` (first day in force),
        `end` (first day out of force, null while it runs) and, where named, `sales` and `profit`
        (currency per month), `contract_id`, `currency` (unless `rates` convert) and the columns of
        `keep`. Rows keep their order.

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
    roles |= {"sales": sales, "profit": profit, "trial": trial, "currency": currency}
    reading = _reading_of_contracts(
        source_of_table(table, CONTRACTS, roles, keep),
        _contract_policies(roles, sales_per, end_is, trials, duplicates, overlaps),
        Written(day_first, date_format, decimal, tz, blanks, rates).checked(),
        None if as_of is None else periods.as_day(as_of, argument="as_of"),
    )
    return accepted_or_audit(reading, table)


def _contract_policies(
    roles: Mapping[str, str | None],
    sales_per: str | None,
    end_is: str,
    trials: str,
    duplicates: str,
    overlaps: str | None,
) -> dict[str, str]:
    """What the user said about contracts, once it is sure that it fits together."""
    one_of("end_is", end_is, ("error", "last_day", "first_day_out"))
    one_of("trials", trials, ("error", "exclude", "include"))
    one_of("duplicates", duplicates, ("error", "keep", "drop"))
    if overlaps is not None:
        one_of("overlaps", overlaps, ("keep", "cut"))
        if roles["contract_id"] is None:
            raise RetentionError(
                f"`overlaps={overlaps!r}` is about rows of one contract: say `contract_id=`."
            )
    if sales_per is not None:
        one_of("sales_per", sales_per, _MONTHS)
    elif roles["sales"] is not None or roles["profit"] is not None:
        raise RetentionError(
            "Say what sales and profit are for: `sales_per='month'`, 'quarter' or 'year'."
        )
    if trials != "error" and roles["trial"] is None:
        raise RetentionError(f"`trials={trials!r}` needs the column that marks them: say `trial=`.")
    said = {"end_is": end_is, "trials": trials, "duplicates": duplicates}
    return {**said, "sales_per": sales_per or "month", "overlaps": overlaps or ""}


def _reading_of_contracts(
    source: Source, policies: Mapping[str, str], written: Written, as_of: date | None
) -> Reading:
    """The table read, with its checks in their order."""
    values = read_values(
        source,
        written,
        id_roles=("customer_id", "contract_id"),
        date_roles=("start", "end"),
        amount_roles=("sales", "profit"),
    )
    frame, trials = _with_trials(source, values.frame, policies["trials"])
    frame = _with_days(frame, policies["end_is"])
    frame = _with_monthly_amounts(frame, source, _MONTHS[policies["sales_per"]])
    checks = _checks_of_contracts(source, values, policies["end_is"], as_of)
    checks += [duplicate_check(source, policies["duplicates"]), *trials]
    if policies["overlaps"] == "cut":
        frame = contracts_cut_at_next(frame, checks)
    return Reading(
        source=source,
        frame=_with_dates(frame),
        checks=checks,
        outputs=_columns_of_contracts(source, values),
        signs=_signs_of_late_starts(as_of),
        faults=_faults_of_contracts(as_of),
        notes=partial(_notes_on_contracts, source, policies["overlaps"]),
        repeats=policies["duplicates"] != "keep",
        shuffled=values.shuffled or policies["overlaps"] == "cut",
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
    money = [role for role in ("sales", "profit") if role in source.roles]
    return [
        *values.checks_of("customer_id", "contract_id", "start"),
        _late_start_check(source, as_of),
        *(check for check in values.checks_of("end") if check.reason != "missing end"),
        _unsaid_end_check(source, end_is),
        _too_short_check(source),
        *values.checks_of(*money, "currency"),
        *(too_large_check(role, f"{OURS}{role}") for role in money),
    ]


def _with_days(frame: Frame, end_is: str) -> Frame:
    """Start and end as numbers of days, the end as the first day out of force."""
    engine = frame.implementation
    frame = frame.with_columns(
        periods.day_expr(f"{OURS}start", engine).alias(_START),
        periods.day_expr(f"{OURS}end", engine).alias(_END),
    )
    return frame.with_columns((nw.col(_END) + int(end_is != "first_day_out")).alias(_OUT))


def _with_dates(frame: Frame) -> Frame:
    """Start and end as whole days."""
    engine = frame.implementation
    return frame.with_columns(
        periods.date_expr(nw.col(_START), engine).alias(f"{OURS}start"),
        periods.date_expr(nw.col(_OUT), engine).alias(f"{OURS}end"),
    )


def _with_monthly_amounts(frame: Frame, source: Source, months: int) -> Frame:
    named = [f"{OURS}{role}" for role in ("sales", "profit") if role in source.roles]
    return frame.with_columns(nw.col(name) / months for name in named) if named else frame


def _with_trials(source: Source, frame: Frame, policy: str) -> tuple[Frame, list[Check]]:
    """The checks on trials: that their mark reads as yes or no, and that they are wanted."""
    if "trial" not in source.roles:
        return frame, []
    column, mark = source.roles["trial"], f"{OURS}trial"
    dtype = source.schema[column]
    if not (is_text(dtype) or dtype.is_integer() or dtype.is_float() or dtype == nw.Boolean):
        raise ColumnError(f"trial: column {column!r} holds {dtype}, not yes or no.")
    frame = frame.with_columns(flat_text(column, dtype).str.to_lowercase().alias(mark))
    said, wanted = nw.col(mark), "Say `trials='exclude'` (they are no customers yet) or 'include'."
    odd = "A trial mark is true/false, yes/no, 1/0 or empty: recode the column."
    marked = None if policy == "include" else said.is_in(_YES)
    return frame, [
        Check("unreadable trial mark", mark, odd, ~said.is_in(_YES) & ~said.is_in(_NO)),
        Check("trial", source.roles["customer_id"], wanted, marked, drops=policy == "exclude"),
    ]


def _late_start_check(source: Source, as_of: date | None) -> Check:
    fails = None if as_of is None else nw.col(_START) > periods.number_of(as_of)
    advice = "Nothing after `as_of` is observed: leave those rows out, or say a later `as_of`."
    return Check("start after as_of", source.roles["start"], advice, fails)


def _unsaid_end_check(source: Source, end_is: str) -> Check:
    fails = ~nw.col(_END).is_null() if end_is == "error" else None
    return Check("end of unsaid meaning", source.roles["end"], _evidence_on_ends, fails)


def _too_short_check(source: Source) -> Check:
    advice = "They were in force for no day: correct them or leave those rows out."
    return Check("end before start", source.roles["end"], advice, nw.col(_OUT) <= nw.col(_START))


def _evidence_on_ends(frame: Frame) -> str:
    """What to say about ends, with what the customers' next contracts tell about their meaning."""
    starts = frame.select(_ID, nw.col(_START).alias("next")).unique()
    ends = frame.filter(nw.col(_END) > nw.col(_START)).select(_ID, nw.col(_END).alias("next"))
    found = []
    for gap in (0, 1):
        due = ends.with_columns(nw.col("next") + gap)
        renewed = due.join(starts, on=[_ID, "next"], how="inner").select(nw.len().alias("n"))
        found.append(int(one_row(renewed)["n"]))
    all_ends = one_row(frame.select(n=count(~nw.col(_END).is_null())).select(nw.col("n").sum()))[
        "n"
    ]
    return (
        "Say `end_is='last_day'` (in force that day) or `end_is='first_day_out'`. An end that "
        "is the "
        f"last day, read as the first day out, makes every renewal churn. Of {int(all_ends):,} "
        f"ends, {counted(found[1], 'is', 'are')} followed by a contract of the same customer "
        f"from the next day on (as after a last day), {found[0]:,} by one from the same day on."
    )


def _columns_of_contracts(source: Source, values: Values) -> list[Output]:
    """The columns of contracts in their order, then the kept ones."""
    outputs = [values.ids["customer_id"]]
    named = [role for role in ("start", "end", "sales", "profit") if role in source.roles]
    outputs += [Output(name, f"{OURS}{name}") for name in named]
    outputs += [values.ids["contract_id"]] if "contract_id" in values.ids else []
    outputs += values.currency
    return outputs + [Output(name, column) for name, column in source.keep.items()]


def _signs_of_late_starts(as_of: date | None) -> dict[str, nw.Expr]:
    if as_of is None:
        return {}
    last = periods.number_of(as_of)
    return {"late": nw.col(_START) > last, "in time": nw.col(_START) <= last}


def _faults_of_contracts(as_of: date | None) -> list[TableFault]:
    early = f"`as_of` is {as_of}, before the first start: nothing was observed by then."
    return [] if as_of is None else [TableFault("late", "in time", early)]
