"""leakage_check: hours that end with the working day, columns of lists, tables named by number."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import retention as rt
from retention.errors import RetentionError

DAY = "2024-01-08"  # a Monday
HOW = {"window": 30, "targets": {"first_response": 4, "resolution": 9}}


def leaks(build, tables, **said):
    """The columns that leak."""
    found = rt.signals.leakage_check(build, tables, dates=DAY, **said)
    return found["column"][found["leaks"]].tolist()


@pytest.mark.parametrize("hours", [3.0, 8.5, 9.0])
def test_features_of_contacts_by_working_hours_do_not_leak(hours):
    """Solved before the desk closed, as it did, and on the next day: known, known, and open."""
    contacts = rt.loading.as_contacts(
        pd.DataFrame(
            {
                "who": ["Ann", "Ann"],
                "came": ["2024-01-08 09:00", "2024-02-12 10:00"],
                "answer": [hours, 1.0],
                "end": [hours, 1.0],
            }
        ),
        customer_id="who",
        date="came",
        first_response_hours="answer",
        resolution_hours="end",
        business_hours={"mon-fri": "09:00-17:30"},
    )
    asked = pd.DataFrame({"customer_id": ["Ann"], "as_of": [pd.Timestamp(DAY)]})
    found = rt.signals.contact_features(asked, contacts, **HOW)
    assert found["longest_open_hours"].tolist() == [8.5 if hours > 8.5 else 0.0]
    build = lambda tables, day: rt.signals.contact_features(asked, tables["c"], **HOW)  # noqa: E731
    assert leaks(build, {"c": contacts}) == []


def orders():
    """One order by the day, one after it."""
    days = pd.to_datetime(["2024-01-01", "2024-02-01"])
    return pd.DataFrame({"customer_id": ["Ann", "Ann"], "date": days, "sales": [1.0, 2.0]})


@pytest.mark.parametrize("of", [np.asarray, list, set])
def test_lists_and_arrays_in_a_column_are_compared_as_wholes(of):
    """What every customer bought, of the days by then and of all days; an empty list is no gap."""
    told = lambda log: pd.DataFrame(  # noqa: E731
        {"customer_id": ["Ann"], "bought": [of(log["sales"].tolist())], "none": [of([])]}
    )
    past = lambda log, day: log[log["date"] <= pd.Timestamp(day)]  # noqa: E731
    assert leaks(lambda tables, day: told(past(tables["o"], day)), {"o": orders()}) == []
    assert leaks(lambda tables, day: told(tables["o"]), {"o": orders()}) == ["bought"]


def test_tables_may_be_named_by_numbers():
    """The refusal of a name says which there are."""
    with pytest.raises(RetentionError, match=r"filled_later names 2, .*: 1\."):
        leaks(lambda tables, day: tables[1], {1: orders()}, filled_later={2: "paid"})
