"""Targeting: whom to make an offer, by what it brings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retention.faces import lazy_face

if TYPE_CHECKING:
    from retention.targeting.holdouts.expected_maximum_profit import (
        expected_maximum_profit as expected_maximum_profit,
    )
    from retention.targeting.holdouts.maximum_profit import maximum_profit as maximum_profit
    from retention.targeting.holdouts.profit_curve import profit_curve as profit_curve
    from retention.targeting.holdouts.rule_profit import rule_profit as rule_profit
    from retention.targeting.offers.due_for_renewal import due_for_renewal as due_for_renewal
    from retention.targeting.offers.offer import Offer as Offer
    from retention.targeting.offers.offer_list import offer_list as offer_list
    from retention.targeting.offers.offer_profit import offer_profit as offer_profit

_HOMES: dict[str, str] = {
    "Offer": "offers.offer",
    "due_for_renewal": "offers.due_for_renewal",
    "expected_maximum_profit": "holdouts.expected_maximum_profit",
    "maximum_profit": "holdouts.maximum_profit",
    "offer_list": "offers.offer_list",
    "offer_profit": "offers.offer_profit",
    "profit_curve": "holdouts.profit_curve",
    "rule_profit": "holdouts.rule_profit",
}

__getattr__, __dir__, __all__ = lazy_face(__name__, _HOMES)
