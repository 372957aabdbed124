"""Accelerated failure time: lifetimes with a formula."""
