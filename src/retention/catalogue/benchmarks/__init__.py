"""The figures of rates beside rates."""
