"""Does in GIMP what is written into files from outside, one after the other.

``ask-N.py`` in the folder is run; what it leaves in ``answer`` goes into ``answer-N.json``.
"""

import json
import sys
import time
import traceback
from pathlib import Path

sys.path.insert(0, str(Path(sys.argv[0]).parent))
import kit

folder = Path(sys.argv[1])
known = {name: getattr(kit, name) for name in dir(kit) if not name.startswith("__")}
number = 0
while True:
    file = folder / f"ask-{number}.py"
    while not file.exists():
        time.sleep(0.02)
    known["answer"] = None
    error = ""
    try:
        exec(compile(file.read_text(), str(file), "exec"), known)
    except SystemExit:
        break
    except BaseException:
        error = traceback.format_exc()
    draft = folder / f"answer-{number}.part"
    draft.write_text(json.dumps({"answer": known["answer"], "error": error}))
    draft.replace(folder / f"answer-{number}.json")
    number += 1
