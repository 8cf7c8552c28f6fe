<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="de_DE">
<context>
    <name>Cost</name>
    <message>
        <source>Result</source>
        <translation>Ergebnis</translation>
    </message>
    <message>
        <source>Time</source>
        <translation>Dauer</translation>
    </message>
    <message>
        <source>Memory</source>
        <translation>Speicher</translation>
    </message>
    <message>
        <source>On</source>
        <translation>Auf</translation>
    </message>
    <message>
        <source>Warning</source>
        <translation>Warnung</translation>
    </message>
    <message>
        <source>about {duration}</source>
        <translation>etwa {duration}</translation>
    </message>
    <message>
        <source>{needed} of {available}</source>
        <translation>{needed} von {available}</translation>
    </message>
</context>
<context>
    <name>Decide</name>
    <message>
        <source>Tries</source>
        <translation>Versuche</translation>
    </message>
    <message>
        <source>Copy the &amp;recipe</source>
        <translation>&amp;Rezept kopieren</translation>
    </message>
    <message>
        <source>How this result was made, as text, to make it again</source>
        <translation>Wie dieses Ergebnis entstanden ist, als Text, um es noch einmal zu machen</translation>
    </message>
    <message>
        <source>&amp;Save</source>
        <translation>&amp;Speichern</translation>
    </message>
    <message>
        <source>&amp;Accept</source>
        <translation>&amp;Übernehmen</translation>
    </message>
    <message>
        <source>&amp;Try again with changes</source>
        <translation>Mit Änderungen noch einmal &amp;versuchen</translation>
    </message>
    <message>
        <source>Close</source>
        <translation>Schließen</translation>
    </message>
    <message>
        <source>Discard</source>
        <translation>Verwerfen</translation>
    </message>
    <message>
        <source>Result: {size}</source>
        <translation>Ergebnis: {size}</translation>
    </message>
    <message>
        <source>Scaled back, it is {mean} of 255 levels from the source on average, and hardly anywhere more than {most}.</source>
        <translation>Zurückverkleinert weicht es im Mittel um {mean} von 255 Stufen von der Quelle ab und kaum irgendwo um mehr als {most}.</translation>
    </message>
    <message>
        <source>creativity {value}</source>
        <translation>Kreativität {value}</translation>
    </message>
    <message>
        <source>seed {value}</source>
        <translation>Startwert {value}</translation>
    </message>
</context>
<context>
    <name>Dialog</name>
    <message>
        <source>The engine was started again and does not know the editor any more. Results stay for 24 hours in the recent results.</source>
        <translation>Der Dienst wurde neu gestartet und kennt das Malprogramm nicht mehr. Ergebnisse bleiben 24 Stunden lang unter den letzten Ergebnissen.</translation>
    </message>
</context>
<context>
    <name>Errors</name>
    <message>
        <source>Something unexpected happened ({kind}). The log says more.</source>
        <translation>Etwas Unerwartetes ist geschehen ({kind}). Im Protokoll steht mehr.</translation>
    </message>
</context>
<context>
    <name>Files</name>
    <message>
        <source>{name} cannot be read as a picture.</source>
        <translation>{name} lässt sich nicht als Bild lesen.</translation>
    </message>
    <message>
        <source>{name} is there already, and stays as it is.</source>
        <translation>{name} gibt es schon und bleibt, wie es ist.</translation>
    </message>
    <message>
        <source>{name} cannot be written: {reason}.</source>
        <translation>{name} lässt sich nicht schreiben: {reason}.</translation>
    </message>
    <message>
        <source>Saved as {name}.</source>
        <translation>Gespeichert als {name}.</translation>
    </message>
</context>
<context>
    <name>Models</name>
    <message>
        <source>Model</source>
        <translation>Modell</translation>
    </message>
    <message>
        <source>{title} – not on this computer</source>
        <translation>{title} – nicht auf diesem Rechner</translation>
    </message>
