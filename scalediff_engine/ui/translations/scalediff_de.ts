<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="de_DE">
<context>
    <name>Banner</name>
    <message>
        <source>&amp;Show it</source>
        <translation>An&amp;zeigen</translation>
    </message>
    <message>
        <source>“{title}” is paused: {finished} of {total} files are finished.</source>
        <translation>„{title}“ ist angehalten: {finished} von {total} Dateien sind fertig.</translation>
    </message>
    <message>
        <source>“{title}” is being upscaled: {finished} of {total} files so far.</source>
        <translation>„{title}“ wird vergrößert: bisher {finished} von {total} Dateien.</translation>
    </message>
    <message>
        <source>A batch</source>
        <translation>Ein Stapel</translation>
    </message>
    <message>
        <source>Unfinished batches: {count}.</source>
        <translation>Unfertige Stapel: {count}.</translation>
    </message>
</context>
<context>
    <name>Batch</name>
    <message>
        <source>&amp;Stop</source>
        <translation>&amp;Beenden</translation>
    </message>
    <message>
        <source>Results that are done stay</source>
        <translation>Fertige Ergebnisse bleiben</translation>
    </message>
    <message>
        <source>After this step (Ctrl+P)</source>
        <translation>Nach diesem Schritt (Strg+P)</translation>
    </message>
    <message>
        <source>Handing the list over</source>
        <translation>Die Liste wird übergeben</translation>
    </message>
    <message>
        <source>{finished} of {total} files</source>
        <translation>{finished} von {total} Dateien</translation>
    </message>
    <message>
        <source>&amp;Try again ({count})</source>
        <translation>&amp;Noch einmal versuchen ({count})</translation>
    </message>
    <message>
        <source>&amp;New batch</source>
        <translation>&amp;Neuer Stapel</translation>
    </message>
    <message>
        <source>&amp;Other pictures</source>
        <translation>&amp;Andere Bilder</translation>
    </message>
    <message>
        <source>{count} done</source>
        <translation>{count} fertig</translation>
    </message>
    <message>
        <source>{count} skipped</source>
        <translation>{count} übersprungen</translation>
    </message>
    <message>
        <source>{count} failed</source>
        <translation>{count} fehlgeschlagen</translation>
    </message>
    <message>
        <source>{count} cancelled</source>
        <translation>{count} abgebrochen</translation>
    </message>
    <message>
        <source>Left out from the start: {count}</source>
        <translation>Von vornherein ausgelassen: {count}</translation>
    </message>
    <message>
        <source>{name}: {phase}, stage {stage} of {stages}</source>
        <translation>{name}: {phase}, Stufe {stage} von {stages}</translation>
    </message>
    <message>
        <source>The list is kept, also when this window is closed and after a restart. It goes on from where it stands when you resume it.</source>
        <translation>Die Liste bleibt erhalten, auch wenn dieses Fenster geschlossen wird und nach einem Neustart. Beim Fortsetzen geht es dort weiter, wo sie steht.</translation>
    </message>
    <message>
        <source>The engine does the work. It goes on when this window is closed, and after a restart; open the dialog again to see how far it is.</source>
        <translation>Die Arbeit macht die Engine. Sie geht weiter, wenn dieses Fenster geschlossen wird, und nach einem Neustart; wie weit sie ist, zeigt der Dialog, wenn er wieder geöffnet wird.</translation>
    </message>
    <message>
        <source>Being handed over</source>
        <translation>Wird übergeben</translation>
    </message>
    <message>
        <source>Running</source>
        <translation>Läuft</translation>
    </message>
    <message>
        <source>Paused</source>
        <translation>Angehalten</translation>
    </message>
    <message>
        <source>Cancelled</source>
        <translation>Abgebrochen</translation>
    </message>
    <message>
        <source>Finished</source>
        <translation>Fertig</translation>
    </message>
