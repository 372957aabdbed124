"""Alarms: from a customer's own rhythm, or from any score under a budget of calls."""
