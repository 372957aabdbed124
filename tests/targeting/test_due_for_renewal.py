"""due_for_renewal: the list of a day, and what is refused."""

from __future__ import annotations

from datetime import date, timedelta

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retention.errors import ColumnError, ContentError, RetentionError
from retention.targeting import due_for_renewal

TODAY = date(2024, 3, 1)
days = st.integers(-800, 40).map(lambda n: TODAY + timedelta(days=n))
contract = st.tuples(st.sampled_from(["Ann", "Bob", "Cem"]), days, st.integers(0, 900) | st.none())


def table_of(rows):
    """Contracts, as (customer, start, days in force; None while it runs)."""
    ends = [None if n is None else start + timedelta(days=n) for _, start, n in rows]
    return pd.DataFrame({
        "customer_id": [who for who, _, _ in rows],
        "start": pd.to_datetime([start for _, start, _ in rows]),
        "end": pd.to_datetime(pd.Series(ends, dtype=object)).astype("datetime64[us]"),
        "plan": [f"plan {i}" for i in range(len(rows))],
    })  # fmt: skip


def anniversary(start, years):
    """So many years after a day; of 29 February the 28th in other years."""
    try:
        return start.replace(year=start.year + years)
    except ValueError:
        return date(start.year + years, 2, 28)


def by_definition(rows, within, since):
    """Contract by contract."""
    found = []
    until = TODAY + timedelta(days=within)
    spans = [
        (who, start, date.max if n is None else start + timedelta(days=n)) for who, start, n in rows
    ]
    for i, (who, start, end) in enumerate(spans):
        renewed = any(w == who and s >= start and e > end for w, s, e in spans)
        if start > TODAY:
            continue
        if TODAY < end <= until:
            found += [] if renewed else [(end, who, "end", i, None)]
        elif since <= end <= TODAY:
            found += [] if renewed else [(end, who, "lapsed", i, None)]
        elif end > until:
            years = next(k for k in range(1, 9) if anniversary(start, k) > TODAY)
            if anniversary(start, years) <= until:
                found.append((anniversary(start, years), who, "anniversary", i, years))
    return sorted(found, key=lambda row: row[3])


@given(rows=st.lists(contract, max_size=8), within=st.integers(1, 400), back=st.integers(0, 60))
def test_agrees_with_the_definition(engine, rows, within, back):
    """Ends, anniversaries and lapses, but for those who have renewed."""
    rows = [("Zoe", date(2020, 2, 29), None), *rows]
    since = TODAY - timedelta(days=back)
    asked = {"as_of": TODAY, "within": within, "since": since, "keep": "plan"}
    answer = due_for_renewal(engine.table(table_of(rows)), **asked)
    assert engine.is_mine(answer)
    found = engine.read(answer)
    told = [
        (
            pd.Timestamp(row["due"]).date(),
            row["customer_id"],
            row["renewal"],
            int(row["plan"].split()[1]),
            None if pd.isna(row["anniversary"]) else int(row["anniversary"]),
        )
        for _, row in found.iterrows()
    ]
    assert sorted(told, key=lambda row: row[3]) == by_definition(rows, within, since)
    assert [(pd.Timestamp(d).date() - TODAY).days for d in found["due"]] == list(found["days_left"])


def test_on_every_engine_the_list_of_a_day(engine):
    """An end, an anniversary on the last of a short month, a lapse; a renewal is none."""
    rows = [
        ("Ann", date(2023, 3, 8), 366), ("Bob", date(2020, 2, 29), None),
        ("Cem", date(2023, 1, 1), 420), ("Dee", date(2023, 3, 5), 366),
        ("Dee", date(2024, 3, 5), None), ("Eva", date(2024, 3, 2), 5),
    ]  # fmt: skip
    asked = {"as_of": "2024-03-01", "within": 365, "since": "2024-02-20"}
    found = engine.read(due_for_renewal(engine.table(table_of(rows)), **asked))
    found = found.sort_values("customer_id")
    assert found["customer_id"].tolist() == ["Ann", "Bob", "Cem"]
    assert found["renewal"].tolist() == ["end", "anniversary", "lapsed"]
    assert [str(day)[:10] for day in found["due"]] == ["2024-03-08", "2025-02-28", "2024-02-25"]
    assert found["days_left"].tolist() == [7, 364, -5]


@pytest.mark.parametrize(
    ("changed", "asked", "error", "said"),
    [
        ({}, {"within": 0}, RetentionError, "within"),
        ({}, {"since": "2024-04-01"}, RetentionError, "since is 2024-04-01, after as_of"),
        ({}, {"as_of": "2020-01-01"}, ContentError, "the first contract starts on 2023-03-08"),
        ({}, {"keep": "price"}, ColumnError, "keep names 'price'"),
        ({}, {"keep": "start"}, ColumnError, "a name that answers use themselves"),
        ({"start": None}, {}, ContentError, "start"),
    ],
)
def test_what_cannot_be_meant_is_refused(changed, asked, error, said):
    """In the user's words."""
    table = table_of([("Ann", date(2023, 3, 8), 366)]).assign(**changed)
    with pytest.raises(error) as refused:
        due_for_renewal(table, **{"as_of": "2024-03-01", "within": 30} | asked)
    assert said in str(refused.value)
