"""Who comes, how often, and who comes again."""
