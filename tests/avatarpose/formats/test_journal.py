import multiprocessing

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from avatarpose.formats.journal import JOURNAL_FILE, Journal, ProjectLock, recover
from avatarpose.formats.project import load_project, save_project
from avatarpose.scene import edits
from avatarpose.scene.layers import ViewPin


@pytest.fixture
def project(tmp_path, small_scene):
    folder = tmp_path / "p"
    save_project(small_scene, folder)
    return folder


def dragged(scene, pid: int, index: int, amount: float):
    source = scene.person(pid).layer("initial").poses
    rotvecs = source.rotvecs[index]
    rotvecs[16] += amount
    pin = ViewPin("4", index, 20, (amount, 2.0))
    return edits.set_pose(scene, pid, index, rotvecs, source.transl[index] + amount, pins=(pin,))


def assert_same_edits(a, b) -> None:
    for one, other in zip(a.people, b.people, strict=True):
        assert (one.name, one.shown) == (other.name, other.shown)
        np.testing.assert_array_equal(one.poses().rotvecs, other.poses().rotvecs)
        np.testing.assert_array_equal(one.poses().transl, other.poses().transl)
        assert len(one.edit().view_pins) == len(other.edit().view_pins)


def test_what_was_done_since_the_save_is_there_after_a_crash(project, small_scene):
    journal = Journal(project, small_scene)
    scene = dragged(small_scene, 0, 1, 0.25)
    assert journal.append(scene)
    scene = edits.rename_person(dragged(scene, 1, 2, -0.5), 1, "Ada")
    assert journal.append(scene)
    scene = edits.show_layer(scene, "truth", (0,))
    assert journal.append(scene.changed(name="renamed"))
    recovered, count = recover(project, load_project(project))
    assert count == 3
    assert recovered.name == "renamed"
    assert_same_edits(recovered, scene)
    journal.close()


def test_undone_edits_stay_undone(project, small_scene):
    journal = Journal(project, small_scene)
    journal.append(dragged(small_scene, 0, 1, 0.25))
    journal.append(small_scene)
    recovered, count = recover(project, load_project(project))
    assert count == 2
    assert_same_edits(recovered, small_scene)
    journal.close()


def test_nothing_is_written_when_nothing_changed(project, small_scene):
    journal = Journal(project, small_scene)
    assert not journal.append(small_scene)
    assert not journal.append(small_scene.changed(issues=()))
    assert not (project / JOURNAL_FILE).exists()
    assert recover(project, small_scene) == (small_scene, 0)


def test_a_line_holds_only_the_person_that_changed(project, small_scene):
    journal = Journal(project, small_scene)
    scene = small_scene
    for index in range(4):
        scene = dragged(scene, 0, index, 0.1)
    journal.append(scene)
    before = (project / JOURNAL_FILE).stat().st_size
    journal.append(edits.rename_person(scene, 1, "Bo"))
    assert (project / JOURNAL_FILE).stat().st_size - before < 100
    journal.close()


def test_after_a_save_the_journal_starts_afresh(project, small_scene):
    journal = Journal(project, small_scene)
    scene = dragged(small_scene, 0, 1, 0.25)
    journal.append(scene)
    save_project(scene, project)
    journal.start_afresh(scene)
    assert recover(project, scene)[1] == 0
    later = dragged(scene, 0, 2, 0.125)
    journal.append(later)
    recovered, count = recover(project, load_project(project))
    assert count == 1
    assert_same_edits(recovered, later)
    journal.close()


def test_a_journal_of_another_saved_state_is_not_replayed(project, small_scene):
    journal = Journal(project, small_scene)
    journal.append(dragged(small_scene, 0, 1, 0.25))
    journal.close()
    other = small_scene.changed(name="saved by somebody else")
    save_project(other, project)
    assert recover(project, other) == (other, 0)


def test_a_recovered_journal_can_be_continued(project, small_scene):
    first = Journal(project, small_scene)
    first.append(dragged(small_scene, 0, 1, 0.25))
    first.close()
    with (project / JOURNAL_FILE).open("ab") as stream:
        stream.write(b'deadbeef {"people": {"0": {"name": "half a li')
    recovered, count = recover(project, load_project(project))
    assert count == 1
    second = Journal(project, recovered)
    scene = edits.rename_person(recovered, 0, "Cy")
    second.append(scene)
    second.close()
    again, count = recover(project, load_project(project))
    assert count == 2
    assert again.person(0).name == "Cy"


@settings(max_examples=30, suppress_health_check=[])
@given(cut=st.floats(0.0, 1.0), junk=st.binary(max_size=30))
def test_a_torn_journal_gives_its_whole_lines_and_never_an_error(tmp_path_factory, body, cut, junk):
    from tests.avatarpose.formats.test_project import _tiny

    folder = tmp_path_factory.mktemp("journal") / "p"
    scene = _tiny(body)
    save_project(scene, folder)
    journal = Journal(folder, scene)
    for number in range(3):
        scene = edits.rename_person(scene, 0, f"name {number}")
        journal.append(scene)
    journal.close()
    content = (folder / JOURNAL_FILE).read_bytes()
    (folder / JOURNAL_FILE).write_bytes(content[: round(cut * len(content))] + junk)
    recovered, count = recover(folder, load_project(folder, body))
    assert 0 <= count <= 3
    assert recovered.person(0).name == (f"name {count - 1}" if count else "P")


def _hold(folder, held, let_go) -> None:
    lock = ProjectLock(folder)
    held.put(lock.acquire())
    let_go.wait()


def test_a_project_belongs_to_one_program_at_a_time_and_is_free_when_that_dies(tmp_path):
    context = multiprocessing.get_context("spawn")
    held, let_go = context.Queue(), context.Event()
    child = context.Process(target=_hold, args=(tmp_path, held, let_go))
    child.start()
    assert held.get(timeout=60)
    mine = ProjectLock(tmp_path)
    assert not mine.acquire()
    child.kill()
    child.join()
    assert mine.acquire()
    assert mine.acquire()
    mine.release()
    other = ProjectLock(tmp_path)
    assert other.acquire()
    other.release()
