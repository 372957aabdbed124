"""The words of the field as this library uses them, as data: the glossary of the docs reads it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Term:
    """A word, what it means here, other words for it, and the page that tells more."""

    word: str
    meaning: str
    page: str
    others: tuple[str, ...] = ()


GLOSSARY: tuple[Term, ...] = (
    Term(
        "active",
        "bought in the period: some order of it summed to more than 0. Of contracts: one was in "
        "force as the period opened.",
        "explanation/conventions",
    ),
    Term(
        "age",
        "steps since the cohort's period: 0 in that period itself. By tenure, which begins on the "
        "customer's own day, 1 in the first period of it.",
        "topics/cohorts",
    ),
    Term(
        "alarm",
        "the day on which a signal rings for a customer. It is right if the customer leaves within "
        "the horizon, in vain if not.",
        "topics/signals",
        ("alert", "flag"),
    ),
    Term(
        "arm",
        "what customers of an experiment were meant to get: the control gets nothing "
        "new. Who was put into an arm counts there, offered or not.",
        "topics/experiments",
        ("group", "variant", "treatment"),
    ),
    Term(
        "as of",
        "the last observed day, itself included. Nothing after it is looked at.",
        "explanation/conventions",
        ("reporting date", "snapshot date"),
    ),
    Term(
        "base",
        "the customers a rate is of: those active in the base period.",
        "explanation/conventions",
        ("opening customers", "denominator"),
    ),
    Term(
        "basis",
        "with which period's money an adjusted rate weighs a customer.",
        "explanation/conventions",
    ),
    Term(
        "benchmark",
        "a churn rate that somebody else published, with its length, its convention and its "
        "source: without these it says nothing of ours.",
        "topics/benchmarks",
        ("industry average", "peer rate"),
    ),
    Term(
        "censored",
        "still here when observation ended: the lifetime is longer than what was seen.",
        "explanation/concepts",
    ),
    Term(
        "churn",
        "the complement of retention on the same base. Of spells: their ends, counted under a "
        "named convention.",
        "explanation/conventions",
        ("attrition", "defection", "cancellation"),
    ),
    Term(
        "cluster",
        "customers who have one arm together, as those of a branch. Then branches are "
        "counted, not customers. Of spells: those of one customer, with robust errors.",
        "topics/experiments",
        ("unit of randomisation", "robust errors", "sandwich errors"),
    ),
    Term("cohort", "customers whose first purchase fell in the same period.", "topics/cohorts"),
    Term(
        "contraction and expansion",
        "less, or more, money than before from customers who stayed.",
        "topics/revenue",
        ("downsell", "upsell"),
    ),
    Term(
        "convention",
        "one of several rival definitions that the field uses. Here: a named keyword, and a column "
        "of the answer.",
        "explanation/conventions",
    ),
    Term(
        "cumulative incidence",
        "the share that has left for one cause by some time, with the others at work as well.",
        "topics/survival",
        ("competing risks", "cause-specific model", "Fine-Gray", "subdistribution"),
    ),
    Term(
        "entry",
        "the time of a spell at which it came under observation; before it, its end could not "
        "have been seen.",
        "explanation/concepts",
        ("late entry", "left truncation", "delayed entry"),
    ),
    Term(
        "frequency",
        "of periods: their length (`freq`). How often a customer bought again is `x`.",
        "explanation/conventions",
    ),
    Term(
        "gap",
        "days of silence after which a customer without a contract counts as lost.",
        "topics/spells",
        ("inactivity window", "grace of silence"),
    ),
    Term(
        "grace",
        "days after a contract's end within which a renewal makes it no churn.",
        "topics/spells",
    ),
    Term(
        "gross revenue retention",
        "the money kept from the base's customers, expansion left out.",
        "topics/revenue",
        ("GRR", "gross dollar retention"),
    ),
    Term(
        "hazard",
        "the chance of leaving in the next unit of time, given still here.",
        "topics/survival",
        ("churn intensity",),
    ),
    Term(
        "holdout",
        "customers who were set apart when a model or a rule was made, and on whom it "
        "is judged. A randomised holdout has both arms.",
        "topics/targeting",
        ("test set",),
    ),
    Term(
        "involuntary churn",
        "losses that the customer did not decide: a payment that failed, a card that expired.",
        "how-to/subscriptions",
        ("passive churn", "delinquent churn"),
    ),
    Term(
        "lead",
        "the days from an alarm to the end it foretold; late is one that is too short to act on.",
        "topics/signals",
        ("lead time", "time in warning"),
    ),
    Term(
        "level",
        "how sure bounds are: 0.95 means that 95 of 100 such intervals hold the true value.",
        "explanation/concepts",
        ("confidence",),
    ),
    Term(
        "logo churn",
        "churn of customers, whatever they pay.",
        "topics/revenue",
        ("customer churn",),
    ),
    Term(
        "look",
        "a time at which the effect of a running experiment is read. Each further one "
        "is another chance to be fooled.",
        "explanation/seven-ways",
        ("interim analysis", "peek"),
    ),
    Term(
        "mature",
        "assigned so long ago that the whole horizon was watched.",
        "topics/experiments",
        ("fully observed",),
    ),
    Term(
        "net revenue retention",
        "the money from the base's customers later, expansion counted, over what it was.",
        "topics/revenue",
        ("NRR", "net dollar retention"),
    ),
    Term(
        "offer",
        "what is done to keep a customer. Making it costs something, and being taken costs more.",
        "topics/targeting",
        ("incentive", "campaign", "contact"),
    ),
    Term(
        "period",
        "a day, week, month, quarter or year, named by its first day.",
        "explanation/conventions",
    ),
    Term(
        "profit-adjusted retention",
        "retention in which each customer weighs what they contributed.",
        "explanation/conventions",
    ),
    Term(
        "raw retention",
        "the share of the base's customers who are active again later.",
        "explanation/conventions",
        ("customer retention rate", "logo retention"),
    ),
    Term(
        "reactivation",
        "the return of a customer who had been inactive, or lost.",
        "topics/cohorts",
        ("win-back", "resurrection"),
    ),
    Term(
        "reason",
        "why a customer left, in one of Keaveney's eight categories or an extension of them.",
        "topics/reasons",
    ),
    Term(
        "repeat rate",
        "the share of customers who ordered again within so many days, of those followed for so "
        "long.",
        "topics/buyers",
        ("repeat purchase rate", "repurchase rate", "returning customer rate"),
    ),
    Term(
        "sales per customer",
        "all sales of a period over its active customers.",
        "topics/buyers",
        ("ARPU", "ARPA", "average revenue per user"),
    ),
    Term(
        "sales-adjusted retention",
        "retention in which each customer weighs what they bought.",
        "explanation/conventions",
    ),
    Term(
        "segment",
        "a part of the customers by some column: region, plan, channel.",
        "explanation/concepts",
    ),
    Term(
        "share of wallet",
        "what a customer spends with you, of all they spend on such things.",
        "explanation/conventions",
    ),
    Term(
        "snapshot",
        "a customer on a day, with what was known then; its label says what came, once it is over.",
        "topics/signals",
        ("landmark", "observation point"),
    ),
    Term(
        "spell",
        "one uninterrupted relationship. Who comes back has a second one.",
        "topics/spells",
        ("tenure", "lifetime", "subscription"),
    ),
    Term(
        "standardised churn",
        "what churn would be with another's mix of customers: direct, by their shares; "
        "indirect, those lost over those expected at their rates.",
        "topics/benchmarks",
        ("mix-adjusted churn", "like for like", "SMR"),
    ),
    Term(
        "step",
        "the consecutive number of a period, across any year's end.",
        "explanation/conventions",
    ),
    Term(
        "stickiness",
        "the customers active on a mean day, of those active in the whole period.",
        "topics/buyers",
        ("DAU/MAU", "DAU/WAU", "WAU/MAU"),
    ),
    Term(
        "stratum",
        "customers among whom arms were shared out, so that each arm has its part of them.",
        "topics/experiments",
        ("block",),
    ),
    Term(
        "survival",
        "the share still here after some time, S(t).",
        "topics/survival",
        ("retention curve",),
    ),
    Term(
        "uplift",
        "by how much an offer lowers the customer's chance to leave. It may be negative.",
        "topics/experiments",
        ("treatment effect", "incremental effect"),
    ),
    Term(
        "x, t_x, T",
        "how often a customer bought again; how old the relationship was at the last purchase, "
        "and how old it is now.",
        "topics/repeat-buying",
        ("frequency, recency, age",),
    ),
)
"""Words in the order of the alphabet."""
