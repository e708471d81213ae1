"""One person's neural avatar: the canonical field and the body it is anchored to."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from avatarpose.avatar.deformer import CanonicalBody, canonical_body, skin_distance
from avatarpose.avatar.field import AvatarField, FieldShape
from avatarpose.avatar.hashgrid import HashGridShape
from avatarpose.body.smpl_torch import TorchSmpl
from avatarpose.errors import FormatError

_MARGIN_M = 0.12
_VERSION = 1
_LARGEST, _LARGEST_LOG2 = 4096, 24


@dataclass(eq=False)
class Avatar:
    """A trainable person.

    Attributes:
        pid: whose avatar it is.
        betas: the shape it was learned on; fixed while the avatar lives.
        field: canonical colour and density.
        canonical: the body of `betas` in canonical pose.
        centre: centre of the field's box in canonical space (m).
        side_m: edge of the cubic box.
    """

    pid: int
    betas: Float[Tensor, "10"]
    field: AvatarField
    canonical: CanonicalBody
    centre: Float[Tensor, "3"]
    side_m: float

    def query(
        self,
        points_canonical: Float[Tensor, "points 3"],
        corners: Int[Tensor, "points 3"],
        barycentric: Float[Tensor, "points 3"],
        level_factor: Float[Tensor, " width"] | None = None,
        canonical: CanonicalBody | None = None,
    ) -> tuple[Float[Tensor, "points 3"], Float[Tensor, " points"]]:
        """Colour and density (1/m) at canonical points.

        Args:
            points_canonical: where (m).
            corners: vertices of each point's closest triangle.
            barycentric: weights of the corners.
            level_factor: factor per encoded feature, for coarse-to-fine.
            canonical: another canonical body, when the shape is being optimised.
        """
        distance = skin_distance(
            points_canonical, canonical or self.canonical, corners, barycentric
        )
        unit = (points_canonical - self.centre) / self.side_m + 0.5
        return self.field(unit, distance, level_factor)

    def state(self) -> dict[str, Any]:
        """Everything needed to build it again; tensors and plain values only."""
        return {
            "version": _VERSION,
            "pid": self.pid,
            "betas": self.betas.cpu(),
            "centre": self.centre.cpu(),
            "side_m": self.side_m,
            "shape": asdict(self.field.shape),
            "field": {name: value.cpu() for name, value in self.field.state_dict().items()},
        }


def new_avatar(
    pid: int,
    betas: Float[Tensor, "10"],
    smpl: TorchSmpl,
    shape: FieldShape,
    generator: torch.Generator,
) -> Avatar:
    """An untrained avatar: the body itself, a little inflated, in even grey."""
    device = betas.device
    canonical = canonical_body(smpl, betas.detach())
    low, high = canonical.vertices.amin(0) - _MARGIN_M, canonical.vertices.amax(0) + _MARGIN_M
    return Avatar(
        pid=pid,
        betas=betas.detach().clone(),
        field=AvatarField(shape, generator, device).to(betas.dtype),
        canonical=canonical,
        centre=(low + high) / 2,
        side_m=float((high - low).max()),
    )


def restore_avatar(state: Mapping[str, Any], smpl: TorchSmpl, device: torch.device) -> Avatar:
    """The avatar of a saved state.

    Raises:
        FormatError: the state is of another version or kind.
    """
    version = state.get("version")
    if version != _VERSION:
        raise FormatError(
            f"The avatar was saved in version {version!r}, not {_VERSION}.",
            remedy="Learn the avatar again with this version of the program.",
        )
    try:
        return _rebuilt(state, smpl, device)
    except (KeyError, TypeError, ValueError, AttributeError, RuntimeError) as error:
        raise FormatError(
            f"The saved avatar is damaged ({type(error).__name__}).",
            remedy="Learn the avatar again.",
        ) from error


def _rebuilt(state: Mapping[str, Any], smpl: TorchSmpl, device: torch.device) -> Avatar:
    sizes = dict(state["shape"])
    shape = FieldShape(**{**sizes, "grid": HashGridShape(**sizes["grid"])})
    field: dict[str, Tensor] = dict(state["field"])
    # Stated sizes are held against the tensors that really are there before any memory is taken.
    grid, trunk = shape.grid, field["trunk.0.weight"]
    numbers = (
        grid.level_count,
        grid.log2_entries,
        grid.features,
        shape.width,
        sizes["geometry_features"],
    )
    if not all(isinstance(number, int) and 0 < number < _LARGEST for number in numbers):
        raise ValueError("sizes")
    if tuple(trunk.shape) != (shape.width, grid.width) or grid.log2_entries > _LARGEST_LOG2:
        raise ValueError("shape")
    betas, centre = state["betas"], state["centre"]
    if tuple(betas.shape) != (10,) or tuple(centre.shape) != (3,):
        raise ValueError("betas")
    kind = smpl.v_template.dtype
    betas = betas.to(device=device, dtype=kind)
    avatar = new_avatar(int(state["pid"]), betas, smpl, shape, torch.Generator())
    avatar.field.load_state_dict(field)
    avatar.centre = centre.to(device=device, dtype=kind)
    avatar.side_m = float(state["side_m"])
    everything = [avatar.betas, avatar.centre, *avatar.field.parameters()]
    if not (avatar.side_m > 0 and all(bool(torch.isfinite(values).all()) for values in everything)):
        raise ValueError("numbers")
    return avatar


def save_avatar(avatar: Avatar, path: Path) -> None:
    """Write the avatar as a torch file that loads without unpickling objects.

    Raises:
        FormatError: the file cannot be written.
    """
    temporary = path.with_name(path.name + ".part")
    try:
        torch.save(avatar.state(), temporary)
        temporary.replace(path)
    except (OSError, RuntimeError) as error:  # torch turns some of the system's into its own
        raise FormatError(
            f"The avatar {path.name} cannot be written to {path.parent}.",
            remedy="Check that the folder exists, may be written to and has space left.",
        ) from error


def load_avatar(path: Path, smpl: TorchSmpl, device: torch.device) -> Avatar:
    """Read an avatar; only tensors and plain values are accepted.

    Raises:
        FormatError: it is damaged, hostile, or of another version.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds for damaged or hostile files
        raise FormatError(
            f"{path.name} is not a readable avatar ({type(error).__name__}).",
            remedy="Learn the avatar again.",
        ) from error
    if not isinstance(state, dict):
        raise FormatError(f"{path.name} holds no avatar.", remedy="Learn the avatar again.")
    return restore_avatar(state, smpl, device)
