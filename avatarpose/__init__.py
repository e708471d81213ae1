"""Avatar-guided 3D pose estimation of close human interaction from a few calibrated cameras."""

__version__ = "0.1.0"
