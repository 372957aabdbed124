"""The figures of loyalty economics."""
