"""service_kpis and retention_by_service: against twins in loops, a published curve, refusals."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from fractions import Fraction
from math import exp, log, sqrt

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import retention as rt
from conftest import at_most
from retention.intervals import wilson_bounds
from retention.kpis.service.rates import retention_by_service, service_kpis
from retention.periods import first_day_number, step_of
from shops import orders

AS_OF = "2024-02-05"
TARGETS = {"first_response": 24, "resolution": 48}
START = pd.Timestamp("2024-02-01")
Z = 1.959963984540054
ignore_silence = pytest.mark.filterwarnings("ignore::retention.errors.RetentionWarning")

hours = st.one_of(st.none(), st.sampled_from([0, 1, 24, 25, 48, 60, 200]))
flags = st.sampled_from([None, 0, 1])
a_contact = st.tuples(
    st.sampled_from(["Ann", "Bob"]), st.integers(0, 140), hours, hours, hours, flags, flags
)


def contacts(*rows):
    """Contacts as (customer, hours after START, answer, solution, discontent, right, parts)."""
    names = ["customer_id", "date", "first_response_hours", "resolution_hours"]
    names += ["unsatisfied_hours", "right_first_time", "parts_available"]
    frame = pd.DataFrame([(*row, *[None] * 7)[:7] for row in rows], columns=names)
    frame = frame.astype(dict.fromkeys(names[2:], float))
    at = START + pd.to_timedelta(frame["date"], unit="h")
    frame = frame.assign(date=at.astype("datetime64[us]"))
    return frame.assign(desk=frame["customer_id"])


def seen(row, figure, end):
    """How long a contact was seen to wait, and whether it was done, by the hour `end`."""
    age = end - row[1]
    done = row[2] if figure == "first_response" else row[3]
    if done is not None and done < age:
        return done, True
    given_up = row[4] if figure == "resolution" else None
    return (given_up if given_up is not None and given_up < age else age), False


def curve_of(waits):
    """Kaplan and Meier in fractions: the share that waits longer than each time, and its V."""
    share, variance, found = Fraction(1), Fraction(0), []
    for t in sorted({time for time, _ in waits}):
        n = sum(time >= t for time, _ in waits)
        d = sum(time == t and done for time, done in waits)
        share *= 1 - Fraction(d, n)
        variance += Fraction(d, n * (n - d)) if n > d else 0
        found.append((t, share, variance))
    return found


def passes(curve, level):
    """The first time at which the curve is down to a level."""
    return next((t for t, share, _ in curve if share <= level), np.nan)


def share_at(curve, time):
    """The curve and its variance at a time."""
    return ([(Fraction(1), Fraction(0))] + [(s, v) for t, s, v in curve if t <= time])[-1]


def twin_of_time(rows, figure, end, target):
    """The row of a time: counts, median, 90th percentile, share and bounds."""
    waits = [seen(row, figure, end) for row in rows]
    curve = curve_of(waits)
    done = [time for time, is_done in waits if is_done]
    good = sum(time <= target for time in done)
    counts = [len(rows), len(done), len(rows) - len(done), 0, good]
    marks = [passes(curve, Fraction(1, 2)), passes(curve, Fraction(1, 10))]
    share, variance = share_at(curve, target)
    if curve[-1][0] < target and curve[-1][1] > 0:
        return [*counts, *marks, np.nan, np.nan, np.nan]
    if 0 < share < 1:
        spread = Z * sqrt(variance) / -log(share)
        bounds = [1 - exp(log(share) * exp(s)) for s in (-spread, spread)]
    else:
        trials = good if share == 0 else sum(time >= target for time, _ in waits)
        bounds = [float(b[0]) for b in wilson_bounds([good], [trials])]
    return [*counts, *marks, float(1 - share), *bounds]


def twin_of_share(rows, place, end):
    """The row of a share: counts, no times, share and Wilson's bounds."""
    answered = [row for row in rows if seen(row, "first_response", end)[1]]
    known = [row[place] for row in answered if row[place] is not None]
    counts = [len(rows), len(known), len(rows) - len(answered), len(answered) - len(known)]
    share = sum(known) / len(known) if known else np.nan
    bounds = [float(b[0]) for b in wilson_bounds([sum(known)], [len(known)])]
    return [*counts, sum(known), np.nan, np.nan, share, *bounds]


