"""purchase_spells: how long customers kept buying, against a walk through the days."""

from __future__ import annotations

import warnings
from collections import defaultdict
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import retention as rt
from lasting import day, kaplan_meier, named, usable
from retention.frames import as_lazy, collect
from retention.spells.days import purchase_days
from retention.tables import SPELLS, require
from shops import orders, refund_only, same_day_twice

BEGIN, AS_OF = date(2023, 12, 1), date(2024, 2, 29)
KEYS = ["customer_id", "spell"]
COLUMNS = [
    "customer_id",
    "spell",
    "start",
    "end",
    "entry",
    "duration",
    "churned",
    "set_aside",
    "reactivation",
    "last_order",
]

ignore_silence = pytest.mark.filterwarnings("ignore::retention.errors.RetentionWarning")


def naive_days(lines):
    """For each customer the days with an order that is no refund, and the smallest region there."""
    totals, regions = defaultdict(int), defaultdict(list)
    for line in lines:
        order = (line["customer_id"], line.get("order_id"), line["date"].date())
        totals[order] += line["sales"]
        regions[order].append(line["region"])
    bought = defaultdict(dict)
    for (customer, order, when), total in totals.items():
        if total >= 0 and when <= AS_OF:
            least = min(regions[customer, order, when])
            bought[customer][when] = min(least, bought[customer].get(when, least))
    return bought


def naive_spells(lines, gap, merged):
    """Walk through the days: an order starts or continues a spell, `gap` days without end it."""
    found = []
    for customer, bought in naive_days(lines).items():
        running = None
        for n in range((AS_OF - min(bought)).days + 1):
            today = min(bought) + timedelta(days=n)
            if today in bought:
                if running is None:
                    running = {"customer_id": customer, "start": today, "region": bought[today]}
                    found.append(running)
                running["last_order"] = today
            lost = running and (today - running["last_order"]).days == gap
            if lost and not (merged and any(later > today for later in bought)):
                running["end"], running = today, None
    return found


def naive_entries(found, gap, observed_from, started):
    """Late entry in words: whose start is known, and from which age on each spell is followed."""
    seen = set()
    for spell in sorted(found, key=lambda spell: (spell["customer_id"], spell["start"])):
        first = spell["customer_id"] not in seen
        seen.add(spell["customer_id"])
        spell["entry"] = spell["set_aside"] = None
        under_way = spell["start"] < observed_from + timedelta(days=gap)
        if first and under_way:
            told = started.get(spell["customer_id"])
            if told is None and spell["start"] >= observed_from:
                spell["set_aside"] = "start unknown"
            elif told is not None and told > spell["start"]:
                spell["set_aside"] = "start after an order"
            elif told is not None:
                spell["start"] = told
        if under_way:
            spell["entry"] = (observed_from - spell["start"]).days + gap
            lasted = (spell.get("end", AS_OF) - spell["start"]).days
            if lasted <= spell["entry"] and not spell["set_aside"]:
                over = "ended" if "end" in spell else "observation ended"
                spell["set_aside"] = f"{over} before it came under observation"


def as_rows(found):
    """What the walk found, one tuple a spell."""
    return sorted(
        (
            spell["customer_id"],
            spell["start"],
            spell.get("end"),
            spell.get("entry"),
            (spell.get("end", AS_OF) - spell["start"]).days,
            "end" in spell,
            spell.get("set_aside"),
            spell["last_order"],
            spell["region"],
        )
        for spell in found
    )


def rows_of(spells):
    """An answer of the library, one tuple a spell."""
    none = lambda value: None if pd.isna(value) else value  # noqa: E731
    return sorted(
        (
            row["customer_id"],
            row["start"].date(),
            None if pd.isna(row["end"]) else row["end"].date(),
            none(row["entry"]),
            row["duration"],
            row["churned"],
            none(row["set_aside"]),
            row["last_order"].date(),
            row["region"],
        )
        for row in spells.to_dict("records")
    )


customers = st.sampled_from(["Ann", "Bob", "Cem"])
line = st.tuples(
    customers,
    st.dates(BEGIN, date(2024, 3, 10)),
    st.integers(-2, 6),
    st.sampled_from(["o1", "o2", "o3", "o4"]),
    st.sampled_from(["north", "south"]),
)
logs = st.lists(line, min_size=1, max_size=25)
known_starts = st.dictionaries(customers, st.dates(date(2023, 10, 1), date(2024, 1, 20)))
FIRST = ("Ann", BEGIN, 1, "o0", "north")


