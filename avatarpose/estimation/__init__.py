"""From 2D keypoints to an initialised scene."""