def twin(rows, end):
    """The four rows of a segment."""
    rows = [row for row in rows if row[1] < end]
    times = [twin_of_time(rows, name, end, target) for name, target in TARGETS.items()]
    return [*times, *(twin_of_share(rows, place, end) for place in (5, 6))]


NUMBERS = ["n_contacts", "n_done", "n_open", "n_unknown", "n_good", "median_hours", "p90_hours"]
NUMBERS += ["share", "lower", "upper"]


@settings(max_examples=at_most(12))
@given(rows=st.lists(a_contact, min_size=1, max_size=12))
def test_agrees_with_the_definition_in_loops(engine, rows):
    """Every number of every figure, for all and by segment, with what was seen by as_of only."""
    rows = [("Ann", 3, 1, 2, None, 1, None), *rows]
    end = 24 * ((pd.Timestamp(AS_OF) - START).days + 1)
    found = service_kpis(engine.table(contacts(*rows)), as_of=AS_OF, targets=TARGETS, by="desk")
    found = engine.read(found, order=["desk"])
    figures = [*TARGETS, "right_first_time", "parts_available"]
    for desk, part in found.groupby("desk"):
        mine = part.set_index("figure").loc[figures]
        wanted = twin([row for row in rows if row[0] == desk], end)
        got = mine[NUMBERS].astype(float).to_numpy()
        np.testing.assert_allclose(got, np.array(wanted, float), rtol=1e-9, atol=1e-12)
    assert set(found["desk"]) == {row[0] for row in rows if row[1] < end}
    total = found["n_done"] + found["n_open"] + found["n_unknown"]
    assert (found["n_contacts"] == total).all()


def test_without_segments_everybody_is_in_one(engine):
    """Four rows in a fixed order of figures, in the caller's kind."""
    frame = contacts(("Ann", 0, 1, 2), ("Bob", 5, 30, None))
    answer = service_kpis(engine.table(frame), as_of=AS_OF, targets=TARGETS)
    assert engine.is_mine(answer)
    found = engine.read(answer).set_index("figure")
    assert found.loc["first_response", "n_contacts"] == 2
    assert found.loc["first_response", "share"] == 0.5
    assert found["bounds"].tolist() == ["log-log", "log-log", "none", "none"]


REMISSION = [6, 6, 6, 7, 10, 13, 16, 22, 23], [6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35]
"""Weeks in remission on 6-MP, ended and still going on: Freireich and others (1963)."""


def test_agrees_with_the_remission_times_of_freireich():
    """The textbook curve, an hour a week: S(10) = 0.753 with 0.0963, S(22) = 0.538, median 23.

    Kalbfleisch and Prentice (2002), The Statistical Analysis of Failure Time Data, section 1.4.
    """
    ended, going_on = REMISSION
    rows = [("Ann", 48 - 40, weeks, weeks) for weeks in ended]
    rows += [("Ann", 48 - weeks, None, None) for weeks in going_on]
    at = {"as_of": "2024-02-02", "targets": {"first_response": 10, "resolution": 22}}
    answer, solution, *_ = service_kpis(contacts(*rows), **at).to_dict("records")
    assert round(1 - answer["share"], 3) == 0.753
    assert round(1 - solution["share"], 3) == 0.538
    assert answer["median_hours"] == 23
    assert np.isnan(answer["p90_hours"])
    spread = Z * 0.09635 / 0.75294 / -log(0.75294)
    assert answer["lower"] == pytest.approx(1 - 0.75294 ** exp(-spread), abs=1e-4)


def sample(n_customers=1_000):
    """The contacts of the sample company, with the flag as the door gives it."""
    return rt.sample_company(n_customers, seed=1).contacts.astype({"right_first_time": float})


