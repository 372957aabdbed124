"""The figures, one file a family."""
