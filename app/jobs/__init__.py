"""Work that runs beside the window: refinements and error strips."""
