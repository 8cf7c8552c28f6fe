#!/bin/bash
# install.sh - set up REAL GIMP 3 and REAL Krita on a bare Debian 12 machine, for automated plug-in tests.
#
#   install.sh                 everything: trixie chroot with GIMP 3.0.x + Krita 5.2.x, and Krita 5.1.5 on this machine
#   install.sh gimp            only the chroot with GIMP
#   install.sh gimp krita      the chroot with both (the quick choice for CI)
#   install.sh krita-native    only bookworm's own Krita 5.1.5 + Xvfb on this machine
#   install.sh --remove        remove the chroot (leaves packages of this machine alone)
#
# Needs: root, the Debian mirror that apt already uses. Uses apt and debootstrap only. Idempotent: a finished step is skipped.
# The chroot gets no lasting mounts: every command in it runs in a private mount namespace (see run-*.sh), so rm -rf is always safe.
# Environment: HOSTS_DIR (default: scalediff-hosts in the user's cache folder), HOSTS_SUITE (default trixie; forky has GIMP 3.2), HOSTS_ROOT (default $HOSTS_DIR/$HOSTS_SUITE), HOSTS_MIRROR, HOSTS_EXTRA (more chroot packages).
set -euo pipefail
HOSTS_DIR=${HOSTS_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/scalediff-hosts}
HOSTS_SUITE=${HOSTS_SUITE:-trixie}
HOSTS_ROOT=${HOSTS_ROOT:-$HOSTS_DIR/$HOSTS_SUITE}
HOSTS_MIRROR=${HOSTS_MIRROR:-$(awk '/^URIs:/{print $2; exit} /^deb /{for(i=2;i<=NF;i++) if($i ~ /^http/){print $i; exit}}' /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list 2>/dev/null || true)}
[ -n "$HOSTS_MIRROR" ] || { echo "install: no Debian mirror found in the apt sources; set HOSTS_MIRROR" >&2; exit 1; }
LOG=$HOSTS_DIR/install.log
export DEBIAN_FRONTEND=noninteractive HOSTS_ROOT
mkdir -p "$HOSTS_DIR"; : > "$LOG"

die()  { echo "install: FAILED: $*" >&2; echo "--- last lines of $LOG" >&2; tail -n 15 "$LOG" >&2; exit 1; }
mb()   { [ -e "$1" ] && du -smx "$1" | cut -f1 || echo 0; }
step() { # step NAME COMMAND... : run, log, print seconds
  local name=$1 t0=$SECONDS; shift
  echo "=== $name" >> "$LOG"
  "$@" >> "$LOG" 2>&1 || die "$name (command: $*)"
  printf 'install: %-42s %4d s\n' "$name" $((SECONDS - t0)); }
have() { dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null | grep -qx installed; }

[ "$(id -u)" = 0 ] || die "must be root"
case "${1:-}" in --remove) rm -rf --one-file-system "$HOSTS_ROOT"; echo "install: removed $HOSTS_ROOT"; exit 0;; esac
WANT=" ${*:-gimp krita krita-native} "
T_ALL=$SECONDS
free=$(df -Pm "$HOSTS_DIR" | awk 'NR==2{print $4}'); [ "$free" -ge 4000 ] || die "only $free MB free in $HOSTS_DIR, 4000 needed"

