"""Features of contacts, surveys, invoices, offers, wallets and events, by a look at each row."""

from __future__ import annotations

import calendar
import math

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import known_days as kd
import retention as rt
from conftest import Engine

TARGETS = {"first_response": 4, "resolution": 48}
WINDOW, PATIENCE = 10, 6
windows = st.integers(1, 20)


def visible(rows, a, who, late=None):
    """A customer's rows that were known on day a; `late` is the place of the days to knowing."""
    return [
        row
        for row in rows
        if row[0] == who and row[1] <= a and (late is None or row[1] + (row[late] or 0) <= a)
    ]


def over_by(row, wait, a):
    """Whether something that happens so many days after a row has happened by day a."""
    return wait is not None and row[1] + wait <= a


def naive_offers(rows, who, a, window):
    """Offers of the window, and those without an answer once patience is over."""
    made = [row for row in visible(rows, a, who, 3) if row[1] > a - window]
    silent = [r for r in made if a - r[1] >= PATIENCE and not over_by(r, r[2], a)]
    return {"n_offers": len(made), "n_unanswered": len(silent) if made else None}


def naive_invoices(rows, who, a, window):
    """What was open after its due day, and what became of the invoices that came due."""
    bills = [row for row in visible(rows, a, who, 5) if row[6] > 0]
    overdue = [r for r in bills if r[1] + r[2] < a and not over_by(r, r[3], a)]
    due = [r for r in bills if a - window < r[1] + r[2] + 1 <= a]
    late = [r for r in due if not over_by(r, r[3], r[1] + r[2])]
    asked = [r for r in bills if over_by(r, r[4], a) and r[1] + r[4] > a - window]
    return {
        "n_overdue": len(overdue),
        "days_overdue": max([a - r[1] - r[2] for r in overdue], default=0),
        "n_due": len(due),
        "late_payment_share": len(late) / len(due) if due else None,
        "n_queried": len(asked),
    }


def naive_surveys(rows, who, a, window):
    """The last answers, a mean for each day, and who was asked in vain."""
    said = {}
    for row in visible(rows, a, who):
        if row[2] is not None:
            said.setdefault(row[1], []).append(row[2])
    days = sorted(said)
    means = [sum(said[day]) / len(said[day]) for day in days]
    last = bool(days) and days[-1] > a - window
    now = [row for row in visible(rows, a, who) if row[1] > a - window]
    answers = [row for row in now if row[2] is not None]
    silent = [row for row in now if row[2] is None and a - row[1] >= PATIENCE]
    n = len(answers) + len(silent)
    return {
        "satisfaction": means[-1] if last else None,
        "satisfaction_change": means[-1] - means[-2] if last and len(means) > 1 else None,
        "n_asked": n,
        "n_not_answered": len(silent) if n else None,
    }


def naive_events(rows, who, a, window):
    """Each event in the window, and the days since the last."""
    found = {}
    for event, word in (("log in", "log_in"), ("moved", "moved")):
        days = [row[1] for row in visible(rows, a, who, 3) if row[2] == event]
        found[f"n_{word}"] = len([day for day in days if day > a - window])
        found[f"days_since_{word}"] = a - max(days) if days else None
    return found


def naive_contacts(rows, who, a, window):
    """Each contact as it stood at the end of the day, by the hours that had passed."""
    seen = visible(rows, a, who)
    late = unsatisfied = 0
    waits = [0.0]
    for _, day, hour, answer, content, other in seen:
        age = (a + 1 - day) * 24 - hour
        given_up = other if content is None else None
        waited = [age if end is None or end >= age else end for end in (answer, content)]
        closed = [end is not None and end < age for end in (content, given_up)]
        if day > a - window:
            late += waited[0] > TARGETS["first_response"] or waited[1] > TARGETS["resolution"]
            unsatisfied += closed[1]
        if not any(closed):
            waits.append(age)
    now = len([row for row in seen if row[1] > a - window])
    before = len([row for row in seen if a - 2 * window < row[1] <= a - window])
    return {
        "n_contacts": now,
        "n_contacts_change": (now - before) / (now + before) if now + before else None,
        "n_late": late,
        "n_unsatisfied": unsatisfied,
        "longest_open_hours": max(waits),
    }


