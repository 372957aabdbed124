"""Who responded: curves of uplift."""
