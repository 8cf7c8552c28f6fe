"""Our own single-pass upscaler: two small networks, run by ONNX Runtime; no torch here."""
