"""Every command of the window as a QAction: its words, its key, and what it does."""

from collections.abc import Callable

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QAction, QActionGroup, QKeySequence
from PySide6.QtWidgets import QWidget

from app.settings import Settings
from app.workbench import Workbench


class Actions(QObject):
    """The commands by name; menus, toolbar and the shortcut sheet are made from them."""

    def __init__(self, bench: Workbench, window: QWidget) -> None:
        super().__init__(window)
        self._bench, self._window = bench, window
        self._actions: dict[str, QAction] = {}
        self._order: list[str] = []

    def __getitem__(self, name: str) -> QAction:
        return self._actions[name]

    def all(self) -> tuple[QAction, ...]:
        """In the order they were added."""
        return tuple(self._actions[name] for name in self._order)

    def add(
        self,
        name: str,
        text: str,
        run: Callable[[], object],
        *,
        keys: str | tuple[str, ...] = (),
        tip: str = "",
    ) -> QAction:
        """A command; `keys` in Qt's portable spelling."""
        action = QAction(text, self._window)
        action.setObjectName(name)
        keys = (keys,) if isinstance(keys, str) else keys
        action.setShortcuts([QKeySequence(key) for key in keys])
        action.setShortcutContext(Qt.ShortcutContext.WindowShortcut)
        shown = (
            QKeySequence(keys[0]).toString(QKeySequence.SequenceFormat.NativeText) if keys else ""
        )
        plain = text.replace("&", "").rstrip("…")
        action.setToolTip(f"{tip or plain}" + (f"  ({shown})" if shown else ""))
        action.setStatusTip(tip)
        action.triggered.connect(lambda *_: run())
        self._window.addAction(action)
        self._actions[name] = action
        self._order.append(name)
        return action

    def add_switch(
        self, name: str, text: str, setting: str, *, keys: str | tuple[str, ...] = (), tip: str = ""
    ) -> QAction:
        """A command that turns a boolean preference on and off."""
        settings = self._bench.settings
        action = self.add(
            name,
            text,
            lambda: settings.change(**{setting: self._actions[name].isChecked()}),
            keys=keys,
            tip=tip,
        )
        action.setCheckable(True)
        action.setChecked(getattr(settings.values, setting))

        def follow(changed: str) -> None:
            if changed == setting:
                action.setChecked(getattr(settings.values, setting))

        settings.changed.connect(follow)
        return action

    def add_choice(
        self, setting: str, choices: tuple[tuple[str, str, str], ...], *, prefix: str = ""
    ) -> QActionGroup:
        """Exclusive commands that set a preference: (value, text, tip) each."""
        settings = self._bench.settings
        group = QActionGroup(self._window)
        for value, text, tip in choices:
            action = self.add(
                f"{prefix or setting}_{value}", text, _setter(settings, setting, value), tip=tip
            )
            action.setCheckable(True)
            action.setChecked(getattr(settings.values, setting) == value)
            action.setData(value)
            group.addAction(action)

        def follow(changed: str) -> None:
            if changed == setting:
                for action in group.actions():
                    action.setChecked(action.data() == getattr(settings.values, setting))

        settings.changed.connect(follow)
        return group


def _setter(settings: Settings, setting: str, value: object) -> Callable[[], None]:
    return lambda: settings.change(**{setting: value})
