"""rfm_scores, rfm_cuts: a twin that counts, CDNOW's shape, cuts given back, what is refused."""

from __future__ import annotations

from fractions import Fraction
from math import ceil, floor

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import retention as rt
from conftest import Engine
from retention.signals.groups.rfm_customers import _as_written
from retention.signals.groups.rfm_cuts import RfmCuts, rfm_cuts
from retention.signals.groups.rfm_scores import rfm_scores
from retention.signals.known.exact_amounts import exact_totals

FIRST = pd.Timestamp("2024-01-01")
AS_OF = "2024-01-31"  # day 30
SCORED = ["days_since_last", "n_orders", "value", "r", "f", "m", "segment"]
quiet = pytest.mark.filterwarnings("ignore:Nobody has", "ignore:The last order is of")


def orders_of(rows):
    """Order lines of (customer, day, sales)."""
    frame = pd.DataFrame(rows, columns=["customer_id", "date", "sales"])
    days = FIRST + pd.to_timedelta(frame["date"].astype(float), unit="D")
    frame["customer_id"] = frame["customer_id"].astype(pd.Series(["a"]).dtype)
    return frame.assign(date=days.astype("datetime64[us]"), sales=frame["sales"].astype(float))


def naive_quantile(values, share):
    """Linear between order statistics, in fractions."""
    ordered, at = sorted(values), share * (len(values) - 1)
    low = floor(at)
    return ordered[low] + (ordered[min(low + 1, len(values) - 1)] - ordered[low]) * (at - low)


def naive_score(value, values, bins, ties):
    """The score of one value among all, by its definition."""
    if ties == "middle":
        equal = sum(v == value for v in values)
        mean_rank = sum(v < value for v in values) + Fraction(equal + 1, 2)
        return ceil(bins * mean_rank / len(values))
    cuts = [naive_quantile(values, Fraction(k, bins)) for k in range(1, bins)]
    return 1 + sum(cut < value for cut in cuts)


def naive_rfm(rows, bins=5, ties="cuts", nesting="independent", money="sales", window=None):
    """Every customer's row, by sets and loops."""
    seen = [row for row in rows if row[1] <= 30 and (window is None or row[1] > 30 - window)]
    days = {}
    for who, day, sales in seen:
        days.setdefault(who, {}).setdefault(day, []).append(sales)
    found = {}
    for who, its in days.items():
        bought = [day for day, sales in its.items() if sum(sales) >= 0]
        if bought:
            total = Fraction(sum(sum(sales) for sales in its.values()))
            value = total / len(bought) if money == "mean_order" else total
            found[who] = [30 - max(bought), len(bought), value]
    r = {who: naive_score(-v[0], [-u[0] for u in found.values()], bins, ties)
         for who, v in found.items()}  # fmt: skip
    nested = nesting == "nested"
    f = {who: naive_score(v[1], [u[1] for o, u in found.items() if not nested or r[o] == r[who]],
                          bins, ties) for who, v in found.items()}  # fmt: skip
    m = {who: naive_score(v[2], [u[2] for o, u in found.items()
                                 if not nested or (r[o], f[o]) == (r[who], f[who])],
                          bins, ties) for who, v in found.items()}  # fmt: skip
    return {
        who: (v[0], v[1], float(v[2]), r[who], f[who], m[who], f"{r[who]}{f[who]}{m[who]}")
        for who, v in sorted(found.items())
    }


def agrees_with_counting(engine, rows, **said):
    """The answer's rows are those of the twin."""
    answer = rfm_scores(engine.table(orders_of(rows)), as_of=AS_OF, **said)
    assert engine.is_mine(answer)
    found = engine.read(answer, order=["customer_id"])
    expected = naive_rfm(rows, **said)
    assert found["customer_id"].tolist() == list(expected)
    assert [tuple(row) for row in found[SCORED].itertuples(index=False)] == [
        (*row[:2], pytest.approx(row[2], rel=1e-12), *row[3:]) for row in expected.values()
    ]
    assert set(found["n_customers"]) == {len(expected)}
    assert (found["as_of"] == pd.Timestamp(AS_OF)).all()


