"""The sections of a report, each a function from the material to one finding and its evidence."""
