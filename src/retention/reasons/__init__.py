"""Why customers leave, in Keaveney's categories."""
