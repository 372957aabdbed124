"""The customers a model is asked about: read, with their tenures, some at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw
import numpy as np

from retention.errors import ColumnError, ContentError, check_choice, count_of
from retention.frames import Columns, collect, count, one_row
from retention.names import columns_as_asked, inner_name
from retention.survival.models.covariates import places_of_strata
from retention.survival.models.lifetime_model import ORIGIN
from retention.survival.models.unknowns import ASIDE, Reader
from retention.tables import CUSTOMERS, LIFETIMES, keeping, require

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from retention.frames import Frame
    from retention.survival.models.lifetime_model import LifetimeModel

    Floats = NDArray[np.float64]

_CHUNK = 131_072  # customers at a time, so that no array of customers × covariates grows large


_ALONG = "_along_"


ASIDE_COLUMN = "_is_aside_"  # whether a spell is set aside


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some customers: their rows, design, strata and since when they are predicted.

    Attributes:
        why: the place in `WHY` of what keeps a customer from being predicted; −1 for nothing.
    """

    rows: slice
    design: Floats
    stratum: NDArray[np.intp]
    start: Floats
    why: NDArray[np.int8]

    def where_known(self, values: Floats) -> Floats:
        """The values, NaN for those that cannot be predicted."""
        values[self.why >= 0] = np.nan
        return values


def columns_of_customers(
    model: LifetimeModel, customers: object, given: str | None, keep: Sequence[str]
) -> tuple[Columns, Columns]:
    """What is needed of the customers, with a tenure and a `start` for each; what goes along."""
    check_choice("given", given, ("tenure", None))  # type: ignore[arg-type]
    frame = require(customers, CUSTOMERS, by_row=True)
    refuse_absent_columns(model, frame.collect_schema())
    return columns_with_tenure(frame, columns_of_model(model), given, keep)


def columns_with_tenure(
    frame: Frame, needed: Sequence[str], given: str | None, keep: Sequence[str]
) -> tuple[Columns, Columns]:
    """The needed columns of customers, with a tenure and a `start` for each; what goes along.

    Raises:
        ColumnError: if a column to keep is not there, or nothing says how long they have stayed.
        ContentError: if a tenure is missing, below 0 or infinite.
    """
    frame = _customers_with_tenure(frame) if given else frame
    schema = frame.collect_schema()
    for name in keep:
        if name not in schema:
            raise ColumnError.unknown("keep", name, schema)
    aside = [ASIDE_COLUMN] if ASIDE_COLUMN in schema else []
    wanted = ["customer_id", *(["tenure"] if given else []), *aside, *needed]
    # One query, for a lazy table gives its rows in another order each time; kept whole numbers
    # stay what they are even if some are missing, while covariates are read as numbers.
    along = {f"{_ALONG}{name}": nw.col(name) for name in keep}
    asked = frame.select(*dict.fromkeys(map(inner_name, wanted)), **along)
    found = columns_as_asked(collect(asked, exact=bool(along)), wanted)
    kept = {name: found.pop(f"{_ALONG}{name}") for name in keep}
    n = found["customer_id"].size
    if not given:
        return found | {"tenure": np.zeros(n), "start": np.broadcast_to(ORIGIN, n)}, kept
    tenure = found["tenure"].astype(np.float64)
    if n := int((~((tenure >= 0) & (tenure < np.inf))).sum()):
        n_have = count_of(n, "has", "have")
        raise ContentError(f"customers: {n_have} no tenure, or one below 0 or infinite.")
    return found | {"tenure": tenure, "start": tenure}, kept


def _customers_with_tenure(customers: Frame) -> Frame:
    """Customers with their tenure; of a table of spells those that go on, which lasted so far.

    Raises:
        ColumnError: if nothing says how long they have stayed.
    """
    schema = customers.collect_schema()
    if "tenure" in schema:
        return customers
    if not {"duration", "churned"} <= set(schema):
        raise ColumnError(
            "customers lacks 'tenure' (how long the customer has stayed already). Add it, in the "
            "unit of the durations that the model was fitted on, or give the table of spells: the "
            "'duration' of those with 'churned' false is taken. For customers who are only "
            "starting, say given=None."
        )
    frame = require(customers, LIFETIMES, by_row=True)
    if one_row(frame.select(n=count(nw.col("churned").is_null()).sum()))["n"]:
        raise ContentError("customers: 'churned' is missing in some rows. Is the spell still on?")
    aside = nw.lit(False) if "set_aside" not in schema else ~nw.col("set_aside").is_null()
    marked = frame.with_columns(aside.alias(ASIDE_COLUMN), tenure=nw.col("duration"))
    return marked.filter(~nw.col("churned"))


def columns_of_model(model: LifetimeModel) -> list[str]:
    """The columns that the model was fitted on, and its strata."""
    return [*(covariate.name for covariate in model.covariates), *model.stratum_columns]


def columns_needed(model: LifetimeModel, schema: Iterable[str]) -> list[str]:
    """The columns of a table that the model asks for; one, for the number of rows, at least."""
    return list(dict.fromkeys(map(inner_name, columns_of_model(model)))) or list(schema)[:1]


def refuse_absent_columns(model: LifetimeModel, schema: Iterable[str]) -> None:
    """Refuse a table without one of them."""
    names = list(schema)
    for name in columns_of_model(model):
        if inner_name(name) not in names:
            raise ColumnError.unknown("the model", name, names, kept=keeping(LIFETIMES))


def chunks_of_customers(
    model: LifetimeModel, columns: Columns, start: Floats, table: str = "customers"
) -> Iterator[Chunk]:
    """Some customers at a time; once all have been read, one warning of those it cannot predict."""
    n, reader = start.size, Reader(model.covariates)
    for first in range(0, n, _CHUNK):
        rows = slice(first, min(first + _CHUNK, n))
        here = {name: columns[name][rows] for name in columns_of_model(model)}
        size = rows.stop - first
        design, why = reader.read(here, size)
        if ASIDE_COLUMN in columns:
            why[columns[ASIDE_COLUMN][rows].astype(np.bool_)] = ASIDE
        stratum = places_of_strata(here, model.stratum_columns, model.stratum_keys, size)
        yield Chunk(rows, design, stratum, start[rows], why)
    reader.refuse_foreign(table)
    reader.warn(table)
