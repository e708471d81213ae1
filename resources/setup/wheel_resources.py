"""Build hook: a built wheel carries resources/, an editable install reads the checkout itself."""

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class WheelResources(BuildHookInterface):
    """Adds resources/ to standard wheels as avatarpose/_resources."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called by hatchling before it writes the wheel; `version` is the kind of wheel."""
        if version == "standard":
            build_data["force_include"]["resources"] = "avatarpose/_resources"
