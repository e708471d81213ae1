"""From radiance to the picture a camera delivers: exposure, colour cast, blur, noise, gamma."""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float, UInt8


@dataclass(frozen=True, slots=True, eq=False)
class Sensor:
    """How one camera differs from the next.

    Attributes:
        gain: exposure times white balance, per channel.
        fall_off: darkening at the corners, in [0, 1].
        blur_px: standard deviation of the lens blur in pixels.
        shot_noise: standard deviation at full white that grows with the root of the signal.
        read_noise: standard deviation in the dark.
    """

    gain: Float[np.ndarray, "3"]
    fall_off: float
    blur_px: float
    shot_noise: float
    read_noise: float

    def expose(
        self, radiance: Float[np.ndarray, "height width 3"], rng: np.random.Generator
    ) -> UInt8[np.ndarray, "height width 3"]:
        """The sRGB picture of a linear RGB radiance in which 1 is white."""
        height, width = radiance.shape[:2]
        signal = cv2.GaussianBlur(radiance, (0, 0), self.blur_px)
        y, x = np.ogrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
        fall = (1 - self.fall_off * (x * x + y * y) / 2).astype(np.float32)
        signal = signal * fall[..., None] * self.gain.astype(np.float32)
        grain = rng.standard_normal(signal.shape, np.float32)
        spread = np.sqrt(self.shot_noise**2 * np.maximum(signal, 0) + self.read_noise**2)
        signal = signal + grain * spread.astype(np.float32)
        return np.round(255 * _srgb(signal)).astype(np.uint8)


def draw_sensor(rng: np.random.Generator) -> Sensor:
    """A camera of the usual kind: up to 12 % off in exposure, up to 5 % in colour."""
    gain = 1.12 * rng.uniform(0.88, 1.12) * rng.uniform(0.95, 1.05, 3)
    return Sensor(
        gain=gain,
        fall_off=float(rng.uniform(0.08, 0.22)),
        blur_px=float(rng.uniform(0.35, 0.60)),
        shot_noise=float(rng.uniform(0.010, 0.018)),
        read_noise=float(rng.uniform(0.003, 0.006)),
    )


def _srgb(linear: np.ndarray) -> np.ndarray:
    """The sRGB transfer curve (IEC 61966-2-1), with highlights rolled off instead of clipped."""
    soft = np.where(linear > 0.8, 0.8 + 0.2 * np.tanh((linear - 0.8) / 0.2), linear)
    soft = np.clip(soft, 0.0, 1.0)
    return np.where(soft <= 0.0031308, 12.92 * soft, 1.055 * soft ** (1 / 2.4) - 0.055)