def log(lines):
    """Order lines that begin with one purchase on the first day."""
    return orders(FIRST, *lines, columns=("order_id", "region"))


@ignore_silence
@given(lines=logs, gap=st.integers(1, 40), by_order=st.booleans(), merged=st.booleans())
def test_agrees_with_a_walk_through_the_days(engine, lines, gap, by_order, merged):
    """Starts, ends, durations and attributes are those of the definition."""
    frame = log(lines) if by_order else log(lines).drop(columns="order_id")
    spells = rt.purchase_spells(
        engine.table(frame),
        gap=gap,
        as_of=AS_OF,
        reactivation="same_spell" if merged else "new_spell",
        keep_first="region",
    )
    found = engine.read(spells, order=KEYS)
    assert rows_of(found) == as_rows(naive_spells(frame.to_dict("records"), gap, merged))
    in_time = found.sort_values(["customer_id", "start"])
    assert (in_time["spell"] == in_time.groupby("customer_id").cumcount() + 1).all()


@ignore_silence
@example(lines=[], gap=10, observed_from=BEGIN, starts={"Ann": BEGIN})
@given(
    lines=logs,
    gap=st.integers(1, 40),
    observed_from=st.dates(BEGIN, AS_OF),
    starts=st.none() | known_starts,
)
def test_late_entry_agrees_with_the_definition(engine, lines, gap, observed_from, starts):
    """Entries, starts that were told and reasons to set aside."""
    frame = log(lines)
    started = pd.DataFrame(
        {"customer_id": list(starts or ["Dee"]), "start": list((starts or {"Dee": BEGIN}).values())}
    )
    started = started.assign(start=pd.to_datetime(started["start"]).astype("datetime64[us]"))
    given_as = started if engine.name == "duckdb" else engine.table(started)
    spells = rt.purchase_spells(
        engine.table(frame),
        gap=gap,
        as_of=AS_OF,
        observed_from=observed_from,
        started=None if starts is None else given_as,
        keep_first="region",
    )
    expected = naive_spells(frame.to_dict("records"), gap, merged=False)
    naive_entries(expected, gap, observed_from, starts or {})
    assert rows_of(engine.read(spells)) == as_rows(expected)


def test_answer_is_of_the_kind_that_was_given(engine):
    """The same kind of table comes back, its columns and types whatever was asked for."""
    frame = log([("Bob", date(2024, 2, 20), 5, "o1", "south")])
    answers = [
        rt.purchase_spells(engine.table(frame), gap=30, as_of=AS_OF),
        rt.purchase_spells(engine.table(frame), gap=300, as_of=AS_OF),
        rt.purchase_spells(engine.table(frame), gap=30, as_of=AS_OF, observed_from=BEGIN),
    ]
    for answer in answers:
        require(answer, SPELLS)
        assert engine.is_mine(answer)
        read = engine.read(answer)
        assert list(read.columns) == COLUMNS
        assert (
            read.dtypes.astype(str).to_dict()
            == engine.read(answers[0]).dtypes.astype(str).to_dict()
        )
    assert "region" in engine.read(
        rt.purchase_spells(engine.table(frame), gap=30, as_of=AS_OF, keep=["region"])
    )


def test_kept_attributes_keep_their_type_and_whole_number_ids_theirs(engine):
    """Flags, numbers and categories travel along; of several on the first day the smallest."""
    frame = orders(
        (1, "2024-01-01", 5, True, 3, "b"),
        (1, "2024-01-01", 5, False, 2, "a"),
        (1, "2024-01-05", 5, False, 1, "a"),
        columns=("vip", "visits", "plan"),
    ).astype({"plan": "category"})
    spells = engine.read(
        rt.purchase_spells(
            engine.table(frame), gap=10, as_of="2024-01-06", keep_first=["vip", "visits", "plan"]
        )
    )
    assert spells["customer_id"].dtype == np.int64
    assert spells[["vip", "visits", "plan"]].values.tolist() == [[False, 2, "a"]]


def test_an_order_on_the_last_day_of_the_gap_continues_the_spell():
    """An order on L + gap keeps the customer; a day later it starts a new spell."""
    kept = orders(("Ann", "2024-01-01", 1), ("Ann", "2024-01-31", 1))
    late = orders(("Ann", "2024-01-01", 1), ("Ann", "2024-02-01", 1))
    say = {"gap": 30, "as_of": "2024-02-02"}
    assert rt.purchase_spells(kept, **say)["start"].dt.day.tolist() == [1]
    again = rt.purchase_spells(late, **say)
    assert again["start"].tolist() == [pd.Timestamp("2024-01-01"), pd.Timestamp("2024-02-01")]
    assert again["end"].tolist() == [pd.Timestamp("2024-01-31"), pd.NaT]


