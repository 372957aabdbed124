"""Reasons counted: by customer, segment, period and tenure."""
