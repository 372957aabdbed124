"""The figures that are asked for first."""
