"""A simulated wholesaler whose customers give signs before they leave.

Inside, from the ground up: `wholesale_world` (every number that makes the world), `shops` (who the
customers are), `shop_lives` (when trouble begins and ends, and who leaves), `shop_signs` (what can
be seen of it, and what looks the same and means nothing), `shop_orders`, `shop_invoices`,
`shop_events` (offers and calls as well), `shop_service` (contacts and surveys), `shop_truth`, and
`wholesaler`, the public door.
"""
