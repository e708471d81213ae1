"""Synthetic captures with known truth."""
