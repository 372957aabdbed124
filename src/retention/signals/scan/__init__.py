"""Which conditions differ in churn, with the number of looks counted."""
