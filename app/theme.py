"""Dark and light looks: one palette and one style sheet each; text meets WCAG AA on its ground."""

from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication

THEMES = ("dark", "light", "system")


@dataclass(frozen=True, slots=True)
class Colours:
    """The colours of a look, as #rrggbb.

    Attributes:
        window: ground of docks and bars.
        base: ground of lists and fields.
        raised: ground of buttons.
        hover: ground of what the cursor is over.
        line: separators and frames.
        text: ordinary text.
        dim: secondary text (still 4.5:1 on `window`).
        accent: selection and the main button.
        on_accent: text on the accent.
        warning: needs attention.
        danger: destroys or failed.
    """

    window: str
    base: str
    raised: str
    hover: str
    line: str
    text: str
    dim: str
    accent: str
    on_accent: str
    warning: str
    danger: str

    @property
    def faint(self) -> str:
        """Text of what cannot be used now: half-way between secondary text and the window."""
        text, ground = QColor(self.dim), QColor(self.window)
        return QColor(
            (text.red() + ground.red()) // 2,
            (text.green() + ground.green()) // 2,
            (text.blue() + ground.blue()) // 2,
        ).name()


DARK = Colours(
    window="#2b2d31", base="#212226", raised="#3a3d43", hover="#474b53", line="#17181b",
    text="#e6e8eb", dim="#a9afb8", accent="#2f6fd0", on_accent="#ffffff",
    warning="#f2b84b", danger="#ff7b6b",
)  # fmt: skip
LIGHT = Colours(
    window="#f1f2f4", base="#ffffff", raised="#e2e5e9", hover="#d3d8df", line="#c3c8d0",
    text="#1c1f24", dim="#555c66", accent="#1f5fbf", on_accent="#ffffff",
    warning="#8a5a00", danger="#b3261e",
)  # fmt: skip


def contrast(first: str, second: str) -> float:
    """Contrast ratio of two colours by WCAG 2, from 1 to 21."""
    bright, dark = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def _luminance(name: str) -> float:
    colour = QColor(name)
    channels = [colour.redF(), colour.greenF(), colour.blueF()]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def colours_of(theme: str) -> Colours:
    """The colours of "dark", "light" or "system" (what the desktop prefers)."""
    if theme == "system":
        hints = QGuiApplication.styleHints()
        return LIGHT if hints.colorScheme() == Qt.ColorScheme.Light else DARK
    return LIGHT if theme == "light" else DARK


def colours_in(palette: QPalette) -> Colours:
    """The look a widget has, told by its palette."""
    return DARK if palette.color(QPalette.ColorRole.Window).lightness() < 128 else LIGHT


def apply_theme(application: QApplication, theme: str) -> None:
    """Give the whole program a look."""
    colours = colours_of(theme)
    application.setStyle("Fusion")
    application.setPalette(palette_of(colours))
    application.setStyleSheet(style_sheet(colours))


def palette_of(colours: Colours) -> QPalette:
    """Qt's palette of a look."""
    palette = QPalette()
    role, group = QPalette.ColorRole, QPalette.ColorGroup
    for names, colour in (
        ((role.Window, role.AlternateBase), colours.window),
        ((role.Base,), colours.base),
        ((role.Button,), colours.raised),
        ((role.WindowText, role.Text, role.ButtonText), colours.text),
        ((role.ToolTipBase,), colours.raised),
        ((role.ToolTipText,), colours.text),
        ((role.Highlight,), colours.accent),
        ((role.HighlightedText,), colours.on_accent),
        ((role.Link,), colours.accent if colours is LIGHT else "#8ab4f8"),
        ((role.PlaceholderText,), colours.dim),
        ((role.Mid, role.Dark, role.Shadow), colours.line),
        ((role.Light, role.Midlight), colours.hover),
        ((role.BrightText,), colours.danger),
        ((role.Accent,), colours.accent),
    ):
        for name in names:
            palette.setColor(name, QColor(colour))
    for name in (role.WindowText, role.Text, role.ButtonText):
        palette.setColor(group.Disabled, name, QColor(colours.dim))
    return palette


