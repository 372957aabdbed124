"""The doors for what customers and the firm did: events, invoices, offers, calls."""
