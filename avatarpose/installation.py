"""Where the files that come with the program lie: in the checkout, or inside the wheel."""

from pathlib import Path

from avatarpose.errors import AvatarPoseError

_PACKAGE = Path(__file__).resolve().parent


def resource_path(*parts: str) -> Path:
    """A file or folder of `resources/`, whether the program runs from a checkout or a wheel.

    Args:
        parts: names below `resources/`, for example `"body", "body_smpl24.npz"`; without any,
            the folder itself.

    Raises:
        AvatarPoseError: the installation lacks it.
    """
    in_wheel = _PACKAGE / "_resources"
    root = in_wheel if in_wheel.is_dir() else _PACKAGE.parent / "resources"
    path = root.joinpath(*parts)
    if not path.exists():
        raise AvatarPoseError(
            f"The installation is incomplete: {path} is missing.",
            remedy="Install avatarpose again; a checkout needs its whole resources folder.",
        )
    return path