</context>
<context>
    <name>Cost</name>
    <message>
        <source>Result</source>
        <translation>Ergebnis</translation>
    </message>
    <message>
        <source>Make it &amp;fit</source>
        <translation>Ein&amp;passen</translation>
    </message>
    <message>
        <source>Make it &amp;fit: {size}</source>
        <translation>Ein&amp;passen: {size}</translation>
    </message>
    <message>
        <source>the processor</source>
        <translation>dem Prozessor</translation>
    </message>
    <message>
        <source>This needs {needed} of memory, and there are {available}.</source>
        <translation>Das braucht {needed} Speicher, vorhanden sind {available}.</translation>
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
        <source>Saving…</source>
        <translation>Wird gespeichert…</translation>
    </message>
    <message>
        <source>Handing the result over…</source>
        <translation>Das Ergebnis wird übergeben…</translation>
    </message>
    <message>
        <source>Document</source>
        <translation>Dokument</translation>
    </message>
    <message>
        <source>What becomes of the document</source>
        <translation>Was aus dem Dokument wird</translation>
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
        <source>Keep the canvas as it is</source>
        <translation>Leinwand lassen, wie sie ist</translation>
    </message>
    <message>
        <source>Grow the canvas to the new layer</source>
        <translation>Leinwand auf die neue Ebene vergrößern</translation>
    </message>
    <message>
        <source>Scale the whole image</source>
        <translation>Ganzes Bild skalieren</translation>
    </message>
    <message>
        <source>Open as a new document</source>
        <translation>Als neues Dokument öffnen</translation>
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
    <name>Destination</name>
    <message>
        <source>Results go</source>
        <translation>Ergebnisse kommen</translation>
    </message>
    <message>
        <source>Beside</source>
        <translation>Daneben</translation>
    </message>
    <message>
        <source>Subfolder</source>
        <translation>Unterordner</translation>
    </message>
    <message>
        <source>One folder</source>
        <translation>Ein Ordner</translation>
    </message>
    <message>
        <source>Into the folder that each picture is in</source>
        <translation>In den Ordner, in dem das jeweilige Bild liegt</translation>
    </message>
    <message>
        <source>Into a folder within the one that each picture is in</source>
        <translation>In einen Ordner innerhalb des Ordners, in dem das jeweilige Bild liegt</translation>
    </message>
    <message>
        <source>Into one folder, with the folders of the pictures in it</source>
        <translation>In einen einzigen Ordner, darin die Ordner der Bilder</translation>
    </message>
    <message>
        <source>Name of the subfolder</source>
        <translation>Name des Unterordners</translation>
    </message>
    <message>
        <source>No folder chosen yet</source>
        <translation>Noch kein Ordner gewählt</translation>
    </message>
    <message>
        <source>Folder for results</source>
        <translation>Ordner für Ergebnisse</translation>
    </message>
    <message>
        <source>C&amp;hoose…</source>
        <translation>&amp;Wählen …</translation>
    </message>
    <message>
        <source>Name of results</source>
        <translation>Name der Ergebnisse</translation>
    </message>
    <message>
        <source>Fields: {fields}</source>
        <translation>Felder: {fields}</translation>
    </message>
    <message>
        <source>For example {name}</source>
        <translation>Zum Beispiel {name}</translation>
    </message>
    <message>
        <source>As the source</source>
        <translation>Wie die Quelle</translation>
    </message>
    <message>
        <source>Format</source>
        <translation>Format</translation>
    </message>
    <message>
        <source>Skip the picture</source>
        <translation>Das Bild überspringen</translation>
    </message>
    <message>
        <source>Replace the result</source>
        <translation>Das Ergebnis ersetzen</translation>
    </message>
    <message>
        <source>Count as failed</source>
        <translation>Als fehlgeschlagen zählen</translation>
    </message>
    <message>
        <source>If a result is there already</source>
        <translation>Wenn ein Ergebnis schon da ist</translation>
    </message>
    <message>
        <source>usual</source>
        <translation>üblich</translation>
    </message>
    <message>
        <source>File quality</source>
        <translation>Dateiqualität</translation>
    </message>
    <message>
        <source>Of JPEG and WebP, 1 to 100; {usual} is a good one</source>
        <translation>Von JPEG und WebP, 1 bis 100; {usual} ist ein guter Wert</translation>
    </message>
</context>
<context>
    <name>Dialog</name>
    <message>
        <source>The engine was started again and does not know the editor any more. Results stay for 24 hours in the recent results.</source>
        <translation>Die Engine wurde neu gestartet und kennt das Malprogramm nicht mehr. Ergebnisse bleiben 24 Stunden lang unter den letzten Ergebnissen.</translation>
    </message>
</context>
<context>
    <name>Errors</name>
    <message>
        <source>Something unexpected happened ({kind}). The log says more.</source>
        <translation>Etwas Unerwartetes ist geschehen ({kind}). Im Protokoll steht mehr.</translation>
    </message>
    <message>
        <source>this computer</source>
        <translation>dieser Rechner</translation>
    </message>
    <message>
        <source>The disk is full ({place}). Make room there and try again.</source>
        <translation>Der Datenträger ist voll ({place}). Schaffen Sie dort Platz und versuchen Sie es noch einmal.</translation>
    </message>
    <message>
        <source>{file} cannot be read or written: {reason}.</source>
        <translation>{file} lässt sich nicht lesen oder schreiben: {reason}.</translation>
    </message>
</context>
<context>
    <name>Files</name>
    <message>
        <source>{name} is there already, and stays as it is.</source>
        <translation>{name} gibt es schon und bleibt, wie es ist.</translation>
    </message>
    <message>
        <source>Saved as {name}.</source>
        <translation>Gespeichert als {name}.</translation>
    </message>
    <message>
        <source>&amp;Add pictures…</source>
        <translation>Bilder &amp;hinzufügen …</translation>
    </message>
    <message>
        <source>Add &amp;folder…</source>
        <translation>&amp;Ordner hinzufügen …</translation>
    </message>
    <message>
        <source>Folders in fo&amp;lders</source>
        <translation>&amp;Unterordner</translation>
    </message>
    <message>
        <source>Shown</source>
        <translation>Gezeigt</translation>
    </message>
    <message>
        <source>Add pictures</source>
        <translation>Bilder hinzufügen</translation>
    </message>
    <message>
        <source>Pictures ({patterns})</source>
        <translation>Bilder ({patterns})</translation>
    </message>
    <message>
        <source>All files (*)</source>
        <translation>Alle Dateien (*)</translation>
    </message>
    <message>
        <source>Add folder</source>
        <translation>Ordner hinzufügen</translation>
    </message>
    <message>
        <source>What is wrong with this picture</source>
        <translation>Was mit diesem Bild nicht stimmt</translation>
    </message>
    <message>
        <source>&amp;Copy error</source>
        <translation>Fehler &amp;kopieren</translation>
    </message>
    <message>
        <source>Left as&amp;ide…</source>
        <translation>A&amp;usgelassen …</translation>
    </message>
    <message>
        <source>Searching… Pictures so far: {count}</source>
        <translation>Suche läuft … Bilder bisher: {count}</translation>
    </message>
    <message>
        <source>Pictures: {count}</source>
        <translation>Bilder: {count}</translation>
    </message>
    <message>
        <source>Left aside: {count}</source>
        <translation>Ausgelassen: {count}</translation>
    </message>
