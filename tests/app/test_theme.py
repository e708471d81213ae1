import pytest
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QApplication

from app.theme import DARK, LIGHT, Colours, apply_theme, colours_in, contrast, palette_of


@pytest.mark.parametrize("colours", [DARK, LIGHT], ids=["dark", "light"])
def test_text_meets_aa_on_every_ground_it_stands_on(colours: Colours):
    for ground in (colours.window, colours.base, colours.raised, colours.hover):
        assert contrast(colours.text, ground) >= 4.5
    for ground in (colours.window, colours.base):
        assert contrast(colours.dim, ground) >= 4.5
        assert contrast(colours.warning, ground) >= 4.5
        assert contrast(colours.danger, ground) >= 4.5
    assert contrast(colours.on_accent, colours.accent) >= 4.5
    assert contrast(colours.accent, colours.window) >= 2.5


def test_contrast_is_that_of_wcag():
    assert contrast("#ffffff", "#000000") == pytest.approx(21.0)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


def test_a_theme_reaches_the_whole_program_and_can_be_told_by_the_palette(qapp: QApplication):
    before, sheet = qapp.palette(), qapp.styleSheet()
    try:
        apply_theme(qapp, "light")
        assert qapp.palette().color(QPalette.ColorRole.Window).name() == LIGHT.window
        assert colours_in(qapp.palette()) is LIGHT
        assert colours_in(palette_of(DARK)) is DARK
    finally:
        qapp.setPalette(before)
        qapp.setStyleSheet(sheet)
