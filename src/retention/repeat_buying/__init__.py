"""Who is still a customer when nobody says goodbye: repeat buying and renewal models."""
