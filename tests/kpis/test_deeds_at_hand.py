"""What customers did in each period, by arrays: the same as by the query of other engines."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest

import retention as rt
from retention.frames import collect
from retention.kpis.churn import counts, deeds_at_hand

AS_OF = date(2024, 11, 30)


def drawn_spells(seed, ids):
    """Spells of few customers, with spells of no days, and contracts that run."""
    rng = np.random.default_rng(seed)
    start = pd.Timestamp("2023-11-01") + pd.to_timedelta(rng.integers(0, 380, 40), "D")
    end = pd.Series(start + pd.to_timedelta(rng.integers(0, 30, 40), "D"))
    contracts = pd.DataFrame(
        {
            "customer_id": rng.choice(ids, 40),
            "start": start,
            "end": end.where(rng.random(40) < 0.8),
            "plan": rng.choice(["x", "y"], 40),
            "reason": rng.choice(["p", "q"], 40),
        }
    )
    kept = {"keep_first": "plan", "keep_last": "reason"}
    return rt.contract_spells(contracts, as_of=AS_OF, grace=int(rng.integers(0, 20)), **kept)


@pytest.mark.parametrize("freq", ["week", "month"])
@pytest.mark.parametrize("ids", [["Ä", "b'", "c"], [7, 8, 2**60]], ids=["text", "number"])
def test_arrays_tell_what_the_query_tells(monkeypatch, freq, ids):
    """Row for row, type for type, with segments and a named cause."""
    spells = drawn_spells(len(freq), ids)
    days = counts.spell_days(spells, ["plan"], causes=["p"])
    window = counts.window_of_churn(days, freq, AS_OF)
    by_arrays = counts.deeds_of_customers(days, ["plan"], window).collect().to_native()
    monkeypatch.setattr(counts, "events_at_hand", lambda *_: None)
    by_query = counts.deeds_of_customers(days, ["plan"], window).collect().to_native()
    key = ["customer_id", "plan", "step"]
    pd.testing.assert_frame_equal(
        by_arrays.sort_values(key, ignore_index=True),
        by_query.sort_values(key, ignore_index=True)[[*by_arrays]],
    )


@pytest.mark.parametrize("largest", [2**62, 10])
def test_what_no_number_holds_goes_by_the_query(monkeypatch, largest):
    """Customers times segments times periods may be more than a number holds."""
    asked = []
    query = counts._starts_and_ends
    monkeypatch.setattr(counts, "_starts_and_ends", lambda *a: asked.append(1) or query(*a))
    monkeypatch.setattr(deeds_at_hand, "_LARGEST", largest)
    days = counts.spell_days(drawn_spells(3, ["a", "b"]), ["plan"])
    window = counts.window_of_churn(days, "month", AS_OF)
    assert len(collect(counts.deeds_of_customers(days, ["plan"], window))["step"])
    assert len(asked) == (largest == 10)
