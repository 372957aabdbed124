"""Groups of customers by what they are worth and how they buy, and who moved between them."""
