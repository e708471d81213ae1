"""The colours of the 3D viewport in the dark and in the light theme."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Look:
    """Colours of the dark or the light theme, RGB in 0 to 1."""

    background: tuple[float, float, float]
    shadow: tuple[float, float, float]
    grid: tuple[float, float, float]
    ink: tuple[float, float, float]
    halo: tuple[float, float, float]
    accent: tuple[float, float, float]
    rim: float


DARK = Look(
    background=(0.118, 0.125, 0.141),
    shadow=(0.085, 0.090, 0.102),
    grid=(0.42, 0.45, 0.50),
    ink=(0.78, 0.81, 0.85),
    halo=(0.05, 0.055, 0.065),
    accent=(0.45, 0.67, 1.0),
    rim=0.30,
)
LIGHT = Look(
    background=(0.905, 0.915, 0.93),
    shadow=(0.83, 0.842, 0.86),
    grid=(0.55, 0.58, 0.63),
    ink=(0.22, 0.25, 0.30),
    halo=(0.98, 0.98, 0.99),
    accent=(0.10, 0.36, 0.80),
    rim=0.05,
)