def test_an_end_is_known_on_the_day_itself():
    """Lost on L + gap = as_of is an end of duration as_of − start; a day earlier it is censored."""
    ann = orders(("Ann", "2024-01-01", 1), ("Ann", "2024-01-03", 1))
    columns = ["churned", "duration"]
    on_the_day = rt.purchase_spells(ann, gap=5, as_of="2024-01-08")
    the_day_before = rt.purchase_spells(ann, gap=5, as_of="2024-01-07")
    assert on_the_day[columns].values.tolist() == [[True, 7]]
    assert the_day_before[columns].values.tolist() == [[False, 6]]


@pytest.mark.parametrize("as_of", ["2024-02-10", "2024-02-29"])
@ignore_silence
def test_refunds_neither_start_nor_continue_a_spell(as_of):
    """Bob's return in February is no order: his spell runs from his only purchase."""
    spells = rt.purchase_spells(refund_only(), gap=15, as_of=as_of)
    bob = spells[spells["customer_id"] == "Bob"]
    assert list(bob["start"]) == list(bob["last_order"]) == [pd.Timestamp("2024-01-20")]


def test_orders_of_nothing_and_rounding_errors_are_purchases():
    """0.1 + 0.2 − 0.3 is nothing sold, not a refund."""
    frame = orders(
        ("Ann", "2024-01-01", 0.1), ("Ann", "2024-01-01", 0.2), ("Ann", "2024-01-01", -0.3)
    )
    assert len(rt.purchase_spells(frame, gap=5, as_of="2024-01-02")) == 1


def test_two_orders_a_day_are_one_day():
    """What counts is the day."""
    spells = rt.purchase_spells(same_day_twice(), gap=5, as_of="2024-01-04")
    assert spells["duration"].tolist() == [3]


def test_same_spell_looks_into_the_future():
    """A customer who comes back was never away, and one who does not was lost all the same."""
    frame = orders(("Ann", "2024-01-01", 1), ("Ann", "2024-03-01", 1), ("Bob", "2024-01-01", 1))
    say = {"gap": 10, "as_of": "2024-03-05", "reactivation": "same_spell"}
    spells = rt.purchase_spells(frame, **say)
    assert spells[["customer_id", "churned", "duration"]].values.tolist() == [
        ["Ann", False, 64],
        ["Bob", True, 10],
    ]
    assert set(spells["reactivation"]) == {"same_spell"}


@ignore_silence
@given(lines=logs, gap=st.integers(1, 30))
def test_shuffled_lines_and_new_names_change_nothing(lines, gap):
    """Neither the order of the lines nor what customers are called matters."""
    frame = log(lines)
    names = {"Ann": 3, "Bob": 1, "Cem": 2}
    say = {"gap": gap, "as_of": AS_OF, "keep_first": "region"}
    spells = rt.purchase_spells(frame, **say)
    pd.testing.assert_frame_equal(
        rt.purchase_spells(frame.sample(frac=1, random_state=1), **say), spells
    )
    renamed = rt.purchase_spells(frame.assign(customer_id=frame["customer_id"].map(names)), **say)
    back = renamed["customer_id"].map({new: old for old, new in names.items()})
    assert rows_of(renamed.assign(customer_id=back)) == rows_of(spells)


@ignore_silence
@given(lines=logs, later=logs, gap=st.integers(1, 30))
def test_orders_after_as_of_change_nothing(lines, later, gap):
    """Nothing after the last observed day is looked at."""
    frame = log(lines)
    after = log(later).assign(date=lambda table: table["date"] + pd.Timedelta(days=200))
    say = {"gap": gap, "as_of": AS_OF}
    pd.testing.assert_frame_equal(
        rt.purchase_spells(pd.concat([frame, after]), **say), rt.purchase_spells(frame, **say)
    )


@ignore_silence
@given(lines=logs, gap=st.integers(1, 30))
def test_spells_of_a_customer_do_not_overlap(lines, gap):
    """Each ends before the next one starts, and only the last one can be running."""
    for _, mine in rt.purchase_spells(log(lines), gap=gap, as_of=AS_OF).groupby("customer_id"):
        assert (mine["start"].iloc[1:].values > mine["end"].iloc[:-1].values).all()
        assert mine["churned"].iloc[:-1].all()
        assert ((mine["end"] - mine["last_order"]).dt.days.dropna() == gap).all()


