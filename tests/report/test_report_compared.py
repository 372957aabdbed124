"""Two reports compared, a goal, a letterhead and pictures for a mail."""

from __future__ import annotations

import json

import numpy as np
import pytest

import retention as rt
import shops
from retention.report import Presentation
from retention.report.forms.earlier_report import figures_before

SAY = {"observed_from": "2024-01-01", "freq": "month", "gap": 40, "pictures": False, "at_risk": 0}
PARTS = ["headline", "rates", "losses"]
PNG = b"\x89PNG\r\n\x1a\n"


def orders(n=60, *, months=(1, 2, 3, 4), more=(), regions=2):
    """Customers of whom three in four come back; and some more lines."""
    lines = [
        (f"C{i}", f"2024-0{month}-28", 10.0, f"R{i % regions}")
        for i in range(n)
        for month in months
        if (i + month) % 4
    ]
    return shops.orders(*lines, *more, columns=("region",))


def report_of(table, as_of="2024-04-30", parts=PARTS, **told):
    """The report of a table."""
    how = Presentation(sections=parts) if parts else Presentation()
    return rt.retention_report(table, as_of=as_of, **SAY, presentation=how, **told)


def changes_of(table, before, **told):
    """The section of what has changed."""
    return report_of(table, parts=[*PARTS, "changes"], compared_to=before, **told).sections[-1]


@pytest.fixture(scope="module")
def before():
    """The report a month earlier."""
    return report_of(orders(months=(1, 2, 3)), "2024-03-31", by="region")


def test_what_was_final_and_is_the_same_is_said_to_be(before):
    """A month more changes the tiles and no old figure."""
    found = changes_of(orders(), before, by="region")
    assert found.finding.startswith("None of the ")
    assert "has changed since the report up to 31 Mar 2024" in found.finding
    (tiles,) = found.grids
    assert tiles.caption == "The headline then and now"
    assert {row[0] for row in tiles.rows} >= {"Average order value", "Raw retention rate"}


def test_old_figures_that_are_others_are_listed_with_their_difference(before):
    """Fifteen customers of January come late into the file: then, now and the difference."""
    late = [(f"L{i}", "2024-01-28", 10.0, "R0") for i in range(15)]
    table = orders(more=late)
    found = changes_of(table, before, by="region")
    rows = {row[:2]: row[2:] for row in found.grids[1].rows}
    assert rows["Jan 2024", "Customers"] == ("45", "60", "+15")
    assert {row[0] for row in found.grids[1].rows} == {"Jan 2024"}
    share = next(row for row in found.grids[1].rows if row[1] == "Of the customers")
    assert share[4].value == pytest.approx(30 / 60 - 30 / 45)
    assert share[4].endswith(" points")


def test_a_difference_of_a_few_customers_is_not_told(before):
    """It would be theirs: neither then nor now stands there, only that there is one."""
    late = [(f"L{i}", "2024-01-28", 10.0, "R0") for i in range(3)]
    found = changes_of(orders(more=late), before, by="region")
    assert len(found.grids) == 1
    assert found.notes[0].startswith("In Jan 2024 figures have changed by fewer than 10 customers")
    kept = [("C1", "2024-01-29", 5.0, "R1")]
    moved = changes_of(orders(more=kept), before, by="region")
    assert "figures of past months in both reports, 1 has changed" in moved.finding
    assert len(moved.grids) == 1


def test_tiles_of_one_period_are_not_told_apart_by_one_customer():
    """Of the same latest period the tiles that differ are left out, unless enough differ."""
    one = orders(more=[("Z", "2024-03-28", 777.0, "R0"), ("Z", "2024-04-28", 777.0, "R0")])
    old = report_of(orders(), parts=["headline"])
    for parts in (["headline", "changes"], ["headline", "rates", "changes"], ["changes"]):
        told = report_of(one, parts=parts, compared_to=old).sections[-1]
        assert all(row[1] == row[2] for grid in told.grids for row in grid.rows)
        assert told.notes[-1].startswith("Both reports are of the same latest period")