lines = st.lists(
    st.tuples(
        st.sampled_from("abcdefgh"), st.integers(0, 33),
        st.sampled_from([0, 1, 2, 2, 5, -1, -3]),
    ),
    max_size=25,
).map(lambda some: [("a", 29, 4), *some])  # fmt: skip
ways = st.fixed_dictionaries(
    {
        "bins": st.integers(2, 9), "ties": st.sampled_from(["cuts", "middle"]),
        "nesting": st.sampled_from(["independent", "nested"]),
        "money": st.sampled_from(["sales", "mean_order"]),
        "window": st.sampled_from([None, 2, 20]),
    }
)  # fmt: skip
SOME = [
    ("a", 0, 10), ("a", 30, 10), ("b", 9, 50), ("c", 1, 10), ("c", 19, 5), ("d", 4, 1),
    ("e", 4, 0.1), ("e", 4, 0.2), ("e", 6, -0.3), ("f", 4, 3), ("f", 5, -3), ("g", 8, -3),
    ("h", 32, 7),
]  # fmt: skip


@quiet
@given(rows=lines, said=ways)
def test_agrees_with_counting(rows, said):
    """Refunds, free orders, several lines a day, orders after the last day, windows."""
    agrees_with_counting(Engine("pandas"), rows, **said)


@quiet
@pytest.mark.parametrize("nesting", ["independent", "nested"])
def test_every_engine_agrees_with_counting(engine, nesting):
    """Eight customers, of whom one only gave back and one came later."""
    for ties in ("cuts", "middle"):
        agrees_with_counting(engine, SOME, ties=ties, nesting=nesting, bins=3)


@quiet
def test_the_shape_of_cdnow_where_half_bought_once():
    """51 of 100 bought once: by cuts they have 1 and nobody 2, by mean ranks 2 and nobody 1.

    The scale of tests/benchmarks/segments.py, where CDNOW's 23,502 buyers are counted.
    """
    counts = {1: 51, 2: 17, 3: 16, 9: 16}
    rows = [
        (f"{n}-{i:03}", 30 - day, 1) for n, many in counts.items() for i in range(many)
        for day in range(n)
    ]  # fmt: skip
    orders = orders_of(rows)
    by = {ties: rfm_scores(orders, as_of=AS_OF, ties=ties)["f"] for ties in ("cuts", "middle")}
    assert by["cuts"].value_counts().to_dict() == {1: 51, 3: 17, 4: 16, 5: 16}
    assert by["middle"].value_counts().to_dict() == {2: 51, 3: 17, 4: 16, 5: 16}


def test_an_empty_score_is_warned_of_by_name():
    """Of two customers nobody can have the middle of three scores."""
    orders = orders_of([("a", 29, 1), ("b", 30, 2)])
    with pytest.warns(rt.RetentionWarning, match="Nobody has r 2, f 2, f 3, m 2: too many of 2"):
        rfm_scores(orders, as_of=AS_OF, bins=3)
    with pytest.warns(rt.RetentionWarning, match="Nobody has r 2"):
        cuts = rfm_cuts(orders, as_of=AS_OF, bins=3)
    assert rfm_scores(orders, as_of=AS_OF, cuts=cuts)["r"].tolist() == [1, 3]  # and is silent


@quiet
@given(rows=lines, said=ways)
def test_cuts_given_back_score_the_same_day_the_same(rows, said):
    """Also once they were written and read."""
    orders = orders_of(rows)
    cuts = rfm_cuts(orders, as_of=AS_OF, **said)
    again = RfmCuts.model_validate_json(cuts.model_dump_json())
    assert again == cuts
    assert hash(again) == hash(cuts)
    pd.testing.assert_frame_equal(
        rfm_scores(orders, as_of=AS_OF, cuts=again), rfm_scores(orders, as_of=AS_OF, **said)
    )


