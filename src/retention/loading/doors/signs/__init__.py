"""The doors of what warns: events, invoices, offers made, calls."""
