"""All that one GIMP without windows plays: ``headless.py STAGE [SCENARIO...]``."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(sys.argv[0]).parent))
import placements
import precisions
from kit import chosen, stage

here = stage()
if len(sys.argv) < 3:
    precisions.main(here)
here.play(chosen(vars(placements)))
