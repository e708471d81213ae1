"""Where the user's own things are kept: projects of read-only captures, converted models."""

import hashlib
import os
import sys
from pathlib import Path

from avatarpose.errors import AvatarPoseError
from avatarpose.installation import resource_path

PROJECT_SUFFIX = ".avatarpose"


def user_data_folder() -> Path:
    """The folder for data of this program in the user's home, by the system's custom."""
    home = Path.home()
    if sys.platform == "darwin":
        return home / "Library" / "Application Support" / "avatarpose"
    if sys.platform == "win32":
        return home / "AppData" / "Local" / "avatarpose"
    return _desktop_folder("XDG_DATA_HOME", home / ".local" / "share") / "avatarpose"


def user_cache_folder() -> Path:
    """The folder for what can be made again, such as converted body models."""
    home = Path.home()
    if sys.platform == "darwin":
        return home / "Library" / "Caches" / "avatarpose"
    if sys.platform == "win32":
        return home / "AppData" / "Local" / "avatarpose" / "cache"
    return _desktop_folder("XDG_CACHE_HOME", home / ".cache") / "avatarpose"


def _desktop_folder(variable: str, usual: Path) -> Path:
    """What the desktop's variable names when it is an absolute path, else the usual folder."""
    named = Path(os.environ.get(variable, ""))
    return named if named.is_absolute() else usual


def project_folder_of(capture_folder: Path, projects_folder: Path | None = None) -> Path:
    """Where the project of a capture belongs: beside it, or among the user's data.

    Captures that come with the program, and those in places that cannot be written to, have their
    projects among the user's data.

    Args:
        capture_folder: the capture.
        projects_folder: stands in for the user's data; every project is then made there.
    """
    absolute = capture_folder.resolve()
    if projects_folder is None:
        beside = absolute.with_name(absolute.name + PROJECT_SUFFIX)
        if beside.is_dir() or (_is_writable(absolute.parent) and not _comes_along(absolute)):
            return beside
        projects_folder = user_data_folder() / "projects"
    mark = hashlib.sha256(str(absolute).encode()).hexdigest()[:8]
    return projects_folder / f"{absolute.name}-{mark}{PROJECT_SUFFIX}"


def _is_writable(folder: Path) -> bool:
    """Also False where nobody is meant to write although the system's administrator could."""
    return os.access(folder, os.W_OK) and bool(folder.stat().st_mode & 0o222)


def _comes_along(folder: Path) -> bool:
    try:
        return folder.is_relative_to(resource_path().resolve())
    except AvatarPoseError:
        return False
