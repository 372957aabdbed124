"""What alarms are worth: precision, recall, leads, false alarms, beside chance."""
