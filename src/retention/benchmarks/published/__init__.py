"""Rates that others have published, and ours beside them."""
