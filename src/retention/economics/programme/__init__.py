"""What a loyalty programme brought, and how staff who stay go with customers who stay."""
