from PyQt5.QtCore import (
    QLocale as QLocale,
)
from PyQt5.QtCore import (
    QRectF as QRectF,
)
from PyQt5.QtCore import (
    Qt as Qt,
)
from PyQt5.QtCore import (
    QTimer as QTimer,
)
from PyQt5.QtCore import (
    QUrl as QUrl,
)
