"""The figures of programmes, and of staff and customers."""

from __future__ import annotations

from retention.catalogue.record import Figure

_GAIN = (
    "Neslin and others (2006), Journal of Marketing Research 43, 204–211: incremental gain; value "
    "of the saved: Fader and Hardie (2010), Marketing Science 29, 85–93"
)
_OFFERED = "N: customers offered; Δ: effect on each; V: value of a saved one; C: spend"
_CHAIN = (
    "Reichheld (1996), The Loyalty Effect, ch. 4; Loveman (1998), Journal of Service Research 1"
)
_UNITS = "over units weighted by their customers w; S_ab = Σ w (a − ā)(b − b̄)"


PROGRAMME_FIGURES: tuple[Figure, ...] = (
    Figure(
        name="n_saved",
        label="Customers saved",
        unit="customers",
        better="higher",
        low=None,
        high=None,
        formula=f"N Δ. {_OFFERED}",
        made_by="programme_value",
        source=_GAIN,
        conventions=("value_saved",),
    ),
    Figure(
        name="profit_saved",
        label="Profit saved",
        unit="currency",
        better="higher",
        low=None,
        high=None,
        formula=f"N Δ V. {_OFFERED}",
        made_by="programme_value",
        source=_GAIN,
        conventions=("value_saved",),
    ),
    Figure(
        name="net_gain",
        label="Net gain of a programme",
        unit="currency",
        better="higher",
        low=None,
        high=None,
        formula=f"N Δ V − C. {_OFFERED}",
        made_by="programme_value",
        source=_GAIN,
        conventions=("value_saved",),
    ),
    Figure(
        name="cost_per_saved",
        label="Cost of a saved customer",
        unit="currency",
        better="lower",
        low=0.0,
        high=None,
        formula=f"C / (N Δ), null where Δ is not above 0. {_OFFERED}",
        made_by="programme_value",
        source=_GAIN,
    ),
    Figure(
        name="break_even_effect",
        label="Effect at which a programme pays",
        unit="for each customer offered",
        better="lower",
        low=0.0,
        high=None,
        formula=f"C / (N V). {_OFFERED}",
        made_by="programme_value",
        source=_GAIN,
        conventions=("value_saved",),
    ),
    Figure(
        name="staff_retention",
        label="Retention of staff",
        unit="share of 1",
        better="higher",
        low=0.0,
        high=1.0,
        formula="|R| / |B|. B: employees of a period; R: those of B still there lag periods later",
        made_by="staff_and_customers",
        source=_CHAIN,
        conventions=("lag", "lost_to"),
    ),
    Figure(
        name="customer_retention",
        label="Retention of the customers of a unit",
        unit="share of 1",
        better="higher",
        low=0.0,
        high=1.0,
        formula="|R| / |B|. B: customers of a period; R: those of B still there lag periods later",
        made_by="staff_and_customers",
        source=_CHAIN,
        conventions=("lag", "lost_to"),
    ),
    Figure(
        name="slope",
        label="Slope of y for 0.1 of x",
        unit="of y for 0.1 of x",
        better="neither",
        low=None,
        high=None,
        formula=f"0.1 · S_xy / S_xx, {_UNITS}",
        made_by="loyalty_link",
        source=_CHAIN,
        conventions=("x", "y", "by"),
    ),
)