def test_changes_alone_compare_what_is_not_shown_beside_them(before):
    """The tiles and the rates are compared wherever only the changes are asked for."""
    told = report_of(orders(), parts=["changes"], compared_to=before)
    assert [one.key for one in told.sections] == ["changes"]
    assert told.sections[0].finding.startswith("None of the ")
    assert told.sections[0].grids[0].rows


@pytest.mark.parametrize(
    ("part", "name", "value"),
    [
        ("basis", "as_of", 5),
        ("basis", "as_of", "soon"),
        ("basis", "min_customers", None),
        ("basis", "min_customers", 3.5),
        ("basis", "by", [1]),
        ("basis", "latest", None),
        ("figure", "row", {}),
        ("figure", "unit", None),
        ("figure", "value", 10**400),
        ("figure", "value", float("nan")),
        ("figure", "value", True),
        ("figure", "of_period", "yes"),
    ],
)
def test_a_report_edited_by_hand_is_refused(before, tmp_path, part, name, value):
    """Whatever in it is not of its kind, before anything is counted."""
    told = json.loads(before.to_json())
    (told["basis"] if part == "basis" else told["figures"][0])[name] = value
    path = tmp_path / "x.json"
    path.write_text(json.dumps(told))
    with pytest.raises(rt.errors.ReadError, match="no report saved as .json"):
        figures_before(path)
    path.write_text("[" * 100_000)
    with pytest.raises(rt.errors.ReadError, match="no report saved as .json"):
        figures_before(path)


def test_a_saved_report_is_compared_like_the_report(before, tmp_path):
    """JSON holds the figures that are shown, and what they are of."""
    before.save(tmp_path / "before.json")
    assert changes_of(orders(), tmp_path / "before.json", by="region") == changes_of(
        orders(), before, by="region"
    )
    told = json.loads((tmp_path / "before.json").read_text(encoding="utf-8"))
    assert {one["section"] for one in told["figures"]} == set(PARTS)


def test_segments_that_were_hidden_are_not_told_by_the_difference():
    """Of one period, with other segments shown: the part of segments is left out."""
    few = [(f"S{i}", day, 10.0, "S") for i in range(9) for day in ("2024-03-28", "2024-04-28")]
    old = report_of(orders(more=few), by="region")
    assert "| S |" not in old.to_markdown()
    new = orders(more=[*few, ("S9", "2024-03-28", 10.0, "S")])
    assert "| S |" in report_of(new, by="region").to_markdown()
    told = report_of(new, by="region", compared_to=old)
    losses = next(one for one in told.sections if one.key == "losses")
    assert losses.finding.startswith("Left out")
    assert not losses.grids
    assert "| S |" not in told.to_markdown()
    assert "10 customers" not in losses.finding


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"min_customers": 5}, "showed no group of fewer than 10 customers"),
        ({"as_of": "2024-02-29"}, "after 2024-02-29. Give the earlier one"),
        ({"freq": "week"}, "the report before has freq 'month', this one 'week'"),
    ],
)
def test_reports_that_are_not_of_a_kind_are_refused(before, told, said):
    """With what differs."""
    say = {**SAY, "as_of": "2024-04-30", "presentation": Presentation(sections="headline")} | told
    with pytest.raises(rt.RetentionError, match=said):
        rt.retention_report(orders(), **say, compared_to=before)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"retention_report": 1, "basis": {}}'])
def test_another_file_is_no_report_before(tmp_path, text):
    """It is refused, and so is what is no report at all."""
    path = tmp_path / "x.json"
    path.write_text(text)
    with pytest.raises(rt.errors.ReadError, match="no report saved as .json"):
        changes_of(orders(), path)
    with pytest.raises(rt.errors.ReadError, match="No such file"):
        changes_of(orders(), tmp_path / "none.json")
    with pytest.raises(rt.RetentionError, match="got int"):
        changes_of(orders(), 3)