@ignore_silence
@given(lines=logs, gap=st.integers(1, 30))
def test_nobody_censored_could_have_been_an_end_seen_earlier(lines, gap):
    """With T the time to the end once all is known, and C = as_of − s, a spell shows min(T, C).

    It has churned if T ≤ C. So the time of censoring depends on the start alone, which is what
    survival analysis asks for.
    """
    frame = log(lines)
    frame = frame[frame["date"].dt.date <= AS_OF]
    cut = rt.purchase_spells(frame, gap=gap, as_of=date(2024, 1, 20))
    full = rt.purchase_spells(frame, gap=gap, as_of=date(2025, 1, 1))
    assert full["churned"].all()
    both = cut.merge(full, on=["customer_id", "start"], suffixes=("", "_full"))
    followed = (pd.Timestamp("2024-01-20") - both["start"]).dt.days
    assert len(both) == len(cut) == (full["start"] <= "2024-01-20").sum()
    assert (both["duration"] == np.minimum(both["duration_full"], followed)).all()
    assert (both["churned"] == (both["duration_full"] <= followed)).all()


def buying(n, days, rng):
    """A whole log: customers join on any day, buy every 20 days on average, leave at 1/90 a day."""
    joined = rng.uniform(0, days, n)
    left = joined + rng.exponential(90, n)
    orders_each = rng.poisson((left - joined) / 20)
    who = np.repeat(np.arange(n), orders_each + 1)
    when = np.where(
        np.r_[True, who[1:] != who[:-1]], joined[who], rng.uniform(joined[who], left[who])
    ).astype(int)
    frame = pd.DataFrame({"customer_id": who, "date": day(19_000) + pd.to_timedelta(when, "D")})
    return frame[when < days].assign(sales=1.0, date=lambda t: t["date"].astype("datetime64[us]"))


def test_back_dated_ends_make_customers_look_more_faithful_than_they_are():
    """Ends on L are right if all are censored at as_of − gap, too few if running spells are not."""
    gap, days = 60, 200
    frame = buying(6_000, days, np.random.default_rng(1))
    as_of = day(19_199)
    spells = rt.purchase_spells(frame, gap=gap, as_of=as_of)
    truth = rt.purchase_spells(
        buying(6_000, 600, np.random.default_rng(2)), gap=gap, as_of=day(19_599)
    )
    alive = float(kaplan_meier(truth, 60 + gap - 1))
    assert float(kaplan_meier(spells, 60 + gap - 1)) == pytest.approx(alive, abs=0.03)
    lasted = (spells["last_order"] - spells["start"]).dt.days
    back_dated = spells.assign(duration=lasted.where(spells["churned"], spells["duration"]))
    assert float(kaplan_meier(back_dated, 60 - 1)) > alive + 0.1
    known = (as_of - spells["start"]).dt.days - gap
    cut = back_dated.assign(duration=back_dated["duration"].where(spells["churned"], known))
    cut = cut[cut["duration"] >= 0]
    assert kaplan_meier(cut, 60 - 1) == kaplan_meier(spells, 60 + gap - 1)


def test_the_hazard_is_nothing_before_the_gap_and_leaps_there():
    """No spell ends before `gap` days have passed; those who bought once all end there."""
    spells = rt.purchase_spells(
        buying(500, 400, np.random.default_rng(3)), gap=45, as_of=day(19_399)
    )
    ended = spells[spells["churned"]]
    assert ended["duration"].min() == 45
    assert (ended["duration"] == 45).mean() > 0.15
    assert kaplan_meier(spells, 44) == 1


def test_a_cut_log_tells_the_truth_only_with_entry_gap_days_after_the_cut():
    """Of those who lasted 60 days, the share lasting 120: right with late entry, else far too high.

    The cut hides those who fell silent across it, so from the cut to `gap` days later nobody seems
    to leave. Entering customers at the cut counts that time as loyalty.
    """
    gap, cut, end = 60, 400, 520
    frame = buying(20_000, end + gap, np.random.default_rng(4))
    as_of = day(19_000 + end - 1)
    truth = rt.purchase_spells(frame, gap=gap, as_of=day(19_000 + end + gap - 1))
    lasting = float(kaplan_meier(truth, 120, since=60))
    observed_from = day(19_000 + cut)
    known = rt.purchase_spells(frame, gap=gap, as_of=observed_from)
    under_way = known[~known["churned"]][["customer_id", "start"]]
    log_from = frame[frame["date"] >= observed_from]
    say = {"gap": gap, "as_of": as_of, "observed_from": observed_from}
    spells = rt.purchase_spells(log_from, started=under_way, **say)
    old = spells[spells["start"] < observed_from]
    assert float(kaplan_meier(usable(old), 120, since=60)) == pytest.approx(lasting, abs=0.03)
    at_the_cut = old.assign(entry=old["entry"] - gap)
    assert float(kaplan_meier(at_the_cut, 120, since=60)) > lasting + 0.15