@quiet
@pytest.mark.parametrize("ties", ["cuts", "middle"])
def test_a_later_day_is_on_the_same_scale(ties):
    """Everybody buys once more and twice as dear: by ranks nobody moves, by kept cuts all rise."""
    early = [(who, day, 1 + n) for n, who in enumerate("abcde") for day in range(n + 1)]
    later = [(who, 20 + day, 9) for who in "abcde" for day in range(6)]
    then = "2024-01-10"
    cuts = rfm_cuts(orders_of(early), as_of=then, ties=ties)
    ranks = rfm_scores(orders_of(early + later), as_of=AS_OF, ties=ties)
    held = rfm_scores(orders_of(early + later), as_of=AS_OF, cuts=cuts)
    assert rfm_scores(orders_of(early), as_of=then, ties=ties)["f"].tolist() == [1, 2, 3, 4, 5]
    assert ranks["f"].tolist() == [1, 2, 3, 4, 5]
    assert held["f"].tolist() == [5] * 5
    assert set(held["ties"]) == {ties}


@quiet
def test_a_nested_score_nobody_had_is_cut_as_all_are():
    """All bought on one day, so there is one score of recency; later there is another."""
    rows = [(who, 30, n) for n, who in enumerate("abcd")]
    cuts = rfm_cuts(orders_of(rows), as_of=AS_OF, nesting="nested", bins=2)
    assert cuts.r == ((0.0,),)
    assert cuts.f == ((1.0,),) * 3
    assert cuts.m == ((1.5,),) * 5
    later = rfm_scores(orders_of(rows), as_of="2024-02-03", cuts=cuts)
    assert later["segment"].tolist() == ["111", "111", "112", "112"]


@quiet
def test_neither_the_order_of_rows_nor_the_names_nor_the_currency_matter():
    """Shuffled, renamed, in cents."""
    orders = orders_of(SOME)
    plain = rfm_scores(orders, as_of=AS_OF)
    shuffled = rfm_scores(orders.sample(frac=1, random_state=1), as_of=AS_OF)
    pd.testing.assert_frame_equal(plain, shuffled)
    cents = rfm_scores(orders.assign(sales=orders["sales"] * 128), as_of=AS_OF)
    pd.testing.assert_series_equal(plain["segment"], cents["segment"])
    numbered = orders.assign(customer_id=orders["customer_id"].map(ord))
    pd.testing.assert_series_equal(plain["segment"], rfm_scores(numbered, as_of=AS_OF)["segment"])


@quiet
def test_profit_is_scored_where_it_is_asked_for():
    """Bob brings more sales, Ann more profit; both need the column."""
    orders = orders_of([("a", 3, 10), ("b", 3, 20)])
    with_profit = orders.assign(profit=[5.0, 1.0])
    assert rfm_scores(with_profit, as_of=AS_OF, bins=2)["m"].tolist() == [1, 2]
    found = rfm_scores(with_profit, as_of=AS_OF, bins=2, money="profit")
    assert found["m"].tolist() == [2, 1]
    assert found["value"].tolist() == [5.0, 1.0]
    with pytest.raises(rt.ColumnError, match="lacks 'profit'.*as_transactions.*or money=\"sales\""):
        rfm_scores(orders, as_of=AS_OF, money="profit")
    gaps = orders.assign(profit=[5.0, None])
    with pytest.raises(rt.ContentError, match="1 of 2 rows have no usable 'profit'"):
        rfm_scores(gaps, as_of=AS_OF, money="profit")