def test_what_came_after_as_of_changes_nothing():
    """A log as it stood that evening gives the same figures as the whole log."""
    frame = sample()
    end = pd.Timestamp("2023-03-06")
    then = frame[frame["date"] < end]
    age = (end - then["date"]).dt.total_seconds() / 3600
    names = ["first_response_hours", "resolution_hours"]
    then = then.assign(**{name: then[name].where(then[name] < age) for name in names})
    assert then["resolution_hours"].isna().any()
    by = {"as_of": "2023-03-05", "targets": TARGETS, "by": "topic"}
    pd.testing.assert_frame_equal(service_kpis(then, **by), service_kpis(frame, **by))


def test_leaving_open_contacts_out_would_make_it_look_better():
    """Of those solved a larger share was solved in time, and half of them sooner."""
    frame = sample(4_000)
    june = frame[frame["date"].between("2024-06-01", "2024-07-01")]
    asked = {"as_of": "2024-06-30", "targets": {"first_response": 24, "resolution": 72}}
    found = service_kpis(june, **asked).set_index("figure").loc["resolution"]
    assert found["n_open"] > 0
    truth = (june["resolution_hours"] <= 72).mean()
    naive = found["n_good"] / found["n_done"]
    assert naive > found["share"] > found["n_good"] / found["n_contacts"]
    assert abs(naive - truth) > abs(found["share"] - truth)
    solved = june["date"] + pd.to_timedelta(june["resolution_hours"], unit="h") < "2024-07-01"
    assert june["resolution_hours"][solved].quantile(0.9) < found["p90_hours"]


@pytest.mark.parametrize("as_of", ["2024-02-10", "2024-02-20"])
def test_the_median_is_where_half_were_done_however_long_the_others_wait(engine, as_of):
    """Of two one is solved after 2 hours: that is the median, however long the other waits.

    Nine in ten of ten are solved after 9 hours, though 1 − 0.9 is not 0.1 to the last digit.
    """
    rows = [("Ann", -1, 1, 2), ("Bob", 0, 2, None)]
    found = service_kpis(engine.table(contacts(*rows)), as_of=as_of, targets=TARGETS)
    assert engine.read(found)["median_hours"].tolist()[1] == 2
    ten = [("Ann", 0, i, i if i < 10 else None) for i in range(1, 11)]
    found = service_kpis(engine.table(contacts(*ten)), as_of=as_of, targets=TARGETS)
    assert engine.read(found)["p90_hours"].tolist()[:2] == [9, 9]


def test_an_unsatisfying_solution_is_censored_when_it_came():
    """Not done, and not waiting any longer: later ones do not count it as at risk."""
    rows = [("Ann", 0, 1, None, 10), ("Bob", 0, 1, 20, None), ("Cem", 0, 1, 30, None)]
    found = service_kpis(
        contacts(*rows), as_of=AS_OF, targets={"first_response": 1, "resolution": 20}
    )
    assert found["share"].tolist()[:2] == [1.0, 0.5]
    assert found["n_open"].tolist()[:2] == [0, 1]


def test_a_curve_that_does_not_come_down_has_no_median():
    """And a target beyond all that was seen has no share."""
    rows = [("Ann", 119, None, None), ("Bob", 117, 1, None), ("Cem", 117, None, None)]
    found = service_kpis(contacts(*rows), as_of=AS_OF, targets=TARGETS)
    assert found["median_hours"].isna().tolist() == [True] * 4
    assert found["share"].isna().tolist() == [True] * 4
    assert found["bounds"].tolist() == ["none"] * 4


def test_many_segments_keep_their_rows():
    """Numbers of segments are not sorted as text."""
    rows = [(f"desk {i:02}", i, i, 2 * i) for i in range(1, 14)]
    found = service_kpis(contacts(*rows), as_of="2024-02-28", targets=TARGETS, by="desk")
    medians = found[found["figure"] == "first_response"]
    assert medians["median_hours"].tolist() == list(range(1, 14))
    assert medians["desk"].tolist() == [row[0] for row in rows]


def test_segments_may_have_the_names_of_what_is_counted():
    """Only names that stand in the answer are refused."""
    frame = contacts(("Ann", 0, 1, 2)).assign(value="a", state="b", n="c", segment="d")
    by = ["value", "state", "n", "segment"]
    found = service_kpis(frame, as_of=AS_OF, targets=TARGETS, by=by)
    assert found[by].iloc[0].tolist() == ["a", "b", "c", "d"]


