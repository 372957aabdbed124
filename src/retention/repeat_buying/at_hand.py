"""Tables brought into pandas once, so that several answers about their rows come in one order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retention.errors import RetentionError
from retention.frames import collect
from retention.repeat_buying.models import PurchaseModel
from retention.tables import Kind, require

if TYPE_CHECKING:
    import pandas as pd


def rows_at_hand(table: object, kind: Kind) -> pd.DataFrame:
    """The columns that a kind of table has, as far as they are there, in pandas.

    A lazy table gives its rows in another order each time it is asked.
    """
    import pandas as pd

    frame = require(table, kind, by_row=True, adds="all")
    present = frame.collect_schema()
    return pd.DataFrame(collect(frame.select(*(n for n in kind.names if n in present))))


def check_model(model: object) -> None:
    """Refuse what is not a fitted model of purchases.

    Raises:
        RetentionError: with what to give instead.
    """
    if not isinstance(model, PurchaseModel):
        raise RetentionError(
            f"model must be fitted, as by fit_pareto_nbd(summary); got {type(model).__name__}."
        )
