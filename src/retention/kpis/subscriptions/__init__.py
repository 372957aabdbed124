"""Recurring revenue by plan, trials, failed payments, and whose wish it was to go."""
