"""The docks of the window; a view reads the document and never another view."""
