"""What goes wrong in names, dates, amounts and bytes, as strategies that the fuzzer draws from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

Act = Callable[[Any, Path], object]
"""An input and an empty folder to the answer."""


@dataclass(frozen=True)
class Target:
    """Something to be fed: where its inputs come from, and what is done with one."""

    inputs: st.SearchStrategy[Any]
    act: Act


NAMES = st.sampled_from(
    [
        *("customer_id", "date", "sales", "start", "end", "order_id", "reason", "", " ", "DATE"),
        *('"; drop table x; --', "'", '"', "a,b", "a\nb", "_retention_row", "é", "e\u0301", "\0"),
        *("$1", "?", "{}", "%s", "select", "\ufeffdate", "1", "x" * 300, "rowid", "*", "🛒"),
    ]
)
DATES = st.one_of(
    st.sampled_from(
        [
            *("2024-02-29", "2023-02-29", "03/04/2024", "13/04/2024", "29 Feb 2024", "Feb 29, 24"),
            *("2024-02-29T13:05:00Z", "2024-02-29 25:61", "20240229", "45000", "1709210000", "now"),
            *("0000-00-00", "9999-12-31", "10000-01-01", "1582-10-10", "-1-1-1", "2024-W09-4"),
            *("2024-02-29T13:05:00+99:99", "2024-03-31 02:30", "٢٠٢٤-٠٢-٢٩", "1/2/3", "May 2024"),
            *("2024-02-29 13:05:00.123456789012", "1e9", "12/31/1899 12:00 AM", "2024-02-29 1 pm"),
        ]
    ),
    st.dates().map(str),
    st.datetimes().map(lambda at: at.strftime("%d.%m.%y %H:%M")),
    st.from_regex(r"\A[0-9]{1,5}[-/. ][0-9]{1,3}[-/. ][0-9]{1,6}[T ]?[0-9:+Z.]{0,9}\Z"),
)
AMOUNTS = st.one_of(
    st.sampled_from(
        [
            *("1", "-1", "0", "-0", "1,5", "1.5", "1.234,50", "1,234.50", "1 234,5", "1'234", "£1"),
            *("(12.50)", "12.50-", "1e308", "1e999", "-1e-999", "9" * 400, "nan", "inf", "1_000"),
            *("0x10", "١٢", "½", "12 EUR", "--1", "1..2", "1,2,3", ".", ",", "EUR", "1e5", "$-1.0"),
        ]
    ),
    st.from_regex(r"\A[-+(£$€]?[0-9., ']{0,12}[0-9eE]{0,4}[)-]?\Z"),
    st.floats().map(str),
)
CELLS = st.one_of(
    DATES,
    AMOUNTS,
    NAMES,
    st.text(max_size=12),
    st.sampled_from(
        ["7", "007", "Ann", '"', '"a', 'a"b', '"a""b"', '"x,y"', '"two\nlines"', "NULL"]
    ),
)
NOTHING: st.SearchStrategy[dict[str, Any]] = st.just({})
WRITTEN = (
    NOTHING
    | NOTHING
    | st.fixed_dictionaries(
        {},
        optional={
            "day_first": st.booleans(),
            "decimal": st.sampled_from([".", ","]),
            "tz": st.sampled_from(["Europe/Berlin", "UTC", "No/Such", "../etc/passwd", "", "\0"]),
            "date_format": st.one_of(
                st.sampled_from(
                    ["%d.%m.%y", "%Y-%m-%d", "epoch_s", "epoch_ns", "excel", "%", "%Q", "%%"]
                ),
                st.text(alphabet="%dmYyHMSbBjzZp-/. (*[\\'", max_size=8),
            ),
        },
    )
)


@st.composite
def mutated(draw: st.DrawFn, files: st.SearchStrategy[bytes]) -> bytes:
    """A file with some of its bytes changed, put in, taken out or written twice, or cut short."""
    data = bytearray(draw(files))
    for _ in range(draw(st.integers(0, 6))):
        at, n = draw(st.integers(0, max(len(data) - 1, 0))), draw(st.integers(1, 16))
        how = draw(st.sampled_from(["set", "put", "out", "twice", "cut"]))
        new = draw(st.binary(min_size=1, max_size=4)) if how in ("set", "put") else b""
        if how == "cut":
            del data[at:]
        elif how == "twice":
            data[at:at] = data[at : at + n]
        else:
            data[at : at + {"set": len(new), "put": 0, "out": n}[how]] = new
    return bytes(data)