def month_of(day):
    """The month of a day, and the number of its last day."""
    date = kd.moment(day)
    length = calendar.monthrange(date.year, date.month)[1]
    return (date.year, date.month), day + length - date.day


def naive_wallets(rows, bought, who, a, window):
    """The share of each month that was over, of which a wallet above 0 is known."""
    wallets, sales = {}, {}
    for row in rows:
        if row[0] == who:
            wallets[month_of(row[1])] = wallets.get(month_of(row[1]), 0.0) + abs(row[2])
    for row in bought:
        if row[0] == who:
            sales[month_of(row[1])] = sales.get(month_of(row[1]), 0.0) + row[2]
    over = [m for m in sorted(wallets) if m[1] <= a and wallets[m] > 0]
    shares = [sales.get(month, 0.0) / wallets[month] for month in over]
    last = bool(over) and over[-1][1] > a - window
    return {
        "share_of_wallet": shares[-1] if last else None,
        "share_of_wallet_change": shares[-1] - shares[-2] if last and len(shares) > 1 else None,
    }


def wallets_of(rows):
    """Wallets are never below 0."""
    return kd.amounts_of([(*row[:2], abs(row[2])) for row in rows], "wallet")


FEATURES = {
    "offers": (
        kd.offers,
        kd.offers_of,
        naive_offers,
        lambda s, t, w: rt.signals.offer_features(s, t, window=w, patience=PATIENCE),
    ),
    "invoices": (
        kd.invoices,
        kd.invoices_of,
        naive_invoices,
        lambda s, t, w: rt.signals.invoice_features(s, t, window=w),
    ),
    "surveys": (
        kd.surveys,
        kd.surveys_of,
        naive_surveys,
        lambda s, t, w: rt.signals.survey_features(s, t, window=w, patience=PATIENCE),
    ),
    "events": (
        kd.events,
        kd.events_of,
        naive_events,
        lambda s, t, w: rt.signals.event_features(s, t, window=w, of=["log in", "moved"]),
    ),
    "contacts": (
        kd.contacts,
        kd.contacts_of,
        naive_contacts,
        lambda s, t, w: rt.signals.contact_features(s, t, window=w, targets=TARGETS),
    ),
}
each = pytest.mark.parametrize("kind", FEATURES)


def agrees(found, asked, naive):
    """Every feature of every snapshot is what the look at each row says, in the order asked."""
    assert len(found) == len(asked)
    for row, (who, a) in zip(found.to_dict("records"), sorted(asked), strict=True):
        assert (row["customer_id"], row["as_of"]) == (who, kd.moment(a))
        for name, value in naive(who, a).items():
            told = None if math.isnan(row[name]) else row[name]
            assert told == (None if value is None else pytest.approx(value, rel=1e-12)), name


@each
@given(data=st.data())
def test_features_agree_with_a_look_at_each_row(kind, data):
    """Rows of a day, rows learnt late, ends on the day, after it and never."""
    rows, made, naive, features = FEATURES[kind]
    rows, asked = data.draw(rows), data.draw(kd.asked)
    window = data.draw(windows)
    found = features(kd.snapshots_of(asked), made(rows), window)
    agrees(found, asked, lambda who, a: naive(rows, who, a, window))


@given(rows=kd.money, bought=kd.money, asked=kd.asked, window=st.integers(1, 60))
def test_shares_of_wallets_agree_with_a_look_at_each_month(rows, bought, asked, window):
    """Months without a wallet or sales, and months under way."""
    asked = [(who, 2 * a) for who, a in asked]
    found = rt.signals.wallet_features(
        kd.snapshots_of(asked),
        wallets_of(rows),
        transactions=kd.amounts_of(bought, "sales"),
        freq="month",
        window=window,
    )
    agrees(found, asked, lambda who, a: naive_wallets(rows, bought, who, a, window))