</context>
<context>
    <name>More</name>
    <message>
        <source>the model&apos;s own</source>
        <translation>wie im Modell vorgesehen</translation>
    </message>
    <message>
        <source>What it must not show</source>
        <translation>Was nicht zu sehen sein soll</translation>
    </message>
    <message>
        <source>what is free</source>
        <translation>was frei ist</translation>
    </message>
    <message>
        <source>In neighbouring patches (ScaleDiff)</source>
        <translation>In benachbarten Feldern (ScaleDiff)</translation>
    </message>
    <message>
        <source>All at once (slow, for comparison)</source>
        <translation>Alles auf einmal (langsam, zum Vergleich)</translation>
    </message>
    <message>
        <source>Overlapping tiles (MultiDiffusion)</source>
        <translation>Überlappende Kacheln (MultiDiffusion)</translation>
    </message>
    <message>
        <source>Keep the source&apos;s colours</source>
        <translation>Farben der Quelle beibehalten</translation>
    </message>
    <message>
        <source>Structure guidance</source>
        <translation>Strukturführung</translation>
    </message>
    <message>
        <source>Latent frequency mixing</source>
        <translation>Latente Frequenzmischung</translation>
    </message>
    <message>
        <source>Move the patches at each step</source>
        <translation>Felder in jedem Schritt verschieben</translation>
    </message>
    <message>
        <source>Not in the picture</source>
        <translation>Nicht im Bild</translation>
    </message>
    <message>
        <source>Steps of a stage</source>
        <translation>Schritte je Stufe</translation>
    </message>
    <message>
        <source>Guidance by the prompt</source>
        <translation>Führung durch die Beschreibung</translation>
    </message>
    <message>
        <source>Memory it may take</source>
        <translation>Speicher, den es belegen darf</translation>
    </message>
    <message>
        <source>Attention</source>
        <translation>Aufmerksamkeit</translation>
    </message>
</context>
<context>
    <name>Notify</name>
    <message>
        <source>ScaleDiff is upscaling</source>
        <translation>ScaleDiff vergrößert</translation>
    </message>
</context>
<context>
    <name>Progress</name>
    <message>
        <source>Progress</source>
        <translation>Fortschritt</translation>
    </message>
    <message>
        <source>&amp;Pause</source>
        <translation>&amp;Anhalten</translation>
    </message>
    <message>
        <source>&amp;Try again</source>
        <translation>Noch einmal &amp;versuchen</translation>
    </message>
    <message>
        <source>Keep working in the &amp;background</source>
        <translation>Im &amp;Hintergrund weiterarbeiten</translation>
    </message>
    <message>
        <source>Close the window; a message tells when the result is there</source>
        <translation>Das Fenster schließen; eine Meldung sagt, wenn das Ergebnis da ist</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>Abbrechen</translation>
    </message>
    <message>
        <source>Handing the picture over</source>
        <translation>Das Bild wird übergeben</translation>
    </message>
    <message>
        <source>Fetching the result</source>
        <translation>Das Ergebnis wird geholt</translation>
    </message>
    <message>
        <source>Stage {stage} of {stages}, step {step} of {steps}</source>
        <translation>Stufe {stage} von {stages}, Schritt {step} von {steps}</translation>
    </message>
    <message>
        <source>&amp;Resume</source>
        <translation>&amp;Fortsetzen</translation>
    </message>
    <message>
        <source>The engine does not answer at the moment. The work is kept and goes on as soon as it is back.</source>
        <translation>Der Dienst antwortet gerade nicht. Die Arbeit bleibt erhalten und geht weiter, sobald er wieder da ist.</translation>
    </message>
</context>
<context>
    <name>Seed</name>
    <message>
        <source>Seed</source>
        <translation>Startwert</translation>
    </message>
    <message>
        <source>Keep the seed for the next try</source>
        <translation>Startwert für den nächsten Versuch behalten</translation>
    </message>
    <message>
        <source>Another seed</source>
        <translation>Ein anderer Startwert</translation>
    </message>
    <message>
        <source>The next try has the same seed</source>
        <translation>Der nächste Versuch hat denselben Startwert</translation>
    </message>
    <message>
        <source>The next try has another seed</source>
        <translation>Der nächste Versuch hat einen anderen Startwert</translation>
    </message>
