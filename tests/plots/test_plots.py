"""What holds for every plot: its axes, tables, words, and what it says to a wrong table."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, pairwise

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib import pyplot
from matplotlib.figure import Figure

import retention as rt
from pictures import faults, plot, spells, tables, words
from retention import periods, wording
from retention.plots.paper.drawable import Drawable
from retention.plots.paper.drawable_tables import DRAWABLE
from retention.plots.paper.line_labels import places_apart
from retention.plots.paper.palette import LOOKS, heat_colour, lightness, mixed_colour

PLOTS = sorted({answer.plot for answer in DRAWABLE})
BY_NAME = {answer.plot: answer for answer in reversed(DRAWABLE)}


@pytest.fixture(autouse=True)
def _no_figures_left() -> Iterator[None]:
    pyplot.close("all")  # examples in docstrings leave theirs open
    yield
    pyplot.close("all")


@pytest.mark.parametrize("name", PLOTS)
def test_a_plot_draws_on_the_axes_it_is_given_and_changes_nothing_else(name: str) -> None:
    """the answer is the caller's axes; no figure of pyplot, no setting, no table has changed."""
    table = tables()[name]
    before, settings = table.copy(), dict(mpl.rcParams)
    ax = Figure().subplots()
    assert getattr(rt.plots, name)(table, ax=ax) is ax
    assert pyplot.get_fignums() == []
    assert dict(mpl.rcParams) == settings
    pd.testing.assert_frame_equal(table, before)


@pytest.mark.parametrize("name", PLOTS)
def test_without_axes_a_plot_makes_one_figure(name: str) -> None:
    """pyplot knows of one new figure, so that a notebook shows it."""
    ax = getattr(rt.plots, name)(tables()[name])
    assert pyplot.get_fignums() == [ax.figure.number]
    assert faults(ax) == []


@pytest.mark.parametrize("name", PLOTS)
def test_no_words_overlap_or_leave_the_figure(name: str) -> None:
    """on small axes, after the layout, every label lies within the figure and on no other."""
    ax = plot(name, size=(4.8, 3.6))
    assert faults(ax) == []
    assert ax.get_title(loc="left")


@pytest.mark.parametrize("name", PLOTS)
def test_a_table_without_rows_is_drawn_as_words(name: str) -> None:
    """nothing to draw is said, not raised."""
    ax = plot(name, tables()[name].head(0))
    assert "Nothing to draw" in words(ax)
    assert not [*ax.lines, *ax.patches, *ax.collections]


@pytest.mark.parametrize("name", PLOTS)
def test_a_table_in_which_nothing_is_known_is_drawn_as_words(name: str) -> None:
    """where every number that is drawn is null, the axes say so."""
    table = tables()[name].copy()
    keys = {
        "lag",
        "within",
        "step",
        "age",
        "age_to",
        "group",
        "gap",
        "duration",
        "time",
        "n_cohort",
        "observed",
    }
    for column in table.select_dtypes("number").columns.difference([*keys]):
        table[column] = np.nan
    assert "Nothing to draw" in words(plot(name, table))


@pytest.mark.parametrize("name", PLOTS)
def test_a_wrong_table_is_refused_with_what_makes_the_right_one(name: str) -> None:
    """the message names the function that makes the table, what is lacking and what there is."""
    with pytest.raises(rt.ColumnError, match="draws the table of") as caught:
        plot(name, pd.DataFrame({"colour": ["red"]}))
    said = str(caught.value)
    assert all(maker.rpartition(".")[2] in said for maker in BY_NAME[name].makers)
    assert "'colour'" in said
    assert next(iter(BY_NAME[name].needed)) in said


@pytest.mark.parametrize(
    "answer", [a for a in DRAWABLE if a.plot != "plot_retention"], ids=lambda a: a.plot
)
def test_the_table_of_another_plot_is_told_by_its_columns(answer: Drawable) -> None:
    """a table that goes to another plot is sent there."""
    table = tables()[answer.plot]
    if not set(answer.needed) <= set(table.columns):
        pytest.xfail("the table of the other maker")
    with pytest.raises(rt.ColumnError, match=rf"say {answer.plot}\(table\)"):
        plot("plot_retention", table)


def test_something_else_than_a_table_or_axes_is_refused() -> None:
    """the message says what it must be."""
    with pytest.raises(rt.TableError, match=r"table of survival_curve must be a pandas"):
        plot("plot_survival", {"duration": [1]})
    with pytest.raises(rt.RetentionError, match=r"ax must be matplotlib Axes"):
        rt.plots.plot_survival(tables()["plot_survival"], ax=pyplot.subplots())


def test_a_column_that_does_not_hold_numbers_or_dates_is_named() -> None:
    """the first value that cannot be used is shown."""
    table = tables()["plot_retention"]
    with pytest.raises(rt.ColumnError, match=r"'n_base' must hold numbers; got 'many'"):
        plot("plot_retention", table.assign(n_base="many"))
    with pytest.raises(rt.ColumnError, match=r"'period' must hold dates; got 'soon'"):
        plot("plot_retention", table.assign(period="soon"))


