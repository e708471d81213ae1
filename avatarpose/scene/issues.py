"""What a reader or a check found wrong, in words a user can act on."""

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How much an issue matters."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Issue:
    """One finding.

    Attributes:
        severity: an error stops the step that needs the thing; a warning does not.
        message: what is wrong, in one sentence.
        remedy: what to do about it.
        file: the file or folder, relative where possible.
        frame: frame number.
        camera: camera name.
        pid: person.
    """

    severity: Severity
    message: str
    remedy: str = ""
    file: str = ""
    frame: int | None = None
    camera: str = ""
    pid: int | None = None
