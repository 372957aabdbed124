"""Pictures over time and age show what stands in their tables."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection

import retention as rt
from pictures import (
    NAMES,
    activity,
    company,
    faults,
    plot,
    spells,
    squares,
    tables,
    ticks,
    words,
)


def areas(ax: Axes) -> list[float]:
    """The size of each filled area."""
    found = []
    for filled in ax.collections:
        if isinstance(filled, PolyCollection):
            x, y = np.concatenate([path.vertices for path in filled.get_paths()]).T
            found.append(abs(float(np.sum(x * np.roll(y, -1) - y * np.roll(x, -1)))) / 2)
    return found


# retention


def test_each_of_buttles_rates_is_a_line_of_the_table_s_values() -> None:
    """three lines over the periods' numbers, named as the catalogue names them."""
    table = tables()["plot_retention"]
    ax = plot("plot_retention")
    rates = ["retention_rate", "sales_adjusted_retention", "profit_adjusted_retention"]
    for line, rate in zip(ax.lines, rates, strict=True):
        np.testing.assert_array_equal(line.get_xdata(), table["step"])
        np.testing.assert_array_equal(line.get_ydata(), table[rate])
        assert rt.catalogue.figure(rate).label in words(ax).replace("\n", " ")
    assert f"{table['retention_rate'].iloc[-1]:.1%}" in words(ax)
    assert ticks(ax, "x")[0] == "2022 Q1"
    assert "quarter's customers, sales and profit" in ax.get_title(loc="left").replace("\n", " ")


def test_bounds_are_shaded_from_lower_to_upper() -> None:
    """the edge of the shade goes through every bound of the table."""
    table = rt.retention_rate(activity())
    edge = plot("plot_retention", table).collections[0].get_paths()[0].vertices
    corners = {(float(x), float(y)) for x, y in edge}
    for bound in ("lower", "upper"):
        assert set(zip(table["step"].astype(float), table[bound], strict=True)) <= corners


def test_a_rate_that_is_not_known_breaks_the_line() -> None:
    """null is a gap, neither zero nor bridged; a point alone has a bar for its bounds."""
    table = rt.retention_rate(activity())
    table.loc[[1, 3], ["retention_rate", "lower", "upper"]] = np.nan
    ax = plot("plot_retention", table)
    drawn = np.asarray(ax.lines[0].get_ydata(), dtype=float)
    assert np.flatnonzero(np.isnan(drawn)).tolist() == [1, 3]
    bars = [c for c in ax.collections if not isinstance(c, PolyCollection)]
    upright = [segment for bar in bars for segment in bar.get_segments()]
    assert (
        sorted(float(segment[0][0]) for segment in upright) == table["step"].iloc[[0, 2]].tolist()
    )


def test_one_period_shows_its_bounds_as_bars_side_by_side() -> None:
    """with a single period nothing can be shaded, and no point hides another."""
    ax = plot("plot_retention", tables()["plot_retention"].tail(1))
    places = [float(line.get_xdata()[0]) for line in ax.lines]
    assert len(set(places)) == 3
    assert ticks(ax, "x") == ["2024 Q3"]
    assert "Bars: confidence bounds" in words(ax)
    assert faults(ax) == []


def test_segments_have_a_line_each_and_their_names_at_the_end() -> None:
    """a line a region, each labelled with its name and last rate."""
    kpis = rt.outcome_kpis(activity("region"), by="region")
    ax = plot("plot_retention", kpis)
    last = kpis[kpis["step"] == kpis["step"].max()].set_index("region")["retention_rate"]
    for region, rate in last.items():
        assert f"{region}\n{rate:.1%}" in words(ax)
    profit = plot("plot_retention", kpis, rate="profit_adjusted_retention")
    found = [line.get_ydata().tolist() for line in profit.lines]
    expected = [part["profit_adjusted_retention"].tolist() for _, part in kpis.groupby("region")]
    np.testing.assert_array_equal(np.array(found), np.array(expected))


def test_a_rate_that_the_table_does_not_have_is_refused() -> None:
    """the message says what there is."""
    with pytest.raises(rt.ColumnError, match=r"has no 'profit_adjusted_retention'.*'n_base'"):
        plot("plot_retention", rt.retention_rate(activity()), rate="profit_adjusted_retention")
    with pytest.raises(rt.RetentionError, match="rate must be one of"):
        plot("plot_retention", rate="churn")


