"""The figures of uplift."""

from __future__ import annotations

from retention.catalogue.record import Figure

_EACH = "as the outcome, for each customer"
_RADCLIFFE = "Radcliffe (2007), Direct Marketing Analytics Journal 1, 14–21"
_LIST = "the list of all whose score is as high, a share q of all customers"

RESPONSE_FIGURES: tuple[Figure, ...] = (
    Figure(
        name="list_gain",
        label="Gain of making the offer to the list",
        unit=_EACH,
        better="higher",
        low=None,
        high=None,
        formula=f"q · effect, in {_LIST}",
        made_by="uplift_curve",
        source=_RADCLIFFE,
        conventions=("outcome", "time"),
    ),
    Figure(
        name="random_gain",
        label="The same of a list by lot",
        unit=_EACH,
        better="neither",
        low=None,
        high=None,
        formula="q · effect on all customers",
        made_by="uplift_curve",
        source=_RADCLIFFE,
        conventions=("outcome", "time"),
    ),
    Figure(
        name="qini",
        label="Incremental outcomes for each treated",
        unit="as the outcome, for each treated",
        better="higher",
        low=None,
        high=None,
        formula=(
            "(Y_t − Y_c n_t / n_c) / N_t. Y, n: sum of outcomes and customers of an arm in the "
            "list; N_t: all treated"
        ),
        made_by="uplift_curve",
        source=_RADCLIFFE,
        conventions=("outcome", "time"),
    ),
    Figure(
        name="targeting_gain",
        label="Gain by the score over lots",
        unit=_EACH,
        better="higher",
        low=None,
        high=None,
        formula=(
            "area: ∫ gain(q) − q gain(1) dq; autoc: ∫ gain(q) / q − gain(1) dq; top_share: "
            "gain(q) − q gain(1) at q = top. gain: of making the offer to the share q with the "
            "highest scores"
        ),
        made_by="targeting_gain",
        source="Yadlowsky and others (2025), J. American Statistical Association 120, 38–51",
        conventions=("measure", "top", "outcome", "time"),
    ),
)
