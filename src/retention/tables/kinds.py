"""The tables that users bring, declared as data: what one row is, who makes it, its columns."""

from __future__ import annotations

from retention.errors import YOURS
from retention.tables.declaring import Column, Kind

CUSTOMER = Column("customer_id", "id", "who bought")
CURRENCY = Column(
    "currency", "label", "in which currency the amounts are", optional=True, segment=True
)


TRANSACTIONS = Kind(
    "transactions",
    "one line of an order",
    "as_transactions",
    (
        CUSTOMER,
        Column("date", "time", "when it was bought"),
        Column("sales", "number", "net revenue of the line, refunds negative", "currency"),
        Column("profit", "number", "contribution of the line", "currency", optional=True),
        Column("order_id", "id", "which order the line belongs to", optional=True),
        CURRENCY,
    ),
)


CONTRACTS = Kind(
    "contracts",
    "one contract of a customer",
    "as_contracts",
    (
        CUSTOMER,
        Column("start", "time", "first day in force"),
        Column("end", "time", "first day out of force, null while it runs"),
        Column("sales", "number", "recurring net revenue", "currency per month", optional=True),
        Column("profit", "number", "recurring contribution", "currency per month", optional=True),
        Column("contract_id", "id", "which contract", optional=True),
        CURRENCY,
    ),
)


LIFETIMES = Kind(
    "spells",
    "what survival functions ask of spells, whoever made them",
    "as_spells",
    (
        Column("duration", "number", "time from start to end, or as far as it was seen"),
        Column("churned", "flag", "whether its end was seen (false: censored)"),
        Column(
            "entry",
            "number",
            "time at which it came under observation, null if from its start",
            optional=True,
        ),
        Column("n_spells", "integer", "how many spells the row stands for", optional=True),
        Column("set_aside", "text", "why it cannot be used, null if it can", optional=True),
        Column("reactivation", "text", "new_spell, or same_spell which is refused", optional=True),
    ),
)
"""What survival functions ask of spells: ours have it, anybody's may."""


CUSTOMERS = Kind(
    "customers",
    "a customer whose future is asked for",
    YOURS,
    (
        CUSTOMER,
        Column("tenure", "number", "how long the customer has stayed already", optional=True),
    ),
)

WALLET = Kind(
    "wallet",
    "a customer's spending in the category in a period",
    "as_wallet",
    (
        CUSTOMER,
        Column("date", "time", "any day of the period"),
        Column(
            "wallet", "number", "what the customer spent on the category, with everyone", "currency"
        ),
        CURRENCY,
    ),
)

SURVEYS = Kind(
    "surveys",
    "a customer who was asked",
    "as_surveys",
    (
        Column("customer_id", "id", "who was asked"),
        Column("date", "time", "when they answered, or were asked if they did not"),
        Column("answered", "flag", "whether any answer came back"),
        Column("satisfaction", "number", "how satisfied they are", "scale", optional=True),
        Column("value_for_money", "number", "what they think of the price", "scale", optional=True),
        Column("repeat_intention", "number", "how likely they buy again", "scale", optional=True),
        Column("recommend", "number", "how likely they recommend us", "0 to 10", optional=True),
        Column(
            "spoke_well", "number", "1 if they spoke well of us to others, 0 if not", optional=True
        ),
        Column(
            "spoke_ill", "number", "1 if they spoke ill of us to others, 0 if not", optional=True
        ),
        Column("scale_low", "number", "the worst answer of the scale", "scale", optional=True),
        Column("scale_high", "number", "the best answer of the scale", "scale", optional=True),
    ),
)

MARKET = Kind(
    "market",
    "what the whole market sold, us included",
    YOURS,
    (
        Column("date", "time", "any day of the period"),
        Column("market", "number", "sales of all who sell in it, us included", "currency"),
        CURRENCY,
    ),
)

CONTACTS = Kind(
    "contacts",
    "one time a customer needed us",
    "as_contacts",
    (
        Column("customer_id", "id", "who needed us"),
        Column("date", "time", "when they got in touch"),
        Column(
            "first_response_hours", "number", "time to our first answer, null while none", "hours"
        ),
        Column(
            "resolution_hours", "number", "time until solved to their content, null if not", "hours"
        ),
        Column(
            "unsatisfied_hours",
            "number",
            "time until a solution that did not content them, after which no more was seen",
            "hours",
            optional=True,
        ),
        Column(
            "right_first_time",
            "number",
            "whether the first diagnosis was right: 1, 0 or null",
            optional=True,
        ),
        Column(
            "parts_available",
            "number",
            "whether the parts needed were at hand: 1, 0, or null where none were",
            optional=True,
        ),
        Column(
            "business_hours",
            "text",
            "the working hours that its hours count, null if unknown; absent: day and night",
            optional=True,
        ),
    ),
)

