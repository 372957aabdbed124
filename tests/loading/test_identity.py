"""Who is who: what doors count and say of ids, orders, contracts, scales, without refusing."""

from __future__ import annotations

import unicodedata
import warnings

import pandas as pd
import pytest

import retention as rt
from conftest import Engine
from retention.errors import RetentionError, RetentionWarning

NAMES = {"customer_id": "who", "date": "day", "sales": "paid"}
CONTRACT = {"customer_id": "who", "start": "from", "end": "to", "end_is": "first_day_out"}
MRR = {"sales": "mrr", "sales_per": "month"}


def lines(*ids, **columns):
    """One order a day for each id."""
    days = pd.date_range("2024-01-01", periods=len(ids)).strftime("%Y-%m-%d").tolist()
    return pd.DataFrame({"who": list(ids), "day": days, "paid": 10.0, **columns})


def notes_of(engine, frame, **more):
    """The notes of an audit, as plain rows."""
    audit = rt.audit(rt.as_transactions, engine.table(frame), **NAMES, **more)
    return engine.read(audit.notes).to_dict("records")


def in_silence(door, *args, **more):
    """What a door gives when a warning would be an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return door(*args, **more)


@pytest.mark.parametrize(
    ("one", "other", "way", "cure"),
    [
        ("Ann", "ANN", "case", ".str.lower()"),
        ("Ann Lee", "AnnLee", "blanks", r".str.replace(r'\s', '', regex=True)"),
        ("Ann\u00a0Lee", "Ann  Lee", "blanks", ""),
        ("0042", "42", "leading zeros", ".str.lstrip('0')"),
        ("1042.0", "1042", "a decimal point", ""),
        ("José", unicodedata.normalize("NFD", "José"), "Unicode form", ".str.normalize('NFKC')"),
        ("４２a", "42a", "Unicode form", ".str.normalize('NFKC')"),
        (unicodedata.normalize("NFD", "한국"), "한국", "Unicode form", ""),
        ("ab 07", "AB07", "case or blanks", ".str.lower().str.replace("),
    ],
)
def test_ids_that_may_be_one_are_counted(one, other, way, cure):
    """In the notes of the audit and in one warning at the door; every row is accepted."""
    frame = lines(one, other, "zoe", "tim", one)
    (note,) = notes_of(Engine("pandas"), frame)
    assert note["note"] == f"customer_ids that differ only in {way}"
    assert (note["rows"], note["customers"]) == (3, 2)
    assert note["first_example"] == f"{min(one, other)!r} and {max(one, other)!r}"
    assert cure in note["advice"]
    with pytest.warns(RetentionWarning, match="audit.as_transactions.*notes counts them") as told:
        found = rt.as_transactions(frame, **NAMES)
    assert (len(told), len(found)) == (1, 5)
    assert str(told[0].message).count(note["advice"]) == 1


def test_every_engine_finds_the_same(engine):
    """Three spellings of one, two of another, in one note, whatever the engine."""
    decomposed = unicodedata.normalize("NFD", "José")
    frame = lines("Ann", "ANN", "ann ", "007", "7", "José", decomposed, "tim", "Tim.")
    (note,) = notes_of(engine, frame)
    assert note["note"].endswith("differ only in case, leading zeros or Unicode form")
    assert (note["rows"], note["customers"]) == (7, 7)


def test_the_advice_makes_one_of_them():
    """What the note says to write is written, and nothing is left to say."""
    df = lines("Ann", "ANN", "007", "7", "José", unicodedata.normalize("NFD", "José"), "a b", "ab")
    (note,) = notes_of(Engine("pandas"), df)
    written = note["advice"].split("in pandas: ")[1].rstrip(".")
    exec(written, {"df": df})
    assert in_silence(rt.as_transactions, df, **NAMES)["customer_id"].nunique() == 4


@pytest.mark.parametrize(
    "ids",
    [
        ("Ann", "Anna", "A-1", "A1", "10", "100", "José", "Jose", "x.0y"),
        (7, 70, 700),
        ("É1", "E1", "ß", "Ö", "O", "ＡＢ", "한국"),
    ],
)
def test_ids_that_differ_in_more_are_left_alone(ids):
    """Numbers, accents, hyphens and lengths tell customers apart."""
    in_silence(rt.as_transactions, lines(*ids), **NAMES)


@pytest.mark.parametrize("door", ["contracts", "contacts", "costs", "surveys", "wallet", "spells"])
def test_every_door_that_knows_customers_asks(door):
    """Two customers, Ann and ANN, in each kind of table."""
    who = {"customer_id": ["Ann", "ANN"], "day": pd.to_datetime(["2024-01-01", "2024-01-02"])}
    frame = pd.DataFrame({**who, "n": [1.0, 2.0], "kind": "rent", "done": [True, False]})
    frame = frame.assign(end=pd.NaT)
    names = {"customer_id": "customer_id"}
    calls = {
        "contracts": lambda: rt.as_contracts(frame, **names, start="day", end="end"),
        "contacts": lambda: rt.as_contacts(
            frame, **names, date="day", first_response_hours="n", resolution_hours="n"
        ),
        "costs": lambda: rt.as_costs(frame, **names, date="day", kind="kind", amount="n"),
        "surveys": lambda: rt.as_surveys(
            frame, **names, date="day", satisfaction="n", scale=(1, 5)
        ),
        "wallet": lambda: rt.as_wallet(frame, **names, date="day", wallet="n"),
        "spells": lambda: rt.as_spells(frame, **names, duration="n", churned="done"),
    }
    with pytest.warns(RetentionWarning, match="customer_ids that differ only in case: 2 rows"):
        calls[door]()


# Many under one id


@pytest.mark.parametrize("nobody", ["guest", "Unknown", "0", "-1"])
def test_an_id_that_stands_for_nobody_is_noticed(engine, nobody):
    """Four of ten orders are of guests: counted, with what to write, which then works."""
    ids = [nobody] * 4 + [f"c{i}" for i in range(6)]
    (note,) = notes_of(engine, lines(*ids))
    assert note["note"] == "one customer_id with 40% of all rows"
    assert (note["rows"], note["customers"], note["first_example"]) == (4, 1, repr(nobody))
    names = {"df": lines(*ids)}
    exec(note["advice"].split("in pandas: ")[1].rstrip("."), names)
    assert len(in_silence(rt.as_transactions, names["df"], **NAMES)) == 6


def test_a_number_that_stands_for_nobody_is_noticed_too():
    """Customer 0 of a till that asks for no name."""
    (note,) = notes_of(Engine("pandas"), lines(*[0] * 4, *range(1, 7)))
    assert note["first_example"] == "0"


def test_an_id_far_above_all_others_is_noticed_whatever_its_name():
    """Thirty of 60 rows, where nobody else has more than two."""
    ids = ["C17"] * 30 + [f"c{i:02d}" for i in range(15)] * 2
    (note,) = notes_of(Engine("pandas"), lines(*ids))
    assert note["note"] == "one customer_id with 50% of all rows"


@pytest.mark.parametrize(
    "ids",
    [
        ["a"] * 8 + ["b"] * 2,  # two customers are a small shop
        ["big"] * 20 + ["next"] * 5 + [f"c{i}" for i in range(40)],  # a big one among big ones
        [*range(5), *range(5)],  # 0 is the first number
        ["guest", "ann", "bob", "cem"],  # no more than the others
    ],
)
def test_a_good_customer_is_no_note(ids):
    """Some buy more than others."""
    in_silence(rt.as_transactions, lines(*ids), **NAMES)


# Orders


SHIPPED = ["o1", "o1", "o2", "o3", "o3"]
"""Order o1 of Ann was shipped on two days, o3 is of two customers."""


def shipped():
    """Five lines, a day each."""
    return lines("Ann", "Ann", "Ann", "Bob", "Cem", order=SHIPPED)


def test_orders_on_several_days_and_of_several_customers_are_counted(engine):
    """Each with its rows; the second time they are said to be meant, and only o3 is left."""
    first, second = notes_of(engine, shipped(), order_id="order")
    assert first["note"] == "orders of one order_id on several days"
    assert (first["rows"], first["customers"], first["first_example"]) == (2, 1, "'o1'")
    assert second["note"] == "order_ids of several customers"
    assert (second["rows"], second["customers"], second["first_example"]) == (2, 2, "'o3'")
    assert notes_of(engine, shipped(), order_id="order", order_day="each") == []


def test_an_order_shipped_in_parts_is_one_on_its_first_day(engine):
    """order_day='first': Ann bought twice, not three times, and refunds keep their day."""
    frame = shipped().iloc[:3]
    refund = frame.tail(1).assign(order="o1", paid=-4.0)
    frame = pd.concat([frame, refund.assign(day="2024-01-09")], ignore_index=True)
    told = {"order_id": "order", "refunds": "net"}
    orders = rt.as_transactions(engine.table(frame), **NAMES, **told, order_day="first")
    days = engine.read(orders)["date"].astype("datetime64[us]").dt.strftime("%m-%d").tolist()
    days = days if engine.name in ("pandas", "polars", "pyarrow") else sorted(days)
    assert days == ["01-01", "01-01", "01-03", "01-09"]
    activity = rt.customer_periods(orders, freq="day", as_of="2024-01-09")
    assert engine.read(activity)["n_orders"].sum() == 2
    each = rt.as_transactions(engine.table(frame), **NAMES, **told, order_day="each")
    activity = rt.customer_periods(each, freq="day", as_of="2024-01-09")
    assert engine.read(activity)["n_orders"].sum() == 3


def test_a_refund_under_the_number_of_its_order_is_no_second_order():
    """It is booked later as a rule."""
    frame = lines("Ann", "Ann", order=["o1", "o1"], paid=[10.0, -10.0])
    in_silence(rt.as_transactions, frame, **NAMES, order_id="order", refunds="net")


def test_order_day_needs_orders():
    """And knows two words."""
    with pytest.raises(RetentionError, match="say order_id="):
        rt.as_transactions(shipped(), **NAMES, order_day="first")
    with pytest.raises(RetentionError, match="'each', 'first'"):
        rt.as_transactions(shipped(), **NAMES, order_id="order", order_day="last")


# Contracts


def plans():
    """Contract c1 was upgraded in March without closing its first row."""
    return pd.DataFrame(
        {
            "who": ["Ann", "Ann", "Bob"],
            "id": ["c1", "c1", "c2"],
            "from": ["2024-01-01", "2024-03-01", "2024-01-01"],
            "to": [None, None, "2024-12-01"],
            "mrr": [100.0, 170.0, 50.0],
        }
    )


def mrr_of_ann(engine, contracts):
    """What Ann pays in April."""
    activity = rt.contract_periods(
        contracts, freq="month", as_of="2024-04-30", observed_from="2024-01-01"
    )
    found = engine.read(activity)
    april = found[(found["customer_id"] == "Ann") & (found["step"] == found["step"].max())]
    return april["sales"].tolist()


def test_rows_of_one_contract_that_overlap_are_counted(engine):
    """Kept, the monthly revenue is 270; cut where the later row starts, 170. Both can be said."""
    table = engine.table(plans())
    named = {**CONTRACT, **MRR, "contract_id": "id"}
    audit = rt.audit(rt.as_contracts, table, **named)
    (note,) = engine.read(audit.notes).to_dict("records")
    assert note["note"] == "rows of one contract_id that overlap in time"
    assert (note["rows"], note["customers"], note["first_example"]) == (1, 1, "'c1'")
    with pytest.warns(RetentionWarning, match="overlaps='cut'.*overlaps='keep'"):
        rt.as_contracts(table, **named)
    kept = in_silence(rt.as_contracts, table, **named, overlaps="keep")
    cut = in_silence(rt.as_contracts, table, **named, overlaps="cut")
    assert mrr_of_ann(engine, kept) == [270.0]
    assert mrr_of_ann(engine, cut) == [170.0]


def test_cutting_ends_a_row_at_the_next_later_start_only(engine):
    """Two rows that start together hold side by side; one that is over already stays as it is."""
    frame = pd.DataFrame(
        {
            "who": "Ann",
            "id": ["c", "c", "c", "c", "d"],
            "from": ["2024-01-01", "2024-02-01", "2024-02-01", "2024-04-01", "2024-01-01"],
            "to": ["2024-01-15", None, "2024-12-01", None, None],
            "mrr": [1.0, 2.0, 3.0, 4.0, 5.0],
        }
    )  # fmt: skip
    named = {**CONTRACT, **MRR, "contract_id": "id", "overlaps": "cut"}
    with pytest.warns(rt.RetentionWarning, match="start on the same day as another: 1 row"):
        cut = rt.as_contracts(engine.table(frame), **named)
    found = engine.read(cut, order=["sales"])
    ends = pd.to_datetime(found["end"]).dt.strftime("%m-%d").fillna("runs").tolist()
    assert ends == ["01-15", "04-01", "04-01", "runs", "runs"]


def test_rows_that_follow_each_other_are_no_note():
    """A renewal starts where the contract before it ends."""
    frame = plans().assign(to=["2024-03-01", None, None])
    in_silence(rt.as_contracts, frame, **CONTRACT, **MRR, contract_id="id")


def test_equal_contracts_under_two_ids_are_counted(engine):
    """All but the id agrees; without the second nothing is left to say."""
    frame = plans().iloc[[2]]
    frame = pd.concat([frame, frame.assign(id="c9"), frame.assign(id="c8", mrr=60.0)])
    named = {**CONTRACT, **MRR, "contract_id": "id"}
    audit = rt.audit(rt.as_contracts, engine.table(frame.reset_index(drop=True)), **named)
    (note,) = engine.read(audit.notes).to_dict("records")
    assert note["note"] == "equal contracts under several ids"
    assert (note["rows"], note["customers"], note["first_example"]) == (2, 1, "'c2'")
    names = {"df": frame}
    exec(note["advice"].split("in pandas: ")[1].rstrip("."), names)
    assert len(in_silence(rt.as_contracts, names["df"], **named)) == 2


def test_overlaps_are_of_contracts_with_ids():
    """And are kept or cut."""
    with pytest.raises(RetentionError, match="say contract_id="):
        rt.as_contracts(plans(), **CONTRACT, **MRR, overlaps="cut")
    with pytest.raises(RetentionError, match="'keep', 'cut'"):
        rt.as_contracts(plans(), **CONTRACT, **MRR, contract_id="id", overlaps="merge")


# Scales


def answers(*scores):
    """One survey of each score."""
    return pd.DataFrame(
        {"who": range(len(scores)), "day": "2024-01-01", "score": list(scores)}
    ).astype({"score": float})


def test_a_scale_of_which_half_was_never_used_is_noticed(engine):
    """0 to 10 was said and nobody went above 5; with the scale of the question all is well."""
    table = engine.table(answers(5, 4, 5, 1, 3, 5, 2))
    named = {"customer_id": "who", "date": "day"}
    with pytest.warns(
        RetentionWarning, match=r"0 to 10 .* more than 5 .* say it, such as scale=\(1, 5\)"
    ):
        rt.as_surveys(table, **named, satisfaction="score", scale=(0, 10))
    in_silence(rt.as_surveys, table, **named, satisfaction="score", scale=(1, 5))
    with pytest.warns(RetentionWarning, match=r"satisfaction= and scale=\(1, 5\) in place of"):
        rt.as_surveys(table, **named, recommend="score")


@pytest.mark.parametrize("scores", [(5, 4, 6, 1, 3, 2), (5, 4), (1, None, None, None, None)])
def test_a_scale_that_was_used_or_hardly_asked_is_not(scores):
    """One answer above the middle is enough, and four tell nothing."""
    named = {"customer_id": "who", "date": "day", "satisfaction": "score", "scale": (0, 10)}
    in_silence(rt.as_surveys, answers(*scores), **named)


# Where nothing is the matter


def test_a_clean_table_has_no_notes(engine):
    """The table of notes is there, with its columns and no row, and nothing is printed of it."""
    audit = rt.audit(rt.as_transactions, engine.table(lines("Ann", "Bob")), **NAMES)
    notes = engine.read(audit.notes)
    assert list(notes) == ["note", "rows", "customers", "first_example", "advice"]
    assert len(notes) == 0
    assert "look at" not in repr(audit)


def test_an_audit_shows_its_notes_under_the_summary():
    """Once each, with their rows and an example."""
    audit = rt.audit(rt.as_transactions, lines("Ann", "ANN"), **NAMES)
    last = repr(audit).splitlines()[-2]
    assert last == "look at customer_ids that differ only in case: 2 rows, such as 'ANN' and 'Ann'"