@pytest.mark.parametrize(
    ("target", "said"),
    [
        (0.4, "met"),
        (0.66, "met, if only just"),
        (0.7, "not met, which may be chance"),
        (np.float32(0.9), "missed"),
    ],
)
def test_a_goal_is_met_or_missed_as_far_as_the_bounds_tell(target, said):
    """In the finding and in the tile; 30 of 45 were kept."""
    headline = report_of(orders(), parts=["headline"], target=target).sections[0]
    assert headline.finding.endswith(f"The goal of {target:.1%} is {said}.")
    assert headline.cards[0].told.endswith(f"goal {target:.1%}: {said}")
    assert "goal" not in headline.cards[1].told


@pytest.mark.parametrize("target", [0, 1.2, True, "0.8"])
def test_a_goal_that_is_no_share_is_refused(target):
    """80 is no goal."""
    with pytest.raises(rt.RetentionError, match="such as 0.8; got"):
        report_of(orders(), target=target)


def test_a_letterhead_stands_in_the_page_and_runs_nothing(tmp_path):
    """The logo is an image within the file, words are words."""
    logo = tmp_path / "logo.svg"
    logo.write_text('<svg xmlns="http://www.w3.org/2000/svg"><rect width="1" height="1"/></svg>')
    how = Presentation(
        sections="headline",
        logo=logo,
        author="Ann <b> & Co",
        text=["Dear <script>alert(1)</script>", "*Yours*"],
    )
    report = rt.retention_report(orders(), as_of="2024-04-30", **SAY, presentation=how)
    page, text = report.to_html(), report.to_markdown()
    assert '<img class="logo" src="data:image/svg+xml;base64,' in page
    assert "Ann &lt;b&gt; &amp; Co" in page
    assert "<script" not in page
    assert "<rect" not in page
    assert "\\*Yours\\*" in text
    assert "Dear &lt;script" in text


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"<svg onload='alert(1)'/>", "holds 'onload='"),
        (b"<svg><SCRIPT>1</SCRIPT></svg>", "holds '<SCRIPT'"),
        (b"<svg><s:script>1</s:script></svg>", "holds '<s:script'"),
        (b"<svg><rect/onload=alert(1) /></svg>", "holds '/onload='"),
        (b"<!---->" * 5_000 + b"x", "is no PNG, JPEG or SVG"),
        (b"GIF89a", "is no PNG, JPEG or SVG"),
        (b"<html><svg></svg></html>", "is no PNG, JPEG or SVG"),
        (PNG + bytes(1_000_000), "is the most"),
    ],
)
def test_a_logo_that_is_none_is_refused(tmp_path, content, said):
    """Nor is a missing file one."""
    (tmp_path / "logo").write_bytes(content)
    with pytest.raises(rt.errors.ReadError, match=said):
        Presentation(logo=tmp_path / "logo")
    with pytest.raises(rt.errors.ReadError, match="No such file"):
        Presentation(logo=tmp_path / "none")


def test_pictures_are_written_as_png_under_the_same_names_and_bytes(tmp_path):
    """Numbered in the order of the report, with the goal line in the picture of the rates."""
    how = Presentation(sections=["rates"])
    say = {**SAY, "as_of": "2024-04-30", "pictures": True, "presentation": how, "target": 0.8}
    report = rt.retention_report(orders(), **say)
    paths = report.save_pictures(tmp_path / "mail")
    assert [path.name for path in paths] == ["01-rates.png"]
    assert paths[0].read_bytes().startswith(PNG)
    again = report.save_pictures(tmp_path / "again")
    assert again[0].read_bytes() == paths[0].read_bytes()
    assert "Goal" in report.sections[0].pictures[0].svg
    with pytest.raises(rt.RetentionError, match="make the report with pictures"):
        report_of(orders(), parts=["headline"]).save_pictures(tmp_path)
