"""What a customer is worth, observed and forecast, and what keeping more of them would bring."""
