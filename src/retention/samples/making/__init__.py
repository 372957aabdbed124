"""What every sample world is asked, and how its tables are handed over."""
