"""What the numbers of the wholesaler's world foretell, worked out without drawing anything.

A customer is well (0) or in trouble (1) and leaves from either; all hazards are constant, so the
chances of being in either state after t days are those of a Markov chain, `exp(A t)`.
"""

from __future__ import annotations

from math import erfc, sqrt

import numpy as np

from retention.samples.wholesale import wholesale_world as world

YEAR = 365.25
OUT_OF_TROUBLE = world.LEAVING_TROUBLED_A_YEAR + world.RECOVERY_A_YEAR
CHAIN = (
    np.array(
        [
            [-world.LEAVING_WELL_A_YEAR - world.TROUBLE_A_YEAR, world.TROUBLE_A_YEAR],
            [world.RECOVERY_A_YEAR, -OUT_OF_TROUBLE],
        ]
    )
    / YEAR
)
"""Hazards a day between the two states; what a row lacks to 0 leaves."""
ROOTS, _MODES = np.linalg.eig(CHAIN)
_BACK = np.linalg.inv(_MODES)
SETTLED = _BACK[np.argmax(ROOTS)] / _BACK[np.argmax(ROOTS)].sum()
"""Shares well and in trouble of those still here, a year after they came and later."""


def states_after(days):
    """Chances of being well or in trouble after so many days (last two axes: from, to)."""
    return np.einsum("ij,...j,jk->...ik", _MODES, np.exp(np.multiply.outer(days, ROOTS)), _BACK)


def chance_of_leaving(days):
    """Within so many days, of one who is well and of one who is in trouble."""
    return 1 - states_after(days).sum(axis=-1)


def true_signs_a_year(sign):
    """How many signs of trouble come to those still here: trouble began a delay ago and lasts."""
    delay = world.SIGN_DELAY[sign] / YEAR
    decline = -ROOTS.max() * YEAR
    since = np.exp((decline - OUT_OF_TROUBLE) * delay)
    return SETTLED[0] * world.TROUBLE_A_YEAR * world.SIGN_CHANCE[sign] * since


def troubled_share(sign):
    """Of those in whom a sign begins, harmless ones too, how many are in trouble."""
    true, harmless = true_signs_a_year(sign), world.HARMLESS_A_YEAR[sign]
    return (true + harmless * SETTLED[1]) / (true + harmless)


def precision_of(troubled, days):
    """Chance of leaving within so many days where so great a share is in trouble."""
    well, ill = chance_of_leaving(days)
    return troubled * ill + (1 - troubled) * well


def share_with_sign(sign):
    """Of those who leave in trouble, how many gave the sign: trouble lasted beyond its delay."""
    return world.SIGN_CHANCE[sign] * np.exp(-OUT_OF_TROUBLE * world.SIGN_DELAY[sign] / YEAR)


def share_left_in_trouble():
    """Of all who ever leave: from well, trouble comes before leaving, and then again …"""
    out = world.LEAVING_WELL_A_YEAR + world.TROUBLE_A_YEAR
    falls, stays = world.TROUBLE_A_YEAR / out, world.RECOVERY_A_YEAR / OUT_OF_TROUBLE
    return falls * (1 - stays) / (1 - falls * stays)


def share_without_sign():
    """Of those who leave in trouble: what chance spared them of the signs that were due."""
    steps = sorted((delay, sign) for sign, delay in world.SIGN_DELAY.items())
    ends = [delay for delay, _ in steps[1:]] + [np.inf]
    spared, total = 1.0, 0.0
    for (begin, sign), end in zip(steps, ends, strict=True):
        spared *= 1 - world.SIGN_CHANCE[sign]
        lasted = [np.exp(-OUT_OF_TROUBLE * day / YEAR) for day in (begin, end)]
        total += spared * (lasted[0] - lasted[1])
    return total + 1 - np.exp(-OUT_OF_TROUBLE * steps[0][0] / YEAR)


def precision_after(sign, lags, days, *, also=0.0):
    """Chance of leaving within so many days of an alarm that rings so many days after the sign.

    Who has left before it rings is not counted, who has recovered is; `lags` are equally likely.
    `also` are further alarms a year that mean nothing.
    """
    true, harmless = true_signs_a_year(sign), world.HARMLESS_A_YEAR[sign] + also
    begins = np.array([0.0, true]) + harmless * SETTLED
    here = begins @ states_after(np.asarray(lags, dtype=float))
    return float((here @ chance_of_leaving(days)).sum() / here.sum())


def late_answers_a_year():
    """Contacts of anybody that are answered late by chance: hours are lognormal."""
    median, spread = world.ANSWER_HOURS
    z = np.log(world.ANSWERED_AFTER_HOURS / median) / spread
    return world.CONTACTS_WELL_A_YEAR * erfc(z / sqrt(2)) / 2
