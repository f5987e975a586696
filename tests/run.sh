#!/usr/bin/env bash
# All tests from a fresh clone on a bare Debian 12 with cargo: on SQLite, and once more on a PostgreSQL server of its own (free port,
# temporary folder) those that touch SQL. Installs what is missing (apt; pip into target/venv and target/readers, npm into
# target/verifier) and fails loudly when it can't: no test
# is skipped for want of a tool. Arguments go to `cargo test`.
set -euo pipefail
cd "$(dirname "$0")/.."

# Tests on whichever database TEST_DATABASE names; and those that have PostgreSQL whatever it says, or none at all.
on_either=(cli ledger life service)
on_one=(chain document_proof face faults floors invoice parties postgres readers render tamper verifier)
for file in tests/*.rs; do
  target=$(basename "$file" .rs)
  if [[ " ${on_either[*]} ${on_one[*]} " != *" $target "* ]]; then
    echo "tests/run.sh does not know whether tests/$target.rs has to run on both databases" >&2
    exit 1
  fi
done

# What the tests and the build call, and the Debian package of each.
declare -A package_of=(
  [cc]=build-essential [chromium]=chromium [git]=git [gs]=ghostscript [mutool]=mupdf-tools [node]=nodejs [npm]=npm
  [openssl]=openssl [pdfdetach]=poppler-utils [pdffonts]=poppler-utils [pdfsig]=poppler-utils [pdftoppm]=poppler-utils [pdftotext]=poppler-utils
  [prlimit]=util-linux [python3]=python3 [qpdf]=qpdf [zbarimg]=zbar-tools
)
# Of PostgreSQL it is the server that counts; its programs are not in PATH.
newest_postgres() {
  local postgres
  postgres=$(compgen -G '/usr/lib/postgresql/*/bin/postgres' | sort -V | tail -n 1) && [[ -n $postgres ]] && dirname "$postgres"
}
missing=()
for tool in "${!package_of[@]}"; do
  command -v "$tool" >/dev/null || missing+=("${package_of[$tool]}")
done
python3 -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3-venv)
newest_postgres >/dev/null || missing+=(postgresql)
if ((${#missing[@]})); then
  mapfile -t missing < <(printf '%s\n' "${missing[@]}" | sort -u)
  echo "installing: ${missing[*]}" >&2
  as_root=()
  if ((EUID != 0)); then
    command -v sudo >/dev/null || { echo "not root and no sudo: install ${missing[*]} by hand" >&2; exit 1; }
    as_root=(sudo)
  fi
  "${as_root[@]}" apt-get update -q
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends "${missing[@]}"
fi
for tool in "${!package_of[@]}"; do
  command -v "$tool" >/dev/null || { echo "$tool is still missing after installing ${package_of[$tool]}" >&2; exit 1; }
done
TEST_POSTGRES_BIN=$(newest_postgres) || { echo "the PostgreSQL server is still missing after installing postgresql" >&2; exit 1; }

# Makes a venv again when its list of packages has changed. The lists are whole and pinned: nothing is resolved.
venv() {
  local folder=$1 requirements=$2
  if ! cmp -s "$requirements" "$folder/installed.txt"; then
    mkdir -p target
    # One that was made half (python there, pip missing) is made anew.
    "$folder/bin/python" -m pip --version >/dev/null 2>&1 || python3 -m venv --clear "$folder"
    "$folder/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --requirement "$requirements"
    cp "$requirements" "$folder/installed.txt"
  fi
}
# The oracle: another implementation, in Python. And other people's readers of what is printed.
venv target/venv tests/oracle/requirements.txt
venv target/readers tests/readers/requirements.txt
# Not a name with PIAOLIAN_: the service reads those as its configuration and refuses a key that it does not know.
ORACLE_PYTHON="$PWD/target/venv/bin/python"
READERS_PYTHON="$PWD/target/readers/bin/python"
export ORACLE_PYTHON READERS_PYTHON PATH="$PWD/target/venv/bin:$PATH"

# The server. PostgreSQL does not run as root.
as_postgres=()
if ((EUID == 0)); then
  as_postgres=(runuser -u postgres --)
fi
# In memory where there is room: making a database there takes 35 ms instead of 600 (measured), and each test makes one.
folder_in=${TMPDIR:-/tmp}
if [[ -d /dev/shm && -w /dev/shm ]] && (($(df --output=avail -k /dev/shm | tail -n 1) > 2 * 1024 * 1024)); then
  folder_in=/dev/shm
fi
folder=$(mktemp -d -p "$folder_in" piaolian-test.XXXXXXXX)
child=
clean_up() {
  trap '' INT TERM
  if [[ -n $child ]]; then
    kill -TERM -- "-$child" 2>/dev/null || true
  fi
  if [[ -f $folder/data/postmaster.pid ]]; then
    "${as_postgres[@]}" "$TEST_POSTGRES_BIN/pg_ctl" stop --silent -D "$folder/data" -m immediate || true
  fi
  rm -rf "$folder"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

start_server() {
  local port try
  if ((EUID == 0)); then
    chown postgres "$folder"
  fi
  (
    cd "$folder"
    "${as_postgres[@]}" env LC_ALL=C "$TEST_POSTGRES_BIN/initdb" -D "$folder/data" -U postgres -A trust -E UTF8 --no-locale --no-sync \
      >"$folder/initdb.log"
    # No power is cut here, so nothing need be forced to the disk; wal_level is for the tests of replicas.
    cat >>"$folder/data/postgresql.conf" <<SETTINGS
listen_addresses = '127.0.0.1'
unix_socket_directories = '$folder'
max_connections = 300
max_wal_senders = 10
wal_level = replica
fsync = off
full_page_writes = off
max_wal_size = 256MB
SETTINGS
    for try in 1 2 3 4 5; do
      # Free now; if somebody takes it meanwhile, the next try has another.
      port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
      if "${as_postgres[@]}" "$TEST_POSTGRES_BIN/pg_ctl" start --silent -w -D "$folder/data" -l "$folder/server.log" -o "-p $port"; then
        echo "$port" >"$folder/port"
        return
      fi
    done
    cat "$folder/server.log" >&2
    return 1
  )
}
start_server || { echo "the PostgreSQL server could not be started" >&2; exit 1; }
TEST_POSTGRES="postgres://postgres@127.0.0.1:$(<"$folder/port")/postgres"
export TEST_POSTGRES TEST_POSTGRES_BIN

# In the background, so that a signal is heard at once and not when the tests are through; as a job, so that it ends with all its children.
run() {
  local before=$SECONDS status=0
  echo "== $1: cargo test ${*:2}"
  set -m
  # One set of features for all targets, so that nothing is built twice: tests/faults.rs needs this one in the program.
  cargo test --locked --features faults "${@:2}" &
  child=$!
  set +m
  wait "$child" || status=$?
  child=
  echo "== $1: $((SECONDS - before)) s"
  return "$status"
}

unset TEST_DATABASE
run "SQLite" "$@"
# Once more what touches SQL, unless the arguments say which targets.
targets=()
chosen() {
  local argument
  for argument in "$@"; do
    case $argument in
      --) return 1 ;;
      --lib | --bins | --bin | --bin=* | --test | --test=* | --tests | --doc | --all-targets | --example* | --bench*) return 0 ;;
    esac
  done
  return 1
}
if ! chosen "$@"; then
  targets=("${on_either[@]/#/--test=}")
fi
export TEST_DATABASE="$TEST_POSTGRES"
run "PostgreSQL $("$TEST_POSTGRES_BIN/postgres" --version | grep -o '[0-9][0-9.]*' | head -n 1)" "${targets[@]}" "$@"
