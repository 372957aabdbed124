"""The pictures of segments: cells, dots and words are those of their tables."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import retention as rt
from pictures import faults, grouped, plot, squares, ticks, words


def said(ax):
    """All words of a picture on one line."""
    return " ".join(words(ax).split())


def moves(before, after):
    """The migrations of customers whose segments these are; "_" where they are in none."""
    tables = [
        pd.DataFrame({"customer_id": range(len(names)), "segment": list(names)}).query(
            "segment != '_'"
        )
        for names in (before, after)
    ]
    return rt.signals.segment_migrations(*tables)


def test_each_cell_is_the_share_of_its_pair() -> None:
    """In the order of the table, the pair of nobody hatched, and the diagonal added up."""
    table = grouped()["plot_migrations"]
    ax = plot("plot_migrations")
    known, blank = squares(ax)
    assert len(known.get_paths()) == len(table)
    assert len(blank.get_paths()) == 1
    written = [text.get_text() for text in ax.texts]
    assert written == [f"{100 * share:.0f}%" for share in table["share"]]
    stayed = table.loc[table["segment_before"] == table["segment_after"], "n"].sum()
    many = table.loc[table["segment_before"] != "(not yet)", "n"].sum()
    assert f"Of {many} customers {stayed} (" in said(ax)
    assert ticks(ax, "x")[-1] == "(gone)"


def test_what_chance_gives_stands_in_the_cell_with_an_arrow_if_it_is_news() -> None:
    """An arrow exactly where the bounds leave it out; of the newly come none."""
    table, expected = grouped()["plot_migrations"], grouped()["expected"]
    ax = plot("plot_migrations", expected=expected)
    told = table.merge(expected, on=["segment_before", "segment_after"])
    told = told[told["segment_before"] != "(not yet)"]
    above = (told["lower"] > told["expected_share"]).sum()
    below = (told["upper"] < told["expected_share"]).sum()
    written = [text.get_text() for text in ax.texts]
    assert sum("▲" in text for text in written) == above > 0
    assert sum("▼" in text for text in written) == below > 0
    shares = [f"({100 * share:.0f}%)" for share in told["expected_share"]]
    assert [text.split("\n")[1] for text in written if "\n" in text] == shares
    stays = told[told["segment_before"] == told["segment_after"]]
    by_chance = (stays["n_from"] * stays["expected_share"]).sum() / told["n"].sum()
    assert f"if nobody had changed, {100 * by_chance:.0f}% would have" in said(ax)
    assert faults(ax) == []


def test_what_is_expected_of_other_segments_is_refused() -> None:
    """With both sides' names and what to say; another table too."""
    with pytest.raises(
        rt.errors.ContentError, match=r"nothing of 2 segments.*'A', 'B'.*the score f as text"
    ):
        plot("plot_migrations", moves("AB", "BB"), expected=grouped()["expected"])
    with pytest.raises(rt.ColumnError, match="draws the table of expected_migrations"):
        plot("plot_migrations", expected=grouped()["plot_migrations"])


def test_many_segments_are_drawn_with_a_scale_and_too_many_refused() -> None:
    """Thirty without numbers in cells; 31 are more than one reads."""
    letters = [chr(192 + i) for i in range(31)]
    ax = plot("plot_migrations", moves(letters[:30], letters[:30]), size=(6, 6))
    assert not ax.texts
    assert ax.child_axes
    with pytest.raises(rt.errors.ContentError, match="up to 30 segments; the table has 31"):
        plot("plot_migrations", moves(letters, letters))


def test_migrations_of_one_or_none_who_was_there() -> None:
    """Everybody new; everybody gone."""
    assert "Of 1 customer 0 (0%) stayed" in said(plot("plot_migrations", moves("A_", "_B")))
    table = moves("A_", "_B").query("segment_before == '(not yet)'")
    assert "everybody came new" in said(plot("plot_migrations", table))


def test_both_measures_of_a_profile_stand_on_one_scale() -> None:
    """A number that is 1 or 0 lies where its label does, with nearly the same bounds."""
    rng = np.random.default_rng(1)
    people = pd.DataFrame({"segment": ["a"] * 150 + ["b"] * 250})
    people["flag"] = rng.random(400) < np.where(people["segment"] == "a", 0.6, 0.3)
    people["same"] = people["flag"].astype(int)
    found = rt.signals.segment_profile(people, segment="segment", columns=["flag", "same"])
    ax = plot("plot_profile", found, segment="a")
    assert sorted(ticks(ax, "y")) == ["flag true", "same"]
    dots = np.concatenate([line.get_xdata() for line in ax.lines if line.get_marker() == "o"])
    label = found.query("segment == 'a' and label == 'true'")["effect"].iloc[0]
    np.testing.assert_allclose(dots, [label, label])
    bars = np.array([part[:, 0] for part in ax.collections[0].get_segments()])
    np.testing.assert_allclose(bars[0], bars[1], atol=0.01)
    assert "a beside the others: 2 of 2 features differ beyond chance" in said(ax)


