"""Cohorts by age, and the states of a customer's life."""
