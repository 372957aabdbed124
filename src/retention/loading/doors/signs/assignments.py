"""The door for experiments that others assigned: who was in which arm, from which day on."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Unpack

import narwhals.stable.v2 as nw

from retention.errors import check_choice, count_of
from retention.frames import one_row
from retention.loading.chosen_rows import source_of_rows
from retention.loading.doors.entrance import FromFile, accepted_or_audit, entrance
from retention.loading.doors.signs.sign_rows import (
    checks_where_filled,
    with_days_of,
    with_text_of,
)
from retention.loading.read_values import read_values
from retention.loading.rows.columns import ROW
from retention.loading.rows.identity import id_notes
from retention.loading.rows.row_checks import REASON, Check, Output, Reading, TableFault
from retention.loading.rows.text import OURS, Written, signs_that_occur
from retention.tables import ASSIGNMENT, planned_shares

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from narwhals.stable.v2.typing import IntoFrameT

    from retention.frames import Frame
    from retention.loading.read_values import Values
    from retention.loading.rows.columns import Source

_KIND = replace(ASSIGNMENT, door="as_assignment")
_WHO, _ARM, _DAY = f"{OURS}customer_id", f"{OURS}arm", f"{OURS}assigned_day"
_CODE, _FIRST, _LAST, _COPY = (f"{OURS}arm_{part}" for part in ("code", "first", "last", "copy"))
_SHARE = f"{OURS}share"
_FILL = "Fill them in or leave those rows out."
_EARLY = (
    "Nobody sees an offer before it is decided that they get it: correct them or leave those rows "
    "out."
)
_SAW_BOTH = (
    "They saw both: leave them out, or say `duplicates='drop'` and read `sample_ratio` again."
)
_AGAIN = (
    "A customer is assigned once: leave the later rows out, or say `duplicates='drop'`, which "
    "keeps the earliest."
)


@entrance("customer_id", "arm", "assigned", "stratum", "cluster", "exposed")
def as_assignment(
    table: IntoFrameT,
    *,
    customer_id: str,
    arm: str,
    assigned: str,
    shares: Mapping[str, float],
    stratum: str | None = None,
    cluster: str | None = None,
    exposed: str | None = None,
    keep: str | Sequence[str] = (),
    duplicates: str = "error",
    day_first: bool | None = None,
    date_format: str | None = None,
    blanks: Sequence[str] | None = None,
    tz: str | None = None,
    from_tz: str | None = None,
    **file: Unpack[FromFile],
) -> IntoFrameT:
    """Who was in which arm of an experiment that others assigned, checked and typed.

    One row is one customer. An experiment of your own is better assigned by `assign_arms`, which
    anybody can work out again.

    The checks, in this order: blank customer_id; a day in `assigned` that is missing, cannot be
    read, could be read in two ways or does not exist; a blank arm; an arm without a planned share;
    a blank cluster; a day in `exposed`, which may be missing, that cannot be read or is before the
    one in `assigned` (on the very day it is fine, whatever the hour); a customer in more than one
    arm; a customer with several rows of one arm. Text is read as in `as_transactions`.

    Args:
        table: a pandas, Polars (eager or lazy), PyArrow, DuckDB, PySpark or Ibis table, which is
            not changed; or a file, several, a folder, or with `connection` a query (`read_table`).
        customer_id: column of who: text or whole numbers.
        arm: column of what the customer was meant to get, offered or not: text, or whole numbers
            that become text. What `shares` names is an arm, even if it is called "None".
        assigned: column of the day on which that was decided: from it on all is counted.
        shares: the planned share of each arm, which sum to 1: {"control": 0.5, "offer": 0.5}. They
            are known from the plan, not from the table: `sample_ratio` compares the two.
        stratum: column of the group within which arms were balanced, if they were: text or whole
            numbers; what is empty is a stratum of its own, "(missing)".
        cluster: column of the branch or agent that has one arm as a whole, if so assigned.
        exposed: column of when the customer first saw the offer, or would have seen it; empty if
            never.
        keep: further columns to keep as they are, such as the plan on that day, as segments.
        duplicates: customers with several rows: "error", or "drop", which leaves out those who are
            in several arms and of others keeps the earliest row.
        day_first: whether 03/04/2024 is in April.
        date_format: how dates are written (see `as_transactions`).
        blanks: texts that mean that an id was not filled in, beside an empty cell: () where "NA" or
            "None" is somebody's id. Default: NA, N/A, NULL, None, nan, totals and their like.
        tz: for times that carry a time zone: in whose local days they fall.
        from_tz: of times without an offset, the zone whose clock they show, such as "UTC": they are
            moved to that of `tz`, as in `as_transactions`.
        file: of a file or a query: `connection`, `engine`, `sheet`, `encoding`, `separator`,
            `header_row` and `headings`, as in `read_table`. Of any table: `where`, the rows that
            are meant, by the values of their columns, {"Status": ["completed", "processing"]}: None
            is an empty cell, case does not matter, a value that stands in no row is refused; and
            `incomplete`: "drop" leaves out rows that can only be corrected, and a warning counts
            them.

    Returns:
        A table of the same kind, lazy if yours is: `customer_id`, `arm` (text), `assigned`, `share`
        (planned, of the arm); where named, `stratum`, `cluster` (text) and `exposed` (null if
        never); the columns of `keep`. Rows keep their order.

    Raises:
        TableError: if it is not a table of a supported engine.
        ColumnError: if a column is missing or cannot carry its meaning.
        ContentError: if the table is empty, has any problem in its rows, or nobody is in an arm
            that `shares` names.
        RetentionError: if the shares are not above 0 or do not sum to 1, or there are fewer than
            two.

    Example:
        >>> import pandas as pd
        >>> import retention as rt
        >>> log = pd.DataFrame({
        ...     "who": ["Ann", "Bob", "Cem"],
        ...     "group": ["offer", "control", "offer"],
        ...     "day": ["2024-05-01", "2024-05-01", "2024-05-02"],
        ... })
        >>> rt.loading.as_assignment(
        ...     log, customer_id="who", arm="group", assigned="day",
        ...     shares={"control": 0.5, "offer": 0.5},
        ... )
          customer_id      arm   assigned  share
        0         Ann    offer 2024-05-01    0.5
        1         Bob  control 2024-05-01    0.5
        2         Cem    offer 2024-05-02    0.5
    """
    check_choice("duplicates", duplicates, ("error", "drop"))
    planned = planned_shares(shares, argument="shares")
    roles = {"customer_id": customer_id, "arm": arm, "assigned": assigned}
    further = {"stratum": stratum, "cluster": cluster, "exposed": exposed}
    source = source_of_rows(table, _KIND, roles | further, keep)
    written = Written(day_first, date_format, None, tz, blanks, from_tz=from_tz).checked()
    return accepted_or_audit(_reading_of_arms(source, written, planned, duplicates), table)


def _reading_of_arms(
    source: Source, written: Written, planned: Mapping[str, float], duplicates: str
) -> Reading:
    values = read_values(
        source,
        written,
        id_roles=("customer_id",),
        date_roles=("assigned", "exposed"),
        amount_roles=(),
    )
    in_arm = {f"in {arm}": nw.col(_ARM) == arm for arm in planned}
    return Reading(
        source=source,
        frame=_with_shares(_with_texts(source, values.frame, planned), planned),
        checks=[
            *_checks_of_arms(source, values, planned),
            _several_arms_check(source, list(planned), duplicates),
            _several_rows_check(source, duplicates),
        ],
        outputs=_columns_of_arms(source, values),
        signs={"anybody": ~nw.col(_ARM).is_null(), **in_arm},
        faults=[TableFault("anybody", f"in {arm}", _nobody_in(arm, source)) for arm in planned],
        notes=partial(id_notes, source),
        repeats=False,
        shuffled=values.shuffled,
    )


def _nobody_in(arm: str, source: Source) -> str:
    return (
        f"shares names {arm!r}, and nobody is in that arm in {source.roles['arm']!r}. Name the "
        "arms as the table does; if all who were in it are missing, there is nothing to compare."
    )


def _with_texts(source: Source, frame: Frame, planned: Mapping[str, float]) -> Frame:
    """The frame with arm, stratum and cluster as text, and the numbers of the days.

    An arm that `shares` names is one, though it be called "None".
    """
    for role in ("arm", "stratum", "cluster"):
        if role in source.roles:
            frame = with_text_of(source, frame, role)
    told = nw.col(f"{_ARM}_text")
    named = nw.when(told.is_in(list(planned))).then(told).otherwise(nw.col(_ARM))
    frame = frame.with_columns(named.alias(_ARM))
    if "stratum" in source.roles:
        stratum = nw.col(f"{OURS}stratum").fill_null("(missing)")
        frame = frame.with_columns(stratum.alias(f"{OURS}stratum"))
    return with_days_of(source, frame, ("assigned", "exposed"))


def _with_shares(frame: Frame, planned: Mapping[str, float]) -> Frame:
    """The frame with the planned share of each row's arm, and the arm as a number."""
    share: Any = nw.lit(None, dtype=nw.Float64)
    code: Any = nw.lit(None, dtype=nw.Float64)
    for place, (arm, value) in enumerate(planned.items()):
        share = nw.when(nw.col(_ARM) == arm).then(nw.lit(value)).otherwise(share)
        code = nw.when(nw.col(_ARM) == arm).then(nw.lit(float(place))).otherwise(code)
    return frame.with_columns(share.alias(_SHARE), code.alias(_CODE))


