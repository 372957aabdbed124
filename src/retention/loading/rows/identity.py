"""Who is who: ids that may be one customer written in two ways, or many customers under one.

Nothing here is wrong for certain, so nothing is refused: it is counted, and said once.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw

from retention.frames import collect, count, one_row, skips_branches
from retention.loading.rows.row_checks import Note
from retention.loading.rows.text import OURS, value_as_written

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from retention.frames import Frame
    from retention.loading.rows.columns import Source

N_ROWS = f"{OURS}rows"
"""How many rows an id has."""

_KEY, _FORMS = f"{OURS}key", f"{OURS}forms"
_BLANK = "[ \t\r\n\u00a0\u00ad\u2000-\u200f\u202f\u2060\u3000\ufeff]"
_FORMED = "[\u0300-\u036f\u1100-\u11ff\u3099\u309a\ufb00-\ufb4f\uff00-\uffef]"
"""Letters that can be written otherwise: accents of their own, ligatures, those of full width."""

_BARE = "^(?:[A-Za-z_-]+[0-9]|[1-9])[0-9A-Za-z_-]*$"
"""An id such as C0017 or 17: of it nothing is left out before it is compared but its case."""

_WAYS: Mapping[str, tuple[Callable[[str], str], str]] = {
    "case": (str.lower, ".str.lower()"),
    "blanks": (lambda text: re.sub(_BLANK, "", text), r".str.replace(r'\s', '', regex=True)"),
    "leading zeros": (lambda text: text.lstrip("0"), ".str.lstrip('0')"),
    "a decimal point": (
        lambda text: text.removesuffix(".0"),
        r".str.replace(r'\.0$', '', regex=True)",
    ),
    "Unicode form": (
        lambda text: unicodedata.normalize("NFKC", text),
        ".str.normalize('NFKC')",
    ),
}
"""How two texts for one id may differ: what undoes the difference, here and in pandas."""

_NOBODY = frozenset(
    (
        *("0", "-1", "00000", "99999", "999999", "x", "xx", "xxx", "-", ".", "?", "n/a", "na"),
        *("guest", "gast", "invité", "invitado", "unknown", "unbekannt", "inconnu", "anonymous"),
        *("anonym", "none", "null", "nan", "test", "cash", "walk-in", "walkin", "default", "dummy"),
        *("noname", "customer", "kunde", "laufkunde", "other", "misc"),
    )
)
"""What systems write for a customer they do not know."""

_LARGE, _NOTABLE = 0.05, 0.01  # of all rows
_OUTSTANDING, _MORE = 10, 2  # times the next id
_ENOUGH = 10  # ids, before any stands out


@dataclass(frozen=True, slots=True)
class _Same:
    """Ids that may be one: the smallest and the largest, how many there are, and their rows."""

    least: str
    most: str
    n: int
    rows: int


def id_notes(source: Source, frame: Frame, _: int) -> list[Note]:
    """What deserves a look among the customers of a table, if it names any."""
    column = source.roles.get("customer_id")
    return [] if column is None else alike_id_notes(frame, "customer_id", column)


def alike_id_notes(frame: Frame, role: str, column: str) -> list[Note]:
    """Ids of text that differ only in case, blanks, leading zeros, ".0" or Unicode form.

    Args:
        frame: the accepted rows, or the `rows_per_id` of their ids.
        role: which id, "customer_id" say.
        column: its name in the user's table, which the advice uses.
    """
    ours = f"{OURS}{role}"
    schema = frame.collect_schema()
    if not isinstance(schema[ours], nw.String):
        return []
    ids = frame if N_ROWS in schema else rows_per_id(frame, role)
    # pandas calls a column of nothing but gaps one of text
    ids = ids.with_columns(nw.col(ours).cast(nw.String), nw.col(N_ROWS).cast(nw.Int64))
    ids = ids.with_columns(**keys_of_ids(ids, ours))
    same = _ids_that_share(ids, ours)
    if not same:
        return []
    differ = {way for one in same for way in _ways_to_differ(one)}
    ways = [way for way in _WAYS if way in differ]
    first = min(same, key=lambda one: one.least)
    cure = "".join(_WAYS[way][1] for way in ways)
    return [
        Note(
            f"{role}s that differ only in {_ways_in_words(ways)}",
            sum(one.rows for one in same),
            sum(one.n for one in same),
            f"{value_as_written(first.least)} and {value_as_written(first.most)}",
            f"If they are one, write them alike first, in pandas: "
            f"df[{column!r}] = df[{column!r}]{cure}.",
        )
    ]


def rows_per_id(frame: Frame, role: str, *, eager: bool = False) -> Frame:
    """How many rows each id has; of an eager table counted once for all who ask."""
    ours = f"{OURS}{role}"
    ids = frame.group_by(ours).agg(nw.len().alias(N_ROWS)).filter(~nw.col(ours).is_null())
    return ids.collect().lazy() if eager else ids


def keys_of_ids(frame: Frame, ours: str) -> dict[str, nw.Expr]:
    """What ids in a column share if they may be one, and whether a letter has another form."""
    text = nw.col(ours)
    key = _text_to_compare(text)
    if skips_branches(frame):
        bare = text.str.contains(_BARE)
        key = nw.when(bare).then(text.str.to_lowercase()).otherwise(key)
    return {_KEY: key, _FORMS: count(text.str.contains(_FORMED))}


def totals_of_keys() -> list[nw.Expr]:
    """What is asked of these columns, for `are_apart`."""
    return [nw.col(_KEY).n_unique(), nw.col(_FORMS).sum()]


def are_apart(found: Mapping[str, float]) -> bool:
    """Whether no two of `n` ids share their key or may do so in another form of letters."""
    return found["n"] == found[_KEY] and not found[_FORMS]


def may_be_crowded(most: float, n_rows: int) -> bool:
    """Whether an id with so many rows of all may be worth a note."""
    return most >= max(n_rows * _NOTABLE, 2)


def _text_to_compare(text: nw.Expr) -> nw.Expr:
    """A text without what may differ between two of one id, as far as an engine can tell."""
    bare = text.str.to_lowercase().str.replace_all(_BLANK, "").str.replace_all(r"\.0$", "")
    return bare.str.replace_all("^0+", "")


def _ids_that_share(ids: Frame, ours: str) -> list[_Same]:
    """Those among the ids that share what is left of them."""
    if are_apart(one_row(ids.select(nw.len().alias("n"), *totals_of_keys()))):
        return []
    told = ids.with_columns(least=nw.col(ours), most=nw.col(ours), n=nw.lit(1))
    told = told.with_columns(nw.col("n").cast(nw.Int64))
    groups = told.group_by(_KEY).agg(
        *(nw.col(name).sum() for name in ("n", N_ROWS)),
        nw.col(_FORMS).sum().alias("formed"),
        nw.col("least").min(),
        nw.col("most").max(),
    )
    found = collect(groups.filter((nw.col("n") > 1) | (nw.col("formed") > 0)))
    rows = zip(
        *(found[name].tolist() for name in (_KEY, "least", "most", "n", N_ROWS)), strict=True
    )
    same = {key: _Same(least, most, int(n), int(rows)) for key, least, most, n, rows in rows}
    if found["formed"].sum():
        same = _ids_in_one_form(ids, ours, same)
    return [one for one in same.values() if one.n > 1]


def _ids_in_one_form(ids: Frame, ours: str, same: Mapping[str, _Same]) -> dict[str, _Same]:
    """The same of texts that can be written in another form, which no engine undoes."""
    formed = collect(ids.filter(nw.col(ours).str.contains(_FORMED)).select(_KEY))[_KEY].tolist()
    keys = {key: _bare_text(key) for key in {*formed, *same}}
    others = collect(
        ids.filter(nw.col(_KEY).is_in(sorted(set(keys.values())))).select(ours, _KEY, N_ROWS)
    )
    groups: dict[str, list[_Same]] = {}
    for key, one in same.items():
        groups.setdefault(keys[key], []).append(one)
    for text, key, n in zip(*(others[name].tolist() for name in (ours, _KEY, N_ROWS)), strict=True):
        if key not in same:
            groups.setdefault(key, []).append(_Same(text, text, 1, int(n)))
    return {
        key: _Same(
            min(one.least for one in some),
            max(one.most for one in some),
            sum(one.n for one in some),
            sum(one.rows for one in some),
        )
        for key, some in groups.items()
    }


def _bare_text(text: str) -> str:
    for undo, _ in reversed(list(_WAYS.values())):
        text = undo(text)
    return text


def _ways_to_differ(one: _Same) -> list[str]:
    """In which ways two ids differ; where several undo it alike, in the first of these."""
    differ = [way for way in _WAYS if _differ_in_way(one, way)]
    if differ:
        return differ
    return [way for way, (undo, _) in _WAYS.items() if undo(one.least) == undo(one.most)][:1]


def _differ_in_way(one: _Same, way: str) -> bool:
    """Whether two ids differ in this way: with all else undone they are still two."""
    a, b = one.least, one.most
    for other, (undo, _) in _WAYS.items():
        if other != way:
            a, b = undo(a), undo(b)
    return a != b


def _ways_in_words(ways: Iterable[str]) -> str:
    *most, last = ways
    return f"{', '.join(most)} or {last}" if most else last


def crowded_id_notes(ids: Frame, column: str, n_rows: int) -> list[Note]:
    """An id that stands for so many rows that it may be everybody whose name was not asked.

    Args:
        ids: the `rows_per_id` of the customers' ids.
        column: the customers' column in the user's table.
        n_rows: how many rows there are.
    """
    ours = f"{OURS}customer_id"
    ids = ids.with_columns(nw.col(N_ROWS).cast(nw.Int64))
    found = collect(ids.filter(nw.col(N_ROWS) >= max(n_rows * _NOTABLE, 2)), exact=True)
    large = sorted(zip(found[N_ROWS].tolist(), found[ours].tolist(), strict=True), reverse=True)
    if not large:
        return []
    (n, who), share = large[0], large[0][0] / n_rows
    others = ids.filter(nw.col(N_ROWS) < n) if len(large) == 1 else None
    following = (
        large[1][0] if others is None else one_row(others.select(nw.col(N_ROWS).max()))[N_ROWS] or 0
    )
    n_ids = one_row(ids.select(nw.len().alias("n")))["n"]
    named_so = str(who).strip().lower() in _NOBODY and n > _MORE * following
    stands_out = share >= _LARGE and n_ids >= _ENOUGH and n >= _OUTSTANDING * following
    if not (named_so or stands_out):
        return []
    return [
        Note(
            f"one customer_id with {share:.0%} of all rows",
            int(n),
            1,
            value_as_written(who),
            "If it stands for many (guests, walk-in customers), leave its rows out, in pandas: "
            f"df = df[df[{column!r}] != {who!r}].",
        )
    ]
