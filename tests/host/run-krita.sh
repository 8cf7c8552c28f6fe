#!/bin/bash
# run-krita.sh [options] SCRIPT.py [ARGS...] - run SCRIPT.py inside a real, headless Krita; return its exit status.
#   -n           this machine's own Krita (bookworm 5.1.5); default is the chroot's (trixie 5.2.x)
#   -g           the whole Krita with its windows (under Xvfb); default is kritarunner (no windows, no active document/view, faster)
#   -t SECONDS   time-out (default 120); exit status 124 when it strikes
#   -p DIR       install plug-in(s) from DIR before the start (DIR holds NAME.desktop and the folder NAME; DIR/actions/*.action too) and enable them
#   -b DIR       also show DIR inside the chroot, at the same path
#   -H DIR       HOME to use (default $HOSTS_DIR/home-krita-{native,chroot}, kept: a new one costs 15-28 s, a kept one 2-5 s)
#   -k           keep the plug-ins enabled that the settings in HOME enable
# SCRIPT.py runs in Krita's UI thread, with sys.argv. If it defines main(done), main is called and the script goes on until it calls done(N)
# (needs -g: only there does an event loop run); else it has ended when it returns. sys.exit(N) or an exception sets the status.
# Krita is left with os._exit (a plain exit of kritarunner can abort after a save), so save what matters first.
set -eu
. "$(dirname "$0")/common.sh"
T=120 H= ROOT=$HOSTS_ROOT KIND=chroot GUI= PLUG=() BINDS=
KEEP=
while getopts t:p:b:H:gkn o; do case $o in k) KEEP=1;; t) T=$OPTARG;; p) PLUG+=("$(realpath "$OPTARG")");; b) BINDS+=" $(realpath "$OPTARG")";; H) H=$OPTARG;; g) GUI=1;; n) ROOT=/ KIND=native;; *) exit 2;; esac; done; shift $((OPTIND-1))
[ $# -ge 1 ] || { sed -n 2,14p "$0"; exit 2; }
S=$(realpath "$1"); shift; H=${H:-$HOSTS_DIR/home-krita-$KIND}
[ -x "${ROOT%/}/usr/bin/kritarunner" ] || { echo "run-krita: no Krita in $ROOT (run install.sh)" >&2; exit 69; }
mkdir -p "$H/.config" "$H/run" "$H/.local/share/krita/pykrita/hostdriver" "$H/.local/share/krita/actions"; chmod 700 "$H/run"; H=$(realpath "$H"); K=$H/.local/share/krita
printf '[Desktop Entry]\nType=Service\nServiceTypes=Krita/PythonPlugin\nX-KDE-Library=hostdriver\nX-Python-2-Compatible=false\nName=Host driver (tests)\n' > "$K/pykrita/hostdriver.desktop"
cat > "$K/pykrita/hostdriver/__init__.py" <<'PY'
import os, sys, traceback
_ran = False
def _done(rc=0):
    sys.stdout.flush(); sys.stderr.flush(); os._exit(rc)
def go():
    global _ran
    if _ran: return
    _ran = True
    p = os.environ["HOST_SCRIPT"]; sys.argv = [p] + [x for x in os.environ.get("HOST_ARGS", "").split("\x1f") if x]
    g = {"__name__": "__main__", "__file__": p, "done": _done}
    try:
        exec(compile(open(p).read(), p, "exec"), g)
        if callable(g.get("main")): g["main"](_done); return
        _done(0)
    except SystemExit as e: _done(e.code if isinstance(e.code, int) else int(e.code is not None))
    except BaseException: traceback.print_exc(); _done(1)
def main(*a):             # kritarunner -s hostdriver -f main
    go(); _done(70)       # main(done) came back without done(): kritarunner has no event loop to wait in
if os.environ.get("HOST_GUI") == "1":
    from krita import Krita, Extension
    try: from PyQt5.QtCore import QTimer
    except ImportError: from PyQt6.QtCore import QTimer
    class HostDriver(Extension):
        def setup(self): pass
        def createActions(self, window): QTimer.singleShot(500, go)      # once the first window is there
    Krita.instance().addExtension(HostDriver(Krita.instance()))
PY
names=hostdriver
for p in ${PLUG[@]+"${PLUG[@]}"}; do for f in "$p"/*.desktop; do n=$(basename "$f" .desktop); rm -rf "$K/pykrita/$n"; cp -a "$f" "$p/$n" "$K/pykrita/"; names+=" $n"; done; [ -d "$p/actions" ] && cp -a "$p"/actions/*.action "$K/actions/"; done
[ -z "$KEEP" ] || names+=" $(sed -n 's/^enable_\(.*\)=true$/\1/p' "$H/.config/kritarc")"
{ echo '[python]'; for n in $names; do echo "enable_$n=true"; done; } > "$H/.config/kritarc"
export HOSTS_BIND="$H $(dirname "$S")$BINDS" HOST_SCRIPT=$S HOST_ARGS HOST_GUI=$GUI; HOST_ARGS=$(printf '%s\x1f' "$@")
E=(HOME="$H" XDG_RUNTIME_DIR="$H/run" LC_ALL=C.UTF-8 PATH=/usr/bin:/bin)
if [ -n "$GUI" ]; then start_xvfb; C=(env -u PYTHONHOME -u PYTHONPATH "${E[@]}" DISPLAY="$DISPLAY" krita --nosplash)           # krita itself insists on the xcb platform
else C=(env -u PYTHONHOME "${E[@]}" QT_QPA_PLATFORM=offscreen PYTHONPATH="$K/pykrita" kritarunner -s hostdriver -f main); fi
set +e
ns_run "$T" "$ROOT" "${C[@]}" </dev/null 2> >(grep -vE 'krita.lib.resources|SyntaxWarning|qrc:/|qml:|^ +[\^*B~]|^  .*\\|QObject::startTimer|no color provider' >&2)
exit $?
