"""Neural avatars: canonical field, deformer, layered volume rendering."""
