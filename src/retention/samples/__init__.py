"""A simulated company with known truth, at any size, from a seed.

Inside, from the ground up: `world` (the numbers that make the world, and its days), `customers`
(who they are), `service` (contacts, and who leaves because of what), `sample_orders`,
`sample_contracts`, `sample_surveys`, `sample_notes`, `branches` (staff and referrals as well),
`money` (costs and wallets), and `company`, the public door.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from retention.faces import lazy_face

if TYPE_CHECKING:
    from retention.samples.company import SampleCompany as SampleCompany
    from retention.samples.company import sample_company as sample_company

_HOMES = {
    "SampleCompany": "company",
    "sample_company": "company",
}

__getattr__, __dir__, __all__ = lazy_face(__name__, _HOMES)