</context>
<context>
    <name>Filter</name>
    <message>
        <source>All</source>
        <translation>Alle</translation>
    </message>
    <message>
        <source>To do</source>
        <translation>Zu tun</translation>
    </message>
    <message>
        <source>Done</source>
        <translation>Fertig</translation>
    </message>
    <message>
        <source>Skipped</source>
        <translation>Übersprungen</translation>
    </message>
    <message>
        <source>Errors</source>
        <translation>Fehler</translation>
    </message>
</context>
<context>
    <name>Folder</name>
    <message>
        <source>What all pictures show, if that helps</source>
        <translation>Was alle Bilder zeigen, falls das hilft</translation>
    </message>
    <message>
        <source>&amp;Upscale ({count})</source>
        <translation>&amp;Vergrößern ({count})</translation>
    </message>
    <message>
        <source>&amp;Upscale</source>
        <translation>&amp;Vergrößern</translation>
    </message>
    <message>
        <source>up to {needed} of {available}</source>
        <translation>bis zu {needed} von {available}</translation>
    </message>
    <message>
        <source>nothing to do</source>
        <translation>nichts zu tun</translation>
    </message>
    <message>
        <source>{count} of {total} pictures cannot be done like this and will be left out; see “Errors” above the list.</source>
        <translation>{count} von {total} Bildern sind so nicht möglich und werden ausgelassen; siehe „Fehler“ über der Liste.</translation>
    </message>
    <message>
        <source>Pictures</source>
        <translation>Bilder</translation>
    </message>
    <message>
        <source>{name} and {count} more</source>
        <translation>{name} und {count} weitere</translation>
    </message>
    <message>
        <source>Searching…</source>
        <translation>Suche läuft …</translation>
    </message>
    <message>
        <source>No picture of this kind</source>
        <translation>Kein solches Bild</translation>
    </message>
    <message>
        <source>No pictures here. Drop pictures or folders onto this window, or add them.</source>
        <translation>Keine Bilder. Ziehen Sie Bilder oder Ordner auf dieses Fenster, oder fügen Sie sie hinzu.</translation>
    </message>
    <message>
        <source>{done} of {total} files are done.</source>
        <translation>{done} von {total} Dateien sind fertig.</translation>
    </message>
    <message>
        <source>Failed: {count}.</source>
        <translation>Fehlgeschlagen: {count}.</translation>
    </message>
    <message>
        <source>“{title}” is finished</source>
        <translation>„{title}“ ist fertig</translation>
    </message>
    <message>
        <source>The engine goes on without this window: {count} files are left.</source>
        <translation>Die Arbeit geht ohne dieses Fenster weiter: {count} Dateien sind noch übrig.</translation>
    </message>
    <message>
        <source>Open the dialog again to see how far it is, to pause it or to stop it.</source>
        <translation>Öffnen Sie den Dialog wieder, um zu sehen, wie weit es ist, es anzuhalten oder zu beenden.</translation>
    </message>
    <message>
        <source>Close, and tell me at the end</source>
        <translation>Schließen und am Ende Bescheid geben</translation>
    </message>
    <message>
        <source>Close</source>
        <translation>Schließen</translation>
    </message>
    <message>
        <source>Pause and close</source>
        <translation>Anhalten und schließen</translation>
    </message>
</context>
<context>
    <name>Loupe</name>
    <message>
        <source>&amp;Look</source>
        <translation>Aus&amp;schnitt rechnen</translation>
    </message>
    <message>
        <source>Compute this part of the result, as the whole would have it</source>
        <translation>Diesen Teil des Ergebnisses berechnen, wie er im Ganzen wäre</translation>
    </message>
    <message>
        <source>Stop</source>
        <translation>Anhalten</translation>
    </message>
    <message>
        <source>Closer</source>
        <translation>Näher</translation>
    </message>
    <message>
        <source>See this part of the result pixel for pixel</source>
        <translation>Diesen Teil des Ergebnisses Pixel für Pixel zeigen</translation>
    </message>
    <message>
        <source>Loupe</source>
        <translation>Lupe</translation>
    </message>
    <message>
        <source>See a part of the result before the whole: drag a frame, or move it with the arrow keys and size it with plus and minus; Return looks</source>
        <translation>Einen Teil des Ergebnisses vor dem Ganzen sehen: einen Rahmen ziehen, oder ihn mit den Pfeiltasten bewegen und mit Plus und Minus vergrößern und verkleinern; Eingabe rechnet</translation>
    </message>
    <message>
        <source>&amp;Look again</source>
        <translation>Neu re&amp;chnen</translation>
    </message>
    <message>
        <source>{size}, about {duration}</source>
        <translation>{size}, etwa {duration}</translation>
    </message>
    <message>
        <source>Look {number}</source>
        <translation>Ausschnitt {number}</translation>
    </message>
    <message>
        <source>Model: {name}</source>
        <translation>Modell: {name}</translation>
    </message>
    <message>
        <source>Quality: {name}</source>
        <translation>Qualität: {name}</translation>
    </message>
    <message>
        <source>Creativity: {value}</source>
        <translation>Kreativität: {value}</translation>
    </message>
    <message>
        <source>Structure: {value}</source>
        <translation>Struktur: {value}</translation>
    </message>
    <message>
        <source>Seed: {value}</source>
        <translation>Startwert: {value}</translation>
    </message>
    <message>
        <source>Prompt: {text}</source>
        <translation>Beschreibung: {text}</translation>
    </message>
    <message>
        <source>Result</source>
        <translation>Ergebnis</translation>
    </message>
    <message>
        <source>With other settings</source>
        <translation>Mit anderen Einstellungen</translation>
    </message>
    <message>
        <source>Looking…</source>
        <translation>Wird berechnet …</translation>
    </message>
    <message>
        <source>Looking… {percent} %</source>
        <translation>Wird berechnet … {percent} %</translation>
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
    <message>
        <source>ScaleDiff&apos;s own, comes with the program</source>
        <translation>Eigenes Modell, kommt mit dem Programm</translation>
    </message>