@pytest.mark.parametrize("freq", ["day", "week", "month", "quarter", "year"])
def test_forty_periods_of_any_length_and_eight_long_names_are_read_with_ease(freq: str) -> None:
    """labels of periods and of segments neither overlap nor leave the figure."""
    from retention import periods

    first = periods.step_of(pd.Timestamp("2019-01-31").date(), freq)
    steps = np.arange(first, first + 40)
    one = pd.DataFrame(
        {
            "period": periods.first_days(steps, freq).astype("datetime64[us]"),
            "step": steps,
            "n_base": 100,
            "n_retained": 60,
            "retention_rate": 0.6 + 0.1 * np.sin(np.arange(40)),
        }
    ).assign(lower=lambda t: t["retention_rate"] - 0.05, upper=lambda t: t["retention_rate"] + 0.05)
    every = [one.assign(segment=name) for name in NAMES]
    for place, table in enumerate(every):
        table["retention_rate"] += 0.001 * place
    ax = plot("plot_retention", pd.concat(every))
    assert len(ax.lines) == 8
    assert faults(ax) == []


# survival and reasons over time


def test_a_survival_curve_starts_at_all_and_falls_at_the_table_s_durations() -> None:
    """steps through (0, 1) and every row."""
    curve = tables()["plot_survival"]
    ax = plot("plot_survival", unit="days")
    x, y = (np.asarray(data, dtype=float) for data in ax.lines[0].get_data())
    start = [] if curve["duration"].iloc[0] == 0 else [0.0]
    np.testing.assert_array_equal(x, [*start, *curve["duration"]])
    np.testing.assert_array_equal(y, [*([1.0] * len(start)), *curve["survival"]])
    assert ax.lines[0].get_drawstyle() == "steps-post"
    assert ax.get_xlabel() == "Time since the start (days)"
    assert ax.get_title(loc="left") == rt.catalogue.figure("survival").label


def test_beneath_a_survival_curve_stands_who_is_at_risk_at_each_tick() -> None:
    """counted by hand: spells without a late entry that last as long as the tick or longer."""
    ax = plot("plot_survival", unit="days")
    durations = spells()["duration"].to_numpy()
    beneath = words(ax)
    for tick in ax.get_xticks():
        assert f"\n{int((durations >= tick).sum()):,}" in beneath


def test_eight_survival_curves_with_long_names_can_be_read() -> None:
    """their names at the end and their rows of numbers at risk do not overlap."""
    draws = np.random.default_rng(3)
    parts = []
    for place, name in enumerate(NAMES):
        lasting = draws.exponential(200 + 30 * place, 200).astype(int) + 1
        parts.append(pd.DataFrame({"duration": np.minimum(lasting, 700), "churned": lasting < 700}))
        parts[-1]["segment"] = name
    curve = rt.survival_curve(pd.concat(parts, ignore_index=True), by="segment")
    ax = rt.plots.plot_survival(curve)
    try:
        assert faults(ax) == []
        assert len(ax.lines) == 8
    finally:
        from matplotlib import pyplot

        pyplot.close(ax.figure)


def test_survival_and_all_reasons_fill_the_picture() -> None:
    """at every time the areas sum to 1 within 1e-12; each is as large as its share over time."""
    table = tables()["plot_incidence"]
    times = np.concatenate([[0.0], np.unique(table["duration"])])
    times = np.unique(times)
    found = areas(plot("plot_incidence"))
    one = table[table["reason"] == table["reason"].iloc[0]]
    survival = np.interp(times, [-1.0, *one["duration"]], [1.0, *one["survival"]])
    gone = {
        reason: np.interp(times, [-1.0, *rows["duration"]], [0.0, *rows["cumulative_incidence"]])
        for reason, rows in table.groupby("reason")
    }
    np.testing.assert_allclose(survival + sum(gone.values()), 1.0, atol=1e-12)
    largest = sorted(gone.values(), key=lambda share: -share[-1])
    expected = [float((share[:-1] * np.diff(times)).sum()) for share in (survival, *largest)]
    np.testing.assert_allclose(found, expected, rtol=1e-9)
    assert sum(found) == pytest.approx(times[-1], rel=1e-12)


def test_many_reasons_are_put_together_and_those_untold_stand_apart() -> None:
    """eight areas of reasons at most; "(missing)" is hatched, next to those still here."""
    reasons = np.resize([*(f"reason {i}" for i in range(12)), None], len(spells()))
    table = spells().assign(reason=reasons, churned=True)
    ax = plot("plot_incidence", rt.survival.cumulative_incidence(table))
    filled = [c for c in ax.collections if isinstance(c, PolyCollection)]
    assert len(filled) == 1 + 1 + 8
    assert [bool(area.get_hatch()) for area in filled[:3]] == [False, True, False]
    assert "5 other reasons" in words(ax)
    assert "Reason not known" in words(ax)
    assert sum(areas(ax)) == pytest.approx(table["duration"].max(), rel=1e-12)


def test_categories_of_reasons_have_their_labels() -> None:
    """what Keaveney's categories are called, and those who told nothing."""
    ends = spells().drop_duplicates("customer_id").assign(churned=True)
    given = ends.head(40)[["customer_id"]].assign(
        reason=np.resize(["too_expensive", "switched_service", "other"], 40)
    )
    told = rt.map_reason_codes(given, scheme="stripe")
    said = words(plot("plot_incidence", rt.reasons.reason_incidence(ends, told)))
    assert all(f"\n{name} " in said for name in ("Pricing", "Competition", "Told no reason"))