OUTAGES = Kind(
    "outages",
    "one interruption of a service",
    "as_outages",
    (
        Column("start", "time", "when it went down"),
        Column("end", "time", "when it was back, null while it is down"),
    ),
)

COSTS = Kind(
    "costs",
    "one cost of winning, keeping or serving customers",
    "as_costs",
    (
        Column("date", "time", "when it was incurred, or any day of its period"),
        Column("kind", "text", "what for: wages, space, parts, …"),
        Column("amount", "number", "how much, credits negative", "currency"),
        Column("customer_id", "id or none", "whom it was for, null if for many", optional=True),
        CURRENCY,
    ),
)


REFERRALS = Kind(
    "referrals",
    "a customer won by another",
    "as_referrals",
    (
        Column("customer_id", "id", "who referred"),
        Column("referred_id", "id", "who was won"),
        Column("date", "time", "when they became a customer"),
    ),
)


LABELS = Kind(
    "labels",
    "a reason that people found in a note",
    YOURS,
    (
        Column("note_id", "id", "which note"),
        Column("category", "text", "the reason; unspecified where they found none"),
    ),
)


EFFECTS = Kind(
    "effects",
    "what a programme did, as an experiment found it",
    YOURS,
    (
        Column("difference", "number", "what the offered did more than the others, each"),
        Column("difference_lower", "number", "the least it may be", optional=True),
        Column("difference_upper", "number", "the most it may be", optional=True),
        Column("lower", "number", "the same, if there is no difference_lower", optional=True),
        Column("upper", "number", "the same, if there is no difference_upper", optional=True),
    ),
)


PROFITS = Kind(
    "profit",
    "an age of customers (and segment): what each brings in it",
    YOURS,
    (
        Column("age", "integer", "period of tenure, 1 for the first; absent: all", optional=True),
        Column(
            "profit_per_customer",
            "number",
            "what a customer who is here brings in it, null where unknown",
            "currency",
        ),
        Column("length", "text", "of a period", optional=True),
        CURRENCY,
    ),
)


VALUES = Kind(
    "values",
    "a customer's value from now on",
    YOURS,
    (
        Column("customer_id", "id", "whose value"),
        Column("value", "number", "what is still to come, null where unknown", "currency"),
        CURRENCY,
    ),
)
"""What `residual_value` and `customer_value` give, and anybody's own."""


BASE = Kind(
    "base",
    "customers of one tenure",
    YOURS,
    (
        Column("tenure", "integer", "renewals behind, 0 in the first period"),
        Column("n_customers", "number", "how many there are", "customers"),
    ),
)


CHURN_CONVENTIONS = (
    *("start_cohort", "endpoint", "all_cancellations", "active_and_new", "exposure"),
    *("renewals_due", "no_purchase", "not stated"),
)
"""How a churn rate may be counted: as `churn_rate` says it, of purchases, or in no known way.

"no_purchase": of those who bought in a period, those who did not in the later one.
"""

STANDINGS = (
    *("filing", "regulator's survey", "research", "trade press", "quoted"),
    *("quoted without source", "not stated"),
)
"""What stands behind a published rate, the most accountable first."""


BENCHMARKS = Kind(
    "benchmarks",
    "a churn rate that somebody published",
    "as_benchmarks",
    (
        Column("name", "text", "whose rate, or of what"),
        Column("rate", "number", "the share lost, null where only a range is said", "share of 1"),
        Column("rate_lower", "number", "the least it may be", "share of 1"),
        Column("rate_upper", "number", "the most it may be", "share of 1"),
        Column("days", "number", "within how many days they were lost", "days"),
        Column("convention", "text", "how it is counted, as in churn_rate, or not stated"),
        Column("year", "integer", "of which year it is"),
        Column("source", "text", "where it was read"),
        Column("standing", "text", "what stands behind it: a filing, trade press, …"),
        Column("population", "text", "of which customers", optional=True),
        Column("address", "text", "where the source is found", optional=True),
        Column("segment", "label", "of which part of them it is", optional=True),
        Column("share", "number", "that part of all of them", "share of 1", optional=True),
    ),
)
"""What `as_benchmarks` and `published_benchmarks` give."""
