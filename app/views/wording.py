"""Words shared by the docks, so that a thing has one name everywhere."""


def layer_title(name: str) -> str:
    """A layer's name as shown to people: "run:3" is Run 3."""
    if name.startswith("run:"):
        return f"Run {name[4:]}"
    return name.capitalize()


def duration(seconds: float) -> str:
    """A time short enough for a corner: "42 s", "3:07 min", "1:02 h"."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02d} min"
    return f"{whole // 3600}:{whole % 3600 // 60:02d} h"
