"""Initialise and refine a real clip with one camera left out, which then judges before and after.

Usage: python tests/benchmarks/real_clip.py CLIP --held-out cam04 --frames 30:53 --out FOLDER
Prints the reprojection errors (pixels of the recorded pictures) and writes overlays of the cameras.
"""

import argparse
import json
import time
from pathlib import Path

import cv2
import numpy as np

from avatarpose.body.pose import PoseSequence
from avatarpose.estimation.fitting import initialise
from avatarpose.evaluate.reprojection import reprojection_errors
from avatarpose.formats.detect import read_capture
from avatarpose.formats.media import FrameReader
from avatarpose.geometry.rasteriser import rasterise
from avatarpose.optimize.session import OptimizationSession
from avatarpose.optimize.settings import RunRequest
from avatarpose.scene.edits import add_layer, show_layer
from avatarpose.scene.scene import Scene


def errors_px(
    scene: Scene, poses: dict[int, PoseSequence], frames: np.ndarray
) -> dict[str, dict[str, float]]:
    """Median distance to the 2D keypoints, per person and camera."""
    names = scene.capture.rig.names
    out: dict[str, dict[str, float]] = {}
    for pid, sequence in poses.items():
        table = reprojection_errors(scene, pid, sequence, indices=frames)
        rows = [table[:, index] for index in range(len(names))]
        out[scene.person(pid).name] = {
            name: round(float(np.nanmedian(row)), 2)
            for name, row in zip(names, rows, strict=True)
            if np.isfinite(row).any()
        }
    return out


def draw(
    scene: Scene, poses: dict[int, PoseSequence], camera: str, index: int, picture: np.ndarray
) -> np.ndarray:
    """The bodies' outlines over a recorded picture."""
    view = scene.capture.view(camera).camera
    out = picture.copy()
    for pid, sequence in poses.items():
        vertices = scene.body.posed_sequence(sequence, np.array([index])).vertices_world[0]
        pixels = view.project(vertices).astype(np.float32)
        depth = view.depth(vertices).astype(np.float32)
        face, _, _ = rasterise(pixels, depth, scene.body.faces, view.width, view.height)
        mask = (face >= 0).astype(np.uint8)
        contours, _ = cv2.findContours(mask, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(out, contours, -1, scene.person(pid).colour, 3, cv2.LINE_AA)
    return out


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clip", type=Path)
    parser.add_argument("--held-out", default="cam04")
    parser.add_argument("--frames", default="30:53")
    parser.add_argument("--preset", default="standard")
    parser.add_argument("--out", type=Path, default=Path("real-clip"))
    options = parser.parse_args()
    args_out: Path = options.out
    args_out.mkdir(parents=True, exist_ok=True)
    scene = read_capture(options.clip)
    used = [name for name in scene.capture.rig.names if name != options.held_out]
    evidence = {name: d for name, d in scene.detections.items() if name in used}
    begun = time.monotonic()
    fitted = initialise(scene.changed(detections=evidence))
    fit_s = time.monotonic() - begun
    initial = {person.pid: person.layer("initial").poses for person in fitted.people}
    whole = fitted.changed(detections=scene.detections)
    first, last = (int(part) for part in options.frames.split(":"))
    frames = whole.capture.indices_between(first, last)
    request = RunRequest(preset=options.preset, frames=(first, last), cameras=used)
    session = OptimizationSession(whole, request)
    for snapshot in session.run():
        print(f"\r{snapshot.stage:<20} {snapshot.step}/{snapshot.step_count}", end="", flush=True)
    print()
    result = session.result()
    report = {
        "frames": [first, last],
        "held_out": options.held_out,
        "fit_s": round(fit_s, 1),
        "refine_s": round(result.seconds, 1),
        "before_px": errors_px(whole, initial, frames),
        "after_px": errors_px(whole, dict(result.poses), frames),
        "put_back": {str(pid): list(numbers) for pid, numbers in result.restored_frames.items()},
    }
    print(json.dumps(report, indent=1))
    (args_out / "real-clip.json").write_text(json.dumps(report, indent=1))
    for pid, poses in result.poses.items():
        whole = add_layer(whole, pid, "run:1", poses)
    whole = show_layer(whole, "run:1")
    reader = FrameReader(whole.capture)
    try:
        for camera in whole.capture.rig.names:
            for index in frames[:: max(1, len(frames) // 3)]:
                picture = reader.read(camera, int(index))
                if picture is not None:
                    before = draw(whole, initial, camera, int(index), picture)
                    after = draw(whole, dict(result.poses), camera, int(index), picture)
                    number = int(whole.capture.frames[index])
                    both = cv2.cvtColor(np.hstack([before, after]), cv2.COLOR_RGB2BGR)
                    cv2.imwrite(str(args_out / f"{camera}-{number:06d}.jpg"), both)
    finally:
        reader.close()


if __name__ == "__main__":
    main()