</context>
<context>
    <name>Settings</name>
    <message>
        <source>Quality</source>
        <translation>Güte</translation>
    </message>
    <message>
        <source>Fast</source>
        <translation>Schnell</translation>
    </message>
    <message>
        <source>Balanced</source>
        <translation>Ausgewogen</translation>
    </message>
    <message>
        <source>Best</source>
        <translation>Beste</translation>
    </message>
    <message>
        <source>Creativity</source>
        <translation>Kreativität</translation>
    </message>
    <message>
        <source>Faithful</source>
        <translation>Getreu</translation>
    </message>
    <message>
        <source>Inventive</source>
        <translation>Erfinderisch</translation>
    </message>
    <message>
        <source>How much the model may add that the source does not show</source>
        <translation>Wie viel das Modell hinzufügen darf, was die Quelle nicht zeigt</translation>
    </message>
    <message>
        <source>Structure</source>
        <translation>Struktur</translation>
    </message>
    <message>
        <source>Loose</source>
        <translation>Locker</translation>
    </message>
    <message>
        <source>Firm</source>
        <translation>Fest</translation>
    </message>
    <message>
        <source>How firmly shapes of the source are kept</source>
        <translation>Wie fest Formen der Quelle erhalten bleiben</translation>
    </message>
    <message>
        <source>&amp;Upscale</source>
        <translation>&amp;Vergrößern</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>Abbrechen</translation>
    </message>
    <message>
        <source>Back to the &amp;results</source>
        <translation>Zurück zu den E&amp;rgebnissen</translation>
    </message>
    <message>
        <source>Size</source>
        <translation>Größe</translation>
    </message>
    <message>
        <source>Model</source>
        <translation>Modell</translation>
    </message>
    <message>
        <source>Prompt</source>
        <translation>Beschreibung</translation>
    </message>
    <message>
        <source>Seed</source>
        <translation>Startwert</translation>
    </message>
    <message>
        <source>More options</source>
        <translation>Weitere Einstellungen</translation>
    </message>
    <message>
        <source>Start the upscale (Ctrl+Return)</source>
        <translation>Vergrößerung beginnen (Strg+Eingabe)</translation>
    </message>
    <message>
        <source>What the picture shows, if that helps. Empty is fine.</source>
        <translation>Was das Bild zeigt, wenn es hilft. Darf leer bleiben.</translation>
    </message>
</context>
<context>
    <name>Size</name>
    <message>
        <source>Size in</source>
        <translation>Größe in</translation>
    </message>
    <message>
        <source>Scale</source>
        <translation>Faktor</translation>
    </message>
    <message>
        <source>Pixels</source>
        <translation>Pixel</translation>
    </message>
    <message>
        <source>Millimetres</source>
        <translation>Millimeter</translation>
    </message>
    <message>
        <source> ppi</source>
        <translation> ppi</translation>
    </message>
    <message>
        <source>Resolution in pixels per inch</source>
        <translation>Auflösung in Pixel pro Zoll</translation>
    </message>
    <message>
        <source>Resolution</source>
        <translation>Auflösung</translation>
    </message>
    <message>
        <source>Width</source>
        <translation>Breite</translation>
    </message>
    <message>
        <source>Height</source>
        <translation>Höhe</translation>
    </message>
</context>
<context>
    <name>View</name>
    <message>
        <source>Preview</source>
        <translation>Vorschau</translation>
    </message>
    <message>
        <source>Result</source>
        <translation>Ergebnis</translation>
    </message>
    <message>
        <source>Source</source>
        <translation>Quelle</translation>
    </message>
    <message>
        <source>Picture</source>
        <translation>Bild</translation>
    </message>
    <message>
        <source>Arrow keys move the picture, plus and minus zoom, Ctrl with the arrow keys moves the line between source and result, Space shows the source.</source>
        <translation>Pfeiltasten verschieben das Bild, Plus und Minus ändern die Größe, Strg mit den Pfeiltasten verschiebt die Linie zwischen Quelle und Ergebnis, die Leertaste zeigt die Quelle.</translation>
    </message>
    <message>
        <source>Fit</source>
        <translation>Ganz</translation>
    </message>
    <message>
        <source>All of the picture</source>
        <translation>Das ganze Bild</translation>
    </message>
    <message>
        <source>One pixel for each of the result&apos;s</source>
        <translation>Ein Bildpunkt für jeden des Ergebnisses</translation>
    </message>
    <message>
        <source>Four pixels for each of the result&apos;s</source>
        <translation>Vier Bildpunkte für jeden des Ergebnisses</translation>
    </message>
    <message>
        <source>Compare</source>
        <translation>Vergleichen</translation>
    </message>
    <message>
        <source>Split</source>
        <translation>Geteilt</translation>
    </message>
    <message>
        <source>Blink</source>
        <translation>Wechseln</translation>
    </message>
    <message>
        <source>Side by side</source>
        <translation>Nebeneinander</translation>
    </message>
    <message>
        <source>Source on the left of a line, result on its right</source>
        <translation>Die Quelle links einer Linie, das Ergebnis rechts davon</translation>
    </message>
    <message>
        <source>Source and result in turn</source>
        <translation>Quelle und Ergebnis abwechselnd</translation>
    </message>
    <message>
        <source>Source and result beside each other</source>
        <translation>Quelle und Ergebnis nebeneinander</translation>
    </message>
    <message>
        <source>Smooth source</source>
        <translation>Quelle glätten</translation>
    </message>
    <message>
        <source>Show the enlarged source smooth, not as squares</source>
        <translation>Die vergrößerte Quelle geglättet zeigen, nicht als Quadrate</translation>
    </message>
    <message>
        <source>Drift map</source>
        <translation>Abweichung</translation>
    </message>
    <message>
        <source>Where the result, scaled back, is not the source any more</source>
        <translation>Wo das Ergebnis, zurückverkleinert, nicht mehr die Quelle ist</translation>
    </message>
