"""Where the files that come with the program lie: in the checkout, or inside the wheel."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def resource_path(*parts: str) -> Path:
    """A file or folder of `resources/`, whether the program runs from a checkout or a wheel.

    Args:
        parts: path below `resources/`, for example `("body", "body_smpl24.npz")`.

    Raises:
        FileNotFoundError: the installation lacks it; the message names the place looked at.
    """
    installed = _PACKAGE / "_resources"
    root = installed if installed.is_dir() else _PACKAGE.parent / "resources"
    path = root.joinpath(*parts)
    if not path.exists():
        raise FileNotFoundError(
            f"{path} is missing: the installation is incomplete, please install avatarpose again"
        )
    return path