def style_sheet(colours: Colours) -> str:
    """What the palette cannot say."""
    c = colours
    return f"""
* {{ dialogbuttonbox-buttons-have-icons: 0; }}
QMainWindow {{ background: {c.window}; }}
QMainWindow::separator {{ background: {c.line}; width: 4px; height: 4px; }}
QMainWindow::separator:hover {{ background: {c.accent}; }}
QMenuBar {{ background: {c.window}; border-bottom: 1px solid {c.line}; padding: 1px 4px; }}
QMenuBar::item {{ padding: 4px 9px; border-radius: 4px; background: transparent; }}
QMenuBar::item:selected {{ background: {c.hover}; }}
QMenu {{ background: {c.window}; border: 1px solid {c.line}; padding: 4px; }}
QMenu::item {{ padding: 5px 26px 5px 22px; border-radius: 4px; }}
QMenu::item:selected {{ background: {c.accent}; color: {c.on_accent}; }}
QMenu::item:disabled {{ color: {c.dim}; }}
QMenu::separator {{ height: 1px; background: {c.line}; margin: 4px 8px; }}
QToolBar {{ background: {c.window}; border: none; border-bottom: 1px solid {c.line};
            spacing: 2px; padding: 3px 5px; }}
QToolBar::separator {{ background: {c.hover}; width: 1px; margin: 4px 6px; }}
QToolBar QLabel {{ color: {c.dim}; padding: 0 2px; }}
QToolButton {{ background: transparent; border: 1px solid transparent; border-radius: 4px;
               padding: 4px 7px; }}
QToolButton:hover {{ background: {c.hover}; }}
QToolButton:checked {{ background: {c.raised}; border-color: {c.hover}; color: {c.text}; }}
QToolBar QToolButton {{ color: {c.text}; }}
QToolButton:disabled, QToolBar QToolButton:disabled {{ color: {c.faint};
    background: transparent; }}
QToolBar QToolButton#main {{ background: {c.accent}; color: {c.on_accent}; font-weight: 600;
                            padding: 4px 12px; }}
QToolBar QToolButton#main:disabled {{ background: {c.raised}; color: {c.dim}; }}
QToolButton::menu-indicator {{ image: none; width: 0; }}
QPushButton {{ background: {c.raised}; border: 1px solid {c.hover}; border-radius: 5px;
               padding: 5px 14px; }}
QPushButton:hover {{ background: {c.hover}; }}
QPushButton:focus {{ border-color: {c.accent}; }}
QPushButton:default, QPushButton#main {{ background: {c.accent}; color: {c.on_accent};
               border-color: {c.accent}; font-weight: 600; }}
QPushButton:disabled {{ color: {c.dim}; background: {c.window}; border-color: {c.raised};
               font-weight: normal; }}
QDockWidget {{ titlebar-close-icon: none; titlebar-normal-icon: none; font-weight: 600; }}
QDockWidget::title {{ background: {c.window}; padding: 5px 8px; text-align: left;
                      border-bottom: 1px solid {c.line}; }}
QTabBar::tab {{ background: {c.line}; color: {c.dim}; padding: 5px 14px; border: none;
                border-top-left-radius: 4px; border-top-right-radius: 4px; }}
QTabBar::tab:selected {{ background: {c.window}; color: {c.text}; }}
QTabBar::tab:hover {{ color: {c.text}; }}
QTreeView, QListView, QTableView, QUndoView {{ background: {c.base}; border: none;
               outline: none; alternate-background-color: {c.window}; }}
QTreeView::item, QListView::item {{ padding: 3px 2px; }}
QTreeView::item:hover, QListView::item:hover {{ background: {c.raised}; }}
QTreeView::item:selected, QListView::item:selected {{ background: {c.accent};
               color: {c.on_accent}; }}
QHeaderView::section {{ background: {c.window}; color: {c.dim}; border: none; padding: 4px 6px; }}
QLineEdit, QPlainTextEdit, QTextEdit {{
               background: {c.base}; border: 1px solid {c.hover}; border-radius: 4px;
               padding: 3px 6px; selection-background-color: {c.accent}; }}
QLineEdit:focus {{ border-color: {c.accent}; }}
QAbstractSpinBox QLineEdit, QComboBox QLineEdit {{ background: transparent; border: none;
               border-radius: 0; padding: 0; }}
QSlider::groove:horizontal {{ height: 4px; background: {c.hover}; border-radius: 2px; }}
QSlider::sub-page:horizontal {{ background: {c.accent}; border-radius: 2px; }}
QSlider::handle:horizontal {{ width: 12px; margin: -5px 0; border-radius: 6px;
               background: {c.text}; }}
QSlider::handle:horizontal:disabled {{ background: {c.dim}; }}
QSlider::sub-page:horizontal:disabled {{ background: {c.hover}; }}
QProgressBar {{ background: {c.base}; border: none; border-radius: 4px; text-align: center;
               min-height: 16px; }}
QProgressBar::chunk {{ background: {c.accent}; border-radius: 4px; }}
QScrollBar:vertical {{ background: transparent; width: 11px; margin: 0; }}
QScrollBar:horizontal {{ background: transparent; height: 11px; margin: 0; }}
QScrollBar::handle {{ background: {c.hover}; border-radius: 4px; min-height: 24px;
               min-width: 24px; margin: 2px; }}
QScrollBar::add-line, QScrollBar::sub-line, QScrollBar::add-page, QScrollBar::sub-page {{
               background: none; height: 0; width: 0; }}
QStatusBar {{ background: {c.window}; border-top: 1px solid {c.line}; color: {c.dim}; }}
QStatusBar::item {{ border: none; }}
QStatusBar QLabel {{ color: {c.dim}; padding: 0 6px; }}
QToolTip {{ background: {c.raised}; color: {c.text}; border: 1px solid {c.line}; padding: 4px; }}
QLabel#dim, QLabel#empty {{ color: {c.dim}; }}
QLabel#warning {{ color: {c.warning}; }}
QLabel#danger {{ color: {c.danger}; }}
"""
