"""Where the 3D viewport is looked from: a turntable around a target, or a camera of the capture.

Widget pixels are Qt's: (0, 0) is the upper left corner of the widget, not a pixel centre.
"""

from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Float

from avatarpose.geometry.camera import Camera
from avatarpose.geometry.rigid import apply, invert, rigid

NEAR_M, FAR_M = 0.03, 200.0
STEEPEST_RAD = np.radians(89.9)
CLOSEST_M, FURTHEST_M = 0.15, 80.0
FRAMED_SHARE = 0.9  # of the picture is filled by what is framed


@dataclass(frozen=True, slots=True, eq=False)
class Viewpoint:
    """A pinhole camera that looks into the widget; everything drawn and picked goes through it.

    Attributes:
        pixel_from_camera: intrinsic matrix in widget pixels.
        camera_from_world: rigid map, OpenCV axes.
        width: of the widget, in pixels.
        height: of the widget, in pixels.
    """

    pixel_from_camera: Float[np.ndarray, "3 3"]
    camera_from_world: Float[np.ndarray, "4 4"]
    width: int
    height: int

    @property
    def eye_world(self) -> Float[np.ndarray, "3"]:
        """Where it is looked from (m)."""
        return invert(self.camera_from_world)[:3, 3]

    @property
    def forward_world(self) -> Float[np.ndarray, "3"]:
        """Unit direction of the optical axis."""
        return self.camera_from_world[2, :3]

    @property
    def right_world(self) -> Float[np.ndarray, "3"]:
        """Unit direction to the right of the picture."""
        return self.camera_from_world[0, :3]

    @property
    def down_world(self) -> Float[np.ndarray, "3"]:
        """Unit direction down the picture."""
        return self.camera_from_world[1, :3]

    @property
    def clip_from_world(self) -> Float[np.ndarray, "4 4"]:
        """OpenGL's clip coordinates of world points, principal point and skew included."""
        k = self.pixel_from_camera
        clip = np.zeros((4, 4))
        clip[0, :3] = 2 * k[0] / self.width
        clip[0, 2] -= 1
        clip[1, :3] = -2 * k[1] / self.height
        clip[1, 2] += 1
        clip[2, 2] = (FAR_M + NEAR_M) / (FAR_M - NEAR_M)
        clip[2, 3] = -2 * FAR_M * NEAR_M / (FAR_M - NEAR_M)
        clip[3, 2] = 1
        return clip @ self.camera_from_world

    def project(self, points_world: Float[np.ndarray, "*batch 3"]) -> Float[np.ndarray, "*batch 2"]:
        """Widget pixels; NaN where a point is not in front."""
        points = apply(self.camera_from_world, np.asarray(points_world, np.float64))
        rays = points @ self.pixel_from_camera.T
        return rays[..., :2] / np.where(rays[..., 2:] > NEAR_M, rays[..., 2:], np.nan)

    def depth(self, points_world: Float[np.ndarray, "*batch 3"]) -> Float[np.ndarray, "*batch"]:
        """Distance along the optical axis (m)."""
        return np.asarray(apply(self.camera_from_world, np.asarray(points_world))[..., 2])

    def ray(self, pixel: Float[np.ndarray, "2"]) -> Float[np.ndarray, "3"]:
        """Unit direction in the world of the ray through a widget pixel."""
        local = np.linalg.solve(self.pixel_from_camera, np.array([pixel[0], pixel[1], 1.0]))
        direction = local @ self.camera_from_world[:3, :3]
        return direction / np.linalg.norm(direction)

    def metres_per_pixel(self, point_world: Float[np.ndarray, "3"]) -> float:
        """Size of a widget pixel at a point's depth (m)."""
        return float(max(self.depth(point_world), NEAR_M) / self.pixel_from_camera[1, 1])