def test_large_tables_that_go_through_duckdb_give_the_same(monkeypatch):
    """The contacts follow the activity to the engine that counts."""
    frame, asked = sample(300), {"targets": TARGETS}
    lines = rt.sample_company(300, seed=1).orders
    quarters = rt.customer_periods(lines, freq="quarter", as_of="2024-12-31")
    small = (
        service_kpis(frame, as_of=AS_OF, **asked),
        retention_by_service(frame, quarters, **asked),
    )
    monkeypatch.setattr("retention.frames.engines.ROUTE_ROWS", 2)
    pd.testing.assert_frame_equal(service_kpis(frame, as_of=AS_OF, **asked), small[0])
    pd.testing.assert_frame_equal(retention_by_service(frame, quarters, **asked), small[1])


@pytest.mark.parametrize(
    "targets",
    [None, 24, {}, {"first_response": 24}, {**TARGETS, "repair": 1}, {**TARGETS, "resolution": 0}],
)
def test_refuses_targets_that_do_not_say_both(targets):
    """A promise to customers has no default."""
    for asked in (
        lambda: service_kpis(contacts(("Ann", 0)), as_of=AS_OF, targets=targets),
        lambda: retention_by_service(contacts(("Ann", 0)), activity(), targets=targets),
    ):
        with pytest.raises(rt.RetentionError, match="targets must say in hours, above 0"):
            asked()


def test_refuses_contacts_that_are_none():
    """None by as_of, a column missing, hours below 0, a segment that is none."""
    asked = {"as_of": AS_OF, "targets": TARGETS}
    late = contacts(("Ann", 500, 1, 2))
    with pytest.raises(rt.ContentError, match="there is none up to as_of 2024-02-05"):
        service_kpis(late, **asked)
    with pytest.raises(rt.ColumnError, match="lacks 'resolution_hours'"):
        service_kpis(late.drop(columns=["resolution_hours"]), **asked)
    with pytest.raises(rt.ContentError, match="hours below 0"):
        service_kpis(contacts(("Ann", 0, -1, 2)), **asked)
    with pytest.raises(rt.ColumnError, match="by: 'share' is a name that answers use"):
        service_kpis(late.assign(share="a", date=START), by="share", **asked)
    with pytest.raises(rt.RetentionError, match="level must lie between 0 and 1"):
        service_kpis(late, level=95, **asked)


# Retention by the service received

DAYS = st.dates(date(2024, 1, 1), date(2024, 3, 31))
served_contact = st.tuples(
    st.sampled_from(["Ann", "Bob", "Cem"]), st.integers(-800, 1500), hours, hours, hours
)


def activity(*lines, engine=None):
    """Months of customers who bought."""
    frame = orders(("Ann", "2024-01-01", 1), ("Ann", "2024-02-03", 1), *lines)
    table = engine.table(frame) if engine else frame
    return rt.customer_periods(table, freq="month", as_of="2024-03-31")


def class_of(rows, step):
    """The class of a customer's contacts in a month, as it stood at the month's end."""
    end = 24 * (
        first_day_number(step + 1, "month")
        - first_day_number(step_of(START.date(), "month"), "month")
    )
    standing = {"within target"} if rows else set()
    for row in rows:
        for figure, target in TARGETS.items():
            time, done = seen((*row[:4], None), figure, end)
            if time > target:
                standing.add("outside target")
            elif not done:
                standing.add("open")
    worst = ("outside target", "open", "within target")
    return next((name for name in worst if name in standing), "no contact")