</context>
<context>
    <name>ModelsDialog</name>
    <message>
        <source>Where it is</source>
        <translation>Wo es liegt</translation>
    </message>
    <message>
        <source>Progress of the download</source>
        <translation>Fortschritt des Downloads</translation>
    </message>
    <message>
        <source>&amp;Stop the download</source>
        <translation>Download an&amp;halten</translation>
    </message>
    <message>
        <source>&amp;Forget this folder</source>
        <translation>Ordner &amp;vergessen</translation>
    </message>
    <message>
        <source>Its files stay as they are.</source>
        <translation>Seine Dateien bleiben, wie sie sind.</translation>
    </message>
    <message>
        <source>Go on with the &amp;download</source>
        <translation>Download &amp;fortsetzen</translation>
    </message>
    <message>
        <source>&amp;Download</source>
        <translation>&amp;Herunterladen</translation>
    </message>
    <message>
        <source>&amp;Remove what has arrived…</source>
        <translation>Angekommenes &amp;entfernen …</translation>
    </message>
    <message>
        <source>&amp;Remove…</source>
        <translation>&amp;Entfernen …</translation>
    </message>
    <message>
        <source>not known here</source>
        <translation>hier nicht bekannt</translation>
    </message>
    <message>
        <source>Licence: {name}</source>
        <translation>Lizenz: {name}</translation>
    </message>
    <message>
        <source>Models</source>
        <translation>Modelle</translation>
    </message>
    <message>
        <source>Model</source>
        <translation>Modell</translation>
    </message>
    <message>
        <source>Size</source>
        <translation>Größe</translation>
    </message>
    <message>
        <source>Memory here</source>
        <translation>Speicher hier</translation>
    </message>
    <message>
        <source>{title} is here.</source>
        <translation>{title} ist da.</translation>
    </message>
    <message>
        <source>{size} were freed.</source>
        <translation>{size} wurden frei.</translation>
    </message>
    <message>
        <source>Found there: {count}.</source>
        <translation>Dort gefunden: {count}.</translation>
    </message>
    <message>
        <source>On this computer</source>
        <translation>Auf diesem Computer</translation>
    </message>
    <message>
        <source>In folders of other programs and of yours</source>
        <translation>In eigenen Ordnern und denen anderer Programme</translation>
    </message>
    <message>
        <source>Can be downloaded</source>
        <translation>Zum Herunterladen</translation>
    </message>
    <message>
        <source>Folders that are looked through</source>
        <translation>Durchsuchte Ordner</translation>
    </message>
    <message>
        <source>Cannot be used</source>
        <translation>Nicht verwendbar</translation>
    </message>
    <message>
        <source>about {size}</source>
        <translation>etwa {size}</translation>
    </message>
    <message>
        <source>1 model</source>
        <translation>1 Modell</translation>
    </message>
    <message>
        <source>{count} models</source>
        <translation>{count} Modelle</translation>
    </message>
    <message>
        <source>does not fit</source>
        <translation>passt nicht</translation>
    </message>
    <message>
        <source>Added by you</source>
        <translation>Von Ihnen hinzugefügt</translation>
    </message>
    <message>
        <source>A picture of {size} takes about {memory} here.</source>
        <translation>Ein Bild mit {size} braucht hier etwa {memory}.</translation>
    </message>
    <message>
        <source>A picture of {size} would take about {memory}, more than there is.</source>
        <translation>Ein Bild mit {size} bräuchte etwa {memory}, mehr als vorhanden ist.</translation>
    </message>
    <message>
        <source>Waiting for the download before it</source>
        <translation>Wartet auf den Download davor</translation>
    </message>
    <message>
        <source>{done} of {total}</source>
        <translation>{done} von {total}</translation>
    </message>
    <message>
        <source>Asking what there is, and whether there is room</source>
        <translation>Es wird geprüft, was es gibt und ob Platz ist</translation>
    </message>
    <message>
        <source>Family {family}, trained at {size}</source>
        <translation>Familie {family}, trainiert mit {size}</translation>
    </message>
    <message>
        <source>Found in: {source}</source>
        <translation>Gefunden in: {source}</translation>
    </message>
    <message>
        <source>{size} of an earlier download are here.</source>
        <translation>{size} eines früheren Downloads sind da.</translation>
    </message>
    <message>
        <source>Models – ScaleDiff</source>
        <translation>Modelle – ScaleDiff</translation>
    </message>
    <message>
        <source>&amp;Add a folder…</source>
        <translation>Ordner &amp;hinzufügen …</translation>
    </message>
    <message>
        <source>Close</source>
        <translation>Schließen</translation>
    </message>
    <message>
        <source>Looking for models…</source>
        <translation>Modelle werden gesucht …</translation>
    </message>
    <message>
        <source>Downloads go to {folder}; {size} are free there.</source>
        <translation>Heruntergeladenes kommt nach {folder}; dort sind {size} frei.</translation>
    </message>
    <message>
        <source>Add a folder with models</source>
        <translation>Ordner mit Modellen hinzufügen</translation>
    </message>
    <message>
        <source>Remove {title} from this computer?</source>
        <translation>{title} von diesem Computer entfernen?</translation>
    </message>
    <message>
        <source>{size} will be freed. Other programs that use the Hugging Face cache lose it too; it can be downloaded again.</source>
        <translation>{size} werden frei. Auch andere Programme, die den Zwischenspeicher von Hugging Face benutzen, verlieren es; es lässt sich wieder herunterladen.</translation>
    </message>
    <message>
        <source>Remove it</source>
        <translation>Entfernen</translation>
    </message>
    <message>
        <source>Keep it</source>
        <translation>Behalten</translation>
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
        <source>Write no metadata</source>
        <translation>Keine Metadaten schreiben</translation>
    </message>
    <message>
        <source>No EXIF, XMP, resolution or recipe in the result; its colour profile stays</source>
        <translation>Kein EXIF, kein XMP, keine Auflösung und kein Rezept im Ergebnis; das Farbprofil bleibt</translation>
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
    <name>Naming</name>
    <message>
        <source>Choose the folder that results go to.</source>
        <translation>Wählen Sie den Ordner, in den die Ergebnisse kommen.</translation>
    </message>
    <message>
        <source>The subfolder “{name}” is no name of a folder.</source>
        <translation>„{name}“ ist kein Name für einen Unterordner.</translation>
    </message>
    <message>
        <source>The name is empty; {usual} is the usual one.</source>
        <translation>Der Name ist leer; üblich ist {usual}.</translation>
    </message>
    <message>
        <source>A name has no slash or backslash in it; the folder is chosen above.</source>
        <translation>In einem Namen steht kein Schrägstrich; der Ordner wird darüber gewählt.</translation>
    </message>
    <message>
        <source>A brace in the name lacks its partner; {braces} are plain braces.</source>
        <translation>Im Namen fehlt einer Klammer die andere; {braces} sind gewöhnliche Klammern.</translation>
    </message>
    <message>
        <source>There is no field {field}; the fields are {fields}.</source>
        <translation>Es gibt kein Feld {field}; die Felder sind {fields}.</translation>
    </message>
    <message>
        <source>The name comes out as nothing but dots.</source>
        <translation>Vom Namen bleiben nur Punkte übrig.</translation>
    </message>
    <message>
        <source>{count} pictures share names and will be left out: “{first}” and “{second}” would both become “{name}”. Use {ext} in the name, another format or another folder.</source>
        <translation>{count} Bilder teilen sich Namen und werden ausgelassen: Aus „{first}“ und „{second}“ würde beide Male „{name}“. {ext} im Namen, ein anderes Format oder ein anderer Ordner trennt sie.</translation>
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
        <source>The result did not come</source>
        <translation>Das Ergebnis ist nicht angekommen</translation>
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
        <translation>Die Engine antwortet gerade nicht. Die Arbeit bleibt erhalten und geht weiter, sobald sie wieder da ist.</translation>
    </message>
