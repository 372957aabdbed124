"""The figures of early warning."""
