"""Profit by year of tenure, cumulated, and when it has paid for winning the customer."""
