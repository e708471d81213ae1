import subprocess
import sys

import pytest

from avatarpose.cli import VERBS, main, verb_module
from avatarpose.errors import AvatarPoseError


def test_every_verb_declares_itself_under_its_own_name():
    for name in VERBS:
        verb = verb_module(name)
        assert name == verb.NAME
        assert verb.HELP


def test_help_names_every_verb_and_imports_nothing_heavy():
    script = (
        "import sys\n"
        "from avatarpose.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "heavy = {'torch', 'numpy', 'cv2', 'scipy', 'numba', 'PySide6', 'vispy'}\n"
        "print('heavy:', sorted(heavy & set(sys.modules)))\n"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "heavy: []" in ran.stdout
    assert all(f"\n    {name}" in ran.stdout for name in VERBS)


def test_no_verb_prints_the_help(capsys):
    assert main([]) == 2
    assert "usage: avatarpose" in capsys.readouterr().out


def test_the_version_is_printed(capsys):
    from avatarpose import __version__

    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"avatarpose {__version__}\n"


def test_an_unknown_verb_is_refused():
    with pytest.raises(SystemExit) as left:
        main(["dance"])
    assert left.value.code == 2


def test_a_problem_is_told_with_its_remedy(capsys, tmp_path):
    assert main(["info", str(tmp_path / "nowhere")]) == 2
    streams = capsys.readouterr()
    assert streams.out == ""
    first, second = streams.err.splitlines()
    assert first.startswith("error: ")
    assert "nowhere does not exist" in first
    assert second.startswith("what to do: ")


def test_the_reader_of_errors_is_ours_alone(monkeypatch):
    """A mistake of the program is not dressed up as a mistake of the user."""
    from avatarpose.cli import info

    def broken(_: object) -> int:
        raise ZeroDivisionError

    monkeypatch.setattr(info, "run", broken)
    with pytest.raises(ZeroDivisionError):
        main(["info", "x"])

    def stopped(_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(info, "run", stopped)
    assert main(["info", "x"]) == 130

    def without_remedy(_: object) -> int:
        raise AvatarPoseError("It is so.")

    monkeypatch.setattr(info, "run", without_remedy)
    assert main(["info", "x"]) == 2
