"""What a lifetime model is, its covariates, its predictions."""
