"""Our project folder: everything a scene knows, beside pictures that stay where they are.

avatarpose.toml      name, body, people, runs; written last, so that it only names what is there
capture.json         cameras, time base, where the pictures lie, what the reader found wrong
layers/<layer>.npz   poses of one layer (native smpl.npz)
edits.json           the user's corrections and pins
runs/<run>.json      what is kept of a refinement
keypoints2d/<camera>.npz
images/<camera>/, masks/<camera>/   only in projects that own their pictures
backups/             the last five states of avatarpose.toml and edits.json
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from avatarpose.body.pose import PoseSequence
from avatarpose.body.smpl import SmplModel
from avatarpose.errors import AvatarPoseError, FormatError
from avatarpose.formats.keypoints_json import read_detections, write_detections
from avatarpose.formats.project_document import (
    CAPTURE_FILE,
    EDITS_FILE,
    PROJECT_FILE,
    SCHEMA_VERSION,
    document_or_none,
    file_name_of,
    keep_generation,
    read_document,
    recorded_body,
)
from avatarpose.formats.project_document import (
    is_project as is_project,
)
from avatarpose.formats.scene_text import (
    WRONG_CONTENT,
    capture_from,
    capture_value,
    edit_from,
    edit_value,
    issue_from,
    issue_value,
    portable_path,
    run_from,
    run_value,
)
from avatarpose.formats.smpl_model import load_body_model
from avatarpose.formats.smpl_params import read_smpl, write_smpl
from avatarpose.formats.storage import read_json, write_json, write_text
from avatarpose.formats.toml_text import toml_text
from avatarpose.installation import resource_path
from avatarpose.scene.capture import Capture
from avatarpose.scene.issues import Issue, Severity
from avatarpose.scene.layers import EditLayer, PoseLayer
from avatarpose.scene.people import Detections2D, Person
from avatarpose.scene.scene import RunRecord, Scene


def save_project(scene: Scene, folder: Path, *, body_path: Path | None = None) -> None:
    """Write the scene; each file is replaced in one step, and unchanged ones are left alone.

    Args:
        scene: what to save.
        folder: the project folder; made when missing.
        body_path: file of the scene's body model; None keeps the recorded one, and for a new
            project means the body that comes with the program.

    Raises:
        FormatError: the folder is not writable or the disk is full.
    """
    before = document_or_none(folder)
    layer_names = list(dict.fromkeys(name for who in scene.people for name in who.layer_names))
    frames, capture = scene.capture.frames, scene.capture
    for name in layer_names:
        holders = [person for person in scene.people if person.has_layer(name)]
        write_smpl(
            folder / "layers" / f"{file_name_of(name)}.npz",
            frames,
            {person.pid: person.layer(name).poses for person in holders},
            fps=capture.fps,
            genders={person.pid: person.gender for person in holders},
        )
    for camera, detections in scene.detections.items():
        model = capture.rig[camera]
        write_detections(
            folder / "keypoints2d" / f"{file_name_of(camera)}.npz",
            detections,
            frames,
            (model.width, model.height),
        )
    for run in scene.runs:
        write_json(folder / "runs" / f"{file_name_of(run.name)}.json", run_value(run))
    described = {
        "capture": capture_value(capture, folder),
        "contact_frames": list(map(int, scene.contact_frames)),
        "detections": list(scene.detections),
        "issues": [issue_value(issue) for issue in scene.issues],
    }
    write_json(folder / CAPTURE_FILE, described)
    edits = {
        str(person.pid): {name: edit_value(edit) for name, edit in person.edits.items()}
        for person in scene.people
    }
    keep_generation(folder, EDITS_FILE)
    write_json(folder / EDITS_FILE, edits)
    text = toml_text(_document(scene, layer_names, folder, body_path, before))
    if before is None or (folder / PROJECT_FILE).read_text("utf-8") != text:
        keep_generation(folder, PROJECT_FILE)
        write_text(folder / PROJECT_FILE, text)


def _document(
    scene: Scene,
    layer_names: list[str],
    folder: Path,
    body_path: Path | None,
    before: dict[str, Any] | None,
) -> dict[str, Any]:
    recorded = (before or {}).get("body", {})
    path = "" if body_path is None else portable_path(body_path, folder)
    is_same = isinstance(recorded, Mapping) and recorded.get("sha256") == scene.body.sha256
    if body_path is None and is_same:
        path = str(recorded.get("path", ""))
    return {
        "schema_version": SCHEMA_VERSION,
        "name": scene.name,
        "fps": scene.capture.fps,
        "frames": [int(scene.capture.frames[0]), int(scene.capture.frames[-1])]
        if scene.capture.frame_count
        else [],
        "cameras": list(scene.capture.rig.names),
        "capture": CAPTURE_FILE,
        "layers": layer_names,
        "runs": [run.name for run in scene.runs],
        "body": {"name": scene.body.name, "sha256": scene.body.sha256, "path": path},
        "people": [
            {
                "pid": person.pid,
                "name": person.name,
                "gender": person.gender,
                "shown": person.shown,
                "layers": list(person.layer_names),
            }
            for person in scene.people
        ],
    }


def load_project(
    folder: Path, body: SmplModel | None = None, *, cache_folder: Path | None = None
) -> Scene:
    """The saved scene; damaged parts are left out and noted among its issues.

    Args:
        folder: the project folder.
        body: the model to use; None takes the recorded one.
        cache_folder: where converted body models are kept.

    Raises:
        AvatarPoseError: the project file or the cameras cannot be read.
    """
    document = read_document(folder)
    issues: list[Issue] = []
    body = _body(folder, body, cache_folder, issues)
    described = read_json(folder / CAPTURE_FILE)
    if not isinstance(described, Mapping):
        raise FormatError(f"{folder / CAPTURE_FILE} is empty.", remedy="Make the project again.")
    where = str(folder / CAPTURE_FILE)
    capture = capture_from(described.get("capture"), folder, where)
    _check_pictures(capture, issues)
    for value in _list(described.get("issues")):
        issues.append(issue_from(value, where))
    contact = [frame for frame in _list(described.get("contact_frames")) if isinstance(frame, int)]
    return Scene(
        name=str(document.get("name", folder.name)),
        capture=capture,
        body=body,
        people=_people(document, folder, capture, issues),
        detections=_detections(_list(described.get("detections")), folder, capture, issues),
        runs=_runs(_list(document.get("runs")), folder, issues),
        contact_frames=tuple(contact),
        issues=tuple(issues),
    )


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _note(issues: list[Issue], error: AvatarPoseError, path: Path) -> None:
    issues.append(Issue(Severity.ERROR, error.problem, error.remedy, str(path)))


def _body(
    folder: Path, body: SmplModel | None, cache_folder: Path | None, issues: list[Issue]
) -> SmplModel:
    recorded = recorded_body(folder)
    if body is None:
        try:
            path = recorded.path or resource_path("body", "body_smpl24.npz")
            body = load_body_model(path, cache_folder=cache_folder)
        except AvatarPoseError as error:
            _note(issues, error, recorded.path or folder)
            body = load_body_model(resource_path("body", "body_smpl24.npz"))
    if body.sha256 != recorded.sha256:
        issues.append(
            Issue(
                Severity.WARNING,
                f"The project was made with the body model {recorded.name!r}, "
                f"now it is shown with {body.name!r}.",
                "Choose the model it was made with; the poses look different on this one.",
                str(recorded.path or ""),
            )
        )
    return body


def _check_pictures(capture: Capture, issues: list[Issue]) -> None:
    for view in capture.views:
        if view.footage is not None and not view.footage.path.exists():
            issues.append(
                Issue(
                    Severity.ERROR,
                    f"The pictures of camera {view.camera.name} are gone from {view.footage.path}.",
                    "Put the capture back where it was.",
                    str(view.footage.path),
                    camera=view.camera.name,
                )
            )


def _people(
    document: Mapping[str, Any], folder: Path, capture: Capture, issues: list[Issue]
) -> tuple[Person, ...]:
    tracks: dict[str, dict[int, PoseSequence]] = {}
    for name in map(str, _list(document.get("layers"))):
        path = folder / "layers" / f"{file_name_of(name)}.npz"
        try:
            tracks[name] = read_smpl(path).on_time_base(capture.frames)
        except AvatarPoseError as error:
            _note(issues, error, path)
    edits: Any = {}
    try:
        edits = read_json(folder / EDITS_FILE)
    except FormatError as error:
        _note(issues, error, folder / EDITS_FILE)
    people: dict[int, Person] = {}
    for entry in _list(document.get("people")):
        try:
            pid, names = int(entry["pid"]), list(map(str, entry["layers"]))
            person = Person(
                pid, str(entry["name"]), (), str(entry["shown"]), gender=str(entry["gender"])
            )
        except WRONG_CONTENT as error:
            _note(issues, FormatError(f"A person lacks {error}."), folder / PROJECT_FILE)
            continue
        layers = tuple(
            PoseLayer(name, tracks[name][pid])
            for name in names
            if name in tracks and pid in tracks[name]
        )
        own = {layer.name for layer in layers}
        shown = person.shown if person.shown in own or not own else layers[0].name
        stated = edits.get(str(pid), {}) if isinstance(edits, Mapping) else {}
        found: dict[str, EditLayer] = {}
        for name, value in stated.items() if isinstance(stated, Mapping) else ():
            try:
                edit = edit_from(value, str(folder / EDITS_FILE))
                found[name] = _fitting(edit, capture, pid, issues)
            except FormatError as error:
                _note(issues, error, folder / EDITS_FILE)
        people[pid] = replace(person, layers=layers, shown=shown, edits=found)
    return tuple(people.values())


def _fitting(edit: EditLayer, capture: Capture, pid: int, issues: list[Issue]) -> EditLayer:
    """The corrections that lie on the time base, and pins in cameras there are."""
    keys = {index: key for index, key in edit.keys.items() if 0 <= index < capture.frame_count}
    pins = tuple(
        pin
        for pin in edit.view_pins
        if 0 <= pin.frame_index < capture.frame_count and pin.camera in capture.rig
    )
    lost = len(edit.keys) - len(keys) + len(edit.view_pins) - len(pins)
    if lost == 0:
        return edit
    issues.append(
        Issue(
            Severity.WARNING,
            f"{lost} corrections or pins belong to frames or cameras the capture does not have.",
            "They are left out; check that capture.json and edits.json belong together.",
            EDITS_FILE,
            pid=pid,
        )
    )
    return replace(edit, keys=keys, view_pins=pins)


def _detections(
    names: list[Any], folder: Path, capture: Capture, issues: list[Issue]
) -> dict[str, Detections2D]:
    found = {}
    for name in map(str, names):
        path = folder / "keypoints2d" / f"{file_name_of(name)}.npz"
        try:
            found[name] = read_detections(path, capture.frames)
        except FormatError as error:
            _note(issues, error, path)
    return found


def _runs(names: list[Any], folder: Path, issues: list[Issue]) -> tuple[RunRecord, ...]:
    runs = []
    for name in map(str, names):
        path = folder / "runs" / f"{file_name_of(name)}.json"
        try:
            runs.append(run_from(read_json(path), str(path)))
        except FormatError as error:
            _note(issues, error, path)
    return tuple(runs)
