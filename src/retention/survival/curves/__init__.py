"""Curves of staying and leaving, compared and summed up."""
