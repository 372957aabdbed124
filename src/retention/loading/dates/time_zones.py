"""Time zones: in whose local day a purchase falls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import narwhals.stable.v2 as nw

from retention import periods
from retention.errors import ColumnError
from retention.frames import Frame, as_lazy, is_pandas, one_row
from retention.loading.dates import moments, wall_clocks
from retention.loading.rows.columns import ROW
from retention.loading.rows.text import OURS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from retention.loading.rows.columns import Source
    from retention.loading.rows.text import Written

_UTC = ("UTC", "Etc/UTC", "GMT", "Etc/GMT", "Z")


def with_local_times(source: Source, roles: Sequence[str], written: Written) -> Frame:
    """The source's frame with the naive local time of its date and time columns; dates stay dates.

    Raises:
        ColumnError: if a column has a zone and `tz` is missing, or has none and `tz` is given
            without `from_tz`, or the engine cannot convert it.
    """
    tz = written.tz
    typed = {role: source.schema[source.roles[role]] for role in roles}
    typed = {
        role: dtype for role, dtype in typed.items() if isinstance(dtype, nw.Date | nw.Datetime)
    }
    if not typed:
        return source.frame
    local = {
        f"{OURS}{role}": _local_time(source, role, dtype, written) for role, dtype in typed.items()
    }
    zoned = any(getattr(dtype, "time_zone", None) for dtype in typed.values())
    try:
        frame = _with_local_columns(source, local) if zoned else source.frame.with_columns(**local)
    except NotImplementedError:
        raise _session_zone_refusal(source, typed, tz) from None
    times = [role for role, dtype in typed.items() if isinstance(dtype, nw.Datetime)]
    frame = frame.with_columns(nw.col(f"{OURS}{role}").cast(nw.Datetime("us")) for role in times)
    if written.from_tz is not None:
        for role in times:
            if not getattr(typed[role], "time_zone", None):
                frame = _with_moved_clock(source, frame, role, written)
    return frame


def _with_moved_clock(source: Source, frame: Frame, role: str, written: Written) -> Frame:
    """The naive times of a column of the clock of `from_tz`, as those of the clock of `tz`."""
    ours, at = f"{OURS}{role}", f"{OURS}{role}_"
    known = ~nw.col(ours).is_null()
    second = periods.second_expr(ours, frame.collect_schema()[ours], frame.implementation)
    frame = frame.with_columns(known.alias(f"{at}inside"), second.alias(f"{at}seconds"))
    inside = nw.col(f"{at}inside")
    whole = nw.when(inside).then(nw.col(f"{at}seconds")).otherwise(nw.lit(0)).cast(nw.Int64)
    frame = frame.with_columns(whole.alias(f"{at}seconds"))
    say = (role, source.roles[role])
    frame = wall_clocks.with_seconds_in_utc(frame, at, inside, str(written.from_tz), say)
    frame = with_shifted_seconds(
        frame, f"{at}seconds", nw.lit(0), nw.col(f"{at}here"), str(written.tz)
    )
    return moments.with_moment(frame, f"{at}seconds", inside, ours)


def with_shifted_seconds(
    frame: Frame, seconds: str, offset: nw.Expr, where: nw.Expr, tz: str
) -> Frame:
    """Seconds of a wall clock with an offset from UTC in minutes, as those of the clock in `tz`."""
    utc = f"{seconds}_utc"
    frame = frame.with_columns((nw.col(seconds) - offset * 60).alias(utc))
    at = frame.select(nw.when(where).then(nw.col(utc)).alias("at"))
    found = one_row(at.select(nw.col("at").min().alias("first"), nw.col("at").max().alias("last")))
    if found["first"] is None:
        return frame
    shift = moments.zone_shift(utc, tz, int(found["first"]), int(found["last"]))
    return frame.with_columns(
        nw.when(where).then(nw.col(utc) + shift).otherwise(nw.col(seconds)).alias(seconds)
    )


def with_instants(source: Source, frame: Frame, roles: Sequence[str], tz: str | None) -> Frame:
    """The frame with `{role}_at` of dates that were read: seconds whose differences are time.

    Where a zone was told they count from 1970 in UTC: a clock that is put forward or back shows
    more hours than pass, or fewer. A day without a time beside them is its midnight by the winter
    time of `tz`. Without a zone the clock on the wall is all there is.
    """
    for role in roles:
        frame = _with_instant(source, frame, role, tz)
    return frame


def with_even_clock(frame: Frame, roles: Sequence[str], tz: str) -> Frame:
    """The times of `roles`, which have instants, by the clock of a zone that is never put forward.

    It shows the zone's winter time all the year.
    """
    east = moments.least_offset(tz)
    for role in roles:
        ours, even = f"{OURS}{role}", f"{OURS}{role}_even"
        at = nw.col(f"{ours}_at")
        known = nw.when(at.is_null()).then(nw.lit(0)).otherwise(at).cast(nw.Int64) + east
        frame = frame.with_columns(known.alias(even), (~at.is_null()).alias(f"{even}_known"))
        frame = moments.with_moment(frame, even, nw.col(f"{even}_known"), ours)
    return frame


def _with_instant(source: Source, frame: Frame, role: str, tz: str | None) -> Frame:
    ours, dtype = f"{OURS}{role}", source.schema[source.roles[role]]
    at, utc, zoned = f"{ours}_at", f"{ours}_seconds_utc", f"{ours}_zoned"
    if getattr(dtype, "time_zone", None):
        instant = periods.instant_expr(source.roles[role], dtype, frame.implementation)
        return frame.with_columns(instant.alias(at))
    schema = frame.collect_schema()
    if utc not in schema:
        east = 0 if tz is None else moments.least_offset(tz)
        on_wall = periods.second_expr(ours, schema[ours], frame.implementation)
        return frame.with_columns((on_wall - east).alias(at))
    known = nw.col(f"{ours}_exists" if f"{ours}_exists" in schema else f"{ours}_inside")
    instant = nw.col(utc)
    if zoned in schema:
        bare = nw.when(nw.col(zoned)).then(nw.lit(0)).otherwise(nw.lit(1))
        instant = instant - bare * moments.least_offset(str(tz))
    return frame.with_columns(nw.when(known).then(instant).alias(at))


def _local_time(source: Source, role: str, dtype: nw.dtypes.DType, written: Written) -> nw.Expr:
    column, tz = source.roles[role], written.tz
    own = dtype.time_zone if isinstance(dtype, nw.Datetime) else None
    if own is None:
        if tz is not None and written.from_tz is None:
            raise _no_zone_refusal(role, column, tz)
        return nw.col(column)
    if tz is None:
        raise ColumnError(
            f"{role}: the times of column {column!r} carry the time zone {own}. Say in whose days "
            f"they fall: `tz={own!r}`, `tz='Europe/Berlin'` or another IANA name."
        )
    same = own == tz or (own in _UTC and tz in _UTC)
    time = nw.col(column) if same else nw.col(column).dt.convert_time_zone(tz)
    return time.dt.replace_time_zone(None)


def _with_local_columns(source: Source, local: dict[str, nw.Expr]) -> Frame:
    """The local times added; PyArrow converts them itself, before DuckDB gets the table."""
    if not source.eager or is_pandas(source.table):
        return source.frame.with_columns(**local)
    given = nw.from_native(cast("Any", source.table)).with_row_index(ROW).with_columns(**local)
    return as_lazy(given, name=source.kind.name, by_row=True)


def _no_zone_refusal(role: str, column: str, tz: str) -> ColumnError:
    return ColumnError(
        f"`tz={tz!r}` says in whose days moments fall, but the times of {role} column {column!r} "
        "carry no time zone. Leave tz out if they are local times; if they are of another zone, "
        "say which, such as `from_tz='UTC'`."
    )


def _session_zone_refusal(
    source: Source, typed: dict[str, nw.dtypes.DType], tz: str | None
) -> ColumnError:
    columns = ", ".join(repr(source.roles[role]) for role in typed)
    return ColumnError(
        f"The engine of this table keeps the time zone in its session and cannot convert {columns} "
        f"to {tz}. Set the session first (DuckDB: SET TimeZone = '{tz}'; Spark: "
        f"spark.conf.set('spark.sql.session.timeZone', '{tz}')), or convert to local time yourself."
    )
