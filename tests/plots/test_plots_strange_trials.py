"""Pictures of trials with long names, huge amounts and designs that differ in little."""

from __future__ import annotations

import pandas as pd

import retention as rt
from pictures import tables, ticks, words


def said(ax):
    """All words of a picture on one line."""
    return " ".join(words(ax).split())


def test_rows_of_long_arms_are_told_apart_by_their_segments() -> None:
    """The arm is shortened, the segment is not."""
    arm = "an offer whose name is longer than anybody can read beside a picture of it"
    one = tables()["plot_effect"].head(1)
    table = pd.concat([one.assign(arm=a, plan=p) for a in (arm, "short") for p in ("old", "new")])
    names = [" ".join(name.split()) for name in ticks(rt.plots.plot_effect(table), "y")]
    assert [name.split(", ")[-1] for name in names] == ["old", "new", "old", "new"]
    assert names[0].startswith("an offer")


def test_a_scale_of_millions_is_written_in_millions() -> None:
    """So that its numbers do not run into each other; below nothing and above it."""
    table = tables()["plot_effect"].copy()
    table = table.drop(columns=["retention", "retention_control"], errors="ignore")
    money = ["difference", "difference_lower", "difference_upper", "lower_all", "upper_all"]
    table[money] *= 1e8 / table[money].abs().to_numpy().max()
    written = ticks(rt.plots.plot_effect(table.assign(of="sales", within=60)), "x")
    assert "0" in written
    assert all(len(text) <= 6 for text in written)
    assert any(text.endswith("m") for text in written)


def test_tests_of_power_never_share_a_name() -> None:
    """If difference and retention both vary; if only what is compared does; levels are said."""
    size = rt.experiments.retention_test_size
    kept = [size(retention=r, difference=d, power=0.8) for r in (0.7, 0.8) for d in (0.02, 0.03)]
    text = said(rt.plots.plot_power(pd.concat(kept)))
    assert all(f"+{d}.0 points, from {r}0.0%" in text for r in (7, 8) for d in (2, 3))
    curve = rt.survival_curve(pd.DataFrame({"duration": [1, 2, 3], "churned": [True, True, False]}))
    plan = {"horizon": 2, "enrolment": 0, "follow_up": 2, "hazard_ratio": 0.5, "power": 0.8}
    read = [
        rt.experiments.survival_test_size(curve, test=test, **plan)
        for test in ("difference", "restricted-mean")
    ]
    text = said(rt.plots.plot_power(pd.concat(read)))
    assert "difference of the curves" in text
    assert "difference of restricted means" in text
    levels = [size(retention=0.8, difference=0.02, power=0.8, level=level) for level in (0.9, 0.95)]
    text = said(rt.plots.plot_power(pd.concat(levels)))
    assert "confidence" not in text
    assert "level 0.95" in text
    assert "At 90% confidence" in said(rt.plots.plot_power(levels[0]))


def test_an_effect_of_less_than_a_tenth_of_a_point_is_not_called_none() -> None:
    """As many digits as it takes."""
    few = rt.experiments.retention_test_size(retention=0.8, difference=-0.0002, n=1_000)
    assert "−0.02 points" in said(rt.plots.plot_power(few))


def test_a_list_of_everyone_is_not_called_the_first_hundred_percent() -> None:
    """The title says that no list gains more."""
    table = pd.DataFrame(
        {"u": [2, 2, 1, 1, 1, 1], "w": [1, 0, 1, 0, 1, 0], "y": [0.0, 1, 9, 1, 8, 2]}
    )
    curve = rt.experiments.uplift_curve(table, uplift="u", treated="w", outcome="y")
    text = said(rt.plots.plot_uplift(curve, of="effect"))
    assert "for everyone, and no list gains more" in text
    assert "100%," not in text
