"""Files, workbooks and databases, read as they are."""
