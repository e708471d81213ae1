"""How alike two pictures are: PSNR and SSIM."""

import numpy as np
from jaxtyping import Bool, Float
from scipy.ndimage import gaussian_filter

_WINDOW_SIGMA_PX = 1.5
_WINDOW_RADIUS_PX = 5  # an 11 x 11 window, as in the paper
_C1, _C2 = 0.01**2, 0.03**2


def psnr_db(
    picture: Float[np.ndarray, "height width channels"],
    reference: Float[np.ndarray, "height width channels"],
    mask: Bool[np.ndarray, "height width"] | None = None,
) -> float:
    """Peak signal-to-noise ratio (dB) of pictures in [0, 1]; infinite when they are equal.

    Args:
        picture: the rendering.
        reference: the photo.
        mask: pixels that count; all when None. NaN when it is empty.
    """
    square = (np.asarray(picture, np.float64) - reference) ** 2
    if mask is not None:
        square = square[mask]
    if square.size == 0:
        return float("nan")
    mean = float(square.mean())
    return float("inf") if mean == 0 else -10.0 * float(np.log10(mean))


def ssim(
    picture: Float[np.ndarray, "height width channels"],
    reference: Float[np.ndarray, "height width channels"],
    mask: Bool[np.ndarray, "height width"] | None = None,
) -> float:
    """Structural similarity of pictures in [0, 1] (Wang et al. 2004, equation 13), channel mean.

    Windows that reach beyond the border are left out, as are pixels outside `mask`.
    """
    a, b = np.asarray(picture, np.float64), np.asarray(reference, np.float64)

    def blur(values: np.ndarray) -> np.ndarray:
        sigma = (_WINDOW_SIGMA_PX, _WINDOW_SIGMA_PX, 0)
        return gaussian_filter(values, sigma, radius=(_WINDOW_RADIUS_PX, _WINDOW_RADIUS_PX, 0))

    mean_a, mean_b = blur(a), blur(b)
    variance_a = blur(a * a) - mean_a**2
    variance_b = blur(b * b) - mean_b**2
    covariance = blur(a * b) - mean_a * mean_b
    above = (2 * mean_a * mean_b + _C1) * (2 * covariance + _C2)
    below = (mean_a**2 + mean_b**2 + _C1) * (variance_a + variance_b + _C2)
    similarity = above / below
    counted = np.zeros(a.shape[:2], bool)
    inner = slice(_WINDOW_RADIUS_PX, -_WINDOW_RADIUS_PX)
    counted[inner, inner] = True
    if mask is not None:
        counted &= mask
    return float(similarity[counted].mean()) if counted.any() else float("nan")
