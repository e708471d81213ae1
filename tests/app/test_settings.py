from pathlib import Path

from PySide6.QtCore import QByteArray, QSettings

from app.settings import RECENT_LIMIT, Preferences, Settings


def store(path: Path) -> QSettings:
    return QSettings(str(path), QSettings.Format.IniFormat)


def test_preferences_survive_a_restart(stored_settings: Path):
    first = Settings(store(stored_settings))
    first.change(theme="light", ease_frames=4, show_photo=False, avatar_opacity=0.25)
    first.remember_project("/a b/c")
    first.keep_layout("state", QByteArray(b"xyz"))
    del first
    again = Settings(store(stored_settings))
    assert again.values == Preferences(
        theme="light", ease_frames=4, show_photo=False, avatar_opacity=0.25, recent=("/a b/c",)
    )
    assert again.kept_layout("state") == QByteArray(b"xyz")


def test_damaged_preferences_fall_back_to_the_defaults(stored_settings: Path):
    stored_settings.write_text("[General]\nease_frames=soon\navatar_opacity=\n")
    assert Settings(store(stored_settings)).values == Preferences()


def test_listeners_hear_the_name_of_what_changed_and_only_then(settings: Settings):
    heard: list[str] = []
    settings.changed.connect(heard.append)
    settings.change(theme="light", ease_frames=settings.values.ease_frames)
    settings.change(theme="light")
    assert heard == ["theme"]


def test_recent_projects_are_newest_first_without_repeats(settings: Settings):
    for number in range(RECENT_LIMIT + 3):
        settings.remember_project(f"/p{number}")
    settings.remember_project("/p5")
    assert settings.values.recent[0] == "/p5"
    assert len(settings.values.recent) == len(set(settings.values.recent)) == RECENT_LIMIT
