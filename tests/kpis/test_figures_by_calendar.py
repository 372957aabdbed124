"""Figures by another calendar: those of the civil one where the periods are the same days."""

from __future__ import annotations

import pandas as pd
import pytest

import retention as rt

COMPANY = rt.sample_company(150, seed=3)
APRIL = rt.Calendar("quarter", year_starts="april")  # the same days as civil quarters
SUNDAY = rt.Calendar("week", week_starts="sunday")
NRF = rt.Calendar("month", weeks="4-5-4", year_ends="nearest saturday to january")
DAYS = {"as_of": "2024-12-31"}
OBSERVED = DAYS | {"observed_from": "2023-01-01"}
ORDERS, CONTRACTS = COMPANY.orders, COMPANY.contracts
_NUMBERS = ["step", "first_step", "last_step", "freq", "origin_step"]


def spells():
    """Of the contracts."""
    return rt.contract_spells(CONTRACTS, grace=0, **DAYS)


def surveys():
    """Every customer asked on the day of each order."""
    asked = ORDERS[["customer_id", "date"]].drop_duplicates()
    asked = asked.assign(date=asked["date"].dt.normalize(), likely=range(len(asked)))
    asked = asked.drop_duplicates(["customer_id", "date"]).assign(likely=lambda t: t["likely"] % 11)
    return rt.as_surveys(asked, customer_id="customer_id", date="date", recommend="likely")


