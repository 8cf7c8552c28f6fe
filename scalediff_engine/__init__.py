"""ScaleDiff: diffusion upscaling of existing pictures, for artists' editors and folders.

Importing the package switches off what its dependencies would send: onnxruntime's telemetry is on
by default since 1.29 and looks at the environment when it is imported, so this comes first in
every process.
"""

import os

__version__ = "0.2.0"

NO_TELEMETRY = {
    "ORT_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_UPDATE_CHECK": "1",
    "DO_NOT_TRACK": "1",
}
os.environ.update(NO_TELEMETRY)
