"""What a shop and what a subscription business looks at, each table worked out once per report."""
