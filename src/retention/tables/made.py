"""The tables that the library makes and takes again, declared as data."""

from __future__ import annotations

from retention.tables.declaring import Column, Kind
from retention.tables.kinds import CUSTOMER

STEPS = (
    Column("first_step", "integer", "first period that was observed", constant=True),
    Column("last_step", "integer", "last period that was observed", constant=True),
    Column("freq", "text", "length of a period: day, week, month, quarter or year", constant=True),
)


AT_START = (
    Column("started", "integer", "period in which the customer's first contract began"),
    Column("sales_at_start", "number", "what the first day's contracts bring a period", "currency"),
    Column("profit_at_start", "number", "their contribution a period", "currency"),
)
"""What activity from contracts knows beside: snapshots at openings miss who came and went."""


ACTIVITY = Kind(
    "activity",
    "a customer in a period (and segment)",
    "customer_periods",
    (
        CUSTOMER,
        Column("period", "time", "first day of the period"),
        Column("step", "integer", "consecutive number of the period"),
        Column("n_orders", "integer", "orders that count as purchases", "orders"),
        Column("sales", "number", "net revenue in the period", "currency"),
        Column("profit", "number", "contribution in the period, null where unknown", "currency"),
        Column("active", "flag", "bought in the period"),
        *STEPS,
    ),
)


CONTRACT_ACTIVITY = Kind(
    "activity",
    "a customer in a period (and segment)",
    "contract_periods",
    (*ACTIVITY.columns, *AT_START),
)
"""Activity of contracts: a row more for the period in which a customer's first contract began."""


_TENURE = (
    CUSTOMER,
    Column("start", "time", "first day of the relationship"),
    Column("age", "integer", "1 for the first period of the tenure, 2 for the next, …"),
    Column("n_orders", "integer", "purchases in it; contracts in force as it opens"),
    Column("sales", "number", "net revenue in the period", "currency"),
    Column("profit", "number", "contribution in the period, null where unknown", "currency"),
    Column("here", "flag", "bought in it; in force all through"),
)
_AGES = (
    Column("first_age", "integer", "first age that was observed, the same of a customer"),
    Column("n_complete", "integer", "ages over by the last observed day, the same of a customer"),
    Column("length", "text", "length of a period: month, quarter or year", constant=True),
)


TENURE = Kind(
    "tenure",
    "a customer in a complete period of its own tenure",
    "tenure_periods or contract_tenure",
    (*_TENURE, *_AGES),
)
"""A customer has a row for its first age whatever happened; for later ones if anything did."""


CONTRACT_TENURE = Kind(
    "tenure",
    "a customer in a complete period of its own tenure",
    "contract_tenure",
    (*_TENURE, Column("opened", "flag", "in force as the period opens"), *_AGES),
)


SPELLS = Kind(
    "spells",
    "one uninterrupted relationship of a customer",
    "purchase_spells or contract_spells",
    (
        CUSTOMER,
        Column("spell", "integer", "1 for a customer's first relationship, 2 for the next, …"),
        Column("start", "time", "first day of the relationship"),
        Column("end", "time", "the day it ended, null while it goes on"),
        Column("entry", "number", "when it came under observation, null if from its start", "days"),
        Column("duration", "integer", "time from start to end, or as far as it was seen", "days"),
        Column("churned", "flag", "whether its end was seen (false: censored)"),
        Column("set_aside", "text", "why it cannot be used in survival analysis, null if it can"),
        Column("reactivation", "text", "new_spell, or same_spell which looks into the future"),
    ),
)


CURVE = Kind(
    "curve",
    "a duration at which spells end or are censored",
    "survival_curve",
    (
        Column("duration", "number", "time since the start"),
        Column("n_at_risk", "integer", "spells that lasted so long under observation"),
        Column("n_churned", "integer", "spells that end there"),
        Column("n_censored", "integer", "spells seen no further than that"),
        Column("n_entered", "integer", "spells under observation since the duration before"),
        Column(
            "observed_from",
            "number",
            "since when those at risk were watched without a gap, 0 if from the start",
            optional=True,
        ),
    ),
)


CHURNED = Kind(
    "churned",
    "a customer who counts in the churn rate of a period (and segment)",
    "churned_customers",
    (
        CUSTOMER,
        Column("period", "time", "first day of the period"),
        Column("step", "integer", "consecutive number of the period"),
        Column("part", "text", "there or joined; stayed, cancelled or returned"),
        Column("n_churned", "integer", "how often the customer counts above the line"),
        Column("at_risk", "number", "how much the customer counts below it", "customers"),
        Column("sales", "number", "what the customer brings, null where unknown", "currency"),
        Column("convention", "text", "the convention of the churn rate"),
        *STEPS,
    ),
)


TAGS = Kind(
    "tags",
    "a reason found in a note, or that there was none",
    "tag_reasons or map_reason_codes",
    (
        Column("note_id", "id", "which note"),
        Column("customer_id", "id or none", "whose note, null where not known", optional=True),
        Column("category", "text", "the reason; unspecified: none told; missing: no note"),
        Column(
            "subcategory", "text", "the reason more closely, null where not told", optional=True
        ),
        Column("score", "number", "strength; of a model its probability", "0 to 1", optional=True),
        Column("rank", "number", "1 for the strongest of the note, 2 for the next", optional=True),
        Column("is_primary", "flag", "whether it is the first reason of the note", optional=True),
        Column("evidence", "text", "the words that tell it, or the code", optional=True),
        Column("start", "number", "where the evidence starts", "characters", optional=True),
        Column("end", "number", "where the evidence ends", "characters", optional=True),
        Column("phrase", "text", "what found it", optional=True),
    ),
)


PURCHASE_SUMMARY = Kind(
    "purchase summary",
    "the purchases of a customer in a few numbers",
    "purchase_summary",
    (
        Column("customer_id", "id", "who bought", optional=True),
        Column("x", "number", "repeat purchases: days with one after the first", "purchases"),
        Column("t_x", "number", "age at the last purchase, 0 where there is one only", "`unit`"),
        Column("T", "number", "age on the last observed day", "`unit`"),
        Column(
            "mean_sales",
            "number",
            "mean sales of a repeat purchase, null where there is none",
            "currency",
            optional=True,
        ),
        Column(
            "n_orders", "integer", "purchases, before days were merged", "orders", optional=True
        ),
        Column("unit", "text", "of ages: day or week", optional=True),
    ),
)


STAFF_AND_CUSTOMERS = Kind(
    "staff and customers",
    "a unit, such as a branch, in a period",
    "staff_and_customers",
    (
        Column("period", "time", "first day of the base period", optional=True),
        Column("step", "integer", "consecutive number of the period"),
        Column("n_customers", "number", "customers of the unit, who are its weight"),
    ),
)