@each
@given(data=st.data())
def test_what_came_later_changes_no_feature(kind, data):
    """To the last bit: of tables cut to what was known on the day, and of the whole ones."""
    rows, made, _, features = FEATURES[kind]
    table, a = made(data.draw(rows)), data.draw(kd.number)
    asked = kd.snapshots_of([(who, a) for who in kd.NAMES])
    whole, cut = (features(asked, t, WINDOW) for t in (table, kd.known_by(table, a)))
    pd.testing.assert_frame_equal(whole, cut, check_exact=True)


@pytest.mark.parametrize("name", ["polars_lazy", "duckdb"])
@each
def test_what_came_later_changes_no_feature_of_other_engines(kind, name):
    """One table of many rows, cut and whole."""
    _, made, _, features = FEATURES[kind]
    table, a, other = made(MANY[kind]), 20, Engine(name)
    asked = kd.snapshots_of([(who, a) for who in kd.NAMES])
    whole, cut = (
        other.read(features(other.table(asked), other.table(t), WINDOW), order=["customer_id"])
        for t in (table, kd.known_by(table, a))
    )
    pd.testing.assert_frame_equal(whole, cut, check_exact=True)
    told = features(asked, table, WINDOW).drop(columns=["customer_id", "as_of"])
    assert (whole[list(told)].to_numpy(float) == told.to_numpy())[told.notna().to_numpy()].all()
    assert whole[list(told)].isna().to_numpy().tolist() == told.isna().to_numpy().tolist()


