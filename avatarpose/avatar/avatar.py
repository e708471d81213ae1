"""One person's neural avatar: the canonical field and the body it is anchored to."""

from dataclasses import asdict, dataclass
from pathlib import Path

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
        level_factor: Float[Tensor, "width"] | None = None,
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

    def state(self) -> dict[str, object]:
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


def restore_avatar(state: dict[str, object], smpl: TorchSmpl, device: torch.device) -> Avatar:
    """The avatar of a saved state.

    Raises:
        FormatError: the state is of another version or kind.
    """
    if state.get("version") != _VERSION:
        raise FormatError(
            f"The avatar was saved in version {state.get('version')!r}, not {_VERSION}.",
            remedy="Learn the avatar again with this version of the program.",
        )
    sizes = dict(state["shape"])  # pyright: ignore[reportCallIssue, reportArgumentType]
    shape = FieldShape(**{**sizes, "grid": HashGridShape(**sizes["grid"])})
    betas: Tensor = state["betas"].to(device)  # pyright: ignore[reportAttributeAccessIssue]
    avatar = new_avatar(int(state["pid"]), betas, smpl, shape, torch.Generator())  # pyright: ignore[reportArgumentType]
    avatar.field.load_state_dict(state["field"])  # pyright: ignore[reportArgumentType]
    avatar.centre = state["centre"].to(device)  # pyright: ignore[reportAttributeAccessIssue]
    avatar.side_m = float(state["side_m"])  # pyright: ignore[reportArgumentType]
    return avatar


def save_avatar(avatar: Avatar, path: Path) -> None:
    """Write the avatar as a torch file that loads without unpickling objects."""
    temporary = path.with_name(path.name + ".part")
    torch.save(avatar.state(), temporary)
    temporary.replace(path)


def load_avatar(path: Path, smpl: TorchSmpl, device: torch.device) -> Avatar:
    """Read an avatar; only tensors and plain values are accepted."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds for damaged or hostile files
        raise FormatError(
            f"{path.name} is not a readable avatar ({type(error).__name__}).",
            remedy="Learn the avatar again.",
        ) from error
    return restore_avatar(state, smpl, device)
