"""A simulated experiment of which both outcomes of every customer are known.

Inside, from the ground up: `trial_world` (every number that makes the world), `trial_customers`
(who they are, what an offer would change, who got it, and when they left), `trial_tables` (what is
seen of that), and `experiment`, the public door.
"""
