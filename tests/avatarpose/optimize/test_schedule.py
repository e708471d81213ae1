import pytest

from avatarpose.errors import OptimizationError
from avatarpose.optimize.schedule import Update, plan
from avatarpose.optimize.settings import PRESETS


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_aligns_first_and_ends_with_poses(preset):
    stages = plan(preset).stages
    assert Update.KEYPOINTS in stages[0].updates
    assert Update.POSE in stages[-1].updates
    assert Update.AVATAR not in stages[-1].updates
    assert len({stage.name for stage in stages}) == len(stages)


@pytest.mark.parametrize("preset", PRESETS)
def test_avatars_and_poses_take_turns_and_the_shape_is_settled_before_avatars(preset):
    stages = plan(preset).stages
    first = next(i for i, stage in enumerate(stages) if Update.AVATAR in stage.updates)
    learned = stages[first:]
    assert all(Update.SHAPE not in stage.updates for stage in learned)
    assert [Update.AVATAR in stage.updates for stage in learned] == [
        index % 2 == 0 for index in range(len(learned))
    ]


def test_thorough_presets_do_more():
    steps = [sum(stage.steps for stage in plan(preset).stages) for preset in PRESETS]
    assert steps == sorted(steps)


def test_an_unknown_preset_is_an_error_that_names_the_known_ones():
    with pytest.raises(OptimizationError, match="preview, standard, full"):
        plan("thorough")