def tags():
    """Reasons by code, with their day."""
    told = pd.DataFrame({"customer_id": ORDERS["customer_id"], "date": ORDERS["date"]})
    told = told.assign(
        code=["too_expensive", "switched_service"] * (len(told) // 2) + ["unused"] * (len(told) % 2)
    )
    return rt.map_reason_codes(
        told.rename(columns={"code": "reason"}), scheme="stripe", keep="date"
    )


def outages():
    """Two hours down each month."""
    down = pd.date_range("2023-01-15", "2024-12-15", freq="30D")
    frame = pd.DataFrame({"down": down, "up": down + pd.Timedelta("2h")})
    return rt.as_outages(frame, start="down", end="up")


FIGURES = {
    "outcome_kpis": lambda freq: rt.outcome_kpis(rt.customer_periods(ORDERS, freq=freq, **DAYS)),
    "lifecycle_states": lambda freq: rt.lifecycle_states(
        rt.customer_periods(ORDERS, freq=freq, **DAYS), lost_after=2
    ),
    "cohort_retention": lambda freq: rt.cohort_retention(
        rt.customer_periods(ORDERS, freq=freq, **DAYS)
    ),
    "cohorts of days": lambda freq: rt.cohort_retention(
        rt.customer_periods(ORDERS, freq="day", **DAYS), freq=freq
    ),
    "revenue_movements": lambda freq: rt.revenue_movements(
        rt.contract_periods(CONTRACTS, freq=freq, **DAYS)
    ),
    "net_revenue_retention": lambda freq: rt.net_revenue_retention(
        rt.contract_periods(CONTRACTS, freq=freq, **DAYS), lag=1
    ),
    "churn_rate": lambda freq: rt.churn_rate(
        spells(), freq=freq, convention="start_cohort", **DAYS
    ),
    "voice_kpis": lambda freq: rt.kpis.voice_kpis(surveys(), freq=freq, **DAYS),
    "reason_trend": lambda freq: rt.reasons.reason_trend(tags(), freq=freq, **DAYS),
    "service_availability": lambda freq: rt.kpis.service_availability(
        outages(), freq=freq, **OBSERVED
    ),
}
QUIET = pytest.mark.filterwarnings("ignore::retention.RetentionWarning")


@QUIET
@pytest.mark.parametrize("name", list(FIGURES))
def test_figures_of_fiscal_quarters_are_those_of_the_quarters_of_the_same_days(name):
    """A year that starts in April has civil quarters, under other numbers."""
    fiscal, civil = FIGURES[name](APRIL), FIGURES[name]("quarter")
    assert len(fiscal) > 1
    pd.testing.assert_frame_equal(
        fiscal.drop(columns=_NUMBERS, errors="ignore"),
        civil.drop(columns=_NUMBERS, errors="ignore"),
    )
    if "freq" in fiscal:
        assert set(fiscal["freq"]) == {"April fiscal quarter"}


@QUIET
@pytest.mark.parametrize("name", list(FIGURES))
def test_figures_of_windows_of_seven_days_are_those_of_the_weeks_of_the_same_days(name):
    """A window that ends on a Sunday is a civil week, under other numbers."""
    windows, civil = FIGURES[name](rt.Calendar("7 days", ends="2024-12-29")), FIGURES[name]("week")
    assert len(windows) > 1
    pd.testing.assert_frame_equal(
        windows.drop(columns=_NUMBERS, errors="ignore"),
        civil.drop(columns=_NUMBERS, errors="ignore"),
    )


@QUIET
@pytest.mark.parametrize("name", list(FIGURES))
@pytest.mark.parametrize("freq", [NRF, SUNDAY])
def test_every_figure_goes_by_retail_months_and_sunday_weeks(name, freq):
    """Their periods begin on Sundays."""
    found = FIGURES[name](freq)
    days = pd.to_datetime(found["cohort" if "cohort" in found else "period"])
    assert set(days.dt.day_of_week) == {6}
    assert days.nunique() > 2


def test_activity_of_sunday_weeks_is_that_of_monday_weeks_a_day_later(engine):
    """Orders moved on by a day, weeks too."""
    later = ORDERS.assign(date=ORDERS["date"] + pd.Timedelta("1D"))
    said = {"observed_from": "2023-01-01", "as_of": "2024-06-01"}
    found = engine.read(
        rt.customer_periods(engine.table(ORDERS), freq=SUNDAY, **said),
        order=["period", "customer_id"],
    )
    moved = {name: str(pd.Timestamp(day) + pd.Timedelta("1D"))[:10] for name, day in said.items()}
    expected = rt.customer_periods(later, freq="week", **moved).sort_values(
        ["period", "customer_id"], ignore_index=True
    )
    shifted = pd.to_datetime(expected["period"]) - pd.Timedelta("1D")
    assert (pd.to_datetime(found["period"]) == shifted).all()
    assert found["n_orders"].tolist() == expected["n_orders"].tolist()


@QUIET
@pytest.mark.parametrize("freq", [APRIL, NRF])
def test_the_report_and_its_pictures_speak_of_the_calendar(freq):
    """Its words name periods as the calendar does."""
    report = rt.retention_report(ORDERS, freq=freq, gap=120, pictures=True, **DAYS)
    text = report.to_markdown() if hasattr(report, "to_markdown") else str(report)
    assert str(freq) in text
    assert ("Jul–Sep 2024" if freq == APRIL else "the month from") in text


@QUIET
def test_the_command_line_takes_the_name_of_a_calendar(tmp_path, capsys):
    """As it stands in tables; one that is none is refused with the choices."""
    from retention.cli import main

    path = tmp_path / "orders.csv"
    ORDERS[["customer_id", "date", "sales"]].to_csv(path, index=False)
    said = ["--customer-id", "customer_id", "--date", "date", "--sales", "sales"]
    said += ["--refunds", "net", "--duplicates", "keep", "--zero-orders", "count"]
    asked = ["--as-of", "2024-12-31", "--format", "csv"]
    code = main(
        ["kpis", str(path), *said, *asked, "--freq", "4-5-4 January-nearest-Saturday month"]
    )
    assert (code, "2024-02-04" in capsys.readouterr().out) == (0, True)
    assert main(["kpis", str(path), *said, *asked, "--freq", "April quarter"]) == 2
    assert "invalid choice: 'April quarter'" in capsys.readouterr().err
