"""A simulated company with known truth, at any size, from a seed.

Inside, from the ground up: `world` (the numbers that make the world, and its days), `customers`
(who they are), `service` (contacts, and who leaves because of what), `orders`, `contracts`,
`surveys`, `money` (costs and wallets) and `notes`, `tables` (arrays → the user's engine), and
`company`, the public door.
"""

from retention.samples.company import SampleCompany, sample_company

__all__ = ["SampleCompany", "sample_company"]
