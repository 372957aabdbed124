"""One door a table: columns named and typed, rows checked, or a refusal."""
