"""Reasons that compete, as models: who leaves, when, and why."""
