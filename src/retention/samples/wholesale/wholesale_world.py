"""Every number that makes the wholesaler's world.

Hazards are a year and constant, so that what a sign foretells can be worked out: see
`sample_wholesaler`. What is not said here is as in the sample company: the season of orders.
"""

from __future__ import annotations

LEAVING_WELL_A_YEAR = 0.05
"""Hazard of leaving, a year, of a customer who is well."""
TROUBLE_A_YEAR = 0.30
"""Hazard with which trouble begins for a customer who is well."""
LEAVING_TROUBLED_A_YEAR = 3.0
"""Hazard of leaving of a customer in trouble: sixty times that of one who is well."""
RECOVERY_A_YEAR = 1.0
"""Hazard with which trouble passes; with that of leaving, it lasts a quarter of a year."""

SIGN_CHANCE = {"slows": 0.50, "pays_late": 0.40, "store_closes": 0.20, "unhappy": 0.30}
"""In trouble, the chance of each sign, whatever the others do."""
SIGN_DELAY = {"slows": 0.0, "pays_late": 14.0, "store_closes": 30.0, "unhappy": 7.0}
"""Days from the beginning of trouble to the sign, if trouble lasts so long; then until its end."""
HARMLESS_A_YEAR = {"slows": 0.10, "pays_late": 0.08, "store_closes": 0.02, "unhappy": 0.05}
"""The same signs that come to anybody at any time and mean nothing."""
HARMLESS_DAYS = 91.3125
"""A harmless sign lasts so long in the mean: as long as trouble, so that none is told by it."""

ORDERS_A_YEAR, ORDERS_SHAPE = 24.0, 2.0
"""Mean and gamma shape of the customers' yearly orders while they do not slow."""
SLOWED_SHARE = 0.30
"""Of a slowing customer's orders, logins, and answers to offers so many in one remain."""
SHOP_SPREAD = 0.7
"""Standard deviation of the logarithm of a shop's size, whose median is 1."""

LINE_SHARE = {"Drinks": 0.40, "Snacks": 0.30, "Dairy": 0.20, "Frozen": 0.10}
LINE_ADDED = {"Drinks": 0.35, "Snacks": 0.35, "Dairy": 0.25, "Frozen": 0.15}
"""Chance that a delivery made for another category takes this one along."""
LINE_PRICE = {"Drinks": 130.0, "Snacks": 85.0, "Dairy": 70.0, "Frozen": 110.0}
LINE_MARGIN = {"Drinks": 0.16, "Snacks": 0.24, "Dairy": 0.12, "Frozen": 0.20}
NARROWED_SHARE = 0.40
"""Of the categories that would be taken along a slowing customer takes so many in one."""

TERM_DAYS = 14
"""Days from an invoice to the last day on which it may be paid."""
TARDY_SHARE, TARDY_DAYS = 0.10, 5
"""Of all other invoices so many are paid up to so many days after they were due."""
OVERDUE_DAYS, LATE_DAYS = 8, 25.0
"""Who pays late does so at least so many days after the due day, and the mean of the days more."""
QUERIED_SHARE, QUERIED_UNHAPPY_SHARE = 0.02, 0.20
"""Of invoices so many are questioned, and of those of an unhappy customer."""

LOGINS_A_YEAR = 24.0
MOVES_A_YEAR, NEW_BUYERS_A_YEAR = 0.06, 0.15
"""Events that mean nothing."""
LEARNT_LATER_SHARE, LEARNT_DAYS = 0.40, 10.0
"""Of closings and moves so many are learnt later, at least a day, by so many more in the mean."""
OFFERS_A_YEAR, RESPONSE_SHARE, RESPONSE_DAYS = 6.0, 0.40, 3.0
CALLS_A_YEAR = 3.0
CALL_SHARE = {"reached": 0.55, "not reached": 0.32, "wants a visit": 0.13}
NOTED_SHARE = 0.95
"""Of calls so many have their outcome noted; they change nothing."""

CONTACTS_WELL_A_YEAR, CONTACTS_UNHAPPY_A_YEAR = 0.6, 4.0
"""How often customers get in touch, and what is added while they are unhappy."""
ISSUE_SHARE = {"delivery": 0.45, "billing": 0.20, "quality": 0.25, "advice": 0.10}
ANSWER_HOURS, SOLUTION_HOURS = (5.0, 1.1), (24.0, 1.2)
"""Median, and standard deviation of the logarithm, of the hours to answer and then to solve."""
ANSWERED_AFTER_HOURS = 24.0
"""Unhappiness begins with a contact that is answered after so long and as much again in the mean,
exponentially distributed."""
ASKED_A_YEAR, ANSWERING_SHARE = 2.0, 0.45
CONTENT, UNHAPPY_FALL = 4.0, 1.5
"""Mean satisfaction, and by how much it is lower while a customer is unhappy."""

OTHER_REASONS = {
    "pricing": 0.40,
    "competition": 0.40,
    "inconvenience": 0.15,
    "ethical_problems": 0.05,
}
UNHAPPY_REASONS = {"core_service_failure": 0.5, "response_to_failure": 0.5}
"""Why they leave: whose store closed, of need; of the others the unhappy for the service."""