@pytest.mark.parametrize("name", ["plot_retention", "plot_survival", "plot_reasons_by_segment"])
def test_more_segments_than_can_be_told_apart_are_refused(name: str) -> None:
    """nine lines are too many, and the message says how many there are."""
    table = tables()[name]
    by = "region" if "region" in table else "segment"
    many = pd.concat([table.assign(**{by: f"s{i}"}) for i in range(9)], ignore_index=True)
    with pytest.raises(rt.ContentError, match=rf"up to 8 segments.* has 9 of '{by}'"):
        plot(name, many)


@pytest.mark.parametrize(
    "name", ["plot_cohorts", "plot_revenue_bridge", "plot_incidence", "plot_reasons"]
)
def test_a_plot_of_one_segment_refuses_several(name: str) -> None:
    """the message names the segments."""
    table = tables()[name]
    two = pd.concat([table.assign(plan=plan) for plan in ("A", "B")], ignore_index=True)
    with pytest.raises(rt.ContentError, match=r"draws one segment.*'A', 'B'"):
        plot(name, two)


def test_any_engine_s_table_is_drawn_alike(engine) -> None:
    """the lines are those of the pandas table, whatever the rows' order."""
    curve, rates = tables()["plot_survival"], tables()["plot_retention"]
    for name, table in (("plot_survival", curve), ("plot_retention", rates)):
        expected = [line.get_xydata() for line in plot(name).lines]
        found = [line.get_xydata() for line in plot(name, engine.table(table[::-1])).lines]
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_array_equal(one, other)


# colours and words


def _linear(colour: str) -> np.ndarray:
    channels = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)


