"""Spells as arrays, and how many are at risk, end and are censored."""
