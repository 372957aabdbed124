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

_SILENT = (
    "r, α: of the Gamma rates of buying among customers; x: repeat purchases in t_x days; s: days "
    "of silence since"
)
_RATES = "Schmittlein, Morrison and Colombo (1987), Management Science 33, 1–24"

_KPIS = "alarm_kpis, alarm_trade_off"

ALARM_FIGURES: tuple[Figure, ...] = (
    Figure(
        name="late_share",
        label="Share of alarms that rang too late to act",
        unit="share of 1",
        better="lower",
        low=0.0,
        high=1.0,
        formula="F(least − 1), F: one minus Kaplan–Meier of the days from an alarm to the end",
        made_by=_KPIS,
        source="Barnes et al. (2009), Weather and Forecasting 24, 1452–1454",
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
    Figure(
        name="share_warned",
        label="Lost warned of so many days ahead",
        unit="share of 1",
        better="higher",
        low=0.0,
        high=1.0,
        formula=f"losses whose first, last or standing alarm rang L days ahead / losses. {_LOST}",
        made_by="alarm_leads",
        source=_MONITORING,
        conventions=("which", "horizon"),
    ),
    Figure(
        name="chance_share",
        label="The same by random alarms",
        unit="share of 1",
        better="neither",
        low=0.0,
        high=1.0,
        formula="the share that as many random alarms would warn of, as for chance_recall",
        made_by="alarm_leads",
        source="Snyder et al. (2008), Journal of Neural Engineering 5, 392–401",
        conventions=("which", "horizon", "apart"),
    ),
    Figure(
        name="median_among_warned",
        label="Median lead of those warned",
        unit="days",
        better="neither",
        low=1.0,
        high=None,
        formula="median days from the alarm that counts to the end, of those warned L days ahead",
        made_by="alarm_leads",
        source="of random alarms it is the longest, so it compares no signals",
        conventions=("which", "horizon"),
    ),
    Figure(
        name="value_share",
        label="Lost value warned of so many days ahead",
        unit="share of 1",
        better="higher",
        low=None,
        high=None,
        formula=f"value of the losses warned of L days ahead / value of all. {_LOST}",
        made_by="alarm_leads",
        source=_MONITORING,
        conventions=("which", "horizon"),
    ),
    Figure(
        name="false_alarms_per_month",
        label="Alarms in vain if such silences rang",
        unit="alarms per 100 customer-months",
        better="neither",
        low=0.0,
        high=None,
        formula=f"30.4375 · 100 · own_rate · p_silence. {_SILENT}",
        made_by="silence_alarms",
        source=_RATES,
        conventions=("model",),
    ),
    Figure(
        name="p_gone",
        label="Chance of having left",
        unit="share of 1",
        better="lower",
        low=0.0,
        high=1.0,
        formula="1 − P(alive) of the model of purchases",
        made_by="silence_alarms",
        source=_RATES,
        conventions=("model",),
    ),
)
