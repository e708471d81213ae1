"""Problems a user can act on: every error says what is wrong and what to do about it."""


class AvatarPoseError(Exception):
    """Something the user can mend.

    Attributes:
        problem: what is wrong and where, in one sentence.
        remedy: what the user can do about it.
    """

    def __init__(self, problem: str, *, remedy: str = "") -> None:
        super().__init__(f"{problem} {remedy}".strip() if remedy else problem)
        self.problem = problem
        self.remedy = remedy


class FormatError(AvatarPoseError):
    """A file or folder does not hold what its format promises."""


class BodyModelError(AvatarPoseError):
    """A body model is missing, damaged, or of another kind than the scene was made with."""


class SceneError(AvatarPoseError):
    """An edit or a query asks for something the scene does not have."""


class OptimizationError(AvatarPoseError):
    """A refinement cannot start or go on."""
