"""Pictures of the figures that are asked for first."""