# --- this machine: debootstrap (for the chroot) and Xvfb (one X server serves both: the abstract X socket is visible in the chroot)
host_pkgs=(xvfb)
case $WANT in *" gimp "*|*" krita "*) host_pkgs+=(debootstrap);; esac
# python3-pyqt5 and python3-sip are only "Recommends" of krita, but without them its Python plug-ins do not load
case $WANT in *" krita-native "*) host_pkgs+=(krita python3-pyqt5 python3-sip);; esac
missing=(); for p in "${host_pkgs[@]}"; do have "$p" || missing+=("$p"); done
if [ ${#missing[@]} -gt 0 ]; then
  step "apt-get update (this machine)" apt-get update
  step "apt-get install ${missing[*]}" apt-get install -y --no-install-recommends -o Dpkg::Use-Pty=0 "${missing[@]}"
fi

# --- the chroot
inchroot() { unshare --mount --propagation private sh -c '
    mount -t proc proc "$HOSTS_ROOT/proc" && mount --bind /dev "$HOSTS_ROOT/dev" && mount --bind /sys "$HOSTS_ROOT/sys" && exec chroot "$HOSTS_ROOT" "$@"' sh "$@"; }
if [[ $WANT == *" gimp "* || $WANT == *" krita "* ]]; then
  if [ ! -e "$HOSTS_ROOT/.bootstrapped" ]; then
    rm -rf --one-file-system "$HOSTS_ROOT"          # a half-made one is of no use
    script=/usr/share/debootstrap/scripts/$HOSTS_SUITE
    [ -e "$script" ] || script=/usr/share/debootstrap/scripts/sid   # an older debootstrap does not know the suite
    step "debootstrap $HOSTS_SUITE (minbase)" debootstrap --variant=minbase --include=ca-certificates "$HOSTS_SUITE" "$HOSTS_ROOT" "$HOSTS_MIRROR" "$script"
    # leaner and faster: no fsync per file, no manuals, no recommended packages
    printf 'force-unsafe-io\npath-exclude=/usr/share/man/*\npath-exclude=/usr/share/info/*\npath-exclude=/usr/share/doc/*\npath-include=/usr/share/doc/*/copyright\n' > "$HOSTS_ROOT/etc/dpkg/dpkg.cfg.d/01lean"
    printf 'APT::Install-Recommends "false";\nAPT::Install-Suggests "false";\nAcquire::Languages "none";\nAcquire::Check-Valid-Until "false";\nDPkg::Use-Pty "0";\nDPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb || true"; };\n' > "$HOSTS_ROOT/etc/apt/apt.conf.d/01lean"
    cp /etc/resolv.conf "$HOSTS_ROOT/etc/resolv.conf" 2>/dev/null || true
    printf '#!/bin/sh\nexit 101\n' > "$HOSTS_ROOT/usr/sbin/policy-rc.d"; chmod +x "$HOSTS_ROOT/usr/sbin/policy-rc.d"   # start no services
    touch "$HOSTS_ROOT/.bootstrapped"
  fi
  pk=()
  # GIMP's Python plug-ins need python3-gi and gir1.2-gimp-3.0 (dependencies of gimp in trixie; named to be sure). fonts: or GTK/Qt draw boxes
  case $WANT in *" gimp "*) pk+=(gimp gir1.2-gimp-3.0 python3-gi fonts-dejavu-core);; esac
  case $WANT in *" krita "*) pk+=(krita python3-pyqt5 fonts-dejavu-core);; esac
  pk+=(${HOSTS_EXTRA:-})
  todo=(); for p in "${pk[@]}"; do [ "$(chroot "$HOSTS_ROOT" dpkg-query -W -f='${db:Status-Status}' "$p" 2>/dev/null || true)" = installed ] || todo+=("$p"); done
  if [ ${#todo[@]} -gt 0 ]; then
    step "chroot: apt-get update" inchroot apt-get update
    step "chroot: apt-get install ${todo[*]}" inchroot apt-get install -y "${todo[@]}"
    inchroot apt-get clean
  fi
fi

# --- tell what there is
case $WANT in *" gimp "*) echo "install: chroot GIMP   $(chroot "$HOSTS_ROOT" dpkg-query -W -f='${Version}' gimp)";; esac
case $WANT in *" krita "*) echo "install: chroot Krita  $(chroot "$HOSTS_ROOT" dpkg-query -W -f='${Version}' krita)";; esac
case $WANT in *" krita-native "*) echo "install: native Krita  $(dpkg-query -W -f='${Version}' krita)";; esac
echo "install: chroot is $(mb "$HOSTS_ROOT") MB; done in $((SECONDS - T_ALL)) s"
