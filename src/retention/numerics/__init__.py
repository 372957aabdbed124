"""Mathematics that knows no customer: optimisation, step functions, labels as numbers."""