def test_orders_before_the_cut_tell_starts_as_well_as_being_told():
    """A log with the whole past of those still seen gives the spells that `started` gives.

    It gives more: those who were lost after the cut and came back before `gap` days had passed are
    known for what they are, where `started` takes them for customers who stayed.
    """
    gap, observed_from = 60, day(19_400)
    frame = buying(800, 520, np.random.default_rng(5))
    seen_since = frame.loc[frame["date"] >= observed_from, "customer_id"].unique()
    say = {"gap": gap, "as_of": day(19_519), "observed_from": observed_from}
    past = rt.purchase_spells(frame[frame["customer_id"].isin(seen_since)], **say)
    known = rt.purchase_spells(frame, gap=gap, as_of=observed_from)
    started = known[~known["churned"]][["customer_id", "start"]]
    told = rt.purchase_spells(frame[frame["date"] >= observed_from], started=started, **say)
    columns = ["customer_id", "start", "end", "entry", "duration", "churned"]
    first = usable(past)[lambda spells: spells["start"] < observed_from]
    again = usable(told)[lambda spells: spells["start"] < observed_from]
    returned = set(again["customer_id"]) - set(first["customer_id"])
    assert 0 < len(returned) < len(first) / 10
    again = again[~again["customer_id"].isin(returned)]
    pd.testing.assert_frame_equal(
        first[columns].reset_index(drop=True), again[columns].reset_index(drop=True)
    )


def test_a_log_that_was_cut_sets_aside_whose_start_it_does_not_know():
    """Who buys in the first gap days may be old or new; who is silent all through them is new."""
    frame = orders(("Ann", "2024-01-05", 1), ("Bob", "2024-02-05", 1), ("Bob", "2024-04-30", 1))
    say = {"gap": 30, "as_of": "2024-05-01", "observed_from": "2024-01-01"}
    spells = rt.purchase_spells(frame, **say)
    assert spells["set_aside"].fillna("").tolist() == ["start unknown", "", ""]
    assert spells["entry"].isna().tolist() == [False, True, True]
    told = orders(("Ann", "2023-06-01", 0)).rename(columns={"date": "start"})
    known = rt.purchase_spells(frame, started=told, **say).iloc[0]
    # She came under observation on 31 January, and was lost on 4 February.
    assert (known["start"], known["entry"], known["duration"]) == (
        pd.Timestamp("2023-06-01"),
        244,
        248,
    )


def test_the_earliest_of_several_told_starts_counts():
    """A customer who stands twice in `started` makes one spell."""
    frame = orders(("Ann", "2024-01-05", 1))
    twice = pd.DataFrame(
        {"customer_id": ["Ann"] * 3, "start": pd.to_datetime(["2023-12-30", "2023-12-01", None])}
    )
    spells = rt.purchase_spells(
        frame, gap=30, as_of="2024-01-09", observed_from="2024-01-01", started=twice
    )
    assert spells["start"].tolist() == [pd.Timestamp("2023-12-01")]


def test_large_tables_take_the_way_through_duckdb(monkeypatch):
    """A pandas table that DuckDB groups gives what pandas gives, with starts told in pandas."""
    frame = buying(300, 300, np.random.default_rng(6))
    started = pd.DataFrame({"customer_id": range(100), "start": day(19_001)})
    say = {"gap": 30, "as_of": day(19_299), "observed_from": day(19_050), "started": started}
    small = rt.purchase_spells(frame, **say)
    monkeypatch.setattr("retention.frames.engines.ROUTE_ROWS", 100)
    pd.testing.assert_frame_equal(named(rt.purchase_spells(frame, **say)), named(small))


def test_a_log_that_fell_silent_is_warned_of_at_the_users_line():
    """If the data end before as_of, everybody looks lost."""
    frame = orders(("Ann", "2024-01-01", 1))
    with pytest.warns(rt.RetentionWarning, match="31 days before as_of 2024-02-01") as caught:
        rt.purchase_spells(frame, gap=10, as_of="2024-02-01")
    assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rt.purchase_spells(frame, gap=10, as_of="2024-01-08")


