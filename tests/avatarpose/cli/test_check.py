import json

from avatarpose.cli import main


def test_a_capture_is_summed_up_and_nothing_is_written(capture, capsys):
    assert main(["check", str(capture)]) == 0
    out = capsys.readouterr().out
    assert "cameras       8 (4, 16, 28, 40, 52, 64, 76, 88)" in out
    assert "frames        3 (21 to 23) at 25 per second" in out
    assert "warning: Camera 16 has no pictures." in out
    assert "what to do: Put them into images/16" in out
    assert not capture.with_name("take.avatarpose").exists()


def test_json_says_the_same_to_programs(capture, capsys):
    path = capture / "images" / "4" / "000022.jpg"
    path.write_bytes(path.read_bytes()[:1000])
    assert main(["check", str(capture), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["format"] == "easymocap"
    assert report["ok"] is True
    assert report["summary"]["people"] == "0 Person 1, 1 Person 2"
    damaged = [issue for issue in report["issues"] if issue["frame"] == 22]
    assert [issue["camera"] for issue in damaged] == ["4"]
    assert all(issue["message"] and issue["remedy"] for issue in report["issues"])


def test_errors_give_exit_code_1(capture, capsys, tmp_path):
    text = (capture / "intri.yml").read_text()
    (capture / "intri.yml").write_text(
        text.replace("H_4: 640", "H_4: 470").replace("W_4: 470", "W_4: 640")
    )
    assert main(["check", str(capture)]) == 1
    assert "another shape" in capsys.readouterr().out
    (tmp_path / "empty").mkdir()
    assert main(["check", str(tmp_path / "empty"), "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert report["format"] == "unknown"
    assert report["ok"] is False


def test_a_folder_that_does_not_exist_gives_exit_code_2(tmp_path, capsys):
    assert main(["check", str(tmp_path / "nowhere")]) == 2
    assert "does not exist" in capsys.readouterr().out
