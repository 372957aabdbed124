"""A fitted model of reasons, kept and loaded."""
