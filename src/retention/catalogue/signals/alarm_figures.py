"""The figures of alarms: how right, how early, at what cost."""

from __future__ import annotations

from retention.catalogue.record import Figure

_MONITORING = "Fawcett and Provost (1999), KDD-99, 53–62"
_WARNING = "Romero-Brufau et al. (2015), Critical Care 19, 285"
_CHANCE = "a mean over customer-days at risk; simulated in tests/benchmarks/alarms.py"

_AFTER = (
    "F(t): 1 − Kaplan–Meier of the days from an alarm to the end, over alarms; H: horizon; alarms "
    "not followed to H are censored"
)
_LOST = "losses: spells that ended H days or more after observed_from, by as_of"

_KPIS = "alarm_kpis"

ALARM_FIGURES: tuple[Figure, ...] = (
    Figure(
        name="late_share",
        label="Alarms too late",
        unit="share of 1",
        better="lower",
        low=0.0,
        high=1.0,
        formula=f"F(least − 1). {_AFTER}",
        made_by=_KPIS,
        source=_MONITORING,
        conventions=("least",),
    ),
    Figure(
        name="false_share",
        label="Alarms in vain",
        unit="share of 1",
        better="lower",
        low=0.0,
        high=1.0,
        formula=f"1 − F(H). {_AFTER}",
        made_by=_KPIS,
        source="Barnes et al. (2009), Weather and Forecasting 24, 1452–1454",
        conventions=("horizon",),
    ),
    Figure(
        name="base_precision",
        label="The same of a day at random",
        unit="share of 1",
        better="neither",
        low=0.0,
        high=1.0,
        formula="the precision of one alarm on each day at risk of each customer",
        made_by=_KPIS,
        source=_CHANCE,
        conventions=("horizon", "least"),
    ),
    Figure(
        name="chance_recall",
        label="The same by random alarms",
        unit="share of 1",
        better="neither",
        low=0.0,
        high=1.0,
        formula=(
            "mean over losses of a w if w ≤ apart, else 1 − (1 − a apart) (1 − h)^(w − apart); a: "
            "alarms per customer-day at risk; w: days at risk from H to least days before the end; "
            "h = a / (1 − a (apart − 1))"
        ),
        made_by=_KPIS,
        source=_CHANCE,
        conventions=("horizon", "least", "apart"),
    ),
    Figure(
        name="false_per_100_months",
        label="Alarms in vain per 100 customer-months",
        unit="alarms per 100 customer-months",
        better="lower",
        low=0.0,
        high=None,
        formula="100 · alarms · (1 − F(H)) / (days at risk / 30.4375)",
        made_by=_KPIS,
        source=_MONITORING,
        conventions=("horizon",),
    ),
    Figure(
        name="calls_per_day",
        label="Calls a day",
        unit="calls a day",
        better="lower",
        low=0.0,
        high=None,
        formula="alarms / days from observed_from to as_of",
        made_by=_KPIS,
        source=_WARNING,
    ),
    Figure(
        name="value_recall",
        label="Lost value warned of in time",
        unit="share of 1",
        better="higher",
        low=None,
        high=None,
        formula=f"value of the losses warned of in time / value of all. {_LOST}",
        made_by=_KPIS,
        source=_MONITORING,
        conventions=("horizon", "least"),
    ),
    Figure(
        name="warned_before_last",
        label="Lost warned of before their last order",
        unit="share of 1",
        better="higher",
        low=0.0,
        high=1.0,
        formula=f"losses with an alarm before end − silence, within the horizon / losses. {_LOST}",
        made_by=_KPIS,
        source="the days of silence that make an end warn of it themselves",
        conventions=("silence", "horizon"),
    ),
    Figure(
        name="delay_median",
        label="Median days from the last order to the alarm",
        unit="days",
        better="lower",
        low=None,
        high=None,
        formula="median over losses warned of in time of first alarm − (end − silence)",
        made_by=_KPIS,
        source=_MONITORING,
        conventions=("silence", "horizon", "least"),
    ),
)