</context>
<context>
    <name>Recent</name>
    <message>
        <source>Recent results</source>
        <translation>Letzte Ergebnisse</translation>
    </message>
    <message>
        <source>result</source>
        <translation>Ergebnis</translation>
    </message>
    <message>
        <source>The engine was started again and does not know the editor any more. Ask for the recent results in the editor once more, or save the result as a file.</source>
        <translation>Die Engine wurde neu gestartet und kennt das Programm nicht mehr. Öffnen Sie die letzten Ergebnisse dort noch einmal, oder speichern Sie das Ergebnis als Datei.</translation>
    </message>
    <message>
        <source>Recent results – ScaleDiff</source>
        <translation>Letzte Ergebnisse – ScaleDiff</translation>
    </message>
    <message>
        <source>&amp;Insert as a layer</source>
        <translation>Als Ebene &amp;einfügen</translation>
    </message>
    <message>
        <source>&amp;Save as…</source>
        <translation>&amp;Speichern unter …</translation>
    </message>
    <message>
        <source>&amp;Compare with the source</source>
        <translation>Mit dem Original &amp;vergleichen</translation>
    </message>
    <message>
        <source>&amp;Delete</source>
        <translation>&amp;Löschen</translation>
    </message>
    <message>
        <source>Close</source>
        <translation>Schließen</translation>
    </message>
    <message>
        <source>There are no results of the last 24 hours.</source>
        <translation>In den letzten 24 Stunden gab es keine Ergebnisse.</translation>
    </message>
    <message>
        <source>Looking for results…</source>
        <translation>Ergebnisse werden gesucht …</translation>
    </message>
    <message>
        <source>&amp;Stop</source>
        <translation>&amp;Anhalten</translation>
    </message>
    <message>
        <source>Coming…</source>
        <translation>Kommt …</translation>
    </message>
    <message>
        <source>The result becomes a new layer of the document that is open in {editor}.</source>
        <translation>Das Ergebnis wird eine neue Ebene des Dokuments, das in {editor} offen ist.</translation>
    </message>
    <message>
        <source>the editor</source>
        <translation>dem Programm</translation>
    </message>
    <message>
        <source>To get a result into an editor, open these there: in Krita by Tools &gt; Scripts &gt; Insert recent result, in GIMP by Filters &gt; ScaleDiff &gt; Insert Recent Result.</source>
        <translation>In ein Programm kommt ein Ergebnis von dort aus: in Krita mit Werkzeuge &gt; Skripte &gt; Letztes Ergebnis einfügen, in GIMP mit Filter &gt; ScaleDiff &gt; Letztes Ergebnis einfügen.</translation>
    </message>
    <message>
        <source>Save the result</source>
        <translation>Ergebnis speichern</translation>
    </message>
    <message>
        <source>Pictures ({endings})</source>
        <translation>Bilder ({endings})</translation>
    </message>
    <message>
        <source>Delete the result of {name}? It cannot be brought back.</source>
        <translation>Das Ergebnis von {name} löschen? Es lässt sich nicht zurückholen.</translation>
    </message>
    <message>
        <source>Delete the result</source>
        <translation>Ergebnis löschen</translation>
    </message>
    <message>
        <source>Stop the upscale of {name}? What is done of it is lost.</source>
        <translation>Das Vergrößern von {name} anhalten? Was davon fertig ist, geht verloren.</translation>
    </message>
    <message>
        <source>Stop it</source>
        <translation>Anhalten</translation>
    </message>
    <message>
        <source>Keep it</source>
        <translation>Behalten</translation>
    </message>
    <message>
        <source>Untitled picture</source>
        <translation>Bild ohne Titel</translation>
    </message>
    <message>
        <source>{size} · {model}</source>
        <translation>{size} · {model}</translation>
    </message>
    <message>
        <source>{state}, {percent} %</source>
        <translation>{state}, {percent} %</translation>
    </message>
    <message>
        <source>{ago}, kept for {left} more</source>
        <translation>{ago}, bleibt noch {left}</translation>
    </message>
    <message>
        <source>Just now</source>
        <translation>Gerade eben</translation>
    </message>
    <message>
        <source>{duration} ago</source>
        <translation>Vor {duration}</translation>
    </message>
    <message>
        <source>1 minute</source>
        <translation>1 Minute</translation>
    </message>
    <message>
        <source>{count} minutes</source>
        <translation>{count} Minuten</translation>
    </message>
    <message>
        <source>{count} hours</source>
        <translation>{count} Stunden</translation>
    </message>
