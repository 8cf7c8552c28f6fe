"""German for what plug-ins say; a test compares it with what the code says."""

from __future__ import annotations

GERMAN = {
    "Upscale with ScaleDiff...": "Mit ScaleDiff vergrößern …",
    "Upscale Selection in Place": "Auswahl an Ort und Stelle verfeinern",
    "Repeat Last Upscale": "Letzte Vergrößerung wiederholen",
    "Insert Recent Result...": "Letztes Ergebnis einfügen …",
    "Re-run This Layer...": "Diese Ebene neu berechnen …",
    "Starting the engine": "Die Engine startet",
    "Sending the pixels": "Die Pixel werden übergeben",
    "Waiting for the dialog": "Der Dialog ist offen",
    "Upscaling": "Vergrößern",
    "Fetching the result": "Das Ergebnis wird geholt",
}