@ignore_silence
@settings(max_examples=at_most(5))
@given(
    lines=st.lists(
        st.tuples(st.sampled_from(["Ann", "Bob", "Cem"]), DAYS, st.integers(1, 9)), max_size=12
    ),
    rows=st.lists(served_contact, max_size=8),
)
def test_retention_by_service_agrees_with_the_definition_in_sets(engine, lines, rows):
    """Every class of every month: who was in it, who came back, and their sales."""
    rows = [("Ann", -700, 1, 1, None), *rows]
    bought = defaultdict(float)
    for name, day, sales in [("Ann", date(2024, 1, 1), 1), ("Ann", date(2024, 2, 3), 1), *lines]:
        bought[name, step_of(day, "month")] += sales
    asked = defaultdict(list)
    for row in rows:
        asked[row[0], step_of((START + timedelta(hours=row[1])).date(), "month")].append(row)
    found = retention_by_service(
        engine.table(contacts(*rows)), activity(*lines, engine=engine), targets=TARGETS
    )
    found = engine.read(found, order=["step"])
    assert len(found) == 8
    for row in found.to_dict("records"):
        base = {
            n for n, s in bought if s == row["step"] and class_of(asked[n, s], s) == row["service"]
        }
        kept = {n for n in base if (n, row["step"] + 1) in bought}
        assert (row["n_base"], row["n_retained"]) == (len(base), len(kept))
        sales = [sum(bought[n, row["step"]] for n in people) for people in (base, kept)]
        assert (row["sales_base"], row["sales_retained"]) == pytest.approx(sales)
        rate = len(kept) / len(base) if base else np.nan
        assert row["retention_rate"] == pytest.approx(rate, nan_ok=True)
        adjusted = sales[1] / sales[0] if base else np.nan
        assert row["sales_adjusted_retention"] == pytest.approx(adjusted, nan_ok=True)


def test_classes_add_up_to_all_customers():
    """Each customer of a period is in one class, with their sales and profit."""
    company = rt.sample_company(1_000, seed=1)
    periods = rt.customer_periods(
        company.orders, freq="quarter", as_of="2024-12-31", observed_from="2022-01-01", by="region"
    )
    frame = company.contacts.astype({"right_first_time": float})
    found = retention_by_service(frame, periods, targets={"first_response": 24, "resolution": 168})
    whole = rt.outcome_kpis(periods)
    summed = found.groupby("step", as_index=False)[
        ["n_base", "n_retained", "sales_base", "sales_retained", "profit_base", "profit_retained"]
    ].sum()
    for name in summed:
        np.testing.assert_allclose(summed[name], whole[name], rtol=1e-9)
    classes = ["no contact", "within target", "outside target", "open"]
    assert found["service"].unique().tolist() == classes


def test_those_served_outside_the_target_stay_less():
    """As the sample company was made: a bad contact makes leaving nine times as likely."""
    company = rt.sample_company(4_000, seed=1)
    frame = company.contacts.astype({"right_first_time": float})
    periods = rt.customer_periods(
        company.orders, freq="quarter", as_of="2024-12-31", observed_from="2022-01-01"
    )
    found = retention_by_service(frame, periods, targets={"first_response": 24, "resolution": 168})
    sums = found.groupby("service")[["n_retained", "n_base"]].sum()
    lower, upper = wilson_bounds(sums["n_retained"], sums["n_base"])
    place = {name: i for i, name in enumerate(sums.index)}
    assert upper[place["outside target"]] < lower[place["within target"]]


def test_what_was_solved_after_the_period_does_not_change_its_class():
    """A contact of the last evening is open, whatever came of it in the next month."""
    at = [("Ann", -1, answer, answer) for answer in (None, 2, 500)]
    found = [retention_by_service(contacts(row), activity(), targets=TARGETS) for row in at]
    pd.testing.assert_frame_equal(found[0], found[1])
    pd.testing.assert_frame_equal(found[0], found[2])
    january = found[0][found[0]["period"] == "2024-01-01"]
    assert january[january["n_base"] == 1]["service"].tolist() == ["open"]


FLAGGED = {
    "right_first_time": ["right first time", "not right first time", "open", "not noted"],
    "parts_available": ["parts available", "parts not available", "open", "not noted"],
}


