"""Proportional hazards: partial likelihood, baseline, diagnosis."""
