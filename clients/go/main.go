// Command scenarios plays the golden scenarios against a running server, through stubs that Go's own generators make from proto/ alone.
//
// The layout: main.go reads the options, scenario.go plays a file step by step, call.go sends one call, compare.go judges a response,
// names.go fills in ${names}.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

func main() {
	address := flag.String("address", "127.0.0.1:7400", "host:port of the server")
	operator := flag.String("operator", "demo", "the operator that the key belongs to")
	key := flag.String("key", "", "operator key, ck_…")
	adminKey := flag.String("admin-key", "", "admin key; without it scenarios that need one are left out")
	folder := flag.String("scenarios", "../../tests/golden/scenarios", "folder of the scenarios")
	flag.Parse()
	paths, err := filepath.Glob(filepath.Join(*folder, "*.json"))
	if err != nil || len(paths) == 0 {
		fail("no scenarios in %s", *folder)
	}
	connection, err := grpc.NewClient(*address, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithDisableRetry())
	if err != nil {
		fail("%s: %v", *address, err)
	}
	defer connection.Close()
	failed := 0
	for _, path := range paths {
		given := map[string]string{"operator": *operator, "player": newID(), "operatorKey": *key, "adminKey": *adminKey}
		if !play(connection, path, given) {
			failed++
		}
	}
	fmt.Printf("%d of %d scenarios passed\n", len(paths)-failed, len(paths))
	if failed > 0 {
		os.Exit(1)
	}
}

func play(connection *grpc.ClientConn, path string, given map[string]string) bool {
	name := filepath.Base(path)
	scenario, err := readScenario(connection, path, given)
	if err == nil && scenario.needsAdmin && given["adminKey"] == "" {
		fmt.Printf("skipped %s: it needs -admin-key\n", name)
		return true
	}
	if err == nil {
		err = scenario.run()
	}
	if err != nil {
		fmt.Printf("FAILED  %s: %v\n", name, err)
		return false
	}
	fmt.Printf("passed  %s: %s\n", name, scenario.About)
	return true
}

func fail(format string, arguments ...any) {
	fmt.Fprintf(os.Stderr, format+"\n", arguments...)
	os.Exit(2)
}
