"""Every number that makes the world of the experiment, see `sample_experiment`."""

from __future__ import annotations

FIRST_DAY, LAST_DAY = "2024-01-01", "2024-10-28"
"""Orders are seen from the first to the last, both included."""
OPENED_DAYS = 730
"""The earliest contract began so many days before the first day."""
WAVES = ("2024-04-01", "2024-05-01", "2024-06-01", "2024-07-01", "2024-08-01")
"""Months in which customers are assigned: one part of 15 of them, then two, …, in the last five."""
WAVE_DAYS = 28
"""Within a month any of its first days is as likely."""
HORIZON = 90
"""Days for which the offer binds, and after which the two chances are told."""
YOUNGEST_DAYS = 90
"""Who is assigned has been a customer for so long."""

LEAST_RISK, RISK_SPAN, RISK_SHAPE = 0.20, 0.40, (2.0, 3.0)
"""The chance to leave within the horizon: the least, and a beta share of what may be added."""
HARMED_SHARE, PERSUADED_SHARE = 0.10, 0.40
"""So many leave sooner for the offer and so many later; it changes nothing for the others."""
HARM = (0.04, 0.08)
HELP = (0.10, 0.20)
"""By how much the chance to leave changes, evenly between the two, whatever the risk."""

RISK_NOISE, UPLIFT_NOISE = 0.3, 0.06
"""What a model of risk errs by, on log odds, and one of the effect, in points of the chance."""

REGIONS = {"East": 0.25, "North": 0.35, "South": 0.25, "West": 0.15}
PLANS = {"basic": 0.6, "plus": 0.4}
N_BRANCHES = 20

ORDERS_A_DAY, ORDERS_SHAPE = 2 / 30, 2.0
"""Mean and gamma shape of a customer's orders a day while the contract runs."""
ORDER_SIZE, SIZE_SPREAD, LINE_SPREAD = 40.0, 0.5, 0.4
"""Median of a customer's mean order in currency, and the spreads of logarithms: of customers, and
of the orders of one."""
MARGIN = 0.30
"""Profit for each unit of sales."""
