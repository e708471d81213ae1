"""Start of the desktop program: `avatarpose-gui [SCENE] [--sample]`."""

import argparse
import ctypes
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QApplication

from app.main_window import MainWindow, user_settings
from app.theme import apply_theme

_M_MMAP_MAX, _M_TRIM_THRESHOLD = -4, -1


def main(arguments: Sequence[str] | None = None) -> int:
    """Show the window; returns the exit code."""
    parser = argparse.ArgumentParser(prog="avatarpose-gui", description="The avatarpose window.")
    parser.add_argument("scene", nargs="?", type=Path, help="project or capture folder to open")
    parser.add_argument("--sample", action="store_true", help="open the sample that comes along")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    _keep_freed_memory()
    # What lies on the graphics card outlives the floating and docking of the 3D viewport.
    QApplication.setAttribute(Qt.ApplicationAttribute.AA_ShareOpenGLContexts)
    application = QApplication(sys.argv[:1])
    application.setApplicationName("avatarpose")
    application.setApplicationDisplayName("")
    settings = user_settings()
    apply_theme(application, settings.values.theme)
    window = MainWindow(settings)
    geometry = settings.kept_layout("geometry")
    if geometry is not None:
        window.restoreGeometry(geometry)
    window.show()
    if options.sample:
        QTimer.singleShot(0, window.open_sample)
    elif options.scene is not None:
        QTimer.singleShot(0, lambda: window.open_path(options.scene))
    return application.exec()


def _keep_freed_memory() -> None:
    """Large arrays are reused instead of being mapped anew each time (glibc only)."""
    if sys.platform != "linux":
        return
    try:
        libc = ctypes.CDLL("libc.so.6")
        libc.mallopt(_M_MMAP_MAX, 0)
        libc.mallopt(_M_TRIM_THRESHOLD, 2**31 - 1)
    except (OSError, AttributeError):  # another C library: nothing to tune
        return


if __name__ == "__main__":
    sys.exit(main())
