"""What all doors share: a table or a file, and an audit of either."""

from __future__ import annotations

import inspect
from pathlib import Path

import pandas as pd
import pytest

import retention as rt

pytestmark = pytest.mark.filterwarnings("ignore::retention.errors.RetentionWarning")

DOORS = {
    rt.as_transactions: (
        {"customer_id": "who", "date": "day", "sales": "paid"},
        {"who": ["A", "B"], "day": ["2024-01-05", "2024-01-06"], "paid": ["1.5", "2.5"]},
        {"who": [""]},
    ),
    rt.as_contracts: (
        {"customer_id": "who", "start": "from", "end": "to", "end_is": "last_day"},
        {"who": ["A", "B"], "from": ["2024-01-01", "2024-01-02"], "to": ["2024-03-01", ""]},
        {"from": ["2024-02-30"]},
    ),
    rt.as_contacts: (
        {
            "customer_id": "who",
            "date": "day",
            "business_hours": "always",
            "first_response_hours": "h",
            "resolution_hours": "h2",
        },
        {"who": ["A", "B"], "day": ["2024-01-05", "2024-01-06"], "h": ["2", "3"], "h2": ["4", "5"]},
        {"h": ["-1"]},
    ),
    rt.as_surveys: (
        {"customer_id": "who", "date": "day", "recommend": "nps"},
        {"who": ["A", "B"], "day": ["2024-01-05", "2024-01-06"], "nps": ["9", "3"]},
        {"nps": ["11"]},
    ),
    rt.as_costs: (
        {"date": "day", "kind": "what", "amount": "paid"},
        {"day": ["2024-01-05", "2024-01-06"], "what": ["gift", "call"], "paid": ["3", "4"]},
        {"day": ["never"]},
    ),
    rt.as_outages: (
        {"start": "from", "end": "to"},
        {"from": ["2024-01-05 10:00", "2024-01-06 11:00"], "to": ["2024-01-05 11:00", ""]},
        {"from": ["2024-13-01 10:00"]},
    ),
    rt.as_spells: (
        {"duration": "days", "churned": "gone"},
        {"days": ["3", "4"], "gone": ["yes", "no"]},
        {"days": ["-3"]},
    ),
    rt.as_referrals: (
        {"customer_id": "by", "referred_id": "who", "date": "day"},
        {"by": ["A", "A"], "who": ["B", "C"], "day": ["2024-01-05", "2024-01-06"]},
        {"who": ["A"]},
    ),
    rt.loading.as_events: (
        {"customer_id": "who", "date": "day", "event": "what"},
        {"who": ["A", "B"], "day": ["2024-01-05", "2024-01-06"], "what": ["login", "moved"]},
        {"what": [""]},
    ),
    rt.loading.as_invoices: (
        {"customer_id": "who", "date": "day", "due": "to", "paid": "settled", "amount": "owed"},
        {
            "who": ["A", "B"],
            "day": ["2024-01-05", "2024-01-06"],
            "to": ["2024-02-05", "2024-02-06"],
            "settled": ["2024-01-05", ""],
            "owed": ["1.5", "2.5"],
        },
        {"to": ["2024-01-05"]},
    ),
    rt.loading.as_offers_made: (
        {"customer_id": "who", "date": "day", "responded": "reply"},
        {
            "who": ["A", "B"],
            "day": ["2024-01-05", "2024-01-06"],
            "reply": ["2024-01-05", ""],
        },
        {"reply": ["2024-01-05"]},
    ),
    rt.loading.as_calls: (
        {"customer_id": "who", "date": "day", "outcome": "then"},
        {"who": ["A", "B"], "day": ["2024-01-05", "2024-01-06"], "then": ["stays", ""]},
        {"day": ["2024-02-30"]},
    ),
    rt.loading.as_benchmarks: (
        {
            **{role: role for role in ("name", "days", "convention", "source", "year")},
            "rate": "lost",
            "rate_lower": "stated",
            "rate_upper": "stated",
            "measure": "churn",
        },
        {
            "name": ["A", "B"],
            "days": ["30", "365"],
            "convention": ["endpoint", "not stated"],
            "source": ["a filing", "a survey"],
            "year": ["2012", "2021"],
            "lost": ["0.0084", "0.16"],
        },
        {"lost": ["16"]},
    ),
    rt.as_wallet: (
        {"customer_id": "who", "date": "day", "wallet": "all"},
        {"who": ["A", "B"], "day": ["2024-01-05", "2024-01-06"], "all": ["3", "4"]},
        {"all": ["much"]},
    ),
}
every_door = pytest.mark.parametrize("door", DOORS, ids=lambda door: door.__name__)


@every_door
def test_a_file_is_its_table(door, tmp_path: Path):
    """Read by the door's own call, as pandas or Polars; what is said of a file is said here."""
    roles, rows, _ = DOORS[door]
    path = tmp_path / "rows.csv"
    pd.DataFrame(rows).assign(other="x").to_csv(path, index=False, sep=";")
    expected = door(pd.DataFrame(rows), **roles)
    pd.testing.assert_frame_equal(door(path, separator=";", **roles), expected)
    pd.testing.assert_frame_equal(door(table=path, **roles), expected)
    polars = door(str(path), engine="polars", **roles)
    assert type(polars).__module__.startswith("polars")
    assert polars.columns == list(expected.columns)
    assert len(polars) == len(expected)


@every_door
def test_an_audit_parts_what_the_door_would_refuse(door, tmp_path: Path):
    """Every row comes back, accepted or with a reason; of a file as of a table."""
    roles, rows, wrong = DOORS[door]
    bad = pd.DataFrame(rows)
    bad.loc[1, list(wrong)] = [values[0] for values in wrong.values()]
    with pytest.raises(rt.ContentError, match=rf"audit\({door.__name__}, \.\.\.\) parts such rows"):
        door(bad, **roles)
    path = tmp_path / "rows.csv"
    bad.to_csv(path, index=False)
    for given in (bad, path):
        audit = rt.audit(door, given, **roles)
        assert (len(audit.accepted), len(audit.set_aside)) == (1, 1)
        assert audit.set_aside["reason"].notna().all()
        assert audit.summary["rows"].iloc[-1] == 2
    pd.testing.assert_frame_equal(audit.accepted, door(bad.head(1), **roles))


@every_door
def test_a_keyword_that_is_none_is_told_with_the_nearest(door):
    """Also one of a file; nothing is swallowed."""
    roles, rows, _ = DOORS[door]
    with pytest.raises(TypeError, match="unexpected keyword argument 'encodin'.*'encoding'"):
        door(pd.DataFrame(rows), encodin="utf-8", **roles)
    assert "keep" not in roles
    assert list(inspect.signature(door).parameters)[-1] == "file"


def test_an_audit_of_something_else_is_refused():
    """A figure is no door."""
    with pytest.raises(rt.RetentionError, match="audit takes a door first"):
        rt.audit(rt.retention_rate, pd.DataFrame())


def test_an_audit_that_fails_leaves_no_trace():
    """The next call of the door hands out a table again."""
    roles, rows, _ = DOORS[rt.as_costs]
    with pytest.raises(rt.ColumnError):
        rt.audit(rt.as_costs, pd.DataFrame(rows), **{**roles, "amount": "nothing"})
    assert isinstance(rt.as_costs(pd.DataFrame(rows), **roles), pd.DataFrame)
