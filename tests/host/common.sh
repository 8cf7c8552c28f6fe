# common.sh - sourced by run-gimp.sh and run-krita.sh. Not a command.
HOSTS_DIR=${HOSTS_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/scalediff-hosts}
export HOSTS_ROOT=${HOSTS_ROOT:-$HOSTS_DIR/${HOSTS_SUITE:-trixie}}
XVFB_PID=
# An Xvfb that ends takes away the socket of a new one with the same number, so that on one machine no
# two start or end at the same time.
XVFB_LOCK=/tmp/scalediff-tests-xvfb.lock
start_xvfb() { # use $DISPLAY if the caller set HOSTS_KEEP_DISPLAY=1, else an Xvfb of our own on a free number
  [ "${HOSTS_KEEP_DISPLAY:-}" = 1 ] && [ -n "${DISPLAY:-}" ] && return 0
  local f; f=$(mktemp); exec 8>"$XVFB_LOCK"; flock 8
  # without -noreset, a client that connects while the last other one leaves is dropped
  Xvfb -noreset -displayfd 3 -screen 0 "${HOSTS_SCREEN:-1600x1000x24}" -nolisten tcp 3>"$f" 8>&- >/dev/null 2>&1 & XVFB_PID=$!
  for _ in $(seq 400); do [ -s "$f" ] && break; sleep 0.05; done
  exec 8>&-
  [ -s "$f" ] || { echo "hosts: Xvfb did not start" >&2; return 1; }
  DISPLAY=:$(tr -d '\n' < "$f"); export DISPLAY; rm -f "$f"; }
stop_xvfb() {
  [ -n "$XVFB_PID" ] || return 0
  exec 8>"$XVFB_LOCK"; flock 8; kill "$XVFB_PID" 2>/dev/null && wait "$XVFB_PID" 2>/dev/null; exec 8>&-; XVFB_PID=; return 0; }
trap stop_xvfb EXIT
# ns_run TIMEOUT ROOT CMD... : run CMD (in the chroot ROOT, or on this machine when ROOT is /) in private mount and pid namespaces:
# when CMD ends or times out (exit 124, or 137), everything that it started is ended with it. $HOSTS_BIND: folders shown at the same path.
ns_run() { local t=$1 root=$2; shift 2
  NS_ROOT=$root NS_T=$t unshare --mount --pid --fork --kill-child --propagation private bash -c '
    set -e
    mount -t proc proc "${NS_ROOT%/}/proc"
    if [ "$NS_ROOT" != / ]; then
      mount --bind /dev "$NS_ROOT/dev"; mkdir -p "$NS_ROOT/dev/shm"; mount --bind /dev/shm "$NS_ROOT/dev/shm"; mount --bind /sys "$NS_ROOT/sys"
      for d in $HOSTS_BIND; do mkdir -p "$NS_ROOT$d"; mount --bind "$d" "$NS_ROOT$d"; done
    fi
    r=$NS_ROOT; t=$NS_T; unset NS_ROOT NS_T
    # bash stays pid 1: as pid 1, "timeout" of coreutils 9.10 exits with 125
    chroot "$r" timeout -k 5 "$t" "$@" || exit $?' _ "$@"; }
