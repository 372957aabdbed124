"""Dates: as they are, as text in the ways people write them, or as numbers of a known unit."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw

from retention import periods
from retention.errors import ColumnError, RetentionError
from retention.loading.dates import by_format, by_number, moments, patterns, time_zones, wall_clocks
from retention.loading.rows.text import EPOCHS, NO_DATES, OURS, flat_text, is_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from retention.frames import Frame
    from retention.loading.dates.patterns import Ways
    from retention.loading.rows.columns import Source
    from retention.loading.rows.row_checks import Check
    from retention.loading.rows.text import Written


def with_date_text(source: Source, frame: Frame, role: str) -> Frame:
    """The frame with what the file says about a date, in lower case, where it is text.

    Raises:
        ColumnError: if the column holds flags, durations or anything else that is no date.
    """
    column = source.roles[role]
    dtype = source.schema[column]
    if isinstance(dtype, nw.Date | nw.Datetime) or dtype.is_numeric():
        return frame
    if not is_text(dtype):
        raise ColumnError(f"`{role}`: column {column!r} holds {dtype}, not dates.")
    return frame.with_columns(
        flat_text(column, dtype).str.to_lowercase().alias(f"{OURS}{role}_text")
    )


def date_signs(source: Source, role: str, written: Written) -> dict[str, nw.Expr]:
    """What to learn about a text column of dates: the ways it is written in."""
    formatted = written.date_format is not None and not _mixes_numbers_and_text(written)
    if formatted or not is_text(source.schema[source.roles[role]]):
        return {}
    text = nw.col(f"{OURS}{role}_text")
    return {f"{name} {role}": sign for name, sign in patterns.signs_of_dates(text).items()}


def read_date(source: Source, frame: Frame, role: str, ways: Ways) -> tuple[Frame, list[Check]]:
    """The frame with the date as a naive local time, null where there is none, and its checks."""
    written = ways.written
    column = source.roles[role]
    dtype = source.schema[column]
    if isinstance(dtype, nw.Date | nw.Datetime):
        return frame, _checks_of_times(frame, role, column, written)
    if written.date_format is None and dtype.is_numeric():
        return by_number.dates_of_unknown_unit(frame, role, column)
    if _mixes_numbers_and_text(written) and is_text(dtype):
        return _dates_of_mixed_cells(frame, role, column, dtype, ways)
    if written.date_format in EPOCHS or written.date_format == "excel":
        return by_number.dates_from_numbers(frame, role, column, dtype, written)
    if written.date_format is not None:
        frame = _with_parts_by_format(frame, role, column, dtype, written)
        return _assembled_dates(frame, role, column, written)
    return _dates_by_pattern(frame, role, column, ways)


def _checks_of_times(frame: Frame, role: str, column: str, written: Written) -> list[Check]:
    """What can be wrong with a column of dates or times."""
    ours = f"{OURS}{role}"
    absent, missing = periods.is_endless(column, frame.implementation), nw.col(ours).is_null()
    if f"{ours}_twice" not in frame.collect_schema():
        return moments.date_checks(role, column, missing=missing, absent=absent)
    skipped = nw.col(f"{ours}_skipped")
    return moments.date_checks(
        role,
        column,
        missing=missing,
        unclear=wall_clocks.falls_on_two_days(f"{ours}_"),
        why=wall_clocks.advice_on_two_days(written.from_tz, ""),
        absent=skipped if absent is None else skipped | absent,
    )


def _dates_by_pattern(
    frame: Frame, role: str, column: str, ways: Ways
) -> tuple[Frame, list[Check]]:
    """Dates in the ways people write them."""
    frame = patterns.with_parts_by_pattern(frame, role, ways)
    unclear = patterns.reads_two_ways(role, ways)
    why = partial(patterns.advice_on_two_ways, role=role, ways=ways)
    unreal = partial(by_number.advice_on_absent, role=role)
    return _assembled_dates(frame, role, column, ways.written, unclear, why, unreal)


def _mixes_numbers_and_text(written: Written) -> bool:
    """Whether the format is of numbers, beside which dates may stand as text or as dates.

    Not so in a zone: text without an offset has no place in it.
    """
    counted = written.date_format in EPOCHS or written.date_format == "excel"
    return counted and written.tz is None


def _dates_of_mixed_cells(
    frame: Frame, role: str, column: str, dtype: nw.dtypes.DType, ways: Ways
) -> tuple[Frame, list[Check]]:
    """Numbers by their unit, and whatever else stands beside them as people write dates."""
    ours, counted, number = (f"{OURS}{role}{end}" for end in ("", "_counted", "_number"))
    frame, by_unit = by_number.dates_from_numbers(frame, role, column, dtype, ways.written)
    frame = frame.with_columns(
        nw.col(ours).alias(counted), (~nw.col(f"{ours}_value").is_null()).alias(number)
    )
    frame, by_text = _dates_by_pattern(frame, role, column, ways)
    time = nw.when(nw.col(number)).then(nw.col(counted)).otherwise(nw.col(ours))
    checks = [
        replace(text, fails=_failing_number_or_text(nw.col(number), unit.fails, text.fails))
        for unit, text in zip(by_unit, by_text, strict=True)
    ]
    return frame.with_columns(time.alias(ours)), checks


def _failing_number_or_text(
    number: nw.Expr, unit: nw.Expr | None, text: nw.Expr | None
) -> nw.Expr | None:
    """Where a check fails: of numbers the one, of the rest the other."""
    if unit is None or text is None:
        return None if text is None else ~number & text
    return (number & unit) | (~number & text)


def _with_parts_by_format(
    frame: Frame, role: str, column: str, dtype: nw.dtypes.DType, written: Written
) -> Frame:
    """Year to second by the format the user gave, of text or of whole numbers."""
    text = f"{OURS}{role}_text"
    if dtype.is_numeric():
        whole = nw.col(column)
        if not dtype.is_integer():
            value = nw.col(column).cast(nw.Float64)
            whole = nw.when(value.abs() < 1e15).then(value).otherwise(nw.lit(0.0)).cast(nw.Int64)
        digits = nw.when(nw.col(column).is_null()).then(nw.lit("")).otherwise(whole.cast(nw.String))
        frame = frame.with_columns(digits.alias(text))
    date_format = str(written.date_format)
    zoned = by_format.has_offset(date_format)
    if zoned != (written.tz is not None) and (zoned or written.from_tz is None):
        raise RetentionError(
            f"`date_format={date_format!r}` with `tz={written.tz!r}`: a time zone is to be named "
            "where the format has %z, and only there; of times without it, say whose clock they "
            "show as well, such as `from_tz='UTC'`."
        )
    frame = by_format.with_parts_by_format(frame, text, date_format, f"{OURS}{role}_")
    if is_text(dtype):
        frame = by_format.with_parts_of_cells(frame, text, f"{OURS}{role}_", zoned=zoned)
    at, reads = f"{OURS}{role}_", nw.col(f"{OURS}{role}_reads")
    timed = reads if by_format.has_time(date_format) else nw.lit(False)
    told = reads if zoned or written.from_tz is None else nw.lit(False)
    return frame.with_columns(told.alias(f"{at}zoned"), timed.alias(f"{at}timed"))


def _assembled_dates(
    frame: Frame,
    role: str,
    column: str,
    written: Written,
    unclear: nw.Expr | None = None,
    why: Callable[[Frame], str] | str = "",
    unreal: Callable[[Frame], str] | str = "",
) -> tuple[Frame, list[Check]]:
    """The parts put together: the date, null where the day or the hour does not exist."""
    at = f"{OURS}{role}_"
    frame = moments.with_existence(frame, at)
    exists, reads = nw.col(f"{at}exists"), nw.col(f"{at}reads")
    if written.tz is not None and f"{at}zoned" in frame.collect_schema():
        frame = moments.with_seconds(frame, at)
        if written.from_tz is not None:
            frame = _with_offset_of_zone(frame, at, written.from_tz, (role, column))
            unclear, why = _unclear_hours(at, written, unclear, why)
        where, offset = exists & nw.col(f"{at}zoned"), nw.col(f"{at}offset")
        frame = time_zones.with_shifted_seconds(frame, f"{at}seconds", offset, where, written.tz)
        frame = moments.with_moment(frame, f"{at}seconds", exists, f"{OURS}{role}")
    else:
        frame = moments.with_time(frame, at, f"{OURS}{role}")
    missing = nw.col(f"{at}text").is_in(NO_DATES)
    return frame, moments.date_checks(
        role,
        column,
        missing=missing,
        broken=~missing & ~reads,
        unread=partial(by_number.advice_on_unread, role=role, date_format=written.date_format),
        unclear=unclear,
        why=why,
        absent=~missing & reads & ~exists,
        unreal=unreal,
    )


def _with_offset_of_zone(frame: Frame, at: str, zone: str, say: tuple[str, str]) -> Frame:
    """Times without an offset put into UTC, and marked as known; skipped ones do not exist."""
    bare = nw.col(f"{at}exists") & nw.col(f"{at}timed") & ~nw.col(f"{at}zoned")
    frame = wall_clocks.with_seconds_in_utc(frame, at, bare, zone, say)
    return frame.with_columns(
        (nw.col(f"{at}zoned") | nw.col(f"{at}here")).alias(f"{at}zoned"),
        (nw.col(f"{at}exists") & ~nw.col(f"{at}skipped")).alias(f"{at}exists"),
    )


def _unclear_hours(
    at: str, written: Written, unclear: nw.Expr | None, why: Callable[[Frame], str] | str
) -> tuple[nw.Expr, Callable[[Frame], str]]:
    """What is unclear about dates, and hours that came twice on two days beside it."""
    twice = wall_clocks.falls_on_two_days(at)
    advice = wall_clocks.advice_on_two_days(written.from_tz, why)
    return twice if unclear is None else unclear | twice, advice
