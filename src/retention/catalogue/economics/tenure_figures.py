"""The figures of profit as customers stay."""

from __future__ import annotations

from retention.catalogue.record import Figure

_REICHHELD = "Reichheld (1996), The Loyalty Effect, ch. 2"
_CENSORED = "Lin, Feuer, Etzioni and Wax (1997), Biometrics 53, 419–434"
_ZERO = "Reichheld and Sasser (1990), Harvard Business Review 68(5), 105–111"

_SYMBOLS = (
    "E_k: customers of whom age k was observed whole, gone or not; H_k: those of them here; "
    "ȳ_k(A): mean profit at age k over A"
)

TENURE_FIGURES: tuple[Figure, ...] = (
    Figure(
        name="profit_per_customer",
        label="Profit per customer here",
        unit="currency",
        better="higher",
        low=None,
        high=None,
        formula=f"ȳ_k(H_k). {_SYMBOLS}",
        made_by="profit_by_tenure, lifetime_profit",
        source=_REICHHELD,
    ),
    Figure(
        name="profit_per_acquired",
        label="Profit per customer won",
        unit="currency",
        better="higher",
        low=None,
        high=None,
        formula=f"ȳ_k(E_k), in which the gone bring 0. {_SYMBOLS}",
        made_by="profit_by_tenure, lifetime_profit",
        source=_CENSORED,
    ),
    Figure(
        name="sorting",
        label="Change by who left",
        unit="currency",
        better="neither",
        low=None,
        high=None,
        formula=f"ȳ_{{k−1}}(H_{{k−1}} and H_k) − ȳ_{{k−1}}(H_{{k−1}} in E_k). {_SYMBOLS}",
        made_by="profit_by_tenure",
        source="an identity of means",
    ),
    Figure(
        name="growth",
        label="Change of the same customers",
        unit="currency",
        better="higher",
        low=None,
        high=None,
        formula=f"ȳ_k(H_{{k−1}} and H_k) − ȳ_{{k−1}}(H_{{k−1}} and H_k). {_SYMBOLS}",
        made_by="profit_by_tenure",
        source=_REICHHELD,
    ),
    Figure(
        name="returned",
        label="Change by who came back",
        unit="currency",
        better="neither",
        low=None,
        high=None,
        formula=f"ȳ_k(H_k) − ȳ_k(H_{{k−1}} and H_k). {_SYMBOLS}",
        made_by="profit_by_tenure",
        source="an identity of means",
    ),
    Figure(
        name="cumulative_profit",
        label="Lifetime profit so far",
        unit="currency",
        better="higher",
        low=None,
        high=None,
        formula=f"Σ_k≤K v^τ(k) ȳ_k(E_k), v = 1 / (1 + discount), τ in years. {_SYMBOLS}",
        made_by="lifetime_profit",
        conventions=("discount", "timing"),
        source=_CENSORED,
    ),
    Figure(
        name="net",
        label="Profit or value less the cost of winning",
        unit="currency",
        better="higher",
        low=None,
        high=None,
        formula="cumulative_profit − acquisition_cost; of a forecast, value − acquisition_cost",
        made_by="lifetime_profit, lifetime_value, cohort_value",
        conventions=("discount", "timing", "acquisition_cost"),
        source=_ZERO,
    ),
    Figure(
        name="break_even_acquired",
        label="Time until a customer won has paid back",
        unit="length",
        better="lower",
        low=0.0,
        high=None,
        formula="the first age at which net ≥ 0, along straight lines between ages",
        made_by="break_even_tenure",
        source=_ZERO,
    ),
    Figure(
        name="break_even_staying",
        label="Time until one who stays has paid back",
        unit="length",
        better="lower",
        low=0.0,
        high=None,
        formula="the first age at which net_staying ≥ 0, along straight lines between ages",
        made_by="break_even_tenure",
        source=_ZERO,
    ),
    Figure(
        name="value_per_customer",
        label="Brought so far per customer won",
        unit="currency",
        better="higher",
        low=None,
        high=None,
        formula="Σ over the customers of the cohort, gone or not, of what each brought so far / n",
        made_by="cohort_value",
        conventions=("of", "cohorts", "washout"),
        source="Gupta and Lehmann (2005), Managing Customers as Investments, chapter 2",
    ),
    Figure(
        name="payback_age",
        label="Age at which winning the customer is paid back",
        unit="periods",
        better="lower",
        low=0.0,
        high=None,
        formula="the first age at which value_per_customer ≥ acquisition_cost",
        made_by="payback_age",
        source="Gupta and Lehmann (2005), Managing Customers as Investments, chapter 2",
    ),
)
