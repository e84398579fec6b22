#!/bin/sh
# Generates Go stubs from proto/ alone, builds the scenario player and the failover example with them, and plays the golden scenarios
# against a running server.
#
#   clients/go/check.sh ADDRESS KEY [ADMIN_KEY]
#
# Needs Go 1.24 or later, and protoc or a Python with grpcio-tools ($PYTHON). Everything made is kept in $CROUPIER_GO_CACHE, by default
# ~/.cache/croupier-go: nothing is written into the repository. `check.sh --build` only generates and builds.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
cache=${CROUPIER_GO_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/croupier-go}
protoc_gen_go=v1.36.12
protoc_gen_go_grpc=v1.6.2

say_usage() {
	sed -n '2,8s/^# \{0,1\}//p' "$0" >&2
	exit 2
}

# Runs protoc with what it was given.
run_protoc() {
	if command -v protoc >/dev/null 2>&1; then
		protoc "$@"
	else
		"${PYTHON:-python3}" -m grpc_tools.protoc "$@"
	fi
}

install_generators() {
	[ -x "$cache/bin/protoc-gen-go-$protoc_gen_go" ] || {
		GOBIN="$cache/bin" go install "google.golang.org/protobuf/cmd/protoc-gen-go@$protoc_gen_go"
		mv "$cache/bin/protoc-gen-go" "$cache/bin/protoc-gen-go-$protoc_gen_go"
	}
	[ -x "$cache/bin/protoc-gen-go-grpc-$protoc_gen_go_grpc" ] || {
		GOBIN="$cache/bin" go install "google.golang.org/grpc/cmd/protoc-gen-go-grpc@$protoc_gen_go_grpc"
		mv "$cache/bin/protoc-gen-go-grpc" "$cache/bin/protoc-gen-go-grpc-$protoc_gen_go_grpc"
	}
}

# The protos name no Go package, so that they stay neutral; each is told here to go into croupier/scenarios/pb.
generate() {
	options=""
	files=""
	for file in "$root"/proto/croupier/v1/*.proto; do
		name="croupier/v1/$(basename "$file")"
		options="$options --go_opt=M$name=croupier/scenarios/pb --go-grpc_opt=M$name=croupier/scenarios/pb"
		files="$files $name"
	done
	mkdir -p "$1"
	# shellcheck disable=SC2086 # The options and files are lists.
	run_protoc -I "$root/proto" $options \
		--plugin=protoc-gen-go="$cache/bin/protoc-gen-go-$protoc_gen_go" --go_out="$1" --go_opt=module=croupier/scenarios \
		--plugin=protoc-gen-go-grpc="$cache/bin/protoc-gen-go-grpc-$protoc_gen_go_grpc" --go-grpc_out="$1" \
		--go-grpc_opt=module=croupier/scenarios $files
}

build() {
	command -v go >/dev/null 2>&1 || { echo "clients/go needs Go: https://go.dev/dl" >&2; exit 2; }
	mkdir -p "$cache"
	work=$(mktemp -d "$cache/work.XXXXXX")
	trap 'rm -rf "$work"' EXIT
	install_generators
	generate "$work"
	cp -r "$here"/*.go "$here/go.mod" "$here/go.sum" "$here/failover" "$work/"
	(cd "$work" && go vet ./... && go build -o "$cache/bin/scenarios" . && go build -o "$cache/bin/failover" ./failover)
}

case "${1:-}" in
--build) build ;;
"" | -*) say_usage ;;
*)
	[ $# -ge 2 ] || say_usage
	build
	"$cache/bin/scenarios" -address "$1" -key "$2" -admin-key "${3:-}" -scenarios "$root/tests/golden/scenarios"
	;;
esac