def some(*choices):
    """Thirty rows that go through all of some choices at different paces."""
    return [
        (kd.NAMES[i % 3], i * 7 % 40, *(choice[i // k % len(choice)] for k, choice in choices))
        for i in range(30)
    ]


LATER = [None, 0, 3, 9, 25]
MANY = {
    "offers": some((1, LATER), (2, LATER)),
    "invoices": some((1, [0, 5, 12]), (2, LATER), (3, LATER), (1, LATER), (2, [7.0, 7.0, -5.0])),
    "surveys": some((1, [None, 1.0, 2.5, 4.0])),
    "events": some((1, ["log in", "moved"]), (2, LATER)),
    "contacts": some(
        (1, [0, 9, 23]), (1, [None, 3.0, 24.0, 60.0]), (2, [None, 3.0, 60.0]), (1, [None, 90.0])
    ),
}


@each
def test_a_window_that_was_not_seen_whole_has_no_counts(kind):
    """Null, not 0: from the first day on which the log was kept."""
    _, made, naive, _ = FEATURES[kind]
    further = {
        "offers": {"patience": PATIENCE},
        "surveys": {"patience": PATIENCE},
        "events": {"of": ["log in", "moved"]},
        "contacts": {"targets": TARGETS},
    }.get(kind, {})
    function = getattr(rt.signals, f"{kind.rstrip('s')}_features")
    asked = kd.snapshots_of([("Ann", 13), ("Bob", 14)])
    found = function(
        asked, made(MANY[kind]), window=10, observed_from=kd.moment(5).date(), **further
    )
    count = next(name for name in found if name.startswith("n_") and name != "n_overdue")
    assert found[count].isna().tolist() == [True, False]
    assert found[count][1] == naive(MANY[kind], "Bob", 14, 10)[count]


def test_periods_that_were_not_seen_whole_have_no_share_of_wallet():
    """Of January the first days are missing."""
    asked, spent = kd.snapshots_of([("Ann", 70)]), kd.amounts_of([("Ann", 5, 20.0)] * 2, "wallet")
    bought = kd.amounts_of([("Ann", 6, 10.0)], "sales")
    told = {"transactions": bought, "freq": "month", "window": 60}
    share = lambda **said: rt.signals.wallet_features(asked, spent, **told, **said)  # noqa: E731
    assert share()["share_of_wallet"].tolist() == [0.25]
    assert share(observed_from="2024-01-01")["share_of_wallet"].tolist() == [0.25]
    assert share(observed_from="2024-01-02")["share_of_wallet"].isna().all()


def test_a_customer_of_yesterday_does_not_call_more_than_before():
    """The window before is compared only where the customer was there in it."""
    rows = [(who, 30, 9, None, None, None) for who in kd.NAMES]
    asked = kd.snapshots_of([(who, 35) for who in kd.NAMES], tenure=[18.0, 19.0, None])
    found = rt.signals.contact_features(asked, kd.contacts_of(rows), window=10, targets=TARGETS)
    assert found["n_contacts"].tolist() == [1.0] * 3
    assert found["n_contacts_change"].isna().tolist() == [True, False, False]


def test_two_windows_stand_beside_one_another():
    """Each under its suffix; a name that is taken is refused, and the suffix helps."""
    rows = kd.offers_of([("Ann", 5, None, None), ("Ann", 20, None, None)])
    asked = kd.snapshots_of([("Ann", 22)], _n=[5.0], Window=["mine"])
    said = {"patience": 1}
    found = rt.signals.offer_features(asked, rows, window=7, suffix="_7", **said)
    with pytest.raises(rt.ColumnError, match="'n_offers_7' is there already.*suffix="):
        rt.signals.offer_features(found, rows, window=30, suffix="_7", **said)
    both = rt.signals.offer_features(found, rows, window=30, **said)
    assert list(both) == [*asked, "n_offers_7", "n_unanswered_7", "n_offers", "n_unanswered"]
    assert both.iloc[0].tolist()[2:] == [5.0, "mine", 1.0, 1.0, 2.0, 2.0]
    with pytest.raises(rt.RetentionError, match="suffix is text"):
        rt.signals.offer_features(asked, rows, window=30, suffix=30, **said)


def test_working_hours_make_a_contact_late_when_they_have_run_out():
    """Called on Friday at four: by Sunday one working hour has passed, on Monday eight more."""
    log = pd.DataFrame({"who": ["Ann"], "day": ["2024-01-05 16:00"], "hello": [""], "done": [""]})
    contacts = rt.as_contacts(
        log,
        customer_id="who",
        date="day",
        first_response="hello",
        resolved="done",
        business_hours={"mon-fri": "09:00-17:00"},
    )
    asked = kd.snapshots_of([("Ann", 6), ("Ann", 7)])
    found = rt.signals.contact_features(asked, contacts, window=10, targets=TARGETS)
    assert found["n_late"].tolist() == [0.0, 1.0]
    assert found["longest_open_hours"].tolist() == [1.0, 9.0]


def test_contacts_whose_clock_nobody_knows_are_refused():
    """The advice helps."""
    log = pd.DataFrame({"who": ["Ann"], "day": ["2024-01-05 16:00"], "hello": [1.0], "done": [2.0]})
    names = {"customer_id": "who", "date": "day", "first_response_hours": "hello"}
    contacts = rt.as_contacts(log, **names, resolution_hours="done")
    said = {"window": 10, "targets": TARGETS}
    asked = kd.snapshots_of([("Ann", 6)])
    with pytest.raises(rt.ContentError, match="by what clock.*business_hours='always'"):
        rt.signals.contact_features(asked, contacts, **said)
    found = rt.signals.contact_features(asked, contacts, business_hours="always", **said)
    assert found["n_contacts"].tolist() == [1.0]


def test_contacts_answered_before_they_came_are_refused():
    """A door would have refused them, too."""
    contacts = kd.contacts_of([("Ann", 5, 9, -1.0, 2.0, None)])
    with pytest.raises(rt.ContentError, match="hours below 0. Load the table with as_contacts"):
        rt.signals.contact_features(
            kd.snapshots_of([("Ann", 6)]), contacts, window=10, targets=TARGETS
        )


@pytest.mark.parametrize(
    ("of", "message"),
    [
        ([], "of names the events"),
        ("", "of names the events"),
        (5, "of names the events"),
        (["login", None], "of names the events"),
        (["store closed", "Store  Closed"], "would have one name"),
    ],
)
def test_events_that_cannot_be_asked_of_are_refused(of, message):
    """None, no text, or two under one name."""
    with pytest.raises(rt.RetentionError, match=message):
        rt.signals.event_features(kd.snapshots_of([("Ann", 6)]), kd.events_of([]), window=10, of=of)


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"window": 0}, "window"),
        ({"window": 1.5}, "window"),
        ({"patience": -1}, "patience"),
        ({"observed_from": "soon"}, "observed_from"),
    ],
)
def test_days_that_are_none_are_refused(said, message):
    """Each by its name."""
    asked, rows = kd.snapshots_of([("Ann", 6)]), kd.offers_of([])
    with pytest.raises(rt.RetentionError, match=message):
        rt.signals.offer_features(asked, rows, **{"window": 5, "patience": 5, **said})


