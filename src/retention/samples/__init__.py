"""Simulated firms with known truth, at any size, from a seed.

Inside, from the ground up: `world` (the numbers that make the company's world, and its days),
`making` (what every world is asked, and how its tables are handed over), `customers` (who they
are), `service` (contacts, and who leaves because of what), `sample_orders`, `sample_contracts`,
`sample_surveys`, `sample_notes`, `branches` (staff and referrals as well), `money` (costs and
wallets), and `company`, a public door. `wholesale` is another: a wholesaler whose customers give
signs before they leave. `trials` is the third: an experiment with an offer to stay.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from retention.faces import lazy_face

if TYPE_CHECKING:
    from retention.samples.company import SampleCompany as SampleCompany
    from retention.samples.company import sample_company as sample_company
    from retention.samples.trials.experiment import SampleExperiment as SampleExperiment
    from retention.samples.trials.experiment import sample_experiment as sample_experiment
    from retention.samples.wholesale.wholesaler import SampleWholesaler as SampleWholesaler
    from retention.samples.wholesale.wholesaler import sample_wholesaler as sample_wholesaler

_HOMES = {
    "SampleCompany": "company",
    "SampleExperiment": "trials.experiment",
    "SampleWholesaler": "wholesale.wholesaler",
    "sample_company": "company",
    "sample_experiment": "trials.experiment",
    "sample_wholesaler": "wholesale.wholesaler",
}

__getattr__, __dir__, __all__ = lazy_face(__name__, _HOMES)
