"""`avatarpose refine`: learn an avatar per person and refine everybody's poses on the pictures."""

import argparse
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from avatarpose.cli.arguments import (
    add_frames_argument,
    add_scene_argument,
    parse_list,
    parse_numbers,
)
from avatarpose.cli.progress import ProgressLine, duration, snapshot_details
from avatarpose.optimize.settings import PRESETS, RunRequest

if TYPE_CHECKING:
    import numpy as np

    from avatarpose.body.pose import PoseSequence
    from avatarpose.formats.journal import Journal
    from avatarpose.optimize.session import OptimizationSession
    from avatarpose.optimize.snapshot import RunResult
    from avatarpose.scene.scene import RunRecord, Scene

NAME = "refine"
HELP = "learn an avatar per person and refine the poses on the pictures"
DEVICES = ("auto", "cpu", "cuda")
_INTERRUPTED = 130


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    add_scene_argument(parser)
    add_frames_argument(parser)
    parser.add_argument(
        "--people", type=parse_numbers, metavar="0,1", help="identities (default: everybody)"
    )
    parser.add_argument(
        "--cameras",
        type=parse_list,
        metavar="A,B",
        help="cameras whose pictures are used (default: all)",
    )
    parser.add_argument("--preset", choices=PRESETS, help="how thorough (default: standard)")
    parser.add_argument(
        "--device", choices=DEVICES, help="default: auto, which takes CUDA when there is one"
    )
    parser.add_argument("--seed", type=int, metavar="N", help="of every random draw (default: 42)")
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="also write the refined poses to DIR/smpl.npz"
    )
    parser.add_argument(
        "--resume",
        action="store_true",
        help="go on with the latest run that was broken off, with its settings",
    )


def run(args: argparse.Namespace) -> int:
    """Refine, save the project, print what it brought; 130 when broken off."""
    from avatarpose.cli.scenes import open_for_cli
    from avatarpose.formats.export import layer_poses, write_layer_npz

    if args.out is not None:
        _make_folder(args.out)
    scene, project = open_for_cli(args)
    request = _request(args, RunRequest())
    folder = None
    if args.resume:
        folder, earlier = _broken_off(scene, project)
        request = _request(args, earlier or RunRequest())
    adopted = refine_project(scene, project, request, resume_from=folder)
    if adopted is None:
        return _INTERRUPTED
    refined, record = adopted
    if args.out is not None:
        print(write_layer_npz(refined, layer_poses(refined, record.name), args.out))
    return 0


def _make_folder(folder: Path) -> None:
    """Before the run, which would be long for finding out that its result cannot be written."""
    from avatarpose.errors import AvatarPoseError

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise AvatarPoseError(
            f"The folder {folder} cannot be made: {error.strerror}.",
            remedy="Name another folder with --out.",
        ) from error


def _request(args: argparse.Namespace, base: RunRequest) -> RunRequest:
    """What the user asks for; what they leave open is as in `base`."""
    return RunRequest(
        preset=args.preset or base.preset,
        frames=args.frames or base.frames,
        pids=tuple(args.people) if args.people is not None else base.pids,
        cameras=tuple(args.cameras) if args.cameras is not None else base.cameras,
        device=args.device or base.device,
        seed=base.seed if args.seed is None else args.seed,
    )


def _broken_off(scene: "Scene", project: Path) -> tuple[Path, RunRequest | None]:
    from avatarpose.errors import OptimizationError
    from avatarpose.optimize.run_folder import load_request, unfinished_run

    folder = unfinished_run(project, scene)
    if folder is None:
        raise OptimizationError(
            f"No run was broken off in {project}.", remedy="Start one without --resume."
        )
    return folder, load_request(folder)


def refine_project(
    scene: "Scene", project: Path, request: RunRequest, *, resume_from: Path | None = None
) -> tuple["Scene", "RunRecord"] | None:
    """Run a refinement and adopt it into the project; progress goes to standard error.

    While it runs, the project is held against other programs. Ctrl-C ends the run with what was
    reached so far; a second Ctrl-C breaks it off.

    Args:
        scene: the scene as saved in the project.
        project: the project folder.
        request: what to refine.
        resume_from: folder of a run that was broken off, to go on with.

    Returns:
        The scene with the new layer, and the run's record; None when it was broken off.

    Raises:
        AvatarPoseError: it cannot run, or the project is open elsewhere.
    """
    from avatarpose.errors import SceneError
    from avatarpose.formats.journal import Journal, ProjectLock, recover

    _check_people(scene, request)
    lock = ProjectLock(project)
    if not lock.acquire():
        raise SceneError(
            f"{project} is open in another program.",
            remedy="Close it there first; its changes and the run would overwrite each other.",
        )
    try:
        scene, count = recover(project, scene)
        if count:
            _say(f"recovered {count} edits that had not been saved")
        return _refine_locked(scene, project, request, resume_from, Journal(project, scene))
    finally:
        lock.release()


