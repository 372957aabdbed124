"""Who was a customer in which period, from orders and from contracts, and what became of them."""
