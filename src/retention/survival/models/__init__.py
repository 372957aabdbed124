"""What a lifetime model is, its covariates, its predictions; accelerated failure times."""