def _checks_of_arms(source: Source, values: Values, planned: Mapping[str, float]) -> list[Check]:
    """What can be wrong with one row, in order."""
    arm, blank = source.roles["arm"], nw.col(_ARM).is_null()
    named = ", ".join(map(repr, planned))
    unplanned = (
        f"`shares=` names {named}: say the share of every arm there is, or leave those rows out."
    )
    checks = [
        *values.checks_of("customer_id", "assigned"),
        Check("blank arm", arm, _FILL, blank),
        Check("arm without a planned share", arm, unplanned, ~blank & nw.col(_SHARE).is_null()),
    ]
    if "cluster" in source.roles:
        unsaid = nw.col(f"{OURS}cluster").is_null()
        checks.append(Check("blank cluster", source.roles["cluster"], _FILL, unsaid))
    checks += checks_where_filled(values, "exposed")
    if "exposed" in source.roles:
        early = nw.col(f"{OURS}exposed_day") < nw.col(_DAY)
        checks.append(Check("exposed before assigned", source.roles["exposed"], _EARLY, early))
    return checks


def _several_arms_check(source: Source, arms: Sequence[str], policy: str) -> Check:
    """The check that a customer is in one arm, of the rows that pass all other checks."""

    def with_flag_if_any(
        frame: Callable[[], Frame], _: Mapping[str, bool], flag: str
    ) -> Frame | None:
        usable = nw.col(REASON).is_null()
        arm = nw.when(usable).then(nw.col(_CODE))
        coded = frame().with_columns(arm.alias(_FIRST), arm.alias(_LAST))
        ends = (nw.col(_FIRST).min().over(_WHO), nw.col(_LAST).max().over(_WHO))
        told = coded.with_columns(*ends)
        wrong = usable & (nw.col(_FIRST) < nw.col(_LAST))
        return _flagged_if_any(told.with_columns(wrong.alias(flag)), flag)

    return Check(
        "customer in more than one arm",
        source.roles["customer_id"],
        partial(_advice_on_arms, arms),
        later=with_flag_if_any,
        drops=policy == "drop",
        asks=True,
    )