@pytest.mark.parametrize("quality", FLAGGED)
def test_classes_may_be_made_of_what_was_right_or_at_hand(engine, quality):
    """The worst contact counts: one wrong, one not answered by then, else one right, else none."""
    well, badly, still, unknown = FLAGGED[quality]
    flags = {  # the hours to the answer and the flag of each contact; January ends 48 hours later
        "Ann": ([(1, 1), (1, None)], well), "Bob": ([(1, 1), (1, 0)], badly),
        "Cem": ([(1, 1), (60, 0)], still), "Dee": ([(60, 1), (1, 0)], badly),
        "Eve": ([(1, None)], unknown), "Fay": ([], "no contact"),
    }  # fmt: skip
    rows = [(who, -48, hours, 1, None, *[flag] * 2) for who, (given, _) in flags.items()
            for hours, flag in given]  # fmt: skip
    lines = [(who, "2024-01-01", 1) for who in flags] + [("Ann", "2024-02-03", 1)]
    months = rt.customer_periods(engine.table(orders(*lines)), freq="month", as_of="2024-02-29")
    answer = retention_by_service(engine.table(contacts(*rows)), months, quality=quality)
    found = engine.read(answer).set_index("service")
    classes = [name for _, name in flags.values()]
    assert found["n_base"].to_dict() == {name: classes.count(name) for name in classes}
    assert found["n_retained"].to_dict() == {name: int(name == well) for name in classes}
    assert found["quality"].unique().tolist() == [quality]
    assert found["resolution_target"].isna().all()
    times = retention_by_service(engine.table(contacts(*rows)), months, targets=TARGETS)
    assert list(engine.read(times)) == list(engine.read(answer))


def test_refuses_a_quality_that_is_none_or_not_noted():
    """No such quality, targets that nobody looks at, a column that is not there."""
    frame = contacts(("Ann", -48, 1, 1))
    with pytest.raises(rt.RetentionError, match="quality must be one of 'times', 'right_first"):
        retention_by_service(frame, activity(), quality="speed", targets=TARGETS)
    with pytest.raises(rt.RetentionError, match="targets= is for quality='times'; 'parts_avail"):
        retention_by_service(frame, activity(), quality="parts_available", targets=TARGETS)
    with pytest.raises(rt.ColumnError, match="contacts .* lacks 'right_first_time'"):
        retention_by_service(
            frame.drop(columns="right_first_time"), activity(), quality="right_first_time"
        )


def test_refuses_contacts_that_tell_nothing_of_the_activity(engine):
    """Hours below 0, as service_kpis does, and a log of another year."""
    months = activity(engine=engine)
    for row in (("Ann", -48, -1, 1), ("Ann", -48, 1, -1), ("Ann", -48, 1, None, -1)):
        with pytest.raises(rt.ContentError, match="contacts: hours below 0"):
            retention_by_service(engine.table(contacts(row)), months, targets=TARGETS)
    early = engine.table(contacts(("Ann", -9_000, 1, 1)))
    with pytest.raises(rt.ContentError, match=r"none falls in a period .* .2024-01 to 2024-03"):
        retention_by_service(early, months, targets=TARGETS)


def test_warns_of_contacts_that_begin_after_the_activity(engine):
    """Else everybody would seem to have had no trouble before."""
    late = engine.table(contacts(("Ann", 30, 1, 1)))
    with pytest.warns(rt.RetentionWarning) as caught:
        retention_by_service(late, activity(engine=engine), targets=TARGETS)
    text = str(caught[0].message)
    assert "The first contact is of 2024-02-02; the activity begins with 2024-01" in text
    assert "from 2024-03 on" in text
    assert caught[0].filename == __file__


def test_profit_that_is_not_known_stays_so():
    """In every class, also where nobody is."""
    found = retention_by_service(contacts(("Ann", -700, 1, 1)), activity(), targets=TARGETS)
    assert found["profit_base"].isna().all()


def test_refuses_contacts_of_other_customers():
    """Ids that never meet are a mistake; so are ids of another type, and a lag of 0."""
    with pytest.raises(rt.ContentError, match="No customer_id of contacts is in the activity"):
        retention_by_service(contacts(("ann", 0, 1, 1)), activity(), targets=TARGETS)
    with pytest.raises(rt.ColumnError, match="contacts: 'customer_id' holds Int64, in activity"):
        retention_by_service(contacts((1, 0, 1, 1)), activity(), targets=TARGETS)
    with pytest.raises(rt.RetentionError, match="lag must be a whole number"):
        retention_by_service(contacts(("Ann", 0, 1, 1)), activity(), targets=TARGETS, lag=0)