</context>
<context>
    <name>Rows</name>
    <message>
        <source>Running, {percent}</source>
        <translation>Läuft, {percent}</translation>
    </message>
    <message>
        <source>Done in {duration}</source>
        <translation>Fertig in {duration}</translation>
    </message>
    <message>
        <source>Ready</source>
        <translation>Bereit</translation>
    </message>
    <message>
        <source>Will not fit</source>
        <translation>Passt nicht</translation>
    </message>
    <message>
        <source>Waiting</source>
        <translation>Wartet</translation>
    </message>
    <message>
        <source>Running</source>
        <translation>Läuft</translation>
    </message>
    <message>
        <source>Skipped</source>
        <translation>Übersprungen</translation>
    </message>
    <message>
        <source>Failed</source>
        <translation>Fehlgeschlagen</translation>
    </message>
    <message>
        <source>Cancelled</source>
        <translation>Abgebrochen</translation>
    </message>
    <message>
        <source>{path} is there already and will be replaced.</source>
        <translation>{path} ist schon da und wird ersetzt.</translation>
    </message>
    <message>
        <source>{path} is there already and stays as it is.</source>
        <translation>{path} ist schon da und bleibt, wie es ist.</translation>
    </message>
    <message>
        <source>There already, will be skipped</source>
        <translation>Schon da, wird übersprungen</translation>
    </message>
    <message>
        <source>There already, will be replaced</source>
        <translation>Schon da, wird ersetzt</translation>
    </message>
    <message>
        <source>There already, will count as failed</source>
        <translation>Schon da, zählt als fehlgeschlagen</translation>
    </message>
    <message>
        <source>Name taken twice</source>
        <translation>Name doppelt vergeben</translation>
    </message>
    <message>
        <source>Would replace its source</source>
        <translation>Würde die Quelle ersetzen</translation>
    </message>
    <message>
        <source>Would replace another source</source>
        <translation>Würde andere Quelle ersetzen</translation>
    </message>
    <message>
        <source>Name not possible here</source>
        <translation>Name hier nicht möglich</translation>
    </message>
    <message>
        <source>Name too long</source>
        <translation>Name zu lang</translation>
    </message>
    <message>
        <source>Too large for the format</source>
        <translation>Zu groß für das Format</translation>
    </message>
    <message>
        <source>No name</source>
        <translation>Kein Name</translation>
    </message>
    <message>
        <source>Another picture would become {path} too. Use {ext} in the name, another format or another folder.</source>
        <translation>Auch aus einem anderen Bild würde {path}. {ext} im Namen, ein anderes Format oder ein anderer Ordner trennt sie.</translation>
    </message>
    <message>
        <source>The result would replace the picture itself: {path}. Another name would work.</source>
        <translation>Das Ergebnis würde das Bild selbst ersetzen: {path}. Mit einem anderen Namen ginge es.</translation>
    </message>
    <message>
        <source>The result would replace another picture of this list: {path}. Another name would work.</source>
        <translation>Das Ergebnis würde ein anderes Bild dieser Liste ersetzen: {path}. Mit einem anderen Namen ginge es.</translation>
    </message>
    <message>
        <source>{path} has characters in its name that this system does not take.</source>
        <translation>{path} hat Zeichen im Namen, die dieses System nicht annimmt.</translation>
    </message>
    <message>
        <source>{path} is longer than this system takes.</source>
        <translation>{path} ist länger, als dieses System annimmt.</translation>
    </message>
    <message>
        <source>The result is too large for this format; TIFF would work.</source>
        <translation>Das Ergebnis ist zu groß für dieses Format; mit TIFF ginge es.</translation>
    </message>
    <message>
        <source>There is no name for the result.</source>
        <translation>Für das Ergebnis gibt es keinen Namen.</translation>
    </message>
