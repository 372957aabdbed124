"""Hazards by interval and covariates."""
