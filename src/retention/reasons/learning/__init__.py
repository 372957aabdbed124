"""A model of reasons fitted to labelled notes, and how well it does out of fold."""