</context>
<context>
    <name>Scan</name>
    <message>
        <source>There is no file {path}.</source>
        <translation>Es gibt keine Datei {path}.</translation>
    </message>
    <message>
        <source>{detail} files are not supported; convert them to PNG or TIFF first.</source>
        <translation>{detail}-Dateien werden nicht unterstützt; erst in PNG oder TIFF umwandeln.</translation>
    </message>
    <message>
        <source>The folder {path} cannot be read: {detail}.</source>
        <translation>Der Ordner {path} kann nicht gelesen werden: {detail}.</translation>
    </message>
    <message>
        <source>The file&apos;s name is not in UTF-8; another name would work.</source>
        <translation>Der Name der Datei ist nicht in UTF-8; mit einem anderen Namen ginge es.</translation>
    </message>
    <message>
        <source>It has {width} × {height} pixels; {least} a side are the least.</source>
        <translation>Es hat {width} × {height} Pixel; mindestens {least} je Seite müssen es sein.</translation>
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
        <source>A diffusion model draws new detail, step by step</source>
        <translation>Ein Diffusionsmodell zeichnet neue Einzelheiten, Schritt für Schritt</translation>
    </message>
    <message>
        <source>A small network enlarges in one pass and adds nothing</source>
        <translation>Ein kleines Netz vergrößert in einem Durchgang und fügt nichts hinzu</translation>
    </message>
    <message>
        <source>Fast</source>
        <translation>Schnell</translation>
    </message>
    <message>
        <source>Quick, on the processor, and sharper than plain enlarging; nothing is invented. There is no model, prompt, creativity, quality or seed to choose: the network hears of the picture alone.</source>
        <translation>Schnell, auf dem Prozessor, und schärfer als bloßes Vergrößern; nichts wird erfunden. Modell, Prompt, Kreativität, Qualität und Startwert gibt es hier nicht zu wählen: Das Netz erfährt nur vom Bild.</translation>
    </message>
    <message>
        <source>What the fast method does</source>
        <translation>Was das schnelle Verfahren tut</translation>
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
        <source>Method</source>
        <translation>Verfahren</translation>
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
    <name>Skips</name>
    <message>
        <source>Not a picture</source>
        <translation>Kein Bild</translation>
    </message>
    <message>
        <source>Hidden</source>
        <translation>Versteckt</translation>
    </message>
    <message>
        <source>Format not supported</source>
        <translation>Format nicht unterstützt</translation>
    </message>
    <message>
        <source>Cannot be read</source>
        <translation>Nicht lesbar</translation>
    </message>
    <message>
        <source>Folder cannot be read</source>
        <translation>Ordner nicht lesbar</translation>
    </message>
    <message>
        <source>Name not in UTF-8</source>
        <translation>Name nicht in UTF-8</translation>
    </message>
    <message>
        <source>Result of an earlier run</source>
        <translation>Ergebnis eines früheren Laufs</translation>
    </message>
    <message>
        <source>Too small</source>
        <translation>Zu klein</translation>
    </message>
    <message>
        <source>Folder that is not looked into</source>
        <translation>Ordner, in den nicht geschaut wird</translation>
    </message>
    <message>
        <source>Same file again</source>
        <translation>Dieselbe Datei noch einmal</translation>
    </message>
    <message>
        <source>Not there</source>
        <translation>Nicht da</translation>
    </message>
    <message>
        <source>Left aside</source>
        <translation>Ausgelassen</translation>
    </message>
    <message>
        <source>Reason</source>
        <translation>Grund</translation>
    </message>
    <message>
        <source>All reasons ({count})</source>
        <translation>Alle Gründe ({count})</translation>
    </message>
    <message>
        <source>Close</source>
        <translation>Schließen</translation>
    </message>
    <message>
        <source>Only the first {count} are listed.</source>
        <translation>Nur die ersten {count} sind aufgeführt.</translation>
    </message>
</context>
<context>
    <name>Start</name>
    <message>
        <source>Choose &amp;pictures…</source>
        <translation>&amp;Bilder wählen…</translation>
    </message>
    <message>
        <source>Choose a &amp;folder…</source>
        <translation>&amp;Ordner wählen…</translation>
    </message>
    <message>
        <source>What is to be upscaled?</source>
        <translation>Was soll vergrößert werden?</translation>
    </message>
    <message>
        <source>Drop a picture here, or several, or a folder.</source>
        <translation>Ein Bild hierher ziehen, oder mehrere, oder einen Ordner.</translation>
    </message>
    <message>
        <source>One picture opens with its cost, a preview and a comparison; more than one, or a folder, opens as a list. Nothing is changed or overwritten.</source>
        <translation>Ein einzelnes Bild öffnet sich mit Aufwand, Vorschau und Vergleich; mehrere Bilder oder ein Ordner öffnen sich als Liste. Nichts wird verändert oder überschrieben.</translation>
    </message>
    <message>
        <source>Choose pictures</source>
        <translation>Bilder wählen</translation>
    </message>
    <message>
        <source>Choose a folder</source>
        <translation>Ordner wählen</translation>
    </message>
