"""Does the rendered colour agree with the picture?"""

import torch
from jaxtyping import Float
from torch import Tensor


def huber(error: Float[Tensor, "*batch"], knee: float = 0.1) -> Float[Tensor, "*batch"]:
    """Quadratic up to `knee`, linear beyond (method, section 4)."""
    size = error.abs()
    return torch.where(size < knee, 0.5 * error * error, knee * (size - 0.5 * knee))


def colour_loss(
    rgb: Float[Tensor, "rays 3"],
    target: Float[Tensor, "rays 3"],
    weight: Float[Tensor, " rays"] | None = None,
    knee: float = 0.1,
) -> Float[Tensor, ""]:
    """Weighted mean Huber distance of colours in [0, 1]."""
    per_ray = huber(rgb - target, knee).mean(-1)
    if weight is None:
        return per_ray.mean()
    return (per_ray * weight).sum() / weight.sum().clamp_min(1.0)


def exposed(
    rgb: Float[Tensor, "rays 3"],
    alpha: Float[Tensor, " rays"],
    gain: Float[Tensor, "cameras 3"],
    offset: Float[Tensor, "cameras 3"],
    camera: Tensor,
) -> Float[Tensor, "rays 3"]:
    """The people's colours as each camera would record them: one gain and offset per channel.

    Args:
        rgb: colour premultiplied by opacity, without background.
        alpha: opacity.
        gain: exposure and white balance per camera, as log factors.
        offset: black level per camera.
        camera: camera index of each ray.
    """
    return rgb * gain[camera].exp() + alpha[:, None] * offset[camera]
