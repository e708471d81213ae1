"""The canonical appearance of one person: point -> colour and density.

The density is anchored to the body: a logistic ramp of the signed distance to the skin, which the
network shifts outwards or inwards (clothes, hair). Everywhere inside the band there is a gradient,
and an untrained field already is a person. (The released method learns a free ReLU density instead,
which is zero without gradient wherever it starts negative.)
"""

from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor, nn

from avatarpose.avatar.encoding import make_encoding
from avatarpose.avatar.hashgrid import HashGridShape


@dataclass(frozen=True, slots=True)
class FieldShape:
    """Size of a field.

    Attributes:
        grid: hash grid.
        width: neurons of the hidden layers (the released method: 64).
        geometry_features: numbers handed from the density to the colour network.
        density_peak: density well inside the surface (1/m).
        ramp_m: width of the density ramp.
        offset_m: distance of the untrained surface from the skin.
    """

    grid: HashGridShape = field(default_factory=HashGridShape)
    width: int = 32
    geometry_features: int = 15
    density_peak: float = 250.0
    ramp_m: float = 0.006
    offset_m: float = 0.008


class AvatarField(nn.Module):
    """Hash grid, density network, colour network."""

    def __init__(self, shape: FieldShape, generator: torch.Generator, device: torch.device) -> None:
        super().__init__()
        self.shape = shape
        self.encoding = make_encoding(shape.grid, generator, device)
        self.trunk = nn.Sequential(
            nn.Linear(shape.grid.width, shape.width),
            nn.ReLU(),
            nn.Linear(shape.width, 1 + shape.geometry_features),
        )
        self.colour = nn.Sequential(
            nn.Linear(shape.geometry_features, shape.width),
            nn.ReLU(),
            nn.Linear(shape.width, 3),
        )
        for layer in [*self.trunk, *self.colour]:
            if isinstance(layer, nn.Linear):
                bound = (6.0 / (layer.in_features + layer.out_features)) ** 0.5
                with torch.no_grad():
                    layer.weight.copy_(
                        (torch.rand(layer.weight.shape, generator=generator) * 2 - 1) * bound
                    )
                    layer.bias.zero_()
        self.to(device)

    def forward(
        self,
        unit_points: Float[Tensor, "points 3"],
        skin_distance: Float[Tensor, " points"],
        level_factor: Float[Tensor, " width"] | None = None,
    ) -> tuple[Float[Tensor, "points 3"], Float[Tensor, " points"]]:
        """Colour in [0, 1] and density (1/m).

        Args:
            unit_points: canonical points scaled to [0, 1]^3.
            skin_distance: signed distance to the canonical skin (m), positive outside.
            level_factor: factor per encoded feature, for coarse-to-fine.
        """
        features = self.encoding(unit_points)
        if level_factor is not None:
            features = features * level_factor
        hidden = self.trunk(features)
        shape = self.shape
        level = hidden[:, 0] + (shape.offset_m - skin_distance) / shape.ramp_m
        density = shape.density_peak * torch.sigmoid(level)
        colour = torch.sigmoid(self.colour(hidden[:, 1:]))
        return colour, density