</context>
<context>
    <name>Table</name>
    <message>
        <source>Picture</source>
        <translation>Bild</translation>
    </message>
    <message>
        <source>Size</source>
        <translation>Größe</translation>
    </message>
    <message>
        <source>Result</source>
        <translation>Ergebnis</translation>
    </message>
    <message>
        <source>State</source>
        <translation>Zustand</translation>
    </message>
    <message>
        <source>Pictures</source>
        <translation>Bilder</translation>
    </message>
    <message>
        <source>&amp;Open result</source>
        <translation>Ergebnis ö&amp;ffnen</translation>
    </message>
    <message>
        <source>Show in &amp;folder</source>
        <translation>Im &amp;Ordner zeigen</translation>
    </message>
    <message>
        <source>&amp;Copy error</source>
        <translation>Fehler &amp;kopieren</translation>
    </message>
    <message>
        <source>&amp;Remove from the list</source>
        <translation>Aus der Liste ent&amp;fernen</translation>
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
        <source>Fast guess, not the result</source>
        <translation>Schnellvorschau, nicht das Ergebnis</translation>
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
    <message>
        <source>Fast guess</source>
        <translation>Schnellvorschau</translation>
    </message>
    <message>
        <source>Show where the picture is enlarged what a small, fast network makes of it: a guess, not the result</source>
        <translation>Zeigt, wo das Bild vergrößert zu sehen ist, was ein kleines, schnelles Netz daraus macht: eine Schätzung, nicht das Ergebnis</translation>
    </message>
</context>
<context>
    <name>Welcome</name>
    <message>
        <source>Welcome – ScaleDiff</source>
        <translation>Willkommen – ScaleDiff</translation>
    </message>
    <message>
        <source>&amp;Skip</source>
        <translation>Ü&amp;berspringen</translation>
    </message>
    <message>
        <source>&amp;Back</source>
        <translation>&amp;Zurück</translation>
    </message>
    <message>
        <source>{page} of {pages}</source>
        <translation>{page} von {pages}</translation>
    </message>
    <message>
        <source>&amp;Done</source>
        <translation>&amp;Fertig</translation>
    </message>
    <message>
        <source>&amp;Next</source>
        <translation>&amp;Weiter</translation>
    </message>
    <message>
        <source>What computes here</source>
        <translation>Was hier rechnet</translation>
    </message>
    <message>
        <source>Pictures stay on this computer. Before each upscale you see how long it will take here and how much memory it needs.</source>
        <translation>Bilder bleiben auf diesem Computer. Vor jedem Vergrößern sehen Sie, wie lange es hier dauert und wie viel Speicher es braucht.</translation>
    </message>
    <message>
        <source>Which model</source>
        <translation>Welches Modell</translation>
    </message>
    <message>
        <source>Where plug-ins go</source>
        <translation>Wohin die Plug-ins gehören</translation>
    </message>
    <message>
        <source>ScaleDiff works inside Krita and GIMP by a plug-in, which is copied into one of these folders; start the editor again afterwards.</source>
        <translation>In Krita und GIMP arbeitet ScaleDiff durch ein Plug-in, das in einen dieser Ordner kopiert wird; starten Sie das Programm danach neu.</translation>
    </message>
    <message>
        <source>{editor} – not found here; the usual folder</source>
        <translation>{editor} – hier nicht gefunden; der übliche Ordner</translation>
    </message>
    <message>
        <source>Plug-in folder of {editor}</source>
        <translation>Plug-in-Ordner von {editor}</translation>
    </message>
    <message>
        <source>Looking…</source>
        <translation>Wird gesucht …</translation>
    </message>
    <message>
        <source>The processor</source>
        <translation>Der Prozessor</translation>
    </message>
    <message>
        <source>{device}, {memory} free</source>
        <translation>{device}, {memory} frei</translation>
    </message>
    <message>
        <source>A graphics card was found; it does the work.</source>
        <translation>Eine Grafikkarte wurde gefunden; sie macht die Arbeit.</translation>
    </message>
    <message>
        <source>No graphics card was found that can be used. The model that comes with the program works all the same, in minutes; large models take much longer.</source>
        <translation>Es wurde keine verwendbare Grafikkarte gefunden. Das mitgelieferte Modell arbeitet trotzdem, in Minuten; große Modelle brauchen viel länger.</translation>
    </message>
    <message>
        <source>Of the large models, these fit: {names}.</source>
        <translation>Von den großen Modellen passen: {names}.</translation>
    </message>
    <message>
        <source>None of the large models fits into this memory.</source>
        <translation>Keines der großen Modelle passt in diesen Speicher.</translation>
    </message>
    <message>
        <source>The download begins after the last page and goes on in the background; until it is there, the model of the program works.</source>
        <translation>Der Download beginnt nach der letzten Seite und läuft im Hintergrund; bis er da ist, arbeitet das mitgelieferte Modell.</translation>
    </message>
    <message>
        <source>You can change this at any time, for each picture.</source>
        <translation>Sie können das jederzeit ändern, für jedes Bild.</translation>
    </message>
    <message>
        <source>Ready. Small and quick; edges and textures, nothing invented.</source>
        <translation>Bereit. Klein und schnell; Kanten und Texturen, nichts Erfundenes.</translation>
    </message>
    <message>
        <source>Download of about {size}</source>
        <translation>Download von etwa {size}</translation>
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
    <message>
        <source>&amp;Models…</source>
        <translation>&amp;Modelle …</translation>
    </message>
    <message>
        <source>&amp;Recent results…</source>
        <translation>&amp;Letzte Ergebnisse …</translation>
    </message>
    <message>
        <source>&amp;First steps…</source>
        <translation>&amp;Erste Schritte …</translation>
    </message>
    <message>
        <source>Other windows (F10)</source>
        <translation>Andere Fenster (F10)</translation>
    </message>
    <message>
        <source>Other windows</source>
        <translation>Andere Fenster</translation>
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
        <source>Enlarging</source>
        <translation>Vergrößern</translation>
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
