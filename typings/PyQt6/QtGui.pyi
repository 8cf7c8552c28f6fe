from PyQt5.QtGui import (
    QDesktopServices as QDesktopServices,
)
from PyQt5.QtGui import (
    QImage as QImage,
)
from PyQt5.QtGui import (
    QPainter as QPainter,
)
from PyQt5.QtGui import (
    QPalette as QPalette,
)