@dataclass(frozen=True, slots=True, eq=False)
class OrbitCamera:
    """A turntable: the horizon stays level.

    Attributes:
        target_world: what is turned around (m).
        distance_m: from the target to the eye.
        azimuth_rad: heading of the eye seen from the target; 0 along +x.
        elevation_rad: height of the eye above the target's horizon.
        field_of_view_rad: vertical.
    """

    target_world: Float[np.ndarray, "3"] = field(default_factory=lambda: np.array([0.0, 0.0, 0.9]))
    distance_m: float = 5.0
    azimuth_rad: float = -1.1
    elevation_rad: float = 0.3
    field_of_view_rad: float = 0.72

    def viewpoint(self, width: int, height: int) -> Viewpoint:
        """The view into a widget of that size."""
        width, height = max(width, 1), max(height, 1)
        flat, up = np.cos(self.elevation_rad), np.sin(self.elevation_rad)
        heading = np.array([np.cos(self.azimuth_rad), np.sin(self.azimuth_rad)])
        outwards = np.array([flat * heading[0], flat * heading[1], up])
        right = np.array([-heading[1], heading[0], 0.0])
        turn = np.stack([right, np.cross(-outwards, right), -outwards])
        eye = self.target_world + self.distance_m * outwards
        focal = 0.5 * height / np.tan(0.5 * self.field_of_view_rad)
        k = np.array([[focal, 0.0, 0.5 * width], [0.0, focal, 0.5 * height], [0.0, 0.0, 1.0]])
        return Viewpoint(k, rigid(turn, -turn @ eye), width, height)

    def orbited(self, delta_px: Float[np.ndarray, "2"]) -> "OrbitCamera":
        """Turned as if the scene were grabbed: 400 pixels are about a quarter turn."""
        step = np.asarray(delta_px) * 0.004
        elevation = np.clip(self.elevation_rad + step[1], -STEEPEST_RAD, STEEPEST_RAD)
        return replace(
            self,
            azimuth_rad=float(self.azimuth_rad - step[0]),
            elevation_rad=float(elevation),
        )

    def panned(self, delta_px: Float[np.ndarray, "2"], height: int) -> "OrbitCamera":
        """Moved so that what lies at the target's depth follows the cursor."""
        view = self.viewpoint(height, height)
        scale = view.metres_per_pixel(self.target_world)
        shift = delta_px[0] * view.right_world + delta_px[1] * view.down_world
        return replace(self, target_world=self.target_world - scale * shift)

    def zoomed(
        self, factor: float, pixel: Float[np.ndarray, "2"], width: int, height: int
    ) -> "OrbitCamera":
        """Closer (factor below 1) or farther; what is under the cursor stays there."""
        distance = float(np.clip(self.distance_m * factor, CLOSEST_M, FURTHEST_M))
        view = self.viewpoint(width, height)
        ray = view.ray(np.asarray(pixel, np.float64))
        along = self.distance_m / float(ray @ view.forward_world)
        under_cursor = view.eye_world + along * ray
        share = 1 - distance / self.distance_m
        target = self.target_world + share * (under_cursor - self.target_world)
        return replace(self, target_world=target, distance_m=distance)

    def framing(
        self, points_world: Float[np.ndarray, "points 3"], width: int, height: int
    ) -> "OrbitCamera":
        """Centred on the points and far enough away to see them all."""
        points = np.asarray(points_world, np.float64)
        centre = 0.5 * (points.min(axis=0) + points.max(axis=0))
        local = (points - centre) @ self.viewpoint(width, height).camera_from_world[:3, :3].T
        slope_y = FRAMED_SHARE * np.tan(0.5 * self.field_of_view_rad)
        slope_x = slope_y * max(width, 1) / max(height, 1)
        # A point is in the picture when |x| <= slope (distance + depth), and so for y.
        needed = np.maximum(np.abs(local[:, 0]) / slope_x, np.abs(local[:, 1]) / slope_y)
        # Points in line with the eye need room before it, too.
        needed = np.maximum(needed, 2 * NEAR_M)
        distance = max(float((needed - local[:, 2]).max()), 0.5)
        return replace(self, target_world=centre, distance_m=distance)

    def facing(self, azimuth_rad: float, elevation_rad: float) -> "OrbitCamera":
        """Seen from another side."""
        elevation = float(np.clip(elevation_rad, -STEEPEST_RAD, STEEPEST_RAD))
        return replace(self, azimuth_rad=azimuth_rad, elevation_rad=elevation)


@dataclass(frozen=True, slots=True, eq=False)
class LookThrough:
    """The view through a camera of the capture, its undistorted picture fitted into the widget.

    Attributes:
        camera: whose eye it is.
        zoom: 1 fits the picture.
        shift_px: of the picture's centre from the widget's centre.
    """

    camera: Camera
    zoom: float = 1.0
    shift_px: Float[np.ndarray, "2"] = field(default_factory=lambda: np.zeros(2))

    def picture_rectangle(self, width: int, height: int) -> tuple[float, float, float, float]:
        """Left, top, width and height of the picture in widget pixels."""
        scale = self.zoom * min(width / self.camera.width, height / self.camera.height)
        wide, high = scale * self.camera.width, scale * self.camera.height
        left = 0.5 * (width - wide) + float(self.shift_px[0])
        return left, 0.5 * (height - high) + float(self.shift_px[1]), wide, high

    def viewpoint(self, width: int, height: int) -> Viewpoint:
        """Exactly the camera's projection, scaled to the picture's place in the widget."""
        width, height = max(width, 1), max(height, 1)
        left, top, wide, _ = self.picture_rectangle(width, height)
        scale = wide / self.camera.width
        widget_from_pixel = np.array(
            [
                [scale, 0.0, left + 0.5 * scale],  # pixel 0 is centred half a pixel inside
                [0.0, scale, top + 0.5 * scale],
                [0.0, 0.0, 1.0],
            ]
        )
        k = widget_from_pixel @ self.camera.pixel_from_camera
        return Viewpoint(k, self.camera.camera_from_world, width, height)

    def zoomed(
        self, factor: float, pixel: Float[np.ndarray, "2"], width: int, height: int
    ) -> "LookThrough":
        """Larger (factor below 1, as in orbiting) around the cursor."""
        zoom = float(np.clip(self.zoom / factor, 0.25, 40.0))
        from_centre = np.asarray(pixel) - np.array([0.5 * width, 0.5 * height])
        shift = from_centre + (self.shift_px - from_centre) * (zoom / self.zoom)
        return replace(self, zoom=zoom, shift_px=shift)

    def panned(self, delta_px: Float[np.ndarray, "2"]) -> "LookThrough":
        """The picture moved by some widget pixels."""
        return replace(self, shift_px=self.shift_px + np.asarray(delta_px))