def _advice_on_arms(arms: Sequence[str], frame: Frame) -> str:
    """How many are in several arms, and the first of them with two of these."""
    several = frame.filter(nw.col(_FIRST) < nw.col(_LAST), ~nw.col(_CODE).is_null())
    each = several.group_by(_WHO).agg(nw.col(_FIRST).min(), nw.col(_LAST).max())
    told = one_row(each.select(nw.len().alias("n"), nw.col(_WHO).min().alias("who")))
    ends = one_row(each.filter(nw.col(_WHO) == told["who"]).select(_FIRST, _LAST))
    many = count_of(int(told["n"]), "customer is", "customers are")
    both = f"{arms[int(ends[_FIRST])]}, {arms[int(ends[_LAST])]}"
    return f"{many} in more than one arm, the first is {told['who']} ({both}). {_SAW_BOTH}"


def _several_rows_check(source: Source, policy: str) -> Check:
    """The check that a customer has one row, of those in one arm; the earliest is the one."""

    def with_flag_if_any(
        frame: Callable[[], Frame], _: Mapping[str, bool], flag: str
    ) -> Frame | None:
        usable = nw.col(REASON).is_null()
        one = nw.when(usable).then(nw.lit(1, dtype=nw.Int64)).otherwise(nw.lit(0, dtype=nw.Int64))
        order = [_DAY, ROW] if source.eager else [_DAY]
        copy = nw.col(_COPY).cum_sum().over(_WHO, order_by=order)
        told = frame().with_columns(one.alias(_COPY)).with_columns(copy.alias(_COPY))
        return _flagged_if_any(told.with_columns((usable & (nw.col(_COPY) > 1)).alias(flag)), flag)

    return Check(
        "customer with several rows",
        source.roles["customer_id"],
        _AGAIN,
        later=with_flag_if_any,
        drops=policy == "drop",
        asks=True,
    )


def _flagged_if_any(frame: Frame, flag: str) -> Frame | None:
    return frame if signs_that_occur(frame, {flag: nw.col(flag)})[flag] else None


def _columns_of_arms(source: Source, values: Values) -> list[Output]:
    """The columns of an assignment in their order, then the kept ones."""
    named = [role for role in ("stratum", "cluster", "exposed") if role in source.roles]
    return [
        values.ids["customer_id"],
        Output("arm", _ARM),
        Output("assigned", f"{OURS}assigned"),
        Output("share", _SHARE),
        *(Output(role, f"{OURS}{role}") for role in named),
        *(Output(name, column) for name, column in source.keep.items()),
    ]