@pytest.mark.parametrize("ties", ["first", "ntile", "qcut", "row_number"])
def test_a_split_by_the_order_of_rows_is_refused_by_name(ties):
    """And what it says instead is taken."""
    orders = orders_of([("a", 3, 10), ("b", 4, 20)])
    for ask in (rfm_scores, rfm_cuts):
        with pytest.raises(rt.RetentionError, match=f"ties='{ties}' splits .* order of the rows"):
            ask(orders, as_of=AS_OF, ties=ties)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"bins": 1}, "bins must be"),
        ({"bins": 10}, "bins may be 9 at most"),
        ({"ties": "best"}, "ties must be one of 'cuts', 'middle'"),
        ({"nesting": "some"}, "nesting must be one of"),
        ({"money": "value"}, "money must be one of"),
        ({"window": 0}, "window must be"),
        ({"as_of": "soon"}, "as_of"),
        ({"as_of": "2023-01-01"}, "nothing was observed by then"),
        ({"window": 1}, "Nobody bought in the 1 day up to as_of 2024-01-31"),
    ],
)
def test_what_is_no_way_of_scoring_is_refused(said, told):
    """By both functions alike."""
    orders = orders_of([("a", 3, 10), ("b", 30, -20)])
    for ask in (rfm_scores, rfm_cuts):
        with pytest.raises(rt.RetentionError, match=told):
            ask(orders, **{"as_of": AS_OF, **said})


@quiet
def test_cuts_and_another_scale_beside_them_are_refused():
    """What the cuts say themselves may be said again."""
    orders = orders_of(SOME)
    cuts = rfm_cuts(orders, as_of=AS_OF, bins=3)
    told = r"made with bins=3, so bins=4 is another scale. Leave bins out"
    with pytest.raises(rt.RetentionError, match=told):
        rfm_scores(orders, as_of=AS_OF, bins=4, cuts=cuts)
    pd.testing.assert_frame_equal(
        rfm_scores(orders, as_of=AS_OF, cuts=cuts), rfm_scores(orders, as_of=AS_OF, bins=3)
    )
    with pytest.raises(rt.RetentionError, match="`?cuts`? must be a value from `?rfm_cuts"):
        rfm_scores(orders, as_of=AS_OF, cuts=[1, 2])


@pytest.mark.parametrize("gap", ["customer_id", "date", "sales"])
def test_a_line_without_what_is_scored_is_refused(gap):
    """An empty table too."""
    orders = orders_of([("a", 3, 10), ("b", 4, 20)])
    holed = orders.assign(**{gap: orders[gap].where([True, False])})
    with pytest.raises(rt.ContentError, match=f"1 of 2 rows have no usable '{gap}'"):
        rfm_scores(holed, as_of=AS_OF)
    with pytest.raises(rt.ContentError, match="transactions is empty"):
        rfm_scores(orders[:0], as_of=AS_OF)


@quiet
def test_cuts_that_are_not_as_many_as_the_scores_are_refused():
    """Such as those of another number of bins, written by hand."""
    cuts = rfm_cuts(orders_of(SOME), as_of=AS_OF, bins=3)
    for changed in ({"bins": 4}, {"nesting": "nested"}, {"f": ()}):
        with pytest.raises(ValueError, match="must be .* times .* cuts.*Make them with .?rfm_cuts"):
            RfmCuts(**{**cuts.model_dump(), **changed})


def test_amounts_at_hand_are_written_to_14_digits_as_python_writes_them():
    """Of any size, of whole cents or not, and with what adding up leaves."""
    draw = np.random.default_rng(1)
    size = 10.0 ** draw.uniform(-9, 15, 2000)
    amounts = np.concatenate([size, -size, np.round(size, 2), np.round(size, 2) / 3, [0.0, 0.3]])
    nudged = np.concatenate([amounts, np.nextafter(amounts, 1e15), np.cumsum(np.full(99, 0.1))])
    assert _as_written(nudged).tolist() == [float(f"{amount:.14g}") for amount in nudged.tolist()]


def test_sums_at_hand_are_exact_or_none():
    """What cancels leaves nothing behind; what a float may not tell is left to the engine."""
    amounts = np.array([1e14, 0.1, -1e14, 0.2, -0.3, 7.25])
    found = exact_totals(np.array([0, 0, 0, 1, 1, 2]), amounts)
    assert found.tolist() == [0.1, float(Fraction(0.2) - Fraction(0.3)), 7.25]
    assert exact_totals(np.zeros(10, int), np.full(10, 1e15)) is None  # beyond what a float tells
    assert exact_totals(np.zeros(9000, int), np.full(9000, 0.1)) is None