def _refine_locked(
    scene: "Scene", project: Path, request: RunRequest, resume_from: Path | None, journal: "Journal"
) -> tuple["Scene", "RunRecord"] | None:
    from avatarpose.estimation.association import has_labels, label_detections
    from avatarpose.formats.project import save_project
    from avatarpose.optimize.run_folder import CHECKPOINT, run_folder, save_request
    from avatarpose.optimize.session import OptimizationSession
    from avatarpose.scene import edits
    from avatarpose.scene.scene import RunRecord

    if scene.detections and not has_labels(scene):
        scene = label_detections(scene)
    name = scene.next_run_name()
    folder = resume_from or run_folder(project, name)
    if resume_from is None and (folder / CHECKPOINT).is_file():
        _say(f"{folder.name} was broken off and begins anew (--resume would go on with it)")
    session = OptimizationSession(scene, request, folder=folder, resume=resume_from is not None)
    if resume_from is None:
        save_request(folder, request)
    result = watch(session)
    if result is None:
        _say("broken off; nothing was changed (--resume goes on after the last finished stage)")
        return None
    pids = tuple(sorted(result.poses))
    record = RunRecord(
        name=name,
        preset=request.preset,
        frames=result.frames,
        pids=pids,
        seconds=result.seconds,
        source=scene.person(pids[0]).shown,
        losses=result.losses,
        folder=folder.name,
    )
    refined = edits.adopt_run(scene, record, result.poses)
    save_project(refined, project)
    journal.start_afresh(refined)
    for line in outcome(refined, scene, record, result):
        print(line)
    return refined, record


def _check_people(scene: "Scene", request: RunRequest) -> None:
    """Everybody who is to be refined needs poses to start from."""
    from avatarpose.errors import OptimizationError

    asked = scene.pids if request.pids is None else request.pids
    without = [scene.person(pid).name for pid in asked if not scene.person(pid).layers]
    if without and (request.pids is not None or len(without) == len(asked)):
        problem = f"There are no poses of {' and '.join(without)} to start from."
    elif not asked:
        problem = f"There is nobody in {scene.name} yet."
    else:
        return
    raise OptimizationError(
        problem, remedy="Fit bodies to the 2D keypoints first: avatarpose fit SCENE"
    )


def watch(session: "OptimizationSession") -> "RunResult | None":
    """Run a session with progress and Ctrl-C; None when it was broken off."""
    progress = ProgressLine()
    is_broken_off = False

    def stop() -> None:
        progress.say("stopping; what was reached so far is kept (Ctrl-C again breaks off at once)")
        session.stop()

    def break_off() -> None:
        nonlocal is_broken_off
        is_broken_off = True
        progress.say("breaking off")
        session.cancel()

    with _on_interrupt([stop, break_off]):
        for snapshot in session.run():
            share = snapshot.step / max(snapshot.step_count, 1)
            progress.show(share, snapshot.stage, snapshot_details(snapshot))
        progress.close()
    return None if is_broken_off else session.result()


@contextmanager
def _on_interrupt(answers: Sequence[Callable[[], None]]) -> Iterator[None]:
    """The first Ctrl-C calls the first answer, and so on; after the last one it is an exception."""
    waiting = list(answers)

    def answer(signum: int, frame: object) -> None:
        del signum, frame
        if not waiting:
            raise KeyboardInterrupt
        waiting.pop(0)()

    before = signal.signal(signal.SIGINT, answer)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def outcome(
    refined: "Scene", before: "Scene", record: "RunRecord", result: "RunResult"
) -> Iterator[str]:
    """Lines about what a run brought."""
    import numpy as np

    first, last = record.frames
    state = "" if result.is_complete else ", stopped early"
    yield (
        f"{record.name}: {record.preset}, frames {first}:{last}, "
        f"{len(record.pids)} people, {duration(record.seconds)}{state}"
    )
    frames = refined.capture.indices_between(first, last)
    old = {pid: before.person(pid).poses() for pid in record.pids}
    pixels = _median_px(before, old, frames), _median_px(refined, result.poses, frames)
    if pixels[0] is not None and pixels[1] is not None:
        yield f"reprojection error, median: {pixels[0]:.1f} -> {pixels[1]:.1f} px"
    errors_mm = {
        pid: (_world_mm(before, pid, old[pid], frames), _world_mm(refined, pid, poses, frames))
        for pid, poses in sorted(result.poses.items())
    }
    known = {pid: both for pid, both in errors_mm.items() if len(both[0]) and len(both[1])}
    if known:
        pooled = [np.concatenate([both[i] for both in known.values()]).mean() for i in (0, 1)]
        yield f"world MPJPE: {pooled[0]:.1f} -> {pooled[1]:.1f} mm"
        for pid, both in known.items():
            name = refined.person(pid).name
            yield f"  {name}: {both[0].mean():.1f} -> {both[1].mean():.1f} mm"
    for pid, numbers in sorted(result.restored_frames.items()):
        if numbers:
            yield (
                f"put back as they were, because they got worse: {refined.person(pid).name}, "
                f"frames {', '.join(map(str, numbers))}"
            )


def _median_px(
    scene: "Scene", poses: Mapping[int, "PoseSequence"], frames: "np.ndarray"
) -> float | None:
    """Median over everything detected; None when nothing was."""
    import numpy as np

    from avatarpose.evaluate.reprojection import reprojection_errors

    errors = np.concatenate(
        [reprojection_errors(scene, pid, own, frames).ravel() for pid, own in poses.items()]
    )
    errors = errors[np.isfinite(errors)]
    return float(np.median(errors)) if len(errors) else None


def _world_mm(
    scene: "Scene", pid: int, poses: "PoseSequence", frames: "np.ndarray"
) -> "np.ndarray":
    """Errors of the skel19 joints in the world per frame; empty without truth."""
    import numpy as np

    from avatarpose.evaluate.pose_metrics import world_errors_mm
    from avatarpose.scene.layers import TRUTH

    person = scene.person(pid)
    if not person.has_layer(TRUTH):
        return np.zeros((0, 19))
    truth = person.layer(TRUTH).poses
    both = frames[truth.valid[frames] & poses.valid[frames]]
    estimated = scene.body.skel19_sequence(poses, both)
    return world_errors_mm(estimated, scene.body.skel19_sequence(truth, both))


def _say(text: str) -> None:
    ProgressLine().say(text)
