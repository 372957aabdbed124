"""Pictures of early warning: who leaves unusually often, how early it was known, at what cost."""