def test_tables_that_do_not_go_together_are_refused():
    """Ids of two types, tables of two kinds, money in two currencies, no column of days."""
    asked, rows = kd.snapshots_of([("Ann", 6)]), kd.invoices_of([("Ann", 1, 1, 1, 1, 1, 1.0)])
    with pytest.raises(rt.ColumnError, match="'customer_id' holds"):
        rt.signals.invoice_features(asked.assign(customer_id=7), rows, window=5)
    with pytest.raises(rt.TableError, match="give both as the same kind"):
        rt.signals.invoice_features(Engine("polars").table(asked), rows, window=5)
    with pytest.raises(rt.ColumnError, match="'as_of'"):
        rt.signals.invoice_features(asked.drop(columns="as_of"), rows, window=5)
    spent = kd.amounts_of([("Ann", 1, 5.0)], "wallet").assign(currency="EUR")
    bought = kd.amounts_of([("Ann", 1, 5.0)], "sales").assign(currency="USD")
    told = {"transactions": bought, "freq": "month", "window": 60}
    with pytest.raises(rt.ContentError, match="EUR.*USD|USD.*EUR"):
        rt.signals.wallet_features(asked, spent, **told)
    with pytest.raises(rt.RetentionError, match="freq"):
        rt.signals.wallet_features(asked, spent, **{**told, "freq": "fortnight"})


def test_what_is_not_in_a_table_is_null_and_what_did_not_happen_is_nought():
    """Surveys that ask something else, invoices without queries, and tables without a row."""
    asked = kd.snapshots_of([("Ann", 6)])
    surveys = kd.surveys_of([("Ann", 5, 2.0)]).drop(columns="satisfaction")
    found = rt.signals.survey_features(asked, surveys, window=5, patience=1)
    assert found["n_asked"].tolist() == [1.0]
    assert found[["satisfaction", "satisfaction_change"]].isna().all(axis=None)
    invoices = kd.invoices_of([]).drop(columns=["queried", "known"])
    found = rt.signals.invoice_features(asked, invoices, window=5)
    assert found["n_overdue"].tolist() == found["n_due"].tolist() == [0.0]
    assert found[["n_queried", "late_payment_share"]].isna().all(axis=None)
    contacts = kd.contacts_of([]).drop(columns="unsatisfied_hours")
    found = rt.signals.contact_features(asked, contacts, window=5, targets=TARGETS)
    assert found["longest_open_hours"].tolist() == found["n_late"].tolist() == [0.0]
    assert found[["n_unsatisfied", "n_contacts_change"]].isna().all(axis=None)


@pytest.mark.parametrize("name", ["pandas", "polars", "duckdb"])
def test_events_of_any_name_have_their_columns(name):
    """Also where a name means something in an engine's own language."""
    events, other = ["a.b", "*", 'x"y', "^n"], Engine(name)
    rows = kd.events_of([("Ann", 3, event, None) for event in events])
    asked = kd.snapshots_of([("Ann", 5)], **{"n": 1.5, "a.b": 2.5})
    given = (other.table(asked), other.table(rows))
    found = other.read(rt.signals.event_features(*given, window=5, of=events, suffix="."))
    made = [name for event in events for name in (f"n_{event}.", f"days_since_{event}.")]
    assert list(found)[2:] == ["n", "a.b", *made]
    assert found.iloc[0, 2:].tolist() == [1.5, 2.5, *[1.0, 2.0] * 4]
