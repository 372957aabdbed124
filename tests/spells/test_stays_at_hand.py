"""Contracts at hand joined to spells by arrays: the same as by the query of other engines."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import retention as rt
from retention.spells import of_contracts

KEPT = [
    {},
    {"keep_last": "plan"},
    {"keep_first": ["plan", "seats"], "keep_last": ["weight", "flag"]},
    {"keep": "name", "keep_last": ["seats", "start_again"]},
    {"keep": "seats"},
]


def drawn_contracts(seed, ids):
    """Contracts that touch, overlap, pause, begin together, last no day, or run."""
    rng = np.random.default_rng(seed)
    start = pd.Timestamp("2023-11-01") + pd.to_timedelta(rng.integers(0, 400, 30), "D")
    long = rng.integers(0, 60, 30) * (rng.random(30) < 0.9)
    end = pd.Series(start + pd.to_timedelta(long, "D")).where(rng.random(30) < 0.85)
    customer = rng.choice(ids, 30)
    return pd.DataFrame(
        {
            "customer_id": customer,
            "start": start,
            "end": end,
            "plan": rng.choice(["x", "y", None], 30),
            "seats": rng.integers(1, 4, 30),
            "weight": rng.random(30),
            "flag": rng.random(30) < 0.5,
            "start_again": start,
            "name": [f"name of {each}" for each in customer],
        }
    )


def answer(contracts, said):
    """The spells, or the words of the refusal."""
    try:
        return rt.contract_spells(contracts, as_of="2024-11-30", grace=7, **said)
    except rt.RetentionError as refused:
        return pd.DataFrame({"refused": [str(refused)]})


@pytest.mark.parametrize("said", KEPT, ids=lambda said: ",".join(said) or "nothing kept")
def test_arrays_tell_what_the_query_tells(monkeypatch, said):
    """Row for row, type for type, in the same words where it is refused."""
    by_arrays = of_contracts.contract_spells_at_hand
    kinds = (["Ä", "b'", "c"], [7, 8, 2**60])
    drawn = [drawn_contracts(seed, ids) for seed in range(2) for ids in kinds]
    found, used = [], []
    for query in (False, True):
        way = (lambda *_: None) if query else (lambda *a: used.append(by_arrays(*a)) or used[-1])
        monkeypatch.setattr(of_contracts, "contract_spells_at_hand", way)
        found.append([answer(contracts, said) for contracts in drawn])
    for one, other in zip(*found, strict=True):
        pd.testing.assert_frame_equal(one, other)
    assert any(each is not None for each in used) or said == {"keep": "seats"}


def test_what_arrays_leave_open_is_told_by_the_query():
    """Two contracts that begin on one day: the least known value is taken, as it always was."""
    contracts = drawn_contracts(1, ["a"]).iloc[:2].assign(start=pd.Timestamp("2024-01-01"))
    contracts = contracts.assign(end=pd.Timestamp("2024-02-01"), plan=["y", "x"])
    spells = rt.contract_spells(contracts, as_of="2024-11-30", grace=0, keep_last="plan")
    assert spells["plan"].tolist() == ["x"]
