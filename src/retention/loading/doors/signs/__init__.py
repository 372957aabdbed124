"""The doors of what warns, and of what was tried: events, invoices, offers, calls, arms."""
