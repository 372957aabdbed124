"""How many customers and what sales the next periods bring."""
