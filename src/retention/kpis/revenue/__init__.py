"""Revenue kept and lost, from period to period."""
