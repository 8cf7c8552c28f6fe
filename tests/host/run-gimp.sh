#!/bin/bash
# run-gimp.sh [options] SCRIPT.py [ARGS...] - run SCRIPT.py inside the real, headless GIMP 3 of the chroot; return its exit status.
#   -t SECONDS   time-out (default 120); exit status 124 when it strikes
#   -p DIR       install plug-in folder DIR (it holds DIR/$(basename DIR).py) before the start; may be repeated
#   -b DIR       also show DIR inside the chroot, at the same path; may be repeated (the script's and the plug-ins' folders are shown anyway)
#   -H DIR       HOME to use (default $HOSTS_DIR/home-gimp, kept: a new one costs 10-20 s, a kept one 3-6 s)
#   -g           with GIMP's windows (under Xvfb) instead of gimp-console; images opened with Gimp.Display.new(image) show
# In SCRIPT.py: Gimp, Gio, GLib, Gegl and sys.argv are there. sys.exit(N) or an exception sets the exit status; returning means 0.
# The script runs in the process of GIMP's python-fu-eval plug-in; call the plug-in under test through the PDB.
set -eu
. "$(dirname "$0")/common.sh"
# the newest GIMP there, such as 3.0 or 3.2; its programs and its settings are named after it
V=$(cd "$HOSTS_ROOT/usr/bin" 2>/dev/null && ls | sed -n 's/^gimp-console-\([0-9][0-9.]*\)$/\1/p' | sort -V | tail -n 1)
[ -n "$V" ] || { echo "run-gimp: no GIMP in $HOSTS_ROOT (run install.sh gimp)" >&2; exit 69; }
T=120 H=$HOSTS_DIR/home-gimp BIN=gimp-console-$V GUI=-i PLUG=() BINDS=
while getopts t:p:b:H:g o; do case $o in t) T=$OPTARG;; p) PLUG+=("$(realpath "$OPTARG")");; b) BINDS+=" $(realpath "$OPTARG")";; H) H=$OPTARG;; g) BIN=gimp-$V GUI=--no-splash;; *) exit 2;; esac; done; shift $((OPTIND-1))
[ $# -ge 1 ] || { sed -n 2,10p "$0"; exit 2; }
S=$(realpath "$1"); shift
mkdir -p "$H/.config/GIMP/$V/plug-ins" "$H/run"; chmod 700 "$H/run"; H=$(realpath "$H")
for p in ${PLUG[@]+"${PLUG[@]}"}; do n=$(basename "$p"); d=$H/.config/GIMP/$V/plug-ins/$n; [ -f "$p/$n.py" ] || { echo "run-gimp: $p/$n.py is missing" >&2; exit 2; }
  rm -rf "$d"; cp -a "$p" "$d"; chmod +x "$d/$n.py"; done
W=$(mktemp -d "$H/run/r.XXXXXX")
export HOSTS_BIND="$H $(dirname "$S")$BINDS ${HOST_BINDS:-}" HOST_RC=$W/rc HOST_SCRIPT=$S HOST_ARGS; HOST_ARGS=$(printf '%s\x1f' "$@")
cat > "$W/w.py" <<'PY'
import os, sys, traceback
def _host():
    rc = 0; a = os.environ.get("HOST_ARGS", ""); p = os.environ["HOST_SCRIPT"]; sys.argv = [p] + [x for x in a.split("\x1f") if x]
    import gi
    gi.require_version("Gegl", "0.4")
    from gi.repository import Gegl, Gio, GLib
    g = dict(globals(), Gegl=Gegl, Gio=Gio, GLib=GLib, __name__="__main__", __file__=p)
    try: exec(compile(open(p).read(), p, "exec"), g)
    except SystemExit as e: rc = e.code if isinstance(e.code, int) else (0 if e.code is None else (print(e.code, file=sys.stderr), 1)[1])
    except BaseException: traceback.print_exc(); rc = 1
    for im in Gimp.get_images() if os.environ.get("HOST_GUI") != "1" else []: im.delete()      # else GIMP prints "stray image"
    sys.stdout.flush(); sys.stderr.flush(); open(os.environ["HOST_RC"], "w").write(str(rc))
_host()
PY
start_xvfb
set +e
HOST_GUI=$([ "$BIN" = "gimp-$V" ] && echo 1) ns_run "$T" "$HOSTS_ROOT" env HOME="$H" XDG_RUNTIME_DIR="$H/run" DISPLAY="$DISPLAY" LC_ALL="${HOST_LOCALE:-C.UTF-8}" PATH=/usr/bin:/bin NO_AT_BRIDGE=1 GTK_A11Y=none GDK_BACKEND=x11 \
  "$BIN" $GUI --batch-interpreter=python-fu-eval -b "exec(compile(open('$W/w.py').read(), 'w.py', 'exec'), globals())" --quit </dev/null 2> >(grep -vE '^$|gimp_flush\(\): error: Broken pipe|GeglBuffers leaked|gegl_tile_cache_destroy|stale context|script_fu_add_resource_arg' >&2)
rc=$?
if [ -s "$W/rc" ]; then rc=$(cat "$W/rc"); elif [ $rc = 0 ]; then rc=70; fi     # 70: GIMP ended well but the script never finished
rm -rf "$W"; exit "$rc"
