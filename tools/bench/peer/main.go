// The two ends of a benchmark, in one small program: an upstream that answers like a model's server, and the load
// that asks it. It does as little as it can, so that what stands between the two is what is measured.
//
//	peer upstream PORT
//	peer load URL BODY_FILE CONNECTIONS MS PAUSE_US
//	peer streams URL BODY_FILE STREAMS EVENTS INTERVAL_US
//	peer engine PORT MS|FILE
//	peer hold URL BODY_FILE COUNT
//
// `load`, `streams` and `hold` tell one line of JSON. Both ends read one clock, that of the machine.
package main

import (
	"fmt"
	"os"
	"strconv"
)

const usage = "peer upstream PORT | load URL BODY_FILE CONNECTIONS MS PAUSE_US | streams URL BODY_FILE STREAMS EVENTS INTERVAL_US | engine PORT MS|FILE | hold URL BODY_FILE COUNT"

func main() {
	if len(os.Args) < 3 {
		fail(usage)
	}
	switch os.Args[1] {
	case "upstream":
		serve(os.Args[2])
	case "load":
		load(os.Args[2], os.Args[3], number(4), number(5), number(6))
	case "streams":
		streams(os.Args[2], os.Args[3], number(4), number(5), number(6))
	case "engine":
		engine(os.Args[2], os.Args[3])
	case "hold":
		hold(os.Args[2], os.Args[3], number(4))
	default:
		fail("no such part: " + os.Args[1])
	}
}

func number(at int) int {
	if at >= len(os.Args) {
		fail(usage)
	}
	n, err := strconv.Atoi(os.Args[at])
	if err != nil {
		fail(err.Error())
	}
	return n
}

func fail(why string) {
	fmt.Fprintln(os.Stderr, why)
	os.Exit(1)
}
