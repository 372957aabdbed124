"""Pictures of what customers are worth."""
