"""Phrases that tell a reason, and where they stand in a text."""
