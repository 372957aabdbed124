"""Whatever the user has, as checked tables, or one clear refusal."""