</context>
<context>
    <name>Window</name>
    <message>
        <source>Trouble</source>
        <translation>Störung</translation>
    </message>
    <message>
        <source>The picture did not come</source>
        <translation>Das Bild ist nicht gekommen</translation>
    </message>
    <message>
        <source>The picture is coming…</source>
        <translation>Das Bild kommt …</translation>
    </message>
    <message>
        <source>Untitled picture</source>
        <translation>Bild ohne Namen</translation>
    </message>
    <message>
        <source>{name} – ScaleDiff</source>
        <translation>{name} – ScaleDiff</translation>
    </message>
    <message>
        <source>{source}, to {result}</source>
        <translation>{source}, zu {result}</translation>
    </message>
    <message>
        <source>The upscale stopped</source>
        <translation>Die Vergrößerung ist stehen geblieben</translation>
    </message>
    <message>
        <source>The result is there</source>
        <translation>Das Ergebnis ist da</translation>
    </message>
    <message>
        <source>{name} is upscaled.</source>
        <translation>{name} ist vergrößert.</translation>
    </message>
    <message>
        <source>The upscale is still running.</source>
        <translation>Die Vergrößerung läuft noch.</translation>
    </message>
    <message>
        <source>Keep working in the background</source>
        <translation>Im Hintergrund weiterarbeiten</translation>
    </message>
    <message>
        <source>Stop and discard</source>
        <translation>Anhalten und verwerfen</translation>
    </message>
    <message>
        <source>Back</source>
        <translation>Zurück</translation>
    </message>
</context>
<context>
    <name>Words</name>
    <message>
        <source>{size} px</source>
        <translation>{size} px</translation>
    </message>
    <message>
        <source>less than a second</source>
        <translation>weniger als eine Sekunde</translation>
    </message>
    <message>
        <source>{seconds} s</source>
        <translation>{seconds} s</translation>
    </message>
    <message>
        <source>{minutes} min {seconds} s</source>
        <translation>{minutes} min {seconds} s</translation>
    </message>
    <message>
        <source>{minutes} min</source>
        <translation>{minutes} min</translation>
    </message>
    <message>
        <source>{hours} h {minutes} min</source>
        <translation>{hours} h {minutes} min</translation>
    </message>
    <message>
        <source>Time left is not known yet</source>
        <translation>Restdauer noch nicht bekannt</translation>
    </message>
    <message>
        <source>A few seconds left</source>
        <translation>Noch ein paar Sekunden</translation>
    </message>
    <message>
        <source>About {duration} left</source>
        <translation>Noch etwa {duration}</translation>
    </message>
    <message>
        <source>Encoding</source>
        <translation>Kodieren</translation>
    </message>
    <message>
        <source>Warming up</source>
        <translation>Warmlaufen</translation>
    </message>
    <message>
        <source>Sharpening</source>
        <translation>Schärfen</translation>
    </message>
    <message>
        <source>Decoding</source>
        <translation>Dekodieren</translation>
    </message>
    <message>
        <source>Finishing</source>
        <translation>Fertigstellen</translation>
    </message>
    <message>
        <source>Waiting for its turn</source>
        <translation>Wartet, bis es an der Reihe ist</translation>
    </message>
    <message>
        <source>Running</source>
        <translation>Läuft</translation>
    </message>
    <message>
        <source>Pausing after this step</source>
        <translation>Hält nach diesem Schritt an</translation>
    </message>
    <message>
        <source>Paused</source>
        <translation>Angehalten</translation>
    </message>
    <message>
        <source>Cancelling</source>
        <translation>Wird abgebrochen</translation>
    </message>
    <message>
        <source>Cancelled</source>
        <translation>Abgebrochen</translation>
    </message>
    <message>
        <source>Done</source>
        <translation>Fertig</translation>
    </message>
    <message>
        <source>It did not work</source>
        <translation>Es hat nicht geklappt</translation>
    </message>
</context>
</TS>