def test_a_profile_draws_those_that_differ_first_and_rings_what_it_was_made_of() -> None:
    """`most` leaves out the nearest; two labels are one row."""
    table = grouped()["plot_profile"]
    ax = plot("plot_profile")
    assert "none of 4 features differs" in said(ax)
    assert len(ticks(ax, "y")) == len(table) - 1
    (ring,) = [line for line in ax.lines if line.get_markerfacecolor() == "#FFFFFF"]
    effect = table.loc[table["defining"], "effect"].iloc[0]
    assert ring.get_xdata().tolist() == [pytest.approx(2 * effect - 1)]
    assert "Rings: what it was made of" in said(ax)
    assert ticks(plot("plot_profile", most=2), "y") == ticks(ax, "y")[:2]


def test_a_profile_of_several_segments_asks_which() -> None:
    """And names them where there is no such."""
    people = pd.DataFrame({"segment": [*"aabb"], "x": [1, 2, 3, 4]})
    found = rt.signals.segment_profile(people, segment="segment", columns="x")
    with pytest.raises(rt.errors.ContentError, match=r"has 2: 'a', 'b'.*segment='a'"):
        plot("plot_profile", found)
    with pytest.raises(rt.RetentionError, match=r"no 'c'. There is: 'a', 'b'"):
        plot("plot_profile", found, segment="c")
    for most in (0, 41, 2.5):
        with pytest.raises(rt.RetentionError, match="most"):
            plot("plot_profile", found, segment="a", most=most)
    made = rt.signals.segment_profile(people, segment="segment", columns="x", defining="x")
    assert "b beside the others: what it was made of" in said(
        plot("plot_profile", made, segment="b")
    )


def test_each_pair_with_customers_is_a_row_with_its_churn() -> None:
    """Dots at the rates, the larger the more customers; the line at the churn of all."""
    table = grouped()["plot_segments"]
    ax = plot("plot_segments", size=(7.2, 8))
    there = table[table["n"] > 0]
    assert ticks(ax, "y") == [f"{row.segment}, {row.other}" for row in there.itertuples()]
    (dots,) = [part for part in ax.collections if len(part.get_offsets()) == len(there)]
    known = there["churn_rate"].notna().to_numpy()
    shown = np.ma.getdata(dots.get_offsets())[known, 0]
    np.testing.assert_allclose(shown, there["churn_rate"].dropna())
    assert np.argmax(dots.get_sizes()) == np.argmax(there["n"])
    lost, n = table["n_churned"].sum(), table["n_known"].sum()
    assert f"of {n} customers whose outcome is known {lost} (" in said(ax)
    assert said(ax).count("not known") == (~known).sum()


def test_without_outcomes_segments_are_bars_of_customers_and_value() -> None:
    """And without values of customers alone; the largest, if there are too many."""
    ids = {"customer_id": range(6)}
    tiers = pd.DataFrame({**ids, "segment": [*"AABBBC"]})
    worth = pd.DataFrame({**ids, "value": [40.0, 30, 10, 10, 5, 5]})
    table = rt.signals.segment_matrix(tiers, tiers, values=worth)
    ax = plot("plot_segments", table)
    assert [bar.get_width() for bar in ax.patches] == [2 / 6, 3 / 6, 1 / 6]
    (worths,) = [line for line in ax.lines if line.get_marker() == "D"]
    assert worths.get_xdata().tolist() == [0.7, 0.25, 0.05]
    ax = plot("plot_segments", rt.signals.segment_matrix(tiers, tiers), most=2)
    assert "Segments of 6 customers; the 2 largest of 3" in said(ax)
    assert ticks(ax, "y") == ["A, A", "B, B"]
    assert "3 customers" in said(ax)


def test_names_are_shown_as_they_are_written() -> None:
    """Dollars are no formulas, long names are cut."""
    names = ["$a$ & b", "a segment whose name is longer than anybody can read beside a picture"]
    people = pd.DataFrame({"customer_id": [1, 2], "segment": names})
    ax = plot("plot_migrations", rt.signals.segment_migrations(people, people))
    assert "$a$ & b" in said(ax)
    assert faults(ax) == []
    ax = plot("plot_segments", rt.signals.segment_matrix(people, people))
    assert faults(ax) == []
    some = pd.DataFrame({"g": ["a", "a", "b", "b"], "$x$": [*names, *names]})
    ax = plot(
        "plot_profile", rt.signals.segment_profile(some, segment="g", columns="$x$"), segment="a"
    )
    assert "$x$" in said(ax)
    assert faults(ax) == []
