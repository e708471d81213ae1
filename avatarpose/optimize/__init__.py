"""The method: alternating optimisation of avatars and poses."""
