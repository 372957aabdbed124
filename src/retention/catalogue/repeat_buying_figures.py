"""The figures of customers who buy again, or not, without saying so."""

from __future__ import annotations

from retention.catalogue.record import Figure

_FITS = "fit_pareto_nbd, fit_mbg_nbd, fit_bg_nbd, fit_mbg_cnbd, fit_bg_cnbd"
_FHL = "Fader, Hardie and Lee (2005), Marketing Science 24(2), 275–284"

REPEAT_BUYING_FIGURES: tuple[Figure, ...] = (
    Figure(
        name="p_no_purchase",
        label="Chance of no purchase within some time",
        unit="share of 1",
        better="lower",
        low=0.0,
        high=1.0,
        formula="1 − P(alive) · P(a purchase within that time, if alive)",
        made_by=f"churn_score, purchase_features, {_FITS}",
        source=_FHL,
    ),
    Figure(
        name="p_alive",
        label="Chance of still being a customer",
        unit="share of 1",
        better="higher",
        low=0.0,
        high=1.0,
        formula="1 / (1 + e^d), d: the log-odds of having left, given the purchases",
        made_by=_FITS,
        source="Fader, Hardie and Lee (2008), Computing P(alive) using the BG/NBD model",
    ),
    Figure(
        name="expected_purchases",
        label="Expected purchases within some time",
        unit="purchases",
        better="higher",
        low=0.0,
        high=None,
        formula="P(alive) · E[purchases within that time, if alive]",
        made_by=f"customer_value, {_FITS}",
        source=f"{_FHL}, equation 10; Schmittlein, Morrison and Colombo (1987)",
    ),
    Figure(
        name="discounted_purchases",
        label="Purchases still to come, discounted",
        unit="purchases",
        better="higher",
        low=0.0,
        high=None,
        formula="∫ (1 + i)^(−t / year) dE(t), E(t): expected purchases within t, i: discount",
        made_by="discounted_purchases",
        conventions=("discount",),
        source=(
            "Fader, Hardie and Lee (2005), Journal of Marketing Research 42(4), 415–430; Fader, "
            "Hardie and Shang (2010), Marketing Science 29(6), 1086–1108, equation 14"
        ),
    ),
    Figure(
        name="expected_spend",
        label="Expected spend at a purchase",
        unit="currency",
        better="higher",
        low=0.0,
        high=None,
        formula="p (v + x m) / (p x + q − 1), m: mean sales of the x repeat purchases",
        made_by="fit_gamma_gamma, customer_value",
        source="Fader and Hardie (2013), The gamma-gamma model of monetary value",
    ),
    Figure(
        name="expected_renewals",
        label="Renewals to come",
        unit="renewals",
        better="higher",
        low=0.0,
        high=None,
        formula="Σ over k of S(n + k) / S(n) · (1 + d)^(1 − k), n: renewals so far, d: discount",
        made_by="fit_beta_geometric, fit_beta_discrete_weibull",
        source="Fader and Hardie (2010), Marketing Science 29(1), 85–93",
    ),
    Figure(
        name="value",
        label="Value of what is still to come",
        unit="currency",
        better="higher",
        low=None,
        high=None,
        formula="Σ over payments to come of amount · chance that it comes · (1 + i)^(−years)",
        made_by="customer_value, lifetime_value, residual_value",
        conventions=("margin", "profit", "discount", "horizon", "timing", "whose"),
        source=(
            "Fader, Hardie and Lee (2005), Journal of Marketing Research 42(4), 415–430; Fader and "
            "Hardie (2010), Marketing Science 29(1), 85–93"
        ),
    ),
    Figure(
        name="gap_ratio",
        label="Silence, in mean gaps of the customer's own",
        unit="times",
        better="lower",
        low=0.0,
        high=None,
        formula="days since the last purchase / mean days between the customer's purchases",
        made_by="churn_score, purchase_features",
        source="a rule of practice",
    ),
    Figure(
        name="base_rate",
        label="Share that bought nothing in as long a time before",
        unit="share of 1",
        better="lower",
        low=0.0,
        high=1.0,
        formula="customers without a purchase since / customers known so many days ago",
        made_by="churn_score",
        conventions=("within",),
        source="none: it is what the score is held against",
    ),
    Figure(
        name="no_purchase_share",
        label="Share of customers that bought nothing in the holdout",
        unit="share of 1",
        better="lower",
        low=0.0,
        high=1.0,
        formula="customers of the class without a purchase in the holdout / customers of the class",
        made_by="purchase_calibration",
        source=f"{_FHL}, figure 3",
    ),
)
