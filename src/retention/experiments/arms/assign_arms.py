"""Who gets what: arms from a hash of the customer's id, so that anybody can work them out again."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any, Literal

import narwhals.stable.v2 as nw
import numpy as np

from retention import periods
from retention.errors import (
    YOURS,
    ColumnError,
    ContentError,
    RetentionError,
    check_choice,
)
from retention.frames import Columns, FewTexts, as_text, collect, one_row, table_like
from retention.numerics.codes import group_numbers
from retention.tables import (
    ASSIGNMENT,
    CUSTOMER,
    Kind,
    column_names,
    planned_shares,
    refuse_repeated_customers,
    require,
)
from retention.tables.answer_columns import gives

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date

    from narwhals.stable.v2.typing import IntoFrameT
    from numpy.typing import NDArray

    from retention.frames import Frame

    Floats = NDArray[np.float64]
    Places = NDArray[np.intp]

Method = Literal["list", "rolling"]
"""How arms are chosen: of a closed list by exact quotas, or of each customer as they come."""

_LISTED = Kind("customers", "a customer to be put into an arm", YOURS, (CUSTOMER,))
_PARTING = "\x1f"
_ROUNDING = 1e-9
_BELOW_1 = float(np.nextafter(1.0, 0.0))
_LONGEST = 2.0**63


@gives(ASSIGNMENT)
def assign_arms(
    customers: IntoFrameT,
    *,
    arms: Mapping[str, float],
    salt: str,
    assigned: date | str,
    strata: str | Sequence[str] = (),
    method: Method,
) -> IntoFrameT:
    """Which arm of an experiment each customer is in: at random, and so that it can be audited.

    Nothing is drawn. Each customer has the number

        u = the first 8 bytes of SHA-256(salt, byte 1F, id) / 2^64,   0 ≤ u < 1,

    with the id as text in UTF-8 (7 is "7"), big end first: the same on every engine, in any order
    of rows, today and when somebody checks it. The arms are taken in the order of their names.

    - `method="list"`: of a closed list, within each stratum by rising u, so many customers to each
      arm as its share of the n says. What is left after whole customers goes to arms by the hash of
      the stratum, each with the chance that its fraction says: an arm has within 1 of n × share in
      every stratum, and its share overall however small the strata are.
    - `method="rolling"`: the arm within whose part of the cumulated shares u falls. Nobody's arm
      changes as customers come or go, so this is for those who arrive day by day.

    Two experiments with different salts are independent of each other. They would not be with a
    cheaper hash: CRC-32 is affine, and with salts of one length it splits customers in exactly the
    same way, or the opposite one ("spring" and "summer" agree in 100 of 100 customers). The salt is
    what makes a second experiment a second one: never use one twice.

    To assign whole branches give a table of branches, with the branch as `customer_id`, join the
    arm to the customers, and load that with `as_assignment(..., cluster=)`.

    Args:
        customers: a row per customer: `customer_id`, text or whole numbers, and the columns of
            `strata`.
        arms: the share of each arm, above 0, which sum to 1: {"control": 0.5, "offer": 0.5}.
        salt: the name of the experiment, such as "spring-offer".
        assigned: the day from which all is counted.
        strata: columns within whose values arms are balanced, as they stand on that day: text,
            whole numbers or true/false; what is missing is a stratum of its own. With
            `method="list"` only.
        method: "list" or "rolling".

    Returns:
        One row per customer, in the kind of `customers`, by `customer_id`: `customer_id`, `arm`,
        `assigned` (the day), `share` (planned, of the arm) and, with `strata`, `stratum` (the
        value; of several columns the values with " / " between them).

    Raises:
        RetentionError: if there are fewer than two arms, their shares are not above 0 or do not sum
            to 1, the salt is blank, `assigned` is no day, or `strata` are named with "rolling".
        ColumnError: if a column is missing or of the wrong type.
        ContentError: if the table is empty, or a customer is missing or stands in it twice.

    Example:
        u is 0.8197 for C000001 and 0.5514 for C000002, so that of the two C000002 comes first.

        >>> import pandas as pd
        >>> import retention as rt
        >>> customers = pd.DataFrame({"customer_id": ["C000001", "C000002"]})
        >>> plan = {"arms": {"control": 0.5, "offer": 0.5}, "salt": "spring-offer"}
        >>> said = {**plan, "assigned": "2024-05-01"}
        >>> rt.experiments.assign_arms(customers, **said, method="list")
          customer_id      arm   assigned  share
        0     C000001    offer 2024-05-01    0.5
        1     C000002  control 2024-05-01    0.5
        >>> rt.experiments.assign_arms(customers, **said, method="rolling")["arm"].tolist()
        ['offer', 'offer']

    Source:
        SHA-256: FIPS 180-4. What is left over, by systematic sampling: Madow, W. G. (1949), On the
        theory of systematic sampling, II, Annals of Mathematical Statistics 20, 333–354.
    """
    check_choice("method", method, ("list", "rolling"))
    shares = planned_shares(arms, argument="arms")
    _refuse_blank_salt(salt)
    day = periods.as_day(assigned, argument="assigned")
    names = column_names(strata, argument="strata")
    if names and method == "rolling":
        raise RetentionError(
            "strata are balanced over a list that is closed: with customers who come one by one "
            "there is none. Say `method='list'`, or leave `strata` out."
        )
    found = _customers_in_order(require(customers, _LISTED, adds="none"), names)
    u = unit_hashes(found["customer_id"].tolist(), salt)
    planned = np.array(list(shares.values()))
    if method == "rolling":
        place, stratum = np.searchsorted(np.cumsum(planned)[:-1], u, side="right"), None
    else:
        group, labels = _strata_of_rows(found, names)
        place = _arms_of_list(u, group, _quotas(group, labels, planned, salt))
        stratum = FewTexts(group, tuple(labels)) if names else None
    return table_like(_assignment_columns(found, place, shares, day, stratum), customers)


def unit_hashes(ids: Iterable[object], salt: str) -> Floats:
    """Numbers from 0 to below 1 that a salt and ids as text make, see `assign_arms`.

    Example:
        >>> print(unit_hashes(["C000001", 1], "spring-offer").tolist())
        [0.8196943429905417, 0.4666094571028513]
    """
    start = f"{salt}{_PARTING}".encode("utf-8", "surrogatepass")
    eights = [sha256(start + str(i).encode("utf-8", "surrogatepass")).digest()[:8] for i in ids]
    whole = np.frombuffer(b"".join(eights), dtype=">u8").astype(np.float64)
    return np.minimum(whole / 2.0**64, _BELOW_1)


def _refuse_blank_salt(salt: object) -> None:
    if not (isinstance(salt, str) and salt.strip()):
        raise RetentionError(
            "`salt` must be the name of the experiment, such as 'spring-offer', which no other "
            f"has: with one salt two experiments split customers alike. Got {salt!r}."
        )


def _customers_in_order(frame: Frame, names: Sequence[str]) -> Columns:
    """The customers by id, each once, with their strata as text."""
    schema = frame.collect_schema()
    for name in names:
        if name not in schema or name == "customer_id":
            raise ColumnError.unknown("strata", name, [n for n in schema if n != "customer_id"])
    refuse_repeated_customers(frame, "customers")
    who = nw.col("customer_id")
    if isinstance(schema["customer_id"], nw.Int128 | nw.UInt128):  # NumPy has none of these
        told = one_row(frame.select(least=who.min(), most=who.max()))
        if max(map(abs, map(float, told.values()))) >= _LONGEST:
            raise ColumnError("customers: a 'customer_id' is beyond 2^63. Give ids as text.")
        who = who.cast(nw.Int64)
    texts = [_stratum_text(name, schema[name]).alias(f"_{i}") for i, name in enumerate(names)]
    found = collect(frame.select(who, *texts).sort("customer_id"), exact=True)
    if not found["customer_id"].size:
        raise ContentError("customers: the table is empty.")
    return found


def _stratum_text(name: str, dtype: nw.dtypes.DType) -> nw.Expr:
    try:
        return as_text(name, dtype)
    except ColumnError:
        raise ColumnError(
            f"strata: column {name!r} holds {dtype}, not labels. A stratum is text, a whole number "
            "or true/false: whole numbers with gaps need .astype('Int64') in pandas; else put it "
            "into classes first."
        ) from None


def _strata_of_rows(found: Columns, names: Sequence[str]) -> tuple[Places, list[str]]:
    """The stratum of each customer as a number, and what the strata are called."""
    columns = [f"_{i}" for i in range(len(names))]
    group, keys = group_numbers(found, columns, found["customer_id"].size)
    labels = [" / ".join(key) for key in keys]
    if len(set(labels)) < len(labels):
        alike = next(label for label in labels if labels.count(label) > 1)
        raise ContentError(
            f"strata: different values of {', '.join(map(repr, names))} are called {alike!r} "
            "alike. Write ' / ' otherwise in them."
        )
    return group, labels


def _quotas(group: Places, labels: Sequence[str], shares: Floats, salt: str) -> Places:
    """How many customers of each stratum (a row) each arm (a column) gets.

    The odd ones are points at v, v + 1, … on a line along which the fractions of the arms lie end
    to end: each is 1 at most, and its chance to catch one is its length.
    """
    exact = np.bincount(group, minlength=len(labels))[:, None] * shares
    whole: Floats = np.floor(exact + _ROUNDING)
    odd = np.bincount(group, minlength=len(labels)) - whole.sum(axis=1)
    ends = np.cumsum(np.maximum(exact - whole, 0), axis=1)
    ends[:, -1] = odd
    v = unit_hashes(labels, f"{salt}|rest")[:, None]
    passed: Floats = np.ceil(np.minimum(ends, odd[:, None]) - v)
    extra: Floats = np.diff(passed, axis=1, prepend=0)
    return np.asarray(whole + extra, np.intp)


def _arms_of_list(u: Floats, group: Places, quotas: Places) -> Places:
    """The arm of each customer, as a number: within a stratum by rising u, as the quotas say."""
    place = np.empty(u.size, np.intp)
    n_strata, n_arms = quotas.shape
    place[np.lexsort((u, group))] = np.repeat(np.tile(np.arange(n_arms), n_strata), quotas.ravel())
    return place


def _assignment_columns(
    found: Columns,
    place: Places,
    shares: Mapping[str, float],
    day: date,
    stratum: FewTexts | None,
) -> dict[str, Any]:
    """The columns of the answer."""
    return {
        "customer_id": found["customer_id"],
        "arm": FewTexts(place, tuple(shares)),
        "assigned": np.full(place.size, np.datetime64(day, "D")),
        "share": np.array(list(shares.values()))[place],
        **({} if stratum is None else {"stratum": stratum}),
    }
