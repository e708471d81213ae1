import numpy as np
import pytest

from avatarpose.evaluate.image_metrics import psnr_db, ssim


@pytest.fixture
def picture() -> np.ndarray:
    return np.random.default_rng(0).uniform(0.0, 1.0, (40, 50, 3))


def test_an_error_of_a_tenth_everywhere_is_20_db(picture):
    assert psnr_db(0.8 * picture + 0.1, 0.8 * picture) == pytest.approx(20.0)


def test_equal_pictures_are_as_alike_as_can_be(picture):
    assert psnr_db(picture, picture) == np.inf
    assert ssim(picture, picture) == pytest.approx(1.0)


def test_only_pixels_in_the_mask_count(picture):
    spoiled = picture.copy()
    spoiled[:, 25:] = 1 - spoiled[:, 25:]
    mask = np.zeros((40, 50), bool)
    mask[:, :15] = True
    assert psnr_db(spoiled, picture, mask) == np.inf
    assert ssim(spoiled, picture, mask) == pytest.approx(1.0)
    assert ssim(spoiled, picture) < 0.8


def test_an_empty_mask_gives_no_number(picture):
    nothing = np.zeros((40, 50), bool)
    assert np.isnan(psnr_db(picture, picture, nothing))
    assert np.isnan(ssim(picture, picture, nothing))


def test_flat_pictures_differ_by_the_luminance_term_alone():
    a, b = np.full((30, 30, 3), 0.4), np.full((30, 30, 3), 0.6)
    expected = (2 * 0.4 * 0.6 + 1e-4) / (0.4**2 + 0.6**2 + 1e-4)
    assert ssim(a, b) == pytest.approx(expected)


def test_ssim_falls_with_noise_and_is_symmetric(picture):
    smooth = np.broadcast_to(np.linspace(0, 1, 50)[None, :, None], (40, 50, 3))
    values = [ssim(smooth + amount * (picture - 0.5), smooth) for amount in (0.0, 0.1, 0.3)]
    assert values == sorted(values, reverse=True)
    noisy = smooth + 0.1 * picture
    assert ssim(noisy, smooth) == pytest.approx(ssim(smooth, noisy))


def test_ssim_is_the_formula_of_the_paper_at_one_window(picture):
    other = np.clip(picture + np.random.default_rng(1).normal(0, 0.1, picture.shape), 0, 1)
    offsets = np.arange(-5, 6)
    window = np.exp(-(offsets[:, None] ** 2 + offsets**2) / (2 * 1.5**2))
    window /= window.sum()
    a, b = picture[10:21, 10:21, 0], other[10:21, 10:21, 0]
    mean_a, mean_b = (window * a).sum(), (window * b).sum()
    var_a = (window * (a - mean_a) ** 2).sum()
    var_b = (window * (b - mean_b) ** 2).sum()
    cov = (window * (a - mean_a) * (b - mean_b)).sum()
    expected = (2 * mean_a * mean_b + 1e-4) * (2 * cov + 9e-4)
    expected /= (mean_a**2 + mean_b**2 + 1e-4) * (var_a + var_b + 9e-4)
    mask = np.zeros((40, 50), bool)
    mask[15, 15] = True
    assert ssim(picture[..., :1], other[..., :1], mask) == pytest.approx(expected)
