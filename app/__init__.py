"""The desktop program (Qt); never imports torch."""