def test_a_table_of_reasons_is_not_drawn_as_segments_of_survival() -> None:
    """its rows have a survival too, that of all reasons together: it goes to another plot."""
    with pytest.raises(rt.ColumnError, match=r"is another.*say plot_incidence\(table\)"):
        plot("plot_survival", tables()["plot_incidence"])


# cohorts


def test_cells_that_were_not_observed_are_hatched_and_all_others_filled() -> None:
    """as many hatched cells as there are nulls in the triangle; the rest stands in the cells."""
    table = tables()["plot_cohorts"]
    triangle = rt.cohort_triangle(table).filter(like="age_").to_numpy()
    ax = plot("plot_cohorts", size=(9, 5))
    known, blank = squares(ax)
    assert len(blank.get_paths()) == np.isnan(triangle).sum() > 0
    assert len(known.get_paths()) == np.isfinite(triangle).sum()
    assert blank.get_hatch()
    assert not known.get_hatch()
    said = [text.get_text() for text in ax.texts]
    assert said == [f"{rate:.0%}" for rate in triangle[np.isfinite(triangle)]]
    assert ticks(ax, "y")[0] == f"2022 Q1 ({table['n_cohort'].iloc[0]:,})"


def test_a_cohort_of_whom_nobody_is_back_is_pale_but_not_hatched() -> None:
    """zero was observed: it is told from unknown."""
    orders = pd.DataFrame(
        {
            "customer_id": ["Ann", "Bob"],
            "sales": 10.0,
            "date": pd.to_datetime(["2024-01-01", "2024-02-20"]),
        }
    )
    seen = rt.customer_periods(orders, freq="month", as_of="2024-03-31")
    ax = plot("plot_cohorts", rt.cohort_retention(seen))
    known, blank = squares(ax)
    assert [text.get_text() for text in ax.texts] == ["100%", "0%", "0%", "100%", "0%"]
    assert len(known.get_paths()) == 5
    assert len(blank.get_paths()) == 4


def test_cells_too_small_for_numbers_have_a_scale_beside_them() -> None:
    """forty cohorts: no words in cells, one scale; ages and cohorts can still be read."""
    monthly = rt.customer_periods(
        company().orders, freq="month", as_of="2024-12-31", observed_from="2022-01-01"
    )
    ax = plot("plot_cohorts", rt.cohort_retention(monthly), size=(7, 6))
    assert not ax.texts
    assert len(ax.child_axes) == 1
    assert faults(ax) == []


def test_cohorts_by_attribute_have_a_row_a_segment() -> None:
    """rows are named by the segment, for such cohorts have no period."""
    cohorts = rt.cohort_retention(activity("region"), cohorts="attribute", by="region")
    rows = ticks(plot("plot_cohorts", cohorts), "y")
    assert [row.split(" (")[0] for row in rows] == sorted(cohorts["region"].unique())


def test_curves_of_cohorts_are_the_rows_of_the_triangle() -> None:
    """a line a cohort that has a later age, without age 0 and unobserved ages."""
    triangle = rt.cohort_triangle(tables()["plot_cohorts"]).filter(like="age_").to_numpy()[:, 1:]
    drawn = [
        np.asarray(line.get_ydata(), dtype=float)
        for line in plot("plot_cohort_curves", tables()["plot_cohorts"]).lines
    ]
    expected = triangle[np.isfinite(triangle).any(axis=1)]
    found = np.array(sorted((np.nan_to_num(y, nan=-1).tolist() for y in drawn), reverse=True))
    np.testing.assert_array_equal(
        found, np.array(sorted(np.nan_to_num(expected, nan=-1).tolist(), reverse=True))
    )


def test_a_curve_of_thousands_of_days_is_drawn_with_few_steps() -> None:
    """a few hundred of them, each exact, with the first and the last; so pictures stay small."""
    days = np.arange(1, 3001)
    one = pd.DataFrame({"duration": days, "n_at_risk": 3001 - days, "n_churned": 1})
    curve = one.assign(survival=1 - days / 3001, lower=np.nan, upper=np.nan)
    x, y = (
        np.asarray(data, dtype=float) for data in plot("plot_survival", curve).lines[0].get_data()
    )
    assert 300 < x.size <= 400
    assert (x[0], x[-1]) == (0, 3000)
    np.testing.assert_allclose(y, 1 - x / 3001, atol=1e-15)
    left = curve.assign(reason="price", cumulative_incidence=days / 3001)
    assert sum(areas(plot("plot_incidence", left))) == pytest.approx(3000, rel=1e-12)
