import pytest

from avatarpose.errors import AvatarPoseError
from avatarpose.installation import resource_path


def test_the_resources_of_a_checkout_are_found():
    assert resource_path().name == "resources"
    assert resource_path("setup", "pins.txt").is_file()


def test_a_missing_resource_is_named_and_has_a_remedy():
    with pytest.raises(AvatarPoseError, match=r"nowhere\.bin") as caught:
        resource_path("body", "nowhere.bin")
    assert "again" in caught.value.remedy
