"""What rankings and rules earned on customers who were set apart."""