ONE = orders(("Ann", "2024-01-01", 1))
SAY = {"gap": 30, "as_of": "2024-01-05"}


@pytest.mark.parametrize("gap", [0, -1, 30.0, "30", True, None])
def test_a_gap_is_a_whole_number_of_days(gap):
    """Half days and none at all are refused."""
    with pytest.raises(
        rt.RetentionError, match="gap must be a whole number of days, 1 or more; got"
    ):
        rt.purchase_spells(ONE, gap=gap, as_of="2024-01-05")


def test_a_numpy_whole_number_is_one():
    """Gaps that come out of a calculation are welcome."""
    assert len(rt.purchase_spells(ONE, gap=np.int32(30), as_of="2024-01-05")) == 1


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"as_of": "2023-12-31"}, rt.ContentError, "the first order is of 2024-01-01"),
        ({"as_of": "soon"}, rt.RetentionError, "as_of must be a day"),
        ({"observed_from": "2024-02-01"}, rt.RetentionError, "observed_from is 2024-02-01, after"),
        ({"reactivation": "merge"}, rt.RetentionError, "'new_spell', 'same_spell'; got 'merge'"),
        ({"keep": "regoin"}, rt.ColumnError, "keep names 'regoin'"),
        ({"keep": "sales"}, rt.ColumnError, "'sales' is a column of transactions or spells"),
        ({"keep": "duration"}, rt.ColumnError, "'duration' is a name that answers use"),
        ({"keep": ["plan", "plan"]}, rt.ColumnError, "keep names a column twice"),
        ({"started": ONE}, rt.RetentionError, "say observed_from= as well"),
    ],
)
def test_what_cannot_be_meant_is_refused(change, error, message):
    """The message says which argument, what it was and what would do."""
    with pytest.raises(error, match=message):
        rt.purchase_spells(ONE.assign(plan="a", duration=1), **{**SAY, **change})


def test_starts_that_cannot_be_matched_are_refused():
    """`started` needs its two columns, and ids of the same type."""
    say = {**SAY, "observed_from": "2024-01-01"}
    with pytest.raises(rt.ColumnError, match=r"started .* lacks 'start' .* Rename 'started' to"):
        rt.purchase_spells(ONE, started=ONE.rename(columns={"date": "started"}), **say)
    numbers = pd.DataFrame({"customer_id": [1], "start": pd.to_datetime(["2023-01-01"])})
    with pytest.raises(rt.ColumnError, match="holds Int64, in transactions it holds String"):
        rt.purchase_spells(ONE, started=numbers, **say)


def test_without_purchases_there_are_no_spells():
    """An empty log, and one of refunds."""
    with pytest.raises(rt.ContentError, match="transactions is empty"):
        rt.purchase_spells(ONE.iloc[:0], **SAY)
    with pytest.raises(rt.ContentError, match="refunds only"):
        rt.purchase_spells(ONE.assign(sales=-1.0), **SAY)


def test_every_engine_has_a_day_once_whatever_is_refunded(engine):
    """Two lines of a day are one day of the customer, be there refunds in the log or not."""
    lines = orders(
        *[("Bob", "2024-01-01", 5)] * 2, *[("Ann", "2024-02-08", 5), ("Ann", "2024-02-08", -3)]
    )
    days = purchase_days(as_lazy(engine.table(lines)), as_of=date(2024, 2, 8), keep={})
    assert sorted(collect(days)["customer_id"].tolist()) == ["Ann", "Bob"]


@ignore_silence
@pytest.mark.parametrize("name", ["_day", "_start", "_Last", "_spell"])
def test_a_column_named_as_those_inside_are_is_refused(name):
    """It ended in an engine's error, or not at all, by the way the lines went."""
    lines = orders(("Ann", date(2024, 1, 1), 1.0), ("Bob", date(2024, 1, 2), 1.0)).assign(
        **{name: 1}
    )
    told = {"as_of": AS_OF, "observed_from": BEGIN}
    spells = rt.purchase_spells(lines, gap=30, **told)
    ways = (
        lambda: rt.purchase_spells(lines, gap=30, keep=name, **told),
        lambda: rt.survival.person_periods(spells.assign(**{name: 1}), unit="month", keep=name),
    )
    for way in ways:
        with pytest.raises(rt.ColumnError, match=f"keep: '{name}' is a name that answers use"):
            way()
