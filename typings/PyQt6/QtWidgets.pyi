from PyQt5.QtWidgets import (
    QApplication as QApplication,
)
from PyQt5.QtWidgets import (
    QHBoxLayout as QHBoxLayout,
)
from PyQt5.QtWidgets import (
    QLabel as QLabel,
)
from PyQt5.QtWidgets import (
    QMessageBox as QMessageBox,
)
from PyQt5.QtWidgets import (
    QProgressBar as QProgressBar,
)
from PyQt5.QtWidgets import (
    QPushButton as QPushButton,
)
from PyQt5.QtWidgets import (
    QToolButton as QToolButton,
)
from PyQt5.QtWidgets import (
    QVBoxLayout as QVBoxLayout,
)
from PyQt5.QtWidgets import (
    QWidget as QWidget,
)