def _lab(linear: np.ndarray) -> np.ndarray:
    to_xyz = [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
    xyz = np.array(to_xyz) @ linear / np.array([0.95047, 1.0, 1.08883])
    f = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


SIGHT = {
    "all colours": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}  # Machado, Oliveira and Fernandes (2009), IEEE Transactions on Visualization 15, severity 1


@pytest.mark.parametrize("sight", SIGHT)
def test_colours_stay_apart_however_one_sees_colour(sight: str) -> None:
    """any two colours of lines differ by 20 or more in CIELAB, where 2 is just seen."""
    seen = [_lab(np.clip(np.array(SIGHT[sight]) @ _linear(look.colour), 0, 1)) for look in LOOKS]
    assert min(float(np.linalg.norm(a - b)) for a, b in combinations(seen, 2)) > 20


def test_pictures_can_be_read_in_grey() -> None:
    """no two lines are equally light, next areas differ much, styles and markers differ besides."""
    light = [lightness(look.colour) for look in LOOKS]
    assert min(abs(a - b) for a, b in combinations(light, 2)) > 5
    assert min(abs(a - b) for a, b in pairwise(light)) > 12
    assert min(abs(a - b) for a, b in combinations(light[:3], 2)) > 15
    assert len({look.marker for look in LOOKS}) == len(LOOKS)
    assert len({(look.style, look.marker) for look in LOOKS}) == len(LOOKS)
    shades = [lightness(heat_colour(part)) for part in np.linspace(0, 1, 11)]
    assert all(a - b > 2 for a, b in pairwise(shades))


def test_words_in_colour_are_dark_enough_to_be_read() -> None:
    """on white the contrast of every label is 4.5 or more, as WCAG 2 asks."""
    for look in LOOKS:
        light = float(_linear(look.text) @ [0.2126729, 0.7151522, 0.0721750])
        assert 1.05 / (light + 0.05) >= 4.5
    assert mixed_colour("#000000", "#FFFFFF", 0.5) == "#808080"


@given(st.lists(st.tuples(st.floats(-0.5, 1.5), st.floats(0.01, 0.12)), min_size=1, max_size=8))
def test_labels_are_spread_so_that_none_overlaps(asked: list[tuple[float, float]]) -> None:
    """they keep their order, their distance and the room; who is alone stays where it was."""
    wanted, heights = (list(each) for each in zip(*asked, strict=True))
    places = places_apart(wanted, heights)
    order = np.argsort(wanted, kind="stable")
    for one, other in pairwise(order):
        assert places[other] - places[one] >= (heights[one] + heights[other]) / 2 - 1e-9
    low, high = order[0], order[-1]
    assert places[low] >= heights[low] / 2 - 1e-9
    assert places[high] <= 1 - heights[high] / 2 + 1e-9
    if len(asked) == 1:
        inside = min(max(wanted[0], heights[0] / 2), 1 - heights[0] / 2)
        assert places[0] == pytest.approx(inside)


def test_numbers_are_written_as_people_write_them() -> None:
    """percent, points, thousands and money, with a real minus and no minus before zero."""
    assert wording.percent(0.1234) == "12.3%"
    assert wording.percent(-0.00001) == "0.0%"
    assert wording.points(0.012) == "+1.2 points"
    assert wording.points(-0.0001) == "0.0 points"
    assert wording.points(-0.05) == "−5.0 points"
    assert wording.unbroken_text(wording.points(0.012)) == "+1.2\u00a0points"
    assert wording.with_commas(12345.0) == "12,345"
    assert [wording.amount_writer(1_234_567)(x) for x in (1_234_567, -5e4)] == ["1.23m", "−0.05m"]
    assert [wording.amount_writer(123_456)(x) for x in (123_456, 700)] == ["123.5k", "0.7k"]
    assert [wording.amount_writer(9_999)(x) for x in (9_999, 0.4)] == ["9,999", "0"]
    assert wording.amount_writer(12.5)(12.5) == "12.50"
    assert [wording.without_zeros(x) for x in ("50.0k", "2.50m", "100%")] == ["50k", "2.5m", "100%"]
    assert {wording.percent(np.nan), wording.with_commas(np.nan), wording.number(np.nan)} == {"–"}


@pytest.mark.parametrize(
    ("freq", "said"),
    [
        ("day", "1 Apr 2024"),
        ("week", "1 Apr 2024"),
        ("month", "Apr 2024"),
        ("quarter", "2024 Q2"),
        ("year", "2024"),
    ],
)
def test_periods_are_written_by_their_length(freq: str, said: str) -> None:
    """a week by its first day; the length of periods is told by their numbers."""
    first = "2024-01-01" if freq == "year" else "2024-04-01"
    assert wording.period(np.datetime64(first), freq) == said
    step = {"day": 19814, "week": 2831, "month": 24291, "quarter": 8097, "year": 2024}[freq]
    days, steps = np.array([first], dtype="datetime64[D]"), np.array([step])
    assert periods.freq_of(days, steps) == freq
    assert periods.freq_of(days, steps + 1) == "period"


def test_long_names_are_cut_where_the_room_ends() -> None:
    """as many lines as asked for, none longer than it may be."""
    cut = wording.shortened_text("a name that is much longer than there is room for", 12, 2)
    assert cut == "a name that\nis much lon…"
    assert wording.shortened_text("short", 12) == "short"


def test_the_tables_of_the_tests_are_those_of_every_plot() -> None:
    """no plot is left out of the tests above."""
    public = {name for name in rt.plots.__all__ if name.startswith("plot_")}
    assert public == set(PLOTS) == set(tables())
    assert len(spells()) > 50


def test_names_are_shown_as_they_are_written() -> None:
    """dollars, braces and tags in a name are no formula and no markup."""
    name = r"from $5 to $10_{x} \frac <b>"
    curve = tables()["plot_survival"].assign(plan=name)
    curve = pd.concat([curve, curve.assign(plan="other")])
    rows = tables()["plot_coefficients"].assign(term=name, reference=None)
    left = tables()["plot_reasons_by_segment"].assign(region=name)
    for table, plotted in (
        (curve, "plot_survival"),
        (rows, "plot_coefficients"),
        (left, "plot_reasons_by_segment"),
    ):
        ax = plot(plotted, table)
        assert "$5" in words(ax)
        assert faults(ax) == []


def test_bars_of_predicted_reasons_are_their_chances() -> None:
    """Staying and all reasons are 100%; times are named where there are several."""
    table = tables()["plot_predicted_reasons"]
    ax = rt.plots.plot_predicted_reasons(table, unit="days")
    widths = np.array([[bar.get_width() for bar in part] for part in ax.containers])
    assert widths.sum(axis=0) == pytest.approx(np.ones(widths.shape[1]))
    first = table["reason"] == table["reason"].iloc[0]
    assert sorted(widths[0]) == pytest.approx(sorted(table.loc[first, "survival"]))
    assert widths.shape[1] == 8  # also where a customer is there with two spells
    assert ax.get_yticklabels()[0].get_text().endswith(", 90 days")
    one = rt.plots.plot_predicted_reasons(table[table["time"] == 90], unit="days")
    assert one.get_xlabel().startswith("Chance within 90 days")
    assert not one.get_yticklabels()[0].get_text().endswith("days")


def test_predicted_reasons_told_by_themselves_have_no_part_that_stays() -> None:
    """Of Fine and Gray's model; many reasons are put together, and many bars are refused."""
    table = tables()["plot_predicted_reasons"].assign(survival=np.nan)
    ax = rt.plots.plot_predicted_reasons(table)
    assert ax.get_xlabel().endswith("each reason by itself")
    assert "Still here" not in [text.get_text() for text in ax.get_legend().get_texts()]
    rows = {"customer_id": 1, "time": 5.0, "survival": 0.5, "reason_probability": 0.05}
    many = pd.DataFrame([{**rows, "reason": f"r{i}"} for i in range(10)])
    ax = rt.plots.plot_predicted_reasons(many)
    assert ax.get_legend().get_texts()[-1].get_text() == "4 other reasons"
    wide = pd.concat([many.assign(customer_id=i) for i in range(25)])
    with pytest.raises(rt.ContentError, match="draws up to 24 bars; the table has 25"):
        rt.plots.plot_predicted_reasons(wide)
