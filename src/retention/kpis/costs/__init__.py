"""What it costs to keep customers and to serve them, and whom one keeps all the same."""
