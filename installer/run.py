"""Start ScaleDiff from a clone: ``python3 installer/run.py upscale photo.jpg --scale 4``.

The syntax of the installer is Python 3.9's: any Python since then starts it.
"""

from __future__ import annotations

import sys
from pathlib import Path

INTERRUPTED = 130

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    try:
        from installer.start import main

        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
