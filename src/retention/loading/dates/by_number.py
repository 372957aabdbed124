"""Dates written as numbers: since 1970, in days as spreadsheets count them, or not yet said."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw

from retention.errors import RetentionError
from retention.frames import one_row
from retention.loading.dates import moments, time_zones, wall_clocks
from retention.loading.rows.text import EPOCHS, NO_DATES, OURS, signs_that_occur

if TYPE_CHECKING:
    from collections.abc import Mapping

    from retention.frames import Frame
    from retention.loading.rows.row_checks import Check
    from retention.loading.rows.text import Written

_NUMBER = r"^-?[0-9]{1,19}(?:\.[0-9]{1,17})?(?:e[-+]?[0-9]{1,2})?$"
_EXCEL = 25_569  # 1970-01-01 as spreadsheets count days
_DECADES = (315_532_800.0, 4_102_444_800.0)  # 1980 to 2100: units that make sense to offer


def dates_from_numbers(
    frame: Frame, role: str, column: str, dtype: nw.dtypes.DType, written: Written
) -> tuple[Frame, list[Check]]:
    """Dates counted in units since 1970 (in UTC), or in days as spreadsheets count them."""
    ours, unit = f"{OURS}{role}", str(written.date_format)
    if unit == "excel" and written.tz is not None and written.from_tz is None:
        raise RetentionError(
            "`date_format='excel'` counts local days: leave tz out, or say whose clock they show "
            "as well, such as `from_tz='UTC'`."
        )
    frame, missing, broken = _with_bare_number(frame, role, column, dtype)
    value, since = nw.col(f"{ours}_value"), nw.col(f"{ours}_since")
    seconds = (value - _EXCEL) * 86_400 + 0.5 if unit == "excel" else value / EPOCHS[unit]
    frame = frame.with_columns(seconds.alias(f"{ours}_since"))
    inside = (since >= moments.EARLIEST) & (since <= moments.LATEST)
    whole = nw.when(inside).then(since).otherwise(nw.lit(0.0)).floor().cast(nw.Int64)
    frame = frame.with_columns(whole.alias(f"{ours}_seconds"), inside.alias(f"{ours}_inside"))
    skipped: nw.Expr | None = None
    if unit == "excel" and written.from_tz is not None:
        say = (role, column)
        frame = wall_clocks.with_seconds_in_utc(frame, f"{ours}_", inside, written.from_tz, say)
        skipped = nw.col(f"{ours}_skipped")
    if written.tz is not None:
        frame = time_zones.with_shifted_seconds(
            frame, f"{ours}_seconds", nw.lit(0), inside, written.tz
        )
    frame = moments.with_moment(frame, f"{ours}_seconds", inside, ours)
    absent = (since < moments.EARLIEST) | (since > moments.LATEST)
    if skipped is None:
        return frame, moments.date_checks(
            role, column, missing=missing, broken=broken, absent=absent
        )
    return frame, moments.date_checks(
        role,
        column,
        missing=missing,
        broken=broken,
        unread=partial(advice_on_unread, role=role, date_format=written.date_format),
        unclear=wall_clocks.falls_on_two_days(f"{ours}_"),
        why=wall_clocks.advice_on_two_days(written.from_tz, ""),
        absent=absent | skipped,
    )


def _with_bare_number(
    frame: Frame, role: str, column: str, dtype: nw.dtypes.DType
) -> tuple[Frame, nw.Expr, nw.Expr | None]:
    """The frame with the bare number, and where it is missing or cannot be read."""
    value = nw.col(f"{OURS}{role}_value")
    if dtype.is_numeric():
        number = nw.col(column).cast(nw.Float64)
        frame = frame.with_columns(number.alias(f"{OURS}{role}_value"))
        return frame, value.is_null() | value.is_nan(), None
    text = nw.col(f"{OURS}{role}_text")
    reads, missing = text.str.contains(_NUMBER), text.is_in(NO_DATES)
    number = nw.when(reads).then(text).otherwise(nw.lit("0")).cast(nw.Float64)
    frame = frame.with_columns(number.alias(f"{OURS}{role}_value"))
    frame = frame.with_columns(nw.when(reads).then(value).alias(f"{OURS}{role}_value"))
    return frame, missing, ~missing & ~reads


def dates_of_unknown_unit(frame: Frame, role: str, column: str) -> tuple[Frame, list[Check]]:
    """Numbers without a unit: every one is ambiguous, and the choices that make sense are named."""
    value = nw.col(column)
    found = one_row(frame.select(value.min().alias("first"), value.max().alias("last")))
    frame = frame.with_columns(nw.lit(None, dtype=nw.Datetime("us")).alias(f"{OURS}{role}"))
    missing = value.is_null()
    return frame, moments.date_checks(
        role,
        column,
        missing=missing,
        unclear=~missing,
        why=f"A number is a date only once its unit is known. Say "
        f"{_formats_that_fit(found) or '`date_format=`'}.",
    )


def advice_on_unread(frame: Frame, role: str, date_format: str | None) -> str:
    """What to do about texts that are no dates: some may be numbers, with the units that fit."""
    if date_format is not None:
        return (
            f"They are not written as {date_format!r} says: correct them, leave those rows out, or "
            "say another format."
        )
    text = nw.col(f"{OURS}{role}_text")
    number = text.str.contains(_NUMBER) & ~text.is_in(NO_DATES) & (text.str.len_chars() != 8)
    value = nw.when(number).then(text).otherwise(nw.lit("0")).cast(nw.Float64)
    numbers = frame.select(number=number, value=value)
    value = nw.when(nw.col("number")).then(nw.col("value"))
    found = one_row(
        numbers.select(value=value).select(first=nw.col("value").min(), last=nw.col("value").max())
    )
    said = _formats_that_fit(found)
    if not said:
        return moments.ADVICE_ON_UNREAD
    return f"Numbers are dates once their unit is known: say {said}. {moments.ADVICE_ON_UNREAD}"


def advice_on_absent(frame: Frame, role: str) -> str:
    """What to do about dates that do not exist: eight digits may be written in another order."""
    at = f"{OURS}{role}_"
    absent = nw.col(f"{at}reads") & ~nw.col(f"{at}exists")
    eight = absent & nw.col(f"{at}text").str.contains("^[0-9]{8}$")
    if not signs_that_occur(frame, {"eight": eight})["eight"]:
        return moments.ADVICE_ON_ABSENT
    return (
        "Eight digits are read as year, month and day: if they are written otherwise, say "
        f"`date_format='%d%m%Y'` or '%m%d%Y'. {moments.ADVICE_ON_ABSENT}"
    )


def _formats_that_fit(found: Mapping[str, float | None]) -> str:
    """The values of `date_format` under which a column of numbers lies in 1980 to 2100."""
    if found["first"] is None or found["last"] is None:
        return ""
    ends = [float(found["first"]), float(found["last"])]
    scales = {"excel": lambda n: (n - _EXCEL) * 86_400.0} | {
        unit: (lambda n, k=k: n / k) for unit, k in EPOCHS.items()
    }
    fits = {unit: [scale(n) for n in ends] for unit, scale in scales.items()}
    said = [
        f"`date_format={unit!r}` ({_day_text(low)} to {_day_text(high)})"
        for unit, (low, high) in fits.items()
        if _DECADES[0] <= low <= high <= _DECADES[1]
    ]
    if all(re.fullmatch(r"(19|20)\d\d(0[1-9]|1[0-2])([0-2]\d|3[01])", f"{n:.0f}") for n in ends):
        said.insert(0, f"`date_format='%Y%m%d'` ({ends[0]:.0f} to {ends[1]:.0f})")
    if all(re.fullmatch(r"(19|20)\d\d(0[1-9]|1[0-2])", f"{n:.0f}") for n in ends):
        said.insert(0, f"`date_format='%Y%m'` (months, {ends[0]:.0f} to {ends[1]:.0f})")
    return " or ".join(said)


def _day_text(seconds: float) -> str:
    return f"{datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds):%Y-%m-%d}"
