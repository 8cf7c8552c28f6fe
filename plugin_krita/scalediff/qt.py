"""Qt as Krita brings it: PyQt5 up to Krita 5.3, PyQt6 from Krita 6 on."""

from __future__ import annotations

try:
    from PyQt5.QtCore import QLocale, QRectF, Qt, QTimer, QUrl
    from PyQt5.QtGui import QDesktopServices, QImage, QPainter, QPalette
    from PyQt5.QtWidgets import (
        QApplication,
        QHBoxLayout,
        QLabel,
        QMessageBox,
        QProgressBar,
        QPushButton,
        QToolButton,
        QVBoxLayout,
        QWidget,
    )
except ImportError:
    from PyQt6.QtCore import QLocale, QRectF, Qt, QTimer, QUrl
    from PyQt6.QtGui import QDesktopServices, QImage, QPainter, QPalette
    from PyQt6.QtWidgets import (
        QApplication,
        QHBoxLayout,
        QLabel,
        QMessageBox,
        QProgressBar,
        QPushButton,
        QToolButton,
        QVBoxLayout,
        QWidget,
    )

__all__ = [
    "QApplication",
    "QDesktopServices",
    "QHBoxLayout",
    "QImage",
    "QLabel",
    "QLocale",
    "QMessageBox",
    "QPainter",
    "QPalette",
    "QProgressBar",
    "QPushButton",
    "QRectF",
    "QTimer",
    "QToolButton",
    "QUrl",
    "QVBoxLayout",
    "QWidget",
    "Qt",
]
