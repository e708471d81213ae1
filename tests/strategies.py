"""Hypothesis strategies for values of the field: rotations, cameras, pixels, poses, scenes."""

import numpy as np
from hypothesis import strategies as st

from avatarpose.body.pose import PoseSequence
from avatarpose.geometry.camera import Camera
from avatarpose.geometry.rigid import look_at

TURN = 2 * np.pi


def vectors(low: float, high: float) -> st.SearchStrategy[np.ndarray]:
    """Three numbers between `low` and `high`."""
    return st.tuples(*[st.floats(low, high)] * 3).map(np.array)


@st.composite
def directions(draw: st.DrawFn) -> np.ndarray:
    """Unit vectors."""
    z, around = draw(st.floats(-1.0, 1.0)), draw(st.floats(0.0, TURN))
    flat = np.sqrt(1 - z * z)
    return np.array([flat * np.cos(around), flat * np.sin(around), z])


@st.composite
def rotvecs(draw: st.DrawFn, largest_rad: float = np.pi) -> np.ndarray:
    """Rotation vectors; nothing, next to nothing and the largest angle come up often."""
    edges = st.sampled_from([0.0, 1e-9, 1e-5, 1e-4, largest_rad - 1e-5, largest_rad])
    return draw(directions()) * draw(st.one_of(edges, st.floats(0.0, largest_rad)))


@st.composite
def cameras(draw: st.DrawFn, *, is_distorted: bool = True) -> Camera:
    """Cameras of usual lenses, 1 to 6 m away from somebody who stands near the origin."""
    around, height = draw(st.floats(0.0, TURN)), draw(st.floats(0.2, 2.8))
    away = draw(st.floats(1.0, 6.0))
    centre = np.array([away * np.cos(around), away * np.sin(around), height])
    width, height_px = draw(st.integers(200, 2000)), draw(st.integers(200, 2000))
    focal = draw(st.floats(1.0, 3.0)) * max(width, height_px)
    off_x, off_y = draw(st.floats(-0.05, 0.05)), draw(st.floats(-0.05, 0.05))
    k = np.array(
        [
            [focal, draw(st.floats(-2.0, 2.0)), (0.5 + off_x) * width],
            [0.0, focal * draw(st.floats(0.98, 1.02)), (0.5 + off_y) * height_px],
            [0.0, 0.0, 1.0],
        ]
    )
    distortion = np.zeros(8)
    if is_distorted:
        reach = [0.15, 0.05, 0.003, 0.003, 0.03, 0.03, 0.01, 0.01]
        distortion = np.array([draw(st.floats(-limit, limit)) for limit in reach])
    target = draw(vectors(-0.3, 0.3)) + np.array([0.0, 0.0, 1.0])
    pose = look_at(centre, target, draw(st.floats(-0.5, 0.5)))
    return Camera("c", width, height_px, k, pose, distortion)


@st.composite
def pixels_of(draw: st.DrawFn, camera: Camera) -> np.ndarray:
    """Pixels inside the picture of `camera`."""
    share = draw(st.floats(0.0, 1.0)), draw(st.floats(0.0, 1.0))
    return np.array([share[0] * (camera.width - 1), share[1] * (camera.height - 1)])


@st.composite
def pose_sequences(draw: st.DrawFn, frame_count: int) -> PoseSequence:
    """Poses of any kind, seeded, so that examples stay small."""
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    bend = draw(st.sampled_from([0.0, 0.3, 1.5]))
    return random_poses(random, frame_count, bend)


def random_poses(random: np.random.Generator, frame_count: int, bend_rad: float) -> PoseSequence:
    """Poses whose joints are bent by about `bend_rad`."""
    return PoseSequence(
        betas=random.normal(0.0, 1.0, 10),
        global_orient=random.normal(0.0, 1.0, (frame_count, 3)),
        body_pose=random.normal(0.0, bend_rad, (frame_count, 69)),
        transl=random.normal(0.0, 1.0, (frame_count, 3)),
        valid=np.ones(frame_count, bool),
    )
